#include <moqrtc/codec/h265_sps.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>

namespace moqrtc::codec::h265 {
namespace {

TEST(h265_sps, agrees_with_the_record_and_the_probe) {
    for (const auto& vector : {vectors::h265_main, vectors::h265_main10}) {
        const auto record = vector.data();
        const auto config = configuration::parse(record);
        const auto set = sps::parse(config->find(nal_type::sps));
        ASSERT_TRUE(set) << vector.name;
        EXPECT_EQ(set->width, vector.width);
        EXPECT_EQ(set->height, vector.height);
        EXPECT_EQ(set->general, config->general);
        EXPECT_EQ(set->bit_depth_luma, config->bit_depth_luma);
        EXPECT_EQ(set->bit_depth_chroma, config->bit_depth_chroma);
    }
}

TEST(h265_sps, every_truncation_and_damage) {
    const auto record = vectors::h265_main10.data();
    const auto config = configuration::parse(record);
    const auto unit = config->find(nal_type::sps);
    constexpr std::size_t needed = 25; // through the bit depths
    vectors::for_each_prefix(unit, [](bytes prefix) {
        EXPECT_EQ(sps::parse(prefix).has_value(), prefix.size() >= needed) << prefix.size();
    });
    vectors::for_each_damage(unit, [](bytes damaged) {
        const auto set = sps::parse(damaged);
        if (!set) return;
        EXPECT_GT(set->width, 0U);
        EXPECT_LE(set->width, sps::max_dimension);
        EXPECT_GT(set->height, 0U);
        EXPECT_LE(set->height, sps::max_dimension);
    });
}

TEST(h265_sps, refuses_enhancement_layers_other_units_and_giants) {
    const auto record = vectors::h265_main.data();
    const auto config = configuration::parse(record);
    const auto base = config->find(nal_type::sps);
    std::vector<std::byte> unit(base.begin(), base.end());
    unit[1] = std::byte{0x09}; // nuh_layer_id 1
    EXPECT_EQ(sps::parse(unit).error().code, errc::unsupported);
    EXPECT_EQ(sps::parse(config->find(nal_type::pps)).error().code, errc::bad_value);
    const std::vector<std::byte> large(max_parameter_set + 1, std::byte{0x42});
    EXPECT_EQ(sps::parse(large).error().code, errc::limit);
}

} // namespace
} // namespace moqrtc::codec::h265
