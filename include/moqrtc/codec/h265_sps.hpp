#pragma once

#include <moqrtc/codec/h265.hpp>
#include <moqrtc/codec/nal.hpp>
#include <moqrtc/core/bit_reader.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstdint>

namespace moqrtc::codec::h265 {

/// A sequence parameter set of the base layer: what a video looks like.
///
/// Spec    ISO/IEC 23008-2 section 7.3.2.2.1, up to the bit depths.
/// Units   `width` and `height` are luma samples inside the conformance window.
/// Errors  truncated, bad_value, unsupported (an enhancement layer), limit (over
///         `max_parameter_set` bytes, dimensions over 65536).
struct sps {
    static constexpr std::uint32_t max_dimension = 65536;

    profile_tier_level general{};
    std::uint8_t chroma_format_idc = 1;
    std::uint8_t bit_depth_luma = 8;
    std::uint8_t bit_depth_chroma = 8;
    std::uint32_t width = 0;
    std::uint32_t height = 0;

    /// Parses a whole NAL unit, header and emulation prevention included.
    [[nodiscard]] static result<sps> parse(bytes unit) {
        constexpr const char* where = "seq_parameter_set_rbsp, ISO/IEC 23008-2 7.3.2.2.1";
        if (unit.size() > max_parameter_set) return fail(errc::limit, "sps", 0, where);
        if (!unit.empty() && type_of(unit) != nal_type::sps)
            return fail(errc::bad_value, "nal_unit_type", 0, where);
        const auto payload = unescape(unit);
        bit_reader in{payload, where};
        sps out;
        in.skip("nal_unit_type", 7);
        if (in.u8("nuh_layer_id", 6) != 0) in.reject(errc::unsupported, "nuh_layer_id");
        in.skip("nuh_temporal_id_plus1", 3);
        in.skip("sps_video_parameter_set_id", 4);
        const auto sub_layers = in.u8("sps_max_sub_layers_minus1", 3);
        if (sub_layers > 6) in.reject(errc::bad_value, "sps_max_sub_layers_minus1");
        in.skip("sps_temporal_id_nesting_flag", 1);
        out.general.read(in);
        skip_sub_layers(in, sub_layers);
        (void)in.ue("sps_seq_parameter_set_id", 15);
        out.read_dimensions(in);
        out.bit_depth_luma = static_cast<std::uint8_t>(8 + in.ue("bit_depth_luma_minus8", 8));
        out.bit_depth_chroma = static_cast<std::uint8_t>(8 + in.ue("bit_depth_chroma_minus8", 8));
        if (!in.ok()) return std::unexpected(in.failure());
        return out;
    }

private:
    /// The sub-layer part of profile_tier_level (7.3.3).
    static constexpr void skip_sub_layers(bit_reader& in, unsigned count) noexcept {
        if (count == 0) return;
        const auto present = in.u32("sub_layer_present_flags", 16); // two bits each, padded to 8
        for (unsigned i = 0; i < count && in.ok(); ++i) {
            if ((present >> (15 - 2 * i) & 1) != 0) in.skip("sub_layer_profile", 88);
            if ((present >> (14 - 2 * i) & 1) != 0) in.skip("sub_layer_level_idc", 8);
        }
    }

    constexpr void read_dimensions(bit_reader& in) noexcept {
        chroma_format_idc = static_cast<std::uint8_t>(in.ue("chroma_format_idc", 3));
        if (chroma_format_idc == 3) in.skip("separate_colour_plane_flag", 1);
        width = in.ue("pic_width_in_luma_samples", max_dimension);
        height = in.ue("pic_height_in_luma_samples", max_dimension);
        if (in.ok() && (width == 0 || height == 0))
            in.reject(errc::bad_value, "pic_width_in_luma_samples");
        if (!in.flag("conformance_window_flag")) return;
        // Table 6-1: window offsets are in chroma samples.
        const std::uint64_t unit_x = chroma_format_idc == 1 || chroma_format_idc == 2 ? 2 : 1;
        const std::uint64_t unit_y = chroma_format_idc == 1 ? 2 : 1;
        std::uint64_t across = in.ue("conf_win_left_offset");
        across = (across + in.ue("conf_win_right_offset")) * unit_x;
        std::uint64_t down = in.ue("conf_win_top_offset");
        down = (down + in.ue("conf_win_bottom_offset")) * unit_y;
        if (across >= width || down >= height)
            return in.reject(errc::bad_value, "conformance_window");
        width -= static_cast<std::uint32_t>(across);
        height -= static_cast<std::uint32_t>(down);
    }
};

} // namespace moqrtc::codec::h265
