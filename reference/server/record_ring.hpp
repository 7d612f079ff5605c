#pragma once

#include <moqrtc/core/bytes.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace moqrtc::reference {

/// A bounded queue of records from one thread to another, their bytes in place: one producer, one
/// consumer, no locks, no allocation after it is made.
class record_ring {
public:
    /// What a record says besides its bytes.
    struct head {
        std::uint32_t kind = 0;
        std::uint32_t epoch = 0;
        std::uint64_t stream = 0;
        std::uint64_t value = 0;
        bool fin = false;
    };
    struct record {
        head what;
        bytes data; ///< borrowed until `pop`
    };
    static constexpr std::size_t largest = std::size_t{16} << 10; ///< bytes of one record

    /// `capacity` in bytes, a power of two of at least four times `largest`.
    explicit record_ring(std::size_t capacity)
        : mask_{std::max(std::bit_ceil(capacity), 4 * largest) - 1},
          memory_{std::make_unique_for_overwrite<unit[]>((mask_ + 1) / sizeof(unit))} {}

    // The producer's thread ---------------------------------------------------------------------

    /// Room for the bytes of one record: `wanted` of them, at most `largest`, or fewer when there
    /// is less, but not fewer than `least`; null when there is none. Fill it, then `commit`.
    [[nodiscard]] std::byte* reserve(std::size_t wanted, std::size_t& size,
                                     std::size_t least = worthwhile) noexcept {
        wanted = std::min(wanted, largest);
        for (;;) {
            const auto free = mask_ + 1 - (written_ - read_.load(std::memory_order_acquire));
            const auto to_end = mask_ + 1 - (written_ & mask_);
            const auto contiguous = std::min(free, to_end);
            if (contiguous >= needs(std::min(wanted, least))) {
                size = std::min(wanted, contiguous - sizeof(unit));
                return at(written_) + sizeof(unit);
            }
            if (to_end >= free) return nullptr;
            // What is left before the end of the memory is too little: the record begins anew.
            store(written_, unit{padding, 0, 0, 0, static_cast<std::uint32_t>(to_end), false});
            written_ += to_end;
            published_.store(written_, std::memory_order_release);
        }
    }
    /// Hands on what `reserve` gave room for, `size` bytes of it.
    void commit(const head& what, std::size_t size) noexcept {
        store(written_, unit{what.kind, what.epoch, what.stream, what.value,
                             static_cast<std::uint32_t>(size), what.fin});
        written_ += needs(size);
        published_.store(written_, std::memory_order_release);
    }
    /// Copies a record in whole; false when there is no room for it.
    [[nodiscard]] bool push(const head& what, bytes data) noexcept {
        std::size_t size = 0;
        if (data.size() > largest) return false;
        auto* into = reserve(data.size(), size, data.size());
        if (into == nullptr) return false;
        if (!data.empty()) std::memcpy(into, data.data(), data.size());
        commit(what, size);
        return true;
    }

    // The consumer's thread ---------------------------------------------------------------------

    [[nodiscard]] bool front(record& next) noexcept {
        const auto end = published_.load(std::memory_order_acquire);
        auto from = read_.load(std::memory_order_relaxed);
        while (from != end) {
            const auto one = load(from);
            if (one.kind != padding) {
                next = {{one.kind, one.epoch, one.stream, one.value, one.fin},
                        bytes{at(from) + sizeof(unit), one.size}};
                return true;
            }
            from += one.size;
            read_.store(from, std::memory_order_release);
        }
        return false;
    }
    /// Lets go of the record that `front` gave.
    void pop() noexcept {
        const auto from = read_.load(std::memory_order_relaxed);
        read_.store(from + needs(load(from).size), std::memory_order_release);
    }

    // Either thread -----------------------------------------------------------------------------

    /// The consumer has been told to look.
    std::atomic<bool> told{false};
    /// The producer found no room and wants to be told when there is.
    std::atomic<bool> starved{false};

private:
    static constexpr std::uint32_t padding = UINT32_MAX;
    static constexpr std::size_t worthwhile = 512; ///< of a longer piece of a stream

    struct alignas(32) unit {
        std::uint32_t kind;
        std::uint32_t epoch;
        std::uint64_t stream;
        std::uint64_t value;
        std::uint32_t size;
        bool fin;
    };
    static_assert(sizeof(unit) == 32);

    [[nodiscard]] static constexpr std::size_t needs(std::size_t size) noexcept {
        return sizeof(unit) + (size + sizeof(unit) - 1) / sizeof(unit) * sizeof(unit);
    }
    [[nodiscard]] std::byte* at(std::size_t position) noexcept {
        return reinterpret_cast<std::byte*>(memory_.get()) + (position & mask_);
    }
    void store(std::size_t position, const unit& value) noexcept {
        std::memcpy(at(position), &value, sizeof value);
    }
    [[nodiscard]] unit load(std::size_t position) noexcept {
        unit out;
        std::memcpy(&out, at(position), sizeof out);
        return out;
    }

    std::size_t mask_;
    std::unique_ptr<unit[]> memory_;
    std::size_t written_ = 0; ///< the producer's own
    alignas(64) std::atomic<std::size_t> published_{0};
    alignas(64) std::atomic<std::size_t> read_{0};
};

} // namespace moqrtc::reference
