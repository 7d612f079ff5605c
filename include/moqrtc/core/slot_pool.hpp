#pragma once

#include <moqrtc/core/assert.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace moqrtc {

/// Objects that are reused instead of destroyed, addressed by index; references stay valid.
/// `T` has `clear()`, which makes it as new but may keep its memory.
template <class T>
class slot_pool {
public:
    [[nodiscard]] std::uint32_t take() {
        if (!free_.empty()) {
            const auto index = free_.back();
            free_.pop_back();
            return index;
        }
        slots_.push_back(std::make_unique<T>());
        return static_cast<std::uint32_t>(slots_.size() - 1);
    }
    void give(std::uint32_t index) {
        slots_[index]->clear();
        free_.push_back(index);
    }
    [[nodiscard]] T& operator[](std::uint32_t index) noexcept {
        MOQRTC_ASSERT(index < slots_.size());
        return *slots_[index];
    }
    [[nodiscard]] const T& operator[](std::uint32_t index) const noexcept {
        MOQRTC_ASSERT(index < slots_.size());
        return *slots_[index];
    }
    /// One more than the highest index ever taken; free places in between included.
    [[nodiscard]] std::uint32_t extent() const noexcept {
        return static_cast<std::uint32_t>(slots_.size());
    }
    [[nodiscard]] std::size_t in_use() const noexcept { return slots_.size() - free_.size(); }

private:
    std::vector<std::unique_ptr<T>> slots_;
    std::vector<std::uint32_t> free_;
};

} // namespace moqrtc
