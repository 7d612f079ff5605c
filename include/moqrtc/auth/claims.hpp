#pragma once

#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/jws.hpp>

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

} // namespace moqrtc::auth
