#pragma once

#include <array>
#include <cstdint>

namespace moqrtc::cmaf {

/// A four-character code: the type of a box, a brand, a handler or a sample entry.
///
/// Spec    ISO/IEC 14496-12 section 4.2.
struct fourcc {
    std::uint32_t value = 0;

    constexpr fourcc() noexcept = default;
    explicit constexpr fourcc(std::uint32_t code) noexcept : value{code} {}
    // NOLINTNEXTLINE(google-explicit-constructor): `box.type == "moov"` is how the standard reads
    consteval fourcc(const char (&text)[5]) noexcept {
        for (int i = 0; i < 4; ++i)
            value = value << 8 | static_cast<unsigned char>(text[i]);
    }
    [[nodiscard]] friend constexpr bool operator==(fourcc, fourcc) noexcept = default;
};

/// The four characters and a terminating zero; what is not printable ASCII shows as a dot.
[[nodiscard]] constexpr std::array<char, 5> to_text(fourcc code) noexcept {
    std::array<char, 5> text{};
    for (unsigned i = 0; i < 4; ++i) {
        const auto c = static_cast<char>(code.value >> (24 - 8 * i) & 0xff);
        text[i] = c >= 0x20 && c < 0x7f ? c : '.';
    }
    return text;
}

} // namespace moqrtc::cmaf
