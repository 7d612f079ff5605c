#include <moqrtc/codec/aac.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>

namespace moqrtc::codec::aac {
namespace {

audio_specific_config config_of(const char* hex) {
    const auto config = audio_specific_config::parse(*hex_decode(hex));
    EXPECT_TRUE(config) << hex;
    return config.value_or(audio_specific_config{});
}

TEST(aac, descriptors_of_real_files) {
    for (const auto& vector : {vectors::aac_stereo, vectors::aac_surround, vectors::aac_mono}) {
        const auto content = vector.data();
        const auto stream = elementary_stream_descriptor::parse(content);
        ASSERT_TRUE(stream) << vector.name;
        EXPECT_EQ(stream->object_type_indication, 0x40);
        EXPECT_EQ(*codec_string(*stream), vector.codec_string);
        const auto config = audio_specific_config::parse(stream->specific_info);
        ASSERT_TRUE(config);
        EXPECT_EQ(config->sample_rate, vector.sample_rate);
        EXPECT_EQ(config->channels, vector.channels);
    }
    const auto content = vectors::aac_stereo.data();
    const auto stream = elementary_stream_descriptor::parse(content);
    EXPECT_EQ(stream->max_bitrate, 128000U);
    EXPECT_EQ(stream->avg_bitrate, 124257U);
    const auto bare = elementary_stream_descriptor::parse(bytes{content}.subspan(4));
    ASSERT_TRUE(bare);
    EXPECT_EQ(hex_encode(bare->specific_info), hex_encode(stream->specific_info));
}

TEST(aac, descriptors_that_are_written_are_read_again) {
    const auto info = *hex_decode("1190");
    elementary_stream_descriptor out;
    out.object_type_indication = elementary_stream_descriptor::mpeg4_audio;
    out.max_bitrate = 128000;
    out.avg_bitrate = 124257;
    out.specific_info = info;
    const auto written = out.serialize();
    ASSERT_TRUE(written);
    EXPECT_EQ(hex_encode(*written), "00000000"
                                    "0319000000"
                                    "0411401500000000"
                                    "01f4000001e561"
                                    "05021190"
                                    "060102");
    const auto again = elementary_stream_descriptor::parse(*written);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->max_bitrate, out.max_bitrate);
    EXPECT_EQ(again->avg_bitrate, out.avg_bitrate);
    EXPECT_EQ(hex_encode(again->specific_info), "1190");
    const std::vector<std::byte> longest(100);
    out.specific_info = longest;
    EXPECT_EQ(elementary_stream_descriptor::parse(*out.serialize())->specific_info.size(), 100U);
    const std::vector<std::byte> longer(101);
    out.specific_info = longer;
    EXPECT_EQ(out.serialize().error().code, errc::limit);
}

TEST(aac, an_object_type_that_is_not_mpeg_4) {
    const auto content = vectors::mp3.data();
    const auto stream = elementary_stream_descriptor::parse(content);
    ASSERT_TRUE(stream);
    EXPECT_EQ(*codec_string(*stream), "mp4a.6B");
    EXPECT_TRUE(stream->specific_info.empty());
}

TEST(aac, descriptors_with_short_sizes_and_optional_fields) {
    // Sizes of one byte; dependsOn_ES_ID, a URL of three bytes and OCR_ES_ID present, an unknown
    // descriptor in front of the decoder configuration.
    const auto content =
        *hex_decode("03240001e000020361626300030e0100041140150000000001f4000001e561"
                    "05021190060102");
    const auto stream = elementary_stream_descriptor::parse(content);
    ASSERT_TRUE(stream);
    EXPECT_EQ(stream->avg_bitrate, 124257U);
    EXPECT_EQ(hex_encode(stream->specific_info), "1190");
}

TEST(aac, explicit_band_replication_counts_in_the_string_and_the_rate) {
    // HE-AAC: type 5, 24000, stereo, extension 48000, type 2.
    const auto he = config_of("2b118800");
    EXPECT_EQ(he.audio_object_type, sbr);
    EXPECT_EQ(he.core_object_type, lc);
    EXPECT_EQ(he.sample_rate, 24000U);
    EXPECT_EQ(he.output_sample_rate, 48000U);
    EXPECT_EQ(he.channels, 2);
    // HE-AAC v2: type 29, mono core, stereo out.
    const auto v2 = config_of("eb098800");
    EXPECT_EQ(v2.audio_object_type, ps);
    EXPECT_EQ(v2.channels, 2);
}

TEST(aac, escape_values) {
    // Type 31 + 11 = 42 (xHE-AAC), frequency by escape: 0xbb80 = 48000, two channels.
    const auto xhe = config_of("f95e0177004000");
    EXPECT_EQ(xhe.audio_object_type, usac);
    EXPECT_EQ(xhe.sample_rate, 48000U);
    EXPECT_EQ(xhe.channels, 2);
    const auto odd = config_of("1780560c08");
    EXPECT_EQ(odd.audio_object_type, lc);
    EXPECT_EQ(odd.sample_rate, 44056U);
    EXPECT_EQ(odd.channels, 1);
}

TEST(aac, channels_from_a_program_config_element) {
    // A pair and a single in front, a pair in the back, one low frequency.
    const auto program = config_of("118004c80500200880");
    EXPECT_EQ(program.channel_configuration, 0);
    EXPECT_EQ(program.channels, 6);
    // The same element behind a core coder delay, with all three mixdowns: one pair.
    EXPECT_EQ(config_of("1182032013100004e5b0").channels, 2);
    EXPECT_EQ(audio_specific_config::parse(*hex_decode("118004c805")).error().code,
              errc::truncated);
}

TEST(aac, every_truncation_and_damage) {
    const auto content = vectors::aac_surround.data();
    vectors::for_each_prefix(content, [](bytes prefix) {
        const auto stream = elementary_stream_descriptor::parse(prefix);
        ASSERT_FALSE(stream) << prefix.size();
        EXPECT_EQ(stream.error().code, errc::truncated);
        EXPECT_STRNE(stream.error().field, "");
    });
    vectors::for_each_damage(content, [](bytes damaged) {
        const auto stream = elementary_stream_descriptor::parse(damaged);
        if (stream) (void)codec_string(*stream);
    });
    EXPECT_EQ(audio_specific_config::parse({}).error().code, errc::truncated);
    EXPECT_EQ(audio_specific_config::parse(*hex_decode("16f0")).error().code, errc::bad_value);
}

TEST(aac, descriptors_that_lie) {
    const auto code = [](const char* hex) {
        return elementary_stream_descriptor::parse(*hex_decode(hex)).error().code;
    };
    EXPECT_EQ(code("0303000100"), errc::not_found);   // no decoder configuration
    EXPECT_EQ(code("03ffffffff7f"), errc::bad_value); // size of five bytes
    EXPECT_EQ(code("0304000100"
                   "04"),
              errc::truncated);
    EXPECT_EQ(code("00000000"
                   "040100"),
              errc::bad_value); // another descriptor outermost
}

} // namespace
} // namespace moqrtc::codec::aac
