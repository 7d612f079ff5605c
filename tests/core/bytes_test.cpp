#include <moqrtc/core/bytes.hpp>

#include <array>
#include <gtest/gtest.h>

namespace moqrtc {
namespace {

constexpr std::array digits{std::byte{0x01}, std::byte{0x23}, std::byte{0x45}, std::byte{0x67},
                            std::byte{0x89}, std::byte{0xab}, std::byte{0xcd}, std::byte{0xef}};
static_assert(load_be<1>(digits) == 0x01);
static_assert(load_be<3>(digits) == 0x012345);
static_assert(load_be<8>(digits) == 0x0123456789abcdef);
static_assert(byte_at(digits, 5) == 0xab);
static_assert([] {
    std::array<std::byte, 5> out{};
    store_be<4>(out, 0xff89abcdef);
    return load_be<5>(out) == 0x89abcdef00;
}());
static_assert(less(bytes{digits}.first(2), bytes{digits}.first(3)));
static_assert(!less(digits, digits));
static_assert(equal(bytes{}, bytes{digits}.first(0)));
static_assert(!equal(bytes{digits}.first(2), bytes{digits}.last(2)));

TEST(bytes, text_and_back) {
    EXPECT_EQ(as_text(as_bytes("abc")), "abc");
    EXPECT_EQ(as_text(bytes{}), "");
    EXPECT_TRUE(less(as_bytes("a"), as_bytes("\xff")));
}

} // namespace
} // namespace moqrtc
