#include <moqrtc/codec/codec_string.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string>

namespace moqrtc::codec {
namespace {

TEST(codec_string, h264) {
    const auto text = parse_codec_string("avc1.42E01F");
    ASSERT_TRUE(text);
    EXPECT_EQ(text->codec, codec_id::h264);
    EXPECT_EQ(text->sample_entry, "avc1");
    EXPECT_EQ(text->profile, 66);
    EXPECT_EQ(text->compatibility, 0xe0);
    EXPECT_EQ(text->level, 31);
    EXPECT_FALSE(text->is_audio());
    EXPECT_TRUE(parse_codec_string("avc3.64001e"));
    for (const auto* bad : {"avc1", "avc1.", "avc1.42E01", "avc1.42E01F0", "avc1.42E01G",
                            "avc1.42E01F.", "avc1.66.30", "avc1.42 01F", "AVC1.42E01F"})
        EXPECT_FALSE(parse_codec_string(bad)) << bad;
}

TEST(codec_string, h265) {
    const auto text = parse_codec_string("hev1.A4.41.H120.B0.23");
    ASSERT_TRUE(text);
    EXPECT_EQ(text->codec, codec_id::h265);
    EXPECT_EQ(text->profile, 4);
    EXPECT_EQ(text->level, 120);
    EXPECT_TRUE(text->high_tier);
    EXPECT_TRUE(parse_codec_string("hvc1.1.6.L93"));
    EXPECT_TRUE(parse_codec_string("hvc1.1.6.L93.B0.0.0.0.0.8"));
    for (const auto* bad : {"hvc1", "hvc1.1", "hvc1.1.6", "hvc1.D1.6.L93", "hvc1.32.6.L93",
                            "hvc1.1.123456789.L93", "hvc1.1.6.M93", "hvc1.1.6.L", "hvc1.1.6.L256",
                            "hvc1.1.6.L93.B0.0.0.0.0.0.0", "hvc1.1.6.L93.", "hvc1.1.6.L93.100"})
        EXPECT_FALSE(parse_codec_string(bad)) << bad;
}

TEST(codec_string, vp9) {
    const auto text = parse_codec_string("vp09.02.10.10.01.09.16.09.01");
    ASSERT_TRUE(text);
    EXPECT_EQ(text->codec, codec_id::vp9);
    EXPECT_EQ(text->profile, 2);
    EXPECT_EQ(text->level, 10);
    EXPECT_EQ(text->bit_depth, 10);
    EXPECT_TRUE(parse_codec_string("vp09.00.31.08"));
    for (const auto* bad : {"vp09", "vp9", "vp09.04.10.08", "vp09.00.10.09", "vp09.0.10.08",
                            "vp09.00.10", "vp09.00.10.08.01", "vp09.00.10.08.01.09.16.09.01.00"})
        EXPECT_FALSE(parse_codec_string(bad)) << bad;
}

TEST(codec_string, av1) {
    const auto text = parse_codec_string("av01.0.08M.10.0.110.09"); // printed in the MSF drafts
    ASSERT_TRUE(text);
    EXPECT_EQ(text->codec, codec_id::av1);
    EXPECT_EQ(text->level, 8);
    EXPECT_FALSE(text->high_tier);
    EXPECT_EQ(text->bit_depth, 10);
    EXPECT_TRUE(parse_codec_string("av01.2.15H.12.0.000.09.16.09.1"));
    for (const auto* bad :
         {"av01", "av01.3.08M.10", "av01.0.8M.10", "av01.0.32M.10", "av01.0.08.10", "av01.0.08L.10",
          "av01.0.08M", "av01.0.08M.9", "av01.0.08M.10.0.11", "av01.0.08M.10.0.110.09.16.09.1.0"})
        EXPECT_FALSE(parse_codec_string(bad)) << bad;
}

TEST(codec_string, audio) {
    const auto text = parse_codec_string("mp4a.40.2");
    ASSERT_TRUE(text);
    EXPECT_EQ(text->codec, codec_id::aac);
    EXPECT_EQ(text->profile, 2);
    EXPECT_TRUE(text->is_audio());
    EXPECT_EQ(parse_codec_string("mp4a.40.42")->profile, 42);
    EXPECT_EQ(parse_codec_string("mp4a.67")->profile, 2);
    EXPECT_EQ(parse_codec_string("mp4a.6B")->codec, codec_id::mp3);
    EXPECT_EQ(parse_codec_string("mp4a.6b")->codec, codec_id::mp3);
    EXPECT_EQ(parse_codec_string("opus")->codec, codec_id::opus);
    EXPECT_EQ(parse_codec_string("Opus")->codec, codec_id::opus);
    EXPECT_EQ(parse_codec_string("mp4a.a5").error().code, errc::unsupported);
    for (const auto* bad : {"mp4a", "mp4a.40", "mp4a.40.", "mp4a.40.0", "mp4a.40.2.1", "mp4a.4",
                            "opus.1", "mp4a.6B.1"})
        EXPECT_FALSE(parse_codec_string(bad)) << bad;
}

TEST(codec_string, errors_say_where) {
    const auto cut = parse_codec_string("av01");
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, errc::truncated);
    EXPECT_EQ(cut.error().offset, 4U);
    const auto bad = parse_codec_string("vp09.00.10.09");
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code, errc::bad_value);
    EXPECT_STREQ(bad.error().field, "bitDepth");
    EXPECT_EQ(bad.error().offset, 11U);
    EXPECT_EQ(parse_codec_string("").error().code, errc::truncated);
    EXPECT_EQ(parse_codec_string("ec-3").error().code, errc::unsupported);
}

TEST(codec_string, any_text_gives_parameters_or_an_error_inside_it) {
    EXPECT_TRUE(rc::check("any text", [](const std::string& tail) {
        for (const auto* entry : {"avc1.", "hvc1.", "vp09.", "av01.", "mp4a.", "opus", ""}) {
            const auto text = entry + tail;
            const auto parsed = parse_codec_string(text);
            if (!parsed) {
                RC_ASSERT(parsed.error().offset <= text.size() + 1);
            }
        }
    }));
}

} // namespace
} // namespace moqrtc::codec
