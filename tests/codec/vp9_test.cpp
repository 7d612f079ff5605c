#include <moqrtc/codec/vp9.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>

namespace moqrtc::codec::vp9 {
namespace {

TEST(vp9, reads_the_record_with_and_without_version_and_flags) {
    for (const auto& vector : {vectors::vp9_profile_0, vectors::vp9_profile_3}) {
        const auto content = vector.data();
        const auto config = configuration::parse(content);
        ASSERT_TRUE(config) << vector.name;
        EXPECT_EQ(codec_string(*config), vector.codec_string);
        const auto record = configuration::parse(bytes{content}.subspan(4));
        ASSERT_TRUE(record) << vector.name;
        EXPECT_EQ(*record, *config);
    }
    const auto deep = configuration::parse(vectors::vp9_profile_3.data());
    EXPECT_EQ(deep->profile, 3);
    EXPECT_EQ(deep->bit_depth, 10);
    EXPECT_EQ(deep->chroma_subsampling, 2);
}

TEST(vp9, defaults_are_left_out_of_the_string) {
    configuration config;
    config.level = 31;
    EXPECT_EQ(codec_string(config), "vp09.00.31.08");
    config.full_range = true;
    EXPECT_EQ(codec_string(config), "vp09.00.31.08.01.01.01.01.01");
}

TEST(vp9, every_truncation_is_an_error_with_a_field) {
    vectors::for_each_prefix(vectors::vp9_profile_0.data(), [](bytes prefix) {
        const auto config = configuration::parse(prefix);
        ASSERT_FALSE(config) << prefix.size();
        EXPECT_STRNE(config.error().field, "");
    });
}

TEST(vp9, refuses_values_without_meaning) {
    const auto code = [](const char* hex) {
        return configuration::parse(*hex_decode(hex)).error();
    };
    EXPECT_STREQ(code("041f820202020000").field, "profile");
    EXPECT_STREQ(code("001f920202020000").field, "bitDepth");
    EXPECT_STREQ(code("001f8a0202020000").field, "chromaSubsampling");
    EXPECT_EQ(code("02000000001f820202020000").code, errc::unsupported);
    EXPECT_EQ(code("001f820202020004").code, errc::truncated);
    vectors::for_each_damage(vectors::vp9_profile_3.data(), [](bytes damaged) {
        const auto config = configuration::parse(damaged);
        if (config) {
            EXPECT_GE(codec_string(*config).size(), 13U);
        }
    });
}

} // namespace
} // namespace moqrtc::codec::vp9
