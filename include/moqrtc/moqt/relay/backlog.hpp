#pragma once

#include <moqrtc/core/time.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace moqrtc::moqt {

/// Tells how long the oldest unsent byte of a subscription has been waiting, from a few marks on
/// the count of bytes written.
///
/// Cost    looked at a few times per `backlog_age`, not at each object; no allocation.
class backlog_watch {
public:
    /// Marks are set this many times within the bound on age, which is how exact it is.
    static constexpr std::size_t marks = 4;

    /// Counts bytes given to the session.
    void wrote(std::size_t bytes) noexcept { written_ += bytes; }
    /// Whether `due` should be asked for the verdict now.
    [[nodiscard]] bool is_due(instant now) const noexcept { return now >= check_at_; }
    /// With `unsent` bytes left of what was written: whether the oldest of them is older than
    /// `age`.
    [[nodiscard]] bool is_behind(instant now, std::size_t unsent, duration age) noexcept {
        check_at_ = now + duration{age.us / static_cast<std::int64_t>(marks)};
        const auto sent = written_ - unsent;
        while (count_ != 0 && sent >= ring_[first_].written) {
            first_ = (first_ + 1) % marks;
            --count_;
        }
        if (unsent == 0) return false;
        if (count_ != 0 && now - ring_[first_].at >= age) return true;
        if (count_ < marks) ring_[(first_ + count_++) % marks] = {written_, now};
        return false;
    }
    /// Forgets all, after the streams were reset.
    void reset() noexcept { *this = backlog_watch{}; }

private:
    struct mark {
        std::uint64_t written = 0;
        instant at{};
    };
    std::uint64_t written_ = 0;
    instant check_at_{};
    std::array<mark, marks> ring_{};
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

} // namespace moqrtc::moqt
