#pragma once

#include <moqrtc/core/time.hpp>

#include <chrono>
#include <cstdint>

namespace moqrtc::reference {

/// The steady clock of this machine, as every state machine below takes it.
[[nodiscard]] inline instant steady_now() noexcept {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}

/// Nanoseconds of the wall clock: what tokens that outlive the process are dated with.
[[nodiscard]] inline std::uint64_t wall_clock_nanoseconds() noexcept {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

/// Milliseconds of the wall clock: the first group of whoever publishes a track again is larger.
[[nodiscard]] inline std::uint64_t wall_clock_milliseconds() noexcept {
    return wall_clock_nanoseconds() / 1'000'000;
}

/// An instant or duration in the nanoseconds that the QUIC stack counts in.
[[nodiscard]] constexpr std::uint64_t nanoseconds(instant t) noexcept {
    return t == never ? UINT64_MAX : static_cast<std::uint64_t>(t.us) * 1000;
}
[[nodiscard]] constexpr std::uint64_t nanoseconds(duration d) noexcept {
    return static_cast<std::uint64_t>(d.us) * 1000;
}

/// Rounds up, so that a timer armed with the result never fires before `ns`.
[[nodiscard]] constexpr instant instant_from_nanoseconds(std::uint64_t ns) noexcept {
    if (ns >= static_cast<std::uint64_t>(INT64_MAX)) return never;
    return {static_cast<std::int64_t>((ns + 999) / 1000)};
}

[[nodiscard]] constexpr std::chrono::microseconds to_chrono(duration d) noexcept {
    return std::chrono::microseconds{d.us};
}

} // namespace moqrtc::reference
