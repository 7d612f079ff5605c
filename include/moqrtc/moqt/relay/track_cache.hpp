#pragma once

#include <moqrtc/core/slot_pool.hpp>
#include <moqrtc/moqt/relay/cached_group.hpp>
#include <moqrtc/moqt/relay/config.hpp>
#include <moqrtc/moqt/relay/location_range.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace moqrtc::moqt {

/// The groups of all tracks of a relay: one bound on their bytes, oldest first to go.
class cache_store {
public:
    explicit cache_store(const relay_config& config) noexcept : config_{&config} {}
    cache_store(const cache_store&) = delete;
    cache_store& operator=(const cache_store&) = delete;

    [[nodiscard]] const relay_config& config() const noexcept { return *config_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t objects() const noexcept { return objects_; }
    [[nodiscard]] std::size_t groups() const noexcept { return groups_.in_use(); }
    [[nodiscard]] cached_group& operator[](std::uint32_t index) noexcept { return groups_[index]; }
    [[nodiscard]] const cached_group& operator[](std::uint32_t index) const noexcept {
        return groups_[index];
    }

    [[nodiscard]] std::uint32_t take(track_cache& owner, std::uint64_t id) {
        const auto index = groups_.take();
        auto& group = groups_[index];
        group.id = id;
        group.owner = &owner;
        group.older = newest_;
        if (newest_ != none) groups_[newest_].newer = index;
        newest_ = index;
        if (oldest_ == none) oldest_ = index;
        return index;
    }
    void give(std::uint32_t index) {
        auto& group = groups_[index];
        bytes_ -= group.bytes;
        objects_ -= group.objects.size();
        unlink(index);
        groups_.give(index);
    }
    void count(std::size_t bytes) noexcept {
        bytes_ += bytes;
        ++objects_;
    }
    void discount(std::size_t bytes) noexcept {
        bytes_ -= bytes;
        --objects_;
    }
    /// What made groups go before their time.
    enum class bound : std::uint8_t { bytes, track_bytes, groups };
    void note_dropped(bound why) noexcept { ++dropped_[static_cast<std::size_t>(why)]; }
    [[nodiscard]] std::uint64_t dropped(bound why) const noexcept {
        return dropped_[static_cast<std::size_t>(why)];
    }
    /// Drops groups, oldest first, until the bound on bytes holds or only retained ones are left.
    inline void enforce();
    [[nodiscard]] bool empty() const noexcept { return groups_.in_use() == 0; }

private:
    static constexpr std::uint32_t none = UINT32_MAX;

    void unlink(std::uint32_t index) noexcept {
        auto& group = groups_[index];
        (group.older == none ? oldest_ : groups_[group.older].newer) = group.newer;
        (group.newer == none ? newest_ : groups_[group.newer].older) = group.older;
    }

    const relay_config* config_;
    slot_pool<cached_group> groups_{};
    std::uint32_t oldest_ = none;
    std::uint32_t newest_ = none;
    std::size_t bytes_ = 0;
    std::size_t objects_ = 0;
    std::array<std::uint64_t, 3> dropped_{};
};

/// What a walk over a range of locations meets next.
struct cache_step {
    enum class kind : std::uint8_t { object, absent, unknown };
    kind what = kind::unknown;
    const cached_object* entry = nullptr;
    location until{}; ///< last location that this step says something about, in walking order
};

/// What a relay holds of one track.
///
/// Spec    moq-transport, anchors `caching-relays` and `max-cache-duration`.
class track_cache {
public:
    enum class outcome : std::uint8_t { stored, duplicate, conflict, refused };

    explicit track_cache(cache_store& store) noexcept : store_{&store} {}
    track_cache(const track_cache&) = delete;
    track_cache& operator=(const track_cache&) = delete;
    ~track_cache() { clear(); }

    /// The newest group stays whatever the bounds.
    void retain_newest(bool on) noexcept { retain_ = on; }
    /// No object is served longer than this after it came.
    void set_duration(duration longest) noexcept { duration_ = longest; }

