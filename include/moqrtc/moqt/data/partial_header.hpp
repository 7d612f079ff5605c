#pragma once

#include <moqrtc/core/slice.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace moqrtc::moqt {

/// The beginning of a header whose end has not arrived: a few bytes in place, more of them (long
/// properties) in a pooled block.
class partial_header {
public:
    /// Enough for every header without properties.
    static constexpr std::size_t in_place = 64;

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bytes view() const noexcept {
        return more_.valid() ? more_.view() : bytes{few_}.first(size_);
    }
    /// Keeps `data` behind what is there; false when the pool is exhausted.
    [[nodiscard]] bool append(buffer_pool& pool, bytes data) noexcept {
        if (!more_.valid() && data.size() <= in_place - size_) {
            std::copy(data.begin(), data.end(), few_.begin() + static_cast<std::ptrdiff_t>(size_));
        } else {
            if (!more_.valid() && !more_.append(pool, bytes{few_}.first(size_))) return false;
            if (!more_.append(pool, data)) return false;
        }
        size_ += data.size();
        return true;
    }
    void clear() noexcept {
        more_ = {};
        size_ = 0;
    }

private:
    std::array<std::byte, in_place> few_{};
    buffer more_;
    std::size_t size_ = 0;
};

} // namespace moqrtc::moqt
