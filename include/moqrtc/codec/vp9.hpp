#pragma once

#include <moqrtc/codec/two_digits.hpp>
#include <moqrtc/core/bit_reader.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstdint>
#include <string>

namespace moqrtc::codec::vp9 {

/// What a decoder needs before the first sample: the content of a `vpcC` box.
///
/// Both the record alone and the content with the four bytes of version and flags in front are
/// taken: a record cannot start with 01 00 00 00, it would have a bit depth of zero.
///
/// Spec    VP Codec ISO Media File Format Binding 1.0, VPCodecConfigurationRecord.
/// Fields  `level` is ten times the level, `chroma_subsampling` 0 and 1 are 4:2:0, 2 is 4:2:2, 3 is
///         4:4:4; colour fields are code points of ISO/IEC 23001-8.
/// Errors  truncated, bad_value (profile, bit depth, subsampling), unsupported (version).
struct configuration {
    std::uint8_t profile = 0;
    std::uint8_t level = 0;
    std::uint8_t bit_depth = 8;
    std::uint8_t chroma_subsampling = 1;
    bool full_range = false;
    std::uint8_t colour_primaries = 1;
    std::uint8_t transfer_characteristics = 1;
    std::uint8_t matrix_coefficients = 1;

    [[nodiscard]] static result<configuration> parse(bytes record) {
        bit_reader in{record, "VPCodecConfigurationRecord, VP Codec ISO Binding 1.0"};
        const bool full_box = record.size() >= 4 && load_be<3>(record.subspan(1)) == 0;
        if (full_box && in.u8("version", 8) != 1) in.reject(errc::unsupported, "version");
        if (full_box) in.skip("flags", 24);
        configuration out;
        out.profile = in.u8("profile", 8);
        if (out.profile > 3) in.reject(errc::bad_value, "profile");
        out.level = in.u8("level", 8);
        out.bit_depth = in.u8("bitDepth", 4);
        if (in.ok() && out.bit_depth != 8 && out.bit_depth != 10 && out.bit_depth != 12)
            in.reject(errc::bad_value, "bitDepth");
        out.chroma_subsampling = in.u8("chromaSubsampling", 3);
        if (out.chroma_subsampling > 3) in.reject(errc::bad_value, "chromaSubsampling");
        out.full_range = in.flag("videoFullRangeFlag");
        out.colour_primaries = in.u8("colourPrimaries", 8);
        out.transfer_characteristics = in.u8("transferCharacteristics", 8);
        out.matrix_coefficients = in.u8("matrixCoefficients", 8);
        in.skip("codecInitializationData",
                8 * std::size_t{in.u32("codecInitializationDataSize", 16)});
        if (!in.ok()) return std::unexpected(in.failure());
        return out;
    }

    friend bool operator==(const configuration&, const configuration&) = default;
};

/// `vp09.PP.LL.DD`, followed by `.CC.cp.tc.mc.FF` unless these are all at their defaults.
///
/// Spec    VP Codec ISO Media File Format Binding 1.0, Codecs Parameter String.
[[nodiscard]] inline std::string codec_string(const configuration& from) {
    std::string text = "vp09";
    const auto append = [&text](std::uint8_t value) {
        text += '.';
        detail::append_two_digits(text, value);
    };
    append(from.profile);
    append(from.level);
    append(from.bit_depth);
    configuration defaults;
    defaults.profile = from.profile;
    defaults.level = from.level;
    defaults.bit_depth = from.bit_depth;
    if (from == defaults) return text;
    append(from.chroma_subsampling);
    append(from.colour_primaries);
    append(from.transfer_characteristics);
    append(from.matrix_coefficients);
    append(from.full_range ? 1 : 0);
    return text;
}

} // namespace moqrtc::codec::vp9
