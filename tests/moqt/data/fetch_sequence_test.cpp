#include "support.hpp"

#include <moqrtc/moqt/data/fetch_sequence.hpp>
#include <moqrtc/moqt/message.hpp>

#include <gtest/gtest.h>
#include <moqt/listed_drafts.hpp>

using namespace moqrtc;
using namespace moqrtc::moqt;
using namespace moqrtc::moqt::data_test;

namespace {

constexpr std::array<std::byte, 64> pool_bytes{};

/// The result of the entries of a fetch stream, written without payload, behind request 4.
reading entries(draft d, std::string_view wire, group_order order = group_order::ascending) {
    octets whole = hex("04");
    put(whole, hex(wire));
    return read_whole(rules_for(d), stream_type::fetch, whole, order);
}
errc code(draft d, std::string_view wire, group_order order = group_order::ascending) {
    return entries(d, wire, order).code();
}
object at(std::uint64_t group, std::uint64_t id, std::uint64_t subgroup = 0, priority p = 5) {
    object m;
    m.location = {group, id};
    m.subgroup_id = subgroup;
    m.publisher_priority = p;
    return m;
}
octets encoded(fetch_sequence& sequence, const object& m) {
    octets out(64);
    const auto size = sequence.encode(m, out);
    EXPECT_TRUE(size.has_value()) << (size ? "" : size.error().field);
    out.resize(size.value_or(0));
    return out;
}

} // namespace

TEST(fetch_sequence, draft_16_examples_checked_by_hand) {
    // Group 3 object 5 subgroup 2 priority 8; next object of the same; new group; datagram.
    const auto got = entries(draft::d16, "1f 03 02 05 08 01 61  01 00  0d 09 00 00  4040 02 6263");
    ASSERT_EQ(got.code(), errc::ok) << got.failure.field;
    ASSERT_EQ(got.items.size(), 5U);
    EXPECT_EQ(got.items[0].request, 4U);
    EXPECT_EQ(got.items[1], (seen{.at = {3, 5}, .subgroup = 2, .shown = 8, .payload = "a"}));
    EXPECT_EQ(got.items[2], (seen{.at = {3, 6}, .subgroup = 2, .shown = 8}));
    EXPECT_EQ(got.items[3], (seen{.at = {9, 0}, .subgroup = 2, .shown = 8}));
    EXPECT_EQ(got.items[4], (seen{.at = {9, 1},
                                  .shown = 8,
                                  .forwarding = forwarding_preference::datagram,
                                  .payload = "bc"}));
}

TEST(fetch_sequence, draft_18_examples_checked_by_hand) {
    // First absolute; prior + 1; prior + delta 3; group + 1 + 1 with an absolute object; subgroup
    // of the prior one plus one; group + 0 + 1 with the prior object plus one.
    constexpr auto* wire = "1f 03 02 05 08 00  01 00  05 03 00  0d 01 00 00  02 00  09 00 00";
    const auto up = entries(draft::d18, wire);
    ASSERT_EQ(up.code(), errc::ok) << up.failure.field;
    ASSERT_EQ(up.items.size(), 7U);
    EXPECT_EQ(up.items[1].at, (location{3, 5}));
    EXPECT_EQ(up.items[2].at, (location{3, 6}));
    EXPECT_EQ(up.items[3].at, (location{3, 9}));
    EXPECT_EQ(up.items[4].at, (location{5, 0}));
    EXPECT_EQ(up.items[5].at, (location{5, 1}));
    EXPECT_EQ(up.items[5].subgroup, 3U);
    EXPECT_EQ(up.items[6].at, (location{6, 2}));
    EXPECT_EQ(up.items[6].subgroup, 0U + 3U);

    const auto down =
        entries(draft::d18, "1f 09 02 05 08 00  0d 01 00 00", group_order::descending);
    ASSERT_EQ(down.code(), errc::ok);
    EXPECT_EQ(down.items[2].at, (location{7, 0}));
}

