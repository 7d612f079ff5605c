#include <moqrtc/codec/codec_string.hpp>
#include <moqrtc/codec/description.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>

namespace moqrtc::codec {
namespace {

TEST(description, says_what_other_software_says) {
    for (const auto& vector : vectors::all) {
        const auto described = describe(vector.sample_entry, vector.data());
        ASSERT_TRUE(described) << vector.name;
        EXPECT_EQ(described->codec_string, vector.codec_string) << vector.name;
        EXPECT_EQ(described->width, vector.width) << vector.name;
        EXPECT_EQ(described->height, vector.height) << vector.name;
        EXPECT_EQ(described->sample_rate, vector.sample_rate) << vector.name;
        EXPECT_EQ(described->channels, vector.channels) << vector.name;
        const auto parsed = parse_codec_string(described->codec_string);
        ASSERT_TRUE(parsed) << vector.name;
        EXPECT_EQ(parsed->is_audio(), described->kind == media_kind::audio) << vector.name;
        EXPECT_EQ(*codec_string(vector.sample_entry, vector.data()), vector.codec_string);
    }
}

TEST(description, a_string_derived_from_damage_can_be_parsed_or_is_an_error) {
    for (const auto& vector : vectors::all)
        vectors::for_each_damage(vector.data(), [&](bytes damaged) {
            const auto text = codec_string(vector.sample_entry, damaged);
            if (!text) return;
            const auto parsed = parse_codec_string(*text);
            // Object types that the parser does not know are still written.
            if (!parsed) {
                EXPECT_TRUE(parsed.error().code == errc::unsupported ||
                            text->substr(0, 4) == "mp4a")
                    << vector.name << ' ' << *text;
            }
        });
}

TEST(description, every_truncation) {
    for (const auto& vector : vectors::all)
        vectors::for_each_prefix(vector.data(), [&](bytes prefix) {
            const auto described = describe(vector.sample_entry, prefix);
            if (!described) {
                EXPECT_NE(described.error().code, errc::ok);
            }
        });
}

TEST(description, other_sample_entries) {
    EXPECT_EQ(describe(fourcc("mp4v"), {}).error().code, errc::unknown_type);
    EXPECT_EQ(describe(0, {}).error().code, errc::unknown_type);
}

} // namespace
} // namespace moqrtc::codec
