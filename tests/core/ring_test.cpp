#include <moqrtc/core/ring.hpp>

#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <rapidcheck.h>
#include <vector>

namespace moqrtc {
namespace {

TEST(ring, first_in_first_out_across_growth) {
    ring<int> queue;
    for (int i = 0; i < 100; ++i)
        EXPECT_TRUE(queue.push(i));
    EXPECT_EQ(queue.size(), 100U);
    EXPECT_EQ(queue.front(), 0);
    EXPECT_EQ(queue.back(), 99);
    EXPECT_EQ(queue[41], 41);
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(queue.pop(), i);
    EXPECT_EQ(queue.pop(), std::nullopt);
    EXPECT_TRUE(queue.empty());
}

TEST(ring, the_limit_is_rounded_up_and_held) {
    ring<int> queue{3};
    EXPECT_EQ(queue.limit(), 4U);
    for (int i = 0; i < 4; ++i)
        EXPECT_TRUE(queue.push(i));
    EXPECT_TRUE(queue.full());
    EXPECT_FALSE(queue.push(4));
    EXPECT_EQ(queue.pop(), 0);
    EXPECT_TRUE(queue.push(5));
    EXPECT_EQ(queue.back(), 5);
    ring<int> one{0};
    EXPECT_TRUE(one.push(1));
    EXPECT_FALSE(one.push(2));
}

TEST(ring, popped_places_release_what_they_owned) {
    const auto owned = std::make_shared<int>(1);
    ring<std::shared_ptr<int>> queue;
    for (int i = 0; i < 3; ++i)
        queue.push(owned);
    EXPECT_EQ(owned.use_count(), 4);
    queue.pop_front();
    EXPECT_EQ(owned.use_count(), 3);
    {
        const auto popped = queue.pop();
        EXPECT_EQ(owned.use_count(), 3);
    }
    EXPECT_EQ(owned.use_count(), 2);
    queue.clear();
    EXPECT_EQ(owned.use_count(), 1);
}

TEST(ring, a_ring_that_was_moved_from_is_empty_and_usable) {
    ring<int> a{16};
    for (int i = 0; i < 5; ++i)
        a.push(i);
    ring<int> b{std::move(a)};
    EXPECT_TRUE(a.empty()); // NOLINT(bugprone-use-after-move): this is what is tested
    EXPECT_EQ(b.size(), 5U);
    EXPECT_EQ(b.limit(), 16U);
    EXPECT_TRUE(a.push(7));
    a = std::move(b);
    EXPECT_EQ(a.size(), 5U);
    EXPECT_TRUE(b.empty()); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(a.front(), 0);
}

TEST(ring, behaves_like_a_deque) {
    EXPECT_TRUE(rc::check("ring is a deque", [](const std::vector<int>& steps) {
        ring<int> queue{32};
        std::deque<int> model;
        for (const int step : steps) {
            if (step % 3 != 0) {
                RC_ASSERT(queue.push(step) == (model.size() < 32));
                if (model.size() < 32) model.push_back(step);
            } else {
                const auto got = queue.pop();
                RC_ASSERT(got.has_value() == !model.empty());
                if (got) {
                    RC_ASSERT(*got == model.front());
                    model.pop_front();
                }
            }
            RC_ASSERT(queue.size() == model.size());
        }
    }));
}

} // namespace
} // namespace moqrtc
