#pragma once

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/id_map.hpp>
#include <moqrtc/core/inline.hpp>
#include <moqrtc/core/ring.hpp>
#include <moqrtc/core/slot_pool.hpp>
#include <moqrtc/core/time.hpp>
#include <moqrtc/webtransport/config.hpp>
#include <moqrtc/webtransport/detail/records.hpp>
#include <moqrtc/webtransport/event.hpp>
#include <moqrtc/webtransport/qpack.hpp>
#include <moqrtc/webtransport/settings.hpp>
#include <moqrtc/webtransport/transport.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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
    /// `handle_blocked`. What was queued before the connection closed is offered still, for a
    /// transport that sends it in front of CONNECTION_CLOSE.
    [[nodiscard]] std::optional<stream_send> poll_send(instant now);
    /// The transport took `count` bytes of what `poll_send` or `offer` gave, and the end if `fin`.
    stream_progress handle_sent(instant now, stream_id stream, std::size_t count, bool fin);
    /// A stream of HTTP/3's own cannot send until `handle_writable`.
    void handle_blocked(stream_id stream);
    [[nodiscard]] std::optional<transport_op> poll_transmit() { return ops_.pop(); }
    [[nodiscard]] instant next_timeout() const noexcept;

    // To whoever drives it ----------------------------------------------------------------------

    [[nodiscard]] std::optional<event> poll_event() { return events_.pop(); }
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    /// The peer's SETTINGS, or null before they came.
    [[nodiscard]] const settings* peer_settings() const noexcept {
        return settings_here_ ? &peer_settings_ : nullptr;
    }
    /// The newest dialect of both sides; `none` before SETTINGS, or when there is none in common.
    [[nodiscard]] dialect version() const noexcept { return version_; }
    [[nodiscard]] const connection_config& config() const noexcept { return config_; }
    /// Whether the peer's or our GOAWAY forbids new requests.
    [[nodiscard]] bool going_away() const noexcept { return goaway_sent_ || goaway_received_; }
    /// Whether a session is open: accepted by the server, and not over.
    [[nodiscard]] bool is_open(session_id session) const noexcept;
    [[nodiscard]] std::size_t session_count() const noexcept { return sessions_in_use_; }
    /// The session of a stream, or `no_session` for HTTP/3's own and unknown ones.
    [[nodiscard]] session_id session_of(stream_id stream) const noexcept;
    /// Bytes written to `stream` and not yet handed to the transport.
    [[nodiscard]] std::size_t unsent_bytes(stream_id stream) const noexcept;

    // A session's streams and datagrams -----------------------------------------------------------

    /// Says that `stream`, which the driver has just opened, is one of `session`. A client may do
    /// so before the response is there; what comes back on it may then precede `session_opened`.
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
    using stream_record = detail::stream_record;
    using session_record = detail::session_record;
    using channel = detail::channel;
    using message_phase = detail::message_phase;
    using kind = detail::stream_kind;
    using phase = detail::session_phase;
    static constexpr std::uint32_t no_slot = detail::no_slot;
    struct early_datagram {
        session_id session = no_session;
        slice data{};
        instant until{};
    };

    // detail/receive.hpp
    [[nodiscard]] bool is_local(stream_id id) const noexcept {
        return opened_by_server(id) == (config_.self == role::server);
    }
    [[nodiscard]] std::uint32_t add_stream(stream_id id, kind what);
    [[nodiscard]] std::uint32_t add_channel_stream(stream_id id, kind what);
    [[nodiscard]] stream_input read_type(instant now, std::uint32_t slot, bytes data, bool fin);
    [[nodiscard]] stream_input read_typed(instant now, std::uint32_t slot, bytes data, bytes rest,
                                          bool fin);
    [[nodiscard]] stream_input read_session_id(instant now, std::uint32_t slot, bytes data,
                                               bytes rest, bool fin);
    [[nodiscard]] stream_input session_bytes(instant now, std::uint32_t slot, std::size_t consumed,
                                             std::size_t count, bool fin);
    [[nodiscard]] std::uint32_t heard_of(stream_id id);
    [[nodiscard]] stream_signal session_signal(instant now, const stream_record& s,
                                               std::uint64_t code);
    [[nodiscard]] stream_input wait(session_id session, std::size_t consumed) const noexcept;
    void set_uni_type(std::uint32_t slot, std::uint64_t type);
    void refuse(std::uint32_t slot, http_code code);
    void stream_op(transport_op::kind what, stream_id stream, http_code code);

    // detail/control.hpp
    void read_control(instant now, std::uint32_t slot, bytes in, bool fin);
    void handle_control_frame(instant now, std::uint64_t type, bytes payload);
    [[nodiscard]] bool check_control_frame(const frame_piece& piece);
    void handle_settings(instant now, bytes payload);
    void handle_goaway(instant now, std::uint64_t id);
    [[nodiscard]] bool gather(channel& c, const frame_piece& piece, bytes& whole);
    void end_connection(http_code code, std::string_view reason, bool by_peer);
    void fail_connection(http_code code, std::string_view reason);

    // detail/message.hpp
    [[nodiscard]] stream_input read_message(instant now, std::uint32_t slot, bytes data, bool fin);
    [[nodiscard]] bool check_message_frame(channel& c, const frame_piece& piece);
    void handle_message_piece(instant now, std::uint32_t slot, const frame_piece& piece);
    void handle_section(instant now, std::uint32_t slot, bytes block);
    void handle_request_head(instant now, std::uint32_t slot, field_list fields);
    void handle_response_head(instant now, std::uint32_t slot, field_list fields);
    void handle_content(instant now, std::uint32_t slot, bytes data);
    void handle_end(instant now, std::uint32_t slot);
    void refuse_section(instant now, std::uint32_t slot);
    void answer_alone(instant now, std::uint32_t slot, std::uint16_t status);
    void break_message(std::uint32_t slot, http_code code, http_code told);
    [[nodiscard]] bool message_waits(const channel& c) const noexcept;
    [[nodiscard]] result<slice> encode_head(stream_id stream, std::span<const field> head,
                                            std::span<const field> fields);
    [[nodiscard]] channel* own_message(stream_id stream) noexcept;

    // detail/session.hpp
    [[nodiscard]] std::uint32_t add_session(session_id id, std::uint32_t stream_slot);
    [[nodiscard]] session_record* find_session(session_id id) noexcept;
    [[nodiscard]] const session_record* find_session(session_id id) const noexcept;
    [[nodiscard]] std::size_t session_limit() const noexcept;
    void request_session(instant now, std::uint32_t slot);
    void open_session(instant now, std::uint32_t slot);
    void refuse_session(std::uint32_t stream);
    void forget_session(std::uint32_t slot, http_code code);
    [[nodiscard]] std::vector<slice> take_early(session_id id);
    void end_session(std::uint32_t slot, event e);
    void break_session(std::uint32_t slot, http_code code);
    void release_session(std::uint32_t slot);
    void handle_capsules(instant now, std::uint32_t slot, bytes data);
    [[nodiscard]] bool handle_capsule(std::uint32_t slot, const capsule& item);
    [[nodiscard]] bool was_session(session_id id) const noexcept;
    void finish_connect(std::uint32_t slot);

    // detail/connect.hpp
    void send_connect(instant now, std::uint32_t slot);
    void handle_session_response(instant now, std::uint32_t slot, std::uint16_t status,
                                 field_list fields);

    // detail/flow.hpp
    void apply_window(session_record& s) noexcept;
    [[nodiscard]] bool handle_flow_capsule(session_record& s, const capsule& item);
    [[nodiscard]] bool count_in(session_record& s, std::uint64_t count);
    [[nodiscard]] bool count_stream_in(session_record& s, bool unidirectional);
    void count_stream_end(session_record& s, bool unidirectional);
    void send_capsule(session_record& s, std::uint64_t type, bytes value);
    void send_capsule(session_record& s, std::uint64_t type, std::uint64_t value);

    // detail/send.hpp
    void queue(std::uint32_t slot, slice chunk, bool content = false);
    void finish_out(std::uint32_t slot);
    void drop_out(channel& c);
    void make_ready(std::uint32_t slot);
    [[nodiscard]] std::uint32_t next_ready(ring<stream_id>& list, bool bulk);
    event& emit(event::kind what, stream_id stream = no_stream);
    [[nodiscard]] slice keep(bytes data);

    // detail/state.hpp
    void begin_request(instant now, std::uint32_t slot, std::uint64_t first_type);

    connection_config config_;
    buffer_pool* pool_;
    qpack_coder qpack_{};
    bool closed_ = false;
    bool transport_gone_ = false;
    bool settings_here_ = false;
    bool window_enabled_ = false; ///< both sides have session flow control
    settings peer_settings_{};
    dialect version_ = dialect::none;

    ring<event> events_{};
    event unheard_{}; ///< takes what would come after `closed`
    ring<transport_op> ops_{};
    slot_pool<stream_record> streams_{};
    id_map stream_ids_{};
    slot_pool<channel> channels_{};
    slot_pool<session_record> sessions_{};
    id_map session_ids_{};
    ring<session_id> ended_sessions_{}; ///< the last ones, for what still comes of them
    ring<early_datagram> early_datagrams_{};
    std::size_t early_datagram_bytes_ = 0;
    std::size_t early_streams_ = 0;
    std::size_t open_requests_ = 0;
    std::size_t sessions_in_use_ = 0; ///< those not over

    ring<stream_id> urgent_{};
    ring<stream_id> bulk_{};
    ring<detail::deadline> early_deadlines_{};
    ring<detail::deadline> request_deadlines_{};
    instant settings_deadline_ = never;

    stream_id control_out_ = no_stream;
    bool control_in_ = false;
    std::array<bool, 2> qpack_in_{};
    stream_id next_request_ = 0; ///< one step above the peer's highest request
    std::optional<stream_id> goaway_sent_{};
    std::optional<std::uint64_t> goaway_received_{};
};

/// The subprotocols that a client offers in `session_requested`, the most wanted first; none when
/// the field is absent or malformed.
///
/// Spec    draft-ietf-webtrans-http3 section "Application Protocol Negotiation".
[[nodiscard]] std::vector<std::string> offered_protocols(const event& request);

} // namespace moqrtc::webtransport

#if MOQRTC_DEFINITIONS
#include <moqrtc/webtransport/detail/connect.hpp>
#include <moqrtc/webtransport/detail/control.hpp>
#include <moqrtc/webtransport/detail/flow.hpp>
#include <moqrtc/webtransport/detail/message.hpp>
#include <moqrtc/webtransport/detail/receive.hpp>
#include <moqrtc/webtransport/detail/send.hpp>
#include <moqrtc/webtransport/detail/session.hpp>
#include <moqrtc/webtransport/detail/state.hpp>
#endif
