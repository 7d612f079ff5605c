#pragma once

#include <moqrtc/moqt/data/object.hpp>
#include <moqrtc/moqt/data/object_properties.hpp>
#include <moqrtc/moqt/data/recent_spans.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace moqrtc::moqt {

/// Notices that a track is malformed, from the objects of one subscription or one fetch.
///
/// Memory is bounded: the last few groups, and of each the last few subgroups, runs of objects and
/// gaps. What is forgotten raises no fault. An object that comes twice with different content is
/// the cache's affair, which has the first one.
///
/// Spec    moq-transport, anchor `malformed-tracks`; where drafts differ: `wire_rules`, its
///         `subgroup_priority`, `end_of_group_bit_binds`, `one_forwarding_preference` and
///         `mandatory_properties`.
class track_checker {
public:
    enum class delivery : std::uint8_t { subscription, fetch };

    static constexpr std::size_t groups = 4;
    static constexpr std::size_t subgroups = 8;
    static constexpr std::size_t spans = 4;

    constexpr explicit track_checker(const wire_rules& rules, delivery by = delivery::subscription,
                                     group_order order = group_order::ascending) noexcept
        : rules_{&rules}, by_{by}, order_{order} {}

    /// Judges an object and remembers it; the first fault is the only one that counts.
    ///
    /// Errors  what closes the session: properties that are no Key-Value-Pairs.
    [[nodiscard]] result<track_fault> observe(const object& m) noexcept {
        const auto& at = m.location;
        const bool normal = m.status == object_status::normal;
        if (by_ == delivery::fetch && !in_order(at)) return track_fault::out_of_order;
        if (rules_->one_forwarding_preference && started_ && m.forwarding != forwarding_)
            return track_fault::forwarding_changed;
        if (normal && at >= track_end_) return track_fault::beyond_track;
        if (m.status == object_status::end_of_track && !end_track(at))
            return track_fault::beyond_track;
        auto* const group = group_of(at.group);
        if (group == nullptr) return track_fault::inside_gap;
        if (const auto fault = check_group(*group, m); fault != track_fault::none) return fault;
        if (m.forwarding == forwarding_preference::subgroup)
            if (const auto fault = check_subgroup(*group, m); fault != track_fault::none)
                return fault;
        if (!m.properties.empty()) [[unlikely]] {
            const auto said = read_object_gaps(*rules_, m.properties);
            if (!said) return std::unexpected(said.error());
            if (said->fault != track_fault::none) return said->fault;
            if (const auto fault = check_gaps(*group, at, *said); fault != track_fault::none)
                return fault;
        }
        if (normal) {
            group->received.add(at.object, at.object);
            if (!any_ || largest_ < at) largest_ = at;
            any_ = true;
        }
        previous_ = at;
        forwarding_ = m.forwarding;
        started_ = true;
        return track_fault::none;
    }

    /// A subgroup's stream has ended with FIN behind the object `last`; `end_of_group` is the bit
    /// of its header.
    [[nodiscard]] track_fault observe_end(const location& last, std::uint64_t subgroup,
                                          bool end_of_group) noexcept {
        auto* const group = group_of(last.group);
        if (group == nullptr) return track_fault::inside_gap;
        auto& part = subgroup_of(*group, subgroup);
        if (part.ended && part.last != last.object) return track_fault::subgroup_ends_differ;
        if (part.seen && part.last > last.object) return track_fault::beyond_subgroup;
        part.last = last.object;
        part.ended = part.seen = true;
        const bool tells =
            end_of_group && rules_->end_of_group_bit_binds && last.object != UINT64_MAX;
        return tells && !end_group(*group, last.object + 1) ? track_fault::beyond_group
                                                            : track_fault::none;
    }

    /// The answer to the fetch said that its last object, `last`, is the track's final one.
    [[nodiscard]] track_fault observe_end_of_track(const location& last) noexcept {
        if (last.object == UINT64_MAX) return track_fault::none;
        return end_track({last.group, last.object + 1}) ? track_fault::none
                                                        : track_fault::beyond_track;
    }

private:
    struct subgroup_state {
        std::uint64_t id = 0;
        std::uint64_t last = 0; ///< largest object, the final one once `ended`
        moqt::priority priority = 0;
        bool seen = false;
        bool has_priority = false;
        bool ended = false;
    };
    struct group_state {
        std::uint64_t id = 0;
        std::uint64_t largest = 0;
        std::uint64_t end = UINT64_MAX; ///< no object from here on
        std::uint64_t gap = 0;          ///< groups before this one that do not exist
        bool used = false;
        bool any = false;
        bool has_gap = false;
        std::uint8_t current = 0; ///< index of the subgroup of the latest object
        std::uint8_t next = 0;    ///< index of the subgroup to be forgotten next
        recent_spans<spans> received{};
        recent_spans<spans> missing{};
        std::array<subgroup_state, subgroups> parts{};
    };

