#pragma once

#include <moqrtc/core/time.hpp>
#include <moqrtc/webtransport/dialect.hpp>

#include <cstddef>
#include <cstdint>

namespace moqrtc::webtransport {

enum class role : std::uint8_t { client, server };

/// Limits that a session's streams and their bytes have besides those of QUIC, for several
/// sessions on one connection to share it fairly. In force when both sides announce any of them.
///
/// Spec    draft-ietf-webtrans-http3 section "Flow Control".
/// Units   streams over the whole life of the session, content bytes of streams; all zero: off.
struct session_window {
    std::uint64_t bidirectional_streams = 0;
    std::uint64_t unidirectional_streams = 0;
    std::uint64_t data = 0;

    [[nodiscard]] friend constexpr bool operator==(const session_window&,
                                                   const session_window&) noexcept = default;
    [[nodiscard]] constexpr bool enabled() const noexcept {
        return (bidirectional_streams | unidirectional_streams | data) != 0;
    }
};

/// What a connection is told when it is made.
///
/// Units   sizes in bytes.
struct connection_config {
    role self = role::client;
    dialect_set dialects = dialect_set::all(); ///< announced and accepted; empty: plain HTTP/3
    bool datagrams = true; ///< the peer's max_datagram_frame_size is not 0, and ours neither
    session_window window{};

    std::size_t max_sessions = 16; ///< sessions open at once; 1 in new dialects without a window
    std::size_t max_requests =
        100; ///< requests of the peer that are open at once, sessions included
    std::size_t max_field_section = 16 << 10;  ///< of a message, counted as RFC 9114 section 4.2.2
    std::size_t max_events = 1024;             ///< events that wait for `poll_event`
    std::size_t max_unsent_control = 64 << 10; ///< answers to capsules and the like not sent yet

    std::size_t max_early_streams = 32;   ///< of sessions that are not open yet
    std::size_t max_early_datagrams = 64; ///< likewise
    std::size_t max_early_datagram_bytes = 64 << 10;
    duration early_timeout = seconds(5); ///< after which streams without a session are rejected

    duration settings_timeout = seconds(10); ///< until the peer's SETTINGS must be here
    /// Until a request's header section must be complete, and until a peer that stopped reading a
    /// CONNECT stream must have said why.
    duration request_timeout = seconds(10);
};

} // namespace moqrtc::webtransport
