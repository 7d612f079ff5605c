#pragma once

#include <moqrtc/core/bit_reader.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstddef>
#include <cstdint>

namespace moqrtc::codec::av1 {

/// The kinds of OBUs that matter outside a decoder.
///
/// Spec    AV1 Bitstream section 6.2.2.
enum class obu_type : std::uint8_t {
    sequence_header = 1,
    temporal_delimiter = 2,
    frame_header = 3,
    tile_group = 4,
    metadata = 5,
    frame = 6,
    redundant_frame_header = 7,
    tile_list = 8,
    padding = 15,
};

/// One open bitstream unit.
struct obu {
    obu_type type = obu_type::padding;
    bytes payload{};
};

/// Walks the OBUs of a sample or of the configuration record.
///
/// Spec    AV1 Bitstream section 5.3; an OBU without a size field reaches to the end.
/// Borrows what `next` gives points into `data`.
class obu_reader {
public:
    constexpr explicit obu_reader(bytes data) noexcept : data_{data} {}

    [[nodiscard]] constexpr bool done() const noexcept { return position_ >= data_.size(); }

    /// The next OBU; call while not `done()`.
    ///
    /// Errors  truncated, bad_value (forbidden bit, size over 32 bits).
    [[nodiscard]] constexpr result<obu> next() noexcept {
        const auto rest = data_.subspan(position_);
        bit_reader in{rest, "open_bitstream_unit, AV1 5.3", static_cast<std::uint32_t>(position_)};
        if (in.flag("obu_forbidden_bit")) in.reject(errc::bad_value, "obu_forbidden_bit");
        obu out;
        out.type = static_cast<obu_type>(in.u8("obu_type", 4));
        const bool extension = in.flag("obu_extension_flag");
        const bool has_size = in.flag("obu_has_size_field");
        in.skip("obu_reserved_1bit", 1);
        if (extension) in.skip("obu_extension_header", 8);
        std::uint64_t size = in.bits_left() / 8;
        if (has_size) {
            size = 0;
            bool more = true;
            for (unsigned i = 0; i < 8 && more && in.ok(); ++i) { // leb128(), AV1 4.10.5
                const auto byte = in.u8("obu_size", 8);
                size |= std::uint64_t{byte & 0x7fU} << (7 * i);
                more = (byte & 0x80) != 0;
            }
            if (more || size > UINT32_MAX) in.reject(errc::bad_value, "obu_size");
        }
        out.payload = in.take_bytes("obu", static_cast<std::size_t>(size));
        if (!in.ok()) return std::unexpected(in.failure());
        position_ += in.position() / 8;
        return out;
    }

private:
    bytes data_;
    std::size_t position_ = 0;
};

/// A sequence header: what a video looks like.
///
/// Spec    AV1 Bitstream sections 5.5.1 to 5.5.4.
/// Units   `width` and `height` are the largest frame's, in luma samples.
/// Errors  truncated, bad_value (profile 3 and up).
struct sequence_header {
    std::uint8_t profile = 0;
    std::uint8_t level_idx = 0; ///< seq_level_idx[0]
    bool high_tier = false;     ///< seq_tier[0]
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint8_t bit_depth = 8;
    bool mono_chrome = false;
    bool subsampling_x = true;
    bool subsampling_y = true;
    std::uint8_t chroma_sample_position = 0;
    bool has_color_description = false;
    std::uint8_t color_primaries = 2; ///< 2 is "unspecified", as in the two below
    std::uint8_t transfer_characteristics = 2;
    std::uint8_t matrix_coefficients = 2;
    bool full_range = false;

