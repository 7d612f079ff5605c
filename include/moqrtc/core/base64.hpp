#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc {

/// Which 64 characters stand for six bits each.
///
/// Spec    RFC 4648 sections 4 (`standard`, padded) and 5 (`url`, unpadded as JOSE uses it).
enum class base64_alphabet : std::uint8_t { standard, url };

namespace detail {

inline constexpr std::string_view base64_standard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
inline constexpr std::string_view base64_url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Character to six bits; 64 where the alphabet has no such character.
[[nodiscard]] constexpr std::array<std::uint8_t, 256>
base64_values(std::string_view alphabet) noexcept {
    std::array<std::uint8_t, 256> values{};
    values.fill(64);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
    return values;
}
inline constexpr auto base64_standard_values = base64_values(base64_standard);
inline constexpr auto base64_url_values = base64_values(base64_url);

} // namespace detail

/// `data` as text: padded with `=` in the standard alphabet, unpadded in the other.
[[nodiscard]] inline std::string
base64_encode(bytes data, base64_alphabet alphabet = base64_alphabet::standard) {
    const bool standard = alphabet == base64_alphabet::standard;
    const auto letters = standard ? detail::base64_standard : detail::base64_url;
    std::string text;
    text.reserve((data.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < data.size(); i += 3) {
        const std::size_t n = data.size() - i < 3 ? data.size() - i : 3;
        std::uint32_t bits = 0;
        for (std::size_t k = 0; k < 3; ++k)
            bits = bits << 8 | (k < n ? byte_at(data, i + k) : std::uint32_t{0});
        for (std::size_t k = 0; k < 4; ++k) {
            if (k <= n)
                text += letters[bits >> (18 - 6 * k) & 63];
            else if (standard)
                text += '=';
        }
    }
    return text;
}

/// The bytes behind `text`.
///
/// Padding may be left out in both alphabets; where it stands it is complete. Bits behind the last
/// byte are zero (RFC 4648 section 3.5), so each byte string has one spelling apart from padding.
///
/// Errors  bad_value (a character outside the alphabet, white space included, or bits left over),
///         truncated (no whole byte in the last group, incomplete padding); `offset` counts
///         characters.
[[nodiscard]] inline result<std::vector<std::byte>>
base64_decode(std::string_view text, base64_alphabet alphabet = base64_alphabet::standard) {
    constexpr const char* where = "base64, RFC 4648";
    const auto& values = alphabet == base64_alphabet::standard ? detail::base64_standard_values
                                                               : detail::base64_url_values;
    auto letters = text;
    while (!letters.empty() && letters.back() == '=' && text.size() - letters.size() < 2)
        letters.remove_suffix(1);
    const auto end = static_cast<std::uint32_t>(letters.size());
    if (letters.size() != text.size() && text.size() % 4 != 0)
        return fail(errc::truncated, "padding", end, where);

    std::vector<std::byte> data;
    data.reserve(letters.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (std::size_t i = 0; i < letters.size(); ++i) {
        const auto value = values[static_cast<std::uint8_t>(letters[i])];
        if (value == 64)
            return fail(errc::bad_value, "character", static_cast<std::uint32_t>(i), where);
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            data.push_back(static_cast<std::byte>(bits >> count & 0xff));
        }
    }
    if (count >= 6) return fail(errc::truncated, "group", end, where);
    if ((bits & ((1U << count) - 1)) != 0) return fail(errc::bad_value, "last bits", end, where);
    return data;
}

} // namespace moqrtc
