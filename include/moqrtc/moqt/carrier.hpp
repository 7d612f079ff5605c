#pragma once

#include <cstdint>

namespace moqrtc::moqt {

/// The messages that can carry message parameters. An OK counts by what it answers.
enum class carrier : std::uint32_t {
    none = 0,
    subscribe = 1u << 0,
    subscribe_ok = 1u << 1,
    publish = 1u << 2,
    publish_ok = 1u << 3,
    subscription_update = 1u << 4, ///< REQUEST_UPDATE of a subscription
    other_update = 1u << 5,        ///< REQUEST_UPDATE of a fetch, namespace or tracks request
    update_ok = 1u << 6,
    fetch = 1u << 7,
    fetch_ok = 1u << 8,
    track_status = 1u << 9,
    track_status_ok = 1u << 10,
    publish_namespace = 1u << 11,
    publish_namespace_ok = 1u << 12,
    subscribe_namespace = 1u << 13,
    subscribe_namespace_ok = 1u << 14,
    subscribe_tracks = 1u << 15,
    subscribe_tracks_ok = 1u << 16,
    fetch_update = 1u << 17,
    tracks_update = 1u << 18, ///< REQUEST_UPDATE of SUBSCRIBE_NAMESPACE or SUBSCRIBE_TRACKS
    subscribe_tracks_update = 1u << 19, ///< REQUEST_UPDATE of SUBSCRIBE_TRACKS alone
    state_notify = 1u << 20,
    fill = 1u << 21, ///< inside FILL_PARAMETERS
};
[[nodiscard]] constexpr carrier operator|(carrier a, carrier b) noexcept {
    return static_cast<carrier>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
/// The carriers of `a` that are not in `b`.
[[nodiscard]] constexpr carrier without(carrier a, carrier b) noexcept {
    return static_cast<carrier>(static_cast<std::uint32_t>(a) & ~static_cast<std::uint32_t>(b));
}
[[nodiscard]] constexpr bool overlaps(carrier a, carrier b) noexcept {
    return (static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b)) != 0;
}
inline constexpr carrier any_update = carrier::subscription_update | carrier::other_update |
                                      carrier::fetch_update | carrier::tracks_update |
                                      carrier::subscribe_tracks_update;

} // namespace moqrtc::moqt