    [[nodiscard]] static constexpr result<sequence_header> parse(bytes payload) noexcept {
        bit_reader in{payload, "sequence_header_obu, AV1 5.5.1"};
        sequence_header out;
        out.profile = in.u8("seq_profile", 3);
        if (out.profile > 2) in.reject(errc::bad_value, "seq_profile");
        in.skip("still_picture", 1);
        const bool reduced = in.flag("reduced_still_picture_header");
        if (reduced)
            out.level_idx = in.u8("seq_level_idx", 5);
        else
            out.read_operating_points(in);
        const auto width_bits = in.u8("frame_width_bits_minus_1", 4) + 1U;
        const auto height_bits = in.u8("frame_height_bits_minus_1", 4) + 1U;
        out.width = in.u32("max_frame_width_minus_1", width_bits) + 1;
        out.height = in.u32("max_frame_height_minus_1", height_bits) + 1;
        if (!reduced && in.flag("frame_id_numbers_present_flag"))
            in.skip("delta_frame_id_length_minus_2", 7);
        in.skip("use_128x128_superblock", 3);
        if (!reduced) skip_tools(in);
        in.skip("enable_superres", 3);
        out.read_color(in);
        in.skip("film_grain_params_present", 1);
        if (!in.ok()) return std::unexpected(in.failure());
        return out;
    }

private:
    constexpr void read_operating_points(bit_reader& in) noexcept {
        bool decoder_model = false;
        unsigned delay_bits = 0;
        if (in.flag("timing_info_present_flag")) {
            in.skip("timing_info", 64);
            if (in.flag("equal_picture_interval")) (void)in.ue("num_ticks_per_picture_minus_1");
            decoder_model = in.flag("decoder_model_info_present_flag");
            if (decoder_model) {
                delay_bits = in.u8("buffer_delay_length_minus_1", 5) + 1U;
                in.skip("decoder_model_info", 42);
            }
        }
        const bool display_delay = in.flag("initial_display_delay_present_flag");
        const auto points = in.u8("operating_points_cnt_minus_1", 5) + 1U;
        for (unsigned i = 0; i < points && in.ok(); ++i) {
            in.skip("operating_point_idc", 12);
            const auto level = in.u8("seq_level_idx", 5);
            const bool tier = level > 7 && in.flag("seq_tier"); // from level 4.0 on (5.5.1)
            if (decoder_model && in.flag("decoder_model_present_for_this_op"))
                in.skip("operating_parameters_info", 2 * std::size_t{delay_bits} + 1);
            if (display_delay && in.flag("initial_display_delay_present_for_this_op"))
                in.skip("initial_display_delay_minus_1", 4);
            if (i != 0) continue;
            level_idx = level;
            high_tier = tier;
        }
    }

    /// From enable_interintra_compound to order_hint_bits_minus_1.
    static constexpr void skip_tools(bit_reader& in) noexcept {
        in.skip("enable_interintra_compound", 4);
        const bool order_hint = in.flag("enable_order_hint");
        if (order_hint) in.skip("enable_jnt_comp", 2);
        const bool screen_content =
            in.flag("seq_choose_screen_content_tools") || in.flag("seq_force_screen_content_tools");
        if (screen_content && !in.flag("seq_choose_integer_mv")) in.skip("seq_force_integer_mv", 1);
        if (order_hint) in.skip("order_hint_bits_minus_1", 3);
    }

    constexpr void read_color(bit_reader& in) noexcept {
        const bool high = in.flag("high_bitdepth");
        const bool twelve = profile == 2 && high && in.flag("twelve_bit");
        bit_depth = twelve ? 12 : high ? 10 : 8;
        mono_chrome = profile != 1 && in.flag("mono_chrome");
        has_color_description = in.flag("color_description_present_flag");
        if (has_color_description) {
            color_primaries = in.u8("color_primaries", 8);
            transfer_characteristics = in.u8("transfer_characteristics", 8);
            matrix_coefficients = in.u8("matrix_coefficients", 8);
        }
        if (mono_chrome) {
            full_range = in.flag("color_range");
            return;
        }
        // BT.709 primaries, sRGB transfer, identity matrix: RGB, always full range (5.5.2).
        if (color_primaries == 1 && transfer_characteristics == 13 && matrix_coefficients == 0) {
            full_range = true;
            subsampling_x = subsampling_y = false;
        } else {
            full_range = in.flag("color_range");
            subsampling_x = profile == 0 || profile == 2;
            subsampling_y = profile == 0;
            if (profile == 2 && bit_depth == 12) {
                subsampling_x = in.flag("subsampling_x");
                subsampling_y = subsampling_x && in.flag("subsampling_y");
            }
            if (subsampling_x && subsampling_y)
                chroma_sample_position = in.u8("chroma_sample_position", 2);
        }
        in.skip("separate_uv_delta_q", 1);
    }
};

} // namespace moqrtc::codec::av1
