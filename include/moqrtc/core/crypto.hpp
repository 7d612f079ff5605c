#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc {

/// How something is signed, or authenticated with a shared secret.
///
/// Spec    RFC 7518 section 3.1, RFC 8037 section 3.1 (`eddsa` is Ed25519).
enum class signature_algorithm : std::uint8_t { eddsa, es256, rs256, hs256, hs384, hs512 };

/// The name that JOSE gives an algorithm.
[[nodiscard]] constexpr std::string_view to_string(signature_algorithm algorithm) noexcept {
    constexpr std::string_view names[] = {"EdDSA", "ES256", "RS256", "HS256", "HS384", "HS512"};
    return names[static_cast<std::size_t>(algorithm)];
}

/// What a key is made of.
enum class key_kind : std::uint8_t { ed25519, p256, rsa, secret };

/// Which kind of key an algorithm works with: the guard against key confusion.
[[nodiscard]] constexpr key_kind kind_for(signature_algorithm algorithm) noexcept {
    switch (algorithm) {
    case signature_algorithm::eddsa:
        return key_kind::ed25519;
    case signature_algorithm::es256:
        return key_kind::p256;
    case signature_algorithm::rs256:
        return key_kind::rsa;
    case signature_algorithm::hs256:
    case signature_algorithm::hs384:
    case signature_algorithm::hs512:
        break;
    }
    return key_kind::secret;
}

/// Overwrites memory in a way that the compiler keeps.
inline void wipe(mutable_bytes data) noexcept {
    for (auto& one : data)
        *const_cast<volatile std::byte*>(&one) = std::byte{0};
}

/// Whether both hold the same bytes, in a time that depends on the lengths alone.
[[nodiscard]] inline bool equal_in_constant_time(bytes a, bytes b) noexcept {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        difference |= static_cast<unsigned>(byte_at(a, i) ^ byte_at(b, i));
    return *const_cast<volatile unsigned*>(&difference) == 0;
}

/// Bytes that are overwritten before their memory is given back.
class secret_bytes {
public:
    secret_bytes() = default;
    explicit secret_bytes(bytes from) : data_(from.begin(), from.end()) {}
    explicit secret_bytes(std::size_t size) : data_(size) {}
    explicit secret_bytes(std::vector<std::byte>&& from) noexcept : data_{std::move(from)} {}
    secret_bytes(const secret_bytes&) = default;
    secret_bytes(secret_bytes&& other) noexcept : data_{std::move(other.data_)} {}
    secret_bytes& operator=(secret_bytes other) noexcept {
        data_.swap(other.data_);
        return *this;
    }
    ~secret_bytes() { wipe(data_); }

    [[nodiscard]] bytes view() const noexcept { return data_; }
    [[nodiscard]] mutable_bytes writable() noexcept { return data_; }
    [[nodiscard]] bool empty() const noexcept { return data_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return data_.size(); }

private:
    std::vector<std::byte> data_;
};

/// A key as numbers, big-endian without sign, the way a JWK or a COSE_Key has them.
///
/// Spec    RFC 7518 section 6, RFC 8037 section 2.
/// Fields  `ed25519`: x (32 bytes), private d (the seed, 32). `p256`: x, y (32 each), private d
///         (32). `rsa`: n, e, private d with p, q, dp, dq, qi. `secret`: d. A public key has no d.
struct key_numbers {
    key_kind kind = key_kind::secret;
    std::vector<std::byte> x{};
    std::vector<std::byte> y{};
    std::vector<std::byte> n{};
    std::vector<std::byte> e{};
    secret_bytes d{};
    secret_bytes p{};
    secret_bytes q{};
    secret_bytes dp{};
    secret_bytes dq{};
    secret_bytes qi{};

    [[nodiscard]] bool is_private() const noexcept { return !d.empty(); }
};

/// A key that a provider has taken in: parsed once, never changed, usable on any thread.
class crypto_key {
public:
    virtual ~crypto_key() = default;
    [[nodiscard]] virtual key_kind kind() const noexcept = 0;
    /// Whether it can sign; a shared secret can.
    [[nodiscard]] virtual bool is_private() const noexcept = 0;

protected:
    crypto_key() = default;
    crypto_key(const crypto_key&) = delete;
    crypto_key& operator=(const crypto_key&) = delete;
};

/// SHA-256 of something.
using sha256_digest = std::array<std::byte, 32>;

/// Where cryptography comes from. `moqrtc/crypto/openssl.hpp` is the one that is shipped.
///
/// An object belongs to one thread, for it keeps its working memory; the keys that it imports may
/// be used with any other object of the same class, on any thread.
class crypto_provider {
public:
    virtual ~crypto_provider() = default;

    [[nodiscard]] virtual sha256_digest sha256(bytes data) = 0;
    /// HMAC-SHA-256. Spec: RFC 2104.
    [[nodiscard]] virtual sha256_digest hmac_sha256(bytes key, bytes data) = 0;
    /// Fills `out` with bytes nobody can guess. Errors: unsupported, where there is no source.
    [[nodiscard]] virtual result<void> random(mutable_bytes out) = 0;

    /// Takes a key in. Errors: bad_value (no such key, or d does not fit the public part),
    /// unsupported (kind, or an RSA key of fewer than 2048 bits), limit.
    [[nodiscard]] virtual result<std::shared_ptr<const crypto_key>>
    import_key(const key_numbers& numbers) = 0;
    /// A new key pair, or secret of 32 bytes. Errors: unsupported.
    [[nodiscard]] virtual result<key_numbers> generate(key_kind kind) = 0;

    /// The signature over `message` in the form JOSE and COSE write: Ed25519 64 bytes, ES256 r and
    /// s of 32 bytes each, RS256 as long as the modulus, HMAC whole. Errors: bad_state (the key has
    /// no private part, or is of another kind than the algorithm's), unsupported.
    [[nodiscard]] virtual result<std::vector<std::byte>>
    sign(const crypto_key& key, signature_algorithm algorithm, bytes message) = 0;
    /// Whether `signature` is `key`'s over `message`; false too where the key's kind is not the
    /// algorithm's. A shared secret's is compared in constant time.
    [[nodiscard]] virtual bool verify(const crypto_key& key, signature_algorithm algorithm,
                                      bytes message, bytes signature) = 0;
};

} // namespace moqrtc