TEST(fetch_sequence, drafts_14_and_15_have_layouts_of_their_own) {
    const auto plain = entries(draft::d14, "03 02 05 08 00 01 61  03 02 06 08 00 00 03");
    ASSERT_EQ(plain.code(), errc::ok) << plain.failure.field;
    EXPECT_EQ(plain.items[1], (seen{.at = {3, 5}, .subgroup = 2, .shown = 8, .payload = "a"}));
    EXPECT_EQ(plain.items[2].status, object_status::end_of_group);
    const auto flags = entries(draft::d15, "1f 03 02 05 08 01 61  01 00 01");
    ASSERT_EQ(flags.code(), errc::ok) << flags.failure.field;
    EXPECT_EQ(flags.items[2].status, object_status::does_not_exist);
    EXPECT_EQ(code(draft::d15, "5c 03 05 08 00 00"), errc::bad_value);
    EXPECT_EQ(code(draft::d15, "8c 03 05"), errc::bad_value);
}

TEST(fetch_sequence, the_encoder_writes_the_shortest_form) {
    fetch_sequence d16{rules_for(draft::d16)};
    EXPECT_EQ(encoded(d16, at(3, 5, 2, 8)), hex("1f 03 02 05 08 00"));
    EXPECT_EQ(encoded(d16, at(3, 6, 2, 8)), hex("01 00"));
    EXPECT_EQ(encoded(d16, at(3, 7, 3, 8)), hex("02 00"));
    EXPECT_EQ(encoded(d16, at(3, 8, 0, 8)), hex("00 00"));
    EXPECT_EQ(encoded(d16, at(9, 0, 0, 8)), hex("0c 09 00 00"));
    EXPECT_EQ(encoded(d16, at(10, 1, 0, 9)), hex("18 0a 09 00"));

    fetch_sequence d18{rules_for(draft::d18), group_order::descending};
    EXPECT_EQ(encoded(d18, at(9, 5, 2, 8)), hex("1f 09 02 05 08 00"));
    EXPECT_EQ(encoded(d18, at(9, 9, 2, 8)), hex("05 04 00"));
    EXPECT_EQ(encoded(d18, at(8, 0, 2, 8)), hex("0d 00 00 00"));
    EXPECT_EQ(encoded(d18, at(5, 1, 2, 8)), hex("09 02 00"));
}

TEST(fetch_sequence, a_place_that_the_order_forbids_is_not_encoded) {
    std::byte out[64];
    for (const auto order : {group_order::ascending, group_order::descending}) {
        fetch_sequence sequence{rules_for(draft::d18), order};
        const bool up = order == group_order::ascending;
        ASSERT_TRUE(sequence.encode(at(5, 5), out).has_value());
        EXPECT_EQ(sequence.encode(at(5, 5), out).error().code, errc::bad_value);
        EXPECT_EQ(sequence.encode(at(5, 4), out).error().code, errc::bad_value);
        EXPECT_EQ(sequence.encode(at(up ? 4 : 6, 9), out).error().code, errc::bad_value);
        EXPECT_EQ(
            sequence.encode_range_end(range_end::unknown, {up ? 4U : 6U, 9}, out).error().code,
            errc::bad_value);
        EXPECT_TRUE(sequence.encode(at(up ? 6 : 4, 0), out).has_value());
    }
}

TEST(fetch_sequence, a_failed_encode_changes_nothing) {
    fetch_sequence sequence{rules_for(draft::d18)};
    std::byte out[64];
    ASSERT_TRUE(sequence.encode(at(5, 5, 2), out).has_value());
    EXPECT_EQ(sequence.encode(at(9, 9, 7, 1), mutable_bytes{out}.first(3)).error().code,
              errc::no_space);
    EXPECT_EQ(encoded(sequence, at(5, 6, 2)), hex("01 00"));
}

TEST(fetch_sequence, statuses_exist_on_fetch_streams_up_to_draft_15) {
    for (const auto d : all_drafts) {
        fetch_sequence sequence{rules_for(d)};
        std::byte out[64];
        auto end = at(1, 1);
        end.status = object_status::end_of_group;
        const auto size = sequence.encode(end, out);
        EXPECT_EQ(size.has_value(), number(d) <= 15) << number(d);
        if (!size) {
            EXPECT_EQ(size.error().code, errc::not_in_draft);
        }
    }
}

