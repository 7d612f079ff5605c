#pragma once

#include <moqrtc/moqt/data/datagram.hpp>
#include <moqrtc/moqt/session/session.hpp>

/// Objects out: subgroup and fetch streams, datagrams, PUBLISH_DONE.
namespace moqrtc::moqt {

MOQRTC_INLINE result<data_stream> session::open_subgroup(instant, request_id id,
                                                         const subgroup_start& start) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    auto& sub = r->subscription;
    if (!r->is_subscription() || !sub.publisher || r->done_pending ||
        (r->phase != request::state::established && !sub.by_publish))
        return fail(errc::bad_state, "subscription");
    if (!sub.forward) return fail(errc::bad_state, "forward");
    if (!sub.wants_group(start.group)) return fail(errc::bad_state, "subscription_filter");
    subgroup_header header{.track_alias = sub.alias,
                           .group_id = start.group,
                           .subgroup_id = start.subgroup,
                           .id_mode = start.subgroup == 0 ? subgroup_id_mode::zero
                                                          : subgroup_id_mode::present,
                           .properties = start.has_properties,
                           .end_of_group = start.end_of_group,
                           .first_object = start.first_object && rules_->first_object_bit};
    const auto shown = start.publisher_priority.value_or(sub.properties.default_publisher_priority);
    if (!rules_->default_priority_bit || shown != sub.properties.default_publisher_priority)
        header.publisher_priority = shown;
    std::array<std::byte, 48> head{};
    const auto size = encode_subgroup_header(*rules_, header, head);
    if (!size) return std::unexpected(size.error());
    auto chunk = slice::copy(*pool_, bytes{head}.first(*size));
    if (chunk.empty()) return fail(errc::out_of_memory, "subgroup_header");
    const auto stream = next_local_id(true);
    const auto slot = add_out(stream, out_kind::subgroup,
                              send_rank::data(sub.subscriber_priority, shown, sub.effective_order(),
                                              start.group, start.subgroup));
    auto& s = out_[slot];
    s.header = header;
    s.group = start.group;
    s.owner = r;
    s.next_stream = r->first_stream;
    if (s.next_stream != no_slot) out_[s.next_stream].previous_stream = slot;
    r->first_stream = slot;
    ++sub.streams_opened;
    ++sub.streams_open;
    queue(s, std::move(chunk));
    return stream;
}

MOQRTC_INLINE void session::note_object(out_stream& s, instant now, std::uint64_t object_id) {
    s.note(object_id);
    if (s.owner->subscription.has_timeouts) s.mark_time(now);
}

MOQRTC_INLINE result<void> session::write_object(instant now, data_stream stream,
                                                 std::uint64_t object_id, const slice& properties,
                                                 const slice& payload, object_status status) {
    auto* const found = open_stream(stream);
    if (found == nullptr || found->kind != out_kind::subgroup)
        return fail(errc::not_found, "stream");
    auto& s = *found;
    if (s.fin) return fail(errc::bad_state, "stream");
    // Only what the filter lets pass is sent; the caller learns it before anything is queued.
    if (!s.owner->subscription.wants({s.group, object_id}))
        return fail(errc::bad_state, "subscription_filter");
    object item;
    item.location = {s.header.group_id, object_id};
    item.status = status;
    item.properties = properties;
    item.payload = payload;
    if (s.owner->subscription.filters != nullptr &&
        !s.owner->subscription.passes(
            *rules_, s.header.subgroup_id, object_id,
            s.header.publisher_priority.value_or(
                s.owner->subscription.properties.default_publisher_priority),
            properties))
        return fail(errc::bad_state, "range_filter");
    auto head = buffer::allocate(*pool_, subgroup_object_header::max_size + properties.size());
    if (!head.valid()) return fail(errc::out_of_memory, "object");
    const auto size =
        encode_subgroup_object_header(*rules_, s.header, s.last_object(), item, head.room());
    if (!size) return std::unexpected(size.error());
    head.commit(*size);
    const auto before = s.unsent;
    s.push(head.freeze());
    s.push(payload);
    queued(s, s.unsent - before);
    note_object(s, now, object_id);
    return {};
}

