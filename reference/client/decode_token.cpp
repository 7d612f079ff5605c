#include "decode.hpp"

#include <moqrtc/auth/cat.hpp>
#include <moqrtc/auth/jws.hpp>
#include <moqrtc/catalog/locate.hpp>
#include <moqrtc/core/hex.hpp>

#include <nlohmann/json.hpp>

namespace moqrtc::reference {

namespace {

/// Members of one encoded part; offsets are those of the part, which base64url spreads by 4 to 3.
void show_part(std::string_view name, std::size_t offset, bytes decoded, field_lines& out) {
    out.add(offset, name, std::to_string(decoded.size()) + " bytes");
    out.indent();
    const auto text = as_text(decoded);
    const auto root = nlohmann::ordered_json::parse(text, nullptr, false);
    if (root.is_object()) {
        for (const auto& [key, value] : root.items())
            out.add(offset + catalog::locate(text, {std::string_view{key}}) * 4 / 3, key,
                    value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    } else {
        out.data(offset, "bytes", decoded);
    }
    out.outdent();
}

void show_scope(std::size_t offset, const auth::scope& one, field_lines& out) {
    std::string text;
    for (std::size_t i = 0; i < auth::action_count; ++i)
        if (one.actions.contains(static_cast<auth::action>(i)))
            text.append(text.empty() ? "" : " ").append(to_string(static_cast<auth::action>(i)));
    const auto add = [&text](const auth::name_match& match) {
        constexpr const char* kinds[] = {" exact ", " prefix ", " suffix "};
        text += kinds[static_cast<std::size_t>(match.how)];
        string_sink{text, 48}.data(as_bytes(match.value));
    };
    for (const auto& field : one.fields)
        add(field);
    if (one.whole) text += " end";
    if (one.track) {
        text += " track";
        add(*one.track);
    }
    out.add(offset, "moqt scope", text);
}

} // namespace

result<void> decode_jwt(bytes in, field_lines& out) {
    const auto token = as_text(in);
    const auto parsed = auth::read_jws(token);
    if (!parsed) return std::unexpected(parsed.error());
    const auto first = token.find('.');
    show_part("header", 0, parsed->header, out);
    show_part("payload", first + 1, parsed->payload, out);
    out.data(parsed->signed_part.size() + 1, "signature", parsed->signature);
    return {};
}

result<void> decode_cat(bytes in, field_lines& out) {
    const auto parsed = auth::read_cose(in);
    if (!parsed) return std::unexpected(parsed.error());
    out.add(0, "alg", to_string(parsed->algorithm));
    if (!parsed->key_id.empty()) out.data(0, "kid", as_bytes(parsed->key_id));
    const auto claims = auth::read_cat_claims(parsed->payload);
    if (!claims) return std::unexpected(claims.error());
    const auto text = [&out](std::string_view name, const std::optional<std::string>& value) {
        if (value) out.data(0, name, as_bytes(*value));
    };
    const auto time = [&out](std::string_view name, const std::optional<auth::unix_time>& value) {
        if (value) out.number(0, name, static_cast<std::uint64_t>(value->seconds));
    };
    text("iss", claims->issuer);
    text("sub", claims->subject);
    for (const auto& one : claims->audience)
        text("aud", one);
    time("exp", claims->expires);
    time("nbf", claims->not_before);
    time("iat", claims->issued);
    if (!claims->token_id.empty()) out.data(0, "cti", claims->token_id);
    for (const auto& one : claims->scopes)
        show_scope(0, one, out);
    for (const auto label : claims->restrictions)
        out.number(0, "claim that narrows", static_cast<std::uint64_t>(label));
    out.data(0, "signature", parsed->signature);
    return {};
}

} // namespace moqrtc::reference
