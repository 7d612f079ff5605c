#pragma once

#include <moqrtc/core/crypto.hpp>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace moqrtc {

/// What `openssl_crypto` is made of; not for use from outside.
namespace ossl {

template <auto Free>
struct deleter {
    void operator()(auto* one) const noexcept { Free(one); }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, deleter<Free>>;

using pkey = owned<EVP_PKEY, EVP_PKEY_free>;
using pkey_context = owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using digest = owned<EVP_MD, EVP_MD_free>;
using digest_context = owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using mac = owned<EVP_MAC, EVP_MAC_free>;
using mac_context = owned<EVP_MAC_CTX, EVP_MAC_CTX_free>;
using number = owned<BIGNUM, BN_clear_free>;
using signature = owned<ECDSA_SIG, ECDSA_SIG_free>;
using builder = owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using parameters = owned<OSSL_PARAM, OSSL_PARAM_free>;

[[nodiscard]] inline const unsigned char* raw(bytes data) noexcept {
    return reinterpret_cast<const unsigned char*>(data.data());
}
[[nodiscard]] inline unsigned char* raw(mutable_bytes data) noexcept {
    return reinterpret_cast<unsigned char*>(data.data());
}
[[nodiscard]] inline number to_number(bytes data) {
    return number{BN_bin2bn(raw(data), static_cast<int>(data.size()), nullptr)};
}
/// A number of a key as bytes, `width` wide, or as many as it needs.
[[nodiscard]] inline std::vector<std::byte> read_number(const EVP_PKEY* key, const char* name,
                                                        int width = 0) {
    BIGNUM* found = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &found) != 1) return {};
    const number value{found};
    std::vector<std::byte> out(
        static_cast<std::size_t>(width != 0 ? width : BN_num_bytes(value.get())));
    if (BN_bn2binpad(value.get(), raw(mutable_bytes{out}), static_cast<int>(out.size())) < 0)
        return {};
    return out;
}

inline constexpr std::size_t coordinate = 32;     ///< of P-256
inline constexpr std::size_t ed25519_key = 32;    ///< RFC 8032 section 5.1.5
inline constexpr std::size_t least_modulus = 256; ///< RFC 7518 section 3.3
inline constexpr std::size_t most_modulus = 1024;
inline constexpr std::size_t most_exponent = 8; ///< bounds what a verification costs
inline constexpr std::size_t least_secret = 32; ///< RFC 7518 section 3.2, for HS256
inline constexpr std::size_t most_secret = 1024;

class key final : public crypto_key {
public:
    key(key_kind kind, bool is_private, pkey handle, secret_bytes secret = {}) noexcept
        : kind_{kind},
          private_{is_private},
          handle_{std::move(handle)},
          secret_{std::move(secret)} {}
    [[nodiscard]] key_kind kind() const noexcept override { return kind_; }
    [[nodiscard]] bool is_private() const noexcept override { return private_; }
    /// OpenSSL's functions take keys that they do not change without const.
    [[nodiscard]] EVP_PKEY* handle() const noexcept { return handle_.get(); }
    [[nodiscard]] bytes secret() const noexcept { return secret_.view(); }

private:
    key_kind kind_;
    bool private_;
    pkey handle_;
    secret_bytes secret_;
};

} // namespace ossl

} // namespace moqrtc
