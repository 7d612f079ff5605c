#include "core/rules.hpp"

#include <moqrtc/moqt/msg/all.hpp>

#include <gtest/gtest.h>
#include <moqt/listed_drafts.hpp>
#include <string>
#include <vector>

/// One row for every condition of the drafts that a codec decides; the numbers are those of the
/// conformance conditions, and what follows them tells the cases of one condition apart.
namespace moqrtc::moqt {
namespace {

using tests::hex;
using enum draft;
namespace m = msg;

struct row {
    const char* id;
    draft in;
    errc (*run)(const wire_rules&, bytes);
    std::string wire; ///< the body, in hexadecimal
    errc code = errc::ok;
    close_code closes = close_code::protocol_violation;
};

template <class M>
errc outcome(const wire_rules& rules, bytes body) {
    EXPECT_NE(M::code(rules), no_code);
    const auto parsed = parse<M>(rules, body);
    if (parsed) return errc::ok;
    EXPECT_STREQ(parsed.error().where, M::where);
    EXPECT_LE(parsed.error().offset, body.size());
    return parsed.error().code;
}

std::string times(int count, const std::string& text) {
    std::string out;
    for (int i = 0; i < count; ++i)
        out += text;
    return out;
}

/// Request 0 for track "b" in namespace ("a"), in front of the parameters.
const std::string head = "00 010161 0162 ";
const std::string fields_33 = "21" + times(33, "0161");
const std::string wide_16 = "5000" + times(4096, "61"); // a field of 4,096 bytes
const std::string wide_18 = "9000" + times(4096, "61");
/// Four pairs that bring the type to 2^64-4 in steps of 2^62-1, and one step too many.
const std::string steps_16 = times(4, "ffffffffffffffff 00") + "05";
constexpr auto kvf = close_code::key_value_formatting_error;

const std::vector<row> rows{
    {"MUST_16_001_setup", d16, outcome<m::client_setup>, "05" + steps_16, errc::overflow},
    {"MUST_16_001_extension", d16, outcome<m::subscribe_ok>, "00 05 00" + steps_16, errc::overflow},
    {"MUST_18_001_setup", d18, outcome<m::setup>, "ffffffffffffffffff 00 01", errc::overflow},
    {"MUST_18_001_property", d18, outcome<m::publish>, head + "05 00 ffffffffffffffffff 00 01",
     errc::overflow},
    {"MUST_16_002_setup", d16, outcome<m::server_setup>, "01 09 80010000", errc::limit},
    {"MUST_16_002_token", d16, outcome<m::subscribe>, head + "01 03 80010000", errc::limit},
    {"MUST_16_002_extension", d16, outcome<m::fetch_ok>, "00 00 0102 00 09 80010000", errc::limit},
    {"MUST_18_002_setup", d18, outcome<m::setup>, "09 c10000", errc::limit},
    {"MUST_18_002_token", d18, outcome<m::subscribe>, head + "01 03 c10000", errc::limit},
    {"MUST_16_003_short", d16, outcome<m::subscribe_ok>, "00 05 01 09 01 40", errc::malformed_value,
     kvf},
    {"MUST_16_003_long", d16, outcome<m::publish>, head + "05 01 09 03 010203",
     errc::malformed_value, kvf},
    {"MUST_18_003_token", d18, outcome<m::setup>, "03 01 09", errc::malformed_value, kvf},
    {"MUST_16_004_error", d16, outcome<m::request_error>, "00 00 00 4401" + times(1025, "61"),
     errc::limit},
    {"MUST_16_004_done", d16, outcome<m::publish_done>, "00 00 00 4401" + times(1025, "61"),
     errc::limit},
    {"MUST_16_004_cancel", d16, outcome<m::publish_namespace_cancel>, "00 00 4401", errc::limit},
    {"MUST_18_004_error", d18, outcome<m::request_error>, "00 00 8401" + times(1025, "61"),
     errc::limit},
    {"MUST_18_004_done", d18, outcome<m::publish_done>, "00 00 8401", errc::limit},
    {"MUST_16_005_first", d16, outcome<m::subscribe>, "00 0100 0162 00", errc::bad_value},
    {"MUST_16_005_last", d16, outcome<m::publish_namespace>, "00 02 0161 00 00", errc::bad_value},
    {"MUST_16_005_suffix", d16, outcome<m::namespace_message>, "01 00", errc::bad_value},
    {"MUST_18_005_first", d18, outcome<m::subscribe>, "00 0100 0162 00", errc::bad_value},
    {"MUST_18_005_prefix", d18, outcome<m::subscribe_tracks>, "00 0100 00", errc::bad_value},
    {"MUST_16_006_subscribe", d16, outcome<m::subscribe>, "00 00 0162 00", errc::bad_value},
    {"MUST_16_006_publish", d16, outcome<m::publish>, "00 00 0162 05 00", errc::bad_value},
    {"MUST_16_006_fetch", d16, outcome<m::fetch>, "00 01 00 0162 00000100 00", errc::bad_value},
    {"MUST_16_006_status", d16, outcome<m::track_status>, "00 00 0162 00", errc::bad_value},
    {"MUST_16_006_namespace", d16, outcome<m::publish_namespace>, "00 00 00", errc::bad_value},
    {"MUST_16_007", d16, outcome<m::subscribe>, "00" + fields_33 + "0162 00", errc::limit},
    {"MUST_18_006", d18, outcome<m::subscribe>, "00" + fields_33 + "0162 00", errc::limit},
    {"MUST_18_006_redirect", d18, outcome<m::request_error>, "34 00 00 00" + fields_33 + "00",
     errc::limit},
    {"MUST_16_008_namespace", d16, outcome<m::publish_namespace>, "00 02" + wide_16 + "0161 00",
     errc::limit},
    {"MUST_16_008_full_name", d16, outcome<m::subscribe>, "00 01" + wide_16 + "0162 00",
     errc::limit},
    {"MUST_16_008_field", d16, outcome<m::publish_namespace>, "00 01 5001", errc::limit},
    {"MUST_18_007_namespace", d18, outcome<m::publish_namespace>, "00 02" + wide_18 + "0161 00",
     errc::limit},
    {"MUST_18_007_full_name", d18, outcome<m::fetch>, "00 01 01" + wide_18 + "0162 00000100 00",
     errc::limit},
    {"MUST_18_007_blocked", d18, outcome<m::publish_blocked>, "01" + wide_18 + "0162", errc::limit},
    {"MUST_18_007_redirect", d18, outcome<m::request_error>, "34 00 00 00 01" + wide_18 + "0162",
     errc::limit},
    {"MUST_16_009", d16, outcome<m::subscribe_namespace>, "00" + fields_33 + "00 00", errc::limit},
    {"MUST_18_008", d18, outcome<m::subscribe_namespace>, "00" + fields_33 + "00", errc::limit},
    {"MUST_18_009", d18, outcome<m::subscribe_tracks>, "00" + fields_33 + "00", errc::limit},
    {"MUST_16_015_longer", d16, outcome<m::subscribe>, head + "00 00", errc::trailing},
    {"MUST_16_015_shorter", d16, outcome<m::subscribe>, "00 010161 01", errc::truncated},
    {"MUST_16_015_empty", d16, outcome<m::unsubscribe>, "", errc::truncated},
    {"MUST_18_016_longer", d18, outcome<m::fetch>, "00 02 00 00 00 00", errc::trailing},
    {"MUST_18_016_shorter", d18, outcome<m::fetch_ok>, "00 01", errc::truncated},
    {"MUST_18_016_goaway", d18, outcome<m::goaway>, "00 00 00 00", errc::trailing},
    {"MUST_16_025_alias_type", d16, outcome<m::subscribe>, head + "01 03 01 04",
     errc::malformed_value, kvf},
    {"MUST_16_025_truncated", d16, outcome<m::client_setup>, "01 03 01 00", errc::malformed_value,
     kvf},
    {"MUST_16_025_trailing", d16, outcome<m::fetch>, "00 02 00 00 01 03 03 02 05 05",
     errc::malformed_value, kvf},
    {"MUST_16_025_empty", d16, outcome<m::publish>, head + "05 01 03 00", errc::malformed_value,
     kvf},
    {"MUST_16_025_second", d16, outcome<m::subscribe>, head + "02 03 02 0300 00 01 07",
     errc::malformed_value, kvf},
    {"MUST_18_026_alias_type", d18, outcome<m::subscribe>, head + "01 03 01 04",
     errc::malformed_value, kvf},
    {"MUST_18_026_truncated", d18, outcome<m::setup>, "03 02 01 05", errc::malformed_value, kvf},
    {"MUST_18_026_trailing", d18, outcome<m::subscribe_tracks>, "00 00 01 03 03 00 05 05",
     errc::malformed_value, kvf},
    {"MUST_16_033_unknown", d16, outcome<m::subscribe>, head + "01 05 00", errc::unknown_type},
    {"MUST_16_033_of_18", d16, outcome<m::subscribe>, head + "01 04 01", errc::unknown_type},
    {"MUST_16_033_large", d16, outcome<m::request_ok>, "00 01 7fff 00", errc::unknown_type},
    {"MUST_18_032_unknown", d18, outcome<m::subscribe>, head + "01 05 00", errc::unknown_type},
    {"MUST_18_032_large", d18, outcome<m::request_ok>, "01 ffffffffffffffffff 00",
     errc::unknown_type},
    {"MUST_18_033_forward", d18, outcome<m::track_status>, head + "01 10 01", errc::bad_value},
    {"MUST_18_033_filter", d18, outcome<m::fetch>, "00 02 00 00 01 21 01 01", errc::bad_value},
    {"MUST_18_033_expires", d18, outcome<m::subscribe>, head + "01 08 01", errc::bad_value},
    {"MUST_18_033_namespace", d18, outcome<m::subscribe_namespace>, "00 00 01 10 00",
     errc::bad_value},
    // Types that are known end far below: the first unknown one closes before a sum can overflow.
    {"MUST_16_034", d16, outcome<m::subscribe>, head + "02 32 00 ffffffffffffffff 00",
     errc::unknown_type},
    {"MUST_18_034", d18, outcome<m::subscribe>, head + "02 02 01 ffffffffffffffffff 00",
     errc::overflow},
    {"MUST_16_035_subscribe", d16, outcome<m::subscribe>, head + "01 02 00", errc::bad_value},
    {"MUST_16_035_update", d16, outcome<m::request_update>, "02 00 01 02 00", errc::bad_value},
    {"MUST_16_036", d16, outcome<m::subscribe>, head + "01 20 4100", errc::bad_value},
    {"MUST_16_036_fetch", d16, outcome<m::fetch>, "00 02 00 00 01 20 4100", errc::bad_value},
    {"MUST_16_037_zero", d16, outcome<m::subscribe>, head + "01 22 00", errc::bad_value},
    {"MUST_16_037_three", d16, outcome<m::publish_ok>, "00 01 22 03", errc::bad_value},
    {"MUST_18_035_zero", d18, outcome<m::subscribe>, head + "01 22 00", errc::bad_value},
    {"MUST_18_035_three", d18, outcome<m::fetch>, "00 02 00 00 01 22 03", errc::bad_value},
    {"MUST_16_038", d16, outcome<m::subscribe>, head + "01 10 02", errc::bad_value},
    {"MUST_16_038_wide", d16, outcome<m::publish>, head + "05 01 10 4100", errc::bad_value},
    {"MUST_18_036", d18, outcome<m::subscribe>, head + "01 10 02", errc::bad_value},
    {"MUST_18_036_tracks", d18, outcome<m::subscribe_tracks>, "00 00 01 10 ff", errc::bad_value},
    {"MUST_16_039_longer", d16, outcome<m::subscribe>, head + "01 21 02 01 00", errc::bad_value},
    {"MUST_16_039_shorter", d16, outcome<m::subscribe>, head + "01 21 01 03", errc::bad_value},
    {"MUST_16_039_range", d16, outcome<m::subscribe>, head + "01 21 03 04 01 02", errc::bad_value},
    {"MUST_16_040_zero", d16, outcome<m::subscribe>, head + "01 21 01 00", errc::bad_value},
    {"MUST_16_040_five", d16, outcome<m::publish_ok>, "00 01 21 01 05", errc::bad_value},
    {"MUST_18_037_zero", d18, outcome<m::subscribe>, head + "01 21 01 00", errc::bad_value},
    {"MUST_18_037_five", d18, outcome<m::request_update>, "02 01 21 01 05", errc::bad_value},
    {"MUST_18_038", d18, outcome<m::subscribe>, head + "01 21 0c 04 ffffffffffffffffff 00 01",
     errc::overflow},
    {"MUST_16_042", d16, outcome<m::goaway>, "6001" + times(8193, "61"), errc::limit},
    {"MUST_18_040", d18, outcome<m::goaway>, "a001" + times(8193, "61") + "00", errc::limit},
    {"MUST_16_048_zero", d16, outcome<m::fetch>, "00 00 00 00 00", errc::bad_value},
    {"MUST_16_048_four", d16, outcome<m::fetch>, "00 04 00 00 00", errc::bad_value},
    {"MUST_18_045_zero", d18, outcome<m::fetch>, "00 00 00 00 00", errc::bad_value},
    {"MUST_18_045_four", d18, outcome<m::fetch>, "00 04 00 00 00", errc::bad_value},
    {"MUST_16_061", d16, outcome<m::subscribe_ok>, "00 05 00 02 00", errc::bad_value},
    {"MUST_16_062_zero", d16, outcome<m::subscribe_ok>, "00 05 00 22 00", errc::bad_value},
    {"MUST_16_062_three", d16, outcome<m::publish>, head + "05 00 22 03", errc::bad_value},
    {"MUST_18_068_zero", d18, outcome<m::subscribe_ok>, "05 00 22 00", errc::bad_value},
    {"MUST_18_068_immutable", d18, outcome<m::publish>, head + "05 00 0b 02 22 03",
     errc::bad_value},
    {"MUST_16_063", d16, outcome<m::fetch_ok>, "00 00 0102 00 30 02", errc::bad_value},
    {"MUST_18_069", d18, outcome<m::request_ok>, "00 30 02", errc::bad_value},
    {"SHOULD_16_004", d16, outcome<m::subscribe>, head + "02 10 01 00 01", errc::duplicate},
    {"SHOULD_18_003", d18, outcome<m::subscribe>, head + "02 10 01 00 01", errc::duplicate},
    {"SHOULD_18_003_setup", d18, outcome<m::setup>, "04 01 00 01", errc::duplicate},

    // What must be taken although it looks odd.
    {"MUST_16_009_empty_prefix", d16, outcome<m::subscribe_namespace>, "00 00 01 00"},
    {"MUST_18_006_no_field", d18, outcome<m::subscribe>, "00 00 0162 00"},
    {"MUST_18_008_empty_prefix", d18, outcome<m::subscribe_namespace>, "00 00 00"},
    {"MUST_16_008_exactly_4096", d16, outcome<m::subscribe>, "00 01" + wide_16 + "00 00"},
    {"MUST_18_007_exactly_4096", d18, outcome<m::subscribe>, "00 01" + wide_18 + "00 00"},
    {"MUST_16_042_exactly_8192", d16, outcome<m::goaway>, "6000" + times(8192, "61")},
    {"MUST_16_004_exactly_1024", d16, outcome<m::request_error>,
     "00 00 00 4400" + times(1024, "61")},
    {"MUST_18_034_zero_timeout_is_none", d18, outcome<m::subscribe>, head + "01 02 00"},
    {"MUST_18_044_timeout_in_any_update", d18, outcome<m::request_update>, "02 01 02 05"},
    {"MUST_16_097_unknown", d16, outcome<m::client_setup>, "03 09 0161 00 0162 01 05"},
    {"MUST_16_097_grease", d16, outcome<m::server_setup>, "01 409d 02 0102"},
    {"MUST_18_115_unknown", d18, outcome<m::setup>, "09 0161 00 0162 01 05"},
    {"MUST_18_115_max_request_id", d18, outcome<m::setup>, "02 05 00 06"},
    {"MUST_18_130_grease", d18, outcome<m::setup>, "809d 02 0102"},
    {"MUST_18_130_grease_property", d18, outcome<m::subscribe_ok>, "05 00 809d 02 0102"},
    {"MUST_16_109_forward", d16, outcome<m::track_status>, head + "01 10 05"},
    {"MUST_16_109_filter", d16, outcome<m::fetch>, "00 02 00 00 01 21 02 0909"},
    {"MUST_16_109_in_request_ok", d16, outcome<m::request_ok>, "00 01 22 07"},
    {"MUST_16_109_twice", d16, outcome<m::publish_namespace>, "00 010161 02 10 05 00 06"},
};

class must : public ::testing::TestWithParam<row> {};

TEST_P(must, closes_as_the_draft_demands) {
    const auto& row = GetParam();
    const auto wire = hex(row.wire);
    EXPECT_EQ(row.run(rules_for(row.in), wire), row.code) << to_string(row.code);
    if (row.code == errc::ok) return;
    EXPECT_EQ(close_code_for(row.code), row.closes);
}
INSTANTIATE_TEST_SUITE_P(codec, must, ::testing::ValuesIn(rows),
                         [](const auto& of) { return std::string{of.param.id}; });

// ---- what a sender must not do ------------------------------------------------------------------

template <class M>
errc refused(draft d, const M& message) {
    std::vector<std::byte> out(70000);
    const auto size = serialize(rules_for(d), message, out);
    return size ? errc::ok : size.error().code;
}
const track_namespace space{"a"};

TEST(must_send, MUST_16_098_MUST_18_116_no_type_stands_twice) {
    // A parameter is a member, so that it cannot; only Key-Value-Pairs are written one by one.
    for (const auto type :
         {property::immutable, property::prior_group_id_gap, property::prior_object_id_gap}) {
        for (const auto d : spoken_drafts) {
            std::array<std::byte, 64> out{};
            key_value_writer pairs{rules_for(d), out};
            pairs.put({type, 1, {}});
            EXPECT_TRUE(pairs.size());
            pairs.put({type, 1, {}}); // MUST-16-149, MUST-18-185
            ASSERT_FALSE(pairs.size());
            EXPECT_EQ(pairs.size().error().code, errc::duplicate);
        }
    }
}

TEST(must_send, MUST_16_099_MUST_18_117_parameters_ascend) {
    const authorization_token token{alias_type::use_value, 0, 0, as_bytes("t")};
    m::subscribe message;
    message.track_namespace = space.view();
    message.params.new_group_request = 1;
    message.params.group_order = group_order::descending;
    message.params.forward = false;
    message.params.authorization_tokens = token_list{{&token, 1}};
    message.params.object_delivery_timeout = 5;
    std::array<std::byte, 64> out{};
    for (const auto d : listed_drafts()) {
        const auto size = serialize(rules_for(d), message, out);
        ASSERT_TRUE(size);
        EXPECT_TRUE(equal(bytes{out}.first(*size),
                          hex(std::string{rules_for(d).required_request_delta ? "00 00" : "00"} +
                              " 010161 00 05 02 05 01 03 0300 74 0d 00 12 02 10 01")));
    }
}

TEST(must_send, MUST_16_123_a_range_is_not_backwards) {
    m::subscribe message;
    message.track_namespace = space.view();
    message.params.subscription_filter = {filter_type::absolute_range, {5, 0}, 4};
    EXPECT_EQ(refused(d16, message), errc::bad_value);
    EXPECT_EQ(refused(d18, message), errc::bad_value); // it has no delta
    message.params.subscription_filter->end_group = 5;
    EXPECT_EQ(refused(d16, message), errc::ok);
    EXPECT_EQ(refused(d18, message), errc::ok);
}

TEST(must_send, MUST_16_131_MUST_18_153_a_fetch_is_not_backwards) {
    for (const auto d : spoken_drafts) {
        if (!rules_for(d).typed_fetch) continue; // later a range is a filter, which may be empty
        m::fetch message;
        message.track_namespace = space.view();
        message.start = {5, 3};
        message.end = {5, 2};
        EXPECT_EQ(refused(d, message), errc::bad_value);
        message.end = {4, 9};
        EXPECT_EQ(refused(d, message), errc::bad_value);
        message.end = {5, 0}; // the whole group
        EXPECT_EQ(refused(d, message), errc::ok);
        message.end = {6, 1};
        EXPECT_EQ(refused(d, message), errc::ok);
    }
}

TEST(must_send, MUST_16_128_MUST_18_149_the_unknown_stream_count_can_be_said) {
    for (const auto d : spoken_drafts) {
        EXPECT_EQ(rules_for(d).unknown_stream_count,
                  d < draft::d20 ? (std::uint64_t{1} << 62) - 1 : UINT64_MAX); // MUST-20-155
        m::publish_done message;
        message.stream_count = rules_for(d).unknown_stream_count;
        EXPECT_EQ(refused(d, message), errc::ok);
    }
}

TEST(must_send, nothing_that_a_receiver_must_refuse) {
    track_namespace many;
    for (int i = 0; i < 33; ++i)
        many.append(as_bytes("x"));
    const std::string wide(4096, 'x');
    track_namespace full;
    full.append(as_bytes(wide));
    track_namespace empty_field;
    empty_field.append({});
    const std::string phrase(1025, 'x');
    const std::string uri(8193, 'x');
    for (const auto d : listed_drafts()) {
        m::subscribe message;
        message.track_namespace = many.view();
        EXPECT_EQ(refused(d, message), errc::limit);
        message.track_namespace = empty_field.view();
        EXPECT_EQ(refused(d, message), errc::bad_value);
        message.track_namespace = full.view();
        EXPECT_EQ(refused(d, message), errc::ok);
        message.track_name = as_bytes("x");
        EXPECT_EQ(refused(d, message), errc::limit);
        EXPECT_EQ(refused(d, m::request_error{.reason = as_bytes(phrase)}), errc::limit);
        EXPECT_EQ(refused(d, m::goaway{.new_session_uri = as_bytes(uri)}), errc::limit);
        message = {.track_namespace = space.view()};
        message.params.group_order = static_cast<group_order>(0);
        EXPECT_EQ(refused(d, message), errc::bad_value);
        message.params = {.expires = 5};
        EXPECT_EQ(refused(d, message), errc::not_in_draft);
        message.params = {.object_delivery_timeout = 0};
        EXPECT_EQ(refused(d, message), d == d16 ? errc::bad_value : errc::ok);
        EXPECT_EQ(refused(d, m::subscribe{}),
                  rules_for(d).empty_namespace ? errc::ok : errc::not_in_draft);
    }
}

} // namespace
} // namespace moqrtc::moqt
