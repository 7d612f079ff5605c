#pragma once

#include <moqrtc/core/time.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace moqrtc::reference {

/// Lets so many events pass in a second, and after a pause some at once, whatever thread they come
/// on: a token bucket whose state is one number.
///
/// Units   `per_second` 1 to 1,000,000; 0 is no limit. `burst` is how many pass at once.
/// Threads every function may be called from any; none waits.
class shared_rate {
public:
    [[nodiscard]] bool pass(instant now, std::uint64_t per_second, std::uint64_t burst) noexcept {
        if (per_second == 0) return true;
        // `full_` is when the bucket is full again: each event moves it on by what it costs.
        const auto cost = std::max<std::int64_t>(
            1,
            1'000'000 / static_cast<std::int64_t>(std::min<std::uint64_t>(per_second, 1'000'000)));
        const auto room = cost * static_cast<std::int64_t>(
                                     std::clamp<std::uint64_t>(burst, 1, 1'000'000'000) - 1);
        auto full = full_.load(std::memory_order_relaxed);
        while (true) {
            const auto from = std::max(full, now.us);
            if (from - now.us > room) return false;
            if (full_.compare_exchange_weak(full, from + cost, std::memory_order_relaxed))
                return true;
        }
    }
    /// Nothing of it is used up.
    [[nodiscard]] bool is_idle(instant now) const noexcept {
        return full_.load(std::memory_order_relaxed) <= now.us;
    }

private:
    std::atomic<std::int64_t> full_{INT64_MIN};
};

} // namespace moqrtc::reference
