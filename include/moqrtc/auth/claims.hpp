#pragma once

#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/jws.hpp>
#include <moqrtc/core/inline.hpp>
#include <moqrtc/json/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::auth {

/// The claims of a JWT that we know; the rest is ignored, as RFC 7519 section 4 asks.
///
/// Spec    RFC 7519 section 4.1 for the registered ones. The others keep the names of the profile
///         that they are of: snake_case in call tokens, camelCase in signaling tokens.
/// Units   times in seconds; a fraction is cut off.
struct claims {
    std::optional<std::string> issuer{};   ///< `iss`
    std::optional<std::string> subject{};  ///< `sub`
    std::vector<std::string> audience{};   ///< `aud`, one text or several
    std::optional<unix_time> expires{};    ///< `exp`
    std::optional<unix_time> not_before{}; ///< `nbf`
    std::optional<unix_time> issued{};     ///< `iat`
    std::optional<std::string> token_id{}; ///< `jti`
    std::optional<std::string> key_id{};   ///< `kid`, where a signaling token has it here
    std::optional<std::string> call_id{};  ///< call token
    std::optional<std::string> user_id{};  ///< call token
    std::optional<std::string> role{};     ///< call token
    std::optional<std::vector<std::string>> transport{}; ///< call token
    std::optional<std::string> pair_id{};                ///< `pairId`, signaling token
    std::optional<std::string> account_id{};             ///< `accountId`, signaling token
    std::optional<std::string> device_id{};              ///< `deviceId`, signaling token
    std::optional<std::string> organisation{};           ///< `org`, playback token
    std::optional<std::string> resource{};               ///< `id`, playback token
    std::vector<std::string> capabilities{};             ///< `cap`
};

/// Reads the claims of a JWT.
///
/// Errors  what JSON's reader says; bad_value with the claim as field: not an object, a claim of
///         another type than its own, a time that is no number or out of range; limit.
[[nodiscard]] result<claims> read_claims(bytes payload, const token_limits& bounds = {});
/// The claims as JSON; what is not there is left out.
[[nodiscard]] std::string write_claims(const claims& all);

#if MOQRTC_DEFINITIONS
namespace detail {

inline constexpr const char* jwt_where = "JWT, RFC 7519";

/// Reads claims of one object; after the first that is wrong nothing is read any more.
class claims_reader {
public:
    claims_reader(const json_document& from, const token_limits& bounds) noexcept
        : from_{&from}, bounds_{&bounds} {}

    [[nodiscard]] const error& failure() const noexcept { return failure_; }
    [[nodiscard]] bool ok() const noexcept { return failure_.code == errc::ok; }

    void text(const char* name, std::optional<std::string>& out) {
        if (const auto* found = member(name)) out = text_of(*found, name);
    }
    void texts(const char* name, std::vector<std::string>& out) {
        const auto* found = member(name);
        if (found == nullptr) return;
        if (!found->is_array()) return reject(errc::bad_value, name);
        for (const auto& one : *found)
            out.push_back(text_of(one, name));
    }
    /// One text, or several (RFC 7519 section 4.1.3).
    void text_or_texts(const char* name, std::vector<std::string>& out) {
        const auto* found = member(name);
        if (found != nullptr && found->is_string())
            out.push_back(text_of(*found, name));
        else
            texts(name, out);
    }
    /// NumericDate (RFC 7519 section 2).
    void time(const char* name, std::optional<unix_time>& out) {
        const auto* found = member(name);
        if (found == nullptr) return;
        constexpr double most = 9007199254740992.0; // from here on a double is no exact number
        if (!found->is_number()) return reject(errc::bad_value, name);
        const auto value = found->template get<double>();
        if (!(value >= 0 && value < most)) return reject(errc::bad_value, name);
        out = unix_time{static_cast<std::int64_t>(value)};
    }
    [[nodiscard]] const json_document* member(const char* name) const {
        if (!ok()) return nullptr;
        const auto found = from_->find(name);
        return found == from_->end() ? nullptr : &*found;
    }

private:
    void reject(errc code, const char* name) noexcept {
        if (ok()) failure_ = {code, 0, name, jwt_where};
    }
    [[nodiscard]] std::string text_of(const json_document& value, const char* name) {
        const auto* text = value.template get_ptr<const std::string*>();
        if (text == nullptr) {
            reject(errc::bad_value, name);
            return {};
        }
        if (text->size() > bounds_->text) {
            reject(errc::limit, name);
            return {};
        }
        return *text;
    }

    const json_document* from_;
    const token_limits* bounds_;
    error failure_{};
};

} // namespace detail

MOQRTC_INLINE result<claims> read_claims(bytes payload, const token_limits& bounds) {
    const auto parsed = read_json(payload, {bounds.payload, bounds.depth, bounds.values});
    if (!parsed) return std::unexpected(parsed.error());
    if (!parsed->is_object()) return fail(errc::bad_value, "claims", 0, detail::jwt_where);
    claims out;
    detail::claims_reader read{*parsed, bounds};
    read.text("iss", out.issuer);
    read.text("sub", out.subject);
    read.text_or_texts("aud", out.audience);
    read.time("exp", out.expires);
    read.time("nbf", out.not_before);
    read.time("iat", out.issued);
    read.text("jti", out.token_id);
    read.text("kid", out.key_id);
    read.text("call_id", out.call_id);
    read.text("user_id", out.user_id);
    read.text("role", out.role);
    if (read.member("transport") != nullptr) read.texts("transport", out.transport.emplace());
    read.text("pairId", out.pair_id);
    read.text("accountId", out.account_id);
    read.text("deviceId", out.device_id);
    read.text("org", out.organisation);
    read.text("id", out.resource);
    read.texts("cap", out.capabilities);
    if (!read.ok()) return std::unexpected(read.failure());
    return out;
}

MOQRTC_INLINE std::string write_claims(const claims& all) {
    auto out = json_document::object();
    const auto text = [&out](const char* name, const std::optional<std::string>& value) {
        if (value) out[name] = *value;
    };
    const auto time = [&out](const char* name, const std::optional<unix_time>& value) {
        if (value) out[name] = value->seconds;
    };
    text("iss", all.issuer);
    text("sub", all.subject);
    if (all.audience.size() == 1)
        out["aud"] = all.audience.front();
    else if (!all.audience.empty())
        out["aud"] = all.audience;
    time("exp", all.expires);
    time("nbf", all.not_before);
    time("iat", all.issued);
    text("jti", all.token_id);
    text("kid", all.key_id);
    text("call_id", all.call_id);
    text("user_id", all.user_id);
    text("role", all.role);
    if (all.transport) out["transport"] = *all.transport;
    text("pairId", all.pair_id);
    text("accountId", all.account_id);
    text("deviceId", all.device_id);
    text("org", all.organisation);
    text("id", all.resource);
    if (!all.capabilities.empty()) out["cap"] = all.capabilities;
    return detail::dump(out);
}
#endif

} // namespace moqrtc::auth
