#pragma once

#include <moqrtc/core/assert.hpp>
#include <moqrtc/core/bytes.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

namespace moqrtc {

class buffer_pool;

namespace detail {

/// Header in front of each pooled block; `capacity` bytes follow it.
struct block {
    buffer_pool* pool;
    block* next;
    std::size_t capacity;
    std::uint32_t references;
    std::uint8_t size_class; ///< `buffer_pool::classes` when the block came from the heap alone

    [[nodiscard]] std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
};

} // namespace detail

/// Where payload bytes live: blocks of a few fixed sizes, recycled, bounded in total.
///
/// Owns    its blocks; every `buffer` and `slice` made from a pool must be gone before the pool.
/// Units   bytes. `used` counts block capacities handed out, not what was asked for.
/// Threads none: a pool and everything made from it stay on one thread (a "shard").
class buffer_pool {
public:
    static constexpr std::size_t smallest = 128;
    static constexpr std::size_t classes = 12; ///< 128 B, 256 B, … 256 KiB
    static constexpr std::size_t largest_pooled = smallest << (classes - 1);

    /// `limit` bounds the bytes handed out at one time.
    explicit buffer_pool(std::size_t limit = SIZE_MAX) noexcept : limit_{limit} {}
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;
    ~buffer_pool() {
        MOQRTC_ASSERT(used_ == 0);
        for (auto* head : free_)
            while (head != nullptr) {
                auto* next = head->next;
                ::operator delete(head);
                head = next;
            }
    }

    [[nodiscard]] std::size_t used() const noexcept { return used_; }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
    void set_limit(std::size_t limit) noexcept { limit_ = limit; }

    /// A block of at least `size` bytes with one reference, or null when the limit or the heap is
    /// exhausted. Prefer `buffer::allocate`, which gives it back by itself.
    [[nodiscard]] detail::block* take(std::size_t size) noexcept {
        const auto index = class_of(size);
        const std::size_t capacity = index < classes ? smallest << index : size;
        if (capacity > limit_ || used_ > limit_ - capacity) return nullptr;
        detail::block* found = nullptr;
        if (index < classes && free_[index] != nullptr) {
            found = free_[index];
            free_[index] = found->next;
        } else {
            if (capacity > SIZE_MAX - sizeof(detail::block)) return nullptr;
            void* memory = ::operator new(sizeof(detail::block) + capacity, std::nothrow);
            if (memory == nullptr) return nullptr;
            found = ::new (memory) detail::block;
        }
        *found = {this, nullptr, capacity, 1, static_cast<std::uint8_t>(index)};
        used_ += capacity;
        return found;
    }

    /// Whether `more` bytes behind `size` fit into a block of the same size.
    [[nodiscard]] static constexpr bool has_spare(std::size_t size, std::size_t more) noexcept {
        return class_of(size) == class_of(size + more);
    }

    /// Takes back a block whose last reference is gone.
    void give(detail::block* done) noexcept {
        used_ -= done->capacity;
        if (done->size_class >= classes) return free_oversized(done);
        done->next = free_[done->size_class];
        free_[done->size_class] = done;
    }

private:
    // Inlined after several references, GCC 12 takes the first release for the last and warns.
    [[gnu::noinline]] static void free_oversized(detail::block* done) noexcept {
        ::operator delete(done);
    }
    [[nodiscard]] static constexpr std::size_t class_of(std::size_t size) noexcept {
        if (size <= smallest) return 0;
        if (size > largest_pooled) return classes;
        return static_cast<std::size_t>(std::bit_width(size - 1)) -
               static_cast<std::size_t>(std::bit_width(smallest - 1));
    }

    std::array<detail::block*, classes> free_{};
    std::size_t used_ = 0;
    std::size_t limit_;
};

} // namespace moqrtc
