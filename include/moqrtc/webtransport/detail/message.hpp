#pragma once

#include <moqrtc/webtransport/connection.hpp>
#include <moqrtc/webtransport/message_head.hpp>

/// Requests and responses: RFC 9114 section 4.
namespace moqrtc::webtransport {

/// Whether what follows on a stream has to stay in the transport: the content is not wanted now, or
/// it is capsules of a session that is not answered (they mean nothing before the 200).
MOQRTC_INLINE bool connection::message_waits(const channel& c) const noexcept {
    if (c.paused) return true;
    if (c.session == no_slot || config_.self == role::client) return false;
    return sessions_[c.session].phase < phase::open;
}

MOQRTC_INLINE stream_input connection::read_message(instant now, std::uint32_t slot, bytes data,
                                                    bool fin) {
    const auto taken = [&](bytes rest) {
        return stream_input{stream_input::owner::connection, no_session, data.size() - rest.size()};
    };
    auto& s = streams_[slot];
    auto& c = channels_[s.channel];
    for (auto rest = data;;) {
        if (closed_) return taken({});
        if (s.kind != kind::message || c.in == message_phase::over) {
            s.in_over = s.in_over || fin;
            return taken({});
        }
        if (!rest.empty() && message_waits(c)) return wait(no_session, data.size() - rest.size());
        if (!rest.empty() && events_.size() >= config_.max_events) return taken(rest);
        const auto piece = c.frames.next(rest);
        if (!piece) break;
        if (piece->first && !check_message_frame(c, *piece)) return taken({});
        handle_message_piece(now, slot, *piece);
    }
    if (fin) handle_end(now, slot);
    return taken({});
}

/// What may stand where on a request stream; false when the connection broke.
MOQRTC_INLINE bool connection::check_message_frame(channel& c, const frame_piece& piece) {
    const auto broke = [this](http_code code, std::string_view reason) {
        fail_connection(code, reason);
        return false;
    };
    const bool is_session = c.session != no_slot;
    switch (piece.type) {
    case frame_type::data:
        return c.in == message_phase::content ||
               broke(http_code::h3_frame_unexpected, "DATA outside the content");
    case frame_type::headers:
        // RFC 9114 section 4.4: a CONNECT stream has DATA only, once it is one.
        return (c.in != message_phase::trailers && !is_session) || c.in == message_phase::head ||
               broke(http_code::h3_frame_unexpected, "HEADERS after the trailers");
    case frame_type::push_promise:
        return broke(config_.self == role::client ? http_code::h3_id_error
                                                  : http_code::h3_frame_unexpected,
                     "PUSH_PROMISE");
    case frame_type::wt_stream:
        return broke(http_code::h3_frame_error, "WT_STREAM inside a stream");
    case frame_type::cancel_push:
    case frame_type::settings:
    case frame_type::goaway:
    case frame_type::max_push_id:
        return broke(http_code::h3_frame_unexpected, "frame of the control stream");
    default:
        return !frame_type::is_http2_only(piece.type) ||
               broke(http_code::h3_frame_unexpected, "frame of HTTP/2");
    }
}

MOQRTC_INLINE void connection::handle_message_piece(instant now, std::uint32_t slot,
                                                    const frame_piece& piece) {
    auto& c = channels_[streams_[slot].channel];
    if (piece.type == frame_type::data) {
        if (!piece.payload.empty()) handle_content(now, slot, piece.payload);
    } else if (piece.type == frame_type::headers) {
        if (piece.length > config_.max_field_section) return refuse_section(now, slot);
        bytes block;
        if (!gather(c, piece, block)) return;
        handle_section(now, slot, block);
        c.held = buffer{};
    }
}

/// The field section is larger than we take: RFC 9114 section 4.2.2.
MOQRTC_INLINE void connection::refuse_section(instant now, std::uint32_t slot) {
    auto& s = streams_[slot];
    auto& c = channels_[s.channel];
    if (config_.self == role::client || c.told)
        return break_message(slot, http_code::h3_excessive_load, http_code::h3_excessive_load);
    c.in = message_phase::over;
    answer_alone(now, slot, 431);
}

/// A response that the application has no part in.
MOQRTC_INLINE void connection::answer_alone(instant now, std::uint32_t slot, std::uint16_t status) {
    auto& s = streams_[slot];
    if (!respond(now, s.id, status))
        return break_message(slot, http_code::h3_internal_error, http_code::h3_internal_error);
    channels_[s.channel].in = message_phase::over;
    if (!s.in_over) stream_op(transport_op::kind::stop_sending, s.id, http_code::h3_no_error);
}

MOQRTC_INLINE void connection::handle_section(instant now, std::uint32_t slot, bytes block) {
    auto& s = streams_[slot];
    auto& c = channels_[s.channel];
    auto fields = qpack_.decode(*pool_, s.id, block, config_.max_field_section);
    if (!fields) {
        const auto why = fields.error().code;
        if (why == errc::limit) return refuse_section(now, slot);
        if (why == errc::bad_value)
            return fail_connection(http_code::qpack_decompression_failed, "field section");
        return break_message(slot, http_code::h3_internal_error, http_code::h3_internal_error);
    }
    if (c.in == message_phase::content) {
        if (!check_head(section_kind::trailers, *fields))
            return break_message(slot, http_code::h3_message_error, http_code::h3_message_error);
        c.in = message_phase::trailers;
        c.trailers = std::move(*fields);
    } else if (config_.self == role::server) {
        handle_request_head(now, slot, std::move(*fields));
    } else {
        handle_response_head(now, slot, std::move(*fields));
    }
}

MOQRTC_INLINE void connection::handle_request_head(instant now, std::uint32_t slot,
                                                   field_list fields) {
    auto& s = streams_[slot];
    auto& c = channels_[s.channel];
    const auto head = check_head(section_kind::request, fields);
    if (!head) return break_message(slot, http_code::h3_message_error, http_code::h3_message_error);
    c.in = message_phase::content;
    c.content_length = head->content_length;
    if (!head->is_connect()) {
        c.told = true;
        emit(event::kind::request, s.id).fields = std::move(fields);
        return;
    }
    const bool webtransport =
        head->protocol == "webtransport" || head->protocol == "webtransport-h3";
    if (!webtransport || config_.dialects.empty()) return answer_alone(now, slot, 501);
    if (head->scheme != "https")
        return break_message(slot, http_code::h3_message_error, http_code::h3_message_error);
    const auto session = add_session(s.id, slot);
    sessions_[session].fields = std::move(fields);
    if (settings_here_) request_session(now, session);
}

MOQRTC_INLINE void connection::handle_response_head(instant now, std::uint32_t slot,
                                                    field_list fields) {
    auto& s = streams_[slot];
    auto& c = channels_[s.channel];
    const auto head = check_head(section_kind::response, fields);
    if (!head || head->status == 101)
        return break_message(slot, http_code::h3_request_cancelled, http_code::h3_message_error);
    if (head->status < 200) return; // interim: the final one follows
    c.in = message_phase::content;
    c.answered = true;
    if (c.session != no_slot)
        return handle_session_response(now, slot, head->status, std::move(fields));
    c.content_length = head->content_length;
    c.no_content = c.no_content || head->status == 204 || head->status == 304;
    auto& e = emit(event::kind::response, s.id);
    e.status = head->status;
    e.fields = std::move(fields);
}

MOQRTC_INLINE void connection::handle_content(instant now, std::uint32_t slot, bytes data) {
    auto& s = streams_[slot];
    auto& c = channels_[s.channel];
    if (c.session != no_slot) return handle_capsules(now, slot, data);
    c.content_in += data.size();
    if (c.content_length && c.content_in > *c.content_length)
        return break_message(slot, http_code::h3_message_error, http_code::h3_message_error);
    auto kept = keep(data);
    if (kept.size() != data.size())
        return break_message(slot, http_code::h3_internal_error, http_code::h3_internal_error);
    emit(event::kind::content, s.id).data = std::move(kept);
}

/// The peer's side of a request stream ended.
MOQRTC_INLINE void connection::handle_end(instant, std::uint32_t slot) {
    auto& s = streams_[slot];
    auto& c = channels_[s.channel];
    s.in_over = true;
    if (c.in == message_phase::over) return;
    if (!c.frames.between_frames())
        return fail_connection(http_code::h3_frame_error, "stream ended inside a frame");
    if (c.in == message_phase::head)
        return break_message(slot, http_code::h3_request_incomplete,
                             http_code::h3_request_incomplete);
    if (c.session != no_slot) return finish_connect(slot);
    if (c.paused) {
        c.fin_waits = true;
        return;
    }
    if (c.content_length && !c.no_content && c.content_in != *c.content_length)
        return break_message(slot, http_code::h3_message_error, http_code::h3_message_error);
    c.in = message_phase::over;
    emit(event::kind::finished, s.id).fields = std::move(c.trailers);
}

/// Ends both directions with `code`; whoever knows of the message learns `told`.
MOQRTC_INLINE void connection::break_message(std::uint32_t slot, http_code code, http_code told) {
    auto& s = streams_[slot];
    auto& c = channels_[s.channel];
    refuse(slot, code);
    if (c.session != no_slot) {
        event e;
        e.what = event::kind::session_closed;
        e.code = told;
        e.by_peer = true;
        return end_session(c.session, std::move(e));
    }
    if (!c.told) return;
    auto& e = emit(event::kind::aborted, s.id);
    e.code = told;
    e.by_peer = true;
}

MOQRTC_INLINE detail::channel* connection::own_message(stream_id stream) noexcept {
    const auto slot = closed_ ? id_map::none : stream_ids_.find(stream);
    if (slot == id_map::none || streams_[slot].kind != kind::message || streams_[slot].out_over)
        return nullptr;
    return &channels_[streams_[slot].channel];
}

MOQRTC_INLINE result<slice> connection::encode_head(stream_id stream, std::span<const field> head,
                                                    std::span<const field> fields) {
    constexpr const char* where = "field section";
    std::vector<field> all{head.begin(), head.end()};
    std::uint64_t total = 0;
    for (const auto& each : fields) {
        if (!may_send(each)) return fail(errc::bad_value, "field", 0, where);
        all.push_back(each);
    }
    for (const auto& each : all) {
        if (!detail::is_field_value(each.value)) return fail(errc::bad_value, "field", 0, where);
        total += each.name.size() + each.value.size() + 32;
    }
    if (total > peer_settings_.max_field_section_size)
        return fail(errc::limit, "field section", 0, where);
    return qpack_.encode(*pool_, stream, all);
}

MOQRTC_INLINE result<void> connection::respond(instant, stream_id request, std::uint16_t status,
                                               std::span<const field> fields, bool fin) {
    constexpr const char* where = "response";
    auto* const c = own_message(request);
    if (c == nullptr || config_.self != role::server)
        return fail(errc::not_found, "request", 0, where);
    if (c->answered || (c->session != no_slot && sessions_[c->session].phase != phase::requested))
        return fail(errc::bad_state, "request", 0, where);
    const bool accepts_session = c->session != no_slot && status < 300;
    if (status < 200 || status > 599 || accepts_session)
        return fail(errc::bad_value, "status", 0, where);
    const std::array digits{static_cast<char>('0' + status / 100),
                            static_cast<char>('0' + status / 10 % 10),
                            static_cast<char>('0' + status % 10)};
    const std::array head{field{":status", {digits.data(), digits.size()}}};
    auto encoded = encode_head(request, head, fields);
    if (!encoded) return std::unexpected(encoded.error());
    const auto slot = stream_ids_.find(request);
    c->answered = true;
    queue(slot, std::move(*encoded));
    if (fin) finish_out(slot);
    if (c->session != no_slot) refuse_session(slot);
    return {};
}

MOQRTC_INLINE result<void> connection::request(instant, stream_id stream, const request_head& head,
                                               bool fin) {
    constexpr const char* where = "request";
    if (closed_ || config_.self != role::client || goaway_received_)
        return fail(errc::bad_state, "connection", 0, where);
    if (!is_request_stream(stream) || stream_ids_.contains(stream))
        return fail(errc::bad_value, "stream", 0, where);
    if (!detail::is_token(head.method) || head.method == "CONNECT" || head.authority.empty() ||
        head.path.empty())
        return fail(errc::bad_value, "head", 0, where);
    const std::array pseudo{field{":method", head.method}, field{":scheme", "https"},
                            field{":authority", head.authority}, field{":path", head.path}};
    auto encoded = encode_head(stream, pseudo, head.fields);
    if (!encoded) return std::unexpected(encoded.error());
    const auto slot = add_channel_stream(stream, kind::message);
    auto& c = channels_[streams_[slot].channel];
    c.told = true;
    c.no_content = head.method == "HEAD";
    queue(slot, std::move(*encoded));
    if (fin) finish_out(slot);
    return {};
}

MOQRTC_INLINE result<void> connection::cancel(instant, stream_id stream, http_code code) {
    const auto slot = closed_ ? id_map::none : stream_ids_.find(stream);
    if (slot == id_map::none || streams_[slot].kind != kind::message)
        return fail(errc::not_found, "stream", 0, "cancel");
    if (channels_[streams_[slot].channel].session != no_slot)
        return fail(errc::bad_state, "stream", 0, "cancel");
    refuse(slot, code);
    return {};
}

MOQRTC_INLINE void connection::pause_content(stream_id stream) {
    const auto slot = stream_ids_.find(stream);
    if (slot == id_map::none || streams_[slot].kind != kind::message) return;
    auto& c = channels_[streams_[slot].channel];
    if (c.session == no_slot) c.paused = true;
}

MOQRTC_INLINE void connection::resume_content(instant now, stream_id stream) {
    const auto slot = stream_ids_.find(stream);
    if (slot == id_map::none || streams_[slot].kind != kind::message) return;
    auto& c = channels_[streams_[slot].channel];
    if (!std::exchange(c.paused, false)) return;
    if (std::exchange(c.fin_waits, false)) return handle_end(now, slot);
    if (!closed_) ops_.push({transport_op::kind::resume, stream, 0, {}});
}

} // namespace moqrtc::webtransport
