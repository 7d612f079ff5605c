#include "support.hpp"

#include <moqrtc/cmaf/box.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {
namespace {

TEST(fourcc, reads_as_text) {
    EXPECT_EQ(fourcc{"moov"}.value, 0x6d6f6f76U);
    EXPECT_STREQ(to_text("moov").data(), "moov");
    EXPECT_STREQ(to_text(fourcc{0x006f7f41}).data(), ".o.A");
}

TEST(box_header, has_four_forms) {
    const auto small = parse_box_header(hex("00000010 6d6f6f76"));
    ASSERT_TRUE(small && *small);
    EXPECT_EQ((*small)->type, fourcc{"moov"});
    EXPECT_EQ((*small)->size, 16U);
    EXPECT_EQ((*small)->header_size, 8U);

    const auto large = parse_box_header(hex("00000001 6d646174 0000000100000000"));
    ASSERT_TRUE(large && *large);
    EXPECT_EQ((*large)->size, 0x100000000U);
    EXPECT_EQ((*large)->header_size, 16U);

    const auto open = parse_box_header(hex("00000000 6d646174"));
    ASSERT_TRUE(open && *open);
    EXPECT_EQ((*open)->size, 0U);

    const auto user = parse_box_header(hex("00000020 75756964 000102030405060708090a0b0c0d0e0f"));
    ASSERT_TRUE(user && *user);
    EXPECT_EQ((*user)->header_size, 24U);
}

TEST(box_header, asks_for_more) {
    const auto largest = hex("00000001 75756964 0000000000000040 000102030405060708090a0b0c0d0e0f");
    ASSERT_EQ(largest.size(), box_header::largest);
    for (std::size_t size = 0; size < largest.size(); ++size) {
        const auto head = parse_box_header(bytes{largest}.first(size));
        ASSERT_TRUE(head);
        EXPECT_FALSE(*head) << size;
    }
    EXPECT_TRUE(parse_box_header(largest)->has_value());
}

TEST(box_header, refuses_sizes_below_the_header) {
    for (const auto* text :
         {"00000007 6d6f6f76", "00000002 6d6f6f76", "00000001 6d6f6f76 000000000000000f",
          "00000001 6d6f6f76 0000000000000000",
          "00000010 75756964 000102030405060708090a0b0c0d0e0f"}) {
        const auto head = parse_box_header(hex(text));
        ASSERT_FALSE(head) << text;
        EXPECT_EQ(head.error().code, errc::bad_value);
    }
}

TEST(box_cursor, walks_and_nests) {
    const auto data = boxed("aaaa", {boxed("bbbb", hex("0102")), boxed("cccc", hex(""))});
    box_cursor outer{data, 100};
    const auto a = outer.next();
    ASSERT_TRUE(a && *a);
    EXPECT_EQ((*a)->offset, 100U);
    EXPECT_EQ((*a)->body_offset(), 108U);
    EXPECT_FALSE(*outer.next());
    box_cursor inner{**a};
    const auto b = inner.next();
    ASSERT_TRUE(b && *b);
    EXPECT_TRUE(equal((*b)->body, hex("0102")));
    EXPECT_EQ((*b)->offset, 108U);
    EXPECT_EQ((*b)->depth, 1U);
    const auto c = inner.next();
    ASSERT_TRUE(c && *c);
    EXPECT_EQ((*c)->offset, 118U);
    EXPECT_FALSE(*inner.next());
}

TEST(box_cursor, size_zero_reaches_to_the_end_at_the_outermost_level_only) {
    const auto data = hex("00000000 6d646174 010203");
    const auto last = box_cursor{data}.next();
    ASSERT_TRUE(last && *last);
    EXPECT_EQ((*last)->body.size(), 3U);
    const auto parent = boxed("moov", data);
    const auto moov = box_cursor{parent}.next();
    const auto inside = box_cursor{**moov}.next();
    ASSERT_FALSE(inside);
    EXPECT_EQ(inside.error().code, errc::bad_value);
    EXPECT_EQ(inside.error().offset, 8U);
}

TEST(box_cursor, refuses_what_its_parent_does_not_hold) {
    box_cursor boxes{hex("")};
    EXPECT_FALSE(*boxes.next());
    const auto short_header = hex("00000008 66726565 000000");
    box_cursor two{short_header};
    ASSERT_TRUE(two.next());
    const auto cut = two.next();
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, errc::truncated);
    EXPECT_EQ(cut.error().offset, 8U);
    EXPECT_FALSE(*two.next()); // at its end after an error
    const auto long_body = hex("00000009 66726565");
    EXPECT_EQ(box_cursor{long_body}.next().error().code, errc::truncated);
}

TEST(box_cursor, bounds_nesting) {
    byte_vector data = boxed("leaf", hex(""));
    for (unsigned i = 0; i < max_nesting + 1; ++i)
        data = boxed("nest", data);
    auto current = box_cursor{data}.next();
    unsigned depth = 0;
    while (current && *current && (*current)->type == "nest") {
        current = box_cursor{**current}.next();
        ++depth;
    }
    ASSERT_FALSE(current);
    EXPECT_EQ(current.error().code, errc::limit);
    EXPECT_EQ(depth, max_nesting);
}

} // namespace
} // namespace moqrtc::cmaf::test
