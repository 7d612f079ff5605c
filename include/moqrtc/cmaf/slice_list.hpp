#pragma once

#include <moqrtc/core/slice.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace moqrtc::cmaf {

/// Slices that belong together, in order; one of them takes no allocation.
class slice_list {
public:
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    [[nodiscard]] const slice& operator[](std::size_t i) const noexcept {
        return i == 0 ? first_ : more_[i - 1];
    }
    /// Bytes of all slices.
    [[nodiscard]] std::size_t total() const noexcept { return total_; }
    void push_back(slice part) {
        total_ += part.size();
        if (count_++ == 0)
            first_ = std::move(part);
        else
            more_.push_back(std::move(part));
    }

private:
    slice first_{};
    std::vector<slice> more_{};
    std::size_t count_ = 0;
    std::size_t total_ = 0;
};

} // namespace moqrtc::cmaf
