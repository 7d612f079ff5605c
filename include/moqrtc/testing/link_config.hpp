#pragma once

#include <moqrtc/core/time.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace moqrtc::testing {

/// What one direction of a link does to what is sent along it.
///
/// Units   bytes; probabilities in thousandths.
struct path_config {
    duration delay = milliseconds(10);
    duration jitter{};               ///< up to this much more, so that packets overtake each other
    std::uint64_t rate = 0;          ///< bytes per second; 0 is no limit
    std::size_t smallest_packet = 0; ///< below the largest: stream bytes are cut at random places
    std::size_t largest_packet = 1200;
    std::size_t congestion_window = SIZE_MAX; ///< bytes sent and not acknowledged
    unsigned loss = 0; ///< a lost packet costs stream data a round trip, and is a datagram's end
    unsigned stream_abort = 0; ///< of packets on a data stream: it is reset and stopped at once
    unsigned stream_stop = 0;  ///< of packets on a data stream: its receiver stops it
};

/// A connection between two endpoints: its paths, and what the transport grants.
///
/// Units   bytes and numbers of streams.
struct link_config {
    std::uint64_t seed = 1;
    path_config to_server{};
    path_config to_client{};
    std::uint64_t stream_window = 1 << 20; ///< stream data that a receiver lets wait, per stream
    std::uint64_t bidirectional_streams = 100; ///< that may be open at once, of each side
    std::uint64_t unidirectional_streams = 100;
    std::size_t largest_datagram = 1200;
    instant dies_at = never; ///< both ends lose the connection without a word

    /// The same in both directions.
    void set_paths(const path_config& path) noexcept { to_server = to_client = path; }
};

/// What happened on a link so far.
struct link_statistics {
    std::uint64_t packets = 0;
    std::uint64_t lost = 0;
    std::uint64_t stream_bytes = 0; ///< sent for the first time
    std::uint64_t datagrams = 0;
    std::uint64_t datagrams_dropped = 0;
    std::uint64_t streams_opened = 0;
    std::uint64_t aborted = 0;
    /// Times a session broke its contract with the transport; `last_violation` says how.
    std::uint64_t violations = 0;
    const char* last_violation = "";

    void note_violation(const char* how) noexcept {
        ++violations;
        last_violation = how;
    }
};

} // namespace moqrtc::testing
