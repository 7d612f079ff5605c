#include <moqrtc/core/slice.hpp>

#include <gtest/gtest.h>
#include <string>
#include <utility>

namespace moqrtc {
namespace {

TEST(slice, shares_one_block_until_the_last_copy_goes) {
    buffer_pool pool;
    {
        auto whole = slice::copy(pool, as_bytes("hello world"));
        EXPECT_EQ(as_text(whole), "hello world");
        const auto used = pool.used();
        slice part = whole.sub(6);
        slice copy = part;
        EXPECT_EQ(pool.used(), used);
        whole = {};
        EXPECT_EQ(as_text(part), "world");
        part = std::move(copy);
        EXPECT_EQ(as_text(part), "world");
        EXPECT_TRUE(copy.empty()); // NOLINT(bugprone-use-after-move): this is what is tested
        EXPECT_EQ(pool.used(), used);
    }
    EXPECT_EQ(pool.used(), 0U);
}

TEST(slice, assigning_to_itself_keeps_it) {
    buffer_pool pool;
    auto a = slice::copy(pool, as_bytes("abc"));
    auto& same = a;
    a = same;
    EXPECT_EQ(as_text(a), "abc");
    a = std::move(same);
    EXPECT_EQ(as_text(a), "abc");
}

TEST(slice, parts_are_clamped) {
    buffer_pool pool;
    const auto whole = slice::copy(pool, as_bytes("abcdef"));
    EXPECT_EQ(as_text(whole.sub(2, 3)), "cde");
    EXPECT_EQ(as_text(whole.sub(4, 99)), "ef");
    EXPECT_TRUE(whole.sub(99).empty());
    EXPECT_TRUE(slice{}.sub(0, 5).empty());
}

TEST(slice, borrowed_bytes_cost_nothing) {
    buffer_pool pool{0};
    const auto s = slice::borrowed(as_bytes("literal"));
    const auto t = s; // NOLINT(performance-unnecessary-copy-initialization): the copy is tested
    EXPECT_EQ(as_text(t), "literal");
    EXPECT_EQ(pool.used(), 0U);
}

TEST(slice, an_exhausted_pool_gives_an_empty_slice) {
    buffer_pool pool{100};
    EXPECT_TRUE(slice::copy(pool, as_bytes("abc")).empty());
    EXPECT_TRUE(slice::copy(pool, {}).empty());
}

TEST(slice, clones_into_another_pool) {
    buffer_pool here;
    buffer_pool there;
    auto original = slice::copy(here, as_bytes("abc"));
    const auto clone = original.clone(there);
    original = {};
    EXPECT_EQ(here.used(), 0U);
    EXPECT_EQ(as_text(clone), "abc");
    EXPECT_EQ(there.used(), 128U);
}

TEST(buffer, is_written_then_frozen_without_a_copy) {
    buffer_pool pool;
    auto out = buffer::allocate(pool, 10);
    ASSERT_TRUE(out.valid());
    EXPECT_GE(out.capacity(), 10U);
    out.room()[0] = std::byte{'a'};
    out.commit(1);
    EXPECT_EQ(as_text(out.view()), "a");
    const auto* where = out.view().data();
    const auto frozen = out.freeze();
    EXPECT_EQ(frozen.data(), where);
    EXPECT_FALSE(out.valid());
    EXPECT_EQ(out.size(), 0U);
    EXPECT_TRUE(out.freeze().empty());
    EXPECT_TRUE(out.room().empty());
}

TEST(buffer, grows_and_keeps_its_content) {
    buffer_pool pool;
    buffer out;
    std::string model;
    for (int i = 0; i < 200; ++i) {
        const std::string piece(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
        ASSERT_TRUE(out.append(pool, as_bytes(piece)));
        model += piece;
    }
    EXPECT_EQ(as_text(out.view()), model);
    EXPECT_EQ(pool.used(), out.capacity());
    out.clear();
    EXPECT_TRUE(out.view().empty());
    EXPECT_GT(out.capacity(), 0U);
}

TEST(slice, grows_to_the_front_where_the_bytes_are_those) {
    buffer_pool pool;
    const auto whole = slice::copy(pool, as_bytes("headpayload"));
    const auto payload = whole.sub(4);
    const auto joined = payload.with_front(as_bytes("head"));
    EXPECT_EQ(as_text(joined), "headpayload");
    EXPECT_EQ(joined.data(), whole.data()) << "not copied";
    EXPECT_EQ(as_text(payload.with_front(as_bytes("ad"))), "adpayload");
    EXPECT_TRUE(payload.with_front(as_bytes("hEad")).empty());
    EXPECT_TRUE(payload.with_front(as_bytes("ahead")).empty()) << "before the block";
    EXPECT_TRUE(payload.with_front({}).empty());
    EXPECT_TRUE(whole.with_front(as_bytes("h")).empty());
    EXPECT_TRUE(slice::borrowed(as_bytes("payload")).with_front(as_bytes("h")).empty());
    EXPECT_TRUE(slice{}.with_front(as_bytes("h")).empty());
}

TEST(slice, can_be_assigned_to_itself) {
    buffer_pool pool;
    {
        auto one = slice::copy(pool, as_bytes("one"));
        auto& same = one;
        one = same;
        EXPECT_EQ(as_text(one), "one");
        one = std::move(same);
        EXPECT_EQ(as_text(one), "one");
        one = one.sub(1);
        EXPECT_EQ(as_text(one), "ne");
        const auto two = one;
        one = slice::copy(pool, as_bytes("three"));
        EXPECT_EQ(as_text(two), "ne");
    }
    EXPECT_EQ(pool.used(), 0U);
}

TEST(buffer, a_failed_append_changes_nothing) {
    buffer_pool pool{256};
    auto out = buffer::allocate(pool, 128);
    ASSERT_TRUE(out.append(pool, as_bytes(std::string(100, 'x'))));
    EXPECT_FALSE(out.append(pool, as_bytes(std::string(200, 'y'))));
    EXPECT_EQ(out.size(), 100U);
    EXPECT_TRUE(out.append(pool, as_bytes("z")));
    EXPECT_FALSE(buffer::allocate(pool, 1000).valid());
    EXPECT_TRUE(buffer{}.append(pool, {}));
}

TEST(buffer, moves_release_in_time) {
    buffer_pool pool;
    {
        auto a = buffer::allocate(pool, 100);
        auto b = buffer::allocate(pool, 1000);
        a = std::move(b);
        EXPECT_EQ(a.capacity(), 1024U);
        buffer c{std::move(a)};
        EXPECT_FALSE(a.valid()); // NOLINT(bugprone-use-after-move): this is what is tested
        EXPECT_EQ(c.capacity(), 1024U);
    }
    EXPECT_EQ(pool.used(), 0U);
}

} // namespace
} // namespace moqrtc
