#pragma once

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/core/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace moqrtc {

/// Immutable bytes that are shared by counting references: how data outlives a call.
///
/// Owns    one reference on a pooled block, or nothing (`slice::borrowed`).
/// Threads none: the count is not atomic. To hand bytes to another thread, `clone` them into a
///         pool of that thread.
class slice {
public:
    slice() noexcept = default;
    slice(const slice& other) noexcept
        : block_{other.block_}, data_{other.data_}, size_{other.size_} {
        if (block_ != nullptr) ++block_->references;
    }
    slice(slice&& other) noexcept
        : block_{std::exchange(other.block_, nullptr)},
          data_{std::exchange(other.data_, nullptr)},
          size_{std::exchange(other.size_, 0)} {}
    slice& operator=(const slice& other) noexcept {
        if (other.block_ != nullptr) ++other.block_->references; // first: it may be our own block
        release();
        block_ = other.block_;
        data_ = other.data_;
        size_ = other.size_;
        return *this;
    }
    slice& operator=(slice&& other) noexcept {
        if (this == &other) return *this;
        release();
        block_ = std::exchange(other.block_, nullptr);
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }
    ~slice() { release(); }

    /// A slice that owns nothing: `data` must outlive it and every copy of it (string literals).
    [[nodiscard]] static slice borrowed(bytes data) noexcept {
        return slice{nullptr, data.data(), data.size()};
    }
    /// A copy of `data` in `pool`; empty when the pool is exhausted and `data` is not empty.
    [[nodiscard]] static slice copy(buffer_pool& pool, bytes data) noexcept {
        if (data.empty()) return {};
        auto* block = pool.take(data.size());
        if (block == nullptr) return {};
        std::memcpy(block->data(), data.data(), data.size());
        return slice{block, block->data(), data.size()};
    }

    [[nodiscard]] bytes view() const noexcept { return {data_, size_}; }
    [[nodiscard]] const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    // NOLINTNEXTLINE(google-explicit-constructor): a slice is used as bytes everywhere
    operator bytes() const noexcept { return view(); }

    /// `count` bytes from `offset`, clamped to what is there, sharing the same block.
    [[nodiscard]] slice sub(std::size_t offset, std::size_t count = SIZE_MAX) const noexcept {
        offset = std::min(offset, size_);
        slice part{*this};
        part.data_ += offset;
        part.size_ = std::min(count, size_ - offset);
        return part;
    }
    /// This slice with those bytes of its block that stand before it, if they are `front`; else
    /// empty. What was cut out of a larger slice is made longer again without a copy.
    [[nodiscard]] slice with_front(bytes front) const noexcept {
        if (block_ == nullptr || front.empty() ||
            static_cast<std::size_t>(data_ - block_->data()) < front.size() ||
            std::memcmp(data_ - front.size(), front.data(), front.size()) != 0)
            return {};
        ++block_->references;
        return slice{block_, data_ - front.size(), front.size() + size_};
    }
    /// A copy of the bytes in another pool: what crosses to another thread.
    [[nodiscard]] slice clone(buffer_pool& pool) const noexcept { return copy(pool, view()); }

private:
    friend class buffer;
    slice(detail::block* block, const std::byte* data, std::size_t size) noexcept
        : block_{block}, data_{data}, size_{size} {}
    void release() noexcept {
        if (block_ != nullptr && --block_->references == 0) block_->pool->give(block_);
    }

    detail::block* block_ = nullptr;
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Bytes under construction: one owner, writable, then frozen into a slice without a copy.
class buffer {
public:
    buffer() noexcept = default;
    buffer(buffer&& other) noexcept
        : block_{std::exchange(other.block_, nullptr)}, size_{std::exchange(other.size_, 0)} {}
    buffer& operator=(buffer&& other) noexcept {
        std::swap(block_, other.block_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~buffer() {
        if (block_ != nullptr) block_->pool->give(block_);
    }

    /// Room for `capacity` bytes, or an empty buffer (`!valid()`) when the pool is exhausted.
    [[nodiscard]] static buffer allocate(buffer_pool& pool, std::size_t capacity) noexcept {
        buffer fresh;
        fresh.block_ = pool.take(capacity);
        return fresh;
    }

    [[nodiscard]] bool valid() const noexcept { return block_ != nullptr; }
    [[nodiscard]] std::size_t capacity() const noexcept {
        return block_ == nullptr ? 0 : block_->capacity;
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bytes view() const noexcept {
        return block_ == nullptr ? bytes{} : bytes{block_->data(), size_};
    }
    /// The part not written yet; `commit` what was written into it.
    [[nodiscard]] mutable_bytes room() noexcept {
        return block_ == nullptr ? mutable_bytes{}
                                 : mutable_bytes{block_->data() + size_, block_->capacity - size_};
    }
    void commit(std::size_t count) noexcept {
        MOQRTC_ASSERT(count <= capacity() - size_);
        size_ += count;
    }
    /// Appends `data`, growing at most to double what is needed; false when the pool is exhausted,
    /// with the content unchanged.
    [[nodiscard]] bool append(buffer_pool& pool, bytes data) noexcept {
        if (data.empty()) return true;
        if (capacity() - size_ < data.size() && !grow(pool, size_ + data.size())) return false;
        std::memcpy(block_->data() + size_, data.data(), data.size());
        size_ += data.size();
        return true;
    }
    /// Makes room for `total` bytes, keeping the content; false when the pool is exhausted.
    [[nodiscard]] bool grow(buffer_pool& pool, std::size_t total) noexcept {
        if (total <= capacity()) return true;
        buffer bigger = allocate(pool, std::max(total, capacity() * 2));
        if (!bigger.valid()) bigger = allocate(pool, total);
        if (!bigger.valid()) return false;
        if (size_ != 0) std::memcpy(bigger.block_->data(), block_->data(), size_);
        bigger.size_ = size_;
        *this = std::move(bigger);
        return true;
    }
    void clear() noexcept { size_ = 0; }

    /// The bytes written so far, as a slice; the buffer is empty afterwards.
    [[nodiscard]] slice freeze() noexcept {
        auto* block = std::exchange(block_, nullptr);
        const auto size = std::exchange(size_, 0);
        return block == nullptr ? slice{} : slice{block, block->data(), size};
    }

private:
    detail::block* block_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace moqrtc
