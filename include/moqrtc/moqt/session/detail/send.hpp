#pragma once

#include <moqrtc/moqt/session/session.hpp>

/// Sending: queues, priorities, credit, delivery timeouts.
namespace moqrtc::moqt {

inline stream_id session::next_local_id(bool unidirectional) noexcept {
    const auto n = local_streams_[unidirectional]++;
    return n << 2 | (unidirectional ? 2u : 0u) | (config_.self == role::server ? 1u : 0u);
}

inline std::uint32_t session::add_out(stream_id id, out_kind kind, send_rank rank) {
    const auto slot = out_.take();
    auto& s = out_[slot];
    s.id = id;
    s.kind = kind;
    s.rank = rank;
    s.opened = opened_by_server(id) != (config_.self == role::server);
    out_ids_.set(id, slot);
    return slot;
}

inline detail::out_stream* session::find_out(stream_id id) noexcept {
    const auto slot = out_ids_.find(id);
    return slot == id_map::none ? nullptr : &out_[slot];
}

inline void session::make_ready(std::uint32_t slot) {
    auto& s = out_[slot];
    if (s.queued || !s.wants_to_send()) return;
    s.queued = true;
    scheduler_.push({s.rank, slot, s.version});
}

inline void session::rerank(std::uint32_t slot, send_rank rank) {
    auto& s = out_[slot];
    s.rank = rank;
    ++s.version; // what the scheduler holds of it is void
    s.queued = false;
    make_ready(slot);
}

inline void session::queue(std::uint32_t slot, slice chunk) {
    auto& s = out_[slot];
    const auto size = chunk.size();
    s.push(std::move(chunk));
    if (s.is_data()) {
        unsent_data_bytes_ += size;
        if (s.request != no_slot) requests_[s.request].unsent += size;
    } else {
        control_bytes_ += size;
    }
    make_ready(slot);
}

inline void session::op(transport_op::kind what, stream_id stream, reset_code code) {
    if (!closed_) ops_.push({what, stream, to_wire(*rules_, code), {}});
}

inline void session::finish_out(instant now, std::uint32_t slot) {
    auto& s = out_[slot];
    if (s.fin) return;
    s.fin = true;
    s.finished_at = now;
    make_ready(slot);
    if (s.kind != out_kind::subgroup || s.request == no_slot) return;
    const auto timeout = requests_[s.request].subscription.subgroup_timeout();
    if (timeout != 0)
        timers_.add(now + milliseconds_saturated(timeout), timer_heap::kind::subgroup, s.id);
}

inline void session::reset_out(instant now, std::uint32_t slot, reset_code code) {
    auto& s = out_[slot];
    if (s.opened) op(transport_op::kind::reset, s.id, code);
    if (s.is_data()) {
        unsent_data_bytes_ -= s.unsent;
        if (s.request != no_slot) {
            auto& r = requests_[s.request];
            r.unsent -= s.unsent;
            // The peer can't see a stream that the transport never opened, so none is counted.
            if (!s.opened && s.kind == out_kind::subgroup) --r.subscription.streams_opened;
        }
        if (!s.fin_sent) data_stream_closed(now, slot);
    } else {
        control_bytes_ -= s.unsent;
    }
    free_out(slot);
}

inline void session::free_out(std::uint32_t slot) {
    out_ids_.erase(out_[slot].id);
    out_.give(slot);
}

inline std::optional<stream_send> session::poll_send(instant now) {
    while (const auto* top = scheduler_.top()) {
        const auto slot = top->stream;
        const auto version = top->version;
        auto& s = out_[slot];
        if (s.version != version || !s.wants_to_send()) {
            if (s.version == version) s.queued = false;
            scheduler_.pop();
            continue;
        }
        if (!s.opened && credit_[is_unidirectional(s.id)] == 0) {
            scheduler_.pop();
            waiting_.emplace_back(slot, version);
            continue;
        }
        if (expired(s, now)) {
            scheduler_.pop();
            s.queued = false;
            // Elapsed time is checked before object data goes to the transport (anchor
            // `delivery-timeouts`); the subscriber sees why the subgroup is incomplete.
            auto* r = s.request == no_slot ? nullptr : &requests_[s.request];
            auto& e = emit(event::kind::stream_stopped, r);
            e.stream = s.id;
            e.reset = reset_code::delivery_timeout;
            reset_out(now, slot, reset_code::delivery_timeout);
            continue;
        }
        stream_send out;
        s.offer(out);
        return out;
    }
    return std::nullopt;
}

inline bool session::expired(const out_stream& s, instant now) const noexcept {
    if (s.marks.empty() || s.request == no_slot) return false;
    const auto& sub = requests_[s.request].subscription;
    const auto object = sub.object_timeout();
    const auto group = sub.subgroup_timeout();
    if (object != 0 && now - s.marks.front().at > milliseconds_saturated(object)) return true;
    return group != 0 && s.fin && now - s.finished_at > milliseconds_saturated(group);
}

inline void session::handle_sent(instant now, stream_id id, std::size_t count, bool fin) {
    const auto slot = out_ids_.find(id);
    if (slot == id_map::none) return;
    auto& s = out_[slot];
    if (!s.opened) {
        s.opened = true;
        auto& credit = credit_[is_unidirectional(id)];
        if (credit != 0) --credit;
    }
    s.sent(count);
    while (!s.marks.empty() && s.marks.front().end <= s.offset_sent)
        s.marks.pop_front();
    if (s.is_data()) {
        unsent_data_bytes_ -= count;
        if (s.request != no_slot) requests_[s.request].unsent -= count;
    } else {
        control_bytes_ -= count;
    }
    if (!fin || s.fin_sent) return;
    s.fin_sent = true;
    if (s.is_data()) data_stream_closed(now, slot);
}

inline void session::handle_blocked(stream_id id) {
    if (auto* s = find_out(id)) s->blocked = true;
}

inline void session::handle_writable(stream_id id) {
    const auto slot = out_ids_.find(id);
    if (slot == id_map::none) return;
    out_[slot].blocked = false;
    make_ready(slot);
}

inline void session::handle_acked(instant, stream_id id, std::size_t count, bool fin) {
    const auto slot = out_ids_.find(id);
    if (slot == id_map::none) return;
    out_[slot].acked(count);
    if (fin && slot != control_out_) free_out(slot);
}

inline void session::handle_stream_credit(std::uint64_t bidirectional,
                                          std::uint64_t unidirectional) {
    credit_[0] = bidirectional;
    credit_[1] = unidirectional;
    if (waiting_.empty()) return;
    auto waiting = std::move(waiting_);
    waiting_.clear();
    for (const auto& [slot, version] : waiting) {
        auto& s = out_[slot];
        if (s.version != version) continue;
        s.queued = false;
        make_ready(slot);
    }
}

template <class M>
result<slice> session::encode(const M& message) {
    if (M::code(*rules_) == no_code) return fail(errc::not_in_draft, "message", 0, M::where);
    const auto size = framed_size(*rules_, message);
    if (size > limits::message_body + 11) return fail(errc::limit, "message", 0, M::where);
    auto out = buffer::allocate(*pool_, size);
    if (!out.valid()) return fail(errc::out_of_memory, "message", 0, M::where);
    const auto written = serialize_framed(*rules_, message, out.room());
    if (!written) return std::unexpected(written.error());
    out.commit(*written);
    return out.freeze();
}

template <class M>
result<void> session::send_on(request& r, const M& message, bool fin) {
    auto encoded = encode(message);
    if (!encoded) return std::unexpected(encoded.error());
    const auto slot = r.own_stream ? out_ids_.find(r.stream) : control_out_;
    if (slot == no_slot) return fail(errc::bad_state, "request stream", 0, M::where);
    if (control_bytes_ > config_.max_control_queue) {
        close(close_code::internal_error, "the peer does not read its control stream");
        return fail(errc::out_of_memory, "control queue", 0, M::where);
    }
    queue(slot, std::move(*encoded));
    if (fin && r.own_stream) finish_out(instant{}, slot);
    return {};
}

} // namespace moqrtc::moqt
