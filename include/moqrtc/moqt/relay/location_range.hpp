#pragma once

#include <moqrtc/moqt/types.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace moqrtc::moqt {

/// The locations that a FETCH covers, and the order in which it walks them: groups as asked,
/// objects ascending within a group.
///
/// Fields  `lowest` and `highest` are both included.
struct location_range {
    location lowest{};
    location highest{};
    group_order order = group_order::ascending;

    /// From the wire: the object of `end` is one more than the last wanted one, 0 for all of the
    /// group (anchor `standalone-fetch`).
    [[nodiscard]] static constexpr location_range of(location start, location end,
                                                     group_order order) noexcept {
        return {start, {end.group, end.object == 0 ? UINT64_MAX : end.object - 1}, order};
    }
    /// The end as FETCH and FETCH_OK write it up to draft 19, and messages have it in every one.
    [[nodiscard]] constexpr location end() const noexcept {
        return {highest.group, highest.object == UINT64_MAX ? 0 : highest.object + 1};
    }
    [[nodiscard]] constexpr std::uint64_t lowest_object(std::uint64_t group) const noexcept {
        return group == lowest.group ? lowest.object : 0;
    }
    [[nodiscard]] constexpr std::uint64_t highest_object(std::uint64_t group) const noexcept {
        return group == highest.group ? highest.object : UINT64_MAX;
    }
    [[nodiscard]] constexpr location first() const noexcept {
        if (order == group_order::ascending) return lowest;
        return {highest.group, lowest_object(highest.group)};
    }
    [[nodiscard]] constexpr location last() const noexcept {
        if (order == group_order::ascending) return highest;
        return {lowest.group, highest_object(lowest.group)};
    }
    [[nodiscard]] constexpr bool contains(location at) const noexcept {
        return at >= lowest && at <= highest;
    }
    /// Whether `a` is walked before `b`.
    [[nodiscard]] constexpr bool precedes(location a, location b) const noexcept {
        if (a.group == b.group) return a.object < b.object;
        return order == group_order::ascending ? a.group < b.group : a.group > b.group;
    }
    /// What is walked after `at`, or nothing behind the last location.
    [[nodiscard]] constexpr std::optional<location> after(location at) const noexcept {
        if (at.object < highest_object(at.group)) return location{at.group, at.object + 1};
        if (order == group_order::ascending) {
            if (at.group >= highest.group) return std::nullopt;
            return location{at.group + 1, 0};
        }
        if (at.group <= lowest.group) return std::nullopt;
        return location{at.group - 1, lowest_object(at.group - 1)};
    }
    /// The part of this range from `from` to `until`, in the order of the walk.
    [[nodiscard]] constexpr location_range part(location from, location until) const noexcept {
        if (order == group_order::ascending || from.group == until.group)
            return {from, until, order};
        return {{until.group, lowest_object(until.group)},
                {from.group, highest_object(from.group)},
                order};
    }
};

} // namespace moqrtc::moqt
