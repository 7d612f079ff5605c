#include "rules.hpp"

#include <moqrtc/core/writer.hpp>

#include <gtest/gtest.h>

namespace moqrtc {
namespace {

using namespace tests;

/// Runs `write` on exactly `room` bytes; what was written, or the failure.
template <class Write>
result<std::vector<std::byte>> written(const form_rules& rules, std::size_t room, Write&& write) {
    std::vector<std::byte> out(room);
    writer io{rules, out};
    write(io);
    if (!io.ok()) return std::unexpected(io.failure());
    out.resize(io.position());
    return out;
}

void everything(auto& io) {
    io.u8("a", 7);
    io.u16("b", 0x0102);
    io.varint("c", 15293);
    io.blob("d", as_bytes("abc"), 3);
    io.byte_pair("e", 1, 63);
    io.rest("f", as_bytes("x"));
    io.raw("g", as_bytes("yz"), 2);
    io.varint_if(true, "h", std::uint64_t{5});
    io.varint_if(true, "i", std::optional<std::uint64_t>{});
    io.tail_if(true, "j", std::optional<std::uint64_t>{6});
    io.tail_if(true, "k", std::optional<std::uint64_t>{});
}

TEST(writer, writes_fields_in_order) {
    const auto wire = hex("07 0102 bbbd 03 616263 013f 78 797a 05 00 06");
    for (std::size_t more = 0; more < 12; ++more)
        EXPECT_EQ(written(ones, wire.size() + more, [](auto& io) { everything(io); }).value(),
                  wire);
}

TEST(writer, says_no_space_wherever_the_output_ends) {
    const auto whole = written(ones, 64, [](auto& io) { everything(io); }).value().size();
    for (std::size_t room = 0; room < whole; ++room) {
        const auto got = written(ones, room, [](auto& io) { everything(io); });
        ASSERT_FALSE(got) << room;
        EXPECT_EQ(got.error().code, errc::no_space);
        EXPECT_LE(got.error().offset, room);
    }
}

TEST(writer, stops_at_the_first_failure) {
    std::array<std::byte, 8> out{};
    writer io{ones, out};
    io.u8("a", 1);
    io.blob("b", as_bytes("abc"), 2);
    io.u8("c", 2);
    io.varint("d", 3);
    EXPECT_EQ(io.failure().code, errc::limit);
    EXPECT_STREQ(io.failure().field, "b");
    EXPECT_EQ(io.position(), 1U);
    EXPECT_EQ(out[1], std::byte{0});
}

TEST(writer, refuses_what_the_form_cannot_carry) {
    const auto big = [](auto& io) { io.varint("n", std::uint64_t{1} << 62); };
    const auto refused = written(quic, 16, big);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::bad_value);
    EXPECT_TRUE(written(ones, 16, big));
    const auto largest = [](auto& io) { io.varint("n", (std::uint64_t{1} << 62) - 1); };
    EXPECT_EQ(written(quic, 8, largest).value(), hex("ffffffffffffffff"));
}

TEST(writer, refuses_fields_that_do_not_exist) {
    const auto code = [](auto&& write) {
        const auto got = written(ones, 16, write);
        return got ? errc::ok : got.error().code;
    };
    using optional = std::optional<std::uint64_t>;
    EXPECT_EQ(code([](auto& io) { io.varint_if(false, "a", std::uint64_t{1}); }),
              errc::not_in_draft);
    EXPECT_EQ(code([](auto& io) { io.varint_if(false, "a", std::uint64_t{0}); }), errc::ok);
    EXPECT_EQ(code([](auto& io) { io.varint_if(false, "a", optional{0}); }), errc::not_in_draft);
    EXPECT_EQ(code([](auto& io) { io.varint_if(false, "a", optional{}); }), errc::ok);
    EXPECT_EQ(code([](auto& io) { io.tail_if(false, "a", optional{0}); }), errc::not_in_draft);
    EXPECT_EQ(code([](auto& io) { io.tail_if(false, "a", optional{}); }), errc::ok);
    EXPECT_EQ(code([](auto& io) { io.check(false, "a"); }), errc::bad_value);
}

TEST(writer, fills_in_a_length_later) {
    const auto got = written(quic, 8, [](auto& io) {
        auto* const length = io.enter("box");
        io.u16("n", 0x0102);
        io.leave(length);
    });
    EXPECT_EQ(got.value(), hex("02 0102"));
    const auto none = written(quic, 0, [](auto& io) { io.leave(io.enter("box")); });
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, errc::no_space);
}

TEST(writer, lets_a_caller_write_into_what_is_left) {
    std::array<std::byte, 4> out{};
    writer io{ones, out};
    io.u8("a", 1);
    EXPECT_EQ(io.spare().size(), 3U);
    io.spare()[0] = std::byte{2};
    io.commit(1);
    io.u8("c", 3);
    EXPECT_TRUE(equal(bytes{out}.first(io.position()), hex("010203")));
    io.fail(errc::bad_value, "d");
    EXPECT_TRUE(io.spare().empty());
}

} // namespace
} // namespace moqrtc
