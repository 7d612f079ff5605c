#pragma once

#include <moqrtc/core/bytes.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace moqrtc::auth {

/// How a token is written.
enum class token_form : std::uint8_t {
    jwt, ///< compact JWS, RFC 7515
    cat, ///< Common Access Token: CBOR with COSE, or the same in three parts of base64url
};

/// Token types of an AUTHORIZATION_TOKEN, as they are registered. Spec: moq-transport, anchor
/// `authorization-token`; draft-ietf-moq-c4m, "MOQT Auth Token Type Registry".
inline constexpr std::uint64_t token_type_out_of_band = 0;
inline constexpr std::uint64_t token_type_cat = 1;

/// What a token looks like: a JWS begins with the base64url of `{"`, a CAT in text with that of a
/// small CBOR map, a CAT in bytes with a map, array or tag. Nothing: none of them.
[[nodiscard]] constexpr std::optional<token_form> form_of(bytes token) noexcept {
    if (token.empty()) return std::nullopt;
    const auto first = byte_at(token, 0);
    if (first >= 0x80) return token_form::cat; // CBOR: array, map or tag; never a letter
    if (first == 'e') return token_form::jwt;  // 0x7b, an opening brace, and more
    if (first == 'o' || first == 'p') return token_form::cat; // 0xa0 to 0xa7: a map
    return std::nullopt;
}

/// How a token of that type is written: what the type says, and for tokens agreed out of band what
/// they look like. Nothing: a type that we do not know, or bytes that are no token.
[[nodiscard]] constexpr std::optional<token_form> form_of(std::uint64_t token_type,
                                                          bytes token) noexcept {
    if (token_type == token_type_cat) return token_form::cat;
    if (token_type == token_type_out_of_band) return form_of(token);
    return std::nullopt;
}

} // namespace moqrtc::auth
