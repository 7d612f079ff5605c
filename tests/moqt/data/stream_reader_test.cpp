#include "support.hpp"

#include <moqrtc/moqt/data/stream_reader.hpp>

#include <gtest/gtest.h>
#include <moqt/listed_drafts.hpp>

using namespace moqrtc;
using namespace moqrtc::moqt;
using namespace moqrtc::moqt::data_test;

namespace {

constexpr auto up = group_order::ascending;

errc code(draft d, std::uint64_t type, std::string_view wire) {
    return read_whole(rules_for(d), type, hex(wire)).code();
}
/// Runs `test` with random streams of both kinds in every draft.
template <class Test>
void for_streams(std::uint64_t seeds, Test&& test) {
    for (const auto d : all_drafts)
        for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
            SCOPED_TRACE("draft " + std::to_string(number(d)) + " seed " + std::to_string(seed));
            buffer_pool pool;
            stream_maker maker{rules_for(d), seed, pool};
            test(rules_for(d), seed % 2 == 0 ? maker.subgroup() : maker.fetch(), maker);
            if (::testing::Test::HasFatalFailure()) return;
        }
}

} // namespace

TEST(stream_reader, reads_the_example_of_the_drafts) {
    for (const auto d : spoken_drafts) {
        const auto got =
            read_whole(rules_for(d), 0x14, hex("02 00 00 00 00 04 61626364 00 04 65666768"));
        ASSERT_EQ(got.code(), errc::ok);
        ASSERT_EQ(got.items.size(), 3U);
        EXPECT_EQ(got.items[0].what, kind::subgroup_header);
        EXPECT_EQ(got.header->track_alias, 2U);
        EXPECT_EQ(got.items[1], (seen{.shown = 0, .payload = "abcd"}));
        EXPECT_EQ(got.items[2], (seen{.at = {0, 1}, .shown = 0, .payload = "efgh"}));
    }
}

TEST(stream_reader, every_type_of_subgroup_reads_its_fields) {
    for (const auto d : spoken_drafts)
        for (std::uint64_t type = 0; type < 0x80; ++type) {
            if (classify_stream(rules_for(d), type) != stream_kind::subgroup) continue;
            octets wire = hex("02 09");
            if ((type & 0x06) == 0x04) put(wire, hex("07"));
            if ((type & 0x20) == 0) put(wire, hex("0b"));
            const auto block = (type & 0x01) != 0 ? hex("02 080a") : octets{};
            put(wire, hex("05"));
            put(wire, block);
            put(wire, hex("01 61 00"));
            put(wire, block);
            put(wire, hex("01 62"));
            const auto got = read_whole(rules_for(d), type, wire);
            ASSERT_EQ(got.code(), errc::ok) << type;
            ASSERT_EQ(got.items.size(), 3U);
            const seen first{.at = {9, 5},
                             .subgroup = (type & 0x06) == 0   ? 0U
                                         : (type & 0x06) == 2 ? 5U
                                                              : 7U,
                             .shown = (type & 0x20) == 0 ? priority{11} : default_priority,
                             .end_of_group = (type & 0x08) != 0,
                             .first_object = (type & 0x40) != 0,
                             .properties =
                                 std::string{as_text((type & 1) != 0 ? hex("080a") : octets{})},
                             .payload = "a"};
            EXPECT_EQ(got.items[1], first) << type;
            auto second = first;
            second.at.object = 6;
            second.first_object = false;
            second.payload = "b";
            EXPECT_EQ(got.items[2], second) << type;
        }
}

TEST(stream_reader, any_splitting_of_a_stream_gives_the_same_items) {
    for_streams(60, [](const wire_rules& rules, const sample_stream& stream, stream_maker& maker) {
        buffer_pool pool;
        const auto read = [&](auto&& piece) {
            return read_in_pieces(rules, stream.type, stream.order, stream.wire, pool, piece);
        };
        const auto whole = read([&] { return stream.wire.size() + 1; });
        ASSERT_EQ(whole.code(), errc::ok) << whole.failure.field;
        ASSERT_EQ(whole.items, stream.items);
        // Tiny pieces for short streams alone, which have all the cases as well.
        const bool brief = stream.wire.size() < 4000;
        for (int way = brief ? 0 : 2; way < 4; ++way) {
            const auto most = std::uint64_t{1} << (2 + 3 * way);
            const auto split =
                read([&] { return static_cast<std::size_t>(1 + maker.below(most)); });
            ASSERT_EQ(split.code(), errc::ok) << split.failure.field;
            ASSERT_EQ(split.items, stream.items);
        }
        if (brief) {
            ASSERT_EQ(read([] { return std::size_t{1}; }).items, stream.items);
        }
        ASSERT_EQ(pool.used(), 0U);
    });
}

