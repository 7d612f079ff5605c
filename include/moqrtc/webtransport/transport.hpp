#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/slice.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace moqrtc::webtransport {

/// A stream as QUIC numbers it: bit 0 says who opened it (0 client, 1 server), bit 1 that it is
/// unidirectional. These numbers travel on the wire, so the driver opens a stream first and then
/// says what it is for.
using stream_id = std::uint64_t;
/// A WebTransport session: the number of its CONNECT stream.
using session_id = stream_id;

inline constexpr stream_id no_stream = UINT64_MAX;
inline constexpr session_id no_session = UINT64_MAX;

[[nodiscard]] constexpr bool is_unidirectional(stream_id id) noexcept {
    return (id & 2) != 0;
}
[[nodiscard]] constexpr bool opened_by_server(stream_id id) noexcept {
    return (id & 1) != 0;
}
/// Whether the number can be that of a request, and so of a session.
[[nodiscard]] constexpr bool is_request_stream(stream_id id) noexcept {
    return (id & 3) == 0;
}

/// What the connection asks of its transport besides stream data.
struct transport_op {
    enum class kind : std::uint8_t {
        reset,        ///< RESET_STREAM our sending side with `code`, already the number on the wire
        stop_sending, ///< STOP_SENDING the peer's sending side with `code`, likewise
        resume,       ///< give again what `handle_stream` left of this stream, now or soon
        close,        ///< CONNECTION_CLOSE with `code` and `data` as the reason; the last op
    };
    kind what = kind::close;
    stream_id stream = no_stream;
    std::uint64_t code = 0;
    slice data;
};

/// A stream that should send, and its pending bytes.
///
/// Borrows `chunks` stay valid until the next call of any non-const member of the connection other
///         than `handle_sent` and `handle_blocked`; bytes reported as sent stay valid until they
///         are reported as acknowledged, or the stream as reset or closed.
struct stream_send {
    static constexpr std::size_t max_chunks = 8;

    stream_id stream = no_stream;
    std::array<bytes, max_chunks> chunks{};
    std::size_t count = 0;
    bool fin = false;  ///< the end of the stream follows the last chunk
    bool bulk = false; ///< the content of a plain request or response: takes turns with sessions

    [[nodiscard]] std::size_t size() const noexcept {
        std::size_t total = 0;
        for (std::size_t i = 0; i < count; ++i)
            total += chunks[i].size();
        return total;
    }
};

/// Whose the bytes of a stream are, as `connection::handle_stream` found out.
struct stream_input {
    enum class owner : std::uint8_t {
        connection, ///< HTTP/3's own: nothing to do with what was consumed
        session,    ///< the rest, and the end if there is one, belong to `session`
        held,       ///< keep the rest, and the end, until `transport_op::kind::resume`
    };
    owner whose = owner::connection;
    session_id session = no_session;
    /// How many of the bytes given were taken.
    /// `connection`: fewer than given means that events wait: drain them and call again with the
    /// rest. `session`: the session's bytes start behind these. `held`: at least one byte is left,
    /// so that an end that came along is never lost; no event waits then.
    std::size_t consumed = 0;
};

/// Whose a RESET_STREAM or STOP_SENDING is.
struct stream_signal {
    session_id session = no_session;     ///< `no_session`: HTTP/3's own, or nobody's any more
    std::optional<std::uint32_t> code{}; ///< the application's code; none: it gave none
};

/// Whose the bytes are that were sent or acknowledged.
struct stream_progress {
    session_id session = no_session; ///< `no_session`: HTTP/3's own
    std::size_t count = 0;           ///< those of the session: the prefix is not among them
};

/// Whose a datagram is.
///
/// Borrows from what was given.
struct datagram_input {
    session_id session = no_session; ///< `no_session`: kept for later, or dropped
    bytes payload{};
};

} // namespace moqrtc::webtransport
