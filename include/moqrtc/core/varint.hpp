#pragma once

#include <moqrtc/core/bytes.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace moqrtc {

/// How an integer of variable length announces its length.
enum class varint_form : std::uint8_t {
    quic,             ///< RFC 9000 section 16: two bits, at most 2^62-1
    leading_ones_no7, ///< moq-transport 17: count of leading ones, the 7-byte form is invalid
    leading_ones,     ///< moq-transport 18 and later, anchor `variable-length-integers`
};

/// Largest value that a form can carry.
[[nodiscard]] constexpr std::uint64_t varint_max(varint_form form) noexcept {
    return form == varint_form::quic ? (std::uint64_t{1} << 62) - 1 : UINT64_MAX;
}

/// Bytes of the shortest encoding of `value`; `value` is at most `varint_max(form)`.
[[nodiscard]] constexpr std::size_t varint_size(varint_form form, std::uint64_t value) noexcept {
    if (form == varint_form::quic)
        return value < (1u << 6) ? 1 : value < (1u << 14) ? 2 : value < (1u << 30) ? 4 : 8;
    const auto bits = static_cast<std::size_t>(std::bit_width(value | 1));
    const std::size_t size = bits > 56 ? 9 : (9 * bits + 64) >> 6; // bits / 7, rounded up
    const std::size_t skips_7 = form == varint_form::leading_ones_no7 ? 1 : 0;
    return size + (size == 7 ? skips_7 : 0);
}

/// Length that the first byte announces, 1 to 9; 0 for a first byte that the form forbids.
[[nodiscard]] constexpr std::size_t varint_length(varint_form form, std::byte first) noexcept {
    const auto lead = std::to_integer<std::uint8_t>(first);
    if (form == varint_form::quic) return std::size_t{1} << (lead >> 6);
    const auto size = static_cast<std::size_t>(std::countl_one(lead)) + 1;
    return size == 7 && form == varint_form::leading_ones_no7 ? 0 : size;
}

namespace detail {

/// Eight bytes, big endian; one load and one byte swap outside constant evaluation.
[[nodiscard]] constexpr std::uint64_t load_be64(const std::byte* in) noexcept {
    if consteval {
        std::uint64_t value = 0;
        for (int i = 0; i < 8; ++i)
            value = value << 8 | std::to_integer<std::uint8_t>(in[i]);
        return value;
    } else {
        std::uint64_t value = 0;
        std::memcpy(&value, in, 8);
        if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
        return value;
    }
}
constexpr void store_be64(std::byte* out, std::uint64_t value) noexcept {
    if consteval {
        for (int i = 8; i-- > 0; value >>= 8)
            out[i] = static_cast<std::byte>(value & 0xff);
    } else {
        if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
        std::memcpy(out, &value, 8);
    }
}

} // namespace detail

/// A decoded integer; `size` 0 means that the input is too short or its first byte is forbidden.
struct varint_value {
    std::uint64_t value = 0;
    std::size_t size = 0;
};

namespace detail {

/// The last bytes of an input: no room to load a whole word.
[[nodiscard]] [[gnu::noinline]] constexpr varint_value
decode_varint_near_end(varint_form form, const std::byte* in, std::size_t left) noexcept {
    const auto size = varint_length(form, in[0]);
    if (size == 0 || left < size) return {};
    const auto first = std::to_integer<std::uint8_t>(in[0]);
    std::uint64_t value = form == varint_form::quic ? first & 0x3fu : first & (0xffu >> size);
    for (std::size_t i = 1; i < size; ++i)
        value = value << 8 | std::to_integer<std::uint8_t>(in[i]);
    return {value, size};
}

} // namespace detail

/// Decodes the integer at `in[0]`; non-minimal encodings are accepted, as all drafts demand.
[[nodiscard]] [[gnu::always_inline]] constexpr varint_value
decode_varint(varint_form form, const std::byte* in, std::size_t left) noexcept {
    if (left == 0) return {};
    const auto first = std::to_integer<std::uint8_t>(in[0]);
    if (form == varint_form::quic) {
        if (first < 0x40) return {first, 1};
        const auto size = std::size_t{1} << (first >> 6);
        if (left >= 8) return {detail::load_be64(in) << 2 >> (66 - 8 * size), size};
    } else {
        if (first < 0x80) return {first, 1};
        if (left >= 9) {
            const auto size = varint_length(form, in[0]);
            if (size == 9) return {detail::load_be64(in + 1), 9};
            if (size == 0) return {};
            return {detail::load_be64(in) << size >> (64 - 7 * size), size};
        }
    }
    return detail::decode_varint_near_end(form, in, left);
}

namespace detail {

/// The shortest encoding of at most 8 bytes, at the top of a word; `size` is its length.
[[nodiscard]] constexpr std::uint64_t varint_word(varint_form form, std::uint64_t value,
                                                  std::size_t size) noexcept {
    const auto shifted = value << (64 - 8 * size);
    if (form == varint_form::quic)
        return shifted | static_cast<std::uint64_t>(std::bit_width(size) - 1) << 62;
    return shifted | ~std::uint64_t{0} << (65 - size);
}

} // namespace detail

/// Writes the shortest encoding of `value` at `out[0]` and returns its length; the caller has
/// checked `varint_size` against the room and `varint_max` against the value.
[[gnu::noinline]] constexpr std::size_t encode_varint(varint_form form, std::uint64_t value,
                                                      std::byte* out) noexcept {
    if (value < (form == varint_form::quic ? 0x40u : 0x80u)) {
        out[0] = static_cast<std::byte>(value);
        return 1;
    }
    const auto size = varint_size(form, value);
    if (size == 9) {
        out[0] = std::byte{0xff};
        detail::store_be64(out + 1, value);
        return 9;
    }
    auto word = detail::varint_word(form, value, size);
    for (std::size_t i = 0; i < size; ++i, word <<= 8)
        out[i] = static_cast<std::byte>(word >> 56);
    return size;
}

/// The same where `room` bytes are writable: with 9 or more it stores whole words, so bytes behind
/// the integer may change too.
[[gnu::always_inline]] constexpr std::size_t
encode_varint(varint_form form, std::uint64_t value, std::byte* out, std::size_t room) noexcept {
    if (room < 9) return encode_varint(form, value, out);
    if (form == varint_form::quic) {
        if (value < 0x40) {
            out[0] = static_cast<std::byte>(value);
            return 1;
        }
        // No branches: lengths in real traffic follow no pattern that a predictor could learn.
        const auto exponent = std::size_t{1} + (value >= 0x4000) + (value >= 0x4000'0000);
        const auto size = std::size_t{1} << exponent;
        detail::store_be64(out, value << (64 - 8 * size) | std::uint64_t{exponent} << 62);
        return size;
    }
    if (value < 0x80) {
        out[0] = static_cast<std::byte>(value);
        return 1;
    }
    const auto size = varint_size(form, value);
    if (size == 9) {
        out[0] = std::byte{0xff};
        detail::store_be64(out + 1, value);
        return 9;
    }
    detail::store_be64(out, detail::varint_word(form, value, size));
    return size;
}

} // namespace moqrtc
