#include <moqrtc/core/buffer_pool.hpp>

#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

namespace moqrtc {
namespace {

TEST(buffer_pool, gives_the_smallest_class_that_holds) {
    buffer_pool pool;
    struct row {
        std::size_t asked;
        std::size_t given;
    };
    for (const auto [asked, given] :
         {row{0, 128}, row{1, 128}, row{128, 128}, row{129, 256}, row{256, 256}, row{257, 512},
          row{200000, 262144}, row{262144, 262144}, row{262145, 262145}}) {
        auto* block = pool.take(asked);
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(block->capacity, given) << asked;
        EXPECT_EQ(block->references, 1U);
        EXPECT_EQ(pool.used(), given);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block->data()) % alignof(std::max_align_t), 0U);
        block->data()[given - 1] = std::byte{1}; // the whole capacity is ours
        pool.give(block);
        EXPECT_EQ(pool.used(), 0U);
    }
}

TEST(buffer_pool, recycles_blocks_of_a_class) {
    buffer_pool pool;
    auto* first = pool.take(1000);
    pool.give(first);
    auto* again = pool.take(600);
    EXPECT_EQ(first, again);
    auto* other = pool.take(600);
    EXPECT_NE(again, other);
    pool.give(again);
    pool.give(other);
}

TEST(buffer_pool, holds_its_limit) {
    buffer_pool pool{1024};
    auto* a = pool.take(512);
    auto* b = pool.take(512);
    ASSERT_NE(a, nullptr);
    ASSERT_NE(b, nullptr);
    EXPECT_EQ(pool.take(1), nullptr);
    pool.give(a);
    auto* c = pool.take(400);
    EXPECT_NE(c, nullptr);
    EXPECT_EQ(pool.take(1), nullptr);
    pool.set_limit(2048);
    auto* d = pool.take(1024);
    EXPECT_NE(d, nullptr);
    pool.give(b);
    pool.give(c);
    pool.give(d);
    EXPECT_EQ(pool.take(4096), nullptr);
    EXPECT_EQ(pool.take(SIZE_MAX), nullptr);
    pool.set_limit(SIZE_MAX);
    EXPECT_EQ(pool.take(SIZE_MAX), nullptr); // no overflow with the header's size
}

} // namespace
} // namespace moqrtc
