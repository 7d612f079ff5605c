#pragma once

#include <moqrtc/webtransport/connection.hpp>
#include <moqrtc/webtransport/structured_field.hpp>

/// Sessions: how they are asked for, opened and ended.
namespace moqrtc::webtransport {

MOQRTC_INLINE std::vector<std::string> offered_protocols(const event& request) {
    auto list = parse_string_list(request.fields.combined("wt-available-protocols"));
    return list ? std::move(*list) : std::vector<std::string>{};
}

MOQRTC_INLINE std::uint32_t connection::add_session(session_id id, std::uint32_t stream_slot) {
    const auto slot = sessions_.take();
    sessions_[slot].set(id);
    session_ids_.set(id, slot);
    channels_[streams_[stream_slot].channel].session = slot;
    return slot;
}

MOQRTC_INLINE detail::session_record* connection::find_session(session_id id) noexcept {
    const auto slot = session_ids_.find(id);
    return slot == id_map::none ? nullptr : &sessions_[slot];
}

MOQRTC_INLINE const detail::session_record* connection::find_session(session_id id) const noexcept {
    const auto slot = session_ids_.find(id);
    return slot == id_map::none ? nullptr : &sessions_[slot];
}

MOQRTC_INLINE bool connection::is_open(session_id session) const noexcept {
    const auto* const s = find_session(session);
    return s != nullptr && s->phase == phase::open;
}

/// Whether a session that has no record was one, or can't become one any more.
MOQRTC_INLINE bool connection::was_session(session_id id) const noexcept {
    if (config_.self == role::client) return true;
    for (std::size_t i = 0; i < ended_sessions_.size(); ++i)
        if (ended_sessions_[i] == id) return true;
    const auto slot = stream_ids_.find(id);
    if (slot == id_map::none) return false;
    const auto& s = streams_[slot];
    return s.kind == kind::ignored || s.kind == kind::early || s.kind == kind::session ||
           (s.kind == kind::message && channels_[s.channel].in != message_phase::head);
}

/// How many sessions may be open. Without flow control of sessions the new dialects have one.
///
/// Spec    draft-ietf-webtrans-http3 section "Negotiating the Use of Flow Control".
MOQRTC_INLINE std::size_t connection::session_limit() const noexcept {
    const bool old = version_ == dialect::draft_02 || version_ == dialect::draft_07;
    const std::size_t most = window_enabled_ || old ? config_.max_sessions : 1;
    const bool counts = version_ == dialect::draft_07 || version_ == dialect::draft_13;
    if (config_.self == role::server || !counts) return most;
    return static_cast<std::size_t>(std::min<std::uint64_t>(most, peer_settings_.max_sessions));
}

/// Server: the CONNECT request and the client's SETTINGS are both here.
MOQRTC_INLINE void connection::request_session(instant, std::uint32_t slot) {
    auto& s = sessions_[slot];
    const auto stream = stream_ids_.find(s.id);
    if (!config_.datagrams || !peer_settings_.h3_datagram)
        return break_message(stream, http_code::h3_message_error, http_code::h3_message_error);
    if (sessions_in_use_ >= session_limit())
        return break_message(stream, http_code::h3_request_rejected,
                             http_code::h3_request_rejected);
    ++sessions_in_use_;
    s.phase = phase::requested;
    s.told = true;
    emit(event::kind::session_requested, s.id).fields = s.fields;
}

MOQRTC_INLINE result<void> connection::accept(instant now, session_id session,
                                              std::string_view protocol,
                                              std::span<const field> fields) {
    constexpr const char* where = "session";
    auto* const s = closed_ || config_.self != role::server ? nullptr : find_session(session);
    if (s == nullptr || s->phase == phase::over) return fail(errc::not_found, "session", 0, where);
    if (s->phase != phase::requested) return fail(errc::bad_state, "session", 0, where);
    std::vector<field> head{{":status", "200"}};
    // Clients of draft 2 say so and may want to hear it again.
    if (s->fields.contains("sec-webtransport-http3-draft02"))
        head.push_back({"sec-webtransport-http3-draft", "draft02"});
    std::string chosen;
    if (!protocol.empty()) {
        const auto offered = parse_string_list(s->fields.combined("wt-available-protocols"));
        if (!offered || std::ranges::find(*offered, protocol) == offered->end())
            return fail(errc::bad_value, "protocol", 0, where);
        chosen = *serialize_string_item(protocol);
        head.push_back({"wt-protocol", chosen});
    }
    auto encoded = encode_head(session, head, fields);
    if (!encoded) return std::unexpected(encoded.error());
    const auto stream = stream_ids_.find(session);
    channels_[streams_[stream].channel].answered = true;
    queue(stream, std::move(*encoded));
    open_session(now, session_ids_.find(session));
    return {};
}

/// What came early can be delivered now.
MOQRTC_INLINE void connection::open_session(instant, std::uint32_t slot) {
    auto& s = sessions_[slot];
    s.phase = phase::open;
    s.fields = {};
    apply_window(s);
    ops_.push({transport_op::kind::resume, s.id, 0, {}});
    for (std::uint32_t i = 0; i < streams_.extent(); ++i)
        if (streams_[i].kind == kind::early && streams_[i].of == s.id)
            ops_.push({transport_op::kind::resume, streams_[i].id, 0, {}});
    for (auto& each : take_early(s.id))
        emit(event::kind::datagram, s.id).data = std::move(each);
}

/// Removes a session's early datagrams from their queue, in their order.
MOQRTC_INLINE std::vector<slice> connection::take_early(session_id id) {
    std::vector<slice> found;
    for (auto left = early_datagrams_.size(); left > 0; --left) {
        auto each = *early_datagrams_.pop();
        if (each.session != id) {
            early_datagrams_.push(std::move(each));
            continue;
        }
        early_datagram_bytes_ -= each.data.size();
        found.push_back(std::move(each.data));
    }
    return found;
}

/// Server: a session was answered with something else than 2xx. What is left is a plain response.
MOQRTC_INLINE void connection::refuse_session(std::uint32_t stream) {
    auto& s = streams_[stream];
    auto& c = channels_[s.channel];
    const auto slot = std::exchange(c.session, no_slot);
    c.in = message_phase::over;
    if (!s.in_over) stream_op(transport_op::kind::stop_sending, s.id, http_code::h3_no_error);
    forget_session(slot, http_code::wt_buffered_stream_rejected);
    sessions_[slot].connect_closed = true;
    release_session(slot);
}

/// Takes a session out of use: streams that it has, or that waited for it, end with `code`.
MOQRTC_INLINE void connection::forget_session(std::uint32_t slot, http_code code) {
    auto& s = sessions_[slot];
    s.phase = phase::over;
    if (s.told) --sessions_in_use_;
    for (std::uint32_t i = 0; i < streams_.extent(); ++i)
        if (streams_[i].of == s.id &&
            (streams_[i].kind == kind::session || streams_[i].kind == kind::early))
            refuse(i, code);
    (void)take_early(s.id);
    constexpr std::size_t remembered = 64;
    if (ended_sessions_.size() == remembered) ended_sessions_.pop_front();
    ended_sessions_.push(s.id);
}

/// A session is over, `e` says how; the CONNECT stream is the caller's to end.
MOQRTC_INLINE void connection::end_session(std::uint32_t slot, event e) {
    auto& s = sessions_[slot];
    if (s.phase == phase::over) return;
    const bool unanswered = config_.self == role::client && s.phase != phase::open;
    const bool told = s.told;
    forget_session(slot, http_code::wt_session_gone);
    if (!told) return;
    e.stream = s.id;
    if (unanswered && e.by_peer) e.what = event::kind::session_refused;
    emit(e.what) = std::move(e);
}

/// Ends a session in which something is wrong.
MOQRTC_INLINE void connection::break_session(std::uint32_t slot, http_code code) {
    event e;
    e.what = event::kind::session_closed;
    e.code = code;
    const auto stream = stream_ids_.find(sessions_[slot].id);
    end_session(slot, std::move(e));
    if (stream != id_map::none) refuse(stream, code);
}

MOQRTC_INLINE void connection::release_session(std::uint32_t slot) {
    auto& s = sessions_[slot];
    if (s.phase != phase::over || !s.connect_closed || s.streams != 0) return;
    session_ids_.erase(s.id);
    sessions_.give(slot);
}

MOQRTC_INLINE result<void> connection::close_session(instant, session_id session,
                                                     std::uint32_t code, std::string_view reason) {
    auto* const s = closed_ ? nullptr : find_session(session);
    if (s == nullptr || s->phase == phase::over)
        return fail(errc::not_found, "session", 0, "close_session");
    if (s->phase != phase::open && config_.self == role::server)
        return fail(errc::bad_state, "session", 0, "close_session");
    event e;
    e.what = event::kind::session_closed;
    e.application_code = code;
    const auto message = fit_close_message(reason);
    e.data = keep(as_bytes(message));
    const auto stream = stream_ids_.find(session);
    const auto slot = session_ids_.find(session);
    if (s->phase != phase::open) {
        end_session(slot, std::move(e));
        refuse(stream, http_code::h3_request_cancelled);
        return {};
    }
    std::array<std::byte, 4 + max_close_message> value{};
    store_be<4>(value, code);
    std::ranges::copy(as_bytes(message), value.begin() + 4);
    send_capsule(*s, capsule_type::close_session, bytes{value}.first(4 + message.size()));
    if (closed_) return {};
    finish_out(stream);
    // What the peer still says there is of no interest.
    channels_[streams_[stream].channel].in = message_phase::over;
    end_session(slot, std::move(e));
    return {};
}

MOQRTC_INLINE result<void> connection::drain_session(instant, session_id session) {
    auto* const s = closed_ ? nullptr : find_session(session);
    if (s == nullptr || s->phase != phase::open)
        return fail(errc::not_found, "session", 0, "drain_session");
    send_capsule(*s, capsule_type::drain_session, bytes{});
    return {};
}

MOQRTC_INLINE void connection::handle_capsules(instant, std::uint32_t stream, bytes data) {
    const auto slot = channels_[streams_[stream].channel].session;
    auto& s = sessions_[slot];
    while (!data.empty()) {
        if (s.phase == phase::over) {
            // Something follows WT_CLOSE_SESSION.
            if (s.peer_closed) refuse(stream, http_code::h3_message_error);
            return;
        }
        const auto item = s.capsules.next(data);
        if (!item) return break_session(slot, http_code::h3_message_error);
        if (*item && !handle_capsule(slot, **item)) return;
    }
}

/// False when the session or the connection broke.
MOQRTC_INLINE bool connection::handle_capsule(std::uint32_t slot, const capsule& item) {
    auto& s = sessions_[slot];
    if (item.type == capsule_type::drain_session) {
        emit(event::kind::session_draining, s.id).by_peer = true;
        return true;
    }
    if (item.type != capsule_type::close_session) return handle_flow_capsule(s, item);
    if (item.value.size() < 4 || !is_utf8(as_text(item.value.subspan(4)))) {
        break_session(slot, http_code::h3_message_error);
        return false;
    }
    s.peer_closed = true;
    event e;
    e.what = event::kind::session_closed;
    e.by_peer = true;
    e.application_code = static_cast<std::uint32_t>(load_be<4>(item.value));
    e.data = keep(item.value.subspan(4));
    end_session(slot, std::move(e));
    finish_out(stream_ids_.find(s.id));
    return true;
}

/// The peer's side of a CONNECT stream ended.
MOQRTC_INLINE void connection::finish_connect(std::uint32_t stream) {
    const auto slot = channels_[streams_[stream].channel].session;
    auto& s = sessions_[slot];
    if (s.phase == phase::over) return finish_out(stream);
    if (s.phase != phase::open)
        return break_message(stream, http_code::h3_request_cancelled,
                             http_code::h3_request_cancelled);
    if (!s.capsules.between_capsules()) return break_session(slot, http_code::h3_message_error);
    event e;
    e.what = event::kind::session_closed;
    e.by_peer = true;
    end_session(slot, std::move(e));
    finish_out(stream);
}

} // namespace moqrtc::webtransport
