#include "core/rules.hpp"

#include <moqrtc/moqt/msg/all.hpp>
#include <moqrtc/moqt/params_filter.hpp>
#include <moqrtc/moqt/params_lists.hpp>

#include <gtest/gtest.h>
#include <string_view>
#include <vector>

namespace moqrtc::moqt {
namespace {

using tests::hex;
using enum filter_type;

/// What `describe` makes of the bytes, or of the filter.
template <class Describe>
result<subscription_filter> read(draft d, std::string_view wire, Describe describe) {
    const auto in = hex(wire);
    reader io{rules_for(d), bytes{in}};
    subscription_filter filter;
    describe(io, filter);
    if (!io.ok()) return fail(io.failure().code, io.failure().field);
    if (io.left() != 0) return fail(errc::trailing, "filter");
    return filter;
}
template <class Describe>
std::vector<std::byte> write(draft d, const subscription_filter& filter, Describe describe) {
    std::vector<std::byte> out(40);
    writer io{rules_for(d), mutable_bytes{out}};
    describe(io, filter);
    EXPECT_TRUE(io.ok());
    out.resize(io.position());
    return out;
}
constexpr auto counted = [](auto& io, auto& filter) {
    detail::describe_counted_filter(io, filter);
};
constexpr auto untagged = [](auto& io, auto& filter) {
    detail::describe_untagged_filter(io, filter);
};
constexpr auto typed = [](auto& io, auto& filter) { detail::describe_typed_filter(io, filter); };

struct form_row {
    subscription_filter filter;
    std::string_view counted;  ///< without the length in front
    std::string_view untagged; ///< draft 22
};
const std::vector<form_row> forms{
    {{everything}, "", "00"},
    {{next_group_start}, "00", "01 00"},
    {{relative_start, {3, 0}}, "03", "01 03"},
    {{largest_object}, "00 00", "05"},
    {{absolute_start, {4, 5}}, "04 05", "02 04 05"},
    {{absolute_range, {4, 5}, 9}, "04 05 05", "03 04 05 05"},
    {{object_range, {4, 5}, 9, 7}, "04 05 05 07", "04 04 05 05 07"},
};

} // namespace

TEST(params_filter, each_form_of_each_filter) {
    for (const auto& row : forms) {
        for (const auto d : {draft::d20, draft::d21}) {
            EXPECT_EQ(write(d, row.filter, counted), hex(row.counted));
            EXPECT_EQ(read(d, row.counted, counted), row.filter) << row.counted;
        }
        EXPECT_EQ(write(draft::d22, row.filter, untagged), hex(row.untagged));
        EXPECT_EQ(read(draft::d22, row.untagged, untagged), row.filter) << row.untagged;
    }
    // Up to draft 19 the end is absolute first, then a distance.
    const subscription_filter range{absolute_range, {4, 5}, 9};
    EXPECT_EQ(write(draft::d16, range, typed), hex("04 04 05 09"));
    EXPECT_EQ(write(draft::d18, range, typed), hex("04 04 05 05"));
    EXPECT_EQ(read(draft::d16, "04 04 05 09", typed), range);
    EXPECT_EQ(read(draft::d18, "04 04 05 05", typed), range);
    EXPECT_EQ(read(draft::d18, "02", typed), (subscription_filter{largest_object}));
}

TEST(params_filter, a_start_at_the_beginning_is_no_filter) {
    EXPECT_EQ(write(draft::d20, {absolute_start}, counted), hex(""));
    EXPECT_EQ(write(draft::d22, {absolute_start}, untagged), hex("02 00 00"));
}

TEST(params_filter, what_no_draft_says_is_refused) {
    const auto code = [](const result<subscription_filter>& read) {
        return read ? errc::ok : read.error().code;
    };
    const std::string_view most = "ffffffffffffffffff";
    EXPECT_EQ(code(read(draft::d22, "06", untagged)), errc::bad_value);
    EXPECT_EQ(code(read(draft::d22, "03 04 05", untagged)), errc::truncated);
    EXPECT_EQ(code(read(draft::d22, std::string{"03 04 05"} + std::string{most}, untagged)),
              errc::overflow);
    EXPECT_EQ(code(read(draft::d20, std::string{"04 05"} + std::string{most}, counted)),
              errc::overflow);
    EXPECT_EQ(code(read(draft::d18, std::string{"04 04 05"} + std::string{most}, typed)),
              errc::overflow);
    EXPECT_EQ(code(read(draft::d16, "04 04 05 03", typed)), errc::bad_value) << "ends before";
    for (const auto* type : {"00", "05"})
        EXPECT_EQ(code(read(draft::d18, type, typed)), errc::bad_value) << type;
    EXPECT_EQ(code(read(draft::d20, "04 05 05 07 01", counted)), errc::trailing) << "five";
}

// Tokens and range filters stand one behind the other; a list takes those that are adjacent.
TEST(params_lists, take_what_is_adjacent_and_no_more) {
    struct row {
        draft d;
        std::string_view wire; ///< behind the first type
        std::uint64_t most;
        std::uint64_t count;
        std::size_t left;
    };
    // USE_ALIAS of 3 is 02 03. Up to draft 15 a type is absolute, later a distance.
    for (const auto& [d, wire, most, count, left] :
         {row{draft::d18, "02 0203 00 02 0204 01 05", 9, 2, 2},
          row{draft::d18, "02 0203 00 02 0204", 1, 1, 4},
          row{draft::d15, "02 0203 03 02 0204 04 05", 9, 2, 2},
          row{draft::d15, "02 0203 00 02 0204", 9, 1, 4}}) {
        const auto in = hex(wire);
        reader io{rules_for(d), bytes{in}};
        token_list list;
        EXPECT_EQ(detail::read_tokens(io, list, most), count) << wire;
        EXPECT_TRUE(io.ok());
        EXPECT_EQ(io.left(), left) << wire;
        auto tokens = list.tokens();
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto token = tokens.next();
            ASSERT_TRUE(token);
            EXPECT_EQ(token->alias, 3 + i);
        }
        EXPECT_FALSE(tokens.next());
    }
    // Types 0x25 and 0x27 are filters, a distance of 8 leads out of them.
    const auto in = hex("02 0102 02 03 010203 08 00");
    reader io{rules_for(draft::d20), bytes{in}};
    range_filter_list list;
    auto type = static_cast<std::uint64_t>(range_subject::subgroup);
    EXPECT_EQ(detail::read_ranges(io, list, type, 9, carrier::subscribe), 2u);
    EXPECT_EQ(type, static_cast<std::uint64_t>(range_subject::subgroup) + 2);
    EXPECT_EQ(io.left(), 2u);
}

