#pragma once

#include <moqrtc/cmaf/box.hpp>
#include <moqrtc/cmaf/box_writer.hpp>

#include <string_view>

namespace moqrtc::cmaf {

// An AAC encoder puts samples in front of the sound, which a player has to drop. Progressive files
// say so in an edit list; of fragmented ones many readers, ffmpeg among them, heed no edit list
// here, but do heed the item "iTunSMPB" of a track's metadata: hexadecimal numbers, of which the
// second is the number of samples to drop, the third that of the padding at the end.

/// Writes a `udta` box that says how many audio samples to drop at the start.
inline void write_priming(box_writer& out, std::uint32_t samples) {
    const auto udta = out.open("udta");       // ISO/IEC 14496-12 8.10.1
    const auto meta = out.open("meta", 0, 0); // 8.11.1
    const auto hdlr = out.open("hdlr", 0, 0);
    out.zeros(4);
    out.code("mdir");
    out.code("appl");
    out.zeros(9);
    out.close(hdlr);
    const auto ilst = out.open("ilst");
    const auto item = out.open("----");
    const auto mean = out.open("mean", 0, 0);
    out.blob(as_bytes("com.apple.iTunes"));
    out.close(mean);
    const auto name = out.open("name", 0, 0);
    out.blob(as_bytes("iTunSMPB"));
    out.close(name);
    const auto data = out.open("data", 0, 1); // type 1: UTF-8
    out.zeros(4);
    out.blob(as_bytes(" 00000000 "));
    for (int shift = 28; shift >= 0; shift -= 4)
        out.u8(static_cast<unsigned char>("0123456789ABCDEF"[samples >> shift & 0xf]));
    out.blob(as_bytes(" 00000000 0000000000000000"));
    out.close(data);
    out.close(item);
    out.close(ilst);
    out.close(meta);
    out.close(udta);
}

namespace detail {

/// The second hexadecimal number of `text`; 0 when there is none or it is no sensible delay.
[[nodiscard]] constexpr std::uint32_t second_number(std::string_view text) noexcept {
    std::uint32_t value = 0;
    int words = 0;
    bool inside = false;
    for (const char c : text) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                 : -1;
        if (digit < 0) {
            inside = false;
            if (words == 2) break;
            continue;
        }
        if (!inside) ++words;
        inside = true;
        if (words == 2) value = value << 4 | static_cast<std::uint32_t>(digit);
    }
    return value <= UINT16_MAX ? value : 0;
}

} // namespace detail

/// How many audio samples a `udta` box says to drop; 0 when it says nothing that can be read.
[[nodiscard]] inline std::uint32_t parse_priming(const box& udta) noexcept {
    const auto find = [](box_cursor boxes, fourcc type) noexcept {
        while (true) {
            const auto next = boxes.next();
            if (!next || !*next) return box{};
            if ((*next)->type == type) return **next;
        }
    };
    const auto list = find(box_cursor{find(box_cursor{udta}, "meta"), 4}, "ilst");
    box_cursor items{list};
    while (true) {
        const auto item = items.next();
        if (!item || !*item) return 0;
        if ((*item)->type != "----") continue;
        const auto name = find(box_cursor{**item}, "name");
        const auto data = find(box_cursor{**item}, "data");
        if (name.body.size() < 4 || data.body.size() < 8) continue;
        if (as_text(name.body.subspan(4)) == "iTunSMPB")
            return detail::second_number(as_text(data.body.subspan(8)));
    }
}

} // namespace moqrtc::cmaf
