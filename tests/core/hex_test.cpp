#include <moqrtc/core/hex.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string>
#include <vector>

namespace moqrtc {
namespace {

TEST(hex, writes_lower_case_and_reads_both) {
    EXPECT_EQ(hex_encode(as_bytes("\x01\xab\xff")), "01abff");
    const auto data = hex_decode("01aBFf");
    ASSERT_TRUE(data);
    EXPECT_EQ(as_text(*data), "\x01\xab\xff");
    EXPECT_TRUE(hex_decode("")->empty());
}

TEST(hex, names_the_character_that_is_wrong) {
    const auto odd = hex_decode("012");
    ASSERT_FALSE(odd);
    EXPECT_EQ(odd.error().code, errc::truncated);
    EXPECT_EQ(odd.error().offset, 3U);
    const auto high = hex_decode("00g0");
    ASSERT_FALSE(high);
    EXPECT_EQ(high.error().code, errc::bad_value);
    EXPECT_EQ(high.error().offset, 2U);
    const auto low = hex_decode("000 ");
    ASSERT_FALSE(low);
    EXPECT_EQ(low.error().offset, 3U);
}

TEST(hex, round_trip) {
    EXPECT_TRUE(rc::check("hex round trip", [](const std::string& text) {
        const auto back = hex_decode(hex_encode(as_bytes(text)));
        RC_ASSERT(back.has_value());
        RC_ASSERT(as_text(*back) == text);
    }));
}

} // namespace
} // namespace moqrtc
