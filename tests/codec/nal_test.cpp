#include <moqrtc/codec/nal.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string>
#include <vector>

namespace moqrtc::codec {
namespace {

std::vector<std::string> units_of(bytes stream) {
    std::vector<std::string> units;
    annexb_reader in{stream};
    while (const auto unit = in.next())
        units.push_back(hex_encode(*unit));
    return units;
}

TEST(nal, annex_b_with_both_start_codes_and_zeros_around) {
    const auto stream = *hex_decode("0000000001"
                                    "6742"
                                    "000001"
                                    "68"
                                    "00000001"
                                    "6588840000"
                                    "00");
    EXPECT_EQ(units_of(stream), (std::vector<std::string>{"6742", "68", "658884"}));
    EXPECT_TRUE(units_of({}).empty());
    EXPECT_TRUE(units_of(*hex_decode("000001")).empty());
    EXPECT_TRUE(units_of(*hex_decode("000001000001000000")).empty());
    EXPECT_TRUE(units_of(*hex_decode("ffff0000")).empty());
}

TEST(nal, lengths_of_every_size) {
    for (const unsigned size : {1U, 2U, 4U}) {
        std::vector<std::byte> sample(size - 1);
        sample.insert(sample.end(), {std::byte{2}, std::byte{0x65}, std::byte{0x88}});
        sample.insert(sample.end(), size, std::byte{0}); // an empty unit
        length_prefixed_reader in{sample, size};
        const auto unit = in.next();
        ASSERT_TRUE(unit);
        EXPECT_EQ(hex_encode(*unit), "6588");
        const auto empty = in.next();
        ASSERT_TRUE(empty);
        EXPECT_TRUE(empty->empty());
        EXPECT_TRUE(in.done());
    }
}

TEST(nal, lengths_that_lie) {
    const auto sample = *hex_decode("0000000265");
    length_prefixed_reader in{sample, 4};
    const auto unit = in.next();
    ASSERT_FALSE(unit);
    EXPECT_EQ(unit.error().code, errc::truncated);
    EXPECT_STREQ(unit.error().field, "NALUnit");
    const auto huge = *hex_decode("ffffffff65");
    EXPECT_EQ(length_prefixed_reader(huge, 4).next().error().code, errc::truncated);
    const auto cut = *hex_decode("0000");
    EXPECT_STREQ(length_prefixed_reader(cut, 4).next().error().field, "NALUnitLength");
    EXPECT_EQ(length_prefixed_reader(cut, 0).next().error().code, errc::bad_value);
    EXPECT_EQ(length_prefixed_reader(cut, 5).next().error().code, errc::bad_value);
}

TEST(nal, emulation_prevention_is_taken_out) {
    EXPECT_EQ(hex_encode(unescape(*hex_decode("67000003010000030000030000"))), "670000010000"
                                                                               "0000"
                                                                               "0000");
    EXPECT_EQ(hex_encode(unescape(*hex_decode("00000304"))), "000004");
    EXPECT_EQ(hex_encode(unescape(*hex_decode("000300000303"))), "0003000003");
}

TEST(nal, conversion_without_start_code_is_refused) {
    std::vector<std::byte> out;
    EXPECT_EQ(to_length_prefixed(*hex_decode("6588"), out).error().code, errc::bad_value);
    EXPECT_TRUE(to_length_prefixed({}, out).has_value());
    EXPECT_TRUE(out.empty());
}

TEST(nal, both_forms_convert_into_each_other) {
    EXPECT_TRUE(rc::check("annex b round trip", [] {
        // A NAL unit is not empty, holds no start code and doesn't end in zero.
        const auto unit = rc::gen::nonEmpty(
            rc::gen::container<std::vector<std::uint8_t>>(rc::gen::inRange<std::uint8_t>(1, 255)));
        const auto units = *rc::gen::container<std::vector<std::vector<std::uint8_t>>>(unit);
        std::vector<std::byte> sample;
        for (const auto& one : units) {
            std::byte length[4];
            store_be<4>(length, one.size());
            sample.insert(sample.end(), std::begin(length), std::end(length));
            const auto raw = std::as_bytes(std::span{one});
            sample.insert(sample.end(), raw.begin(), raw.end());
        }
        std::vector<std::byte> stream;
        RC_ASSERT(to_annexb(sample, 4, stream).has_value());
        std::vector<std::byte> back;
        RC_ASSERT(to_length_prefixed(stream, back).has_value());
        RC_ASSERT(back == sample);
    }));
}

} // namespace
} // namespace moqrtc::codec
