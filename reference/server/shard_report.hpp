#pragma once

#include "common/quic_statistics.hpp"
#include "http3_statistics.hpp"
#include "loop_lag.hpp"
#include "token_doors.hpp"

#include <moqrtc/moqt/relay/event.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moqrtc::reference {

/// What a session's connection carried, in both directions. Several sessions may share one.
struct session_traffic {
    std::uint64_t received = 0; ///< UDP payload bytes
    std::uint64_t sent = 0;
    duration round_trip{};
};

/// What a shard counts and shows, taken on its thread.
struct shard_report {
    moqt::relay_statistics relay;
    quic_statistics quic;
    std::vector<moqt::track_snapshot> tracks;
    std::vector<moqt::session_snapshot> sessions;
    std::vector<session_traffic> traffic; ///< of each of them
    std::vector<moqt::track_namespace> namespaces;
    std::size_t pool_bytes = 0;
    std::size_t sessions_quic = 0; ///< by what carries them
    std::size_t sessions_webtransport = 0;
    /// UDP payload bytes sent on connections of sessions, by what carries them.
    std::uint64_t sent_quic = 0;
    std::uint64_t sent_webtransport = 0;
    token_doors::counters doors;
    std::uint64_t crowded_out = 0; ///< connections without a credential that made room
    std::uint64_t too_late = 0;    ///< those that took too long to show one
    auth::verifier_counters tokens;
    loop_lag lag;
    http3_statistics http3;
    std::size_t upstreams = 0;
    std::size_t upstreams_connected = 0;
};

} // namespace moqrtc::reference
