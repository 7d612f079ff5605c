#include "support.hpp"

#include <moqrtc/moqt/data/datagram.hpp>
#include <moqrtc/moqt/message.hpp>

#include <gtest/gtest.h>
#include <moqt/listed_drafts.hpp>
#include <set>

using namespace moqrtc;
using namespace moqrtc::moqt;
using namespace moqrtc::moqt::data_test;

namespace {

constexpr std::array<std::byte, 64> pool_bytes{};

errc code(draft d, bytes wire) {
    const auto parsed = parse_datagram(rules_for(d), wire);
    return parsed ? errc::ok : parsed.error().code;
}
/// The types of draft 14 section 10.3.1, draft 15 section 10.3.1 and later ones, written out.
std::set<std::uint64_t> types_of(draft d) {
    if (d == draft::d14) return {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x20, 0x21};
    return {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
            0x0c, 0x0d, 0x0e, 0x0f, 0x20, 0x21, 0x24, 0x25, 0x28, 0x29, 0x2c, 0x2d};
}

} // namespace

TEST(datagram, every_type_of_every_draft_is_accepted_or_refused_as_in_its_table) {
    for (const auto d : all_drafts)
        for (std::uint64_t type = 0; type < 0x400; ++type) {
            octets wire;
            put_varint(wire, rules_for(d), type);
            put(wire, hex("01 02")); // alias, group
            if ((type & 0x04) == 0) put(wire, hex("03"));
            if ((type & 0x08) == 0) put(wire, hex("80"));
            if ((type & 0x01) != 0) put(wire, hex("02 080a"));
            put(wire, hex("00")); // status Normal, or a payload of one byte
            EXPECT_EQ(code(d, wire), types_of(d).contains(type) ? errc::ok : errc::unknown_type)
                << "draft " << number(d) << " type " << type;
        }
}

TEST(datagram, examples_checked_by_hand) {
    const auto whole = hex("01 4064 0a 05 07 02 080a 616263");
    const auto parsed = parse_datagram(rules_for(draft::d16), whole);
    ASSERT_TRUE(parsed && *parsed);
    const auto& m = **parsed;
    EXPECT_EQ(m.track_alias, 100U);
    EXPECT_EQ(m.group_id, 10U);
    EXPECT_EQ(m.object_id, 5U);
    EXPECT_EQ(m.publisher_priority, priority{7});
    EXPECT_FALSE(m.status || m.end_of_group || m.zero_object_id);
    EXPECT_TRUE(equal(m.properties, hex("080a")));
    EXPECT_EQ(as_text(m.payload), "abc");

    const auto status = hex("2c 64 0a 04");
    const auto end = parse_datagram(rules_for(draft::d18), status);
    ASSERT_TRUE(end && *end);
    EXPECT_EQ((*end)->status, object_status::end_of_track);
    EXPECT_EQ((*end)->object_id, 0U);
    EXPECT_FALSE((*end)->publisher_priority);

    const auto empty = hex("0e 01 02");
    const auto last = parse_datagram(rules_for(draft::d18), empty);
    ASSERT_TRUE(last && *last);
    EXPECT_TRUE((*last)->end_of_group && (*last)->payload.empty());
}

TEST(datagram, every_sampled_datagram_round_trips_and_is_refused_when_cut) {
    for (const auto d : all_drafts)
        for (std::uint64_t seed = 1; seed < 400; ++seed) {
            const auto& rules = rules_for(d);
            const auto m = sample<object_datagram>(rules, seed, pool_bytes);
            octets wire(200);
            const auto size = serialize_datagram(rules, m, wire);
            ASSERT_TRUE(size.has_value()) << size.error().field;
            wire.resize(*size);
            ASSERT_EQ(wire_size(rules, m), wire.size());
            const auto back = parse_datagram(rules, wire);
            ASSERT_TRUE(back && *back);
            ASSERT_EQ(to_text(rules, **back), to_text(rules, m));
            for (std::size_t n = 0; n < wire.size() - m.payload.size(); ++n) {
                const octets cut(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(n));
                const auto short_one = parse_datagram(rules, cut);
                ASSERT_FALSE(short_one.has_value());
                ASSERT_EQ(short_one.error().code, errc::truncated);
                ASSERT_LE(short_one.error().offset, n);
            }
        }
}

