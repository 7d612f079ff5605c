#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace moqrtc::moqt {

/// A set of 64-bit numbers, kept as closed intervals in ascending order.
///
/// Cost    constant for numbers at either end, which is where a live track adds and drops; linear
///         in the number of intervals, at most `most`, elsewhere.
class intervals {
public:
    /// Beyond this many intervals the lowest are forgotten.
    static constexpr std::size_t most = 1024;

    struct span {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
    };

    [[nodiscard]] bool empty() const noexcept { return spans_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return spans_.size(); }
    void clear() noexcept { spans_.clear(); }

    /// Adds `first` to `last`, both included; `first` is not above `last`.
    void add(std::uint64_t first, std::uint64_t last) {
        if (!spans_.empty() && first == spans_.back().last + 1 && first != 0) {
            spans_.back().last = last;
            return;
        }
        // The first span that touches or overlaps [first, last].
        auto at = std::find_if(spans_.begin(), spans_.end(), [&](const span& s) {
            return s.last >= first || s.last + 1 == first;
        });
        if (at == spans_.end() || (at->first > last && at->first - 1 > last)) {
            at = spans_.insert(at, {first, last});
        } else {
            at->first = std::min(at->first, first);
            at->last = std::max(at->last, last);
            auto next = at + 1;
            while (next != spans_.end() &&
                   (at->last == UINT64_MAX || next->first <= at->last + 1)) {
                at->last = std::max(at->last, next->last);
                ++next;
            }
            spans_.erase(at + 1, next);
        }
        if (spans_.size() > most) spans_.erase(spans_.begin());
    }
    void remove(std::uint64_t number) {
        const auto at = place(number);
        if (at == spans_.end() || at->first > number) return;
        if (at->first == number && at->last == number) {
            spans_.erase(at);
        } else if (at->first == number) {
            ++at->first;
        } else if (at->last == number) {
            --at->last;
        } else {
            const auto last = at->last;
            at->last = number - 1;
            spans_.insert(at + 1, {number + 1, last});
        }
    }
    /// The interval that contains `number`.
    [[nodiscard]] std::optional<span> containing(std::uint64_t number) const {
        const auto at = place(number);
        if (at == spans_.end() || at->first > number) return std::nullopt;
        return *at;
    }
    [[nodiscard]] bool contains(std::uint64_t number) const {
        return containing(number).has_value();
    }
    /// The lowest interval that starts above `number`.
    [[nodiscard]] std::optional<span> above(std::uint64_t number) const {
        auto at = place(number);
        if (at != spans_.end() && at->first <= number) ++at;
        if (at == spans_.end()) return std::nullopt;
        return *at;
    }
    /// The highest interval that ends below `number`.
    [[nodiscard]] std::optional<span> below(std::uint64_t number) const {
        const auto at = place(number);
        if (at == spans_.begin()) return std::nullopt;
        return *(at - 1);
    }

private:
    /// The first interval that does not end below `number`.
    [[nodiscard]] std::vector<span>::const_iterator place(std::uint64_t number) const {
        return std::lower_bound(spans_.begin(), spans_.end(), number,
                                [](const span& s, std::uint64_t n) { return s.last < n; });
    }
    [[nodiscard]] std::vector<span>::iterator place(std::uint64_t number) {
        return std::lower_bound(spans_.begin(), spans_.end(), number,
                                [](const span& s, std::uint64_t n) { return s.last < n; });
    }

    std::vector<span> spans_;
};

} // namespace moqrtc::moqt
