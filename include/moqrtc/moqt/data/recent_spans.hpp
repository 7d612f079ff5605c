#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace moqrtc::moqt {

/// Ranges of numbers, both ends included, of which the oldest is forgotten when there are too many:
/// what it says is in it is in it, what it has forgotten it does not claim.
template <std::size_t N>
class recent_spans {
public:
    constexpr void add(std::uint64_t first, std::uint64_t last) noexcept {
        for (std::size_t i = 0; i < count_; ++i) {
            auto& span = spans_[i];
            const bool joins = (first == 0 || span.last >= first - 1) &&
                               (span.first == 0 || last >= span.first - 1);
            if (!joins) continue;
            span = {std::min(span.first, first), std::max(span.last, last)};
            return;
        }
        if (count_ < N) {
            spans_[count_++] = {first, last};
        } else {
            spans_[oldest_] = {first, last};
            oldest_ = (oldest_ + 1) % N;
        }
    }
    [[nodiscard]] constexpr bool meets(std::uint64_t first, std::uint64_t last) const noexcept {
        for (std::size_t i = 0; i < count_; ++i)
            if (spans_[i].first <= last && first <= spans_[i].last) return true;
        return false;
    }

private:
    struct range {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
    };
    std::array<range, N> spans_{};
    std::size_t count_ = 0;
    std::size_t oldest_ = 0;
};

} // namespace moqrtc::moqt