MOQRTC_INLINE result<void> session::write_encoded(instant now, data_stream stream,
                                                  std::optional<std::uint64_t> previous,
                                                  std::uint64_t object_id, const slice& head,
                                                  const slice& payload) {
    auto* const found = open_stream(stream);
    if (found == nullptr || found->kind != out_kind::subgroup) [[unlikely]]
        return fail(errc::not_found, "stream");
    auto& s = *found;
    if (s.fin || s.last_object() != previous) [[unlikely]]
        return fail(errc::bad_state, "stream");
    if (!s.owner->subscription.wants({s.group, object_id})) [[unlikely]]
        return fail(errc::bad_state, "subscription_filter");
    const auto before = s.unsent;
    s.push(head);
    s.push(payload);
    queued(s, s.unsent - before);
    note_object(s, now, object_id);
    return {};
}

MOQRTC_INLINE std::optional<std::uint64_t> session::last_object(data_stream stream) const noexcept {
    const auto slot = closed_ ? id_map::none : out_ids_.find(stream);
    return slot == id_map::none ? std::nullopt : out_[slot].last_object();
}

MOQRTC_INLINE std::size_t session::unsent_bytes_of(data_stream stream) const noexcept {
    const auto slot = closed_ ? id_map::none : out_ids_.find(stream);
    return slot == id_map::none ? 0 : out_[slot].unsent;
}

MOQRTC_INLINE result<void> session::finish_stream(instant now, data_stream stream) {
    const auto* const s = open_stream(stream);
    if (s == nullptr || !s->is_data()) return fail(errc::not_found, "stream");
    finish_out(now, s->slot);
    return {};
}

MOQRTC_INLINE result<void> session::reset_stream(instant now, data_stream stream, reset_code code) {
    const auto* const s = open_stream(stream);
    if (s == nullptr || !s->is_data()) return fail(errc::not_found, "stream");
    reset_out(now, s->slot, code);
    return {};
}

MOQRTC_INLINE result<void> session::send_datagram(instant, request_id id, const object& item) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    const auto& sub = r->subscription;
    if (!r->is_subscription() || !sub.publisher || r->done_pending || !sub.forward ||
        (r->phase != request::state::established && !sub.by_publish))
        return fail(errc::bad_state, "subscription");
    if (!sub.wants(item.location)) return fail(errc::bad_state, "subscription_filter");
    if (!sub.passes(*rules_, item.subgroup_id, item.location.object, item.publisher_priority,
                    item.properties))
        return fail(errc::bad_state, "range_filter");
    const auto m = to_datagram(*rules_, sub.alias, item, sub.properties.default_publisher_priority);
    auto out = buffer::allocate(*pool_, 64 + item.properties.size() + item.payload.size());
    if (!out.valid()) return fail(errc::out_of_memory, "datagram");
    const auto size = serialize_datagram(*rules_, m, out.room());
    if (!size) return std::unexpected(size.error());
    out.commit(*size);
    ops_.push({transport_op::kind::datagram, 0, 0, out.freeze()});
    return {};
}

MOQRTC_INLINE result<data_stream> session::open_fetch_stream(instant, request_id id) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    if (r->ours || r->kind != request_kind::fetch || r->fetch_stream != no_stream)
        return fail(errc::bad_state, "fetch");
    std::array<std::byte, 16> head{};
    auto size = encode_varint(rules_->varint, stream_type::fetch, head.data());
    size += encode_varint(rules_->varint, id, head.data() + size);
    auto chunk = slice::copy(*pool_, bytes{head}.first(size));
    if (chunk.empty()) return fail(errc::out_of_memory, "fetch_header");
    const auto stream = next_local_id(true);
    const auto slot = add_out(stream, out_kind::fetch,
                              send_rank::data(r->subscription.subscriber_priority, default_priority,
                                              group_order::ascending, r->fetch_start.group, 0));
    auto& s = out_[slot];
    s.owner = r;
    s.fetch.emplace(*rules_, r->fetch_order);
    r->first_stream = slot;
    r->fetch_stream = stream;
    queue(s, std::move(chunk));
    return stream;
}

