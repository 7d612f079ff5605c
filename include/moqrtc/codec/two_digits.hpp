#pragma once

#include <cstdint>
#include <string>

namespace moqrtc::codec::detail {

/// Appends a decimal number below 1000 with at least two digits, as VP9 and AV1 strings write them.
inline void append_two_digits(std::string& text, std::uint8_t value) {
    if (value >= 100) text += static_cast<char>('0' + value / 100);
    text += static_cast<char>('0' + value / 10 % 10);
    text += static_cast<char>('0' + value % 10);
}

} // namespace moqrtc::codec::detail
