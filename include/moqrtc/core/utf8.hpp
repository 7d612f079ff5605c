#pragma once

#include <cstddef>
#include <string_view>

namespace moqrtc {

/// Whether `text` is UTF-8 without surrogates and overlong forms.
///
/// Spec    RFC 3629 section 4.
[[nodiscard]] constexpr bool is_utf8(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
        const auto lead = byte(i);
        const std::size_t more = lead < 0x80   ? 0
                                 : lead < 0xc2 ? 4
                                 : lead < 0xe0 ? 1
                                 : lead < 0xf0 ? 2
                                 : lead < 0xf5 ? 3
                                               : 4;
        if (more == 4 || text.size() - i <= more) return false;
        for (std::size_t k = 1; k <= more; ++k)
            if ((byte(i + k) & 0xc0) != 0x80) return false;
        if (lead == 0xe0 && byte(i + 1) < 0xa0) return false; // overlong
        if (lead == 0xed && byte(i + 1) > 0x9f) return false; // surrogate
        if (lead == 0xf0 && byte(i + 1) < 0x90) return false; // overlong
        if (lead == 0xf4 && byte(i + 1) > 0x8f) return false; // beyond U+10FFFF
        i += more + 1;
    }
    return true;
}

} // namespace moqrtc
