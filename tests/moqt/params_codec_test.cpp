#include "core/rules.hpp"

#include <moqrtc/moqt/msg/all.hpp>
#include <moqrtc/moqt/params_codec.hpp>

#include <gtest/gtest.h>
#include <vector>

namespace moqrtc::moqt {
namespace {

using tests::hex;

TEST(parameter_rules, are_in_order_of_their_types) {
    for (std::size_t i = 0; i < parameter_count; ++i) {
        const auto& rule = rule_of(static_cast<parameter>(i));
        EXPECT_EQ(static_cast<std::size_t>(rule.id), i);
        EXPECT_LT(rule.type, 64);
        if (i == 0) continue;
        const auto& before = rule_of(static_cast<parameter>(i - 1));
        EXPECT_LE(before.type, rule.type);
        if (before.type != rule.type) continue;
        for (const auto d : all_drafts) // then no draft has both
            EXPECT_TRUE(carriers_of(rules_for(d), before.id) == carrier::none ||
                        carriers_of(rules_for(d), rule.id) == carrier::none);
    }
    std::size_t visited = 0;
    message_params none;
    std::size_t next = 0;
    message_params::for_each(none, [&](parameter id, auto& member) {
        EXPECT_EQ(static_cast<std::size_t>(id), next);
        // The five range filters come as one.
        next += requires { member.filters(); } ? 5 : 1;
        ++visited;
    });
    EXPECT_EQ(next, parameter_count);
    EXPECT_EQ(visited + 4, parameter_count);
}

TEST(parameter_rules, name_the_carriers_of_each_draft) {
    const auto& d16 = rules_for(draft::d16);
    const auto& d18 = rules_for(draft::d18);
    using enum carrier;
    EXPECT_EQ(carriers_of(d16, parameter::rendezvous_timeout), none);
    EXPECT_EQ(carriers_of(d18, parameter::rendezvous_timeout), subscribe);
    EXPECT_TRUE(overlaps(carriers_of(d16, parameter::forward), subscribe_namespace));
    EXPECT_FALSE(overlaps(carriers_of(d18, parameter::forward), subscribe_namespace));
    EXPECT_TRUE(overlaps(carriers_of(d18, parameter::forward), subscribe_tracks));
    EXPECT_EQ(carriers_of(d18, parameter::fill_timeout), fetch);
    EXPECT_EQ(without(publish | fetch, fetch), publish);
}

/// SUBSCRIBE_OK of draft 16 with two sequences that each start from type 0.
TEST(message_params, and_properties_count_their_types_separately) {
    const auto wire = hex("00 09 01 08 6710 04 6710");
    const auto got = parse<msg::subscribe_ok>(rules_for(draft::d16), wire);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->params.expires, 10000U);
    const auto known = read_track_properties(rules_for(draft::d16), got->properties);
    ASSERT_TRUE(known);
    EXPECT_EQ(known->max_cache_duration, 10000U);
}

TEST(message_params, one_byte_values_stay_one_byte_from_draft_17_on) {
    msg::subscribe message;
    message.params.subscriber_priority = 255;
    std::array<std::byte, 32> out{};
    const track_namespace space{"a"};
    message.track_namespace = space.view();
    const auto wire = [&](draft d) {
        const auto size = serialize(rules_for(d), message, out);
        return std::vector<std::byte>(out.begin(), out.begin() + static_cast<long>(*size));
    };
    EXPECT_EQ(wire(draft::d16), hex("00 010161 00 01 20 40ff"));
    EXPECT_EQ(wire(draft::d18), hex("00 010161 00 01 20 ff"));
}

TEST(message_params, a_filter_s_end_is_absolute_in_every_draft) {
    msg::subscribe message;
    const track_namespace space{"a"};
    message.track_namespace = space.view();
    message.params.subscription_filter = {filter_type::absolute_range, {100, 5}, 130};
    std::array<std::byte, 32> out{};
    for (const auto d : spoken_drafts) {
        const auto size = serialize(rules_for(d), message, out);
        ASSERT_TRUE(size);
        // As a field it has the number of parameters behind it; absolute 0x4082, delta 0x1e.
        const auto form = rules_for(d).location_filter;
        const bool field = form == location_filter_form::fields;
        const auto tail = bytes{out}.first(*size - (field ? 1 : 0)).last(1);
        const bool absolute = field || form == location_filter_form::absolute_end;
        EXPECT_EQ(byte_at(tail, 0), absolute ? 130 : 30);
        const auto back = parse<msg::subscribe>(rules_for(d), bytes{out}.first(*size));
        ASSERT_TRUE(back);
        EXPECT_EQ(back->params.subscription_filter, message.params.subscription_filter);
    }
}

TEST(message_params, misplaced_ones_are_found_once_the_request_is_known) {
    message_params params;
    const auto& rules = rules_for(draft::d18);
    EXPECT_EQ(misplaced_parameter(rules, params, carrier::update_ok), nullptr);
    params.largest_object = location{1, 2};
    EXPECT_EQ(misplaced_parameter(rules, params, carrier::update_ok), nullptr);
    EXPECT_EQ(misplaced_parameter(rules, params, carrier::track_status_ok), nullptr);
    EXPECT_STREQ(misplaced_parameter(rules, params, carrier::publish_namespace_ok),
                 "largest_object");
    params = {};
    params.object_delivery_timeout = 5;
    for (const auto c :
         {carrier::subscription_update, carrier::fetch_update, carrier::tracks_update})
        EXPECT_EQ(misplaced_parameter(rules, params, c), nullptr);
}

TEST(message_params, failures_name_the_parameter_and_the_place) {
    const auto wire = hex("00 010161 0162 01 22 07");
    const auto got = parse<msg::subscribe>(rules_for(draft::d18), wire);
    ASSERT_FALSE(got);
    EXPECT_STREQ(got.error().field, "group_order");
    EXPECT_STREQ(got.error().where, "SUBSCRIBE, message-subscribe-req");
    EXPECT_EQ(got.error().offset, wire.size());
}

TEST(message_params, a_claimed_number_costs_nothing) {
    const auto wire = hex("00 010161 0162 ffffffffffffffffff");
    const auto got = parse<msg::subscribe>(rules_for(draft::d18), wire);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::truncated);
}

} // namespace
} // namespace moqrtc::moqt