TEST(params_lists, what_is_malformed_or_misplaced_ends_the_message) {
    const auto tokens = [](std::string_view wire) {
        const auto in = hex(wire);
        reader io{rules_for(draft::d18), bytes{in}};
        token_list list;
        (void)detail::read_tokens(io, list, 99);
        return io.ok() ? errc::ok : io.failure().code;
    };
    EXPECT_EQ(tokens("03 020300"), errc::malformed_value) << "a byte too many";
    EXPECT_EQ(tokens("02 0903"), errc::malformed_value) << "no such alias type";
    EXPECT_EQ(tokens("05 0203"), errc::truncated);
    std::string many = "02 0203";
    for (std::size_t i = 0; i < limits::tokens_per_message; ++i)
        many += " 00 02 0203";
    EXPECT_EQ(tokens(many), errc::limit);
    // TRACK_PROPERTY_FILTER is for SUBSCRIBE_TRACKS alone.
    for (const auto where : {carrier::subscribe, carrier::subscribe_tracks}) {
        const auto in = hex("02 0102");
        reader io{rules_for(draft::d20), bytes{in}};
        range_filter_list list;
        auto type = static_cast<std::uint64_t>(range_subject::track_property);
        (void)detail::read_ranges(io, list, type, 9, where);
        EXPECT_EQ(io.ok(), where == carrier::subscribe_tracks);
    }
}

// Draft 14: what others leave out has a value there.
TEST(fixed_fields, have_defaults_and_read_back_as_unset) {
    msg::subscribe ask;
    const track_namespace space{"a"};
    ask.track_namespace = space.view();
    std::array<std::byte, 40> out{};
    const auto& rules = rules_for(draft::d14);
    const auto wire = [&](const auto& m) {
        const auto size = serialize(rules, m, out);
        EXPECT_TRUE(size);
        return std::vector<std::byte>(out.begin(),
                                      out.begin() + static_cast<long>(size.value_or(0)));
    };
    // Priority 128, the publisher's order, Forward 1, everything from {0, 0} on, no parameters.
    EXPECT_EQ(wire(ask), hex("00 010161 00 80 00 01 03 00 00 00"));
    const auto back = parse<msg::subscribe>(rules, hex("00 010161 00 80 00 01 03 00 00 00"));
    ASSERT_TRUE(back);
    EXPECT_FALSE(back->params.group_order);
    EXPECT_FALSE(back->params.subscription_filter);
    EXPECT_EQ(back->params.forward, true);
    msg::subscribe_ok ok{.request_id = 2, .track_alias = 5};
    ok.params.largest_object = {7, 8};
    EXPECT_EQ(wire(ok), hex("02 05 00 01 01 07 08 00"));
    // SUBSCRIBE_UPDATE counts its end group from one.
    msg::request_update update{.request_id = 4, .existing_request_id = 2};
    update.params.subscription_filter = {absolute_range, {1, 2}, 3};
    EXPECT_EQ(wire(update), hex("04 02 01 02 04 80 01 00"));
    for (const auto* bad : {"00 010161 00 80 03 01 03 00 00 00",  // order
                            "00 010161 00 80 00 02 03 00 00 00",  // forward
                            "00 010161 00 80 00 01 05 00 00 00"}) // filter
        EXPECT_FALSE(parse<msg::subscribe>(rules, hex(bad))) << bad;
    EXPECT_FALSE(parse<msg::subscribe_ok>(rules, hex("02 05 00 00 00 00"))) << "order is told";
    EXPECT_FALSE(parse<msg::subscribe_ok>(rules, hex("02 05 00 01 02 00"))) << "content exists";
}

} // namespace moqrtc::moqt
