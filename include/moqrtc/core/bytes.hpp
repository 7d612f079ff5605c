#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace moqrtc {

/// Borrowed, immutable bytes: how every codec takes its input.
using bytes = std::span<const std::byte>;

/// Borrowed bytes to write into; the caller owns them.
using mutable_bytes = std::span<std::byte>;

/// The bytes of `text`, borrowed.
[[nodiscard]] inline bytes as_bytes(std::string_view text) noexcept {
    return std::as_bytes(std::span{text.data(), text.size()});
}

/// `data` seen as text, borrowed; says nothing about its encoding.
[[nodiscard]] inline std::string_view as_text(bytes data) noexcept {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// Whether both hold the same bytes; empty spans are equal whatever they point to.
[[nodiscard]] constexpr bool equal(bytes a, bytes b) noexcept {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

/// Lexicographic order of two byte strings.
[[nodiscard]] constexpr bool less(bytes a, bytes b) noexcept {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

/// Byte `i` of `data` as a number; the caller has checked `i < data.size()`.
[[nodiscard]] constexpr std::uint8_t byte_at(bytes data, std::size_t i) noexcept {
    return std::to_integer<std::uint8_t>(data[i]);
}

/// Big-endian unsigned integer of `N` bytes at `data[0]`; the caller has checked the length.
template <std::size_t N>
    requires(N >= 1 && N <= 8)
[[nodiscard]] constexpr std::uint64_t load_be(bytes data) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < N; ++i)
        value = value << 8 | byte_at(data, i);
    return value;
}

/// Writes the low `N` bytes of `value` big-endian; the caller has checked the room.
template <std::size_t N>
    requires(N >= 1 && N <= 8)
constexpr void store_be(mutable_bytes out, std::uint64_t value) noexcept {
    for (std::size_t i = N; i-- > 0; value >>= 8)
        out[i] = static_cast<std::byte>(value & 0xff);
}

/// Asks the processor to bring `size` bytes of memory closer; harmless for any pointer.
inline void prefetch(const void* at, std::size_t size) noexcept {
    for (std::size_t done = 0; done < size; done += 64)
        __builtin_prefetch(static_cast<const std::byte*>(at) + done);
}

} // namespace moqrtc
