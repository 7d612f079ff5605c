#pragma once

#include <moqrtc/core/time.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace moqrtc::moqt {

/// Every bound and every delay of a relay.
///
/// Units   sizes in bytes.
struct relay_config {
    // Cache: what is kept for FETCH and for those who join late.
    std::size_t cache_bytes = std::size_t{256} << 20; ///< all tracks together
    std::size_t cache_track_bytes = std::size_t{64} << 20;
    std::size_t cache_groups = 8; ///< per track
    std::size_t cache_objects_per_group = 65536;
    duration cache_age =
        seconds(30); ///< of an object; the newest group stays while the track lives

    // Subscribers that do not keep up: what waits unsent for one subscription.
    std::size_t backlog_bytes = std::size_t{8} << 20;
    duration backlog_age = seconds(3);
    std::size_t sibling_backlog_bytes = std::size_t{64} << 20; ///< of all that goes to a sibling
    std::size_t fetch_window = std::size_t{1} << 20;   ///< unsent bytes of a FETCH that pause it
    std::size_t fetch_backlog = std::size_t{32} << 20; ///< unsent bytes of a FETCH that end it

    // Admission.
    std::size_t max_sessions = 100000;
    std::size_t max_tracks = 100000;
    std::size_t max_subscriptions_per_session = 4096;
    std::size_t max_fetches_per_session = 256;
    std::size_t max_namespaces_per_session = 1024; ///< published and subscribed, each
    std::size_t max_subgroups_per_track = 1024;    ///< open at once
    std::size_t max_sources_per_track = 8;         ///< publishers of one track at once

    // Waiting.
    /// Drafts without RENDEZVOUS_TIMEOUT: how long a SUBSCRIBE waits for a publisher. Some clients
    /// give up after 2 s; those that want to wait longer ask again.
    duration hold_subscribe = milliseconds(1500);
    duration hold_retry = milliseconds(100); ///< Retry Interval of the refusal after that
    duration max_rendezvous = seconds(60);   ///< longest RENDEZVOUS_TIMEOUT that is honoured
    duration linger = seconds(1);            ///< an upstream subscription without subscribers
    duration publisher_grace = seconds(30);  ///< a track without a publisher, before PUBLISH_DONE
    duration resubscribe_after =
        seconds(1);                     ///< a publisher that ended a subscription is left alone
    duration fill_timeout = seconds(5); ///< longest wait for objects fetched upstream

    /// Tracks offered by PUBLISH are received before anybody subscribes, so that joiners find them
    /// in the cache; otherwise they are accepted with Forward State 0.
    bool receive_unwatched = true;
    /// A subscription that starts in the past, or has no filter, is served from the cache, from the
    /// newest group on.
    bool replay = true;
    /// A session to another relay will be added: requests wait for it instead of failing at once.
    bool expects_upstream = false;

    /// Tracks whose newest group is kept whatever the bounds, and sent with a PUBLISH of ours:
    /// catalogs, without which a late joiner sees nothing.
    std::array<std::string_view, 2> catalog_names{"catalog", ".catalog"};
};

} // namespace moqrtc::moqt
