#pragma once

#include <moqrtc/codec/h264.hpp>
#include <moqrtc/codec/nal.hpp>
#include <moqrtc/core/bit_reader.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstdint>

namespace moqrtc::codec::h264 {

/// A sequence parameter set: what a video looks like.
///
/// Spec    ISO/IEC 14496-10 section 7.3.2.1.1 and Annex E.1.1, up to the timing information.
/// Units   `width` and `height` are luma samples after cropping. `time_scale` ticks make a second
///         and a frame takes two `num_units_in_tick`; both are 0 when not given.
/// Errors  truncated, bad_value, limit (over `max_parameter_set` bytes, dimensions over 65536).
struct sps {
    static constexpr std::uint32_t max_dimension = 65536;

    std::uint8_t profile_idc = 0;
    std::uint8_t constraint_flags = 0;
    std::uint8_t level_idc = 0;
    std::uint8_t chroma_format_idc = 1;
    std::uint8_t bit_depth_luma = 8;
    std::uint8_t bit_depth_chroma = 8;
    bool frame_mbs_only = true;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t sar_width = 1; ///< sample aspect ratio; 1:1 also when unspecified
    std::uint32_t sar_height = 1;
    std::uint32_t num_units_in_tick = 0;
    std::uint32_t time_scale = 0;

