#include <moqrtc/codec/av1.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>

namespace moqrtc::codec::av1 {
namespace {

TEST(av1, record_and_sequence_header_agree) {
    for (const auto& vector : {vectors::av1_main, vectors::av1_hdr, vectors::av1_gray}) {
        const auto config = configuration::parse(vector.data());
        ASSERT_TRUE(config) << vector.name;
        EXPECT_EQ(codec_string(*config), vector.codec_string);
        ASSERT_TRUE(config->sequence);
        EXPECT_EQ(config->sequence->profile, config->profile);
        EXPECT_EQ(config->sequence->level_idx, config->level_idx);
        EXPECT_EQ(config->sequence->high_tier, config->high_tier);
        EXPECT_EQ(config->sequence->bit_depth, config->bit_depth);
        EXPECT_EQ(config->sequence->mono_chrome, config->mono_chrome);
        EXPECT_EQ(config->sequence->subsampling_x, config->subsampling_x);
        EXPECT_EQ(config->sequence->subsampling_y, config->subsampling_y);
    }
}

TEST(av1, a_record_without_sequence_header) {
    const auto config = configuration::parse(*hex_decode("81050c00"));
    ASSERT_TRUE(config);
    EXPECT_FALSE(config->sequence);
    EXPECT_EQ(codec_string(*config), "av01.0.05M.08");
    const auto high = configuration::parse(*hex_decode("812dcc00"));
    ASSERT_TRUE(high);
    EXPECT_EQ(codec_string(*high), "av01.1.13H.10");
}

TEST(av1, chroma_other_than_4_2_0_is_spelled_out) {
    const auto config = configuration::parse(*hex_decode("81250000")); // profile 1, 4:4:4
    ASSERT_TRUE(config);
    EXPECT_EQ(codec_string(*config), "av01.1.05M.08.0.000.01.01.01.0");
    const auto collocated = configuration::parse(*hex_decode("81050e00"));
    EXPECT_EQ(codec_string(*collocated), "av01.0.05M.08.0.112.01.01.01.0");
}

TEST(av1, every_truncation_and_damage) {
    vectors::for_each_prefix(vectors::av1_main.data(), [](bytes prefix) {
        EXPECT_EQ(configuration::parse(prefix).has_value(), prefix.size() == 4) << prefix.size();
    });
    vectors::for_each_damage(vectors::av1_hdr.data(), [](bytes damaged) {
        const auto config = configuration::parse(damaged);
        if (config) {
            EXPECT_EQ(codec_string(*config).substr(0, 5), "av01.");
        }
    });
    EXPECT_EQ(configuration::parse(*hex_decode("01050c00")).error().code, errc::bad_value);
    EXPECT_EQ(configuration::parse(*hex_decode("82050c00")).error().code, errc::unsupported);
    EXPECT_EQ(configuration::parse(*hex_decode("81e50c00")).error().code, errc::bad_value);
}

} // namespace
} // namespace moqrtc::codec::av1
