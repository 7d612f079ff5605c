#pragma once

#include <moqrtc/moqt/session/session.hpp>

/// Bytes of streams in: which stream is what, early data, messages cut out.
namespace moqrtc::moqt {

MOQRTC_INLINE std::uint32_t session::add_in(stream_id id, in_kind kind) {
    const auto slot = in_.take();
    in_[slot].id = id;
    in_[slot].kind = kind;
    in_ids_.set(id, slot);
    return slot;
}

MOQRTC_INLINE bool session::is_slot_of(std::uint32_t slot, stream_id id) const noexcept {
    return in_ids_.find(id) == slot;
}

MOQRTC_INLINE void session::free_in(std::uint32_t slot) {
    auto& s = in_[slot];
    (s.waits_alias ? unknown_alias_bytes_ : held_bytes_) -= s.held.size();
    streams_waiting_ -= s.waits_alias;
    requests_waiting_ -= s.waits_request;
    in_ids_.erase(s.id);
    in_.give(slot);
}

MOQRTC_INLINE std::uint32_t session::in_slot_for(instant, stream_id id) {
    const auto slot = in_ids_.find(id);
    if (slot != id_map::none) return slot;
    const bool from_peer = opened_by_server(id) == peer_is_server();
    if (!from_peer) return no_slot; // a stream of ours that is over
    return add_in(id, is_unidirectional(id) ? in_kind::untyped : in_kind::unsettled);
}

MOQRTC_INLINE std::size_t session::handle_stream(instant now, stream_id id, bytes data, bool fin) {
    if (closed_) return data.size();
    const auto slot = in_slot_for(now, id);
    if (slot == no_slot) return data.size();
    return read_stream(now, slot, data, fin);
}

MOQRTC_INLINE std::size_t session::read_stream(instant now, std::uint32_t slot, bytes data,
                                               bool fin) {
    const auto id = in_[slot].id;
    const std::size_t total = data.size();
    bytes in = data;
    while (!in.empty()) {
        if (events_.size() >= config_.max_events) return total - in.size();
        auto& s = in_[slot];
        switch (s.kind) {
        case in_kind::discarded:
            in = {};
            break;
        case in_kind::untyped:
            if (!read_type(now, slot, in)) return total;
            break;
        case in_kind::unsettled:
        case in_kind::request:
        case in_kind::data:
            // Before SETUP a bidirectional stream of the client is its control stream, in drafts
            // that have one; everything else waits.
            if (!established_ && !(s.kind == in_kind::unsettled && !rules_->control_pair &&
                                   control_in_ == no_slot)) {
                hold(slot, in, held_bytes_, config_.max_early_bytes);
                break;
            }
            if (s.waits_alias) {
                hold(slot, in, unknown_alias_bytes_, config_.max_unknown_alias_bytes);
                break;
            }
            if (s.waits_request) {
                hold(slot, in, held_bytes_, config_.max_early_bytes);
                break;
            }
            if (s.kind == in_kind::data)
                read_data(now, slot, in);
            else
                read_messages(now, slot, in);
            break;
        case in_kind::control:
            read_messages(now, slot, in);
            break;
        }
        if (closed_ || !is_slot_of(slot, id)) return total;
    }
    if (fin) {
        auto& s = in_[slot];
        if (s.kind != in_kind::untyped && (s.held.size() != 0 || s.waits_alias))
            s.fin_held = true;
        else
            finish_in(now, slot);
    }
    return total;
}

MOQRTC_INLINE bool session::read_type(instant, std::uint32_t slot, bytes& in) {
    auto& s = in_[slot];
    // The type may come byte by byte; `held` carries its beginning.
    std::uint64_t type = 0;
    if (s.held.size() == 0) {
        const auto decoded = decode_varint(rules_->varint, in.data(), in.size());
        if (decoded.size != 0) {
            type = decoded.value;
            in = in.subspan(decoded.size);
        }
        if (decoded.size == 0 && varint_length(rules_->varint, in[0]) == 0)
            return close(close_code::protocol_violation, "stream type"), false;
        if (decoded.size == 0) {
            held_bytes_ += in.size();
            if (!s.held.append(*pool_, in))
                return discard_in(slot, reset_code::excessive_load), false;
            in = {};
            return true;
        }
    } else {
        const auto want = varint_length(rules_->varint, s.held.view()[0]);
        const auto part = in.first(std::min(want - s.held.size(), in.size()));
        held_bytes_ += part.size();
        if (!s.held.append(*pool_, part))
            return discard_in(slot, reset_code::excessive_load), false;
        in = in.subspan(part.size());
        if (s.held.size() < want) return true;
        type = decode_varint(rules_->varint, s.held.view().data(), want).value;
        held_bytes_ -= s.held.size();
        s.held = buffer{};
    }
    if (classify_stream(*rules_, type) == stream_kind::control) {
        if (control_in_ != no_slot)
            return close(close_code::protocol_violation, "second control stream"), false;
        control_in_ = slot;
        s.kind = in_kind::control;
        // The stream's type is the type of its first message.
        std::array<std::byte, 9> head{};
        bytes again{head.data(), encode_varint(rules_->varint, type, head.data())};
        const auto begun = s.framer.next(*rules_, again, *pool_);
        if (!begun) return fail_codec(begun.error()), false;
        return true;
    }
    auto reader = stream_reader::create(*rules_, type);
    if (!reader) return fail_codec(reader.error()), false;
    s.kind = in_kind::data;
    if (reader->kind() == stream_kind::padding) {
        s.kind = in_kind::discarded;
        return true;
    }
    reader->set_payload_limit(config_.max_object_payload);
    s.reader.emplace(std::move(*reader));
    return true;
}

MOQRTC_INLINE void session::hold(std::uint32_t slot, bytes& in, std::size_t& total,
                                 std::size_t limit) {
    auto& s = in_[slot];
    if (in.size() > limit - std::min(limit, total) || !s.held.append(*pool_, in)) {
        discard_in(slot, reset_code::excessive_load);
    } else {
        total += in.size();
    }
    in = {};
}

MOQRTC_INLINE void session::replay(instant now, std::uint32_t slot) {
    auto& s = in_[slot];
    if (s.kind == in_kind::untyped) return; // a beginning of a type, not early data
    const auto fin = s.fin_held;
    s.fin_held = false;
    (s.waits_alias ? unknown_alias_bytes_ : held_bytes_) -= s.held.size();
    streams_waiting_ -= s.waits_alias;
    s.waits_alias = false;
    const auto early = s.held.freeze();
    const auto id = s.id;
    bytes rest = early.view();
    // What waited was bounded already, so its events may pass the limit of the queue.
    const auto limit = std::exchange(config_.max_events, SIZE_MAX);
    if (rest.empty() && fin) finish_in(now, slot);
    while (!rest.empty() && !closed_ && is_slot_of(slot, id))
        rest = rest.subspan(read_stream(now, slot, rest, fin));
    config_.max_events = limit;
}

MOQRTC_INLINE void session::read_messages(instant now, std::uint32_t slot, bytes& in) {
    const auto message = in_[slot].framer.next(*rules_, in, *pool_);
    if (!message) return fail_codec(message.error());
    if (!*message) return;
    if (rules_->required_request_delta && must_wait(now, slot, **message, in)) return;
    handle_message(now, slot, (*message)->type, (*message)->body);
}

/// Anchor `required-request-id`: whether a message depends on a request that has not come; then its
/// stream waits, all of it. Closes where the dependency cannot be.
MOQRTC_INLINE bool session::must_wait(instant now, std::uint32_t slot,
                                      const control_framer::message& message, bytes& rest) {
    auto& s = in_[slot];
    if (s.kind == in_kind::control ||
        !(is_request(message.type) || message.type == msg::request_update::code(*rules_)))
        return false;
    reader io{*rules_, message.body};
    request_id id = 0;
    std::uint64_t delta = 0;
    io.varint("request_id", id);
    io.varint("required_request_id_delta", delta);
    if (!io.ok() || delta == 0 || id % 2 == next_request_id_ % 2) return false;
    if (delta > id / 2) {
        close(close_code::invalid_required_request_id, "required request ID below 0");
        return true;
    }
    s.required = id - 2 * delta;
    if (overdue_ || peer_request_ids_.contains(s.required)) return false;
    std::array<std::byte, 11> head{};
    const auto type = encode_varint(rules_->varint, message.type, head.data());
    store_be<2>(mutable_bytes{head}.subspan(type), message.body.size());
    for (auto part : {bytes{head}.first(type + 2), message.body, rest})
        if (s.kind != in_kind::discarded) hold(slot, part, held_bytes_, config_.max_early_bytes);
    rest = {};
    if (s.kind == in_kind::discarded) return true;
    s.waits_request = true;
    ++requests_waiting_;
    timers_.add(now + config_.setup_timeout, timer_heap::kind::dependent, s.id);
    return true;
}

/// A request was delivered: what waited for it can go on.
MOQRTC_INLINE void session::release_dependents(instant now) {
    for (std::uint32_t i = 0; i < in_.extent() && requests_waiting_ != 0 && !closed_; ++i) {
        auto& s = in_[i];
        if (!s.waits_request || !peer_request_ids_.contains(s.required)) continue;
        s.waits_request = false;
        --requests_waiting_;
        replay(now, i);
    }
}

MOQRTC_INLINE void session::discard_in(std::uint32_t slot, reset_code code) {
    auto& s = in_[slot];
    if (s.kind == in_kind::discarded) return;
    op(transport_op::kind::stop_sending, s.id, code);
    (s.waits_alias ? unknown_alias_bytes_ : held_bytes_) -= s.held.size();
    streams_waiting_ -= s.waits_alias;
    requests_waiting_ -= s.waits_request;
    s.held = buffer{};
    s.waits_alias = s.waits_request = false;
    s.reader.reset();
    s.framer.clear();
    s.kind = in_kind::discarded;
    s.request = no_slot;
}

MOQRTC_INLINE void session::finish_in(instant now, std::uint32_t slot) {
    auto& s = in_[slot];
    switch (s.kind) {
    case in_kind::control:
        return close(close_code::protocol_violation, "control stream closed");
    case in_kind::unsettled: // a bidirectional stream without a message asks nothing
    case in_kind::untyped:
        if (s.framer.midway() || s.held.size() != 0)
            return close(close_code::protocol_violation, "stream ends in its first field");
        return free_in(slot);
    case in_kind::request: {
        if (s.framer.midway())
            return close(close_code::protocol_violation, "stream ends in a message");
        auto* r = s.request == no_slot ? nullptr : &requests_[s.request];
        free_in(slot);
        if (r != nullptr) on_stream_end(now, *r, false, reset_code::cancelled);
        return;
    }
    case in_kind::data:
        return end_data(now, slot, false, reset_code::cancelled);
    case in_kind::discarded:
        return free_in(slot);
    }
}

MOQRTC_INLINE void session::handle_reset(instant now, stream_id id, std::uint64_t number) {
    if (closed_) return;
    const auto slot = in_ids_.find(id);
    if (slot == id_map::none) return;
    const auto code = from_wire<reset_code>(*rules_, number);
    auto& s = in_[slot];
    switch (s.kind) {
    case in_kind::control:
        return close(close_code::protocol_violation, "control stream reset");
    case in_kind::request: {
        auto* r = s.request == no_slot ? nullptr : &requests_[s.request];
        peer_reset_request_ = peer_reset_request_ || opened_by_server(id) == peer_is_server();
        free_in(slot);
        if (r != nullptr) on_stream_end(now, *r, true, code);
        return;
    }
    case in_kind::data:
        return end_data(now, slot, true, code);
    case in_kind::unsettled:
        peer_reset_request_ = true;
        return free_in(slot);
    case in_kind::untyped:
    case in_kind::discarded:
        return free_in(slot);
    }
}

MOQRTC_INLINE void session::handle_stop_sending(instant now, stream_id id, std::uint64_t number) {
    if (closed_) return;
    const auto slot = out_ids_.find(id);
    if (slot == id_map::none) return;
    const auto code = from_wire<reset_code>(*rules_, number);
    auto& s = out_[slot];
    if (s.kind == out_kind::control)
        return close(close_code::protocol_violation, "control stream stopped");
    auto* r = s.owner;
    if (s.is_data()) {
        auto& e = emit(event::kind::stream_stopped, r);
        e.stream = id;
        e.reset = code;
        e.fill = s.is_fill;
        if (s.is_fill) e.update_id = s.fill;
        return reset_out(now, slot, code);
    }
    if (r == nullptr) return reset_out(now, slot, code);
    // Whoever answers may want no more messages of ours and answer all the same; a request that it
    // cancels it ends in its own direction, too (anchor `request-cancellation`).
    const bool hears_more = r->ours && in_ids_.find(id) != id_map::none;
    if (hears_more && r->kind != request_kind::publish &&
        r->kind != request_kind::publish_namespace)
        return reset_out(now, slot, reset_code::cancelled);
    on_stream_end(now, *r, true, code);
}

} // namespace moqrtc::moqt
