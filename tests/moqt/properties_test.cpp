#include "core/rules.hpp"

#include <moqrtc/moqt/msg/all.hpp>
#include <moqrtc/moqt/properties.hpp>

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace moqrtc::moqt {
namespace {

using tests::hex;
const auto& d15 = rules_for(draft::d15);
const auto& d16 = rules_for(draft::d16);
const auto& d18 = rules_for(draft::d18);

TEST(key_values, go_by_the_parity_of_their_type) {
    // The pairs of the drafts' example of a group, the text's length corrected.
    std::array<std::byte, 64> out{};
    key_value_writer io{d16, out};
    io.put(4, 2186796243);
    io.put({77, 0, as_bytes("traceID:123456")});
    ASSERT_TRUE(io.size());
    const auto wire = bytes{out}.first(*io.size());
    EXPECT_TRUE(equal(wire, hex("04 c00000008257dcd3 4049 0e 74726163654944 3a313233343536")));
    key_value_reader pairs{d16, wire};
    EXPECT_EQ(pairs.next()->number, 2186796243U);
    const auto text = pairs.next();
    ASSERT_TRUE(text);
    EXPECT_EQ(text->type, 77U);
    EXPECT_EQ(as_text(text->data), "traceID:123456");
    EXPECT_FALSE(pairs.next());
    EXPECT_TRUE(pairs.ok());
}

TEST(key_values, types_are_absolute_up_to_draft_15) {
    std::array<std::byte, 16> out{};
    key_value_writer io{d15, out};
    io.put(4, 1);
    io.put(6, 2);
    EXPECT_TRUE(equal(bytes{out}.first(*io.size()), hex("0401 0602")));
    const auto wire = hex("0401 0602");
    key_value_reader pairs{d15, wire};
    EXPECT_EQ(pairs.next()->type, 4U);
}

TEST(key_values, failures_end_the_walk) {
    const auto failure = [](const char* text) {
        const auto wire = hex(text);
        key_value_reader pairs{d18, wire};
        while (pairs.next()) {
        }
        return pairs.failure().code;
    };
    EXPECT_EQ(failure(""), errc::ok);
    EXPECT_EQ(failure("04"), errc::truncated);
    EXPECT_EQ(failure("05 02 61"), errc::truncated);
    EXPECT_EQ(failure("05 c10000"), errc::limit);
    EXPECT_EQ(failure("ffffffffffffffffff 00 01 00"), errc::overflow);
}

TEST(key_values, writing_needs_ascending_types) {
    std::array<std::byte, 16> out{};
    key_value_writer io{d18, out};
    io.put(6, 1);
    io.put(4, 1);
    ASSERT_FALSE(io.size());
    EXPECT_EQ(io.size().error().code, errc::bad_value);
}

track_properties read(const wire_rules& rules, const char* text) {
    const auto wire = hex(text);
    const auto got = read_track_properties(rules, wire);
    EXPECT_TRUE(got) << text;
    return got.value_or(track_properties{});
}

TEST(track_properties, have_defaults_and_values) {
    const auto none = read(d18, "");
    EXPECT_EQ(none.default_publisher_priority, 128);
    EXPECT_EQ(none.default_publisher_group_order, group_order::ascending);
    EXPECT_FALSE(none.dynamic_groups || none.object_delivery_timeout || none.max_cache_duration ||
                 none.malformed || none.unknown_mandatory);
    const auto all = read(d18, "0264 020a 0205 0809 1402 0e01");
    EXPECT_EQ(all.object_delivery_timeout, 100U);
    EXPECT_EQ(all.max_cache_duration, 10U);
    EXPECT_EQ(all.subgroup_delivery_timeout, 5U);
    EXPECT_EQ(all.default_publisher_priority, 9);
    EXPECT_EQ(all.default_publisher_group_order, group_order::descending);
    EXPECT_TRUE(all.dynamic_groups);
    EXPECT_FALSE(read(d16, "0605").subgroup_delivery_timeout); // unknown there
}

TEST(track_properties, are_searched_in_the_immutable_block_too) { // MUST-18-184
    const auto got = read(d18, "0b 04 0e07 1402");
    EXPECT_EQ(got.default_publisher_priority, 7);
    EXPECT_EQ(got.default_publisher_group_order, group_order::descending);
    EXPECT_FALSE(got.malformed);
}

TEST(track_properties, a_broken_immutable_block_makes_the_track_malformed) { // MUST-18-103, -104
    for (const auto* rules : {&d16, &d18}) {
        EXPECT_TRUE(read(*rules, "0b 02 0b 00").malformed);
        EXPECT_TRUE(read(*rules, "0b 01 04").malformed);
        EXPECT_TRUE(read(*rules, "0b 02 05 09").malformed);
    }
}

TEST(track_properties, unknown_mandatory_ones_are_reported) { // MUST-18-086
    EXPECT_EQ(read(d18, "c04000 00").unknown_mandatory, 0x4000U);
    EXPECT_EQ(read(d18, "c07fff 00").unknown_mandatory, 0x7fffU);
    EXPECT_FALSE(read(d18, "c08000 00").unknown_mandatory);
    EXPECT_FALSE(read(d18, "bfff 00").unknown_mandatory);
    EXPECT_EQ(read(d18, "0b 04 c04000 00").unknown_mandatory, 0x4000U);
    EXPECT_FALSE(read(d16, "80004000 00").unknown_mandatory);
}

TEST(track_properties, failures_tell_where) {
    const auto wire = hex("0264 2003");
    const auto got = read_track_properties(d18, wire);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::bad_value);
    EXPECT_EQ(got.error().offset, 2U);
    EXPECT_STREQ(got.error().field, "default_publisher_group_order");
    const auto message = hex("05 00 0264 2003");
    const auto parsed = parse<msg::subscribe_ok>(d18, message);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().offset, 4U); // counted from the start of the body
}

