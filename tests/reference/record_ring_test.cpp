#include "server/record_ring.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace moqrtc;
using moqrtc::reference::record_ring;

namespace {

std::vector<std::byte> pattern(std::size_t size, std::uint64_t seed) {
    std::vector<std::byte> out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>((seed * 131 + i * 7) & 0xff);
    return out;
}

} // namespace

TEST(record_ring, gives_back_what_went_in) {
    record_ring ring{1 << 16};
    record_ring::record next;
    EXPECT_FALSE(ring.front(next));
    const auto content = pattern(100, 1);
    ASSERT_TRUE(ring.push({7, 3, 11, 13, true}, content));
    ASSERT_TRUE(ring.front(next));
    EXPECT_EQ(next.what.kind, 7u);
    EXPECT_EQ(next.what.epoch, 3u);
    EXPECT_EQ(next.what.stream, 11u);
    EXPECT_EQ(next.what.value, 13u);
    EXPECT_TRUE(next.what.fin);
    EXPECT_TRUE(std::equal(content.begin(), content.end(), next.data.begin(), next.data.end()));
    ring.pop();
    EXPECT_FALSE(ring.front(next));
}

TEST(record_ring, is_bounded_and_has_room_again) {
    record_ring ring{1 << 16};
    const auto content = pattern(record_ring::largest, 2);
    int pushed = 0;
    while (ring.push({}, content))
        ++pushed;
    EXPECT_EQ(pushed, 3); // four would need room for their heads, too
    record_ring::record next;
    ASSERT_TRUE(ring.front(next));
    ring.pop();
    EXPECT_TRUE(ring.push({}, content));
    EXPECT_FALSE(ring.push({}, pattern(record_ring::largest + 1, 0)));
}

TEST(record_ring, a_reservation_may_be_smaller_than_wished) {
    record_ring ring{1 << 16};
    std::size_t size = 0;
    std::size_t total = 0;
    while (ring.reserve(record_ring::largest, size) != nullptr) {
        EXPECT_GE(size, 512u);
        ring.commit({}, size);
        total += size;
    }
    EXPECT_GT(total, (std::size_t{1} << 16) - 2048);
}

TEST(record_ring, carries_everything_in_order_between_threads) {
    record_ring ring{1 << 16};
    constexpr std::uint64_t records = 200'000;
    std::thread producer{[&] {
        std::mt19937 random{1};
        for (std::uint64_t i = 0; i < records; ++i) {
            const auto content = pattern(random() % 700, i);
            const auto value = random();
            while (!ring.push({1, 0, i, value, (i & 1) != 0}, content))
                std::this_thread::yield();
        }
    }};
    std::mt19937 random{1};
    std::uint64_t wrong = 0;
    for (std::uint64_t i = 0; i < records; ++i) {
        record_ring::record next;
        while (!ring.front(next))
            std::this_thread::yield();
        const auto content = pattern(random() % 700, i);
        if (next.what.stream != i || next.what.value != random() ||
            !std::equal(content.begin(), content.end(), next.data.begin(), next.data.end()))
            ++wrong;
        ring.pop();
    }
    producer.join();
    EXPECT_EQ(wrong, 0u);
}
