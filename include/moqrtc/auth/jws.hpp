#pragma once

#include <moqrtc/auth/jwk.hpp>
#include <moqrtc/core/base64.hpp>
#include <moqrtc/core/crypto.hpp>
#include <moqrtc/core/inline.hpp>
#include <moqrtc/json/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
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

#if MOQRTC_DEFINITIONS
namespace detail {

inline constexpr const char* jws_where = "JWS, RFC 7515";

} // namespace detail

MOQRTC_INLINE result<std::vector<std::byte>> decode_base64url(std::string_view text,
                                                              std::size_t most, const char* field) {
    if (text.size() / 4 > most / 3 + 1) return fail(errc::limit, field, 0, detail::jws_where);
    const bool padded = text.find('=') != std::string_view::npos;
    auto out = padded ? result<std::vector<std::byte>>{fail(errc::bad_value, field)}
                      : base64_decode(text, base64_alphabet::url);
    if (!out) return fail(errc::malformed_value, field, out.error().offset, detail::jws_where);
    if (out->size() > most) return fail(errc::limit, field, 0, detail::jws_where);
    return out;
}

MOQRTC_INLINE result<jws> read_jws(std::string_view token, const token_limits& bounds) {
    using detail::jws_where;
    if (token.size() > bounds.token) return fail(errc::limit, "token", 0, jws_where);
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
        return fail(errc::malformed_value, "token", 0, jws_where);

    jws out;
    auto header = decode_base64url(token.substr(0, first), bounds.header, "header");
    if (!header) return std::unexpected(header.error());
    const auto parsed = read_json(*header, {bounds.header, bounds.depth, bounds.values});
    if (!parsed) return std::unexpected(parsed.error());
    if (!parsed->is_object()) return fail(errc::bad_value, "header", 0, jws_where);
    const auto* algorithm = detail::text_member(*parsed, "alg");
    if (algorithm == nullptr) return fail(errc::bad_value, "alg", 0, jws_where);
    // No extension is understood, so none may be critical (RFC 7515 section 4.1.11, RFC 7797).
    if (parsed->contains("crit")) return fail(errc::unsupported, "crit", 0, jws_where);
    if (parsed->contains("b64")) return fail(errc::unsupported, "b64", 0, jws_where);
    const auto named = algorithm_named(*algorithm);
    if (!named) return fail(errc::unsupported, "alg", 0, jws_where);
    out.algorithm = *named;
    for (const auto& [name, place] : {std::pair{"kid", &out.key_id}, {"typ", &out.type}}) {
        if (!parsed->contains(name)) continue;
        const auto* text = detail::text_member(*parsed, name);
        if (text == nullptr) return fail(errc::bad_value, name, 0, jws_where);
        if (text->size() > bounds.text) return fail(errc::limit, name, 0, jws_where);
        *place = *text;
    }
    auto payload =
        decode_base64url(token.substr(first + 1, second - first - 1), bounds.payload, "payload");
    if (!payload) return std::unexpected(payload.error());
    auto signature = decode_base64url(token.substr(second + 1), bounds.signature, "signature");
    if (!signature) return std::unexpected(signature.error());
    out.header = std::move(*header);
    out.payload = std::move(*payload);
    out.signature = std::move(*signature);
    out.signed_part = as_bytes(token.substr(0, second));
    return out;
}

MOQRTC_INLINE result<std::string> write_jws(crypto_provider& crypto, const crypto_key& key,
                                            signature_algorithm algorithm, std::string_view key_id,
                                            bytes payload, std::string_view type) {
    auto header = json_document::object();
    header["alg"] = to_string(algorithm);
    if (!key_id.empty()) header["kid"] = key_id;
    if (!type.empty()) header["typ"] = type;
    auto out = base64_encode(as_bytes(detail::dump(header)), base64_alphabet::url);
    out += '.';
    out += base64_encode(payload, base64_alphabet::url);
    const auto signature = crypto.sign(key, algorithm, as_bytes(out));
    if (!signature) return std::unexpected(signature.error());
    out += '.';
    out += base64_encode(*signature, base64_alphabet::url);
    return out;
}
#endif

} // namespace moqrtc::auth
