#include <moqrtc/codec/av1_sequence.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>

namespace moqrtc::codec::av1 {
namespace {

TEST(av1_sequence, headers_of_three_encoders) {
    for (const auto& vector : {vectors::av1_main, vectors::av1_hdr, vectors::av1_gray}) {
        const auto record = vector.data();
        obu_reader obus{bytes{record}.subspan(4)};
        const auto unit = obus.next();
        ASSERT_TRUE(unit) << vector.name;
        EXPECT_TRUE(obus.done());
        EXPECT_EQ(unit->type, obu_type::sequence_header);
        const auto header = sequence_header::parse(unit->payload);
        ASSERT_TRUE(header) << vector.name;
        EXPECT_EQ(header->width, vector.width);
        EXPECT_EQ(header->height, vector.height);
        vectors::for_each_prefix(unit->payload, [&](bytes prefix) {
            const auto cut = sequence_header::parse(prefix);
            // The last byte may hold nothing but trailing bits.
            if (prefix.size() + 1 < unit->payload.size()) {
                EXPECT_FALSE(cut) << vector.name;
            }
        });
        vectors::for_each_damage(unit->payload, [](bytes damaged) {
            const auto other = sequence_header::parse(damaged);
            if (!other) return;
            EXPECT_GT(other->width, 0U);
            EXPECT_LE(other->width, 65536U);
            EXPECT_LE(other->profile, 2);
        });
    }
}

TEST(av1_sequence, colour_of_a_header_that_describes_it) {
    const auto record = vectors::av1_hdr.data();
    const auto header = sequence_header::parse(bytes{record}.subspan(6));
    ASSERT_TRUE(header);
    EXPECT_TRUE(header->has_color_description);
    EXPECT_EQ(header->color_primaries, 9);
    EXPECT_EQ(header->transfer_characteristics, 16);
    EXPECT_EQ(header->matrix_coefficients, 9);
    EXPECT_EQ(header->bit_depth, 10);
    EXPECT_FALSE(header->full_range);
}

TEST(av1_sequence, units_with_extension_and_without_size) {
    const auto data = *hex_decode("12"
                                  "00"
                                  "36"
                                  "40"
                                  "02"
                                  "abcd"
                                  "30"
                                  "ee");
    obu_reader in{data};
    auto unit = in.next();
    EXPECT_EQ(unit->type, obu_type::temporal_delimiter);
    EXPECT_TRUE(unit->payload.empty());
    unit = in.next();
    EXPECT_EQ(unit->type, obu_type::frame);
    EXPECT_EQ(hex_encode(unit->payload), "abcd");
    unit = in.next();
    EXPECT_EQ(unit->type, obu_type::frame);
    EXPECT_EQ(hex_encode(unit->payload), "ee");
    EXPECT_TRUE(in.done());
}

TEST(av1_sequence, units_that_lie) {
    const auto code = [](const char* hex) {
        const auto data = *hex_decode(hex);
        return obu_reader{data}.next().error();
    };
    EXPECT_EQ(code("92").code, errc::bad_value);   // forbidden bit
    EXPECT_EQ(code("12").code, errc::truncated);   // no size
    EXPECT_EQ(code("1205").code, errc::truncated); // size without payload
    EXPECT_EQ(code("1280808080808080").code, errc::truncated);
    EXPECT_EQ(code("12808080808080808080").code, errc::bad_value); // size of nine bytes
    EXPECT_EQ(code("12ffffffff7f").code, errc::bad_value);         // over 32 bits
}

} // namespace
} // namespace moqrtc::codec::av1
