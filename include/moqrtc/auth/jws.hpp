#pragma once

#include <moqrtc/auth/jwk.hpp>
#include <moqrtc/core/crypto.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::auth {

/// What one token may cost before its signature is known to be good. Units: bytes.
struct token_limits {
    std::size_t token = 8 << 10;
    std::size_t header = 1 << 10;
    std::size_t payload = 4 << 10;
    std::size_t signature = 1 << 10; ///< RSA of 8192 bits
    std::size_t depth = 6;
    std::size_t values = 256;
    std::size_t text = 512; ///< of one claim
};

/// A compact JWS taken apart; nothing in it is believed yet.
///
/// Spec    RFC 7515 sections 3.1 and 4.
/// Fields  `algorithm` is the one that `alg` names. `type` is `typ`.
/// Borrows `signed_part` (both encoded parts and the dot between them).
struct jws {
    signature_algorithm algorithm{};
    std::string key_id{};
    std::string type{};
    std::vector<std::byte> header{};
    std::vector<std::byte> payload{};
    std::vector<std::byte> signature{};
    bytes signed_part{};
};

/// Takes a compact JWS apart.
///
/// Errors  limit (before anything is decoded), malformed_value: not three parts, base64url that is
///         padded or not the only spelling; what JSON's reader says, duplicate members included;
///         unsupported with field "crit": an extension that must be understood, or "b64";
///         unsupported with field "alg": `none` or one that we do not do.
[[nodiscard]] result<jws> read_jws(std::string_view token, const token_limits& bounds = {});

/// Signs `payload`. `kid` is left out where it is empty.
///
/// Errors  bad_state: the key can't sign, or not with that algorithm.
[[nodiscard]] result<std::string> write_jws(crypto_provider& crypto, const crypto_key& key,
                                            signature_algorithm algorithm, std::string_view key_id,
                                            bytes payload, std::string_view type = "JWT");

/// Strict base64url: no padding, no second spelling. Errors: malformed_value, limit.
[[nodiscard]] result<std::vector<std::byte>> decode_base64url(std::string_view text,
                                                              std::size_t most, const char* field);

} // namespace moqrtc::auth
