#pragma once

#include <moqrtc/core/assert.hpp>

#include <bit>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace moqrtc {

/// First in, first out, bounded: what stands behind every `poll_*`.
///
/// Grows by doubling up to `limit` (rounded up to a power of two) and keeps its memory, so a queue
/// in steady use does not allocate. `T` is default-constructible and movable; a popped place is
/// reset at once, so that what it owned is released. A ring that was moved from is empty.
template <class T>
class ring {
public:
    explicit ring(std::size_t limit = std::size_t{1} << 30) noexcept
        : limit_{std::bit_ceil(limit)} {}

    ring(ring&& other) noexcept
        : slots_{std::move(other.slots_)},
          capacity_{std::exchange(other.capacity_, 0)},
          head_{std::exchange(other.head_, 0)},
          tail_{std::exchange(other.tail_, 0)},
          limit_{other.limit_} {}
    ring& operator=(ring&& other) noexcept {
        ring moved{std::move(other)};
        std::swap(slots_, moved.slots_);
        std::swap(capacity_, moved.capacity_);
        std::swap(head_, moved.head_);
        std::swap(tail_, moved.tail_);
        std::swap(limit_, moved.limit_);
        return *this;
    }

    [[nodiscard]] bool empty() const noexcept { return head_ == tail_; }
    [[nodiscard]] std::size_t size() const noexcept { return tail_ - head_; }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
    [[nodiscard]] bool full() const noexcept { return size() >= limit_; }

    /// False when the queue is at its limit; `value` is then dropped.
    bool push(T value) {
        if (full()) return false;
        if (size() == capacity_) reserve(capacity_ == 0 ? 8 : capacity_ * 2);
        slots_[tail_++ & (capacity_ - 1)] = std::move(value);
        return true;
    }
    [[nodiscard]] std::optional<T> pop() {
        if (empty()) return std::nullopt;
        auto& slot = slots_[head_++ & (capacity_ - 1)];
        std::optional<T> value{std::move(slot)};
        slot = T{};
        return value;
    }
    void pop_front() {
        MOQRTC_ASSERT(!empty());
        slots_[head_++ & (capacity_ - 1)] = T{};
    }
    [[nodiscard]] T& front() noexcept { return (*this)[0]; }
    [[nodiscard]] const T& front() const noexcept { return (*this)[0]; }
    [[nodiscard]] T& back() noexcept { return (*this)[size() - 1]; }
    [[nodiscard]] T& operator[](std::size_t i) noexcept {
        MOQRTC_ASSERT(i < size());
        return slots_[(head_ + i) & (capacity_ - 1)];
    }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept {
        MOQRTC_ASSERT(i < size());
        return slots_[(head_ + i) & (capacity_ - 1)];
    }
    void clear() {
        while (!empty())
            pop_front();
    }

private:
    void reserve(std::size_t capacity) {
        auto bigger = std::make_unique<T[]>(capacity);
        const auto count = size();
        for (std::size_t i = 0; i < count; ++i)
            bigger[i] = std::move((*this)[i]);
        slots_ = std::move(bigger);
        capacity_ = capacity;
        head_ = 0;
        tail_ = count;
    }

    std::unique_ptr<T[]> slots_;
    std::size_t capacity_ = 0;
    std::size_t head_ = 0;
    std::size_t tail_ = 0;
    std::size_t limit_;
};

} // namespace moqrtc