TEST(datagram, MUST_16_053_MUST_18_054_empty_properties) {
    EXPECT_EQ(code(draft::d16, hex("01 01 02 03 80 00 616263")), errc::bad_value);
    EXPECT_EQ(code(draft::d18, hex("01 01 02 03 80 00 616263")), errc::bad_value);
}
TEST(datagram, MUST_16_054_MUST_18_055_status_with_end_of_group) {
    for (const auto d : spoken_drafts)
        for (const auto* type : {"22", "23", "26", "27", "2a", "2b", "2e", "2f"})
            EXPECT_EQ(code(d, hex(std::string{type} + "0102030405")), errc::unknown_type);
}
TEST(datagram, MUST_16_055_MUST_18_056_type_of_another_form) {
    for (const auto* type : {"10", "1f", "30", "3f"})
        for (const auto d : spoken_drafts)
            EXPECT_EQ(code(d, hex(std::string{type} + "0102030405")), errc::unknown_type);
    EXPECT_EQ(code(draft::d16, hex("4040 01 02 03 80")), errc::unknown_type);
    EXPECT_EQ(code(draft::d18, hex("40 01 02 03 80")), errc::unknown_type);
    EXPECT_EQ(code(draft::d18, hex("8080 01 02 03 80")), errc::unknown_type);
    EXPECT_EQ(code(draft::d16, hex("932b3e29 00")), errc::unknown_type); // padding, from 18 on
}
TEST(datagram, MUST_16_056_MUST_18_057_properties_on_a_status_that_is_not_normal) {
    for (const auto d : listed_drafts()) {
        EXPECT_EQ(code(d, hex("21 01 02 03 80 02 080a 03")), errc::bad_value);
        EXPECT_EQ(code(d, hex("21 01 02 03 80 02 080a 00")), errc::ok);
    }
}
TEST(datagram, SHOULD_16_005_SHOULD_18_004_unknown_status) {
    for (const auto d : listed_drafts())
        for (const auto* status : {"01", "02", "05", "3f"})
            EXPECT_EQ(code(d, hex(std::string{"20 01 02 03 80"} + status)), errc::bad_value);
    EXPECT_EQ(code(draft::d15, hex("20 01 02 03 80 01")), errc::ok);
}
TEST(datagram, bytes_behind_a_status_are_refused) {
    for (const auto d : spoken_drafts)
        EXPECT_EQ(code(d, hex("20 01 02 03 80 03 00")), errc::trailing);
}

TEST(datagram, MUST_18_181_padding_is_recognised_whatever_follows) {
    const auto& rules = rules_for(draft::d18);
    for (const auto* wire : {"f0132b3e29", "f0132b3e29 0000", "f0132b3e29 01ff",
                             "ff 00000000132b3e29 00"}) { // not the shortest form
        const auto parsed = parse_datagram(rules, hex(wire));
        ASSERT_TRUE(parsed.has_value()) << wire;
        EXPECT_FALSE(parsed->has_value());
    }
}
TEST(datagram, MUST_18_182_padding_is_zero) {
    octets out(20, std::byte{0xff});
    ASSERT_TRUE(fill_padding_datagram(rules_for(draft::d18), out).has_value());
    EXPECT_EQ(out, hex("f0132b3e29 000000000000000000000000000000"));
    EXPECT_EQ(fill_padding_datagram(rules_for(draft::d16), out).error().code, errc::not_in_draft);
    EXPECT_EQ(
        fill_padding_datagram(rules_for(draft::d18), mutable_bytes{out}.first(4)).error().code,
        errc::no_space);
}

TEST(datagram, an_object_survives_the_way_through_a_datagram) {
    for (const auto d : all_drafts) {
        const auto& rules = rules_for(d);
        buffer_pool pool;
        stream_maker maker{rules, number(d), pool};
        for (int i = 0; i < 200; ++i) {
            object m;
            m.location = {maker.any_id(), maker.coin() ? 0 : maker.any_id()};
            m.forwarding = forwarding_preference::datagram;
            m.publisher_priority = static_cast<priority>(maker.coin() ? 9 : 128);
            if (maker.below(3) == 0)
                m.status = maker.coin() ? object_status::end_of_group : object_status::end_of_track;
            else
                m.payload = maker.any_payload();
            if (m.status == object_status::normal) {
                m.end_of_group = maker.coin();
                if (maker.coin()) m.properties = maker.any_properties();
            }
            octets wire(12000);
            const auto size =
                serialize_datagram(rules, to_datagram(rules, 4, m, priority{128}), wire);
            ASSERT_TRUE(size.has_value()) << size.error().field;
            wire.resize(*size);
            const auto parsed = parse_datagram(rules, wire);
            ASSERT_TRUE(parsed && *parsed);
            EXPECT_EQ((*parsed)->track_alias, 4U);
            const auto back = to_object(**parsed, 128, pool);
            ASSERT_TRUE(back.has_value());
            EXPECT_EQ(seen_of(*back), seen_of(m));
        }
    }
}
TEST(datagram, the_copy_is_bounded_by_the_pool) {
    buffer_pool pool{100};
    const octets wire(50, std::byte{0});
    const auto parsed = parse_datagram(rules_for(draft::d18), wire);
    ASSERT_TRUE(parsed && *parsed);
    EXPECT_EQ(to_object(**parsed, 0, pool).error().code, errc::out_of_memory);
    EXPECT_EQ(pool.used(), 0U);
}
