#pragma once

#include <moqrtc/core/time.hpp>

#include <compare>
#include <cstdint>

namespace moqrtc::auth {

/// A point of the wall clock, as claims name it: seconds since 1970-01-01T00:00:00Z.
///
/// Not an `instant`: deadlines are kept on a clock that never jumps, claims speak of one that does.
/// `deadline` crosses over.
struct unix_time {
    std::int64_t seconds = 0;

    [[nodiscard]] friend constexpr auto operator<=>(unix_time, unix_time) noexcept = default;
    [[nodiscard]] friend constexpr unix_time operator+(unix_time t, std::int64_t more) noexcept {
        return {moqrtc::detail::saturated_sum(t.seconds, more)};
    }
    /// Seconds from `b` to `a`.
    [[nodiscard]] friend constexpr std::int64_t operator-(unix_time a, unix_time b) noexcept {
        return moqrtc::detail::saturated_difference(a.seconds, b.seconds);
    }
};

/// Of a claim that does not bound anything.
inline constexpr unix_time forever{INT64_MAX};

/// When, on the clock that `now` is of, the wall clock will show `at`; `never` for `forever`.
[[nodiscard]] constexpr instant deadline(unix_time at, unix_time wall_now, instant now) noexcept {
    return at == forever ? never : now + seconds(at - wall_now);
}

} // namespace moqrtc::auth