TEST(fetch_sequence, every_sampled_wire_form_round_trips) {
    for (const auto d : all_drafts)
        for (std::uint64_t seed = 1; seed < 400; ++seed) {
            const auto& rules = rules_for(d);
            const auto fields = sample<fetch_object_header>(rules, seed, pool_bytes);
            std::byte wire[100];
            const auto size = serialize(rules, fields, wire);
            ASSERT_TRUE(size.has_value()) << size.error().field;
            ASSERT_EQ(wire_size(rules, fields), *size);
            ASSERT_LE(*size, fetch_object_header::max_size + fields.properties.size());
            const auto back = parse<fetch_object_header>(rules, bytes{wire}.first(*size));
            ASSERT_TRUE(back.has_value());
            ASSERT_EQ(to_text(rules, *back), to_text(rules, fields));
        }
}

TEST(fetch_sequence, MUST_16_059_MUST_18_061_flags_from_128_on) {
    for (const auto d : listed_drafts()) {
        const auto& rules = rules_for(d);
        for (std::uint64_t flags = 0x80; flags < 0x400; ++flags) {
            octets wire;
            put_varint(wire, rules, flags);
            put(wire, hex("03 05"));
            const bool marker =
                flags == 0x8c || flags == 0x10c || (flags == 0x20c && rules.timed_out_range);
            const auto parsed = parse<fetch_object_header>(rules, wire);
            EXPECT_EQ(parsed.has_value(), marker) << flags;
            if (!parsed) {
                EXPECT_EQ(parsed.error().code, errc::bad_value);
            }
        }
    }
    EXPECT_TRUE(parse<fetch_object_header>(rules_for(draft::d20), hex("820c 03 05")).has_value());
    EXPECT_FALSE(parse<fetch_object_header>(rules_for(draft::d19), hex("820c 03 05")).has_value());
}

TEST(fetch_sequence, MUST_16_060_MUST_18_062_063_first_object_refers_to_a_prior_one) {
    // Every flag below 128, with all the fields it announces.
    for (const auto d : listed_drafts())
        for (std::uint64_t flags = 0; flags < 0x80; ++flags) {
            octets wire = hex("04");
            put_varint(wire, rules_for(d), flags);
            if ((flags & 0x08) != 0) put(wire, hex("03"));
            if ((flags & 0x43) == 0x03) put(wire, hex("02"));
            if ((flags & 0x04) != 0) put(wire, hex("05"));
            if ((flags & 0x10) != 0) put(wire, hex("08"));
            if ((flags & 0x20) != 0) put(wire, hex("02 080a"));
            put(wire, hex("00"));
            const auto mode = flags & 0x03;
            const bool alone =
                (flags & 0x1c) == 0x1c && ((flags & 0x40) != 0 || mode == 0 || mode == 3);
            const auto got = read_whole(rules_for(d), stream_type::fetch, wire);
            EXPECT_EQ(got.code(), alone ? errc::ok : errc::bad_value) << flags;
        }
}

TEST(fetch_sequence, MUST_18_064_group_out_of_range) {
    constexpr auto* first_max = "1c ffffffffffffffffff 05 08 00";
    EXPECT_EQ(code(draft::d18, std::string{first_max} + "0c 00 00 00"), errc::overflow);
    EXPECT_EQ(code(draft::d18, "1c 05 05 08 00  0c ffffffffffffffffff 00 00"), errc::overflow);
    EXPECT_EQ(code(draft::d18, "1c 05 05 08 00  0c fffffffffffffffff9 00 00"), errc::ok);
    EXPECT_EQ(code(draft::d18, "1c 05 05 08 00  0c fffffffffffffffffa 00 00"), errc::overflow);
    const auto down = group_order::descending;
    EXPECT_EQ(code(draft::d18, "1c 05 05 08 00  0c 04 00 00", down), errc::ok);
    EXPECT_EQ(code(draft::d18, "1c 05 05 08 00  0c 05 00 00", down), errc::overflow);
    EXPECT_EQ(code(draft::d18, "1c 05 05 08 00  0c ffffffffffffffffff 00 00", down),
              errc::overflow);
}
TEST(fetch_sequence, MUST_18_065_object_out_of_range) {
    EXPECT_EQ(code(draft::d18, "1c 05 ffffffffffffffffff 08 00  00 00"), errc::overflow);
    EXPECT_EQ(code(draft::d18, "1c 05 ffffffffffffffffff 08 00  08 00 00"), errc::overflow);
    EXPECT_EQ(code(draft::d18, "1c 05 02 08 00  04 fffffffffffffffffd 00"), errc::ok);
    EXPECT_EQ(code(draft::d18, "1c 05 02 08 00  04 fffffffffffffffffe 00"), errc::overflow);
    EXPECT_EQ(code(draft::d16, "1c 05 ffffffffffffffff 08 00  00 00"), errc::overflow);
}
TEST(fetch_sequence, subgroup_out_of_range) {
    EXPECT_EQ(code(draft::d18, "1f 05 ffffffffffffffffff 02 08 00  02 00"), errc::overflow);
    EXPECT_EQ(code(draft::d16, "1f 05 ffffffffffffffff 02 08 00  02 00"), errc::overflow);
}

