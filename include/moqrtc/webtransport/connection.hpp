#pragma once

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/time.hpp>
#include <moqrtc/webtransport/config.hpp>
#include <moqrtc/webtransport/event.hpp>
#include <moqrtc/webtransport/settings.hpp>
#include <moqrtc/webtransport/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::webtransport {

/// What a client asks a server for a session with.
struct session_request {
    std::string_view authority;
    std::string_view path = "/";                   ///< with the query
    std::string_view origin{};                     ///< browsers send it; empty sends none
    std::span<const std::string_view> protocols{}; ///< offered, the most wanted first
    bool require_protocol = false; ///< a session for which the server chose none is closed
    std::span<const field> fields{};
};

/// The head of a plain request.
struct request_head {
    std::string_view method = "GET";
    std::string_view authority;
    std::string_view path = "/"; ///< with the query
    std::span<const field> fields{};
};

/// One HTTP/3 connection, either side, with WebTransport sessions and plain requests in it; without
/// socket, clock or thread.
///
/// It reads and writes what is HTTP/3's own: SETTINGS, requests, responses, capsules, and the first
/// bytes of each WebTransport stream, which say whose it is. The rest of such a stream never passes
/// through it: `handle_stream` says where the session's bytes start, `offer` puts the prefix in
/// front of those that a session wants to send.
///
/// Spec    RFC 9114, 9204 (no dynamic table), 9220, 9297, draft-ietf-webtrans-http3 in its
/// dialects.
///         RESET_STREAM_AT is neither sent nor required: a stream that is reset before its prefix
///         arrived is never heard of.
/// Drain   after any `handle_*` or command: `poll_event` until empty, then `poll_transmit` until
///         empty, then `poll_send` as far as the transport has room. A session that an event
///         announces may get stream data with the very next call.
/// Owns    what it queues, in blocks of the pool, which outlives the connection.
/// Borrows spans given to it for the call only.
/// Errors  a command that the state does not allow returns an error and changes nothing. What a
///         peer does wrong ends the stream, the session or the connection, as the specification
///         says; `closed` is the last event.
class connection {
public:
    connection(instant now, const connection_config& config, buffer_pool& pool);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection();

    /// Sends SETTINGS on `control`, a unidirectional stream that the driver has opened for it as
    /// soon as the handshake allowed.
    void start(instant now, stream_id control);

    // From the transport ------------------------------------------------------------------------

    /// Bytes of a stream, in order; `fin` when they are its last.
    [[nodiscard]] stream_input handle_stream(instant now, stream_id stream, bytes data, bool fin);
    /// RESET_STREAM with the number on the wire. `final_size` is the stream's, where the transport
    /// tells it: session flow control counts by it.
    stream_signal handle_reset(instant now, stream_id stream, std::uint64_t code,
                               std::optional<std::uint64_t> final_size = {});
    /// STOP_SENDING with the number on the wire; the transport has reset our side or is about to.
    stream_signal handle_stop_sending(instant now, stream_id stream, std::uint64_t code);
    [[nodiscard]] datagram_input handle_datagram(instant now, bytes data);
    /// `count` more bytes of our side of a stream reached the peer.
    stream_progress handle_acked(instant now, stream_id stream, std::size_t count);
    /// Both sides of a stream are over and nothing sent on it is needed any more. Every stream that
    /// was heard of or opened comes here in the end. Returns the session it belonged to.
    session_id handle_closed(instant now, stream_id stream);
    /// Flow control of a stream of HTTP/3's own that was reported blocked has opened.
    void handle_writable(stream_id stream);
    /// The transport is gone; nothing will be sent any more.
    void handle_transport_closed(instant now, std::uint64_t code, std::string_view reason,
                                 bool by_peer);
    void handle_timeout(instant now);

    // To the transport --------------------------------------------------------------------------

    /// A stream of HTTP/3's own that has something to send: control and sessions first, then
    /// (`bulk`) the content of plain messages in turns. Follow it with `handle_sent` or
    /// `handle_blocked`.
    [[nodiscard]] std::optional<stream_send> poll_send(instant now);
    /// The transport took `count` bytes of what `poll_send` or `offer` gave, and the end if `fin`.
    stream_progress handle_sent(instant now, stream_id stream, std::size_t count, bool fin);
    /// A stream of HTTP/3's own cannot send until `handle_writable`.
    void handle_blocked(stream_id stream);
    [[nodiscard]] std::optional<transport_op> poll_transmit();
    [[nodiscard]] instant next_timeout() const noexcept;

    // To whoever drives it ----------------------------------------------------------------------

