#pragma once

#include <moqrtc/core/time.hpp>

#include <cstdint>
#include <cstdio>
#include <unistd.h>

namespace moqrtc::reference {

/// A line of figures on standard error that is written over and over, on a terminal alone.
class progress_line {
public:
    static constexpr duration period = milliseconds(500);

    explicit progress_line(bool wanted) : on_{wanted && ::isatty(STDERR_FILENO) == 1} {}
    ~progress_line() { end(); }

    /// Totals so far; shows what was added since the last time.
    void show(instant now, std::uint64_t objects, std::uint64_t bytes) {
        if (!on_ || now < next_) return;
        if (shown_) {
            const auto elapsed = static_cast<double>((now - last_).us) / 1e6;
            std::fprintf(stderr, "\r\x1b[K%8.0f objects/s  %9.3f Mbit/s  %10llu objects",
                         static_cast<double>(objects - objects_) / elapsed,
                         static_cast<double>(bytes - bytes_) * 8 / elapsed / 1e6,
                         static_cast<unsigned long long>(objects));
        }
        shown_ = true;
        last_ = now;
        objects_ = objects;
        bytes_ = bytes;
        next_ = now + period;
    }
    /// Makes way for other output.
    void end() {
        if (on_ && shown_) erase();
    }
    /// The same where nobody knows whether a line is shown.
    static void erase() {
        if (::isatty(STDERR_FILENO) == 1) std::fputs("\r\x1b[K", stderr);
    }
    /// When to show it again.
    [[nodiscard]] instant next() const noexcept { return on_ && shown_ ? next_ : never; }

private:
    bool on_;
    bool shown_ = false;
    instant next_{};
    instant last_{};
    std::uint64_t objects_ = 0;
    std::uint64_t bytes_ = 0;
};

} // namespace moqrtc::reference
