#include <moqrtc/cmaf/timescale.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf {
namespace {

static_assert(rescale(1, 2, 1) == 1 && rescale(-1, 2, 1) == -1, "halves go away from zero");
static_assert(rescale(1, 3, 1) == 0 && rescale(2, 3, 1) == 1 && rescale(-2, 3, 1) == -1);
static_assert(rescale(90000, 90000, 48000) == 48000);
static_assert(rescale(latest_time, 1, UINT32_MAX) == latest_time, "saturates");
static_assert(rescale(-latest_time, 1, UINT32_MAX) == -latest_time);
static_assert(media_time{1, 3} < media_time{334, 1000} && media_time{334, 1000} > media_time{1, 3});
static_assert(media_time{512, 12800} == media_time{1, 25});
static_assert(media_time{latest_time, 1} > media_time{latest_time, UINT32_MAX});
static_assert(media_time{-1, 90000} < media_time{0, 1});
static_assert(to_duration({1024, 48000}).us == 21333);

TEST(media_time, orders_exactly_where_floating_point_does_not) {
    const media_time a{(std::int64_t{1} << 60) + 1, 90000};
    const media_time b{std::int64_t{1} << 60, 90000};
    EXPECT_GT(a, b);
    EXPECT_EQ(to_duration({latest_time, 1}).us, latest_time);
}

} // namespace
} // namespace moqrtc::cmaf
