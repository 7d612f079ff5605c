#pragma once

#include <moqrtc/core/assert.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace moqrtc {

/// Map from 64-bit identifiers that a peer may choose to indices: open addressing, no allocation
/// in steady use, mixed with a seed so that chosen identifiers cannot pile up in one place.
class id_map {
public:
    static constexpr std::uint32_t none = UINT32_MAX;

    explicit id_map(std::uint64_t seed = 0x9e3779b97f4a7c15u) noexcept : seed_{seed | 1} {}

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    /// The index stored under `id`, or `none`.
    [[nodiscard]] std::uint32_t find(std::uint64_t id) const noexcept {
        if (size_ == 0) return none;
        for (auto at = place(id);; at = (at + 1) & mask_) {
            if (slots_[at].index == none) return none;
            if (slots_[at].id == id) return slots_[at].index;
        }
    }
    [[nodiscard]] bool contains(std::uint64_t id) const noexcept { return find(id) != none; }

    /// Stores `index` (not `none`) under `id`, replacing what was there.
    void set(std::uint64_t id, std::uint32_t index) {
        MOQRTC_ASSERT(index != none);
        if (slots_ == nullptr || size_ * 4 >= (mask_ + 1) * 3)
            grow(slots_ == nullptr ? 8 : (mask_ + 1) * 2);
        for (auto at = place(id);; at = (at + 1) & mask_) {
            if (slots_[at].index == none) {
                slots_[at] = {id, index};
                ++size_;
                return;
            }
            if (slots_[at].id == id) {
                slots_[at].index = index;
                return;
            }
        }
    }
    /// Removes `id`; false when it was not there.
    bool erase(std::uint64_t id) noexcept {
        if (size_ == 0) return false;
        auto at = place(id);
        while (slots_[at].index != none && slots_[at].id != id)
            at = (at + 1) & mask_;
        if (slots_[at].index == none) return false;
        --size_;
        // Close the gap: move back every later entry of the run that may not stand behind a hole.
        for (auto next = (at + 1) & mask_; slots_[next].index != none; next = (next + 1) & mask_) {
            const auto home = place(slots_[next].id);
            if (((next - home) & mask_) >= ((next - at) & mask_)) {
                slots_[at] = slots_[next];
                at = next;
            }
        }
        slots_[at].index = none;
        return true;
    }
    void clear() noexcept {
        if (slots_ == nullptr) return;
        for (std::size_t i = 0; i <= mask_; ++i)
            slots_[i].index = none;
        size_ = 0;
    }
    /// Calls `visit(id, index)` for every entry, in no order; the map must not change meanwhile.
    template <class Visit>
    void for_each(Visit&& visit) const {
        if (size_ == 0) return;
        for (std::size_t i = 0; i <= mask_; ++i)
            if (slots_[i].index != none) visit(slots_[i].id, slots_[i].index);
    }

private:
    struct slot {
        std::uint64_t id = 0;
        std::uint32_t index = none;
    };

    [[nodiscard]] std::size_t place(std::uint64_t id) const noexcept {
        auto h = (id ^ seed_) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
        h *= seed_;
        return static_cast<std::size_t>(h >> 20) & mask_;
    }
    void grow(std::size_t capacity) {
        auto old = std::move(slots_);
        const auto count = old == nullptr ? 0 : mask_ + 1;
        slots_ = std::make_unique<slot[]>(capacity);
        mask_ = capacity - 1;
        size_ = 0;
        for (std::size_t i = 0; i < count; ++i)
            if (old[i].index != none) set(old[i].id, old[i].index);
    }

    std::unique_ptr<slot[]> slots_;
    std::size_t mask_ = 0;
    std::size_t size_ = 0;
    std::uint64_t seed_;
};

} // namespace moqrtc
