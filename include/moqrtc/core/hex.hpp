#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc {

/// The value of one hexadecimal digit of either case, or -1.
[[nodiscard]] constexpr int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Two lower-case digits per byte.
[[nodiscard]] inline std::string hex_encode(bytes data) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(data.size() * 2);
    for (const auto b : data) {
        text += digits[std::to_integer<std::size_t>(b >> 4)];
        text += digits[std::to_integer<std::size_t>(b & std::byte{15})];
    }
    return text;
}

/// The bytes of an even number of digits of either case, nothing between them.
///
/// Errors  truncated (odd number), bad_value (not a digit); `offset` counts characters.
[[nodiscard]] inline result<std::vector<std::byte>> hex_decode(std::string_view text) {
    std::vector<std::byte> data;
    data.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const auto at = static_cast<std::uint32_t>(i);
        const int high = hex_digit(text[i]);
        if (high < 0) return fail(errc::bad_value, "digit", at, "hexadecimal");
        if (i + 1 == text.size()) return fail(errc::truncated, "digit", at + 1, "hexadecimal");
        const int low = hex_digit(text[i + 1]);
        if (low < 0) return fail(errc::bad_value, "digit", at + 1, "hexadecimal");
        data.push_back(static_cast<std::byte>(high << 4 | low));
    }
    return data;
}

} // namespace moqrtc
