#pragma once

#include <moqrtc/codec/fourcc.hpp>
#include <moqrtc/codec/nal.hpp>
#include <moqrtc/core/bit_reader.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace moqrtc::codec::h264 {

/// The kinds of NAL units that matter outside a decoder.
///
/// Spec    ISO/IEC 14496-10 table 7-1.
enum class nal_type : std::uint8_t {
    slice = 1,
    idr = 5,
    sei = 6,
    sps = 7,
    pps = 8,
    access_unit_delimiter = 9,
    end_of_sequence = 10,
    end_of_stream = 11,
    filler = 12,
};

/// The type in the first byte of a NAL unit; an empty unit has type 0, which is unspecified.
[[nodiscard]] constexpr nal_type type_of(bytes unit) noexcept {
    return unit.empty() ? nal_type{} : static_cast<nal_type>(byte_at(unit, 0) & 31);
}

/// Whether a sample of length-prefixed units holds an IDR picture: decoding can start there.
///
/// Errors  as `length_prefixed_reader::next`, when the damage comes before the first slice.
[[nodiscard]] constexpr result<bool> is_idr(bytes sample, unsigned length_size) noexcept {
    for (length_prefixed_reader units{sample, length_size}; !units.done();) {
        const auto unit = units.next();
        if (!unit) return std::unexpected(unit.error());
        const auto type = type_of(*unit);
        if (type == nal_type::idr) return true;
        if (type >= nal_type::slice && type < nal_type::idr) return false;
    }
    return false;
}

/// What a decoder needs before the first sample: the content of an `avcC` box.
///
/// Spec    ISO/IEC 14496-15 section 5.3.3.1, AVCDecoderConfigurationRecord.
/// Fields  `length_size` is lengthSizeMinusOne + 1: 1, 2 or 4.
/// Borrows `sps`, `pps` and `extensions` (what follows the picture parameter sets in the High
///         profiles, left out by many writers) point into the record.
/// Errors  truncated, bad_value (version, length size), unsupported (another version).
struct configuration {
    static constexpr std::size_t max_sps = 31;
    static constexpr std::size_t max_pps = 255;

    std::uint8_t profile = 0;
    std::uint8_t compatibility = 0;
    std::uint8_t level = 0;
    std::uint8_t length_size = 4;
    std::vector<bytes> sps{};
    std::vector<bytes> pps{};
    bytes extensions{};

    [[nodiscard]] static result<configuration> parse(bytes record) {
        bit_reader in{record, "AVCDecoderConfigurationRecord, ISO/IEC 14496-15 5.3.3.1"};
        configuration out;
        if (in.u8("configurationVersion", 8) != 1)
            in.reject(errc::unsupported, "configurationVersion");
        out.profile = in.u8("AVCProfileIndication", 8);
        out.compatibility = in.u8("profile_compatibility", 8);
        out.level = in.u8("AVCLevelIndication", 8);
        in.skip("reserved", 6);
        out.length_size = static_cast<std::uint8_t>(in.u8("lengthSizeMinusOne", 2) + 1);
        if (out.length_size == 3) in.reject(errc::bad_value, "lengthSizeMinusOne");
        in.skip("reserved", 3);
        for (auto left = in.u8("numOfSequenceParameterSets", 5); left > 0 && in.ok(); --left)
            out.sps.push_back(in.take_bytes("sequenceParameterSetNALUnit",
                                            in.u32("sequenceParameterSetLength", 16)));
        for (auto left = in.u8("numOfPictureParameterSets", 8); left > 0 && in.ok(); --left)
            out.pps.push_back(in.take_bytes("pictureParameterSetNALUnit",
                                            in.u32("pictureParameterSetLength", 16)));
        out.extensions = in.take_bytes("extensions", in.bits_left() / 8);
        if (!in.ok()) return std::unexpected(in.failure());
        return out;
    }

    /// The record for parameter sets that came in band: profile and level are those of `sps[0]`.
    ///
    /// Errors  truncated (no or short sequence parameter set), limit (too many, or over 65535
    ///         bytes).
    [[nodiscard]] result<std::vector<std::byte>> serialize() const {
        constexpr const char* where = "AVCDecoderConfigurationRecord, ISO/IEC 14496-15 5.3.3.1";
        if (sps.empty() || sps[0].size() < 4) return fail(errc::truncated, "sps", 0, where);
        if (sps.size() > max_sps) return fail(errc::limit, "sps", 0, where);
        if (pps.size() > max_pps) return fail(errc::limit, "pps", 0, where);
        std::vector<std::byte> out{std::byte{1}, sps[0][1], sps[0][2], sps[0][3]};
        out.push_back(static_cast<std::byte>(0xfc | (length_size - 1)));
        out.push_back(static_cast<std::byte>(0xe0 | sps.size()));
        const auto append = [&out](const std::vector<bytes>& units) {
            for (const auto unit : units) {
                if (unit.size() > UINT16_MAX) return false;
                out.push_back(static_cast<std::byte>(unit.size() >> 8));
                out.push_back(static_cast<std::byte>(unit.size() & 0xff));
                out.insert(out.end(), unit.begin(), unit.end());
            }
            return true;
        };
        if (!append(sps)) return fail(errc::limit, "sps", 0, where);
        out.push_back(static_cast<std::byte>(pps.size()));
        if (!append(pps)) return fail(errc::limit, "pps", 0, where);
        out.insert(out.end(), extensions.begin(), extensions.end());
        return out;
    }
};

/// `avc1.PPCCLL`: profile, constraint flags and level, two hexadecimal digits each.
///
/// Spec    RFC 6381 section 3.3.
/// Fields  `sample_entry` is `avc1`, or `avc3` where parameter sets also stand in the samples.
[[nodiscard]] inline std::string codec_string(const configuration& from,
                                              std::uint32_t sample_entry = fourcc("avc1")) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text = sample_entry == fourcc("avc3") ? "avc3." : "avc1.";
    for (const auto byte : {from.profile, from.compatibility, from.level}) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

} // namespace moqrtc::codec::h264
