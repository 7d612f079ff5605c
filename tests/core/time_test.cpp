#include <moqrtc/core/time.hpp>

#include <gtest/gtest.h>

namespace moqrtc {
namespace {

static_assert(milliseconds(3).us == 3000);
static_assert(seconds(2) == milliseconds(2000));
static_assert(seconds(1) + microseconds(5) == microseconds(1'000'005));
static_assert(seconds(1) - seconds(3) == seconds(-2));
static_assert(milliseconds(7) * 3 == milliseconds(21));
static_assert(milliseconds(1999).ms() == 1999 && microseconds(1999).ms() == 1);
static_assert(instant{5} + microseconds(3) == instant{8});
static_assert(instant{8} - instant{5} == microseconds(3));
static_assert(instant{1} < never);

TEST(time, never_stays_never) {
    EXPECT_EQ(never + seconds(1), never);
    EXPECT_EQ(never + seconds(-1), never);
    EXPECT_EQ(never + microseconds(INT64_MIN), never);
}

TEST(time, arithmetic_stops_at_the_ends) {
    EXPECT_EQ(instant{INT64_MAX - 1} + seconds(1), never);
    EXPECT_EQ(instant{INT64_MIN + 1} + seconds(-1), instant{INT64_MIN});
    EXPECT_EQ((instant{INT64_MAX} - instant{-5}).us, INT64_MAX);
    EXPECT_EQ((instant{INT64_MIN} - instant{5}).us, INT64_MIN);
    EXPECT_EQ(seconds(INT64_MAX).us, INT64_MAX);
    EXPECT_EQ(milliseconds(INT64_MIN).us, INT64_MIN);
    EXPECT_EQ((microseconds(INT64_MAX) + microseconds(1)).us, INT64_MAX);
    EXPECT_EQ((microseconds(INT64_MIN) - microseconds(1)).us, INT64_MIN);
    EXPECT_EQ((microseconds(INT64_MAX) * -2).us, INT64_MIN);
    EXPECT_EQ((microseconds(INT64_MIN) * -2).us, INT64_MAX);
}

TEST(time, milliseconds_from_the_wire_saturate) {
    EXPECT_EQ(milliseconds_saturated(1500), milliseconds(1500));
    EXPECT_GE(milliseconds_saturated(UINT64_MAX).us, INT64_MAX - 1000);
    EXPECT_EQ(milliseconds_saturated(INT64_MAX / 1000).us, INT64_MAX / 1000 * 1000);
}

} // namespace
} // namespace moqrtc
