#include <moqrtc/cmaf/group_clock.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf {
namespace {

TEST(group_clock, keyframes_begin_groups) {
    group_clock clock{100, seconds(1)};
    EXPECT_EQ(clock.mark({0, 25}), 100U);
    EXPECT_EQ(clock.mark({50, 25}), 101U);
    clock.extend({75, 25});
    EXPECT_EQ(clock.group_of({-1024, 48000}), 100U); // before the first: the oldest
    EXPECT_EQ(clock.group_of({95999, 48000}), 100U);
    EXPECT_EQ(clock.group_of({96000, 48000}), 101U); // exact across timescales
    EXPECT_EQ(clock.mark({100, 25}), 102U);
    EXPECT_EQ(clock.group_of({96000, 48000}), 101U);
}

TEST(group_clock, without_a_lead_groups_last_a_period) {
    group_clock clock{7, milliseconds(500)};
    EXPECT_EQ(clock.group_of({1000, 1000}), 7U); // the first moment seen is the origin
    EXPECT_EQ(clock.group_of({1499, 1000}), 7U);
    EXPECT_EQ(clock.group_of({1500, 1000}), 8U);
    EXPECT_EQ(clock.group_of({71000, 1000}), 147U);
    EXPECT_EQ(clock.group_of({900, 1000}), 7U);
}

TEST(group_clock, groups_go_on_one_period_after_the_lead_ended) {
    group_clock clock{0, seconds(1)};
    EXPECT_EQ(clock.mark({0, 1}), 0U);
    clock.extend({10, 1});
    EXPECT_EQ(clock.group_of({10, 1}), 0U);
    EXPECT_EQ(clock.group_of({10999, 1000}), 0U);
    EXPECT_EQ(clock.group_of({11, 1}), 1U);
    EXPECT_EQ(clock.group_of({14, 1}), 4U);
    EXPECT_EQ(clock.mark({20, 1}), 5U); // the lead is back: never an id that was in use
}

TEST(group_clock, a_late_lead_joins_the_group_under_way) {
    group_clock clock{0, seconds(1)};
    EXPECT_EQ(clock.group_of({0, 1}), 0U);
    EXPECT_EQ(clock.group_of({3, 1}), 3U);
    EXPECT_EQ(clock.mark({7, 2}), 3U);
    EXPECT_EQ(clock.mark({9, 2}), 4U);
}

TEST(group_clock, remembers_enough_for_tracks_that_lag) {
    group_clock clock{0, seconds(1)};
    for (int i = 0; i < 100; ++i)
        (void)clock.mark({i, 1});
    EXPECT_EQ(clock.group_of({50, 1}), 50U);
    EXPECT_EQ(clock.group_of({0, 1}), 100U - group_clock::remembered);
}

TEST(group_clock, far_times_do_not_overflow) {
    group_clock clock{0, microseconds(1)};
    EXPECT_EQ(clock.group_of({-latest_time, UINT32_MAX}), 0U);
    EXPECT_GT(clock.group_of({latest_time, UINT32_MAX}), 0U);
    EXPECT_EQ((group_clock{5, duration{0}}.group_of({1, 1})), 5U); // no period: one second
}

} // namespace
} // namespace moqrtc::cmaf
