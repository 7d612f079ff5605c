#pragma once

#include <moqrtc/auth/claims.hpp>
#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/key_set.hpp>
#include <moqrtc/auth/refusal.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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

} // namespace moqrtc::auth
