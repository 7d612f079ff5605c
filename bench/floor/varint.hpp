#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// Straight-line code that knows one draft and one shape: what the library is measured against.
namespace floor_code {

struct decoded {
    std::uint64_t value;
    std::size_t size; ///< 0 when the input ends inside the integer
};

inline std::uint64_t load64(const std::byte* in) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, in, 8);
    return __builtin_bswap64(value);
}
inline void store64(std::byte* out, std::uint64_t value) noexcept {
    value = __builtin_bswap64(value);
    std::memcpy(out, &value, 8);
}

/// RFC 9000 section 16; `in` has 8 readable bytes or the slow way is taken.
inline decoded decode_quic(const std::byte* in, std::size_t left) noexcept {
    if (left == 0) return {0, 0};
    const auto first = static_cast<unsigned>(in[0]);
    if (first < 0x40) return {first, 1};
    const std::size_t size = std::size_t{1} << (first >> 6);
    if (left >= 8) return {load64(in) << 2 >> (66 - 8 * size), size};
    if (left < size) return {0, 0};
    std::uint64_t value = first & 0x3f;
    for (std::size_t i = 1; i < size; ++i)
        value = value << 8 | static_cast<std::uint64_t>(in[i]);
    return {value, size};
}

/// Leading ones count the bytes that follow.
inline decoded decode_ones(const std::byte* in, std::size_t left) noexcept {
    if (left == 0) return {0, 0};
    const auto first = static_cast<std::uint8_t>(in[0]);
    if (first < 0x80) return {first, 1};
    const auto size = static_cast<std::size_t>(std::countl_one(first)) + 1;
    if (left >= 9) {
        if (size == 9) return {load64(in + 1), 9};
        return {load64(in) << size >> (64 - 7 * size), size};
    }
    if (left < size) return {0, 0};
    std::uint64_t value = size < 8 ? first & (0xffu >> size) : 0;
    for (std::size_t i = 1; i < size; ++i)
        value = value << 8 | static_cast<std::uint64_t>(in[i]);
    return {value, size};
}

/// `out` has 8 writable bytes.
inline std::size_t encode_quic(std::byte* out, std::uint64_t value) noexcept {
    if (value < 0x40) {
        out[0] = static_cast<std::byte>(value);
        return 1;
    }
    if (value < 0x4000) {
        store64(out, (value | 0x4000) << 48);
        return 2;
    }
    if (value < 0x4000'0000) {
        store64(out, (value | 0x8000'0000) << 32);
        return 4;
    }
    store64(out, value | 0xc000'0000'0000'0000);
    return 8;
}

/// `out` has 9 writable bytes.
inline std::size_t encode_ones(std::byte* out, std::uint64_t value) noexcept {
    if (value < 0x80) {
        out[0] = static_cast<std::byte>(value);
        return 1;
    }
    const auto bits = static_cast<unsigned>(std::bit_width(value));
    if (bits > 56) {
        out[0] = std::byte{0xff};
        store64(out + 1, value);
        return 9;
    }
    const unsigned size = (9 * bits + 64) >> 6; // bits / 7, rounded up
    store64(out, value << (64 - 8 * size) | ~std::uint64_t{0} << (65 - size));
    return size;
}

} // namespace floor_code