    [[nodiscard]] std::size_t groups() const noexcept { return order_.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] cached_group* newest() noexcept {
        return order_.empty() ? nullptr : &(*store_)[order_.back()];
    }
    [[nodiscard]] cached_group* find(std::uint64_t group) noexcept {
        const auto at = place(group);
        return at < order_.size() && (*store_)[order_[at]].id == group ? &(*store_)[order_[at]]
                                                                       : nullptr;
    }
    [[nodiscard]] bool holds(std::uint64_t group) noexcept {
        const auto* found = find(group);
        return found != nullptr && !found->objects.empty();
    }
    /// The group, made if there is none; null when it is older than all that is kept.
    [[nodiscard]] cached_group* open(std::uint64_t group) {
        if (auto* found = find(group)) return found;
        if (order_.size() >= store_->config().cache_groups) {
            if (group < (*store_)[order_.front()].id) return nullptr;
            store_->note_dropped(cache_store::bound::groups);
            drop(0);
        }
        const auto index = store_->take(*this, group);
        order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(place(group)), index);
        return &(*store_)[index];
    }

    /// Takes an object, unless the same one is there; `conflict` if that differs in what must not.
    /// `live`: it came by subscription.
    outcome add(instant now, const wire_rules& rules, const object& item, bool live = true) {
        auto* group = open(item.location.group);
        if (group == nullptr) return outcome::refused;
        if (const auto* known = group->find(item.location.object))
            return same(known->item, item) ? outcome::duplicate : outcome::conflict;
        cached_object entry{item, now, &rules};
        bytes_ += entry.cost();
        store_->count(entry.cost());
        if (live)
            group->live_from =
                std::min(group->live_from.value_or(item.location.object), item.location.object);
        group->insert(std::move(entry));
        group->updated = now;
        if (item.status != object_status::normal)
            group->known.add(item.location.object, UINT64_MAX);
        bound(*group);
        return outcome::stored;
    }
    /// Notes that all is known from `from` to `until`, as a fetch in this order tells.
    void learn(const location_range& walk, location from, location until) {
        if (walk.precedes(until, from)) return;
        if (from.group == until.group) return learn_group(from.group, from.object, until.object);
        learn_group(from.group, from.object, walk.highest_object(from.group));
        const auto low = std::min(from.group, until.group);
        const auto high = std::max(from.group, until.group);
        if (high - low > 1) absent_.add(low + 1, high - 1);
        learn_group(until.group, walk.lowest_object(until.group), until.object);
    }
    /// Notes that the groups from `first` to `last` do not exist.
    void learn_absent(std::uint64_t first, std::uint64_t last) { absent_.add(first, last); }

    /// What stands at `at`, which lies in `walk`.
    [[nodiscard]] cache_step step(instant now, const location_range& walk, location at) {
        auto* group = find(at.group);
        if (group == nullptr) return step_over_groups(walk, at);
        settle(*group);
        const auto most = walk.highest_object(at.group);
        const auto known = group->known.containing(at.object);
        if (!known) {
            const auto next = group->known.above(at.object);
            if (next && next->first <= most)
                return {cache_step::kind::unknown, nullptr, {at.group, next->first - 1}};
            return unknown_to_next_group(walk, at, most);
        }
        const auto place = group->place(at.object);
        const auto last = std::min(known->last, most);
        if (place == group->objects.size() || group->objects[place].item.location.object > last)
            return {cache_step::kind::absent, nullptr, {at.group, last}};
        const auto& entry = group->objects[place];
        if (now - entry.received > duration_)
            return {cache_step::kind::unknown, nullptr, entry.item.location};
        return {cache_step::kind::object, &entry, entry.item.location};
    }

