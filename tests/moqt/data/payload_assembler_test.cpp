#include "support.hpp"

#include <moqrtc/moqt/data/payload_assembler.hpp>

#include <gtest/gtest.h>
#include <moqt/listed_drafts.hpp>

using namespace moqrtc;
using namespace moqrtc::moqt;
using namespace moqrtc::moqt::data_test;

TEST(payload_assembler, a_claimed_payload_costs_nothing_until_it_arrives) {
    for (const auto d : spoken_drafts) {
        buffer_pool pool;
        auto reader = stream_reader::create(rules_for(d), 0x30);
        octets wire = hex("02 00  00");
        put_varint(wire, rules_for(d), limits::object_payload);
        put(wire, hex("61"));
        bytes in{wire};
        while (reader->next(in, pool).value()) {
        }
        // 4 KiB at first; later never more than twice of what is here, plus what it grew from.
        EXPECT_LE(pool.used(), 4096U);
        octets more(1000, std::byte{0x62});
        for (std::size_t received = 1; received < 3'000'000;) {
            in = more;
            ASSERT_FALSE(reader->next(in, pool).value().has_value());
            received += more.size();
            ASSERT_LE(pool.used(), std::max<std::size_t>(4096, 2 * received));
        }
    }
}

TEST(payload_assembler, an_object_of_the_largest_size_arrives) {
    buffer_pool pool;
    auto reader = stream_reader::create(rules_for(draft::d18), 0x30);
    octets wire = hex("02 00  00");
    put_varint(wire, rules_for(draft::d18), limits::object_payload);
    wire.resize(wire.size() + static_cast<std::size_t>(limits::object_payload), std::byte{0x63});
    bytes left{wire};
    std::optional<stream_item> last;
    while (!left.empty()) {
        auto in = left.first(std::min<std::size_t>(left.size(), 65536));
        left = left.subspan(in.size());
        while (auto item = reader->next(in, pool).value())
            last = std::move(item);
    }
    ASSERT_TRUE(last.has_value());
    EXPECT_EQ(last->object.payload.size(), limits::object_payload);
    EXPECT_TRUE(reader->finish().has_value());
}

TEST(payload_assembler, sizes_beyond_the_limits_are_refused_at_once) {
    for (const auto d : listed_drafts()) {
        const auto& rules = rules_for(d);
        const auto claim = [&](std::uint64_t type, std::uint64_t size) {
            octets wire = hex("02 00  00");
            put_varint(wire, rules, size);
            return read_whole(rules, type, wire).code();
        };
        EXPECT_EQ(claim(0x30, limits::object_payload), errc::truncated);
        EXPECT_EQ(claim(0x30, limits::object_payload + 1), errc::limit);
        EXPECT_EQ(claim(0x30, varint_max(rules.varint)), errc::limit);
        EXPECT_EQ(claim(0x31, limits::properties), errc::truncated); // the properties' length
        EXPECT_EQ(claim(0x31, limits::properties + 1), errc::limit);
        EXPECT_EQ(claim(0x31, varint_max(rules.varint)), errc::limit);

        buffer_pool pool;
        auto reader = stream_reader::create(rules, 0x30);
        reader->set_payload_limit(3);
        const auto wire = hex("02 00  00 03 616263  00 04 61626364");
        bytes in{wire};
        EXPECT_TRUE(reader->next(in, pool).value().has_value());
        EXPECT_TRUE(reader->next(in, pool).value().has_value());
        EXPECT_EQ(reader->next(in, pool).error().code, errc::limit);
    }
}

TEST(payload_assembler, the_header_stands_in_front_of_the_payload) {
    const auto& rules = rules_for(draft::d18);
    for (const std::string_view head : {"05 8096", "05 00 8096", "05 02 0801 8096"}) {
        const bool properties = head.size() > 8;
        octets wire = hex("02 00");
        put(wire, hex(head));
        wire.resize(wire.size() + 150, std::byte{0x77});
        for (const std::size_t piece : {std::size_t{20}, std::size_t{1200}}) {
            buffer_pool pool;
            auto reader = stream_reader::create(rules, properties ? 0x31 : 0x30);
            std::optional<stream_item> last;
            for (bytes left{wire}; !left.empty();) {
                auto in = left.first(std::min(left.size(), piece));
                left = left.subspan(in.size());
                while (auto item = reader->next(in, pool).value())
                    last = std::move(item);
            }
            ASSERT_TRUE(last && last->object.payload.size() == 150) << head;
            const auto whole = last->object.payload.with_front(hex(head));
            EXPECT_EQ(whole.size(), hex(head).size() + 150) << head << ", pieces of " << piece;
            EXPECT_EQ(last->object.properties.size(), head.size() > 12 ? 2U : 0U);
        }
    }
}

TEST(payload_assembler, long_properties_arrive_in_pieces_of_any_size) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{1200}}) {
        const auto& rules = rules_for(draft::d18);
        octets wire = hex("02 00  00");
        put_varint(wire, rules, limits::properties);
        wire.resize(wire.size() + limits::properties, std::byte{0x08});
        put(wire, hex("03 616263"));
        buffer_pool pool;
        const auto got =
            read_in_pieces(rules, 0x31, group_order::ascending, wire, pool, [&] { return size; });
        ASSERT_EQ(got.code(), errc::ok);
        ASSERT_EQ(got.items.size(), 2U);
        EXPECT_EQ(got.items[1].properties, std::string(limits::properties, '\x08'));
        EXPECT_EQ(got.items[1].payload, "abc");
    }
}