TEST(stream_reader, SHOULD_16_006_SHOULD_18_005_fin_in_the_middle_of_an_object) {
    for_streams(10, [](const wire_rules& rules, const sample_stream& stream, stream_maker& maker) {
        buffer_pool pool;
        std::size_t ends = 0; // FINs between objects, which are fine
        for (std::size_t n = 0; n < stream.wire.size(); n += n < 300 ? 1 : 1 + maker.below(400)) {
            const auto got =
                read_in_pieces(rules, stream.type, stream.order, bytes{stream.wire}.first(n), pool,
                               [&] { return std::size_t{997}; });
            ASSERT_TRUE(got.code() == errc::ok || got.code() == errc::truncated);
            ASSERT_LE(got.items.size(), stream.items.size());
            ASSERT_TRUE(std::equal(got.items.begin(), got.items.end(), stream.items.begin()));
            if (got.code() == errc::ok) ++ends;
        }
        ASSERT_LE(ends, stream.items.size());
    });
    for (const auto d : spoken_drafts) {
        EXPECT_EQ(code(d, 0x14, "02 00 00"), errc::truncated);       // in the header
        EXPECT_EQ(code(d, 0x14, "02 00 00 00"), errc::ok);           // no object
        EXPECT_EQ(code(d, 0x14, "02 00 00 00 00"), errc::truncated); // in an object's header
        EXPECT_EQ(code(d, 0x14, "02 00 00 00 00 00"), errc::truncated);
        EXPECT_EQ(code(d, 0x14, "02 00 00 00 00 00 00"), errc::ok);
        EXPECT_EQ(code(d, 0x14, "02 00 00 00 00 02 61"), errc::truncated); // in a payload
        EXPECT_EQ(code(d, 0x05, ""), errc::truncated);
        EXPECT_EQ(code(d, 0x05, "00"), errc::ok);
    }
}

TEST(stream_reader, MUST_16_057_MUST_18_058_reserved_subgroup_id_mode) {
    for (const std::uint64_t row : {0x10U, 0x30U, 0x50U, 0x70U})
        for (const std::uint64_t low : {0x6U, 0x7U, 0xeU, 0xfU})
            for (const auto d : spoken_drafts) {
                const auto reader = stream_reader::create(rules_for(d), row + low);
                ASSERT_FALSE(reader.has_value());
                EXPECT_EQ(reader.error().code, errc::bad_value);
            }
}
TEST(stream_reader, MUST_16_012_058_MUST_18_013_059_stream_type_of_no_known_form) {
    const auto refused = [](draft d, std::uint64_t type) {
        const auto reader = stream_reader::create(rules_for(d), type);
        return !reader && reader.error().code == errc::unknown_type;
    };
    for (const auto d : spoken_drafts)
        for (const std::uint64_t type : {0x00U, 0x04U, 0x20U, 0x40U, 0x60U, 0x80U, 0x90U, 0x2f00U})
            EXPECT_TRUE(refused(d, type)) << type;
    EXPECT_TRUE(refused(draft::d16, 0x50));
    EXPECT_FALSE(refused(draft::d18, 0x50));
    EXPECT_TRUE(refused(draft::d16, 0x132b3e28));
}

