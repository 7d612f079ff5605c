#include "support.hpp"

#include <moqrtc/cmaf/box_fields.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {
namespace {

TEST(box_fields, reads_front_to_back) {
    const auto data = hex("01 000203 0004 00000005 0000000000000006 fffffff9 aabb");
    box_fields in{data, 0, "test"};
    const auto [version, flags] = read_version(in);
    EXPECT_EQ(version, 1);
    EXPECT_EQ(flags, 0x203U);
    EXPECT_EQ(in.u16("a"), 4);
    EXPECT_EQ(in.u32_or_64(false, "b"), 5U);
    EXPECT_EQ(in.u32_or_64(true, "c"), 6U);
    EXPECT_EQ(in.i32("d"), -7);
    EXPECT_EQ(in.remaining(), 2U);
    EXPECT_TRUE(equal(in.rest(), hex("aabb")));
    EXPECT_FALSE(in.failed());
}

TEST(box_fields, first_failure_sticks) {
    const auto data = hex("0102");
    box_fields in{data, 40, "where"};
    EXPECT_EQ(in.u8("first"), 1);
    EXPECT_EQ(in.u32("second"), 0U);
    EXPECT_EQ(in.u8("third"), 0); // would fit, but the position is no longer known
    in.set(errc::bad_value, "fourth");
    EXPECT_EQ(in.why().code, errc::truncated);
    EXPECT_STREQ(in.why().field, "second");
    EXPECT_STREQ(in.why().where, "where");
    EXPECT_EQ(in.why().offset, 41U);
}

TEST(box_fields, lists_are_bounded_by_what_is_there) {
    const byte_vector data(12);
    box_fields in{data, 0, "list"};
    EXPECT_EQ(in.entries(3, 4, "fits").size(), 12U);
    box_fields too_many{data, 0, "list"};
    EXPECT_TRUE(too_many.entries(UINT32_MAX, 12, "claims").empty());
    EXPECT_EQ(too_many.why().code, errc::truncated);
}

} // namespace
} // namespace moqrtc::cmaf::test
