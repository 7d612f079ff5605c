#include "support.hpp"

#include <moqrtc/cmaf/sample_table.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace moqrtc::cmaf::test {
namespace {

/// A box for `parse_sample_table_box`.
struct table_box {
    table_box(fourcc type, const byte_vector& body) : data{boxed(type, body)} {
        what = **box_cursor{data}.next();
    }
    byte_vector data;
    box what{};
};

sample_table simple_table(std::vector<table_box>& boxes) {
    boxes.clear();
    boxes.emplace_back(fourcc{"stts"},
                       hex("00000000 00000002 00000002 0000000a 00000001 00000014"));
    boxes.emplace_back(fourcc{"ctts"}, hex("01000000 00000001 00000001 fffffffe"));
    boxes.emplace_back(
        fourcc{"stsc"},
        hex("00000000 00000002 00000001 00000002 00000001 00000002 00000001 00000003"));
    boxes.emplace_back(fourcc{"stsz"},
                       hex("00000000 00000000 00000003 00000005 00000006 00000007"));
    boxes.emplace_back(fourcc{"stco"}, hex("00000000 00000002 00000064 000000c8"));
    boxes.emplace_back(fourcc{"stss"}, hex("00000000 00000002 00000001 00000003"));
    sample_table table;
    for (const auto& b : boxes)
        EXPECT_TRUE(parse_sample_table_box(table, b.what));
    return table;
}

TEST(sample_iterator, walks_the_tables) {
    std::vector<table_box> boxes;
    const auto table = simple_table(boxes);
    EXPECT_EQ(least_composition_offset(table), -2);
    sample_iterator samples{table, 2};
    const auto a = **samples.next();
    EXPECT_EQ(a.decode_time, 0);
    EXPECT_EQ(a.duration, 10U);
    EXPECT_EQ(a.composition_offset, 0); // -2 moved by 2
    EXPECT_EQ(a.offset, 100U);
    EXPECT_EQ(a.size, 5U);
    EXPECT_EQ(a.description, 1U);
    EXPECT_TRUE(a.is_sync);
    const auto b = **samples.next();
    EXPECT_EQ(b.decode_time, 10);
    EXPECT_EQ(b.composition_offset, 2); // the table ended: 0, moved
    EXPECT_EQ(b.offset, 105U);
    EXPECT_FALSE(b.is_sync);
    EXPECT_EQ(samples.remaining(), 1U);
    const auto c = **samples.next();
    EXPECT_EQ(c.decode_time, 20);
    EXPECT_EQ(c.duration, 20U);
    EXPECT_EQ(c.offset, 200U);
    EXPECT_EQ(c.description, 3U);
    EXPECT_TRUE(c.is_sync);
    EXPECT_FALSE(*samples.next());
}

TEST(sample_iterator, reads_compact_and_constant_sizes_and_wide_offsets) {
    std::vector<table_box> boxes;
    for (const auto& [text, sizes] :
         {std::pair{"00000000 00000004 00000003 5670", std::array{5U, 6U, 7U}},
          {"00000000 00000008 00000003 050607", {5U, 6U, 7U}},
          {"00000000 00000010 00000003 010000020003", {256U, 2U, 3U}}}) {
        auto table = simple_table(boxes);
        const table_box compact{"stz2", hex(text)};
        const table_box wide{"co64", hex("00000000 00000002 0000000100000000 0000000200000000")};
        ASSERT_TRUE(parse_sample_table_box(table, compact.what));
        ASSERT_TRUE(parse_sample_table_box(table, wide.what));
        sample_iterator samples{table};
        for (const auto size : sizes)
            EXPECT_EQ((*samples.next())->size, size);
        EXPECT_EQ((*sample_iterator{table}.next())->offset, 0x100000000U);
    }
    auto table = simple_table(boxes);
    const table_box constant{"stsz", hex("00000000 00000009 00000003")};
    ASSERT_TRUE(parse_sample_table_box(table, constant.what));
    sample_iterator samples{table};
    (void)samples.next();
    EXPECT_EQ((*samples.next())->offset, 109U);
}

TEST(sample_iterator, stops_where_tables_disagree) {
    std::vector<table_box> boxes;
    for (const auto& [type, body] :
         {std::pair{fourcc{"stts"}, "00000000 00000001 00000002 0000000a"},
          {fourcc{"stco"}, "00000000 00000001 00000064"},
          {fourcc{"stsc"}, "00000000 00000000"},
          {fourcc{"stsc"}, "00000000 00000001 00000002 00000002 00000001"}}) {
        auto table = simple_table(boxes);
        const table_box wrong{type, hex(body)};
        ASSERT_TRUE(parse_sample_table_box(table, wrong.what));
        sample_iterator samples{table};
        result<std::optional<sample>> s = std::nullopt;
        do
            s = samples.next();
        while (s && *s);
        ASSERT_FALSE(s);
        EXPECT_EQ(s.error().code, errc::bad_value);
        EXPECT_FALSE(*samples.next()); // at its end after an error
    }
}

TEST(sample_table, refuses_counts_beyond_the_box) {
    for (const auto& [type, body] :
         {std::pair{fourcc{"stts"}, "00000000 ffffffff 00000001 00000001"},
          {fourcc{"ctts"}, "00000000 00000002 00000001 00000001"},
          {fourcc{"stsc"}, "00000000 20000000 00000001 00000001"},
          {fourcc{"stsz"}, "00000000 00000000 40000001 00000001"},
          {fourcc{"stz2"}, "00000000 00000004 00000003 11"},
          {fourcc{"stco"}, "00000000 40000000"},
          {fourcc{"co64"}, "00000000 20000000"},
          {fourcc{"stss"}, "00000000 00000001"}}) {
        const table_box wrong{type, hex(body)};
        sample_table table;
        const auto done = parse_sample_table_box(table, wrong.what);
        ASSERT_FALSE(done) << to_text(type).data();
        EXPECT_EQ(done.error().code, errc::truncated);
        EXPECT_NE(std::string{done.error().where}.find("ISO/IEC 14496-12"), std::string::npos);
    }
    const table_box width{"stz2", hex("00000000 00000005 00000001 11")};
    sample_table table;
    EXPECT_EQ(parse_sample_table_box(table, width.what).error().code, errc::bad_value);
}

TEST(sample_table, any_list_of_samples_comes_back) {
    const auto held = rc::check([] {
        const auto count = *rc::gen::inRange<std::size_t>(1, 40);
        const auto list = *rc::gen::container<std::vector<table_sample>>(
            count,
            rc::gen::apply([](std::uint32_t duration, std::int32_t offset, std::uint32_t size,
                              bool sync) { return table_sample{duration, offset, size, sync}; },
                           rc::gen::inRange<std::uint32_t>(0, 5000),
                           rc::gen::inRange<std::int32_t>(-3000, 9000),
                           rc::gen::inRange<std::uint32_t>(1, 60), rc::gen::arbitrary<bool>()));
        const auto per_chunk = *rc::gen::inRange<std::uint32_t>(1, 7);
        const bool moov_first = *rc::gen::arbitrary<bool>();
        const auto file = progressive_file(list, per_chunk, true, moov_first);
        std::int32_t least = 0;
        for (const auto& s : list)
            least = std::min(least, s.composition_offset);
        std::size_t i = 0;
        std::int64_t time = 0;
        const auto check = [&](const media_sample& s) {
            RC_ASSERT(i < list.size());
            RC_ASSERT(s.duration == list[i].duration);
            RC_ASSERT(s.decode_time == time);
            RC_ASSERT(s.composition_offset == list[i].composition_offset - least);
            RC_ASSERT(s.is_sync == list[i].is_sync);
            RC_ASSERT(s.payload.size() == list[i].size);
            for (const auto b : s.payload.view())
                RC_ASSERT(b == static_cast<std::byte>(i));
            time += s.duration;
            ++i;
        };
        file_demuxer::config small;
        small.read_size = 100;
        small.scan_size = 40;
        small.windows = 1;
        const auto tracks = demux_file(file, small, check);
        RC_ASSERT(tracks.has_value());
        RC_ASSERT(i == list.size());
        RC_ASSERT(tracks->front().edit_start == -std::int64_t{least});
        if (!moov_first) return;
        i = 0;
        time = 0;
        buffer_pool pool;
        RC_ASSERT(demux_stream(pool, file, *rc::gen::inRange<std::size_t>(1, 200), check));
        RC_ASSERT(i == list.size());
    });
    EXPECT_TRUE(held);
}

} // namespace
} // namespace moqrtc::cmaf::test
