#include "support.hpp"

#include <moqrtc/cmaf/box_writer.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {
namespace {

void write(box_writer& w) {
    const auto outer = w.open("moov");
    const auto inner = w.open("mfhd", 1, 0x020304);
    w.u32(7);
    w.close(inner);
    w.u8(1);
    w.u16(2);
    w.u24(3);
    w.u64(4);
    w.zeros(2);
    w.blob(hex("aabb"));
    w.close(outer);
}
const auto expected = hex("0000002a 6d6f6f76 00000010 6d666864 01 020304 00000007"
                          "01 0002 000003 0000000000000004 0000 aabb");

TEST(box_writer, fills_in_sizes_in_a_vector) {
    byte_vector out = hex("ff"); // what was there stays
    box_writer w{out};
    write(w);
    EXPECT_EQ(w.size(), expected.size());
    EXPECT_EQ(out.size(), expected.size() + 1);
    EXPECT_TRUE(equal(bytes{out}.subspan(1), expected));
}

TEST(box_writer, fills_in_sizes_in_a_span) {
    byte_vector out(expected.size());
    box_writer w{mutable_bytes{out}};
    write(w);
    EXPECT_FALSE(w.overflowed());
    EXPECT_EQ(out, expected);
}

TEST(box_writer, never_writes_past_a_span) {
    for (std::size_t size = 0; size < expected.size(); ++size) {
        byte_vector out(size + 1, std::byte{0xee});
        box_writer w{mutable_bytes{out}.first(size)};
        write(w);
        EXPECT_TRUE(w.overflowed()) << size;
        EXPECT_EQ(out[size], std::byte{0xee});
    }
}

} // namespace
} // namespace moqrtc::cmaf::test
