#pragma once

#include <compare>
#include <cstdint>

namespace moqrtc {

namespace detail {

/// Sum, difference and product that stop at the ends of the range instead of leaving it.
[[nodiscard]] constexpr std::int64_t saturated_sum(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t out = 0;
    return __builtin_add_overflow(a, b, &out) ? (b < 0 ? INT64_MIN : INT64_MAX) : out;
}
[[nodiscard]] constexpr std::int64_t saturated_difference(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t out = 0;
    return __builtin_sub_overflow(a, b, &out) ? (b < 0 ? INT64_MAX : INT64_MIN) : out;
}
[[nodiscard]] constexpr std::int64_t saturated_product(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t out = 0;
    return __builtin_mul_overflow(a, b, &out) ? ((a < 0) != (b < 0) ? INT64_MIN : INT64_MAX) : out;
}

} // namespace detail

/// A span of time in microseconds; arithmetic saturates.
struct duration {
    std::int64_t us = 0;

    [[nodiscard]] friend constexpr auto operator<=>(duration, duration) noexcept = default;
    [[nodiscard]] friend constexpr duration operator+(duration a, duration b) noexcept {
        return {detail::saturated_sum(a.us, b.us)};
    }
    [[nodiscard]] friend constexpr duration operator-(duration a, duration b) noexcept {
        return {detail::saturated_difference(a.us, b.us)};
    }
    [[nodiscard]] friend constexpr duration operator*(duration a, std::int64_t n) noexcept {
        return {detail::saturated_product(a.us, n)};
    }
    [[nodiscard]] constexpr std::int64_t ms() const noexcept { return us / 1000; }
};

/// A point in time: microseconds since an origin that the caller chooses.
///
/// There is deliberately no way to ask for the present: machines take it as an argument, which
/// makes every run of them repeatable.
struct instant {
    std::int64_t us = 0;

    [[nodiscard]] friend constexpr auto operator<=>(instant, instant) noexcept = default;
};

/// Later than everything: what `next_timeout()` returns when nothing is scheduled.
inline constexpr instant never{INT64_MAX};

/// Saturates at `never`, so that adding to an unset deadline leaves it unset.
[[nodiscard]] constexpr instant operator+(instant t, duration d) noexcept {
    return t == never ? never : instant{detail::saturated_sum(t.us, d.us)};
}
[[nodiscard]] constexpr duration operator-(instant a, instant b) noexcept {
    return {detail::saturated_difference(a.us, b.us)};
}
[[nodiscard]] constexpr duration microseconds(std::int64_t n) noexcept {
    return {n};
}
[[nodiscard]] constexpr duration milliseconds(std::int64_t n) noexcept {
    return {detail::saturated_product(n, 1000)};
}
[[nodiscard]] constexpr duration seconds(std::int64_t n) noexcept {
    return {detail::saturated_product(n, 1'000'000)};
}

/// Milliseconds from the wire, saturated to what a duration can hold (about 292,000 years).
[[nodiscard]] constexpr duration milliseconds_saturated(std::uint64_t n) noexcept {
    constexpr std::uint64_t most = INT64_MAX / 1000;
    return {static_cast<std::int64_t>(n < most ? n : most) * 1000};
}

} // namespace moqrtc
