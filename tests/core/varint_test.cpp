#include "rules.hpp"

#include <moqrtc/core/varint.hpp>

#include <array>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <vector>

namespace moqrtc {
namespace {

using tests::hex;
using enum varint_form;

struct row {
    varint_form form;
    std::uint64_t value;
    const char* wire;
    bool shortest = true;
};

/// RFC 9000 appendix A.1 and the edges of each length; moq-transport 17 and 18 section 1.4.1.
constexpr std::array rows{
    row{quic, 0, "00"},
    row{quic, 0, "4000", false},
    row{quic, 0, "80000000", false},
    row{quic, 0, "c000000000000000", false},
    row{quic, 37, "25"},
    row{quic, 37, "4025", false},
    row{quic, 63, "3f"},
    row{quic, 64, "4040"},
    row{quic, 15293, "7bbd"},
    row{quic, 16383, "7fff"},
    row{quic, 16384, "80004000"},
    row{quic, 494878333, "9d7f3e7d"},
    row{quic, 1073741823, "bfffffff"},
    row{quic, 1073741824, "c000000040000000"},
    row{quic, 151288809941952652, "c2197c5eff14e88c"},
    row{quic, (std::uint64_t{1} << 62) - 1, "ffffffffffffffff"},
    row{leading_ones, 37, "25"},
    row{leading_ones, 37, "8025", false},
    row{leading_ones, 0, "8000", false},
    row{leading_ones, 0, "c00000", false},
    row{leading_ones, 0, "ff0000000000000000", false},
    row{leading_ones, 127, "7f"},
    row{leading_ones, 128, "8080"},
    row{leading_ones, 15293, "bbbd"},
    row{leading_ones, 16383, "bfff"},
    row{leading_ones, 16384, "c04000"},
    row{leading_ones, 2097151, "dfffff"},
    row{leading_ones, 2097152, "e0200000"},
    row{leading_ones, 226442877, "ed7f3e7d"},
    row{leading_ones, 268435455, "efffffff"},
    row{leading_ones, 268435456, "f010000000"},
    row{leading_ones, 34359738367, "f7ffffffff"},
    row{leading_ones, 34359738368, "f80800000000"},
    row{leading_ones, 2893212287960, "faa1a0e403d8"},
    row{leading_ones, 4398046511103, "fbffffffffff"},
    row{leading_ones, 4398046511104, "fc040000000000"},
    row{leading_ones, 151288809941952, "fc8998abc66bc0"},
    row{leading_ones, 562949953421311, "fdffffffffffff"},
    row{leading_ones, 562949953421312, "fe02000000000000"},
    row{leading_ones, 70423237261249041, "fefa318fa8e3ca11"},
    row{leading_ones, 72057594037927935, "feffffffffffffff"},
    row{leading_ones, 72057594037927936, "ff0100000000000000"},
    row{leading_ones, (std::uint64_t{1} << 62) - 1, "ff3fffffffffffffff"},
    row{leading_ones, UINT64_MAX, "ffffffffffffffffff"},
    row{leading_ones, 0x2f00, "af00"},
    row{leading_ones, 0x132b3e28, "f0132b3e28"},
    row{leading_ones, 0x8c, "808c"},
    row{leading_ones, 0x10c, "810c"},
    row{leading_ones, 0x20c, "820c"},
    row{leading_ones, 0x9d, "809d"},
    row{leading_ones, 0x11c, "811c"},
    row{leading_ones_no7, 2893212287960, "faa1a0e403d8"},
    row{leading_ones_no7, 4398046511103, "fbffffffffff"},
    row{leading_ones_no7, 4398046511104, "fe00040000000000"},
    row{leading_ones_no7, 151288809941952, "fe008998abc66bc0"},
    row{leading_ones_no7, 562949953421311, "fe01ffffffffffff"},
    row{leading_ones_no7, UINT64_MAX, "ffffffffffffffffff"},
};

TEST(varint, every_example_decodes_wherever_it_ends) {
    for (const auto& row : rows) {
        SCOPED_TRACE(row.wire);
        const auto wire = hex(row.wire);
        for (std::size_t behind = 0; behind <= 9; ++behind) {
            auto whole = wire;
            whole.resize(wire.size() + behind, std::byte{0xa5});
            const auto got = decode_varint(row.form, whole.data(), whole.size());
            EXPECT_EQ(got.value, row.value);
            EXPECT_EQ(got.size, wire.size());
        }
        for (std::size_t cut = 0; cut < wire.size(); ++cut) {
            const std::vector<std::byte> part(wire.begin(), wire.begin() + static_cast<long>(cut));
            EXPECT_EQ(decode_varint(row.form, part.data(), cut).size, 0U);
        }
    }
}

TEST(varint, every_shortest_example_encodes) {
    for (const auto& row : rows) {
        if (!row.shortest) continue;
        SCOPED_TRACE(row.wire);
        const auto wire = hex(row.wire);
        EXPECT_EQ(varint_size(row.form, row.value), wire.size());
        std::vector<std::byte> exact(wire.size());
        EXPECT_EQ(encode_varint(row.form, row.value, exact.data()), wire.size());
        EXPECT_EQ(exact, wire);
        for (std::size_t room = wire.size(); room < 12; ++room) {
            std::vector<std::byte> out(room);
            EXPECT_EQ(encode_varint(row.form, row.value, out.data(), room), wire.size());
            EXPECT_TRUE(equal(bytes{out}.first(wire.size()), wire));
        }
    }
}

TEST(varint, the_first_byte_tells_the_length) {
    for (unsigned first = 0; first < 256; ++first) {
        const auto lead = static_cast<std::byte>(first);
        EXPECT_EQ(varint_length(quic, lead), std::size_t{1} << (first >> 6));
        std::size_t ones = 1;
        for (unsigned bit = 0x80; bit != 0 && (first & bit) != 0; bit >>= 1)
            ++ones;
        EXPECT_EQ(varint_length(leading_ones, lead), ones);
        EXPECT_EQ(varint_length(leading_ones_no7, lead), ones == 7 ? 0 : ones);
    }
}

TEST(varint, draft_17_forbids_seven_bytes) {
    for (const auto* wire : {"fc8998abc66bc0", "fd000000000000", "fc8998abc66bc00000"}) {
        const auto data = hex(wire);
        EXPECT_EQ(decode_varint(leading_ones_no7, data.data(), data.size()).size, 0U);
        EXPECT_EQ(decode_varint(leading_ones, data.data(), data.size()).size, 7U);
    }
}

TEST(varint, round_trip_of_any_value) {
    EXPECT_TRUE(rc::check("varint round trip", [](std::uint64_t value) {
        const auto shift = *rc::gen::inRange<unsigned>(0, 64);
        for (const auto form : {quic, leading_ones, leading_ones_no7}) {
            const auto v = (value & varint_max(form)) >> shift;
            std::array<std::byte, 16> wide{};
            std::array<std::byte, 16> tight{};
            const auto size = encode_varint(form, v, wide.data(), wide.size());
            RC_ASSERT(size == varint_size(form, v));
            RC_ASSERT(encode_varint(form, v, tight.data()) == size);
            RC_ASSERT(equal(bytes{wide}.first(size), bytes{tight}.first(size)));
            RC_ASSERT(varint_length(form, wide[0]) == size);
            for (const auto left : {size, wide.size()}) {
                const auto got = decode_varint(form, wide.data(), left);
                RC_ASSERT(got.value == v);
                RC_ASSERT(got.size == size);
            }
        }
    }));
}

TEST(varint, no_shorter_length_exists) {
    EXPECT_TRUE(rc::check("varint is shortest", [](std::uint64_t value) {
        const auto v = value >> *rc::gen::inRange<unsigned>(0, 64);
        const auto size = varint_size(leading_ones, v);
        RC_ASSERT(size == 9 || v < std::uint64_t{1} << (7 * size));
        RC_ASSERT(size == 1 || v >= std::uint64_t{1} << (7 * (size - 1)));
    }));
}

constexpr bool round_trips(varint_form form, std::uint64_t value) {
    std::array<std::byte, 16> out{};
    const auto size = encode_varint(form, value, out.data(), out.size());
    const auto got = decode_varint(form, out.data(), size);
    return got.value == value && got.size == size && size == varint_size(form, value);
}
static_assert(varint_max(quic) == 4611686018427387903u);
static_assert(varint_max(leading_ones) == UINT64_MAX);
static_assert(round_trips(quic, 0) && round_trips(quic, 16384) && round_trips(quic, 1u << 30));
static_assert(round_trips(leading_ones, 0x2f00) && round_trips(leading_ones, UINT64_MAX));
static_assert(round_trips(leading_ones_no7, std::uint64_t{1} << 45));

} // namespace
} // namespace moqrtc
