#pragma once

#include <moqrtc/core/assert.hpp>

#include <algorithm>
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
    template <class U = T>
    bool push(U&& value) {
        if (size() == capacity_) { // which never exceeds the limit
            if (full()) return false;
            reserve(capacity_ == 0 ? std::min<std::size_t>(8, limit_) : capacity_ * 2);
        }
        slots_[tail_++ & (capacity_ - 1)] = std::forward<U>(value);
        return true;
    }
    [[nodiscard]] std::optional<T> pop() {
        if (empty()) return std::nullopt;
        return take();
    }
    void pop_front() {
        MOQRTC_ASSERT(!empty());
        slots_[head_ & (capacity_ - 1)] = T{};
        advance();
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
    /// Apart, so that the value is made where the caller wants it and not copied.
    [[nodiscard]] std::optional<T> take() {
        auto& slot = slots_[head_ & (capacity_ - 1)];
        std::optional<T> value{std::in_place, std::move(slot)};
        slot = T{};
        advance();
        return value;
    }
    /// An empty ring begins at its first place again, which the cache still has.
    void advance() noexcept {
        if (++head_ == tail_) head_ = tail_ = 0;
    }
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
