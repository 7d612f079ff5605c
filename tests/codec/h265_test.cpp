#include <moqrtc/codec/h265.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>

namespace moqrtc::codec::h265 {
namespace {

TEST(h265, reads_the_record) {
    const auto record = vectors::h265_main10.data();
    const auto config = configuration::parse(record);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->general.profile_idc, 2);
    EXPECT_EQ(config->general.level_idc, 120);
    EXPECT_EQ(config->bit_depth_luma, 10);
    EXPECT_EQ(config->chroma_format_idc, 1);
    EXPECT_EQ(config->length_size, 4);
    ASSERT_EQ(config->parameter_sets.size(), 3U);
    EXPECT_FALSE(config->find(nal_type::vps).empty());
    EXPECT_FALSE(config->find(nal_type::pps).empty());
    EXPECT_EQ(type_of(config->find(nal_type::sps)), nal_type::sps);
    EXPECT_TRUE(config->find(nal_type::access_unit_delimiter).empty());
}

TEST(h265, strings_of_annex_e) {
    for (const auto& vector : {vectors::h265_main, vectors::h265_main10}) {
        const auto record = vector.data();
        const auto config = configuration::parse(record);
        ASSERT_TRUE(config);
        EXPECT_EQ(codec_string(config->general, vector.sample_entry), vector.codec_string);
    }
    // Examples of ISO/IEC 14496-15 Annex E.3.
    profile_tier_level main;
    main.profile_idc = 1;
    main.compatibility_flags = 0x60000000;
    main.level_idc = 93;
    main.constraint_flags = {0xb0, 0, 0, 0, 0, 0};
    EXPECT_EQ(codec_string(main, fourcc("hev1")), "hev1.1.6.L93.B0");
    profile_tier_level range_extension = main;
    range_extension.profile_idc = 4;
    range_extension.compatibility_flags = 0x08000000;
    range_extension.level_idc = 120;
    range_extension.constraint_flags = {0xb2, 0x3c, 0, 0, 0, 0};
    EXPECT_EQ(codec_string(range_extension, fourcc("hev1")), "hev1.4.10.L120.B2.3C");
    profile_tier_level spaced = main;
    spaced.profile_space = 2;
    spaced.high_tier = true;
    spaced.constraint_flags = {0, 0, 0, 0, 0, 8};
    EXPECT_EQ(codec_string(spaced), "hvc1.B1.6.H93.0.0.0.0.0.8");
    spaced.constraint_flags = {};
    EXPECT_EQ(codec_string(spaced), "hvc1.B1.6.H93");
}

TEST(h265, every_truncation_is_an_error_with_a_field) {
    vectors::for_each_prefix(vectors::h265_main.data(), [](bytes prefix) {
        const auto config = configuration::parse(prefix);
        ASSERT_FALSE(config) << prefix.size();
        EXPECT_EQ(config.error().code, errc::truncated);
        EXPECT_STRNE(config.error().field, "");
    });
}

TEST(h265, damage_never_reads_outside) {
    vectors::for_each_damage(vectors::h265_main.data(), [](bytes record) {
        const auto config = configuration::parse(record);
        if (!config) return;
        for (const auto& set : config->parameter_sets)
            EXPECT_LE(set.unit.size(), record.size());
    });
}

TEST(h265, many_empty_parameter_sets_hit_the_limit) {
    auto record = vectors::h265_main.data();
    record.resize(23);
    record[22] = std::byte{1};
    const auto array = *hex_decode("a1ffff");
    record.insert(record.end(), array.begin(), array.end());
    record.resize(record.size() + 2 * 65535);
    const auto config = configuration::parse(record);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, errc::limit);
}

TEST(h265, bytes_behind_the_record_are_refused) {
    auto record = vectors::h265_main.data();
    record.push_back(std::byte{0});
    EXPECT_EQ(configuration::parse(record).error().code, errc::trailing);
}

TEST(h265, random_access_pictures) {
    EXPECT_TRUE(*is_random_access(*hex_decode("00000002"
                                              "4601"
                                              "00000002"
                                              "2601"),
                                  4)); // IDR
    EXPECT_TRUE(*is_random_access(*hex_decode("00000002"
                                              "2a01"),
                                  4)); // CRA
    EXPECT_FALSE(*is_random_access(*hex_decode("00000002"
                                               "0201"),
                                   4)); // trailing
    EXPECT_FALSE(*is_random_access({}, 4));
    EXPECT_FALSE(is_random_access(*hex_decode("0000ff"), 4).has_value());
}

} // namespace
} // namespace moqrtc::codec::h265
