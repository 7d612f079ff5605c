#pragma once

#include <cstdint>

namespace moqrtc::reference {

/// What an endpoint counted since it began; read it on the endpoint's thread.
struct quic_statistics {
    std::uint64_t connections = 0; ///< now
    std::uint64_t handshakes = 0;  ///< now: begun and not complete
    std::uint64_t connections_accepted = 0;
    std::uint64_t handshakes_completed = 0;
    std::uint64_t connections_closed = 0;
    std::uint64_t connections_refused = 0; ///< over a limit, or with a bad token
    std::uint64_t idle_timeouts = 0;
    std::uint64_t datagrams_received = 0; ///< UDP datagrams
    std::uint64_t datagrams_sent = 0;
    std::uint64_t receive_calls = 0; ///< of the kernel: one may bring many datagrams
    std::uint64_t send_calls = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t packets_lost = 0;
    std::uint64_t undecodable = 0; ///< UDP datagrams that belong to nothing
    std::uint64_t send_failures = 0;
    std::uint64_t send_blocked = 0;
    std::uint64_t datagram_frames_received = 0;
    std::uint64_t datagram_frames_sent = 0;
    std::uint64_t datagram_frames_dropped = 0; ///< too large, or the queue was full
    std::uint64_t retries_sent = 0;
    std::uint64_t retries_for_rate = 0;    ///< of these, because too many came in a second
    std::uint64_t refused_connections = 0; ///< over the limit of connections
    std::uint64_t refused_handshakes = 0;  ///< over that of incomplete handshakes
    std::uint64_t early_budgets_spent = 0; ///< connections that sent all they may before trust
    std::uint64_t version_negotiations_sent = 0;
    std::uint64_t stateless_resets_sent = 0;
    std::uint64_t forwarded = 0;          ///< to the shard that their connection ID names
    std::uint64_t forwarding_dropped = 0; ///< that shard's queue was full
    std::uint64_t migrations = 0;         ///< paths validated after the handshake
    std::uint64_t key_updates = 0;
};

} // namespace moqrtc::reference
