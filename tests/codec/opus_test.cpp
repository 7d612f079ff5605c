#include <moqrtc/codec/opus.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>

namespace moqrtc::codec::opus {
namespace {

TEST(opus, reads_both_headers_and_writes_them_again) {
    for (const auto& vector : {vectors::opus_stereo, vectors::opus_surround}) {
        const auto config = configuration::parse(vector.data());
        ASSERT_TRUE(config) << vector.name;
        EXPECT_EQ(config->channels, vector.channels);
        EXPECT_EQ(config->pre_skip, 312);
        EXPECT_EQ(config->input_sample_rate, 48000U);
        EXPECT_EQ(hex_encode(config->serialize()), vector.hex);
        const auto head = configuration::parse_head(config->serialize_head());
        ASSERT_TRUE(head) << vector.name;
        EXPECT_EQ(*head, *config);
    }
    // The identification header of an Ogg file by the same encoder.
    const auto head =
        configuration::parse_head(*hex_decode("4f707573486561640102380180bb0000000000"));
    ASSERT_TRUE(head);
    EXPECT_EQ(*head, *configuration::parse(vectors::opus_stereo.data()));
    EXPECT_EQ(codec_string(*head), "opus");
}

TEST(opus, surround_has_a_mapping) {
    const auto config = configuration::parse(vectors::opus_surround.data());
    EXPECT_EQ(config->mapping_family, 1);
    EXPECT_EQ(config->stream_count, 4);
    EXPECT_EQ(config->coupled_count, 2);
    EXPECT_EQ(hex_encode(config->channel_mapping), "000401020305");
}

TEST(opus, every_truncation_is_an_error_with_a_field) {
    for (const auto& vector : {vectors::opus_stereo, vectors::opus_surround})
        vectors::for_each_prefix(vector.data(), [](bytes prefix) {
            const auto config = configuration::parse(prefix);
            ASSERT_FALSE(config) << prefix.size();
            EXPECT_STRNE(config.error().field, "");
        });
    const auto head = configuration::parse(vectors::opus_surround.data())->serialize_head();
    vectors::for_each_prefix(head, [](bytes prefix) {
        EXPECT_FALSE(configuration::parse_head(prefix).has_value()) << prefix.size();
    });
}

TEST(opus, refuses_values_without_meaning) {
    const auto failure = [](const char* hex) {
        return configuration::parse(*hex_decode(hex)).error();
    };
    EXPECT_EQ(failure("000001380000bb80000000").code, errc::bad_value); // no channel
    EXPECT_EQ(failure("000301380000bb80000000").code, errc::bad_value); // three in family 0
    EXPECT_EQ(failure("100201380000bb80000000").code, errc::unsupported);
    EXPECT_EQ(failure("000201380000bb8000000000").code, errc::trailing);
    EXPECT_EQ(failure("000201380000bb800000010102"
                      "0001")
                  .code,
              errc::bad_value); // coupled > streams
    EXPECT_EQ(configuration::parse_head(*hex_decode("4f707573486561650102380180bb0000000000"))
                  .error()
                  .code,
              errc::bad_value);
}

} // namespace
} // namespace moqrtc::codec::opus
