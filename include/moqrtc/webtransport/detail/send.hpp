#pragma once

#include <moqrtc/webtransport/connection.hpp>

/// Sending: queues of HTTP/3's own streams, prefixes and budgets of the sessions'.
namespace moqrtc::webtransport {

MOQRTC_INLINE event& connection::emit(event::kind what, stream_id stream) {
    if (closed_) return unheard_ = event{};
    events_.push({});
    auto& e = events_.back();
    e.what = what;
    e.stream = stream;
    return e;
}

MOQRTC_INLINE slice connection::keep(bytes data) {
    return slice::copy(*pool_, data);
}

MOQRTC_INLINE void connection::make_ready(std::uint32_t slot) {
    auto& s = streams_[slot];
    auto& c = channels_[s.channel];
    if (c.queued || c.blocked || !c.out.wants_to_send()) return;
    c.queued = true;
    (c.content_out && c.urgent == 0 ? bulk_ : urgent_).push(s.id);
}

MOQRTC_INLINE void connection::queue(std::uint32_t slot, slice chunk, bool content) {
    auto& c = channels_[streams_[slot].channel];
    if (content)
        c.content_out = true;
    else if (!c.content_out)
        c.urgent += chunk.size();
    c.out.push(std::move(chunk));
    make_ready(slot);
}

MOQRTC_INLINE void connection::finish_out(std::uint32_t slot) {
    auto& c = channels_[streams_[slot].channel];
    c.out.fin = true;
    make_ready(slot);
}

MOQRTC_INLINE void connection::drop_out(channel& c) {
    // Chunks that were handed over stay until the stream is closed: a packet with them may still be
    // on its way into the socket.
    c.out.unsent = 0;
    c.out.fin = c.out.fin_sent = true;
}

/// The first of a list that still has something to send, or none. One that has only content left
/// moves from the urgent list to the other.
MOQRTC_INLINE std::uint32_t connection::next_ready(ring<stream_id>& list, bool bulk) {
    while (!list.empty()) {
        const auto id = list.front();
        const auto slot = stream_ids_.find(id);
        auto* const c = slot == id_map::none || streams_[slot].channel == no_slot
                            ? nullptr
                            : &channels_[streams_[slot].channel];
        const bool here = c != nullptr && c->queued && !c->blocked && c->out.wants_to_send();
        if (here && (bulk || !c->content_out || c->urgent != 0)) return slot;
        list.pop_front();
        if (c == nullptr) continue;
        c->queued = false;
        if (here) make_ready(slot);
    }
    return no_slot;
}

MOQRTC_INLINE std::optional<stream_send> connection::poll_send(instant) {
    if (transport_gone_) return std::nullopt;
    auto slot = next_ready(urgent_, false);
    const bool bulk = slot == no_slot;
    if (bulk) slot = next_ready(bulk_, true);
    if (slot == no_slot) return std::nullopt;
    stream_send out;
    out.stream = streams_[slot].id;
    out.bulk = bulk;
    channels_[streams_[slot].channel].out.offer(out);
    return out;
}

MOQRTC_INLINE stream_progress connection::handle_sent(instant, stream_id id, std::size_t count,
                                                      bool fin) {
    const auto slot = stream_ids_.find(id);
    if (slot == id_map::none) return {};
    auto& s = streams_[slot];
    if (fin) s.out_over = true;
    if (s.channel == no_slot) {
        if (s.kind != kind::session) return {};
        const auto prefix =
            std::min<std::size_t>(count, std::size_t{s.prefix_size} - s.prefix_sent);
        s.prefix_sent = static_cast<std::uint8_t>(s.prefix_sent + prefix);
        sessions_[s.session_slot].sent += count - prefix;
        return {s.of, count - prefix};
    }
    auto& c = channels_[s.channel];
    c.out.sent(count);
    c.urgent -= std::min(c.urgent, count);
    if (fin) c.out.fin_sent = true;
    if (!bulk_.empty() && bulk_.front() == id) { // the next one's turn
        bulk_.pop_front();
        c.queued = false;
        make_ready(slot);
    }
    if (c.content_out && c.out.unsent == 0 && !c.out.fin && count != 0)
        emit(event::kind::drained, id);
    return {};
}

MOQRTC_INLINE stream_progress connection::handle_acked(instant, stream_id id, std::size_t count) {
    const auto slot = stream_ids_.find(id);
    if (slot == id_map::none) return {};
    auto& s = streams_[slot];
    if (s.channel != no_slot) {
        channels_[s.channel].out.acked(count);
        return {};
    }
    if (s.kind != kind::session) return {};
    const auto prefix = std::min<std::size_t>(count, std::size_t{s.prefix_size} - s.prefix_acked);
    s.prefix_acked = static_cast<std::uint8_t>(s.prefix_acked + prefix);
    return {s.of, count - prefix};
}

MOQRTC_INLINE void connection::handle_blocked(stream_id id) {
    const auto slot = stream_ids_.find(id);
    if (slot == id_map::none || streams_[slot].channel == no_slot) return;
    channels_[streams_[slot].channel].blocked = true;
}

MOQRTC_INLINE void connection::handle_writable(stream_id id) {
    const auto slot = stream_ids_.find(id);
    if (slot == id_map::none || streams_[slot].channel == no_slot) return;
    channels_[streams_[slot].channel].blocked = false;
    make_ready(slot);
}

MOQRTC_INLINE std::size_t connection::unsent_bytes(stream_id id) const noexcept {
    const auto slot = stream_ids_.find(id);
    if (slot == id_map::none || streams_[slot].channel == no_slot) return 0;
    return channels_[streams_[slot].channel].out.unsent;
}

MOQRTC_INLINE result<void> connection::open_stream(instant, session_id session, stream_id stream) {
    constexpr const char* where = "WebTransport stream";
    auto* const s = find_session(session);
    if (closed_ || s == nullptr || s->phase == phase::waiting || s->phase == phase::over ||
        (s->phase == phase::requested && config_.self == role::server))
        return fail(errc::not_found, "session", 0, where);
    if (!is_local(stream) || stream_ids_.contains(stream))
        return fail(errc::bad_value, "stream", 0, where);
    const bool uni = is_unidirectional(stream);
    if (stream_credit(session, uni) == 0) {
        if (std::exchange(s->streams_blocked_at[uni], s->allowed.streams[uni]) !=
            s->allowed.streams[uni])
            send_capsule(
                *s, uni ? capsule_type::streams_blocked_uni : capsule_type::streams_blocked_bidi,
                s->allowed.streams[uni]);
        return fail(errc::limit, "streams of the session", 0, where);
    }
    auto& record = streams_[add_stream(stream, kind::session)];
    record.of = session;
    record.session_slot = session_ids_.find(session);
    record.prefix_size = s->prefix_size[uni];
    ++s->streams;
    ++s->opened[uni];
    return {};
}

MOQRTC_INLINE bool connection::offer(stream_id stream, std::span<const bytes> chunks, bool fin,
                                     stream_send& out) {
    out = {};
    out.stream = stream;
    const auto slot = stream_ids_.find(stream);
    if (closed_ || slot == id_map::none || streams_[slot].kind != kind::session) return false;
    const auto& record = streams_[slot];
    auto& s = sessions_[record.session_slot];
    if (record.prefix_sent < record.prefix_size) {
        const auto& prefix = s.prefix[is_unidirectional(stream)];
        out.chunks[out.count++] = {prefix.data() + record.prefix_sent,
                                   std::size_t{record.prefix_size} - record.prefix_sent};
    }
    auto budget = s.allowed.data == UINT64_MAX ? UINT64_MAX : s.allowed.data - s.sent;
    bool whole = true;
    for (const auto chunk : chunks) {
        if (chunk.empty()) continue;
        whole = budget != 0 && out.count < stream_send::max_chunks;
        if (!whole) break;
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), budget));
        out.chunks[out.count++] = chunk.first(size);
        budget -= budget == UINT64_MAX ? 0 : size;
        whole = size == chunk.size();
        if (!whole) break;
    }
    out.fin = fin && whole;
    if (!whole && budget == 0 && std::exchange(s.data_blocked_at, s.allowed.data) != s.allowed.data)
        send_capsule(s, capsule_type::data_blocked, s.allowed.data);
    return out.count != 0 || out.fin;
}

MOQRTC_INLINE bytes connection::datagram_prefix(session_id session) const noexcept {
    const auto* const s = find_session(session);
    if (s == nullptr || s->phase == phase::over || !config_.datagrams ||
        !peer_settings_.h3_datagram)
        return {};
    return {s->datagram_prefix.data(), s->datagram_prefix_size};
}

MOQRTC_INLINE result<void> connection::write_content(instant, stream_id stream, slice data,
                                                     bool fin) {
    constexpr const char* where = "content";
    auto* const c = own_message(stream);
    if (c == nullptr) return fail(errc::not_found, "stream", 0, where);
    const bool head_queued = config_.self == role::client || c->answered;
    if (!head_queued || c->out.fin || c->session != no_slot)
        return fail(errc::bad_state, "stream", 0, where);
    const auto slot = stream_ids_.find(stream);
    if (!data.empty()) {
        auto head = keep(frame_head{frame_type::data, data.size()}.view());
        if (head.empty()) return fail(errc::out_of_memory, "frame", 0, where);
        queue(slot, std::move(head), true);
        queue(slot, std::move(data), true);
    }
    if (fin) finish_out(slot);
    return {};
}

} // namespace moqrtc::webtransport
