#pragma once

#include <moqrtc/auth/claims.hpp>
#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/key_set.hpp>
#include <moqrtc/auth/refusal.hpp>
#include <moqrtc/core/base64.hpp>
#include <moqrtc/core/inline.hpp>
#include <moqrtc/core/utf8.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::auth {

/// How long the tokens of a profile may live. Units: seconds.
struct ttl_bounds {
    std::int64_t least = 0;
    std::int64_t most = 0;
    std::int64_t usual = 0; ///< where nobody says
};

inline constexpr ttl_bounds call_ttl{1, 120, 60};
inline constexpr ttl_bounds signaling_ttl{1, 300, 300};
inline constexpr ttl_bounds playback_ttl{30, 86'400, 3'600};

/// What to put into a call token.
struct call_token {
    std::string call_id{};
    std::string user_id{};
    role who = role::subscriber;
    transport_set transports{}; ///< named: an empty set is refused
    std::string organisation{};
    std::string token_id{}; ///< `jti`; made up where it is empty
};
/// What to put into a signaling token. `sub` is the device.
struct signaling_token {
    std::string account_id{};
    std::string device_id{};
    std::string pair_id{};
    std::string token_id{};
};
/// What to put into a playback token.
struct playback_token {
    std::string organisation{};
    std::string resource{}; ///< live input or asset
    std::string subject{};  ///< the viewer, where he has a name
    std::string token_id{};
    std::vector<std::string> capabilities{std::string{media_broadcast}};
};

/// What signs, and for whom.
struct minter {
    const crypto_key* key = nullptr; ///< outlives the call
    signature_algorithm algorithm = signature_algorithm::eddsa;
    std::string_view key_id{};
    std::string_view issuer{};   ///< `iss`; left out where it is empty
    std::string_view audience{}; ///< `aud`; likewise
};

/// A token, and how long it really lives. Units: `ttl` in seconds.
struct minted {
    std::string token{};
    std::string token_id{};
    unix_time expires{};
    std::int64_t ttl = 0;
};

/// Make a token that lives `ttl` seconds from `now` on, moved into the bounds of its profile.
///
/// Errors  bad_value with the field: something that the profile needs is empty; those of
///         `write_jws` and `crypto_provider::random`.
[[nodiscard]] result<minted> mint(crypto_provider& crypto, const minter& by, const call_token& what,
                                  unix_time now, std::optional<std::int64_t> ttl = {});
[[nodiscard]] result<minted> mint(crypto_provider& crypto, const minter& by,
                                  const signaling_token& what, unix_time now,
                                  std::optional<std::int64_t> ttl = {});
[[nodiscard]] result<minted> mint(crypto_provider& crypto, const minter& by,
                                  const playback_token& what, unix_time now,
                                  std::optional<std::int64_t> ttl = {});

/// What claims whose signature is good allow at `now`; everything but keys, audience and
/// revocation.
///
/// The profile is told by the claims: `call_id`, `pairId`, or `org` with `id`; two of them are
/// malformed. A call's media is below `call/<org>/<call_id>` (`-` where there is no organisation),
/// each publisher's below that and `<user_id>`; a broadcast is `stream/<org>/<id>`.
///
/// Fields  `speaks_for` is the organisation whose key signed; empty is the operator's.
/// Units   `leeway` in seconds: how far clocks may disagree.
/// Refuses malformed, expired, not_yet_valid, ttl_too_long, wrong_transport (none is named),
///         wrong_scope (an organisation that the key does not speak for).
[[nodiscard]] verdict<grant> to_grant(const claims& all, unix_time now,
                                      std::string_view speaks_for = {}, std::int64_t leeway = 0);

/// The scopes of each profile, for those who make grants in another way than by a token.
[[nodiscard]] std::vector<scope> call_scopes(std::string_view organisation,
                                             std::string_view call_id, std::string_view user_id,
                                             role who);
[[nodiscard]] std::vector<scope> playback_scopes(std::string_view organisation,
                                                 std::string_view resource);
[[nodiscard]] std::vector<scope> publish_scopes(std::string_view organisation,
                                                std::string_view input);

