#pragma once

#include <moqrtc/webtransport/connection.hpp>

/// Flow control of sessions: draft-ietf-webtrans-http3 section "Flow Control".
namespace moqrtc::webtransport {

/// Both sides' limits as their SETTINGS say; without flow control everything is unlimited.
MOQRTC_INLINE void connection::apply_window(session_record& s) noexcept {
    if (!window_enabled_) return;
    const auto limits = [](const session_window& window) {
        return detail::session_limits{
            window.data, {window.bidirectional_streams, window.unidirectional_streams}};
    };
    s.allowed = limits(peer_settings_.window);
    s.granted = limits(config_.window);
}

MOQRTC_INLINE std::uint64_t connection::send_budget(session_id session) const noexcept {
    const auto* const s = find_session(session);
    if (s == nullptr) return 0;
    if (s->allowed.data == UINT64_MAX) return UINT64_MAX;
    return s->allowed.data - std::min(s->sent, s->allowed.data);
}

MOQRTC_INLINE std::uint64_t connection::stream_credit(session_id session,
                                                      bool unidirectional) const noexcept {
    const auto* const s = find_session(session);
    if (s == nullptr) return 0;
    const auto allowed = s->allowed.streams[unidirectional];
    if (allowed == UINT64_MAX) return UINT64_MAX;
    return allowed - std::min(s->opened[unidirectional], allowed);
}

MOQRTC_INLINE void connection::send_capsule(session_record& s, std::uint64_t type, bytes value) {
    const auto slot = stream_ids_.find(s.id);
    if (slot == id_map::none || streams_[slot].channel == no_slot) return;
    auto& c = channels_[streams_[slot].channel];
    if (c.out.fin) return;
    if (c.out.unsent > config_.max_unsent_control)
        return fail_connection(http_code::h3_excessive_load, "the peer does not read capsules");
    const capsule_head head{type, value.size()};
    buffer out;
    if (!out.append(*pool_, head.view()) || !out.append(*pool_, value))
        return fail_connection(http_code::h3_internal_error, "out of memory");
    queue(slot, out.freeze());
}

MOQRTC_INLINE void connection::send_capsule(session_record& s, std::uint64_t type,
                                            std::uint64_t value) {
    std::array<std::byte, 8> encoded{};
    const auto size = encode_varint(varint_form::quic, value, encoded.data());
    send_capsule(s, type, bytes{encoded.data(), size});
}

/// False when the session broke.
MOQRTC_INLINE bool connection::handle_flow_capsule(session_record& s, const capsule& item) {
    namespace type = capsule_type;
    const auto slot = session_ids_.find(s.id);
    if (item.type == type::max_stream_data || item.type == type::stream_data_blocked) {
        break_session(slot, http_code::wt_flow_control_error);
        return false;
    }
    const auto value = capsule_integer(item.value);
    if (!value) {
        break_session(slot, http_code::h3_message_error);
        return false;
    }
    // The peer may have sent it before it knew that flow control is off.
    if (!window_enabled_) return true;
    const bool streams = item.type != type::max_data && item.type != type::data_blocked;
    std::uint64_t* limit = nullptr;
    if (item.type == type::max_data) limit = &s.allowed.data;
    if (item.type == type::max_streams_bidi) limit = &s.allowed.streams[0];
    if (item.type == type::max_streams_uni) limit = &s.allowed.streams[1];
    if ((streams && *value > max_stream_count) || (limit != nullptr && *value <= *limit)) {
        break_session(slot, http_code::wt_flow_control_error);
        return false;
    }
    if (limit == nullptr) return true;
    *limit = *value;
    if (s.phase == phase::open) emit(event::kind::session_credit, s.id);
    return true;
}

/// `count` content bytes arrived; false when that was more than granted and the session broke.
MOQRTC_INLINE bool connection::count_in(session_record& s, std::uint64_t count) {
    s.received += count;
    if (s.granted.data == UINT64_MAX) return true;
    if (s.received > s.granted.data) {
        break_session(session_ids_.find(s.id), http_code::wt_flow_control_error);
        return false;
    }
    if (s.granted.data - s.received > config_.window.data / 2) return true;
    s.granted.data = std::min(s.received + config_.window.data, varint_max(varint_form::quic));
    send_capsule(s, capsule_type::max_data, s.granted.data);
    return true;
}

/// The peer opened a stream; false when that was one too many and the session broke.
MOQRTC_INLINE bool connection::count_stream_in(session_record& s, bool unidirectional) {
    if (++s.seen[unidirectional] <= s.granted.streams[unidirectional]) return true;
    break_session(session_ids_.find(s.id), http_code::wt_flow_control_error);
    return false;
}

/// A stream of the peer's is over: it may open another one in its place.
MOQRTC_INLINE void connection::count_stream_end(session_record& s, bool unidirectional) {
    ++s.ended[unidirectional];
    auto& granted = s.granted.streams[unidirectional];
    if (granted == UINT64_MAX || s.phase != phase::open) return;
    const auto window = unidirectional ? config_.window.unidirectional_streams
                                       : config_.window.bidirectional_streams;
    const auto next = std::min(s.ended[unidirectional] + window, max_stream_count);
    // Several at a time, unless the peer has none left.
    if (next <= granted || (next - granted < (window + 1) / 2 && s.seen[unidirectional] < granted))
        return;
    granted = next;
    send_capsule(s, unidirectional ? capsule_type::max_streams_uni : capsule_type::max_streams_bidi,
                 granted);
}

} // namespace moqrtc::webtransport
