#pragma once

#include <moqrtc/moqt/data/datagram.hpp>
#include <moqrtc/moqt/session/session.hpp>

/// Objects in: subgroup and fetch streams, datagrams.
namespace moqrtc::moqt {

MOQRTC_INLINE void session::read_data(instant now, std::uint32_t slot, bytes& in) {
    auto& s = in_[slot];
    const auto id = s.id;
    while (!in.empty() && events_.size() < config_.max_events) {
        auto next = s.reader->next(in, *pool_);
        if (!next) {
            const auto& failure = next.error();
            if (failure.code != errc::out_of_memory && failure.code != errc::limit)
                return fail_codec(failure);
            // Our bound, not the peer's fault: this stream is lost, the session goes on.
            const auto lost = s.header_seen ? s.request : no_slot;
            const auto fill = s.is_fill ? std::optional{s.fill} : std::nullopt;
            discard_in(slot, reset_code::excessive_load);
            return data_ended(now, lost, id, true, reset_code::excessive_load, fill);
        }
        if (!*next) return;
        auto& item = **next;
        switch (item.what) {
        case stream_item::kind::subgroup_header:
        case stream_item::kind::fetch_header:
            handle_header(now, slot, item);
            break;
        case stream_item::kind::object:
            if (s.request != no_slot) emit_object(now, slot, item);
            break;
        case stream_item::kind::end_of_range: {
            auto& e = emit(event::kind::fetch_gap, &requests_[s.request]);
            e.stream = id;
            e.item.location = item.object.location;
            e.gap_unknown = item.range != range_end::non_existent;
            e.gap_timed_out = item.range == range_end::timed_out;
            e.fill = s.is_fill;
            if (s.is_fill) e.update_id = s.fill;
            break;
        }
        }
        if (closed_ || !is_slot_of(slot, id) || s.kind != in_kind::data || s.waits_alias) return;
    }
}

/// The header of a data stream tells the request; without one it waits or is stopped.
MOQRTC_INLINE void session::handle_header(instant now, std::uint32_t slot,
                                          const stream_item& item) {
    auto& s = in_[slot];
    s.header_seen = true;
    if (item.what == stream_item::kind::fetch_header) {
        const auto found = request_ids_.find(item.request_id);
        if (found == id_map::none || !requests_[found].ours ||
            requests_[found].kind != request_kind::fetch) {
            if (!bind_fill(slot, item.request_id)) // it was cancelled, or never asked for
                discard_in(slot, reset_code::cancelled);
            return;
        }
        auto& r = requests_[found];
        if (r.fetch_stream != no_stream)
            return close(close_code::protocol_violation, "second stream for a FETCH");
        r.fetch_stream = s.id;
        s.request = found;
        s.reader->set_group_order(r.fetch_order);
        s.reader->set_default_priority(r.subscription.properties.default_publisher_priority);
        return;
    }
    const auto& header = s.reader->header();
    s.alias = header.track_alias;
    const auto found = receiver_of(header.track_alias, header.group_id);
    if (found == id_map::none) {
        s.waits_alias = true;
        ++streams_waiting_;
        timers_.add(now + seconds(2), timer_heap::kind::unknown_alias, s.id);
        return;
    }
    auto& r = requests_[found];
    s.request = found;
    s.reader->set_default_priority(r.subscription.properties.default_publisher_priority);
    ++r.subscription.streams_opened;
    ++r.subscription.streams_open;
    if (header.id_mode == subgroup_id_mode::first_object) return; // known with the first object
    s.announced = true;
    auto& e = emit(event::kind::subgroup_opened, &r);
    e.stream = s.id;
    e.item.location.group = header.group_id;
    e.item.subgroup_id = header.id_mode == subgroup_id_mode::zero ? 0 : header.subgroup_id;
    e.item.publisher_priority =
        header.publisher_priority.value_or(r.subscription.properties.default_publisher_priority);
    e.item.end_of_group = header.end_of_group;
    e.item.first_object = header.first_object;
    e.has_properties = header.properties;
}

/// The subscription that a new stream belongs to. Where several share the alias, each that wants
/// the group gets a stream of its own (anchor `subscriptions`), so that they take turns.
MOQRTC_INLINE std::uint32_t session::receiver_of(track_alias alias, std::uint64_t group) noexcept {
    auto found = aliases_.find(alias);
    if (!aliases_.has_shared() || found == id_map::none) [[likely]]
        return found;
    const auto rank = [&](std::uint32_t slot) {
        const auto& sub = requests_[slot].subscription;
        return std::pair{!sub.wants_group(group), sub.streams_opened};
    };
    aliases_.for_each(alias, [&](std::uint32_t other) {
        if (rank(other) < rank(found)) found = other;
    });
    return found;
}

MOQRTC_INLINE void session::emit_object(instant, std::uint32_t slot, stream_item& item) {
    auto& s = in_[slot];
    auto& r = requests_[s.request];
    if (!s.announced && r.kind != request_kind::fetch) {
        s.announced = true;
        auto& e = emit(event::kind::subgroup_opened, &r);
        e.stream = s.id;
        e.item.location.group = item.object.location.group;
        e.item.subgroup_id = item.object.subgroup_id;
        e.item.publisher_priority = item.object.publisher_priority;
        e.item.end_of_group = s.reader->header().end_of_group;
        e.item.first_object = s.reader->header().first_object;
        e.has_properties = s.reader->header().properties;
    }
    auto& e = emit(event::kind::object, &r);
    e.stream = s.id;
    e.item = std::move(item.object);
    if (s.is_fill) [[unlikely]] {
        e.fill = true;
        e.update_id = s.fill;
    }
}

/// A data stream ended, by FIN or by reset.
MOQRTC_INLINE void session::end_data(instant now, std::uint32_t slot, bool reset, reset_code code) {
    auto& s = in_[slot];
    const auto id = s.id;
    if (!reset && s.reader) {
        // Up to here the reader had everything; FIN inside an object breaks the stream (anchor
        // `streams`).
        if (const auto whole = s.reader->finish(); !whole) return fail_codec(whole.error());
    }
    const auto counted = s.header_seen ? s.request : no_slot;
    const auto fill = s.is_fill ? std::optional{s.fill} : std::nullopt;
    free_in(slot);
    data_ended(now, counted, id, reset, code, fill);
}

/// What the end of a data stream means for the request it belonged to, if it belonged to one.
MOQRTC_INLINE void session::data_ended(instant now, std::uint32_t request_slot, stream_id id,
                                       bool reset, reset_code code,
                                       std::optional<request_id> fill) {
    if (request_slot == no_slot) return;
    auto& r = requests_[request_slot];
    auto& e = emit(reset ? event::kind::stream_reset : event::kind::stream_finished, &r);
    e.stream = id;
    e.reset = code;
    e.fill = fill.has_value();
    e.update_id = fill.value_or(0);
    if (r.kind == request_kind::fetch) {
        r.fetch_finished = true;
        if (r.phase != request::state::established) return;
        if (const auto out = out_ids_.find(r.stream); r.own_stream && out != id_map::none)
            finish_out(now, out);
        return end_request(now, r.id);
    }
    --r.subscription.streams_open;
    const auto& sub = r.subscription;
    if (r.done_pending && sub.streams_open == 0 &&
        (r.done_streams >= (std::uint64_t{1} << 62) - 1 || sub.streams_opened >= r.done_streams))
        finish_done(now, r);
}

MOQRTC_INLINE void session::handle_datagram(instant, bytes data) {
    if (closed_ || !established_) return;
    const auto parsed = parse_datagram(*rules_, data);
    if (!parsed) return fail_codec(parsed.error());
    if (!*parsed) return; // padding
    const auto& m = **parsed;
    const auto found = receiver_of(m.track_alias, m.group_id);
    if (found == id_map::none || events_.size() >= config_.max_events)
        return; // datagrams may be lost
    auto& r = requests_[found];
    auto item = to_object(m, r.subscription.properties.default_publisher_priority, *pool_);
    if (!item) return;
    auto& e = emit(event::kind::object, &r);
    e.item = std::move(*item);
}

/// Anchor `malformed-tracks`: the subscriber ends what it has of the track.
MOQRTC_INLINE void session::malformed(instant now, request& r) {
    emit(event::kind::malformed_track, &r);
    (void)cancel(now, r.id, reset_code::malformed_track);
}

} // namespace moqrtc::moqt