TEST(stream_reader, MUST_16_052_MUST_18_053_properties_on_a_status_that_is_not_normal) {
    for (const auto d : listed_drafts()) {
        EXPECT_EQ(code(d, 0x11, "02 00 80  00 02 080a 00 03"), errc::bad_value);
        EXPECT_EQ(code(d, 0x11, "02 00 80  00 02 080a 00 04"), errc::bad_value);
        EXPECT_EQ(code(d, 0x11, "02 00 80  00 02 080a 00 00"), errc::ok);
        EXPECT_EQ(code(d, 0x11, "02 00 80  00 00 00 03"), errc::ok); // an empty block
    }
}
TEST(stream_reader, SHOULD_16_005_SHOULD_18_004_unknown_status) {
    for (const auto d : listed_drafts()) {
        for (const auto* status : {"01", "02", "05", "06", "3f"})
            EXPECT_EQ(code(d, 0x10, std::string{"02 00 80  00 00"} + status), errc::bad_value);
        for (const auto* status : {"00", "03", "04"})
            EXPECT_EQ(code(d, 0x10, std::string{"02 00 80  00 00"} + status), errc::ok);
    }
    EXPECT_EQ(code(draft::d15, 0x10, "02 00 80  00 00 01"), errc::ok);
}
TEST(stream_reader, MUST_18_060_object_id_above_the_largest_integer) {
    EXPECT_EQ(code(draft::d18, 0x30, "02 00  ffffffffffffffffff 01 61"), errc::ok);
    EXPECT_EQ(code(draft::d18, 0x30, "02 00  ffffffffffffffffff 01 61  00 01 62"), errc::overflow);
    EXPECT_EQ(code(draft::d18, 0x30, "02 00  05 01 61  fffffffffffffffff9 01 62"), errc::ok);
    EXPECT_EQ(code(draft::d18, 0x30, "02 00  05 01 61  fffffffffffffffffa 01 62"), errc::overflow);
    EXPECT_EQ(code(draft::d16, 0x30, "02 00  ffffffffffffffff 01 61  00 01 62"), errc::overflow);
}
TEST(stream_reader, draft_17_has_no_integer_of_seven_bytes) {
    EXPECT_EQ(code(draft::d17, 0x30, "02 00  fc000000000000 01 61"), errc::bad_value);
    EXPECT_EQ(code(draft::d18, 0x30, "02 00  fc000000000000 01 61"), errc::ok);
}

TEST(stream_reader, MUST_18_181_padding_is_thrown_away) {
    buffer_pool pool;
    auto reader = stream_reader::create(rules_for(draft::d18), stream_type::padding);
    ASSERT_TRUE(reader.has_value());
    const octets junk(5000, std::byte{0x14});
    bytes in{junk};
    const auto item = reader->next(in, pool);
    ASSERT_TRUE(item && !*item);
    EXPECT_TRUE(in.empty());
    EXPECT_EQ(pool.used(), 0U);
    EXPECT_TRUE(reader->finish().has_value());
}

TEST(stream_reader, the_default_priority_is_the_tracks) {
    buffer_pool pool;
    auto reader = stream_reader::create(rules_for(draft::d18), 0x30);
    const auto wire = hex("02 00  05 01 61");
    bytes in{wire};
    ASSERT_TRUE(reader->next(in, pool).value().has_value());
    reader->set_default_priority(77);
    EXPECT_EQ(reader->next(in, pool).value()->object.publisher_priority, 77);
}

TEST(stream_reader, an_error_stays) {
    buffer_pool pool;
    auto reader = stream_reader::create(rules_for(draft::d18), 0x30);
    const auto wire = hex("02 00  05 00 07  00 01 61");
    bytes in{wire};
    ASSERT_TRUE(reader->next(in, pool).value().has_value());
    for (int i = 0; i < 3; ++i) {
        const auto item = reader->next(in, pool);
        ASSERT_FALSE(item.has_value());
        EXPECT_EQ(item.error().code, errc::bad_value);
        EXPECT_STREQ(item.error().field, "object_status");
        EXPECT_STREQ(item.error().where, subgroup_object_header::where);
    }
    EXPECT_EQ(reader->finish().error().code, errc::bad_value);
    EXPECT_EQ(reader->failure().code, errc::bad_value);
}

TEST(stream_reader, tells_how_far_it_is) {
    buffer_pool pool;
    auto reader = stream_reader::create(rules_for(draft::d18), 0x30);
    EXPECT_FALSE(reader->progress().header_seen);
    const auto wire = hex("02 09  05 01 61  00 08 6263");
    bytes in{wire};
    while (reader->next(in, pool).value()) {
    }
    const auto so_far = reader->progress();
    EXPECT_TRUE(so_far.header_seen && so_far.object_under_way);
    EXPECT_EQ(so_far.objects, 1U);
    EXPECT_EQ(so_far.received, 2U);
    EXPECT_EQ(so_far.length, 8U);
    EXPECT_EQ(so_far.last, (location{9, 5}));
}

