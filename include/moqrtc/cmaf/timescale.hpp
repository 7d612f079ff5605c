#pragma once

#include <moqrtc/core/time.hpp>

#include <compare>
#include <cstdint>

namespace moqrtc::cmaf {

namespace detail {
/// Wide enough for a 64-bit time multiplied by a 32-bit timescale.
__extension__ using wide_int = __int128;
} // namespace detail

/// Times in media files stay below this, so that sums of a few of them cannot overflow.
inline constexpr std::int64_t latest_time = std::int64_t{1} << 61;

/// A time as media files count it.
///
/// Units   `ticks` of 1/`timescale` second; may be negative (before the presentation starts).
struct media_time {
    std::int64_t ticks = 0;
    std::uint32_t timescale = 1;

    /// Exact, whatever the two timescales are.
    [[nodiscard]] friend constexpr std::strong_ordering operator<=>(media_time a,
                                                                    media_time b) noexcept {
        return static_cast<detail::wide_int>(a.ticks) * b.timescale <=>
               static_cast<detail::wide_int>(b.ticks) * a.timescale;
    }
    [[nodiscard]] friend constexpr bool operator==(media_time a, media_time b) noexcept {
        return (a <=> b) == 0;
    }
};

/// `ticks` of one timescale in another, rounded to the nearest, halves away from zero; saturates
/// at `latest_time`. The caller has checked that neither timescale is 0.
[[nodiscard]] constexpr std::int64_t rescale(std::int64_t ticks, std::uint32_t from,
                                             std::uint32_t to) noexcept {
    if (from == to) return ticks;
    const auto scaled = static_cast<detail::wide_int>(ticks) * to;
    const auto half = static_cast<detail::wide_int>(from / 2);
    const auto rounded = (scaled < 0 ? scaled - half : scaled + half) / from;
    if (rounded > latest_time) return latest_time;
    if (rounded < -latest_time) return -latest_time;
    return static_cast<std::int64_t>(rounded);
}

/// The same time in microseconds, rounded.
[[nodiscard]] constexpr duration to_duration(media_time t) noexcept {
    return {rescale(t.ticks, t.timescale, 1'000'000)};
}

} // namespace moqrtc::cmaf
