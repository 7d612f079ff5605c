#pragma once

#include <moqrtc/cmaf/timescale.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace moqrtc::cmaf {

/// Which MoQ group a moment of the presentation belongs to.
///
/// The keyframes of one track, the lead, mark where groups begin. Where nothing leads, or one
/// period after the lead has run out, groups last one period each. Ids never go back.
class group_clock {
public:
    /// Boundaries that are remembered for tracks that lag behind the lead.
    static constexpr std::size_t remembered = 64;

    group_clock(std::uint64_t first_group, duration period) noexcept
        : last_{first_group}, highest_{first_group}, period_{period.us > 0 ? period : seconds(1)} {}

    /// Begins a group at `start`, which lies after every mark before, and returns its id. The
    /// first mark joins the group that is under way.
    [[nodiscard]] std::uint64_t mark(media_time start) noexcept {
        last_ = highest_ + (count_ != 0 ? 1 : 0);
        highest_ = last_;
        marks_[count_++ % remembered] = {start, last_};
        return last_;
    }

    /// Says until when the lead lasts at least.
    void extend(media_time end) noexcept {
        if (!covered_ || *covered_ < end) covered_ = end;
    }

    /// The group that contains `t`; what lies before all remembered marks belongs to the oldest.
    [[nodiscard]] std::uint64_t group_of(media_time t) noexcept {
        if (count_ == 0) {
            if (!covered_) extend(t);
            return note(last_ + periods_since(*covered_, t));
        }
        const auto known = std::min(count_, remembered);
        for (std::size_t i = 1; i <= known; ++i) {
            const auto& m = marks_[(count_ - i) % remembered];
            if (t < m.start && i != known) continue;
            return i == 1 && covered_ ? note(m.id + periods_since(*covered_, t)) : m.id;
        }
        return last_;
    }

private:
    struct boundary {
        media_time start{};
        std::uint64_t id = 0;
    };

    [[nodiscard]] std::uint64_t note(std::uint64_t id) noexcept {
        highest_ = std::max(highest_, id);
        return id;
    }
    /// Whole periods from `from` to `t`, 0 when `t` is earlier.
    [[nodiscard]] std::uint64_t periods_since(media_time from, media_time t) const noexcept {
        if (t <= from) return 0;
        std::int64_t micro = 0; // dividing 128 bits is slow
        if (t.timescale == from.timescale &&
            !__builtin_mul_overflow(t.ticks - from.ticks, 1'000'000, &micro))
            return static_cast<std::uint64_t>(micro / t.timescale / period_.us);
        using detail::wide_int;
        const auto apart = static_cast<wide_int>(t.ticks) * from.timescale -
                           static_cast<wide_int>(from.ticks) * t.timescale;
        const auto second = static_cast<wide_int>(t.timescale) * from.timescale;
        // Times stay below 2^61 ticks, so the product of `apart` (2^94) and 10^6 fits.
        return static_cast<std::uint64_t>(apart * 1'000'000 / second / period_.us);
    }

    std::array<boundary, remembered> marks_{};
    std::size_t count_ = 0;
    std::uint64_t last_;
    std::uint64_t highest_;
    duration period_;
    std::optional<media_time> covered_{};
};

} // namespace moqrtc::cmaf