    [[nodiscard]] std::optional<event> poll_event();
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    /// The peer's SETTINGS, or null before they came.
    [[nodiscard]] const settings* peer_settings() const noexcept;
    /// The newest dialect of both sides; `none` before SETTINGS, or when there is none in common.
    [[nodiscard]] dialect version() const noexcept;
    [[nodiscard]] const connection_config& config() const noexcept { return config_; }
    /// Whether the peer's or our GOAWAY forbids new requests.
    [[nodiscard]] bool going_away() const noexcept;
    /// Whether a session is open: accepted by the server, and not over.
    [[nodiscard]] bool is_open(session_id session) const noexcept;
    [[nodiscard]] std::size_t session_count() const noexcept;
    /// The session of a stream, or `no_session` for HTTP/3's own and unknown ones.
    [[nodiscard]] session_id session_of(stream_id stream) const noexcept;
    /// Bytes written to `stream` and not yet handed to the transport.
    [[nodiscard]] std::size_t unsent_bytes(stream_id stream) const noexcept;

    // A session's streams and datagrams -----------------------------------------------------------

    /// Says that `stream`, which the driver has just opened, is one of `session`. A client may do
    /// so before the response is there.
    ///
    /// Errors  not_found (no such session, or it is over), limit (`stream_credit` is 0), bad_value
    ///         (not a stream of ours, or known already).
    result<void> open_stream(instant now, session_id session, stream_id stream);
    /// Fills `out` with what is to be sent next on a session's stream when its own bytes are
    /// `chunks`: the rest of the prefix in front, no more than session flow control allows. False
    /// when nothing may be sent: the stream is unknown, or waits for `session_credit`.
    ///
    /// Borrows `chunks`, and the prefix from the session until the stream is closed.
    [[nodiscard]] bool offer(stream_id stream, std::span<const bytes> chunks, bool fin,
                             stream_send& out);
    /// What precedes the payload of each datagram of a session; at most 8 bytes. Borrows from the
    /// session. Empty when there is no such session or the peer takes no datagrams.
    [[nodiscard]] bytes datagram_prefix(session_id session) const noexcept;
    /// Content bytes that session flow control lets streams send; UINT64_MAX without it.
    [[nodiscard]] std::uint64_t send_budget(session_id session) const noexcept;
    /// Streams of ours that session flow control lets us open; UINT64_MAX without it.
    [[nodiscard]] std::uint64_t stream_credit(session_id session,
                                              bool unidirectional) const noexcept;
    /// Ends a session: streams are reset, `reason` (cut to 1024 bytes of UTF-8) goes to the peer.
    /// `session_closed` follows.
    result<void> close_session(instant now, session_id session, std::uint32_t code = 0,
                               std::string_view reason = {});
    /// Asks the peer to end a session soon.
    result<void> drain_session(instant now, session_id session);

    // Server ------------------------------------------------------------------------------------

    /// Opens a requested session: status 200, with the subprotocol that was chosen, if any. Streams
    /// and datagrams that came early follow.
    ///
    /// Errors  not_found, bad_state (answered already), bad_value (`protocol` was not offered, or a
    ///         field is not one).
    result<void> accept(instant now, session_id session, std::string_view protocol = {},
                        std::span<const field> fields = {});
    /// Answers a request, or refuses a session, with `status` (200 to 599); with `fin` nothing
    /// follows, else `write_content` does.
    result<void> respond(instant now, stream_id request, std::uint16_t status,
                         std::span<const field> fields = {}, bool fin = true);

    // Client ------------------------------------------------------------------------------------

    /// Asks for a session on `stream`, a bidirectional one that the driver has opened for it. The
    /// request leaves when the server's SETTINGS allow it.
    ///
    /// Errors  bad_state (server, going away, closed), bad_value (`stream`, or a field), limit.
    result<void> connect(instant now, stream_id stream, const session_request& request);
    /// Sends a plain request on `stream`, a bidirectional one that the driver has opened for it.
    result<void> request(instant now, stream_id stream, const request_head& head, bool fin = true);

    // Plain messages, either side -----------------------------------------------------------------

    /// Appends to the content of our message. `drained` says when to go on.
    result<void> write_content(instant now, stream_id stream, slice data, bool fin);
    /// Gives up a request or response: resets what we send, stops what we receive.
    result<void> cancel(instant now, stream_id stream,
                        http_code code = http_code::h3_request_cancelled);
    /// Leaves the content of the peer's message in the transport, whose flow control then stops it.
    void pause_content(stream_id stream);
    void resume_content(instant now, stream_id stream);

    // Leaving -----------------------------------------------------------------------------------

    /// GOAWAY: no further requests are taken; what is open goes on.
    void goaway(instant now);
    /// Ends the connection; `closed` follows.
    void close(instant now, http_code code = http_code::h3_no_error, std::string_view reason = {});

private:
    connection_config config_;
    bool closed_ = false;
};

/// The subprotocols that a client offers in `session_requested`, the most wanted first; none when
/// the field is absent or malformed.
///
/// Spec    draft-ietf-webtrans-http3 section "Application Protocol Negotiation".
[[nodiscard]] std::vector<std::string> offered_protocols(const event& request);

} // namespace moqrtc::webtransport