TEST(stream_reader, an_exhausted_pool_is_an_error_wherever_it_happens) {
    for_streams(10, [](const wire_rules& rules, const sample_stream& stream, stream_maker&) {
        for (const std::size_t most : {0UL, 128UL, 200UL, 1024UL, 4096UL, 10000UL}) {
            for (const std::size_t piece : {37UL, 1200UL, 100000UL}) {
                buffer_pool pool{most};
                const auto got = read_in_pieces(rules, stream.type, stream.order, stream.wire, pool,
                                                [&] { return piece; });
                ASSERT_TRUE(got.code() == errc::ok || got.code() == errc::out_of_memory);
                ASSERT_TRUE(std::equal(got.items.begin(), got.items.end(), stream.items.begin()));
                ASSERT_EQ(pool.used(), 0U);
            }
        }
    });
}
TEST(stream_reader, a_pool_with_room_for_one_object_gives_one_object) {
    // The shared copy of the piece does not fit, so each object is copied by itself.
    const auto& rules = rules_for(draft::d18);
    octets wire = hex("02 00");
    for (int i = 0; i < 40; ++i) {
        put(wire, hex("00 64"));
        wire.resize(wire.size() + 100, std::byte{0x61});
    }
    buffer_pool pool{128};
    const auto got = read_in_pieces(rules, 0x30, up, wire, pool, [&] { return wire.size(); });
    EXPECT_EQ(got.code(), errc::ok);
    EXPECT_EQ(got.items.size(), 41U);
}

TEST(stream_reader, objects_of_one_piece_share_one_block) {
    const auto& rules = rules_for(draft::d18);
    octets wire = hex("02 00");
    for (int i = 0; i < 10; ++i) {
        put(wire, hex("00 64"));
        wire.resize(wire.size() + 100, std::byte{0x61});
    }
    buffer_pool pool;
    auto reader = stream_reader::create(rules, 0x30);
    bytes in{wire};
    ASSERT_TRUE(reader->next(in, pool).value().has_value());
    std::vector<slice> kept;
    while (const auto item = reader->next(in, pool).value())
        kept.push_back(item->object.payload);
    ASSERT_EQ(kept.size(), 10U);
    EXPECT_EQ(pool.used(), 1024U);
    for (std::size_t i = 1; i < kept.size(); ++i)
        EXPECT_EQ(kept[i].data() - kept[i - 1].data(), 102);
}

TEST(stream_reader, what_was_left_of_a_piece_may_come_again_elsewhere) {
    const auto& rules = rules_for(draft::d18);
    const auto wire = hex("02 00  00 01 61  00 01 62  00 01 63");
    buffer_pool pool;
    auto reader = stream_reader::create(rules, 0x30);
    bytes in{wire};
    ASSERT_TRUE(reader->next(in, pool).value().has_value());
    ASSERT_TRUE(reader->next(in, pool).value().has_value());
    octets moved(in.begin(), in.end());
    for (const std::size_t cut : {moved.size(), std::size_t{4}}) {
        (void)cut;
        bytes rest{moved};
        const auto item = reader->next(rest, pool).value();
        ASSERT_TRUE(item.has_value());
        moved = octets(rest.begin(), rest.end());
        EXPECT_EQ(as_text(item->object.payload), cut == 4 ? "c" : "b");
    }
}

TEST(stream_reader, a_range_end_cut_in_two_leaves_no_copy_behind) {
    // The first piece ends inside long integers, so what was copied of it is longer than the object
    // that follows the range.
    const auto wire =
        hex("04  1c 05 05 08 01 61  810c ff0000000000000005 ff0000000000000009  04 01 01 62");
    buffer_pool pool;
    std::size_t pieces = 0;
    const auto got = read_in_pieces(rules_for(draft::d18), stream_type::fetch, up, wire, pool,
                                    [&] { return pieces++ == 0 ? wire.size() - 5 : wire.size(); });
    ASSERT_EQ(got.code(), errc::ok);
    ASSERT_EQ(got.items.size(), 4U);
    EXPECT_EQ(got.items[3].at, (location{5, 10}));
    EXPECT_EQ(got.items[3].payload, "b");
}
