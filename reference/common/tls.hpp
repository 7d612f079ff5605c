#pragma once

#include "certificate.hpp"
#include "openssl_pointers.hpp"

#include <array>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

/// A server's half of TLS 1.3: a certificate and the application protocols, best first.
///
/// The server chooses by its own order among what the client offers; a client that offers none of
/// them is refused (no_application_protocol). Immutable: to change the certificate, make a new one
/// and give it to the endpoints, where new connections use it and old ones keep theirs.
class tls_server {
public:
    [[nodiscard]] static std::expected<std::shared_ptr<const tls_server>, std::string>
    make(const certificate& identity, const std::vector<std::string>& protocols);

    [[nodiscard]] SSL_CTX* context() const noexcept { return context_.get(); }

private:
    tls_server() = default;
    static int choose(SSL*, const unsigned char** out, unsigned char* out_size,
                      const unsigned char* offer, unsigned int offer_size, void* self);

    std::string protocols_; // as TLS writes them: each with its length in front
    ssl_context_pointer context_;
};

/// Whom a client believes.
struct tls_trust {
    enum class mode : std::uint8_t {
        authorities, ///< the system's certificate authorities, or those in `authorities_file`
        pinned,      ///< a leaf whose SHA-256 is among `pins`, whatever its names and dates
        anyone,      ///< no check at all
    };
    mode how = mode::authorities;
    std::vector<std::array<std::byte, 32>> pins;
    std::filesystem::path authorities_file; ///< empty: the system's
};

/// A client's half of TLS 1.3.
class tls_client {
public:
    [[nodiscard]] static std::expected<std::shared_ptr<const tls_client>, std::string>
    make(tls_trust trust);

    [[nodiscard]] SSL_CTX* context() const noexcept { return context_.get(); }
    /// Sets offer, server name and the name that the certificate must bear.
    [[nodiscard]] bool prepare(SSL* session, std::string_view host,
                               const std::vector<std::string>& protocols) const;

private:
    tls_client() = default;
    static int verify_pin(X509_STORE_CTX* store, void* self);

    tls_trust trust_;
    ssl_context_pointer context_;
};

/// The protocol that both agreed on, borrowed from `session`; empty when none.
[[nodiscard]] std::string_view negotiated_protocol(const SSL* session) noexcept;

} // namespace moqrtc::reference
