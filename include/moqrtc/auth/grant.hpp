#pragma once

#include <moqrtc/auth/scope.hpp>
#include <moqrtc/auth/unix_time.hpp>
#include <moqrtc/core/crypto.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::auth {

/// What kind of credential somebody came with.
enum class profile : std::uint8_t {
    call,       ///< admits to a call, once for each transport; at most 2 minutes
    signaling,  ///< admits to a signaling channel; at most 5 minutes
    playback,   ///< plays one broadcast, and ends with it; 30 s to 24 h
    stream_key, ///< publishes one live input; as long as the key is good
    c4m,        ///< what its moqt claim says
};
using profile_set = enum_set<profile>;
inline constexpr profile_set any_profile{profile::call, profile::signaling, profile::playback,
                                         profile::stream_key, profile::c4m};
inline constexpr std::size_t profile_count = 5;

[[nodiscard]] constexpr std::string_view to_string(profile what) noexcept {
    constexpr std::string_view names[] = {"call", "signaling", "playback", "stream_key", "c4m"};
    return static_cast<std::size_t>(what) < profile_count ? names[static_cast<std::size_t>(what)]
                                                          : "unknown";
}

/// Which way the media takes, as call tokens name it.
enum class transport : std::uint8_t { webrtc, moq };
using transport_set = enum_set<transport>;
inline constexpr transport_set any_transport{transport::webrtc, transport::moq};

[[nodiscard]] constexpr std::string_view to_string(transport what) noexcept {
    return what == transport::webrtc ? "webrtc" : "moq";
}

enum class role : std::uint8_t { subscriber, publisher };

[[nodiscard]] constexpr std::string_view to_string(role what) noexcept {
    return what == role::publisher ? "publisher" : "subscriber";
}

/// The capability that says a token is about a broadcast.
inline constexpr std::string_view media_broadcast = "media.broadcast";

/// What a credential, once verified, allows, and whom to name when it is used.
///
/// A value: it holds no key and no secret, and saying yes or no from it costs no cryptography.
///
/// Fields  `token_id` is what is revoked and what may be used once: `jti`, `cti`, else who and
///         where for a call token, else the token's hash in hexadecimal. `expires` is `forever`
///         for a stream key. `revalidate` is 0 where nothing asks for it.
/// Units   `revalidate` in seconds.
struct grant {
    profile kind = profile::playback;
    std::string subject{};      ///< `sub`, `user_id`; whoever comes with it
    std::string organisation{}; ///< `org`, `accountId`
    std::string resource{};     ///< broadcast, live input, call or pair: what it is for
    std::string device{};       ///< `deviceId`
    std::string issuer{};
    std::string token_id{};
    std::string key_id{};
    sha256_digest key_thumbprint{}; ///< of the key that signed, whatever it is called
    sha256_digest token_hash{};
    unix_time issued{};
    unix_time not_before{};
    unix_time expires = forever;
    std::int64_t revalidate = 0;
    role who = role::subscriber;
    transport_set transports = any_transport;
    std::vector<std::string> capabilities{};
    std::vector<scope> scopes{};

    /// Whether a request that names no track is allowed: set-up, namespaces, HTTP's doors.
    template <namespace_fields Namespace>
    [[nodiscard]] bool allows(action what, const Namespace& space) const noexcept {
        for (const auto& one : scopes)
            if (one.allows(what, space)) return true;
        return false;
    }
    template <namespace_fields Namespace>
    [[nodiscard]] bool allows(action what, const Namespace& space, bytes track) const noexcept {
        for (const auto& one : scopes)
            if (one.allows(what, space, track)) return true;
        return false;
    }
    /// Whether the action is allowed anywhere: what set-up asks before it knows a name.
    [[nodiscard]] bool allows_somewhere(action what) const noexcept {
        for (const auto& one : scopes)
            if (one.actions.contains(what)) return true;
        return false;
    }
    [[nodiscard]] bool has(std::string_view capability) const noexcept {
        for (const auto& one : capabilities)
            if (one == capability) return true;
        return false;
    }
    /// Whether time alone lets it be used.
    [[nodiscard]] constexpr bool holds(unix_time now) const noexcept {
        return now < expires && now >= not_before;
    }
    [[nodiscard]] friend bool operator==(const grant&, const grant&) noexcept = default;
};

/// A grant as a verifier hands it out: shared with its cache and never changed.
using grant_ptr = std::shared_ptr<const grant>;

} // namespace moqrtc::auth
