#pragma once

#include <moqrtc/webtransport/connection.hpp>

/// The control streams: SETTINGS, GOAWAY, and how a connection ends.
namespace moqrtc::webtransport {

MOQRTC_INLINE void connection::start(instant now, stream_id control) {
    if (closed_ || control_out_ != no_stream) return;
    control_out_ = control;
    settings_deadline_ = now + config_.settings_timeout;
    const auto slot = add_channel_stream(control, kind::own_control);
    std::array<std::byte, settings_size_bound> payload{};
    const auto size = serialize_settings(settings_of(config_), payload);
    const frame_head head{frame_type::settings, size};
    buffer out;
    const auto type = static_cast<std::byte>(stream_type::control);
    if (!out.append(*pool_, {&type, 1}) || !out.append(*pool_, head.view()) ||
        !out.append(*pool_, bytes{payload}.first(size)))
        return fail_connection(http_code::h3_internal_error, "out of memory");
    queue(slot, out.freeze());
}

/// Collects a frame's payload; true when it is whole, in `whole`. What is collected is bounded by
/// whoever looked at the frame's length before.
MOQRTC_INLINE bool connection::gather(channel& c, const frame_piece& piece, bytes& whole) {
    if (piece.first && piece.last) {
        whole = piece.payload;
        return true;
    }
    if (piece.first) c.held.clear();
    if (!c.held.append(*pool_, piece.payload)) {
        fail_connection(http_code::h3_internal_error, "out of memory");
        return false;
    }
    if (!piece.last) return false;
    whole = c.held.view();
    return true;
}

MOQRTC_INLINE void connection::read_control(instant now, std::uint32_t slot, bytes in, bool fin) {
    auto& c = channels_[streams_[slot].channel];
    while (const auto piece = c.frames.next(in)) {
        if (piece->first && !check_control_frame(*piece)) return;
        switch (piece->type) {
        case frame_type::settings:
        case frame_type::goaway:
        case frame_type::max_push_id:
        case frame_type::cancel_push: {
            bytes whole;
            if (gather(c, *piece, whole)) {
                handle_control_frame(now, piece->type, whole);
                c.held = buffer{};
            }
            break;
        }
        default: // an extension that is not ours
            break;
        }
        if (closed_) return;
    }
    if (fin) fail_connection(http_code::h3_closed_critical_stream, "control stream ended");
}

/// What may stand on a control stream, and how long it may be; false when the connection broke.
MOQRTC_INLINE bool connection::check_control_frame(const frame_piece& piece) {
    const auto broke = [this](http_code code, std::string_view reason) {
        fail_connection(code, reason);
        return false;
    };
    constexpr std::uint64_t most_settings = 4096;
    if (piece.type == frame_type::wt_stream)
        return broke(http_code::h3_frame_error, "WT_STREAM on the control stream");
    if (frame_type::is_http2_only(piece.type))
        return broke(http_code::h3_frame_unexpected, "frame of HTTP/2");
    if (!settings_here_ && piece.type != frame_type::settings)
        return broke(http_code::h3_missing_settings, "SETTINGS is not first");
    switch (piece.type) {
    case frame_type::settings:
        if (settings_here_) return broke(http_code::h3_frame_unexpected, "second SETTINGS");
        if (piece.length > most_settings)
            return broke(http_code::h3_excessive_load, "SETTINGS too long");
        return true;
    case frame_type::data:
    case frame_type::headers:
    case frame_type::push_promise:
        return broke(http_code::h3_frame_unexpected, "frame of requests on the control stream");
    case frame_type::max_push_id:
        if (config_.self == role::client)
            return broke(http_code::h3_frame_unexpected, "MAX_PUSH_ID from a server");
        [[fallthrough]];
    case frame_type::goaway:
    case frame_type::cancel_push:
        return piece.length <= 8 || broke(http_code::h3_frame_error, "not one integer");
    default:
        return true;
    }
}

MOQRTC_INLINE void connection::handle_control_frame(instant now, std::uint64_t type,
                                                    bytes payload) {
    if (type == frame_type::settings) return handle_settings(now, payload);
    const auto id = decode_varint(varint_form::quic, payload.data(), payload.size());
    if (id.size == 0 || id.size != payload.size())
        return fail_connection(http_code::h3_frame_error, "not one integer");
    if (type == frame_type::goaway) return handle_goaway(now, id.value);
    // Nothing is ever pushed: neither promised by this side nor allowed to the other.
    if (type == frame_type::cancel_push)
        fail_connection(http_code::h3_id_error, "CANCEL_PUSH without a push");
}

MOQRTC_INLINE void connection::handle_settings(instant now, bytes payload) {
    const auto parsed = parse_settings(payload);
    if (!parsed)
        return fail_connection(parsed.error().code == errc::truncated
                                   ? http_code::h3_frame_error
                                   : http_code::h3_settings_error,
                               parsed.error().field);
    peer_settings_ = *parsed;
    settings_here_ = true;
    settings_deadline_ = never;
    version_ = config_.dialects.newest_common(peer_settings_.dialects);
    window_enabled_ = config_.window.enabled() && peer_settings_.window.enabled();
    emit(event::kind::ready);
    for (std::uint32_t i = 0; i < sessions_.extent(); ++i) {
        if (sessions_[i].id == no_session || sessions_[i].phase != phase::waiting) continue;
        if (config_.self == role::client)
            send_connect(now, i);
        else
            request_session(now, i);
    }
}

MOQRTC_INLINE void connection::handle_goaway(instant, std::uint64_t id) {
    const bool server_said = config_.self == role::client;
    if ((server_said && !is_request_stream(id)) || (goaway_received_ && id > *goaway_received_))
        return fail_connection(http_code::h3_id_error, "GOAWAY");
    const bool first = !goaway_received_;
    goaway_received_ = id;
    for (std::uint32_t i = 0; server_said && i < streams_.extent(); ++i) {
        const auto& s = streams_[i];
        if (s.id == no_stream || !s.local || s.kind != kind::message || s.id < id) continue;
        break_message(i, http_code::h3_request_cancelled, http_code::h3_request_rejected);
    }
    if (first) emit(event::kind::goaway).by_peer = true;
}

MOQRTC_INLINE void connection::goaway(instant) {
    if (closed_ || goaway_sent_ || control_out_ == no_stream) return;
    // A server names the first request that it will not look at, a client the first push.
    goaway_sent_ = config_.self == role::server ? next_request_ : 0;
    std::array<std::byte, 8> id{};
    const auto size = encode_varint(varint_form::quic, *goaway_sent_, id.data());
    const frame_head head{frame_type::goaway, size};
    buffer out;
    if (!out.append(*pool_, head.view()) || !out.append(*pool_, bytes{id}.first(size)))
        return fail_connection(http_code::h3_internal_error, "out of memory");
    queue(stream_ids_.find(control_out_), out.freeze());
}

MOQRTC_INLINE void connection::close(instant, http_code code, std::string_view reason) {
    if (closed_) return;
    ops_.push({transport_op::kind::close, no_stream, static_cast<std::uint64_t>(code),
               keep(as_bytes(reason))});
    end_connection(code, reason, false);
}

MOQRTC_INLINE void connection::fail_connection(http_code code, std::string_view reason) {
    close({}, code, reason);
}

MOQRTC_INLINE void connection::handle_transport_closed(instant, std::uint64_t code,
                                                       std::string_view reason, bool by_peer) {
    transport_gone_ = true;
    if (!closed_) end_connection(http_code{code}, reason, by_peer);
}

MOQRTC_INLINE void connection::end_connection(http_code code, std::string_view reason,
                                              bool by_peer) {
    for (std::uint32_t i = 0; i < sessions_.extent(); ++i) {
        auto& s = sessions_[i];
        if (s.id == no_session || s.phase == phase::over) continue;
        const bool unanswered = config_.self == role::client && s.phase != phase::open;
        s.phase = phase::over;
        if (!s.told) continue;
        auto& e =
            emit(unanswered ? event::kind::session_refused : event::kind::session_closed, s.id);
        e.code = code;
        e.by_peer = by_peer;
    }
    sessions_in_use_ = 0;
    auto& e = emit(event::kind::closed);
    e.code = code;
    e.data = keep(as_bytes(reason));
    e.by_peer = by_peer;
    settings_deadline_ = never;
    closed_ = true;
}

} // namespace moqrtc::webtransport