#if MOQRTC_DEFINITIONS
namespace detail {

inline constexpr std::size_t token_id_size = 16; ///< random bytes of a `jti`

[[nodiscard]] MOQRTC_INLINE std::vector<name_match>
exactly(std::initializer_list<std::string_view> fields) {
    std::vector<name_match> out;
    for (const auto one : fields)
        out.push_back({name_match::kind::exact, std::string{one}});
    return out;
}

/// Signs claims that say who and where, and lets them live as long as they may.
[[nodiscard]] MOQRTC_INLINE result<minted> finish(crypto_provider& crypto, const minter& by,
                                                  claims all, const std::string& token_id,
                                                  const ttl_bounds& bounds, unix_time now,
                                                  std::optional<std::int64_t> ttl) {
    constexpr const char* where = "token";
    for (const auto* text : {&all.subject, &all.user_id, &all.call_id, &all.pair_id,
                             &all.account_id, &all.device_id, &all.organisation, &all.resource})
        if (*text && ((*text)->size() > token_limits{}.text || !is_utf8(**text)))
            return fail(errc::bad_value, "claim", 0, where);
    if (by.key == nullptr) return fail(errc::bad_state, "key", 0, where);
    minted out;
    out.ttl = std::clamp(ttl.value_or(bounds.usual), bounds.least, bounds.most);
    out.expires = now + out.ttl;
    out.token_id = token_id;
    if (token_id.empty()) {
        std::array<std::byte, token_id_size> id{};
        if (const auto done = crypto.random(id); !done) return std::unexpected(done.error());
        out.token_id = base64_encode(id, base64_alphabet::url);
    }
    all.token_id = out.token_id;
    all.issued = now;
    all.expires = out.expires;
    if (!by.issuer.empty()) all.issuer = by.issuer;
    if (!by.audience.empty()) all.audience.emplace_back(by.audience);
    auto token = write_jws(crypto, *by.key, by.algorithm, by.key_id, as_bytes(write_claims(all)));
    if (!token) return std::unexpected(token.error());
    out.token = std::move(*token);
    return out;
}

/// The times of a token against those of its profile.
[[nodiscard]] MOQRTC_INLINE verdict<void> check_times(const claims& all, const ttl_bounds& bounds,
                                                      unix_time now, std::int64_t leeway) {
    if (!all.expires) return refuse(refusal_reason::malformed, "exp");
    if (now >= *all.expires + leeway) return refuse(refusal_reason::expired, "exp");
    if (all.not_before && *all.not_before > now + leeway)
        return refuse(refusal_reason::not_yet_valid, "nbf");
    if (all.issued && *all.issued > now + leeway)
        return refuse(refusal_reason::not_yet_valid, "iat");
    if (*all.expires - now > bounds.most + leeway ||
        (all.issued && *all.expires - *all.issued > bounds.most))
        return refuse(refusal_reason::ttl_too_long, "exp");
    return {};
}

[[nodiscard]] MOQRTC_INLINE verdict<void> call_grant(const claims& all, grant& out) {
    out.kind = profile::call;
    out.subject = *all.user_id;
    out.resource = *all.call_id;
    if (!all.role || (*all.role != "publisher" && *all.role != "subscriber"))
        return refuse(refusal_reason::malformed, "role");
    out.who = *all.role == "publisher" ? role::publisher : role::subscriber;
    out.transports = {};
    for (const auto& name : all.transport.value_or(std::vector<std::string>{}))
        for (const auto one : {transport::webrtc, transport::moq})
            if (to_string(one) == name) out.transports.insert(one);
    // Missing is refused and not "all": each path is opened on purpose.
    if (out.transports.empty()) return refuse(refusal_reason::wrong_transport, "transport");
    out.scopes = call_scopes(out.organisation, out.resource, out.subject, out.who);
    if (out.token_id.empty()) out.token_id = out.resource + '/' + out.subject + '/' + *all.role;
    return {};
}

[[nodiscard]] MOQRTC_INLINE verdict<void> signaling_grant(const claims& all, grant& out) {
    out.kind = profile::signaling;
    const auto& device = all.device_id ? all.device_id : all.subject;
    if (!device || device->empty()) return refuse(refusal_reason::malformed, "deviceId");
    if (all.subject && *all.subject != *device) return refuse(refusal_reason::malformed, "sub");
    if (!all.account_id || all.account_id->empty())
        return refuse(refusal_reason::malformed, "accountId");
    out.subject = out.device = *device;
    out.resource = *all.pair_id;
    out.scopes = {{{action::signal}, exactly({"pair", *all.account_id, *all.pair_id}), true, {}}};
    return {};
}

} // namespace detail

MOQRTC_INLINE std::vector<scope> call_scopes(std::string_view organisation,
                                             std::string_view call_id, std::string_view user_id,
                                             role who) {
    const auto owner = organisation.empty() ? std::string_view{"-"} : organisation;
    std::vector<scope> out{
        {{action::client_setup, action::server_setup, action::request_update,
          action::subscribe_namespace, action::subscribe_tracks, action::subscribe, action::fetch,
          action::track_status, action::whep, action::signal},
         detail::exactly({"call", owner, call_id}),
         false,
         {}}};
    if (who == role::publisher)
        out.push_back({{action::publish_namespace, action::publish, action::whip},
                       detail::exactly({"call", owner, call_id, user_id}),
                       false,
                       {}});
    return out;
}

MOQRTC_INLINE std::vector<scope> playback_scopes(std::string_view organisation,
                                                 std::string_view resource) {
    return {{{action::client_setup, action::server_setup, action::request_update,
              action::subscribe_namespace, action::subscribe_tracks, action::subscribe,
              action::fetch, action::track_status, action::whep, action::hls, action::vod},
             detail::exactly({"stream", organisation, resource}),
             true,
             {}}};
}

