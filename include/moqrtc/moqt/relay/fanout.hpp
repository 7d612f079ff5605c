#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>
#include <utility>

/// Objects on their way from publishers to subscribers.
///
/// Spec    moq-transport, anchors `closing-subgroup-streams` and `relay-object-handling`.
/// Cost    per delivered object: one look at the lane, one at its output, one write of one or two
///         shared slices; nothing is allocated once queues and pools have their size.
namespace moqrtc::moqt {

MOQRTC_INLINE void relay::on_subgroup(instant, peer& p, event& e) {
    const auto from = p.sources.find(e.id);
    if (from == id_map::none) return;
    const auto track_index = sources_[from].track;
    auto& t = tracks_[track_index];
    const auto index = ingests_.take();
    auto& in = ingests_[index];
    in.source = from;
    in.end_of_group = e.item.end_of_group;
    p.ingests.set(e.stream, index);
    if (auto* group = t.cache->open(e.item.location.group)) ++group->open_streams;
    in.group = e.item.location.group;
    in.subgroup = e.item.subgroup_id;

    // Several publishers may send the same subgroup: it goes out once.
    const auto same = std::find_if(t.live.begin(), t.live.end(), [&](std::uint32_t l) {
        return lives_[l].group == e.item.location.group && lives_[l].subgroup == e.item.subgroup_id;
    });
    if (same != t.live.end()) {
        in.live = *same;
        ++lives_[*same].ingests;
        return;
    }
    if (t.live.size() >= config_.max_subgroups_per_track) return;
    in.live = lives_.take();
    auto& live = lives_[in.live];
    live.track = track_index;
    live.group = e.item.location.group;
    live.subgroup = e.item.subgroup_id;
    live.publisher_priority = e.item.publisher_priority;
    live.first_object = e.item.first_object;
    live.end_of_group = e.item.end_of_group;
    live.has_properties = e.has_properties;
    live.ingests = 1;
    live.outputs.resize(t.lanes.size());
    t.live.push_back(in.live);
}

MOQRTC_INLINE void relay::on_object(instant now, peer& p, event& e) {
    const bool datagram = e.stream == no_stream;
    const auto found = datagram ? p.sources.find(e.id) : p.ingests.find(e.stream);
    if (found == id_map::none) return;
    const auto source_index = datagram ? found : ingests_[found].source;
    const auto track_index = sources_[source_index].track;
    auto& t = tracks_[track_index];
    const auto& rules = p.session.rules();
    const auto& item = e.item;
    count_in(p, item.payload.size(), &t);
    std::optional<std::uint64_t> before;
    if (!datagram) before = std::exchange(ingests_[found].last, item.location.object);
    if (!check(now, p, *sources_[source_index].checker, track_index, item)) return;
    if (t.returned && t.largest && item.location.group < t.largest->group &&
        !t.cache->holds(item.location.group))
        start_anew(now, track_index);
    const auto stored = t.cache->add(now, rules, item);
    if (stored == track_cache::outcome::conflict) return malformed(now, track_index);
    const bool old = stored == track_cache::outcome::refused && t.several;
    if (stored == track_cache::outcome::duplicate || old) {
        ++statistics_.objects_duplicate;
        return;
    }
    if (t.final_object && item.location > *t.final_object) return malformed(now, track_index);
    if (item.status == object_status::end_of_track) t.final_object = item.location;
    if (!item.properties.empty()) note_gaps(t, rules, item);
    raise_largest(t, item.location);
    if (t.grace_at != never && t.has_established(sources_)) t.grace_at = never;

    if (datagram) return deliver_datagram(now, t, item, rules);
    const auto live_index = ingests_[found].live;
    if (live_index == none) return;
    auto& live = lives_[live_index];
    const auto id = item.location.object;
    const bool next =
        !live.last || (id > *live.last && (id == *live.last + 1 || before == live.last));
    const bool fits = live.has_properties || item.properties.empty();
    if (!next || !fits) {
        // It is not known to be the next object, or the streams have no room for its properties:
        // those that are open end, and it starts new ones.
        for (std::size_t i = 0; i < live.outputs.size(); ++i) {
            auto& out = live.outputs[i];
            if (out.phase != output::state::open) continue;
            (void)t.lanes[i].to->session.reset_stream(now, out.stream, reset_code::cancelled);
            out = {};
        }
        live.has_properties = live.has_properties || !fits;
    }
    object_heads heads;
    heads.item = &item;
    heads.from = &rules;
    heads.has_properties = live.has_properties;
    deliver(now, t, live, heads);
    live.last = item.location.object;
}

MOQRTC_INLINE void relay::deliver(instant now, track& t, live_subgroup& live, object_heads& heads) {
    const auto at = heads.item->location;
    const auto count = live.outputs.size();
    for (std::size_t i = 0; i < count; ++i) {
        auto& out = live.outputs[i];
        auto& l = t.lanes[i];
        // What the next ones touch is on its way while this one is written.
        if (i + 2 < count) peer::expect(t.lanes[i + 2].to);
        if (out.phase == output::state::closed || l.to == nullptr || !l.wants(at)) continue;
        if (l.filters != nullptr && !l.passes(*heads.from, *heads.item)) [[unlikely]]
            continue;
        (void)write(now, t, l, live, out, heads);
    }
}

/// Writes an object to one subscriber, on a new stream if need be; false when that was not
/// possible, and its stream of this subgroup is over.
MOQRTC_INLINE bool relay::write(instant now, track& t, lane& l, live_subgroup& live, output& out,
                                object_heads& heads) {
    auto& to = l.to->session;
    const auto& item = *heads.item;
    if (l.backlog.is_due(now) || to.unsent_bytes() > l.to->backlog_bytes) [[unlikely]] {
        const auto place = static_cast<std::size_t>(&l - t.lanes.data());
        if (fell_behind(now, t, place) && !l.wants(item.location)) return false;
    }
    auto& head = heads.made[l.column];
    if (!head.made || head.previous != out.previous) make_head(heads, *l.to, out.previous);
    if (head.head.empty()) [[unlikely]] {
        // Where that is no status, an object that does not exist is one that never comes.
        if (item.status == object_status::does_not_exist) return true;
        end_subscriber(now, l.subscriber, publish_done_code::internal_error,
                       "this draft cannot express the object");
        return false;
    }
    if (out.phase != output::state::open) [[unlikely]]
        if (!open_output(now, l, live, out, item)) return false;
    if (!to.write_encoded(now, out.stream, out.previous, item.location.object, head.head,
                          head.rest)) [[unlikely]] {
        (void)to.reset_stream(now, out.stream, reset_code::internal_error);
        out.phase = output::state::closed;
        return false;
    }
    out.previous = item.location.object;
    l.backlog.wrote(head.head.size() + head.rest.size());
    count_out(*l.to, item.payload.size(), &t);
    touch(*l.to);
    return true;
}

/// Starts the stream that a subgroup goes to one subscriber on; false when that cannot be.
[[gnu::noinline]] MOQRTC_INLINE bool relay::open_output(instant now, lane& l,
                                                        const live_subgroup& live, output& out,
                                                        const object& item) {
    if (out.phase == output::state::closed) return false;
    const bool first = !live.last && (live.first_object || item.location.object == 0);
    const auto stream = l.to->session.open_subgroup(now, l.id,
                                                    {.group = live.group,
                                                     .subgroup = live.subgroup,
                                                     .publisher_priority = live.publisher_priority,
                                                     .has_properties = live.has_properties,
                                                     .end_of_group = live.end_of_group,
                                                     .first_object = first});
    if (stream) {
        out = {*stream, output::state::open, std::nullopt};
        return true;
    }
    out.phase = output::state::closed;
    if (stream.error().code == errc::bad_value || stream.error().code == errc::not_in_draft)
        end_subscriber(now, l.subscriber, publish_done_code::internal_error,
                       "this draft cannot express the group");
    return false;
}

MOQRTC_INLINE void relay::deliver_datagram(instant now, track& t, const object& item,
                                           const wire_rules& from) {
    std::array<std::optional<object>, columns> copies{};
    for (std::size_t i = 0; i < t.lanes.size(); ++i) {
        const auto& l = t.lanes[i];
        if (l.to == nullptr || !l.wants(item.location) || !l.passes(from, item)) continue;
        auto& copy = copies[l.column];
        if (!copy) {
            const auto& to = l.to->session.rules();
            copy = item;
            if (item.status != object_status::normal && !to.properties_on_ends) {
                copy->properties = {};
            } else if (!item.properties.empty() && !same_objects(from, to)) {
                copy->properties = transcode(from, to, item.properties);
                if (copy->properties.empty()) {
                    end_subscriber(now, l.subscriber, publish_done_code::internal_error,
                                   "this draft cannot express the object");
                    copy.reset();
                    continue;
                }
            }
        }
        if (!l.to->session.send_datagram(now, l.id, *copy)) continue;
        count_out(*l.to, item.payload.size(), &t);
        touch(*l.to);
    }
}

/// Whether an object can be what its track says it is; otherwise the track ends, or, for properties
/// that nobody can read, the session. Spec: anchor `malformed-tracks`.
MOQRTC_INLINE bool relay::check(instant now, peer& p, track_checker& checker,
                                std::uint32_t track_index, const object& item) {
    const auto fault = checker.observe(item);
    if (!fault)
        p.session.close(now, close_code_for(fault.error().code), "object properties");
    else if (*fault != track_fault::none)
        malformed(now, track_index);
    else
        return true;
    touch(p);
    return false;
}

/// What an object says of others: IDs that do not exist. Spec: anchors `prior-group-id-gap` and
/// `prior-object-id-gap`.
MOQRTC_INLINE void relay::note_gaps(track& t, const wire_rules& rules, const object& item) {
    key_value_reader pairs{rules, item.properties};
    while (const auto pair = pairs.next()) {
        if (pair->number == 0) continue;
        if (pair->type == property::prior_object_id_gap && pair->number <= item.location.object) {
            if (auto* group = t.cache->find(item.location.group))
                group->known.add(item.location.object - pair->number, item.location.object - 1);
        } else if (pair->type == property::prior_group_id_gap &&
                   pair->number <= item.location.group) {
            t.cache->learn_absent(item.location.group - pair->number, item.location.group - 1);
        }
    }
}

MOQRTC_INLINE void relay::on_stream_end(instant now, peer& p, event& e, bool reset) {
    const auto index = p.ingests.find(e.stream);
    if (index == id_map::none) return;
    p.ingests.erase(e.stream);
    end_ingest(now, index, reset, e.reset);
}

MOQRTC_INLINE void relay::end_ingest(instant now, std::uint32_t index, bool reset,
                                     reset_code code) {
    auto& in = ingests_[index];
    const auto track_index = sources_[in.source].track;
    auto& t = tracks_[track_index];
    const auto last = in.last;
    const bool fault = !reset && last &&
                       sources_[in.source].checker->observe_end(
                           {in.group, *last}, in.subgroup, in.end_of_group) != track_fault::none;
    if (auto* group = t.cache->find(in.group)) {
        if (group->open_streams != 0) --group->open_streams;
        if (reset) group->torn = true;
        // Anchor `subgroup-header`: the last object before FIN is then the last of the group.
        if (!reset && in.end_of_group && last && *last != UINT64_MAX)
            group->known.add(*last + 1, UINT64_MAX);
    }
    const auto live_index = in.live;
    ingests_.give(index);
    if (fault) {
        if (live_index != none) --lives_[live_index].ingests;
        return malformed(now, track_index);
    }
    if (live_index == none) return;
    auto& live = lives_[live_index];
    --live.ingests;
    if (!reset && last == live.last)
        finish_live(now, live_index);
    else if (live.ingests == 0)
        reset_live(now, live_index, reset ? code : reset_code::cancelled);
}

/// The publisher is gone: its streams are over.
MOQRTC_INLINE void relay::end_ingests_of(instant now, std::uint32_t source_index, reset_code code) {
    auto& from = *sources_[source_index].from;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> all;
    from.ingests.for_each([&](std::uint64_t stream, std::uint32_t index) {
        if (ingests_[index].source == source_index) all.emplace_back(stream, index);
    });
    for (const auto& [stream, index] : all) {
        from.ingests.erase(stream);
        end_ingest(now, index, true, code);
    }
}

MOQRTC_INLINE void relay::finish_live(instant now, std::uint32_t index) {
    auto& live = lives_[index];
    auto& t = tracks_[live.track];
    for (std::size_t i = 0; i < live.outputs.size(); ++i) {
        const auto& out = live.outputs[i];
        if (out.phase != output::state::open || t.lanes[i].to == nullptr) continue;
        auto& l = t.lanes[i];
        if (live.last && live.group == l.end_group && *live.last > l.end_object) {
            // The subgroup has objects behind the end of the range: it is not complete.
            (void)l.to->session.reset_stream(now, out.stream, reset_code::cancelled);
            touch(*l.to);
            continue;
        }
        (void)l.to->session.finish_stream(now, out.stream);
        l.finished.push({out.stream, live.group});
        while (!l.finished.empty() &&
               (l.finished.size() > 1024 ||
                l.to->session.unsent_bytes_of(l.finished.front().stream) == 0))
            l.finished.pop_front();
        touch(*l.to);
    }
    free_live(index);
}

MOQRTC_INLINE void relay::reset_live(instant now, std::uint32_t index, reset_code code) {
    auto& live = lives_[index];
    auto& t = tracks_[live.track];
    for (std::size_t i = 0; i < live.outputs.size(); ++i) {
        const auto& out = live.outputs[i];
        if (out.phase != output::state::open || t.lanes[i].to == nullptr) continue;
        auto& to = *t.lanes[i].to;
        (void)to.session.reset_stream(now, out.stream, code_for(to, code));
        touch(to);
    }
    free_live(index);
}

MOQRTC_INLINE void relay::free_live(std::uint32_t index) {
    auto& live = lives_[index];
    auto& t = tracks_[live.track];
    if (live.ingests != 0)
        for (const auto s : t.sources)
            sources_[s].from->ingests.for_each([&](std::uint64_t, std::uint32_t i) {
                if (ingests_[i].live == index) ingests_[i].live = none;
            });
    std::erase(t.live, index);
    lives_.give(index);
}

/// The subscriber stopped one of our streams: that subgroup is not opened again for it.
MOQRTC_INLINE void relay::on_stopped(peer& p, event& e) {
    const auto index = p.subscribers.find(e.id);
    if (index == id_map::none || subscribers_[index].place == none) return;
    const auto place = subscribers_[index].place;
    for (const auto l : tracks_[subscribers_[index].track].live) {
        auto& out = lives_[l].outputs[place];
        if (out.stream == e.stream && out.phase == output::state::open)
            out.phase = output::state::closed;
    }
}

} // namespace moqrtc::moqt
