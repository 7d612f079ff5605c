#pragma once

#include <moqrtc/codec/fourcc.hpp>
#include <moqrtc/codec/nal.hpp>
#include <moqrtc/core/bit_reader.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::codec::h265 {

/// The kinds of NAL units that matter outside a decoder.
///
/// Spec    ISO/IEC 23008-2 table 7-1.
enum class nal_type : std::uint8_t {
    trail_n = 0,
    bla_w_lp = 16,
    idr_w_radl = 19,
    idr_n_lp = 20,
    cra = 21,
    last_irap = 23,
    last_slice = 31,
    vps = 32,
    sps = 33,
    pps = 34,
    access_unit_delimiter = 35,
    unspecified = 63,
};

/// The type in the header of a NAL unit; an empty unit is `unspecified`.
[[nodiscard]] constexpr nal_type type_of(bytes unit) noexcept {
    return unit.empty() ? nal_type::unspecified : static_cast<nal_type>(byte_at(unit, 0) >> 1 & 63);
}

/// Whether a sample of length-prefixed units starts with a picture at which decoding can start:
/// IDR, BLA or CRA.
///
/// Errors  as `length_prefixed_reader::next`, when the damage comes before the first slice.
[[nodiscard]] constexpr result<bool> is_random_access(bytes sample, unsigned length_size) noexcept {
    for (length_prefixed_reader units{sample, length_size}; !units.done();) {
        const auto unit = units.next();
        if (!unit) return std::unexpected(unit.error());
        const auto type = type_of(*unit);
        if (type <= nal_type::last_slice)
            return type >= nal_type::bla_w_lp && type <= nal_type::last_irap;
    }
    return false;
}

/// Profile, tier and level as both the record and the parameter sets carry them.
///
/// Spec    ISO/IEC 23008-2 section 7.3.3, the general part: 12 bytes.
struct profile_tier_level {
    std::uint8_t profile_space = 0;
    bool high_tier = false;
    std::uint8_t profile_idc = 0;
    std::uint32_t compatibility_flags = 0; ///< flag 0 is the most significant bit
    std::array<std::uint8_t, 6> constraint_flags{};
    std::uint8_t level_idc = 0; ///< thirty times the level

    constexpr void read(bit_reader& in) noexcept {
        profile_space = in.u8("general_profile_space", 2);
        high_tier = in.flag("general_tier_flag");
        profile_idc = in.u8("general_profile_idc", 5);
        compatibility_flags = in.u32("general_profile_compatibility_flags", 32);
        for (auto& byte : constraint_flags)
            byte = in.u8("general_constraint_indicator_flags", 8);
        level_idc = in.u8("general_level_idc", 8);
    }
    friend bool operator==(const profile_tier_level&, const profile_tier_level&) = default;
};

/// What a decoder needs before the first sample: the content of an `hvcC` box.
///
/// Spec    ISO/IEC 14496-15 section 8.3.3.1, HEVCDecoderConfigurationRecord.
/// Borrows the parameter sets point into the record.
/// Errors  truncated, trailing, bad_value (length size), unsupported (version), limit (over 256
///         parameter sets).
struct configuration {
    /// One array of the record: units of one type.
    struct parameter_set {
        nal_type type = nal_type::unspecified;
        bytes unit{};
    };
    static constexpr std::size_t max_parameter_sets = 256;

    profile_tier_level general{};
    std::uint8_t chroma_format_idc = 1;
    std::uint8_t bit_depth_luma = 8;
    std::uint8_t bit_depth_chroma = 8;
    std::uint8_t temporal_layers = 1;
    std::uint8_t length_size = 4;
    std::vector<parameter_set> parameter_sets{};

    [[nodiscard]] static result<configuration> parse(bytes record) {
        bit_reader in{record, "HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 8.3.3.1"};
        configuration out;
        if (in.u8("configurationVersion", 8) != 1)
            in.reject(errc::unsupported, "configurationVersion");
        out.general.read(in);
        in.skip("min_spatial_segmentation_idc", 16);
        in.skip("parallelismType", 8);
        in.skip("reserved", 6);
        out.chroma_format_idc = in.u8("chroma_format_idc", 2);
        in.skip("reserved", 5);
        out.bit_depth_luma = static_cast<std::uint8_t>(8 + in.u8("bit_depth_luma_minus8", 3));
        in.skip("reserved", 5);
        out.bit_depth_chroma = static_cast<std::uint8_t>(8 + in.u8("bit_depth_chroma_minus8", 3));
        in.skip("avgFrameRate", 16);
        in.skip("constantFrameRate", 2);
        out.temporal_layers = in.u8("numTemporalLayers", 3);
        in.skip("temporalIdNested", 1);
        out.length_size = static_cast<std::uint8_t>(in.u8("lengthSizeMinusOne", 2) + 1);
        if (out.length_size == 3) in.reject(errc::bad_value, "lengthSizeMinusOne");
        for (auto arrays = in.u8("numOfArrays", 8); arrays > 0 && in.ok(); --arrays) {
            in.skip("array_completeness", 2);
            const auto type = static_cast<nal_type>(in.u8("NAL_unit_type", 6));
            for (auto left = in.u32("numNalus", 16); left > 0 && in.ok(); --left) {
                if (out.parameter_sets.size() == max_parameter_sets)
                    in.reject(errc::limit, "numNalus");
                out.parameter_sets.push_back(
                    {type, in.take_bytes("nalUnit", in.u32("nalUnitLength", 16))});
            }
        }
        if (in.bits_left() != 0) in.reject(errc::trailing, "HEVCDecoderConfigurationRecord");
        if (!in.ok()) return std::unexpected(in.failure());
        return out;
    }

    /// The first parameter set of a type; empty when there is none.
    [[nodiscard]] bytes find(nal_type type) const noexcept {
        for (const auto& set : parameter_sets)
            if (set.type == type) return set.unit;
        return {};
    }
};

/// `hvc1.1.6.L93.B0`: profile space and profile, compatibility flags with the bits in reverse
/// order, tier and level, then the constraint bytes without those zero at the end.
///
/// Spec    ISO/IEC 14496-15 Annex E.3.
[[nodiscard]] inline std::string codec_string(const profile_tier_level& from,
                                              std::uint32_t sample_entry = fourcc("hvc1")) {
    const auto append = [](std::string& text, std::uint32_t value, int base) {
        char digits[10];
        const auto end = std::to_chars(digits, digits + sizeof digits, value, base).ptr;
        for (const char* c = digits; c != end; ++c)
            text += *c >= 'a' ? static_cast<char>(*c - 'a' + 'A') : *c;
    };
    std::uint32_t reversed = 0;
    for (unsigned i = 0; i < 32; ++i)
        reversed |= (from.compatibility_flags >> (31 - i) & 1) << i;
    auto constraints = from.constraint_flags.size();
    while (constraints > 0 && from.constraint_flags[constraints - 1] == 0)
        --constraints;

    std::string text = sample_entry == fourcc("hev1") ? "hev1." : "hvc1.";
    if (from.profile_space != 0) text += static_cast<char>('A' + from.profile_space - 1);
    append(text, from.profile_idc, 10);
    text += '.';
    append(text, reversed, 16);
    text += from.high_tier ? ".H" : ".L";
    append(text, from.level_idc, 10);
    for (std::size_t i = 0; i < constraints; ++i) {
        text += '.';
        append(text, from.constraint_flags[i], 16);
    }
    return text;
}

} // namespace moqrtc::codec::h265