MOQRTC_INLINE std::vector<scope> publish_scopes(std::string_view organisation,
                                                std::string_view input) {
    return {{{action::client_setup, action::server_setup, action::request_update,
              action::publish_namespace, action::publish, action::track_status, action::whip,
              action::ingest, action::upload},
             detail::exactly({"stream", organisation, input}),
             true,
             {}}};
}

MOQRTC_INLINE verdict<grant> to_grant(const claims& all, unix_time now, std::string_view speaks_for,
                                      std::int64_t leeway) {
    const bool call = all.call_id.has_value();
    const bool signaling = all.pair_id.has_value();
    const bool playback = all.resource.has_value();
    if (call + signaling + playback != 1) return refuse(refusal_reason::malformed, "profile");
    for (const auto* text : {&all.call_id, &all.pair_id, &all.resource, &all.user_id})
        if (*text && (*text)->empty()) return refuse(refusal_reason::malformed, "profile");
    if (call && !all.user_id) return refuse(refusal_reason::malformed, "user_id");
    if (playback && (!all.organisation || all.organisation->empty()))
        return refuse(refusal_reason::malformed, "org");
    const auto& bounds = call ? call_ttl : signaling ? signaling_ttl : playback_ttl;
    if (const auto good = detail::check_times(all, bounds, now, leeway); !good)
        return std::unexpected(good.error());

    grant out;
    out.organisation = (signaling ? all.account_id : all.organisation).value_or(std::string{});
    if (!speaks_for.empty()) {
        if (out.organisation.empty()) out.organisation = speaks_for;
        if (out.organisation != speaks_for) return refuse(refusal_reason::wrong_scope, "org");
    }
    out.issuer = all.issuer.value_or(std::string{});
    out.token_id = all.token_id.value_or(std::string{});
    out.issued = all.issued.value_or(unix_time{});
    if (all.not_before) out.not_before = {all.not_before->seconds - leeway};
    out.expires = *all.expires + leeway;
    out.capabilities = all.capabilities;
    if (call) {
        if (const auto good = detail::call_grant(all, out); !good)
            return std::unexpected(good.error());
    } else if (signaling) {
        if (const auto good = detail::signaling_grant(all, out); !good)
            return std::unexpected(good.error());
    } else {
        out.kind = profile::playback;
        out.subject = all.subject.value_or(std::string{});
        out.resource = *all.resource;
        out.scopes = playback_scopes(out.organisation, out.resource);
    }
    return out;
}

MOQRTC_INLINE result<minted> mint(crypto_provider& crypto, const minter& by, const call_token& what,
                                  unix_time now, std::optional<std::int64_t> ttl) {
    constexpr const char* where = "call token";
    if (what.call_id.empty()) return fail(errc::bad_value, "call_id", 0, where);
    if (what.user_id.empty()) return fail(errc::bad_value, "user_id", 0, where);
    if (what.transports.empty()) return fail(errc::bad_value, "transport", 0, where);
    claims all;
    all.call_id = what.call_id;
    all.user_id = what.user_id;
    all.role = to_string(what.who);
    all.transport.emplace();
    for (const auto one : {transport::webrtc, transport::moq})
        if (what.transports.contains(one)) all.transport->emplace_back(to_string(one));
    if (!what.organisation.empty()) all.organisation = what.organisation;
    return detail::finish(crypto, by, std::move(all), what.token_id, call_ttl, now, ttl);
}

MOQRTC_INLINE result<minted> mint(crypto_provider& crypto, const minter& by,
                                  const signaling_token& what, unix_time now,
                                  std::optional<std::int64_t> ttl) {
    constexpr const char* where = "signaling token";
    if (what.account_id.empty()) return fail(errc::bad_value, "accountId", 0, where);
    if (what.device_id.empty()) return fail(errc::bad_value, "deviceId", 0, where);
    if (what.pair_id.empty()) return fail(errc::bad_value, "pairId", 0, where);
    claims all;
    all.subject = all.device_id = what.device_id;
    all.account_id = what.account_id;
    all.pair_id = what.pair_id;
    return detail::finish(crypto, by, std::move(all), what.token_id, signaling_ttl, now, ttl);
}

MOQRTC_INLINE result<minted> mint(crypto_provider& crypto, const minter& by,
                                  const playback_token& what, unix_time now,
                                  std::optional<std::int64_t> ttl) {
    constexpr const char* where = "playback token";
    if (what.organisation.empty()) return fail(errc::bad_value, "org", 0, where);
    if (what.resource.empty()) return fail(errc::bad_value, "id", 0, where);
    claims all;
    all.organisation = what.organisation;
    all.resource = what.resource;
    if (!what.subject.empty()) all.subject = what.subject;
    all.capabilities = what.capabilities;
    return detail::finish(crypto, by, std::move(all), what.token_id, playback_ttl, now, ttl);
}
#endif

} // namespace moqrtc::auth
