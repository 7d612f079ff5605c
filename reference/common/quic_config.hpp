#pragma once

#include "shared_rate.hpp"

#include <moqrtc/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace moqrtc::reference {

enum class congestion_control : std::uint8_t { cubic, bbr, reno };

/// When a server makes a client prove its address before it keeps any state for it.
enum class retry_mode : std::uint8_t { never, under_load, always };

/// What an endpoint asks of its connections; the defaults suit live media.
struct quic_config {
    duration idle_timeout = seconds(10);
    duration keep_alive = seconds(3); ///< clients only; zero turns it off
    duration handshake_timeout = seconds(10);
    congestion_control congestion = congestion_control::cubic;

    /// How much a peer may send before it is consumed, to begin with and at most: the stack grows
    /// the windows of fast receivers.
    std::uint64_t connection_window = 16 << 20;
    std::uint64_t largest_connection_window = 32 << 20;
    std::uint64_t stream_window = 4 << 20;
    std::uint64_t largest_stream_window = 16 << 20;
    /// Streams that the peer may have open at one time.
    std::uint64_t bidirectional_streams = 128;
    std::uint64_t unidirectional_streams = 1024;
    /// The largest DATAGRAM frame that we take; MoQT and WebTransport need datagrams.
    std::uint64_t datagram_frame_size = 65535;
    std::size_t datagram_queue = 256; ///< datagrams that wait to be sent; the oldest is dropped

    std::size_t udp_payload = 1452; ///< the largest that path MTU discovery tries
    bool path_mtu_discovery = true;
    bool segmentation_offload = true;
    std::uint64_t key_update_packets = 1 << 22; ///< sent packets between key updates; zero: never
    std::filesystem::path qlog_directory;       ///< empty: no qlog

    // Servers.
    retry_mode retry = retry_mode::under_load;
    std::size_t connections = 100'000;
    std::size_t handshakes = 2'000;      ///< connections whose handshake is not complete
    std::size_t loaded_handshakes = 200; ///< from so many on, `under_load` asks for Retry
    /// From so many new connections in a second on that prove nothing, `under_load` asks for Retry;
    /// 0 is never. Counted in `unproven`, which shards share.
    std::size_t retry_rate = 500;
    std::shared_ptr<shared_rate> unproven = std::make_shared<shared_rate>();
    std::size_t stateless_resets_per_second = 2'000;
    /// What a connection may send, and the streams that it may have open, until it is trusted;
    /// 0 bytes: connections are trusted from the start.
    std::uint64_t early_bytes = 0;
    std::uint64_t early_streams = 32;
    std::uint8_t shard = 0; ///< stands in the first byte of each connection ID
};

} // namespace moqrtc::reference
