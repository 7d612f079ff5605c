#pragma once

#include <moqrtc/auth/scope.hpp>
#include <moqrtc/core/crypto.hpp>
#include <moqrtc/core/error.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::auth {

/// The algorithms that a key may be used with.
using algorithm_set = enum_set<signature_algorithm>;

/// The name JOSE gives an algorithm: "EdDSA", "ES256", "RS256", "HS256", ...
[[nodiscard]] std::string_view to_string(signature_algorithm algorithm) noexcept;
/// The algorithm of a JOSE name; nothing for `none` and for what we do not do.
[[nodiscard]] std::optional<signature_algorithm> algorithm_named(std::string_view name) noexcept;
/// Everything that goes with a kind of key: HS256, HS384 and HS512 with a secret, else one.
[[nodiscard]] algorithm_set algorithms_for(key_kind kind) noexcept;

/// A JSON Web Key.
///
/// Spec    RFC 7517, RFC 7518 section 6, RFC 8037 section 2.
/// Fields  `algorithms` is `alg` where it stands, else all that go with the kind.
struct jwk {
    std::string id{}; ///< `kid`; empty where there is none
    algorithm_set algorithms{};
    key_numbers numbers{};
};

/// What a key or set of keys may cost its reader. Units: `size` in bytes.
struct jwk_limits {
    std::size_t size = 64 << 10;
    std::size_t keys = 64;
    std::size_t id = 128;
};

/// Reads one key, public or private.
///
/// Errors  what JSON's reader says; limit; bad_value with the member as field: a number that is
///         missing, of the wrong length or not in base64url, an `alg` that does not go with `kty`,
///         `use` or `key_ops` that are not for signatures; unsupported: `kty` or `crv`.
[[nodiscard]] result<jwk> read_jwk(std::string_view text, const jwk_limits& bounds = {});

/// Reads a set, leaving out what it does not understand, as RFC 7517 section 5 asks.
///
/// Errors  as `read_jwk` for JSON and limits; duplicate: two keys of one name.
[[nodiscard]] result<std::vector<jwk>> read_jwks(std::string_view text,
                                                 const jwk_limits& bounds = {});

enum class key_part : std::uint8_t { public_part, private_part };

/// Writes one key; a shared secret has no public part: of it only the name is written then.
[[nodiscard]] std::string write_jwk(const jwk& key, key_part part);
/// Writes the public parts as a set: what a JWKS endpoint serves. Leaves shared secrets out.
[[nodiscard]] std::string write_jwks(const std::vector<jwk>& keys);

/// SHA-256 over the key's required members: its name where nobody gave it one.
///
/// Spec    RFC 7638.
[[nodiscard]] sha256_digest thumbprint(crypto_provider& crypto, const key_numbers& numbers);
/// A thumbprint as text: base64url.
[[nodiscard]] std::string thumbprint_text(const sha256_digest& digest);

/// A new key, named by its thumbprint (a secret: by random bytes).
[[nodiscard]] result<jwk> generate_jwk(crypto_provider& crypto, signature_algorithm algorithm);

} // namespace moqrtc::auth
