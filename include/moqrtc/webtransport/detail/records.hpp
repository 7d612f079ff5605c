#pragma once

#include <moqrtc/core/send_queue.hpp>
#include <moqrtc/core/slice.hpp>
#include <moqrtc/core/time.hpp>
#include <moqrtc/webtransport/capsule.hpp>
#include <moqrtc/webtransport/field.hpp>
#include <moqrtc/webtransport/frame.hpp>
#include <moqrtc/webtransport/transport.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moqrtc::webtransport::detail {

inline constexpr std::uint32_t no_slot = UINT32_MAX;

/// What is queued on a stream of HTTP/3's own, and its end.
struct ending_queue : send_queue {
    bool fin = false; ///< ends after what is queued
    bool fin_sent = false;

    [[nodiscard]] bool wants_to_send() const noexcept { return unsent != 0 || (fin && !fin_sent); }
    void offer(stream_send& out) const { out.fin = send_queue::offer(out) && fin; }
    /// What was given up meanwhile does not count.
    void sent(std::size_t count) noexcept { send_queue::sent(std::min(count, unsent)); }
    void clear() {
        send_queue::clear();
        fin = fin_sent = false;
    }
};

/// How far the peer's message on a stream is.
enum class message_phase : std::uint8_t {
    head,     ///< the header section is not complete
    content,  ///< it is; content may come
    trailers, ///< a second header section came: only the end may follow
    over,     ///< the end is here
};

/// A stream that carries frames: the control streams, and requests with their responses.
struct channel {
    frame_reader frames{};
    buffer held{}; ///< payload of a frame that is needed whole
    ending_queue out{};
    std::size_t urgent = 0; ///< unsent bytes at the front that are not content
    bool content_out = false;
    bool blocked = false;
    bool queued = false; ///< stands in one of the lists of what is ready

    message_phase in = message_phase::head;
    bool told = false;       ///< the application knows of the message
    bool answered = false;   ///< server: the final response is queued; client: it is here
    bool paused = false;     ///< the application does not want content now
    bool fin_waits = false;  ///< the end came while paused
    bool no_content = false; ///< responses to HEAD have a length and no content
    std::optional<std::uint64_t> content_length{};
    std::uint64_t content_in = 0;
    field_list trailers{};
    std::uint32_t session = no_slot; ///< what its CONNECT request is for

    void clear() {
        out.clear();
        auto kept = std::move(out.chunks);
        *this = channel{};
        out.chunks = std::move(kept);
    }
};

enum class stream_kind : std::uint8_t {
    untyped,     ///< its type or signal is not complete
    control,     ///< the peer's
    own_control, ///< ours
    qpack_encoder,
    qpack_decoder,
    message, ///< a request and its response
    early,   ///< of a session that is not open yet
    session, ///< of an open session
    ignored, ///< refused, of an unknown type, or of a session that is over
};

struct stream_record {
    stream_id id = no_stream;
    stream_kind kind = stream_kind::untyped;
    bool local = false;
    bool in_over = false;  ///< nothing more comes: end or reset, or the stream has one direction
    bool out_over = false; ///< nothing more goes
    bool counted = false;  ///< among the requests of the peer that are open
    std::uint8_t prefix_size = 0; ///< in front of what a session sends here
    std::uint8_t prefix_sent = 0;
    std::uint8_t prefix_acked = 0;
    std::uint8_t prefix_in = 0; ///< bytes of the peer's prefix that were taken
    head_reader<1> type{};
    head_reader<1> session{};
    session_id of = no_session;
    std::uint32_t session_slot = no_slot; ///< the record stays as long as the stream: its prefix
    std::uint32_t channel = no_slot;
    std::uint64_t content_in = 0; ///< bytes of the session that arrived

    void clear() { *this = stream_record{}; }
};

enum class session_phase : std::uint8_t {
    waiting,   ///< for the peer's SETTINGS; the request is here, or not sent yet
    requested, ///< not answered
    open,
    over,
};

/// Session flow control of one direction.
struct session_limits {
    std::uint64_t data = UINT64_MAX;
    std::array<std::uint64_t, 2> streams{UINT64_MAX, UINT64_MAX}; ///< bidirectional, unidirectional
};

struct session_record {
    session_id id = no_session;
    session_phase phase = session_phase::waiting;
    bool told = false;           ///< the application knows of it
    bool connect_closed = false; ///< its CONNECT stream has no record any more
    bool peer_closed = false;    ///< WT_CLOSE_SESSION is here
    bool gone = false;           ///< a stream of it ended with WT_SESSION_GONE
    bool require_protocol = false;
    std::size_t streams = 0; ///< records that point here
    capsule_reader capsules{};

    std::array<std::array<std::byte, 16>, 2> prefix{}; ///< of streams, by direction
    std::array<std::uint8_t, 2> prefix_size{};
    std::array<std::byte, 8> datagram_prefix{};
    std::uint8_t datagram_prefix_size = 0;

    session_limits allowed{}; ///< by the peer
    session_limits granted{}; ///< to the peer
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::array<std::uint64_t, 2> opened{};      ///< by us
    std::array<std::uint64_t, 2> seen{};        ///< opened by the peer
    std::array<std::uint64_t, 2> ended{};       ///< of those, closed
    std::uint64_t data_blocked_at = UINT64_MAX; ///< the limit that WT_DATA_BLOCKED told last
    std::array<std::uint64_t, 2> streams_blocked_at{UINT64_MAX, UINT64_MAX};

    field_list fields{};                                       ///< server: the request
    std::vector<std::pair<std::string, std::string>> unsent{}; ///< client: the request's fields
    std::vector<std::string> offered{};                        ///< client: subprotocols

    void clear() { *this = session_record{}; }
    void set(session_id number) noexcept {
        id = number;
        for (std::size_t uni = 0; uni < 2; ++uni) {
            auto* const out = prefix[uni].data();
            const auto type = uni != 0 ? stream_type::webtransport : frame_type::wt_stream;
            auto size = encode_varint(varint_form::quic, type, out);
            size += encode_varint(varint_form::quic, number, out + size);
            prefix_size[uni] = static_cast<std::uint8_t>(size);
        }
        datagram_prefix_size = static_cast<std::uint8_t>(
            encode_varint(varint_form::quic, number / 4, datagram_prefix.data()));
    }
};

/// Something that is to be looked at again at a time; those of one queue have the same delay and so
/// stand in order.
struct deadline {
    instant at{};
    stream_id stream = no_stream;
};

} // namespace moqrtc::webtransport::detail
