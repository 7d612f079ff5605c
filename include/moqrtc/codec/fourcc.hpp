#pragma once

#include <cstdint>

namespace moqrtc::codec {

/// A four-character code as the big-endian number that stands in the box: `fourcc("avc1")`.
[[nodiscard]] constexpr std::uint32_t fourcc(const char (&text)[5]) noexcept {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i)
        code = code << 8 | static_cast<std::uint8_t>(text[i]);
    return code;
}

} // namespace moqrtc::codec
