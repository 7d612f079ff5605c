#include "support.hpp"

#include <moqrtc/cmaf/priming.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {
namespace {

static_assert(cmaf::detail::second_number(" 00000000 00000840 000001CA 00000000003F31F6") == 2112);
static_assert(cmaf::detail::second_number("") == 0);
static_assert(cmaf::detail::second_number("00000000") == 0);
static_assert(cmaf::detail::second_number("0 ffff") == 65535);
static_assert(cmaf::detail::second_number("0 10000") == 0, "no sensible delay");

std::uint32_t read(const byte_vector& udta) {
    return parse_priming(**box_cursor{udta}.next());
}

TEST(priming, comes_back) {
    for (const std::uint32_t samples : {1U, 312U, 1024U, 2112U, 65535U}) {
        byte_vector out;
        box_writer w{out};
        write_priming(w, samples);
        EXPECT_EQ(read(out), samples);
    }
}

TEST(priming, anything_else_is_none) {
    EXPECT_EQ(read(boxed("udta", hex(""))), 0U);
    EXPECT_EQ(read(boxed("udta", hex("000000ff 6d657461"))), 0U);
    byte_vector out;
    box_writer w{out};
    write_priming(w, 1024);
    for (std::size_t size = 8; size < out.size(); ++size) {
        byte_vector cut(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
        store_be<4>(mutable_bytes{cut}, size);
        EXPECT_EQ(read(cut), 0U) << size;
    }
}

} // namespace
} // namespace moqrtc::cmaf::test
