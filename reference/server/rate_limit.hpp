#pragma once

#include <moqrtc/core/time.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace moqrtc::reference {

/// Lets `per_second` events pass, after a pause up to `burst` at once, and counts the others.
class rate_limit {
public:
    static constexpr std::int64_t per_second = 20;
    static constexpr std::int64_t burst = 200;

    /// How many were held back since the last one that passed; nothing when this one is, too.
    [[nodiscard]] constexpr std::optional<std::uint64_t> pass(instant now) noexcept {
        constexpr std::int64_t cost = 1'000'000 / per_second; // microseconds that an event takes
        // `full_` is when the bucket is full again: each event moves it on.
        full_ = std::max(full_, now);
        if (full_ - now > duration{cost * (burst - 1)}) {
            ++held_back_;
            return std::nullopt;
        }
        full_ = full_ + duration{cost};
        return std::exchange(held_back_, 0);
    }

private:
    instant full_{INT64_MIN};
    std::uint64_t held_back_ = 0;
};

} // namespace moqrtc::reference
