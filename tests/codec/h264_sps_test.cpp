#include <moqrtc/codec/h264_sps.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>

namespace moqrtc::codec::h264 {
namespace {

result<sps> first_sps(const vectors::vector& vector) {
    const auto record = vector.data();
    const auto config = configuration::parse(record);
    return config ? sps::parse(config->sps.at(0)) : std::unexpected(config.error());
}

TEST(h264_sps, dimensions_of_real_streams) {
    for (const auto& vector : {vectors::h264_baseline, vectors::h264_high, vectors::h264_interlaced,
                               vectors::h264_444}) {
        const auto set = first_sps(vector);
        ASSERT_TRUE(set) << vector.name;
        EXPECT_EQ(set->width, vector.width) << vector.name;
        EXPECT_EQ(set->height, vector.height) << vector.name;
    }
}

TEST(h264_sps, profile_depth_aspect_and_timing) {
    const auto baseline = first_sps(vectors::h264_baseline);
    EXPECT_EQ(baseline->profile_idc, 66);
    EXPECT_EQ(baseline->constraint_flags, 0xc0);
    EXPECT_EQ(baseline->level_idc, 31);
    EXPECT_EQ(baseline->time_scale, 60U); // 30 frames of two ticks
    EXPECT_EQ(baseline->num_units_in_tick, 1U);
    const auto interlaced = first_sps(vectors::h264_interlaced);
    EXPECT_FALSE(interlaced->frame_mbs_only);
    EXPECT_EQ(interlaced->sar_width, 16U);
    EXPECT_EQ(interlaced->sar_height, 11U);
    const auto deep = first_sps(vectors::h264_444);
    EXPECT_EQ(deep->chroma_format_idc, 3);
    EXPECT_EQ(deep->bit_depth_luma, 10);
    EXPECT_EQ(deep->bit_depth_chroma, 10);
}

TEST(h264_sps, every_truncation_and_damage) {
    for (const auto& vector : {vectors::h264_high, vectors::h264_interlaced, vectors::h264_444}) {
        const auto record = vector.data();
        const auto config = configuration::parse(record);
        const auto unit = config->sps.at(0);
        vectors::for_each_prefix(unit, [](bytes prefix) {
            const auto set = sps::parse(prefix);
            // Trailing bits and what follows the timing are not read.
            if (!set) {
                EXPECT_NE(set.error().code, errc::ok);
            }
        });
        EXPECT_FALSE(sps::parse(unit.first(4)).has_value());
        vectors::for_each_damage(unit, [](bytes damaged) {
            const auto set = sps::parse(damaged);
            if (!set) return;
            EXPECT_GT(set->width, 0U);
            EXPECT_GT(set->height, 0U);
            EXPECT_LE(set->width, sps::max_dimension);
            EXPECT_LE(set->height, 2 * sps::max_dimension);
        });
    }
}

TEST(h264_sps, refuses_other_units_and_giants) {
    EXPECT_EQ(sps::parse(*hex_decode("68ebe3cb22c0")).error().code, errc::bad_value);
    const std::vector<std::byte> large(max_parameter_set + 1, std::byte{0x67});
    EXPECT_EQ(sps::parse(large).error().code, errc::limit);
}

TEST(h264_sps, a_crop_of_everything_is_refused) {
    // Baseline, 16x16, cropped by eight chroma samples on the left: nothing is left.
    const auto unit = *hex_decode("6742000a"
                                  "da744f40");
    const auto set = sps::parse(unit);
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, errc::bad_value);
    EXPECT_STREQ(set.error().field, "frame_crop");
}

} // namespace
} // namespace moqrtc::codec::h264
