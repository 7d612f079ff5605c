#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>
#include <utility>
#include <vector>

/// What a late joiner gets from the cache, on streams of its subscription.
namespace moqrtc::moqt {

/// Sends the newest group, as far as it passes the filter, to a subscriber that has just been
/// accepted; subgroups that are still being received go on from there.
MOQRTC_INLINE void relay::replay(instant now, track& t, std::size_t place) {
    auto* group = t.cache->newest();
    if (group == nullptr || group->objects.empty()) return;
    const auto start = t.lanes[place].start;
    // Without what it is to begin with a group cannot be joined.
    if (group->id < start.group ||
        !group->known.contains(group->id == start.group ? start.object : 0))
        return;
    std::vector<std::uint64_t> subgroups;
    for (std::size_t i = 0; i < group->objects.size(); ++i) {
        const auto& item = group->objects[i].item;
        if (item.forwarding == forwarding_preference::datagram) continue;
        if (std::find(subgroups.begin(), subgroups.end(), item.subgroup_id) == subgroups.end())
            subgroups.push_back(item.subgroup_id);
    }
    for (const auto subgroup : subgroups) {
        // Either a subgroup that is under way, or one made for the occasion.
        live_subgroup past;
        auto* live = &past;
        for (const auto index : t.live)
            if (lives_[index].group == group->id && lives_[index].subgroup == subgroup)
                live = &lives_[index];
        const bool over = live == &past;
        if (over) {
            past.group = group->id;
            past.subgroup = subgroup;
            past.outputs.resize(t.lanes.size());
            for (std::size_t i = 0; i < group->objects.size(); ++i)
                past.has_properties =
                    past.has_properties || !group->objects[i].item.properties.empty();
        }
        const auto last = std::exchange(live->last, std::nullopt);
        // Only what begins with the first object ever may say so.
        const auto first_object = std::exchange(live->first_object, false);
        auto& out = live->outputs[place];
        bool whole = true;
        for (std::size_t i = 0; i < group->objects.size() && whole; ++i) {
            const auto& entry = group->objects[i];
            if (entry.item.subgroup_id != subgroup || !t.lanes[place].wants(entry.item.location) ||
                !t.lanes[place].passes(*entry.rules, entry.item) ||
                entry.item.forwarding == forwarding_preference::datagram)
                continue;
            if (over) past.publisher_priority = entry.item.publisher_priority;
            object_heads heads;
            heads.item = &entry.item;
            heads.from = entry.rules;
            heads.has_properties = live->has_properties;
            whole = write(now, t, t.lanes[place], *live, out, heads);
            live->last = entry.item.location.object;
            ++statistics_.objects_from_cache;
        }
        live->last = last;
        live->first_object = first_object;
        if (t.lanes[place].to == nullptr) return; // it could not be served at all
        if (over && out.phase == output::state::open) {
            (void)t.lanes[place].to->session.finish_stream(now, out.stream);
            t.lanes[place].finished.push({out.stream, group->id});
        }
    }
}

} // namespace moqrtc::moqt
