#include "rules.hpp"

#include <moqrtc/core/sampler.hpp>

#include <array>
#include <gtest/gtest.h>
#include <set>

namespace moqrtc {
namespace {

using namespace tests;

constexpr std::array<std::byte, 32> source{std::byte{1}, std::byte{2}};

TEST(sampler, the_seed_decides_everything) {
    const auto draw = [](std::uint64_t seed) {
        sampler io{ones, seed, source};
        std::vector<std::uint64_t> out;
        for (int i = 0; i < 50; ++i)
            out.push_back(io.next());
        return out;
    };
    EXPECT_EQ(draw(1), draw(1));
    EXPECT_NE(draw(1), draw(2));
    EXPECT_NE(draw(0), draw(1));
}

TEST(sampler, draws_integers_of_every_length) {
    for (const auto& rules : {quic, ones, no7}) {
        sampler io{rules, 1, source};
        std::set<std::size_t> lengths;
        for (int i = 0; i < 5000; ++i) {
            std::uint64_t value = 0;
            io.varint("n", value);
            ASSERT_LE(value, varint_max(rules.varint));
            lengths.insert(varint_size(rules.varint, value));
        }
        EXPECT_EQ(lengths.size(), rules.varint == varint_form::quic           ? 4U
                                  : rules.varint == varint_form::leading_ones ? 9U
                                                                              : 8U);
    }
}

TEST(sampler, bytes_are_parts_of_the_pool_within_the_limit) {
    sampler io{ones, 7, source};
    std::set<std::size_t> sizes;
    for (int i = 0; i < 2000; ++i) {
        bytes b;
        io.blob("b", b, 8);
        ASSERT_LE(b.size(), 8U);
        sizes.insert(b.size());
        if (!b.empty()) {
            ASSERT_GE(b.data(), source.data());
            ASSERT_LE(b.data() + b.size(), source.data() + source.size());
        }
    }
    EXPECT_EQ(sizes.size(), 9U);
    bytes nothing;
    sampler none{ones, 7, {}};
    none.blob("b", nothing, 8);
    none.raw("r", nothing, 4);
    EXPECT_TRUE(nothing.empty());
}

TEST(sampler, optional_fields_come_and_go) {
    sampler io{ones, 3, source};
    int there = 0;
    for (int i = 0; i < 200; ++i) {
        std::optional<std::uint64_t> value;
        io.tail_if(true, "t", value);
        there += value.has_value() ? 1 : 0;
        std::optional<std::uint64_t> never;
        io.tail_if(false, "t", never);
        io.varint_if(false, "t", never);
        EXPECT_FALSE(never);
    }
    EXPECT_GT(there, 50);
    EXPECT_LT(there, 150);
}

} // namespace
} // namespace moqrtc
