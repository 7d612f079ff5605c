#include <moqrtc/codec/h264.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>

namespace moqrtc::codec::h264 {
namespace {

TEST(h264, reads_the_record_and_writes_it_again) {
    for (const auto& vector : {vectors::h264_baseline, vectors::h264_high, vectors::h264_444}) {
        const auto record = vector.data();
        const auto config = configuration::parse(record);
        ASSERT_TRUE(config) << vector.name;
        EXPECT_EQ(config->length_size, 4U);
        ASSERT_EQ(config->sps.size(), 1U);
        ASSERT_EQ(config->pps.size(), 1U);
        EXPECT_EQ(type_of(config->sps[0]), nal_type::sps);
        EXPECT_EQ(type_of(config->pps[0]), nal_type::pps);
        EXPECT_EQ(codec_string(*config), vector.codec_string);
        const auto written = config->serialize();
        ASSERT_TRUE(written);
        EXPECT_EQ(hex_encode(*written), vector.hex) << vector.name;
    }
}

TEST(h264, the_string_follows_the_sample_entry) {
    configuration config;
    config.profile = 0x42;
    config.compatibility = 0xe0;
    config.level = 0x1f;
    EXPECT_EQ(codec_string(config), "avc1.42E01F");
    EXPECT_EQ(codec_string(config, fourcc("avc3")), "avc3.42E01F");
}

TEST(h264, every_truncation_is_an_error_with_a_field) {
    // The extensions behind the picture parameter sets may be missing, but nothing in front.
    vectors::for_each_prefix(vectors::h264_baseline.data(), [](bytes prefix) {
        const auto config = configuration::parse(prefix);
        ASSERT_FALSE(config) << prefix.size();
        EXPECT_EQ(config.error().code, errc::truncated);
        EXPECT_LE(config.error().offset, prefix.size());
        EXPECT_STRNE(config.error().field, "");
    });
}

TEST(h264, damage_never_reads_outside) {
    for (const auto& vector : {vectors::h264_baseline, vectors::h264_high})
        vectors::for_each_damage(vector.data(), [](bytes record) {
            const auto config = configuration::parse(record);
            if (!config) return;
            for (const auto unit : config->sps)
                EXPECT_LE(unit.size(), record.size());
            for (const auto unit : config->pps)
                EXPECT_LE(unit.size(), record.size());
        });
}

TEST(h264, refuses_other_versions_and_three_byte_lengths) {
    auto record = vectors::h264_baseline.data();
    record[0] = std::byte{2};
    EXPECT_EQ(configuration::parse(record).error().code, errc::unsupported);
    record[0] = std::byte{1};
    record[4] = std::byte{0xfe};
    const auto config = configuration::parse(record);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, errc::bad_value);
    EXPECT_STREQ(config.error().field, "lengthSizeMinusOne");
    EXPECT_EQ(config.error().offset, 5U);
}

TEST(h264, a_record_needs_a_sequence_parameter_set) {
    EXPECT_EQ(configuration{}.serialize().error().code, errc::truncated);
    const auto unit = *hex_decode("6742c01f");
    configuration many;
    many.sps.assign(32, unit);
    EXPECT_EQ(many.serialize().error().code, errc::limit);
    const std::vector<std::byte> large(65536, std::byte{1});
    configuration long_one;
    long_one.sps = {bytes{unit}};
    long_one.pps = {bytes{large}};
    EXPECT_EQ(long_one.serialize().error().code, errc::limit);
}

TEST(h264, finds_the_idr_picture_behind_other_units) {
    const auto idr = *hex_decode("00000002"
                                 "0910"
                                 "00000001"
                                 "06"
                                 "00000002"
                                 "6588");
    EXPECT_TRUE(*is_idr(idr, 4));
    const auto slice = *hex_decode("00000002"
                                   "0910"
                                   "00000002"
                                   "419a"
                                   "00000002"
                                   "6588");
    EXPECT_FALSE(*is_idr(slice, 4));
    EXPECT_FALSE(*is_idr({}, 4));
    const auto broken = *hex_decode("00000002"
                                    "0910"
                                    "000000ff"
                                    "65");
    EXPECT_FALSE(is_idr(broken, 4).has_value());
}

} // namespace
} // namespace moqrtc::codec::h264