    /// Drops what is too old; the newest group stays while `alive`.
    void sweep(instant now, bool alive) {
        const auto age = std::min(store_->config().cache_age, duration_);
        while (!order_.empty()) {
            auto& group = (*store_)[order_.front()];
            const bool keep = order_.size() == 1 && alive;
            if (now - group.updated > age && !keep) {
                drop(0);
                continue;
            }
            // An endless group loses its old objects one by one.
            while (!keep && group.objects.size() > 1 && now - group.objects.front().received > age)
                drop_front(group);
            return;
        }
    }
    /// Drops the oldest group; false when it has to stay.
    bool drop_oldest(std::uint32_t index) {
        if (retain_ && order_.back() == index) return false;
        const auto at = std::find(order_.begin(), order_.end(), index);
        if (at == order_.end()) return false;
        drop(static_cast<std::size_t>(at - order_.begin()));
        return true;
    }
    void clear() {
        while (!order_.empty())
            drop(order_.size() - 1);
        absent_.clear();
    }

private:
    [[nodiscard]] static bool same(const object& a, const object& b) noexcept {
        return a.forwarding == b.forwarding && a.status == b.status &&
               a.publisher_priority == b.publisher_priority &&
               (a.forwarding == forwarding_preference::datagram ||
                a.subgroup_id == b.subgroup_id) &&
               equal(a.payload, b.payload);
    }
    [[nodiscard]] std::size_t place(std::uint64_t group) const noexcept {
        if (order_.empty() || (*store_)[order_.back()].id < group) return order_.size();
        const auto at = std::lower_bound(
            order_.begin(), order_.end(), group,
            [&](std::uint32_t index, std::uint64_t id) { return (*store_)[index].id < id; });
        return static_cast<std::size_t>(at - order_.begin());
    }
    void drop_front(cached_group& group) {
        const auto cost = group.drop_front();
        bytes_ -= cost;
        store_->discount(cost);
    }
    void drop(std::size_t at) {
        bytes_ -= (*store_)[order_[at]].bytes;
        store_->give(order_[at]);
        order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    void bound(cached_group& group) {
        const auto& config = store_->config();
        while (group.objects.size() > config.cache_objects_per_group)
            drop_front(group);
        if (group.bytes > config.cache_track_bytes && !retain_)
            while (group.objects.size() > 1 && group.bytes > config.cache_track_bytes)
                drop_front(group);
        while (order_.size() > 1 && bytes_ > config.cache_track_bytes) {
            store_->note_dropped(cache_store::bound::track_bytes);
            drop(0);
        }
        if (store_->bytes() > config.cache_bytes) store_->enforce();
    }
    void learn_group(std::uint64_t group, std::uint64_t first, std::uint64_t last) {
        if (first > last) return;
        if (auto* found = open(group)) found->known.add(first, last);
    }
    /// A group of which every stream ended well, and that a later one followed, is complete: FIN
    /// says so for each subgroup, and no stream is left that could bring another.
    void settle(cached_group& group) {
        if (group.settled || group.torn || group.open_streams != 0 || !group.live_from ||
            group.objects.empty() || order_.empty() || (*store_)[order_.back()].id <= group.id)
            return;
        group.settled = true;
        group.known.add(std::max(*group.live_from, group.objects.front().item.location.object),
                        UINT64_MAX);
    }
    [[nodiscard]] cache_step step_over_groups(const location_range& walk, location at) const {
        const bool up = walk.order == group_order::ascending;
        if (const auto none = absent_.containing(at.group)) {
            const auto group = up ? std::min(none->last, walk.highest.group)
                                  : std::max(none->first, walk.lowest.group);
            return {cache_step::kind::absent, nullptr, {group, walk.highest_object(group)}};
        }
        return unknown_to_next_group(walk, at, walk.highest_object(at.group));
    }
    /// From `at` on nothing is known of its group; nor of the following ones up to the next that is
    /// held or known to be absent.
    [[nodiscard]] cache_step unknown_to_next_group(const location_range& walk, location at,
                                                   std::uint64_t most) const {
        location until{at.group, most};
        if (walk.order == group_order::ascending) {
            auto stop = walk.highest.group;
            for (const auto index : order_) {
                if ((*store_)[index].id <= at.group) continue;
                stop = std::min(stop, (*store_)[index].id - 1);
                break;
            }
            if (const auto none = absent_.above(at.group)) stop = std::min(stop, none->first - 1);
            if (stop > at.group) until = {stop, walk.highest_object(stop)};
        } else if (at.object == walk.lowest_object(at.group)) {
            auto stop = walk.lowest.group;
            for (const auto index : order_)
                if ((*store_)[index].id < at.group) stop = std::max(stop, (*store_)[index].id + 1);
            if (const auto none = absent_.below(at.group)) stop = std::max(stop, none->last + 1);
            if (stop < at.group) until = {stop, walk.highest_object(stop)};
        }
        return {cache_step::kind::unknown, nullptr, until};
    }

    cache_store* store_;
    std::vector<std::uint32_t> order_{}; ///< ascending by group
    intervals absent_{};                 ///< groups known not to exist
    std::size_t bytes_ = 0;
    duration duration_{INT64_MAX};
    bool retain_ = false;
};

inline void cache_store::enforce() {
    auto index = oldest_;
    while (bytes_ > config_->cache_bytes && index != none) {
        const auto next = groups_[index].newer;
        if (groups_[index].owner->drop_oldest(index)) note_dropped(bound::bytes);
        index = next;
    }
}

} // namespace moqrtc::moqt
