#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstddef>
#include <cstdint>

namespace moqrtc {

/// Reads bit fields, most significant bit first, and remembers the first failure.
///
/// After a failure every read gives 0 and changes nothing, so a parser reads a whole structure and
/// asks once; a loop over a count that was read still has to check the count.
///
/// Spec    fields named as in ISO/IEC 14496-10 section 7.2: u(n), ue(v), se(v).
/// Units   `error::offset` is the byte in which the field starts, plus `base`.
/// Borrows `data`.
class bit_reader {
public:
    constexpr explicit bit_reader(bytes data, const char* where = "",
                                  std::uint32_t base = 0) noexcept
        : data_{data}, where_{where}, base_{base} {}

    /// An unsigned number of `count` bits, at most 64.
    [[nodiscard]] constexpr std::uint64_t u(const char* field, unsigned count) noexcept {
        if (!take(field, count)) return 0;
        std::uint64_t value = 0;
        while (count > 0) {
            const auto left_in_byte = static_cast<unsigned>(8 - (position_ & 7));
            const auto n = count < left_in_byte ? count : left_in_byte;
            const auto byte = static_cast<unsigned>(byte_at(data_, position_ >> 3));
            value = value << n | (byte >> (left_in_byte - n) & ((1U << n) - 1));
            position_ += n;
            count -= n;
        }
        return value;
    }
    /// The same for fields of at most 32 bits.
    [[nodiscard]] constexpr std::uint32_t u32(const char* field, unsigned count) noexcept {
        return static_cast<std::uint32_t>(u(field, count));
    }
    /// The same for fields of at most 8 bits.
    [[nodiscard]] constexpr std::uint8_t u8(const char* field, unsigned count) noexcept {
        return static_cast<std::uint8_t>(u(field, count));
    }
    [[nodiscard]] constexpr bool flag(const char* field) noexcept { return u(field, 1) != 0; }

    /// An Exp-Golomb number no greater than `most`; 32 zeros in front are the longest allowed.
    [[nodiscard]] constexpr std::uint32_t ue(const char* field,
                                             std::uint32_t most = UINT32_MAX - 1) noexcept {
        const auto start = position_;
        unsigned zeros = 0;
        while (ok() && u(field, 1) == 0)
            if (++zeros > 32) break;
        const std::uint64_t value =
            zeros > 32 ? UINT64_MAX : (std::uint64_t{1} << zeros) - 1 + u(field, zeros);
        if (ok() && value > most) reject_at(start, errc::bad_value, field);
        return ok() ? static_cast<std::uint32_t>(value) : 0;
    }
    /// A signed Exp-Golomb number.
    [[nodiscard]] constexpr std::int32_t se(const char* field) noexcept {
        const std::int64_t code = ue(field);
        return static_cast<std::int32_t>((code & 1) != 0 ? (code + 1) / 2 : -(code / 2));
    }

    constexpr void skip(const char* field, std::size_t count) noexcept {
        if (take(field, count)) position_ += count;
    }
    /// Moves to the next byte boundary.
    constexpr void align() noexcept {
        if (ok()) position_ = (position_ + 7) & ~std::size_t{7};
    }
    /// `count` whole bytes; the position is at a byte boundary.
    [[nodiscard]] constexpr bytes take_bytes(const char* field, std::size_t count) noexcept {
        align();
        if (count > bits_left() / 8) {
            reject(errc::truncated, field);
            return {};
        }
        const auto part = data_.subspan(position_ >> 3, count);
        position_ += count * 8;
        return part;
    }

    /// Bits read so far.
    [[nodiscard]] constexpr std::size_t position() const noexcept { return position_; }
    /// Bits not read yet; 0 after a failure.
    [[nodiscard]] constexpr std::size_t bits_left() const noexcept {
        return ok() ? data_.size() * 8 - position_ : 0;
    }
    [[nodiscard]] constexpr bool ok() const noexcept { return failure_.code == errc::ok; }
    [[nodiscard]] constexpr const error& failure() const noexcept { return failure_; }

    /// Fails at the present position, unless something failed before.
    constexpr void reject(errc code, const char* field) noexcept {
        reject_at(position_, code, field);
    }

private:
    [[nodiscard]] constexpr bool take(const char* field, std::size_t count) noexcept {
        if (!ok()) return false;
        if (count <= data_.size() * 8 - position_) return true;
        reject(errc::truncated, field);
        return false;
    }
    constexpr void reject_at(std::size_t position, errc code, const char* field) noexcept {
        if (!ok()) return;
        failure_ = {code, base_ + static_cast<std::uint32_t>(position >> 3), field, where_};
    }

    bytes data_;
    const char* where_;
    std::uint32_t base_;
    std::size_t position_ = 0;
    error failure_{};
};

} // namespace moqrtc