    /// Parses a whole NAL unit, header and emulation prevention included.
    [[nodiscard]] static result<sps> parse(bytes unit) {
        constexpr const char* where = "seq_parameter_set_data, ISO/IEC 14496-10 7.3.2.1.1";
        if (unit.size() > max_parameter_set) return fail(errc::limit, "sps", 0, where);
        if (!unit.empty() && type_of(unit) != nal_type::sps)
            return fail(errc::bad_value, "nal_unit_type", 0, where);
        const auto payload = unescape(unit);
        bit_reader in{payload, where};
        sps out;
        in.skip("nal_unit_header", 8);
        out.profile_idc = in.u8("profile_idc", 8);
        out.constraint_flags = in.u8("constraint_set_flags", 8);
        out.level_idc = in.u8("level_idc", 8);
        (void)in.ue("seq_parameter_set_id", 31);
        if (has_chroma_format(out.profile_idc)) out.read_chroma_format(in);
        (void)in.ue("log2_max_frame_num_minus4", 12);
        skip_picture_order(in);
        (void)in.ue("max_num_ref_frames");
        in.skip("gaps_in_frame_num_value_allowed_flag", 1);
        out.read_dimensions(in);
        if (in.flag("vui_parameters_present_flag")) out.read_vui(in);
        if (!in.ok()) return std::unexpected(in.failure());
        return out;
    }

private:
    /// The profiles in which the chroma format is written (7.3.2.1.1).
    [[nodiscard]] static constexpr bool has_chroma_format(std::uint8_t profile) noexcept {
        for (const int with : {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
            if (profile == with) return true;
        return false;
    }

    constexpr void read_chroma_format(bit_reader& in) noexcept {
        chroma_format_idc = static_cast<std::uint8_t>(in.ue("chroma_format_idc", 3));
        if (chroma_format_idc == 3) in.skip("separate_colour_plane_flag", 1);
        bit_depth_luma = static_cast<std::uint8_t>(8 + in.ue("bit_depth_luma_minus8", 6));
        bit_depth_chroma = static_cast<std::uint8_t>(8 + in.ue("bit_depth_chroma_minus8", 6));
        in.skip("qpprime_y_zero_transform_bypass_flag", 1);
        if (!in.flag("seq_scaling_matrix_present_flag")) return;
        const int lists = chroma_format_idc == 3 ? 12 : 8;
        for (int i = 0; i < lists && in.ok(); ++i) {
            if (!in.flag("seq_scaling_list_present_flag")) continue;
            std::int64_t last = 8;
            std::int64_t next = 8;
            for (int k = 0; k < (i < 6 ? 16 : 64) && in.ok(); ++k) {
                if (next != 0) next = (last + in.se("delta_scale")) & 0xff;
                if (next != 0) last = next;
            }
        }
    }

    static constexpr void skip_picture_order(bit_reader& in) noexcept {
        const auto type = in.ue("pic_order_cnt_type", 2);
        if (type == 0) (void)in.ue("log2_max_pic_order_cnt_lsb_minus4", 12);
        if (type != 1) return;
        in.skip("delta_pic_order_always_zero_flag", 1);
        (void)in.se("offset_for_non_ref_pic");
        (void)in.se("offset_for_top_to_bottom_field");
        for (auto left = in.ue("num_ref_frames_in_pic_order_cnt_cycle", 255); left > 0 && in.ok();
             --left)
            (void)in.se("offset_for_ref_frame");
    }

    constexpr void read_dimensions(bit_reader& in) noexcept {
        constexpr std::uint32_t max_blocks = max_dimension / 16;
        const auto columns = in.ue("pic_width_in_mbs_minus1", max_blocks - 1) + 1;
        const auto rows = in.ue("pic_height_in_map_units_minus1", max_blocks - 1) + 1;
        frame_mbs_only = in.flag("frame_mbs_only_flag");
        if (!frame_mbs_only) in.skip("mb_adaptive_frame_field_flag", 1);
        in.skip("direct_8x8_inference_flag", 1);
        width = columns * 16;
        height = rows * 16 * (frame_mbs_only ? 1 : 2);
        if (!in.flag("frame_cropping_flag")) return;
        // Table 6-1: crop units are chroma samples, twice as high in field coding.
        const bool halved = chroma_format_idc == 1 || chroma_format_idc == 2;
        const std::uint64_t unit_x = halved ? 2 : 1;
        const std::uint64_t unit_y =
            (chroma_format_idc == 1 ? std::uint64_t{2} : 1) * (frame_mbs_only ? 1 : 2);
        std::uint64_t across = in.ue("frame_crop_left_offset");
        across = (across + in.ue("frame_crop_right_offset")) * unit_x;
        std::uint64_t down = in.ue("frame_crop_top_offset");
        down = (down + in.ue("frame_crop_bottom_offset")) * unit_y;
        if (across >= width || down >= height) return in.reject(errc::bad_value, "frame_crop");
        width -= static_cast<std::uint32_t>(across);
        height -= static_cast<std::uint32_t>(down);
    }

    constexpr void read_vui(bit_reader& in) noexcept {
        if (in.flag("aspect_ratio_info_present_flag")) read_aspect_ratio(in);
        if (in.flag("overscan_info_present_flag")) in.skip("overscan_appropriate_flag", 1);
        if (in.flag("video_signal_type_present_flag")) {
            in.skip("video_format", 4);
            if (in.flag("colour_description_present_flag")) in.skip("colour_description", 24);
        }
        if (in.flag("chroma_loc_info_present_flag")) {
            (void)in.ue("chroma_sample_loc_type_top_field", 5);
            (void)in.ue("chroma_sample_loc_type_bottom_field", 5);
        }
        if (!in.flag("timing_info_present_flag")) return;
        num_units_in_tick = in.u32("num_units_in_tick", 32);
        time_scale = in.u32("time_scale", 32);
    }

    constexpr void read_aspect_ratio(bit_reader& in) noexcept {
        // Table E-1, indices 1 to 16.
        constexpr std::uint8_t ratios[][2] = {
            {1, 1},   {12, 11}, {10, 11}, {16, 11}, {40, 33},  {24, 11}, {20, 11}, {32, 11},
            {80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3},   {3, 2},   {2, 1}};
        constexpr std::uint8_t extended = 255;
        const auto index = in.u8("aspect_ratio_idc", 8);
        std::uint32_t across = 1;
        std::uint32_t down = 1;
        if (index == extended) {
            across = in.u32("sar_width", 16);
            down = in.u32("sar_height", 16);
        } else if (index >= 1 && index <= 16) {
            across = ratios[index - 1][0];
            down = ratios[index - 1][1];
        }
        if (across == 0 || down == 0) return;
        sar_width = across;
        sar_height = down;
    }
};

} // namespace moqrtc::codec::h264