MOQRTC_INLINE result<void> session::write_fetch_object(instant, data_stream stream,
                                                       const object& item) {
    auto* const found = open_stream(stream);
    if (found == nullptr || found->kind != out_kind::fetch) return fail(errc::not_found, "stream");
    auto& s = *found;
    if (s.fin) return fail(errc::bad_state, "stream");
    auto head = buffer::allocate(*pool_, 64 + item.properties.size());
    if (!head.valid()) return fail(errc::out_of_memory, "object");
    const auto size = s.fetch->encode(item, head.room());
    if (!size) return std::unexpected(size.error());
    head.commit(*size);
    queue(s, head.freeze());
    queue(s, item.payload);
    return {};
}

MOQRTC_INLINE result<void> session::write_fetch_gap(instant, data_stream stream, location last,
                                                    range_end why) {
    auto* const found = open_stream(stream);
    if (found == nullptr || found->kind != out_kind::fetch) return fail(errc::not_found, "stream");
    auto& s = *found;
    if (s.fin) return fail(errc::bad_state, "stream");
    std::array<std::byte, 32> out{};
    if (why == range_end::timed_out && !rules_->timed_out_range) why = range_end::unknown;
    const auto size = s.fetch->encode_range_end(why, last, out);
    if (!size) return std::unexpected(size.error());
    auto chunk = slice::copy(*pool_, bytes{out}.first(*size));
    if (chunk.empty()) return fail(errc::out_of_memory, "fetch gap");
    queue(s, std::move(chunk));
    return {};
}

/// A data stream of ours was handed over to its end, or reset: its request may be through.
MOQRTC_INLINE void session::data_stream_closed(instant now, std::uint32_t slot) {
    auto& s = out_[slot];
    if (s.owner == nullptr) return;
    auto& r = *s.owner;
    if (s.previous_stream != no_slot)
        out_[s.previous_stream].next_stream = s.next_stream;
    else
        r.first_stream = s.next_stream;
    if (s.next_stream != no_slot) out_[s.next_stream].previous_stream = s.previous_stream;
    s.owner = nullptr;
    s.previous_stream = s.next_stream = no_slot;
    if (r.kind == request_kind::fetch) {
        r.fetch_finished = true;
        if (r.phase != request::state::established) return;
        if (r.own_stream)
            if (const auto out = out_ids_.find(r.stream); out != id_map::none) finish_out(now, out);
        return end_request(now, r.id);
    }
    --r.subscription.streams_open;
    if (r.done_pending) try_publish_done(now, r);
}

MOQRTC_INLINE result<void> session::publish_done(instant now, request_id id, publish_done_code code,
                                                 std::string_view reason) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    if (!r->is_subscription() || !r->subscription.publisher || r->done_pending ||
        (r->phase != request::state::established && !r->ours))
        return fail(errc::bad_state, "publish_done");
    r->done_pending = true;
    r->done_code = code;
    r->done_reason = reason.substr(0, limits::reason_phrase);
    const bool complete =
        code == publish_done_code::track_ended || code == publish_done_code::subscription_ended;
    if (complete) {
        // A fill ends when all of it is written, which its writer knows.
        for (auto slot = r->first_stream; slot != no_slot; slot = out_[slot].next_stream)
            if (!out_[slot].is_fill) finish_out(now, slot);
    } else {
        const auto why = code == publish_done_code::too_far_behind    ? reset_code::too_far_behind
                         : code == publish_done_code::malformed_track ? reset_code::malformed_track
                         : code == publish_done_code::going_away      ? reset_code::going_away
                                                                      : reset_code::cancelled;
        while (r->first_stream != no_slot) {
            const auto slot = r->first_stream;
            reset_out(now, slot, why);
            r = find_request(id);
            if (r == nullptr) return {}; // the last reset has sent PUBLISH_DONE already
        }
    }
    if (r->subscription.streams_open == 0) try_publish_done(now, *r);
    return {};
}

/// Anchor `message-publish-done`: not before every stream is finished or reset.
MOQRTC_INLINE void session::try_publish_done(instant now, request& r) {
    if (!r.done_pending || r.subscription.streams_open != 0) return;
    const auto id = r.id;
    const msg::publish_done m{id, to_wire(*rules_, r.done_code), r.subscription.streams_opened,
                              as_bytes(r.done_reason)};
    if (!send_on(r, m, true)) close(close_code::internal_error, "PUBLISH_DONE does not fit");
    end_request(now, id);
}

} // namespace moqrtc::moqt
