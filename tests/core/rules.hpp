#pragma once

#include <moqrtc/core/reader.hpp>
#include <moqrtc/core/sizer.hpp>
#include <moqrtc/core/writer.hpp>

#include <string_view>
#include <vector>

/// What the tests of the archives share: the smallest rules, and bytes from hexadecimal.
namespace moqrtc::tests {

struct form_rules {
    varint_form varint = varint_form::leading_ones;
};
inline constexpr form_rules quic{varint_form::quic};
inline constexpr form_rules ones{varint_form::leading_ones};
inline constexpr form_rules no7{varint_form::leading_ones_no7};

/// Bytes from hexadecimal digits; blanks are skipped.
[[nodiscard]] constexpr std::vector<std::byte> hex(std::string_view text) {
    std::vector<std::byte> out;
    int high = -1;
    for (const char c : text) {
        if (c == ' ') continue;
        const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
        if (high < 0) {
            high = digit;
        } else {
            out.push_back(static_cast<std::byte>(high << 4 | digit));
            high = -1;
        }
    }
    return out;
}

} // namespace moqrtc::tests
