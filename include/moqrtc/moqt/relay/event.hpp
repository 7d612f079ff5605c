#pragma once

#include <moqrtc/moqt/codes.hpp>
#include <moqrtc/moqt/name.hpp>
#include <moqrtc/moqt/types.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace moqrtc::moqt {

/// Identifies a session of a relay; never reused.
struct session_key {
    std::uint32_t index = UINT32_MAX;
    std::uint64_t generation = 0; ///< of the place: never the same again

    [[nodiscard]] friend constexpr auto operator<=>(session_key, session_key) noexcept = default;
    [[nodiscard]] constexpr bool valid() const noexcept { return index != UINT32_MAX; }
};

/// What a session or a request was allowed on, as the policy names it; never reused while anything
/// hangs on it.
using credential_id = std::uint64_t;
inline constexpr credential_id no_credential = 0;

/// What a relay is told of a session besides the protocol.
struct session_info {
    std::string label{};     ///< for logs
    std::string peer{};      ///< address of the other side
    std::string door{};      ///< path or URL that it came through
    std::string transport{}; ///< what carries it: `quic` or `webtransport`
    /// What it came in with where that was checked before there was a session, as at
    /// WebTransport's CONNECT.
    credential_id credential = no_credential;
    bool upstream = false; ///< a relay that we ask for what nobody here publishes
    /// A relay of the same server, on another thread: what it publishes counts as published here,
    /// and what it asks for is never asked of another sibling. Trusted, not counted, not limited.
    bool sibling = false;
};

/// What a relay reports, for logs and metrics.
struct relay_event {
    enum class kind : std::uint8_t {
        none,
        session_up,
        session_down,    ///< `close` and `reason` say why
        namespace_added, ///< `session` publishes `name.space`
        namespace_removed,
        track_live,    ///< a publisher of `name` serves it
        track_waiting, ///< the last publisher of `name` is gone, its subscribers wait
        track_ended,   ///< `done` says why
        subscriber_added,
        subscriber_removed,
        subscriber_behind, ///< streams were reset, it goes on at a group boundary
        fetch_upstream,    ///< objects of `name` are fetched from `session`
        request_refused,   ///< `refused` and `reason`
        upstream_wanted,   ///< somebody asks for `name`, and only an upstream session could help
        upstream_leaving,  ///< GOAWAY from an upstream session; `reason` is the new URI
    };
    kind what = kind::none;
    session_key session{};
    full_track_name name{};
    close_code close = close_code::no_error;
    publish_done_code done = publish_done_code::internal_error;
    request_error_code refused = request_error_code::internal_error;
    std::string reason{};
};

/// What a relay has of some kind, and no more.
enum class relay_limit : std::uint8_t {
    sessions,
    tracks,
    publishers_per_track,
    subscriptions, ///< of one session, like the next three
    fetches,
    namespaces,
    requests,
    backlog, ///< unsent bytes of a subscription, and their age
    cache_bytes,
    cache_track_bytes,
    cache_groups, ///< of one track
    silence,      ///< time until a session has to show a credential
};
inline constexpr std::size_t relay_limits = 12;

/// Counters since the relay was made, and gauges.
struct relay_statistics {
    std::uint64_t sessions = 0; ///< gauge
    std::uint64_t sessions_total = 0;
    std::uint64_t tracks = 0;      ///< gauge
    std::uint64_t namespaces = 0;  ///< gauge
    std::uint64_t subscribers = 0; ///< gauge
    std::uint64_t sources = 0;     ///< gauge: subscriptions to publishers
    std::uint64_t fetches = 0;
    std::uint64_t fetches_upstream = 0;
    std::uint64_t objects_in = 0;
    std::uint64_t bytes_in = 0; ///< payloads
    std::uint64_t objects_out = 0;
    std::uint64_t bytes_out = 0;             ///< payloads
    std::uint64_t objects_from_siblings = 0; ///< not in `objects_in`
    std::uint64_t objects_to_siblings = 0;   ///< not in `objects_out`
    std::uint64_t objects_duplicate = 0;
    std::uint64_t objects_from_cache = 0;
    std::uint64_t streams_behind = 0; ///< streams reset because a subscriber was too far behind
    std::uint64_t malformed_tracks = 0;
    std::uint64_t refused = 0;       ///< requests
    std::uint64_t turned_away = 0;   ///< sessions, at their SETUP
    std::uint64_t expired = 0;       ///< requests and sessions whose credential ran out
    std::uint64_t revoked = 0;       ///< requests and sessions whose credential was taken back
    std::uint64_t renewed = 0;       ///< credentials that another one replaced
    std::uint64_t cache_bytes = 0;   ///< gauge
    std::uint64_t cache_groups = 0;  ///< gauge
    std::uint64_t cache_objects = 0; ///< gauge
    /// How often each limit was met: what was refused, ended or dropped because of it.
    std::array<std::uint64_t, relay_limits> limit_hits{};

    [[nodiscard]] std::uint64_t hits(relay_limit which) const noexcept {
        return limit_hits[static_cast<std::size_t>(which)];
    }
};

/// A track as a status page shows it.
struct track_snapshot {
    full_track_name name{};
    std::optional<location> largest{};
    std::size_t publishers = 0;
    std::size_t subscribers = 0;
    std::size_t cached_groups = 0;
    std::size_t cached_bytes = 0;
    std::uint64_t bytes_in = 0;  ///< payloads of live objects from publishers
    std::uint64_t bytes_out = 0; ///< and to subscribers
};

/// A session as a status page shows it.
struct session_snapshot {
    session_key key{};
    session_info info{};
    draft version = draft::d18;
    bool established = false;
    std::size_t subscriptions = 0;
    std::size_t namespaces = 0;
    std::size_t unsent_bytes = 0;
};

} // namespace moqrtc::moqt
