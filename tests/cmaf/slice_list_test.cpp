#include <moqrtc/cmaf/slice_list.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf {
namespace {

TEST(slice_list, keeps_order_and_counts_bytes) {
    slice_list list;
    EXPECT_TRUE(list.empty());
    for (const auto* text : {"a", "bc", "def"})
        list.push_back(slice::borrowed(as_bytes(text)));
    EXPECT_EQ(list.size(), 3U);
    EXPECT_EQ(list.total(), 6U);
    EXPECT_EQ(as_text(list[0]), "a");
    EXPECT_EQ(as_text(list[2]), "def");
    const auto moved = std::exchange(list, {});
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(list.total(), 0U);
    EXPECT_EQ(moved.size(), 3U);
}

} // namespace
} // namespace moqrtc::cmaf
