#pragma once

#include <moqrtc/core/time.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace moqrtc::testing {

/// What happens when, in virtual time: earliest first, and in the order of `add` where two things
/// happen at once. Adding and taking cost the logarithm of what waits.
template <class T>
class timeline {
public:
    [[nodiscard]] instant now() const noexcept { return now_; }
    [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
    /// When the next thing happens, or `never`.
    [[nodiscard]] instant next() const noexcept { return heap_.empty() ? never : heap_[0].at; }

    /// `what` happens at `at`, or now if that has passed.
    void add(instant at, T what) {
        std::uint32_t place = 0;
        if (free_.empty()) {
            place = static_cast<std::uint32_t>(waiting_.size());
            waiting_.push_back(std::move(what));
        } else {
            place = free_.back();
            free_.pop_back();
            waiting_[place] = std::move(what);
        }
        heap_.push_back({std::max(at, now_), ++count_, place});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    /// Moves the time to the next thing and takes it; there is one.
    [[nodiscard]] T take() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        const auto place = heap_.back().place;
        now_ = heap_.back().at;
        heap_.pop_back();
        free_.push_back(place);
        return std::exchange(waiting_[place], T{});
    }
    /// Moves the time on while nothing happens.
    void advance(instant to) noexcept { now_ = std::max(now_, std::min(to, next())); }

private:
    struct entry {
        instant at;
        std::uint64_t turn;
        std::uint32_t place;
    };
    static bool later(const entry& a, const entry& b) noexcept {
        return a.at != b.at ? a.at > b.at : a.turn > b.turn;
    }

    std::vector<entry> heap_;
    std::vector<T> waiting_;
    std::vector<std::uint32_t> free_;
    std::uint64_t count_ = 0;
    instant now_{};
};

} // namespace moqrtc::testing
