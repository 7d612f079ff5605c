#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

/// A certificate chain with its key, and what clients want to know about the leaf.
struct certificate {
    std::string chain_pem;
    std::string key_pem;
    std::string sha256; ///< of the leaf's DER, 64 lower-case hexadecimal digits
    std::chrono::system_clock::time_point not_before;
    std::chrono::system_clock::time_point not_after;
    std::vector<std::string> names; ///< host names that it is valid for
    /// Why browsers do not take its hash in `serverCertificateHashes`; empty: they do.
    std::string hash_problem;
};

/// How long a certificate that we make is valid, and how far its beginning lies in the past for
/// peers with a slow clock. Browsers accept a hash only for at most 14 days of validity.
inline constexpr std::chrono::hours certificate_lifetime{10 * 24};
inline constexpr std::chrono::hours certificate_backdating{1};

/// A self-signed ECDSA P-256 certificate for localhost, 127.0.0.1, ::1 and `hosts` (names or
/// numeric addresses).
[[nodiscard]] std::expected<certificate, std::string>
make_certificate(std::span<const std::string> hosts, std::chrono::system_clock::time_point now);

/// Checks that both are PEM, that the key fits the leaf, and reads the leaf's dates.
[[nodiscard]] std::expected<certificate, std::string> parse_certificate(std::string chain_pem,
                                                                        std::string key_pem);

/// What the user gave as files.
[[nodiscard]] std::expected<certificate, std::string>
load_certificate(const std::filesystem::path& chain, const std::filesystem::path& key);

/// 64 hexadecimal digits, colons and case ignored, as the bytes of a SHA-256.
[[nodiscard]] std::optional<std::array<std::byte, 32>> parse_sha256(std::string_view text);

/// The certificates that a server makes for itself, kept in a directory.
///
/// There is a current one and, in its last days, the next one, whose hash clients can learn before
/// it is used; so a page that pinned yesterday's list still connects today.
class certificate_store {
public:
    /// The next certificate is made this long before the current one ends, and takes over when
    /// `takeover` is left.
    static constexpr std::chrono::hours preparation{3 * 24};
    static constexpr std::chrono::hours takeover{24};

    [[nodiscard]] static std::expected<certificate_store, std::string>
    open(std::filesystem::path directory, std::vector<std::string> hosts,
         std::chrono::system_clock::time_point now);

    [[nodiscard]] const certificate& current() const noexcept { return current_; }
    [[nodiscard]] const std::optional<certificate>& next() const noexcept { return next_; }
    /// Renews what is due; true when `current` changed. Call it every hour or so.
    [[nodiscard]] std::expected<bool, std::string>
    refresh(std::chrono::system_clock::time_point now);

private:
    certificate_store() = default;
    [[nodiscard]] std::optional<certificate> read(const char* name) const;
    [[nodiscard]] std::expected<certificate, std::string>
    make(const char* name, std::chrono::system_clock::time_point now) const;

    std::filesystem::path directory_;
    std::vector<std::string> hosts_;
    certificate current_;
    std::optional<certificate> next_;
};

} // namespace moqrtc::reference
