#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <string>

namespace moqrtc::reference {

template <auto Free>
struct openssl_delete {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

using bio_pointer = std::unique_ptr<BIO, openssl_delete<BIO_free_all>>;
using bignum_pointer = std::unique_ptr<BIGNUM, openssl_delete<BN_free>>;
using pkey_pointer = std::unique_ptr<EVP_PKEY, openssl_delete<EVP_PKEY_free>>;
using ssl_context_pointer = std::unique_ptr<SSL_CTX, openssl_delete<SSL_CTX_free>>;
using ssl_pointer = std::unique_ptr<SSL, openssl_delete<SSL_free>>;
using x509_pointer = std::unique_ptr<X509, openssl_delete<X509_free>>;

/// The last thing that OpenSSL complained about on this thread; empties its list.
[[nodiscard]] inline std::string openssl_error() {
    const auto code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0) return "unknown error";
    std::array<char, 256> text{};
    ERR_error_string_n(code, text.data(), text.size());
    return text.data();
}

} // namespace moqrtc::reference
