#pragma once

#include <moqrtc/moqt/session/session.hpp>

/// Sending: queues, priorities, credit, delivery timeouts.
namespace moqrtc::moqt {

MOQRTC_INLINE stream_id session::next_local_id(bool unidirectional) noexcept {
    const auto n = local_streams_[unidirectional]++;
    return n << 2 | (unidirectional ? 2u : 0u) | (config_.self == role::server ? 1u : 0u);
}

MOQRTC_INLINE std::uint32_t session::add_out(stream_id id, out_kind kind, send_rank rank) {
    const auto slot = out_.take();
    auto& s = out_[slot];
    s.id = id;
    s.slot = slot;
    s.kind = kind;
    s.rank = rank;
    s.opened = opened_by_server(id) != (config_.self == role::server);
    if (!s.opened) ++unopened_[is_unidirectional(id)];
    out_ids_.set(id, slot);
    return slot;
}

/// What is written is soon sent and acknowledged: the stream of the call before is looked at first.
MOQRTC_INLINE detail::out_stream* session::find_out(stream_id id) noexcept {
    return recent_ != nullptr && recent_->id == id ? recent_ : look_up_out(id);
}

[[gnu::noinline]] MOQRTC_INLINE detail::out_stream* session::look_up_out(stream_id id) noexcept {
    const auto slot = out_ids_.find(id);
    return slot == id_map::none ? nullptr : recent_ = &out_[slot];
}

MOQRTC_INLINE detail::out_stream* session::open_stream(data_stream stream) noexcept {
    return closed_ ? nullptr : find_out(stream);
}

/// One stream that is ready needs no order: it stands by itself, and stays there when it has been
/// sent until another becomes ready.
MOQRTC_INLINE void session::make_ready(out_stream& s) {
    if (s.queued || !s.wants_to_send()) return;
    s.queued = true;
    if (scheduler_.empty()) {
        if (lone_ == nullptr || !lone_->wants_to_send()) {
            if (lone_ != nullptr) lone_->queued = false;
            lone_ = &s;
            return;
        }
        scheduler_.push(lone_->rank, lone_->slot, lone_->version);
        lone_ = nullptr;
    }
    scheduler_.push(s.rank, s.slot, s.version);
}

MOQRTC_INLINE void session::rerank(std::uint32_t slot, send_rank rank) {
    auto& s = out_[slot];
    s.rank = rank;
    if (lone_ == &s) return;
    ++s.version; // what the scheduler holds of it is void
    s.queued = false;
    make_ready(s);
}

MOQRTC_INLINE void session::queue(out_stream& s, slice chunk) {
    const auto size = chunk.size();
    s.push(std::move(chunk));
    queued(s, size);
}

MOQRTC_INLINE void session::queued(out_stream& s, std::size_t size) {
    if (s.is_data()) {
        unsent_data_bytes_ += size;
        if (s.owner != nullptr) s.owner->unsent += size;
    } else {
        control_bytes_ += size;
    }
    if (!s.queued) make_ready(s);
}

MOQRTC_INLINE void session::op(transport_op::kind what, stream_id stream, reset_code code) {
    if (!closed_) ops_.push({what, stream, to_wire(*rules_, code), {}});
}

MOQRTC_INLINE void session::finish_out(instant now, std::uint32_t slot) {
    auto& s = out_[slot];
    if (s.fin) return;
    s.fin = true;
    s.finished_at = now;
    make_ready(s);
    if (s.kind != out_kind::subgroup || s.owner == nullptr) return;
    const auto timeout = s.owner->subscription.subgroup_timeout();
    if (timeout != 0)
        timers_.add(now + milliseconds_saturated(timeout), timer_heap::kind::subgroup, s.id);
}

MOQRTC_INLINE void session::reset_out(instant now, std::uint32_t slot, reset_code code) {
    auto& s = out_[slot];
    if (s.opened) op(transport_op::kind::reset, s.id, code);
    if (s.is_data()) {
        unsent_data_bytes_ -= s.unsent;
        if (s.owner != nullptr) {
            auto& r = *s.owner;
            r.unsent -= s.unsent;
            // The peer can't see a stream that the transport never opened, so none is counted.
            if (!s.opened && (s.kind == out_kind::subgroup || s.is_fill))
                --r.subscription.streams_opened;
        }
        if (!s.fin_sent) data_stream_closed(now, slot);
    } else {
        control_bytes_ -= s.unsent;
    }
    free_out(slot);
}

MOQRTC_INLINE void session::free_out(std::uint32_t slot) {
    if (recent_ == &out_[slot]) recent_ = nullptr;
    if (lone_ == &out_[slot]) lone_ = nullptr;
    if (!out_[slot].opened) --unopened_[is_unidirectional(out_[slot].id)];
    out_ids_.erase(out_[slot].id);
    out_.give(slot);
}

MOQRTC_INLINE std::optional<stream_send> session::poll_send(instant now) {
    auto* s = lone_;
    if (s != nullptr && !s->wants_to_send()) return std::nullopt;
    if (s == nullptr || !s->opened || s->marked) s = next_out(now);
    if (s == nullptr) return std::nullopt;
    recent_ = s;
    return s->offer();
}

/// The stream of highest priority that may send, or null.
MOQRTC_INLINE detail::out_stream* session::next_out(instant now) {
    while (true) {
        auto* s = lone_;
        if (s == nullptr) {
            const auto* top = scheduler_.top();
            if (top == nullptr) return nullptr;
            s = &out_[top->stream];
            if (s->version != top->version || !s->wants_to_send()) {
                if (s->version == top->version) s->queued = false;
                scheduler_.pop();
                continue;
            }
        } else if (!s->wants_to_send()) {
            return nullptr;
        }
        const bool waits = !s->opened && credit_[is_unidirectional(s->id)] == 0;
        if (!waits && !(s->marked && expired(*s, now))) return s;
        if (lone_ == nullptr)
            scheduler_.pop();
        else
            lone_ = nullptr;
        if (waits) {
            waiting_.emplace_back(s->slot, s->version);
            continue;
        }
        s->queued = false;
        // Elapsed time is checked before object data goes to the transport (anchor
        // `delivery-timeouts`); the subscriber sees why the subgroup is incomplete.
        auto& e = emit(event::kind::stream_stopped, s->owner);
        e.stream = s->id;
        e.reset = reset_code::delivery_timeout;
        reset_out(now, s->slot, reset_code::delivery_timeout);
    }
}

MOQRTC_INLINE bool session::expired(const out_stream& s, instant now) const noexcept {
    if (!s.marked || s.owner == nullptr) return false;
    const auto& sub = s.owner->subscription;
    const auto object = sub.object_timeout();
    const auto group = sub.subgroup_timeout();
    if (object != 0 && now - s.marks.front().at > milliseconds_saturated(object)) return true;
    return group != 0 && s.fin && now - s.finished_at > milliseconds_saturated(group);
}

MOQRTC_INLINE void session::handle_sent(instant now, stream_id id, std::size_t count, bool fin) {
    auto* const s = find_out(id);
    if (s == nullptr) return;
    if (!s->opened || fin || s->dies) [[unlikely]]
        return sent_first_or_last(now, *s, count, fin);
    s->sent(count);
    if (s->is_data()) {
        unsent_data_bytes_ -= count;
        if (s->owner != nullptr) s->owner->unsent -= count;
    } else {
        control_bytes_ -= count;
    }
}

[[gnu::noinline]] MOQRTC_INLINE void session::sent_first_or_last(instant now, out_stream& s,
                                                                 std::size_t count, bool fin) {
    if (!s.opened) {
        s.opened = true;
        --unopened_[is_unidirectional(s.id)];
        auto& credit = credit_[is_unidirectional(s.id)];
        if (credit != 0) --credit;
    }
    const bool dies = std::exchange(s.dies, false);
    handle_sent(now, s.id, count, false);
    s.dies = dies;
    if (dies && s.unsent == 0) return reset_out(now, s.slot, s.death);
    if (!fin || s.fin_sent) return;
    s.fin_sent = true;
    if (s.is_data()) data_stream_closed(now, s.slot);
}

MOQRTC_INLINE void session::handle_blocked(stream_id id) {
    if (auto* s = find_out(id)) s->blocked = true;
}

MOQRTC_INLINE void session::handle_writable(stream_id id) {
    auto* const s = find_out(id);
    if (s == nullptr) return;
    s->blocked = false;
    make_ready(*s);
}

MOQRTC_INLINE void session::handle_acked(instant, stream_id id, std::size_t count, bool fin) {
    auto* const s = find_out(id);
    if (s == nullptr) return;
    s->acked(count);
    if (fin && s->slot != control_out_) free_out(s->slot);
}

MOQRTC_INLINE void session::handle_stream_credit(std::uint64_t bidirectional,
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
        make_ready(s);
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
    queue(out_[slot], std::move(*encoded));
    if (fin && r.own_stream) finish_out(instant{}, slot);
    return {};
}

} // namespace moqrtc::moqt
