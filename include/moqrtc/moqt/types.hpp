#pragma once

#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/draft.hpp>

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moqrtc::moqt {

/// Which side of the transport connection a session is.
enum class role : std::uint8_t { client, server };

/// Identifies a request in a session; even ones are the client's, odd ones the server's.
using request_id = std::uint64_t;
/// The publisher's short name for a track in a session.
using track_alias = std::uint64_t;

/// Where an object stands in its track; ordered by group, then object.
///
/// Spec    moq-transport, anchor `location-structure`.
struct location {
    std::uint64_t group = 0;
    std::uint64_t object = 0;

    [[nodiscard]] friend constexpr auto operator<=>(const location&,
                                                    const location&) noexcept = default;
    /// The same as `*this >= start`, for each object that is sent.
    [[nodiscard]] constexpr bool reaches(const location& start) const noexcept {
        return group > start.group || (group == start.group && object >= start.object);
    }
    static constexpr void describe(auto& io, auto& m) {
        io.varint("group", m.group);
        io.varint("object", m.object);
    }
};

/// Order in which groups of a subscription or fetch are wanted.
enum class group_order : std::uint8_t { ascending = 1, descending = 2 };

/// Lower values go first. Spec: moq-transport, anchor `priorities`.
using priority = std::uint8_t;
inline constexpr priority default_priority = 128;

/// What an object on the wire says of itself. Spec: moq-transport, anchor `object-status`.
enum class object_status : std::uint8_t {
    normal = 0x0,
    does_not_exist = 0x1,
    end_of_group = 0x3,
    end_of_track = 0x4,
};

/// Whether objects of a track travel in subgroup streams or in datagrams.
enum class forwarding_preference : std::uint8_t { subgroup, datagram };

/// The location behind `last`, as an end that is not included: object 0 stands for all of the
/// group.
[[nodiscard]] constexpr location behind(const location& last) noexcept {
    return {last.group, last.object + 1};
}
/// The last location in front of such an end.
[[nodiscard]] constexpr location last_before(const location& end) noexcept {
    return {end.group, end.object - 1};
}

/// A stretch of locations, both ends included.
struct location_span {
    location first{};
    location last{};

    [[nodiscard]] friend constexpr bool operator==(const location_span&,
                                                   const location_span&) noexcept = default;
};

/// Where a subscription, a FETCH or a fill starts and ends. The numbers are those of the drafts
/// that write a type (15 to 19); later drafts say the same with fields alone, and more.
///
/// Spec    moq-transport, anchors `subscription-filters` and `location-filters`.
enum class filter_type : std::uint8_t {
    everything = 0, ///< no filter; in REQUEST_UPDATE it takes one away. From draft 20 on
    next_group_start = 1,
    largest_object = 2,
    absolute_start = 3,
    absolute_range = 4, ///< up to the end of a group
    relative_start = 5, ///< a number of groups before the next one. From draft 20 on
    object_range = 6,   ///< up to an object. From draft 20 on
};

/// A location filter. `start` counts for the absolute types, and its group for `relative_start`,
/// where 1 is the current group; `end_group` (included, absolute in every draft) for
/// `absolute_range` and `object_range`; `end_object` (included) for `object_range`.
struct subscription_filter {
    filter_type type = filter_type::largest_object;
    location start{};
    std::uint64_t end_group = 0;
    std::uint64_t end_object = 0;

    /// From `start` up to an end that is not included (`behind`).
    [[nodiscard]] static constexpr subscription_filter range(location start,
                                                             location end) noexcept {
        if (end.object == 0) return {filter_type::absolute_range, start, end.group};
        return {filter_type::object_range, start, end.group, end.object - 1};
    }
    [[nodiscard]] constexpr bool has_end() const noexcept {
        return type == filter_type::absolute_range || type == filter_type::object_range;
    }
    /// Whether it can start before the next object.
    [[nodiscard]] constexpr bool reaches_back() const noexcept {
        return type != filter_type::next_group_start && type != filter_type::largest_object &&
               (type != filter_type::relative_start || start.group != 0);
    }
    /// The first location that passes, when `largest` is the Largest Object.
    [[nodiscard]] constexpr location first(const std::optional<location>& largest) const noexcept {
        if (type == filter_type::everything) return {};
        if (type == filter_type::absolute_start || has_end()) return start;
        if (!largest) return {};
        if (type == filter_type::largest_object) return {largest->group, largest->object + 1};
        const auto back = type == filter_type::relative_start ? start.group : 0;
        if (back > largest->group) return {}; // there are not that many groups
        if (back != 0) return {largest->group - back + 1, 0};
        return {largest->group + (largest->group != UINT64_MAX ? 1 : 0), 0};
    }
    /// The last location that passes.
    [[nodiscard]] constexpr location last() const noexcept {
        return {has_end() ? end_group : UINT64_MAX,
                type == filter_type::object_range ? end_object : UINT64_MAX};
    }
    /// What a FETCH or a fill with this range brings when `largest` is the Largest Object; none
    /// when that is nothing (anchor `location-filters`: never more than what there is).
    [[nodiscard]] constexpr std::optional<location_span>
    past(const std::optional<location>& largest) const noexcept {
        if (!largest) return std::nullopt;
        const location_span found{first(largest), last() < *largest ? last() : *largest};
        if (found.last < found.first) return std::nullopt;
        return found;
    }

    [[nodiscard]] friend constexpr bool operator==(const subscription_filter&,
                                                   const subscription_filter&) noexcept = default;
};

} // namespace moqrtc::moqt
