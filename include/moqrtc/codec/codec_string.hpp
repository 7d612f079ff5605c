#pragma once

#include <moqrtc/core/error.hpp>
#include <moqrtc/core/hex.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moqrtc::codec {

/// The codecs whose strings are understood.
enum class codec_id : std::uint8_t { h264, h265, vp9, av1, aac, mp3, opus };

/// What an RFC 6381 codec string says.
///
/// Fields  `profile`, `level` and `bit_depth` count as in each codec's own string: H.264
/// profile_idc
///         and level_idc, H.265 general_profile_idc and thirty times the level, VP9 ten times the
///         level, AV1 seq_level_idx; AAC has its audio object type in `profile`. What a string does
///         not say is 0; H.264, H.265 and AAC never say the bit depth.
/// Borrows `sample_entry`, the part in front of the first dot, points into the text.
struct codec_parameters {
    codec_id codec = codec_id::h264;
    std::string_view sample_entry{};
    std::uint8_t profile = 0;
    std::uint8_t level = 0;
    std::uint8_t bit_depth = 0;
    bool high_tier = false;
    std::uint8_t compatibility = 0; ///< H.264: the constraint flags

    [[nodiscard]] bool is_audio() const noexcept { return codec >= codec_id::aac; }
};

namespace detail {

/// Takes a codec string apart at its dots.
class element_reader {
public:
    static constexpr const char* where = "codecs parameter, RFC 6381";

    constexpr explicit element_reader(std::string_view text) noexcept : text_{text} {}

