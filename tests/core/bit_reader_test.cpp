#include <moqrtc/core/bit_reader.hpp>
#include <moqrtc/core/hex.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string_view>
#include <vector>

namespace moqrtc {
namespace {

/// Bits from a text of 0 and 1; the last byte is filled up with zeros.
std::vector<std::byte> bits(std::string_view text) {
    std::vector<std::byte> data((text.size() + 7) / 8);
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '1') data[i / 8] |= std::byte{0x80} >> (i % 8);
    return data;
}

TEST(bit_reader, reads_across_bytes_most_significant_bit_first) {
    const auto data = *hex_decode("a5c3f00ff1");
    bit_reader in{data};
    EXPECT_EQ(in.u("a", 4), 0xaU);
    EXPECT_EQ(in.u("b", 1), 0U);
    EXPECT_EQ(in.u("c", 9), 0x170U); // 101 110000
    EXPECT_EQ(in.position(), 14U);
    EXPECT_EQ(in.bits_left(), 26U);
    EXPECT_EQ(in.u("rest", 26), 0x3f00ff1U);
    EXPECT_EQ(in.u("nothing", 0), 0U);
    EXPECT_TRUE(in.ok());
}

TEST(bit_reader, sixty_four_bits_from_any_position) {
    const auto data = *hex_decode("7fffffffffffffff80");
    bit_reader in{data};
    EXPECT_EQ(in.u("a", 1), 0U);
    EXPECT_EQ(in.u("b", 64), UINT64_MAX);
    EXPECT_TRUE(in.ok());
}

TEST(bit_reader, remembers_the_first_failure_and_reads_zero_from_then_on) {
    const auto data = *hex_decode("ffff");
    bit_reader in{data, "thing", 10};
    in.skip("a", 9);
    EXPECT_EQ(in.u("b", 8), 0U);
    EXPECT_EQ(in.u("c", 1), 0U);
    in.reject(errc::limit, "d");
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(in.failure().code, errc::truncated);
    EXPECT_EQ(in.failure().offset, 11U);
    EXPECT_STREQ(in.failure().field, "b");
    EXPECT_STREQ(in.failure().where, "thing");
    EXPECT_EQ(in.bits_left(), 0U);
}

TEST(bit_reader, exponential_golomb) {
    // ISO/IEC 14496-10 table 9-2 and 9-3
    const auto data = bits("1"
                           "010"
                           "011"
                           "00100"
                           "00101"
                           "00110"
                           "00111"
                           "0001000");
    bit_reader in{data};
    for (std::uint32_t expected = 0; expected < 8; ++expected)
        EXPECT_EQ(in.ue("v"), expected);
    bit_reader again{data};
    for (const int expected : {0, 1, -1, 2, -2, 3, -3, 4})
        EXPECT_EQ(again.se("v"), expected);
    EXPECT_TRUE(in.ok() && again.ok());
}

TEST(bit_reader, exponential_golomb_at_its_end) {
    const auto largest = *hex_decode("00000001fffffffe"); // 31 zeros, 1, 31 ones, 0
    bit_reader in{largest};
    EXPECT_EQ(in.ue("v"), UINT32_MAX - 1);
    bit_reader is{largest};
    EXPECT_EQ(is.se("v"), -INT32_MAX);
    const auto too_large = *hex_decode("000000008000000000");
    bit_reader over{too_large};
    EXPECT_EQ(over.ue("v"), 0U);
    EXPECT_EQ(over.failure().code, errc::bad_value);
    const std::vector<std::byte> zeros(100);
    bit_reader endless{zeros};
    EXPECT_EQ(endless.ue("v"), 0U);
    EXPECT_EQ(endless.failure().code, errc::bad_value);
    bit_reader cut{bytes{zeros}.first(2)};
    EXPECT_EQ(cut.ue("v"), 0U);
    EXPECT_EQ(cut.failure().code, errc::truncated);
}

TEST(bit_reader, refuses_a_number_over_the_stated_most) {
    const auto data = bits("00100"); // 3
    bit_reader in{data};
    EXPECT_EQ(in.ue("count", 2), 0U);
    EXPECT_EQ(in.failure().code, errc::bad_value);
    EXPECT_STREQ(in.failure().field, "count");
    bit_reader fits{data};
    EXPECT_EQ(fits.ue("count", 3), 3U);
}

TEST(bit_reader, whole_bytes_start_at_a_boundary) {
    const auto data = *hex_decode("ff0102");
    bit_reader in{data};
    in.skip("a", 3);
    const auto part = in.take_bytes("b", 2);
    ASSERT_EQ(part.size(), 2U);
    EXPECT_EQ(byte_at(part, 0), 1U);
    EXPECT_TRUE(in.take_bytes("c", 1).empty());
    EXPECT_EQ(in.failure().code, errc::truncated);
    bit_reader huge{data};
    huge.skip("a", SIZE_MAX);
    EXPECT_EQ(huge.failure().code, errc::truncated);
}

TEST(bit_reader, any_split_of_the_bits_gives_the_same_bits) {
    EXPECT_TRUE(rc::check("splits", [](const std::vector<std::uint8_t>& data) {
        const auto raw = std::as_bytes(std::span{data});
        bit_reader in{raw};
        std::string text;
        while (in.bits_left() != 0) {
            const auto most = std::min<std::size_t>(in.bits_left(), 64);
            const auto n = *rc::gen::inRange<unsigned>(1, static_cast<unsigned>(most) + 1);
            const auto value = in.u("v", n);
            for (unsigned i = n; i-- > 0;)
                text += (value >> i & 1) != 0 ? '1' : '0';
        }
        const auto back = bits(text);
        RC_ASSERT(in.ok());
        RC_ASSERT(equal(back, raw));
    }));
}

} // namespace
} // namespace moqrtc
