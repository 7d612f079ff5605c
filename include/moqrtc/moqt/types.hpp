#pragma once

#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/draft.hpp>

#include <compare>
#include <cstdint>
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

/// Where a subscription starts and ends. Spec: moq-transport, anchor `subscription-filters`.
enum class filter_type : std::uint8_t {
    next_group_start = 1,
    largest_object = 2,
    absolute_start = 3,
    absolute_range = 4,
};

/// A subscription filter; `start` counts for the absolute types, `end_group` (inclusive, absolute
/// in every draft) for `absolute_range`.
struct subscription_filter {
    filter_type type = filter_type::largest_object;
    location start{};
    std::uint64_t end_group = 0;

    [[nodiscard]] friend constexpr bool operator==(const subscription_filter&,
                                                   const subscription_filter&) noexcept = default;
};

} // namespace moqrtc::moqt
