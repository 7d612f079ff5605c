#pragma once

#include <moqrtc/codec/av1_sequence.hpp>
#include <moqrtc/codec/two_digits.hpp>
#include <moqrtc/core/bit_reader.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace moqrtc::codec::av1 {

/// What a decoder needs before the first sample: the content of an `av1C` box.
///
/// Spec    AV1 Codec ISO Media File Format Binding section 2.3.3, AV1CodecConfigurationRecord.
/// Fields  `sequence` is the sequence header among the OBUs, which a writer may leave out.
/// Errors  truncated, bad_value (marker, profile, an OBU), unsupported (version).
struct configuration {
    std::uint8_t profile = 0;
    std::uint8_t level_idx = 0;
    bool high_tier = false;
    std::uint8_t bit_depth = 8;
    bool mono_chrome = false;
    bool subsampling_x = true;
    bool subsampling_y = true;
    std::uint8_t chroma_sample_position = 0;
    std::optional<sequence_header> sequence{};

    [[nodiscard]] static result<configuration> parse(bytes record) {
        bit_reader in{record, "AV1CodecConfigurationRecord, AV1 ISO Binding 2.3.3"};
        if (!in.flag("marker")) in.reject(errc::bad_value, "marker");
        if (in.u8("version", 7) != 1) in.reject(errc::unsupported, "version");
        configuration out;
        out.profile = in.u8("seq_profile", 3);
        if (out.profile > 2) in.reject(errc::bad_value, "seq_profile");
        out.level_idx = in.u8("seq_level_idx_0", 5);
        out.high_tier = in.flag("seq_tier_0");
        const bool high = in.flag("high_bitdepth");
        const bool twelve = in.flag("twelve_bit");
        out.bit_depth = high && twelve ? 12 : high ? 10 : 8;
        out.mono_chrome = in.flag("monochrome");
        out.subsampling_x = in.flag("chroma_subsampling_x");
        out.subsampling_y = in.flag("chroma_subsampling_y");
        out.chroma_sample_position = in.u8("chroma_sample_position", 2);
        in.skip("initial_presentation_delay", 8);
        if (!in.ok()) return std::unexpected(in.failure());

        constexpr std::size_t header_size = 4;
        for (obu_reader obus{record.subspan(header_size)}; !obus.done();) {
            const auto next = obus.next();
            if (!next) return std::unexpected(next.error());
            if (next->type != obu_type::sequence_header) continue;
            const auto header = sequence_header::parse(next->payload);
            if (!header) return std::unexpected(header.error());
            out.sequence = *header;
            break;
        }
        return out;
    }
};

/// `av01.P.LLT.DD`, followed by `.M.CCC.cp.tc.mc.F` unless these are all at their defaults.
///
/// Colour is known only from a sequence header that describes it; without one it counts as default.
///
/// Spec    AV1 Codec ISO Media File Format Binding section 5, Codecs Parameter String.
[[nodiscard]] inline std::string codec_string(const configuration& from) {
    std::string text = "av01.";
    text += static_cast<char>('0' + from.profile);
    text += '.';
    detail::append_two_digits(text, from.level_idx);
    text += from.high_tier ? 'H' : 'M';
    text += '.';
    detail::append_two_digits(text, from.bit_depth);

    std::uint8_t primaries = 1; // BT.709, and so the next two
    std::uint8_t transfer = 1;
    std::uint8_t matrix = 1;
    const bool full_range = from.sequence && from.sequence->full_range;
    if (from.sequence && from.sequence->has_color_description) {
        primaries = from.sequence->color_primaries;
        transfer = from.sequence->transfer_characteristics;
        matrix = from.sequence->matrix_coefficients;
    }
    const int position = from.subsampling_x && from.subsampling_y ? from.chroma_sample_position : 0;
    const bool defaults = !from.mono_chrome && from.subsampling_x && from.subsampling_y &&
                          position == 0 && primaries == 1 && transfer == 1 && matrix == 1 &&
                          !full_range;
    if (defaults) return text;
    text += from.mono_chrome ? ".1." : ".0.";
    text += from.subsampling_x ? '1' : '0';
    text += from.subsampling_y ? '1' : '0';
    text += static_cast<char>('0' + position);
    for (const auto code : {primaries, transfer, matrix}) {
        text += '.';
        detail::append_two_digits(text, code);
    }
    text += full_range ? ".1" : ".0";
    return text;
}

} // namespace moqrtc::codec::av1