    [[nodiscard]] bool demands_one_priority() const noexcept {
        return rules_->subgroup_priority == one_priority::everywhere ||
               (rules_->subgroup_priority == one_priority::in_fetches && by_ == delivery::fetch);
    }
    /// No object exists from `first` on; false when one was received.
    [[nodiscard]] bool end_track(const location& first) noexcept {
        if (any_ && largest_ >= first) return false;
        track_end_ = std::min(track_end_, first);
        return true;
    }
    [[nodiscard]] static bool end_group(group_state& group, std::uint64_t first) noexcept {
        if (group.any && group.largest >= first) return false;
        group.end = std::min(group.end, first);
        return true;
    }
    [[nodiscard]] bool in_order(const location& at) const noexcept {
        if (!started_) return true;
        if (at.group == previous_.group) return at.object > previous_.object;
        return (at.group > previous_.group) == (order_ == group_order::ascending);
    }

    /// The state of a group, if need be in the place of the one not used for longest; null when the
    /// group lies in a gap.
    [[nodiscard]] group_state* group_of(std::uint64_t id) noexcept {
        if (auto& latest = groups_[current_]; latest.used && latest.id == id) [[likely]]
            return &latest;
        for (std::size_t i = 0; i < groups; ++i)
            if (groups_[i].used && groups_[i].id == id) {
                current_ = i;
                return &groups_[i];
            }
        if (missing_.meets(id, id)) return nullptr;
        current_ = next_;
        next_ = (next_ + 1) % groups;
        groups_[current_] = group_state{};
        groups_[current_].id = id;
        groups_[current_].used = true;
        return &groups_[current_];
    }
    [[nodiscard]] static subgroup_state& subgroup_of(group_state& group,
                                                     std::uint64_t id) noexcept {
        if (auto& latest = group.parts[group.current]; latest.seen && latest.id == id) [[likely]]
            return latest;
        for (std::size_t i = 0; i < subgroups; ++i)
            if (group.parts[i].seen && group.parts[i].id == id) {
                group.current = static_cast<std::uint8_t>(i);
                return group.parts[i];
            }
        group.current = group.next;
        group.next = static_cast<std::uint8_t>((group.next + 1) % subgroups);
        group.parts[group.current] = subgroup_state{.id = id};
        return group.parts[group.current];
    }

    [[nodiscard]] track_fault check_group(group_state& group, const object& m) const noexcept {
        const auto id = m.location.object;
        if (m.status == object_status::end_of_group && !end_group(group, id))
            return track_fault::beyond_group;
        if (m.status != object_status::normal) return track_fault::none;
        if (id >= group.end && id != UINT64_MAX) return track_fault::beyond_group;
        if (group.missing.meets(id, id)) return track_fault::inside_gap;
        if (!group.any || group.largest < id) group.largest = id;
        group.any = true;
        const bool last = m.end_of_group && m.forwarding == forwarding_preference::datagram;
        if (last && id != UINT64_MAX && !end_group(group, id + 1)) return track_fault::beyond_group;
        return track_fault::none;
    }
    [[nodiscard]] track_fault check_subgroup(group_state& group, const object& m) const noexcept {
        auto& part = subgroup_of(group, m.subgroup_id);
        const auto id = m.location.object;
        if (part.ended && id > part.last) return track_fault::beyond_subgroup;
        if (part.has_priority && part.priority != m.publisher_priority && demands_one_priority())
            return track_fault::priority_changed;
        if (!part.seen || part.last < id) part.last = id;
        part.priority = m.publisher_priority;
        part.seen = part.has_priority = true;
        return track_fault::none;
    }
    [[nodiscard]] track_fault check_gaps(group_state& group, const location& at,
                                         const object_gaps& said) noexcept {
        if (said.groups) {
            const auto gap = *said.groups;
            if (group.has_gap && group.gap != gap) return track_fault::group_gap_differs;
            if (gap > at.group) return track_fault::gap_exceeds_id;
            group.gap = gap;
            group.has_gap = true;
            if (gap != 0) {
                for (const auto& other : groups_)
                    if (other.used && other.any && other.id >= at.group - gap &&
                        other.id < at.group)
                        return track_fault::gap_covers_received;
                missing_.add(at.group - gap, at.group - 1);
            }
        }
        if (said.objects) {
            const auto gap = *said.objects;
            if (gap > at.object) return track_fault::gap_exceeds_id;
            if (gap != 0) {
                if (group.received.meets(at.object - gap, at.object - 1))
                    return track_fault::gap_covers_received;
                group.missing.add(at.object - gap, at.object - 1);
            }
        }
        return track_fault::none;
    }

    const wire_rules* rules_;
    delivery by_;
    group_order order_;
    bool any_ = false;     ///< `largest_` counts
    bool started_ = false; ///< `previous_` and `forwarding_` count
    forwarding_preference forwarding_ = forwarding_preference::subgroup;
    location previous_{};
    location largest_{};
    location track_end_{UINT64_MAX, UINT64_MAX}; ///< no object from here on
    std::size_t current_ = 0;
    std::size_t next_ = 0;
    recent_spans<spans> missing_{}; ///< groups
    std::array<group_state, groups> groups_{};
};

} // namespace moqrtc::moqt