result<std::vector<std::byte>> moved(const wire_rules& from, const wire_rules& to, const char* text,
                                     std::size_t room = 64) {
    const auto in = hex(text);
    std::vector<std::byte> out(room);
    const auto size = transcode_properties(from, to, in, out);
    if (!size) return std::unexpected(size.error());
    out.resize(*size);
    return out;
}

TEST(transcoding, keeps_every_pair) {
    EXPECT_EQ(moved(d18, d16, "0481 00 05 0161").value(), hex("044100 05 0161"));
    EXPECT_EQ(moved(d16, d18, "044100 05 0161").value(), hex("048100 05 0161"));
    EXPECT_EQ(moved(d15, d16, "0401 0602").value(), hex("0401 0202"));
}

TEST(transcoding, refuses_what_cannot_be_said) {
    const auto code = [](const wire_rules& from, const wire_rules& to, const char* text,
                         std::size_t room = 64) {
        const auto got = moved(from, to, text, room);
        return got ? errc::ok : got.error().code;
    };
    EXPECT_EQ(code(d18, d16, "04 ffffffffffffffffff"), errc::bad_value);
    EXPECT_EQ(code(d18, d16, "04 01", 1), errc::no_space);
    EXPECT_EQ(code(d18, d16, "04"), errc::truncated);
    // An immutable block may not be rewritten: it moves only if it means the same there.
    EXPECT_EQ(moved(d18, d16, "0b 04 0e07 1402").value(), hex("0b 04 0e07 1402"));
    EXPECT_EQ(code(d18, d16, "0b 02 0e7f"), errc::not_in_draft);
    EXPECT_EQ(code(d16, d18, "0b 03 0e4080"), errc::not_in_draft);
    EXPECT_EQ(code(d15, d16, "0b 04 0e07 2202"), errc::not_in_draft); // absolute types
    EXPECT_EQ(moved(d18, d18, "0b 02 0e7f").value(), hex("0b 02 0e7f"));
}

TEST(transcoding, leaves_out_a_timeout_of_0_where_it_closes_the_session) {
    EXPECT_EQ(moved(d18, d16, "0200 0205").value(), hex("0405"));
    EXPECT_EQ(moved(d18, d18, "0200 0205").value(), hex("0200 0205"));
}

} // namespace
} // namespace moqrtc::moqt