    [[nodiscard]] constexpr bool done() const noexcept { return position_ > text_.size(); }
    /// The next element; an empty one where there is none.
    [[nodiscard]] constexpr std::string_view next() noexcept {
        start_ = position_;
        if (done()) return {};
        const auto rest = text_.substr(position_);
        const auto part = rest.substr(0, rest.find('.'));
        position_ += part.size() + 1;
        return part;
    }
    /// The next element as a number of `least` to `most` digits.
    [[nodiscard]] constexpr std::optional<std::uint32_t> number(unsigned base, std::size_t least,
                                                                std::size_t most) noexcept {
        const auto part = next();
        if (part.size() < least || part.size() > most) return std::nullopt;
        return value_of(part, base);
    }
    [[nodiscard]] static constexpr std::optional<std::uint32_t> value_of(std::string_view digits,
                                                                         unsigned base) noexcept {
        if (digits.empty() || digits.size() > 8) return std::nullopt;
        std::uint32_t value = 0;
        for (const char c : digits) {
            const int digit = hex_digit(c);
            if (digit < 0 || static_cast<unsigned>(digit) >= base) return std::nullopt;
            value = value * base + static_cast<unsigned>(digit);
        }
        return value;
    }
    [[nodiscard]] constexpr std::unexpected<error> bad(const char* field) const noexcept {
        const bool missing = start_ > text_.size() || text_.empty();
        return fail(missing ? errc::truncated : errc::bad_value, field,
                    static_cast<std::uint32_t>(start_ < text_.size() ? start_ : text_.size()),
                    where);
    }
    [[nodiscard]] constexpr std::unexpected<error> trailing() const noexcept {
        return fail(errc::trailing, "element", static_cast<std::uint32_t>(position_), where);
    }

private:
    std::string_view text_;
    std::size_t position_ = 0;
    std::size_t start_ = 0;
};

[[nodiscard]] constexpr result<codec_parameters> parse_h264(element_reader in,
                                                            codec_parameters out) noexcept {
    const auto all = in.number(16, 6, 6);
    if (!all) return in.bad("PPCCLL");
    out.codec = codec_id::h264;
    out.profile = static_cast<std::uint8_t>(*all >> 16);
    out.compatibility = static_cast<std::uint8_t>(*all >> 8 & 0xff);
    out.level = static_cast<std::uint8_t>(*all & 0xff);
    if (!in.done()) return in.trailing();
    return out;
}

[[nodiscard]] constexpr result<codec_parameters> parse_h265(element_reader in,
                                                            codec_parameters out) noexcept {
    out.codec = codec_id::h265;
    auto part = in.next();
    if (!part.empty() && part[0] >= 'A' && part[0] <= 'C') part.remove_prefix(1);
    const auto profile = element_reader::value_of(part, 10);
    if (!profile || *profile > 31) return in.bad("general_profile_idc");
    out.profile = static_cast<std::uint8_t>(*profile);
    if (!in.number(16, 1, 8)) return in.bad("general_profile_compatibility_flags");
    part = in.next();
    if (part.empty() || (part[0] != 'L' && part[0] != 'H')) return in.bad("general_tier_flag");
    out.high_tier = part[0] == 'H';
    const auto level = element_reader::value_of(part.substr(1), 10);
    if (!level || *level > 255) return in.bad("general_level_idc");
    out.level = static_cast<std::uint8_t>(*level);
    for (int i = 0; i < 6 && !in.done(); ++i)
        if (!in.number(16, 1, 2)) return in.bad("general_constraint_indicator_flags");
    if (!in.done()) return in.trailing();
    return out;
}

[[nodiscard]] constexpr result<codec_parameters> parse_vp9(element_reader in,
                                                           codec_parameters out) noexcept {
    out.codec = codec_id::vp9;
    const auto profile = in.number(10, 2, 2);
    if (!profile || *profile > 3) return in.bad("profile");
    out.profile = static_cast<std::uint8_t>(*profile);
    const auto level = in.number(10, 2, 3);
    if (!level || *level > 255) return in.bad("level");
    out.level = static_cast<std::uint8_t>(*level);
    const auto depth = in.number(10, 2, 2);
    if (!depth || (*depth != 8 && *depth != 10 && *depth != 12)) return in.bad("bitDepth");
    out.bit_depth = static_cast<std::uint8_t>(*depth);
    if (in.done()) return out;
    // Subsampling, primaries, transfer, matrix and range stand all or not at all.
    for (int i = 0; i < 5; ++i)
        if (!in.number(10, 2, 3)) return in.bad("colour");
    if (!in.done()) return in.trailing();
    return out;
}

[[nodiscard]] constexpr result<codec_parameters> parse_av1(element_reader in,
                                                           codec_parameters out) noexcept {
    out.codec = codec_id::av1;
    const auto profile = in.number(10, 1, 1);
    if (!profile || *profile > 2) return in.bad("seq_profile");
    out.profile = static_cast<std::uint8_t>(*profile);
    const auto part = in.next();
    const auto level = part.size() == 3 ? element_reader::value_of(part.substr(0, 2), 10)
                                        : std::optional<std::uint32_t>{};
    if (!level || *level > 31 || (part[2] != 'M' && part[2] != 'H')) return in.bad("seq_level_idx");
    out.level = static_cast<std::uint8_t>(*level);
    out.high_tier = part[2] == 'H';
    // The elements behind the depth stand all or not at all (AV1 ISO Binding section 5), but
    // av01.0.08M.10.0.110.09 is what the MSF drafts print, so any number of them is taken.
    const auto depth = in.number(10, 2, 2);
    if (!depth || (*depth != 8 && *depth != 10 && *depth != 12)) return in.bad("bitDepth");
    out.bit_depth = static_cast<std::uint8_t>(*depth);
    constexpr std::array<std::size_t, 6> digits{1, 3, 2, 2, 2, 1};
    for (const auto count : digits) {
        if (in.done()) return out;
        if (!in.number(10, count, count == 2 ? 3 : count)) return in.bad("colour");
    }
    if (!in.done()) return in.trailing();
    return out;
}

[[nodiscard]] constexpr result<codec_parameters> parse_mp4a(element_reader in,
                                                            codec_parameters out) noexcept {
    const auto indication = in.number(16, 2, 2);
    if (!indication) return in.bad("objectTypeIndication");
    switch (*indication) {
    case 0x40: { // MPEG-4 audio
        out.codec = codec_id::aac;
        const auto type = in.number(10, 1, 2);
        if (!type || *type == 0) return in.bad("audioObjectType");
        out.profile = static_cast<std::uint8_t>(*type);
        break;
    }
    case 0x66: // MPEG-2 AAC main, low complexity, scalable sampling rate: the MPEG-4 types 1 to 3
    case 0x67:
    case 0x68:
        out.codec = codec_id::aac;
        out.profile = static_cast<std::uint8_t>(*indication - 0x65);
        break;
    case 0x69: // MPEG-2 and MPEG-1 layers, most often layer 3
    case 0x6b:
        out.codec = codec_id::mp3;
        break;
    default:
        return fail(errc::unsupported, "objectTypeIndication", 5, element_reader::where);
    }
    if (!in.done()) return in.trailing();
    return out;
}

} // namespace detail

/// Parses one RFC 6381 codec string of a codec that is understood.
///
/// Hexadecimal digits may have either case. A bare sample entry without parameters (`av01`) is
/// refused as truncated: it doesn't say what a decoder needs.
///
/// Errors  truncated, trailing, bad_value, unsupported (another codec); `offset` counts characters.
[[nodiscard]] constexpr result<codec_parameters>
parse_codec_string(std::string_view text) noexcept {
    detail::element_reader in{text};
    codec_parameters out;
    out.sample_entry = in.next();
    const auto entry = out.sample_entry;
    if (entry == "avc1" || entry == "avc3") return detail::parse_h264(in, out);
    if (entry == "hvc1" || entry == "hev1") return detail::parse_h265(in, out);
    if (entry == "vp09") return detail::parse_vp9(in, out);
    if (entry == "av01") return detail::parse_av1(in, out);
    if (entry == "mp4a") return detail::parse_mp4a(in, out);
    if (entry == "opus" || entry == "Opus") {
        out.codec = codec_id::opus;
        if (!in.done()) return in.trailing();
        return out;
    }
    return fail(entry.empty() ? errc::truncated : errc::unsupported, "sample_entry", 0,
                detail::element_reader::where);
}

} // namespace moqrtc::codec