TEST(fetch_sequence, ends_of_ranges_are_absolute_and_have_no_payload_length) {
    const auto got =
        entries(draft::d18, "1c 05 05 08 00  808c 05 09  04 02 00  810c 07 01  0c 00 00 00");
    ASSERT_EQ(got.code(), errc::ok) << got.failure.field;
    ASSERT_EQ(got.items.size(), 6U);
    EXPECT_EQ(got.items[2],
              (seen{.what = kind::end_of_range, .range = range_end::non_existent, .at = {5, 9}}));
    EXPECT_EQ(got.items[3].at, (location{5, 11})); // relative to the end of the range
    EXPECT_EQ(got.items[3].shown, 8);
    EXPECT_EQ(got.items[4],
              (seen{.what = kind::end_of_range, .range = range_end::unknown, .at = {7, 1}}));
    EXPECT_EQ(got.items[5].at, (location{8, 0}));

    const auto d16 = entries(draft::d16, "408c 05 09  10 08 00");
    ASSERT_EQ(d16.code(), errc::ok);
    EXPECT_EQ(d16.items[2].at, (location{5, 10}));
    const auto d20 = entries(draft::d20, "820c 05 09");
    ASSERT_EQ(d20.code(), errc::ok);
    EXPECT_EQ(d20.items[1].range, range_end::timed_out);
}
TEST(fetch_sequence, MUST_18_066_067_no_object_before_the_end_of_a_range) {
    for (const auto d : listed_drafts()) {
        const std::string marker = d == draft::d16 ? "410c 05 09 " : "810c 05 09 ";
        EXPECT_EQ(code(d, marker + "11 08 00"), errc::bad_value); // prior subgroup
        EXPECT_EQ(code(d, marker + "12 08 00"), errc::bad_value); // prior subgroup plus one
        EXPECT_EQ(code(d, marker + "00 00"), errc::bad_value);    // prior priority
        EXPECT_EQ(code(d, marker + "10 08 00"), errc::ok);        // prior location
    }
}
TEST(fetch_sequence, MUST_16_146_MUST_18_174_datagram_flag_hides_the_subgroup_bits) {
    for (const auto d : listed_drafts())
        for (const auto* flags : {"5c", "5d", "5e", "5f"}) {
            const auto* const longer = d == draft::d16 ? "40" : ""; // two bytes from 64 on
            const auto got = entries(d, std::string{longer} + flags + "03 05 08 00");
            ASSERT_EQ(got.code(), errc::ok);
            EXPECT_EQ(
                got.items[1],
                (seen{.at = {3, 5}, .shown = 8, .forwarding = forwarding_preference::datagram}));
        }
    fetch_sequence sequence{rules_for(draft::d18)};
    auto m = at(3, 5, 0, 8);
    m.forwarding = forwarding_preference::datagram;
    EXPECT_EQ(encoded(sequence, m), hex("5c 03 05 08 00"));
}
TEST(fetch_sequence, MUST_18_175_the_first_object_is_absolute) {
    fetch_sequence sequence{rules_for(draft::d18)};
    EXPECT_EQ(encoded(sequence, at(3, 5, 0, 8)), hex("1c 03 05 08 00"));
}
