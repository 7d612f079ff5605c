#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/time.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace moqrtc::reference {

class quic_connection;
class socket_address;

/// A QUIC stream as QUIC numbers it.
using quic_stream = std::int64_t;

/// The stream that should send next, and what.
///
/// Borrows `chunks` point to bytes of the handler. What is reported as sent must stay there until
///         it is reported as acknowledged, or the stream as closed or reset: lost packets are
///         written again from the same memory.
struct pending_send {
    static constexpr std::size_t max_chunks = 8;

    quic_stream stream = -1;
    std::array<bytes, max_chunks> chunks{};
    std::size_t count = 0;
    bool fin = false; ///< the end of the stream follows the last chunk
};

/// How a connection ended.
struct close_info {
    enum class cause : std::uint8_t {
        application,       ///< CONNECTION_CLOSE of the application, by us or by the peer
        transport,         ///< CONNECTION_CLOSE of QUIC or TLS, by us or by the peer
        idle_timeout,      ///< nothing heard for too long
        handshake_timeout, ///< the peer never completed the handshake
        stateless_reset,   ///< the peer lost its state: it restarted
        unreachable,       ///< no such host, or nobody listens there
        version,           ///< no QUIC version in common
        certificate,       ///< the peer's certificate is not believed
        http_status,       ///< the server refused a WebTransport session with the status in `code`
    };
    cause why = cause::transport;
    bool by_peer = false;
    std::uint64_t code = 0;
    std::string reason;
    duration silence{}; ///< since the last packet of the peer, its end not counted; 0: none came
};

[[nodiscard]] std::string_view to_string(close_info::cause why) noexcept;

/// The code with which TLS ends a connection whose sides have no ALPN in common (RFC 9001, 8.1).
inline constexpr std::uint64_t no_application_protocol = 0x178;

/// What runs on a connection: MoQT, or HTTP/3 with WebTransport in it.
///
/// The connection pulls: whenever a packet may be sent it asks `next_send` for the most urgent
/// stream, so that priorities are decided at the last moment. None of these may throw; all may
/// call the connection, except that sending happens after they returned. The handler is destroyed
/// after `on_closed`; its destructor does not call the connection.
class connection_handler {
public:
    virtual ~connection_handler() = default;

    /// The handshake is complete with `protocol` agreed on: the first call of all but `on_closed`.
    virtual void on_handshake(instant now, std::string_view protocol) = 0;

    /// Bytes of a stream, in order, and whether they end it. Returns how many were consumed; the
    /// rest counts against the flow-control windows and comes again after `resume(stream)`.
    [[nodiscard]] virtual std::size_t on_stream_data(instant now, quic_stream stream, bytes data,
                                                     bool fin) = 0;
    /// The peer abandoned its sending side. No more data comes.
    virtual void on_stream_reset(instant now, quic_stream stream, std::uint64_t code) = 0;
    /// The peer wants no more of ours; the stack has reset our sending side with the same code.
    virtual void on_stop_sending(instant now, quic_stream stream, std::uint64_t code) = 0;
    /// Both sides of the stream are over, and none of its bytes is needed any more.
    virtual void on_stream_closed(instant now, quic_stream stream) = 0;
    virtual void on_datagram(instant now, bytes data) = 0;

    /// The next `count` bytes of what was sent on the stream have arrived.
    virtual void on_acked(instant now, quic_stream stream, std::size_t count) = 0;
    /// How many more streams may be opened now; called when a number grows.
    virtual void on_stream_credit(instant now, std::uint64_t bidirectional,
                                  std::uint64_t unidirectional) = 0;
    /// The peer's flow control lets a stream send that was reported as blocked.
    virtual void on_stream_writable(instant now, quic_stream stream) = 0;

    /// Fills `next` with the most urgent stream that has something to send (or its end alone);
    /// false when there is none. May open a stream. Blocked streams are not offered again before
    /// `on_stream_writable`.
    [[nodiscard]] virtual bool next_send(instant now, pending_send& next) = 0;
    /// The first `count` bytes of what `next_send` offered, and perhaps the end, are on their way.
    virtual void on_sent(instant now, quic_stream stream, std::size_t count, bool fin) = 0;
    virtual void on_blocked(instant now, quic_stream stream) = 0;

    /// When `on_timeout` is wanted; `never` when it is not.
    [[nodiscard]] virtual instant next_timeout() = 0;
    virtual void on_timeout(instant now) = 0;

    /// Servers: whether datagrams from another address than that of the connection may count now.
    [[nodiscard]] virtual bool may_move() const { return true; }
    /// The peer answers from another address now, and proved that it is there.
    virtual void on_path_changed(instant /*now*/, const socket_address& /*remote*/) {}

    /// The connection is over: the last call.
    virtual void on_closed(instant now, const close_info& info) = 0;
};

} // namespace moqrtc::reference
