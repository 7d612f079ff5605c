#include "rules.hpp"

#include <moqrtc/core/reader.hpp>

#include <gtest/gtest.h>

namespace moqrtc {
namespace {

using namespace tests;

TEST(reader, takes_fields_in_order) {
    const auto wire = hex("07 0102 bbbd 03 616263 ff");
    reader io{ones, wire};
    std::uint8_t small = 0;
    std::uint16_t wide = 0;
    std::uint64_t number = 0;
    bytes data;
    bytes end;
    io.u8("a", small);
    io.u16("b", wide);
    io.varint("c", number);
    io.blob("d", data, 3);
    io.rest("e", end);
    EXPECT_TRUE(io.ok());
    EXPECT_EQ(small, 7);
    EXPECT_EQ(wide, 0x0102);
    EXPECT_EQ(number, 15293U);
    EXPECT_EQ(as_text(data), "abc");
    EXPECT_EQ(end.size(), 1U);
    EXPECT_EQ(io.left(), 0U);
    EXPECT_EQ(io.position(), wire.size());
    EXPECT_EQ(data.data(), wire.data() + 6); // borrowed, not copied
}

TEST(reader, the_first_failure_sticks) {
    const auto wire = hex("05 06");
    reader io{ones, wire};
    std::uint8_t first = 0;
    io.u8("first", first);
    std::uint16_t second = 9;
    io.u16("second", second);
    std::uint64_t third = 9;
    io.varint("third", third);
    EXPECT_FALSE(io.ok());
    EXPECT_EQ(io.failure().code, errc::truncated);
    EXPECT_STREQ(io.failure().field, "second");
    EXPECT_EQ(io.failure().offset, 1U);
    EXPECT_EQ(second, 9);
    EXPECT_EQ(third, 9U);
    EXPECT_EQ(io.left(), 0U);
}

errc code_of(const form_rules& rules, const char* wire, auto&& read) {
    const auto data = hex(wire);
    reader io{rules, data};
    read(io);
    return io.failure().code;
}

TEST(reader, integers_that_do_not_fit) {
    std::uint64_t value = 0;
    const auto integer = [&](auto& io) { io.varint("n", value); };
    EXPECT_EQ(code_of(ones, "", integer), errc::truncated);
    EXPECT_EQ(code_of(ones, "bb", integer), errc::truncated);
    EXPECT_EQ(code_of(quic, "c00000", integer), errc::truncated);
    EXPECT_EQ(code_of(no7, "fc8998abc66bc0", integer), errc::bad_value);
    EXPECT_EQ(code_of(no7, "fd", integer), errc::bad_value);
    EXPECT_EQ(code_of(ones, "fd", integer), errc::truncated);
}

TEST(reader, byte_strings_hold_limit_and_end) {
    bytes value;
    const auto blob = [&](auto& io) { io.blob("b", value, 2); };
    EXPECT_EQ(code_of(ones, "02 6162", blob), errc::ok);
    EXPECT_EQ(code_of(ones, "03 616263", blob), errc::limit);
    EXPECT_EQ(code_of(ones, "02 61", blob), errc::truncated);
    EXPECT_EQ(code_of(ones, "ffffffffffffffffff 61", blob), errc::limit);
    EXPECT_EQ(
        code_of(ones, "ffffffffffffffffff 61", [&](auto& io) { io.blob("b", value, SIZE_MAX); }),
        errc::truncated);
    EXPECT_EQ(code_of(ones, "6162", [&](auto& io) { io.raw("r", value, 2); }), errc::ok);
    EXPECT_EQ(code_of(ones, "6162", [&](auto& io) { io.raw("r", value, 3); }), errc::truncated);
}

TEST(reader, a_blob_fails_where_its_length_stands) {
    const auto wire = hex("00 05 61");
    reader io{ones, wire};
    std::uint64_t n = 0;
    bytes b;
    io.varint("n", n);
    io.blob("b", b, 9);
    EXPECT_EQ(io.failure().offset, 1U);
}

TEST(reader, optional_fields) {
    std::uint64_t plain = 5;
    std::optional<std::uint64_t> maybe;
    EXPECT_EQ(code_of(ones, "07",
                      [&](auto& io) {
                          io.varint_if(false, "a", plain);
                          io.varint_if(false, "b", maybe);
                          io.tail_if(false, "c", maybe);
                          EXPECT_EQ(io.left(), 1U);
                          io.tail_if(true, "d", maybe);
                          EXPECT_EQ(maybe, 7U);
                          maybe.reset();
                          io.tail_if(true, "e", maybe);
                      }),
              errc::ok);
    EXPECT_EQ(plain, 5U);
    EXPECT_FALSE(maybe);
    EXPECT_EQ(code_of(ones, "", [&](auto& io) { io.varint_if(true, "b", maybe); }),
              errc::truncated);
}

TEST(reader, narrowing_ends_where_it_says) {
    std::uint64_t n = 0;
    const auto inside = [&](std::size_t size, int integers) {
        return [&n, size, integers](auto& io) {
            const auto* const outer = io.enter(size);
            for (int i = 0; i < integers; ++i)
                io.varint("n", n);
            io.leave(outer, "box", errc::malformed_value);
        };
    };
    EXPECT_EQ(code_of(ones, "0102", inside(1, 1)), errc::ok);
    EXPECT_EQ(code_of(ones, "0102", inside(2, 1)), errc::malformed_value); // bytes left inside
    EXPECT_EQ(code_of(ones, "0102", inside(1, 2)), errc::malformed_value); // a field too much
    const auto wire = hex("0102");
    reader io{ones, wire};
    const auto* const outer = io.enter(1);
    io.varint("n", n);
    io.leave(outer, "box");
    io.varint("n", n);
    EXPECT_TRUE(io.ok());
    EXPECT_EQ(n, 2U);
}

TEST(reader, remembers_places) {
    const auto wire = hex("0102 0304");
    reader io{ones, wire};
    std::uint16_t n = 0;
    io.u16("n", n);
    const auto start = io.position();
    io.u16("n", n);
    EXPECT_EQ(io.since(start).data(), wire.data() + 2);
    EXPECT_EQ(io.since(start).size(), 2U);
    io.fail_at(start, errc::bad_value, "late");
    EXPECT_EQ(io.failure().offset, 2U);
    EXPECT_EQ(io.left(), 0U);
}

constexpr std::uint64_t read_at_compile_time() {
    const std::array wire{std::byte{0xbb}, std::byte{0xbd}};
    reader io{ones, wire};
    std::uint64_t n = 0;
    io.varint("n", n);
    return io.ok() ? n : 0;
}
static_assert(read_at_compile_time() == 15293);

} // namespace
} // namespace moqrtc
