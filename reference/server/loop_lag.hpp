#pragma once

#include <moqrtc/core/time.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace moqrtc::reference {

/// How late an event loop comes to a timer: the time that everything else on its thread waits, too.
struct loop_lag {
    /// Upper bounds of the buckets. Units: microseconds.
    static constexpr std::array<std::int64_t, 8> bounds{500,    1'000,   5'000,   10'000,
                                                        50'000, 100'000, 500'000, 1'000'000};

    std::array<std::uint64_t, bounds.size() + 1> counts{}; ///< the last one is above all bounds
    std::int64_t sum = 0;                                  ///< microseconds

    constexpr void add(duration late) noexcept {
        const auto us = late.us < 0 ? 0 : late.us;
        std::size_t bucket = 0;
        while (bucket < bounds.size() && us > bounds[bucket])
            ++bucket;
        ++counts[bucket];
        sum += us;
    }
};

} // namespace moqrtc::reference
