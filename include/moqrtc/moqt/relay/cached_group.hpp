#pragma once

#include <moqrtc/core/ring.hpp>
#include <moqrtc/moqt/data/object.hpp>
#include <moqrtc/moqt/relay/intervals.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace moqrtc::moqt {

class track_cache;

/// An object with all its fields, and when its last byte came.
struct cached_object {
    object item{};
    instant received{};
    const wire_rules* rules = nullptr; ///< encoding of its properties

    [[nodiscard]] std::size_t cost() const noexcept {
        return item.payload.size() + item.properties.size() + sizeof(cached_object);
    }
};

/// The objects of one group that a relay holds, by object ID, and which IDs it knows all about.
struct cached_group {
    std::uint64_t id = 0;
    track_cache* owner = nullptr;
    ring<cached_object> objects{};
    /// IDs of which is known whether the object exists: if it is not in `objects`, it does not.
    intervals known{};
    std::size_t bytes = 0;
    instant updated{};
    std::uint32_t open_streams = 0; ///< subgroups of it that are being received
    bool torn = false; ///< a subgroup was reset, or some may have come while nobody subscribed
    /// Lowest ID that came by subscription: from there on all that exists has come.
    std::optional<std::uint64_t> live_from{};
    bool settled = false;             ///< `known` has taken in what the end of all streams tells
    std::uint32_t older = UINT32_MAX; ///< list of all groups of all tracks, by age
    std::uint32_t newer = UINT32_MAX;

    void clear() {
        objects.clear();
        known.clear();
        auto kept_objects = std::move(objects);
        auto kept_known = std::move(known);
        *this = cached_group{};
        objects = std::move(kept_objects);
        known = std::move(kept_known);
    }

    /// Place of the first object whose ID is at least `object_id`; `objects.size()` if none.
    [[nodiscard]] std::size_t place(std::uint64_t object_id) const noexcept {
        if (objects.empty() || objects[objects.size() - 1].item.location.object < object_id)
            return objects.size();
        std::size_t low = 0;
        std::size_t high = objects.size() - 1;
        while (low < high) {
            const auto middle = (low + high) / 2;
            if (objects[middle].item.location.object < object_id)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
    [[nodiscard]] const cached_object* find(std::uint64_t object_id) const noexcept {
        const auto at = place(object_id);
        if (at == objects.size() || objects[at].item.location.object != object_id) return nullptr;
        return &objects[at];
    }
    /// Inserts an object that is not there; at the end, or in its place.
    void insert(cached_object entry) {
        const auto id_of = [&](std::size_t i) { return objects[i].item.location.object; };
        const auto object_id = entry.item.location.object;
        known.add(object_id, object_id);
        bytes += entry.cost();
        objects.push(std::move(entry));
        for (auto at = objects.size() - 1; at > 0 && id_of(at - 1) > id_of(at); --at)
            std::swap(objects[at - 1], objects[at]);
    }
    /// Forgets the object with the lowest ID; its bytes are returned.
    std::size_t drop_front() {
        const auto cost = objects.front().cost();
        known.remove(objects.front().item.location.object);
        bytes -= cost;
        objects.pop_front();
        return cost;
    }
};

} // namespace moqrtc::moqt
