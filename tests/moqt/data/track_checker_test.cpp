#include "support.hpp"

#include <moqrtc/moqt/data/track_checker.hpp>

#include <gtest/gtest.h>

using namespace moqrtc;
using namespace moqrtc::moqt;
using namespace moqrtc::moqt::data_test;
using enum track_fault;
using delivery = track_checker::delivery;

namespace {

const auto& d16 = rules_for(draft::d16);
const auto& d18 = rules_for(draft::d18);

object at(std::uint64_t group, std::uint64_t id, std::uint64_t subgroup = 0) {
    object m;
    m.location = {group, id};
    m.subgroup_id = subgroup;
    return m;
}
object status(std::uint64_t group, std::uint64_t id, object_status s) {
    auto m = at(group, id);
    m.status = s;
    return m;
}
/// Properties in the encoding of drafts 16 and later; `pairs` as hexadecimal, valid in both.
object with(std::uint64_t group, std::uint64_t id, std::string_view pairs, buffer_pool& pool) {
    auto m = at(group, id);
    m.properties = slice::copy(pool, hex(pairs));
    return m;
}
track_fault judge(track_checker& checker, const object& m) {
    const auto fault = checker.observe(m);
    EXPECT_TRUE(fault.has_value());
    return fault.value_or(none);
}
/// The fault that the last of `objects` raises, the others being good.
track_fault judge(const wire_rules& rules, std::initializer_list<object> objects,
                  delivery by = delivery::subscription,
                  group_order order = group_order::ascending) {
    track_checker checker{rules, by, order};
    auto fault = none;
    for (const auto& m : objects) {
        EXPECT_EQ(fault, none);
        fault = judge(checker, m);
    }
    return fault;
}

} // namespace

TEST(track_checker, a_good_track_raises_nothing) {
    for (const auto* rules : {&d16, &d18}) {
        track_checker checker{*rules};
        for (std::uint64_t group = 100; group < 200; ++group) {
            for (std::uint64_t id = 0; id < 60; ++id)
                ASSERT_EQ(judge(checker, at(group, id, id % 2)), none);
            ASSERT_EQ(judge(checker, status(group, 60, object_status::end_of_group)), none);
            ASSERT_EQ(checker.observe_end({group, 60}, 0, true), none);
            ASSERT_EQ(checker.observe_end({group, 59}, 1, false), none);
        }
        ASSERT_EQ(judge(checker, status(200, 0, object_status::end_of_track)), none);
        ASSERT_EQ(judge(checker, at(199, 3)), none); // late, or again
    }
}

TEST(track_checker, MUST_16_074_fetch_object_not_larger_than_the_one_before) {
    for (const auto* rules : {&d16, &d18}) {
        EXPECT_EQ(judge(*rules, {at(1, 5), at(1, 5)}, delivery::fetch), out_of_order);
        EXPECT_EQ(judge(*rules, {at(1, 5), at(1, 4)}, delivery::fetch), out_of_order);
        EXPECT_EQ(judge(*rules, {at(1, 5), at(1, 6), at(2, 0)}, delivery::fetch), none);
        EXPECT_EQ(judge(*rules, {at(1, 5), at(1, 4)}), none); // streams of their own
    }
}
TEST(track_checker, MUST_16_076_077_fetch_groups_against_the_order) {
    const auto down = group_order::descending;
    EXPECT_EQ(judge(d16, {at(2, 5), at(1, 6)}, delivery::fetch), out_of_order);
    EXPECT_EQ(judge(d16, {at(2, 5), at(3, 6)}, delivery::fetch, down), out_of_order);
    EXPECT_EQ(judge(d16, {at(2, 5), at(1, 6)}, delivery::fetch, down), none);
}
TEST(track_checker, MUST_16_075_MUST_18_094_priority_changes_in_a_subgroup) {
    auto other = at(1, 6);
    other.publisher_priority = 9;
    EXPECT_EQ(judge(d16, {at(1, 5), other}, delivery::fetch), priority_changed);
    EXPECT_EQ(judge(d16, {at(1, 5), other}), none);
    EXPECT_EQ(judge(d18, {at(1, 5), other}, delivery::fetch), priority_changed);
    EXPECT_EQ(judge(d18, {at(1, 5), other}), priority_changed);
    EXPECT_EQ(judge(d18, {at(1, 5), at(1, 7, 1), other}), priority_changed);
    for (const auto d : {draft::d14, draft::d15}) { // no such rule yet
        EXPECT_EQ(judge(rules_for(d), {at(1, 5), other}, delivery::fetch), none);
        EXPECT_EQ(judge(rules_for(d), {at(1, 5), other}), none);
    }
    const auto& d17 = rules_for(draft::d17); // as 16, though it trusts END_OF_GROUP as 18 does
    EXPECT_EQ(judge(d17, {at(1, 5), other}, delivery::fetch), priority_changed);
    EXPECT_EQ(judge(d17, {at(1, 5), other}), none);
    other.subgroup_id = 1;
    EXPECT_EQ(judge(d18, {at(1, 5), other}), none);
    other.forwarding = forwarding_preference::datagram;
    other.subgroup_id = 0;
    EXPECT_EQ(judge(d18, {at(1, 5), other}), none);
}
TEST(track_checker, MUST_16_078_MUST_18_095_object_beyond_the_end_of_its_subgroup) {
    for (const auto* rules : {&d16, &d18}) {
        track_checker checker{*rules};
        EXPECT_EQ(judge(checker, at(1, 5)), none);
        EXPECT_EQ(checker.observe_end({1, 5}, 0, false), none);
        EXPECT_EQ(judge(checker, at(1, 4)), none);
        EXPECT_EQ(judge(checker, at(1, 9, 1)), none);
        EXPECT_EQ(judge(checker, at(1, 6)), beyond_subgroup);

        track_checker late{*rules};
        EXPECT_EQ(judge(late, at(1, 9)), none);
        EXPECT_EQ(late.observe_end({1, 5}, 0, false), beyond_subgroup);
    }
}
TEST(track_checker, MUST_16_079_MUST_18_096_subgroup_ends_with_different_objects) {
    track_checker checker{d18};
    EXPECT_EQ(checker.observe_end({1, 5}, 0, false), none);
    EXPECT_EQ(checker.observe_end({1, 5}, 0, false), none);
    EXPECT_EQ(checker.observe_end({1, 6}, 0, false), subgroup_ends_differ);
    EXPECT_EQ(checker.observe_end({2, 6}, 0, false), none);
}
TEST(track_checker, MUST_16_080_MUST_18_097_object_beyond_the_end_of_its_group) {
    const auto end = status(1, 5, object_status::end_of_group);
    for (const auto* rules : {&d16, &d18}) {
        EXPECT_EQ(judge(*rules, {end, at(1, 6)}), beyond_group);
        EXPECT_EQ(judge(*rules, {end, at(1, 5)}), beyond_group); // no object from 5 on
        EXPECT_EQ(judge(*rules, {end, at(1, 4), at(2, 9)}), none);
        EXPECT_EQ(judge(*rules, {at(1, 6), end}), beyond_group);
        EXPECT_EQ(judge(*rules, {at(1, 4), end, end}), none);
    }
    auto last = at(1, 5);
    last.forwarding = forwarding_preference::datagram;
    last.end_of_group = true;
    EXPECT_EQ(judge(d18, {last, at(1, 6)}), beyond_group);
    EXPECT_EQ(judge(d18, {last, at(1, 5)}), none);
    EXPECT_EQ(judge(d18, {at(1, 6), last}), beyond_group);

    for (const auto d : all_drafts) {
        const bool binds = number(d) >= 17; // before, the bit is a hint
        track_checker checker{rules_for(d)};
        EXPECT_EQ(judge(checker, at(1, 3)), none);
        EXPECT_EQ(checker.observe_end({1, 3}, 0, true), none);
        EXPECT_EQ(judge(checker, at(1, 3, 1)), none);
        EXPECT_EQ(judge(checker, at(1, 4, 1)), binds ? beyond_group : none) << number(d);
        track_checker early{rules_for(d)};
        EXPECT_EQ(judge(early, at(1, 4, 1)), none);
        EXPECT_EQ(early.observe_end({1, 3}, 0, true), binds ? beyond_group : none) << number(d);
    }
}
TEST(track_checker, MUST_16_081_MUST_18_098_object_beyond_the_end_of_the_track) {
    const auto end = status(3, 5, object_status::end_of_track);
    for (const auto* rules : {&d16, &d18}) {
        EXPECT_EQ(judge(*rules, {end, at(3, 6)}), beyond_track);
        EXPECT_EQ(judge(*rules, {end, at(4, 0)}), beyond_track);
        EXPECT_EQ(judge(*rules, {end, at(3, 4)}), none);
        EXPECT_EQ(judge(*rules, {at(4, 0), end}), beyond_track);
        EXPECT_EQ(judge(*rules, {at(4, 0), at(1, 0), end}), beyond_track);
        track_checker fetch{*rules, delivery::fetch};
        EXPECT_EQ(judge(fetch, at(3, 6)), none);
        EXPECT_EQ(fetch.observe_end_of_track({3, 6}), none);
        EXPECT_EQ(judge(fetch, at(3, 7)), beyond_track);
    }
}

TEST(track_checker, forwarding_preference_changes_within_a_track) {
    auto alone = at(1, 6);
    alone.forwarding = forwarding_preference::datagram;
    for (const auto d : all_drafts) // from draft 16 on each object has its own
        EXPECT_EQ(judge(rules_for(d), {at(1, 5), alone}),
                  number(d) < 16 ? forwarding_changed : none)
            << number(d);
}

TEST(track_checker, MUST_18_102_mandatory_property_on_an_object) {
    buffer_pool pool;
    const auto number = with(1, 5, "c04000 01", pool); // type 0x4000
    EXPECT_EQ(judge(d18, {number}), mandatory_property);
    EXPECT_EQ(judge(d18, {with(1, 5, "0b 04 c04000 01", pool)}), mandatory_property);
    EXPECT_EQ(judge(d18, {with(1, 5, "bffe 01", pool)}), none);   // 0x3ffe
    EXPECT_EQ(judge(d18, {with(1, 5, "c08000 01", pool)}), none); // 0x8000
    EXPECT_EQ(judge(d16, {with(1, 5, "80004000 01", pool)}), none);
}
TEST(track_checker, MUST_16_085_MUST_18_103_immutable_inside_immutable) {
    buffer_pool pool;
    for (const auto* rules : {&d16, &d18}) {
        EXPECT_EQ(judge(*rules, {with(1, 5, "0b 02 0b00", pool)}), nested_immutable);
        EXPECT_EQ(judge(*rules, {with(1, 5, "0b 02 0801", pool)}), none);
    }
}
TEST(track_checker, MUST_16_086_MUST_18_104_unparsable_pairs_inside_immutable) {
    buffer_pool pool;
    for (const auto* rules : {&d16, &d18}) {
        EXPECT_EQ(judge(*rules, {with(1, 5, "0b 01 08", pool)}), unparsable_immutable);
        EXPECT_EQ(judge(*rules, {with(1, 5, "0b 02 0905", pool)}), unparsable_immutable);
    }
}
TEST(track_checker, MUST_16_001_MUST_18_001_pairs_that_close_the_session) {
    buffer_pool pool;
    for (const auto* rules : {&d16, &d18}) {
        track_checker checker{*rules};
        const auto cut = checker.observe(with(1, 5, "09 05 61", pool));
        ASSERT_FALSE(cut.has_value());
        EXPECT_EQ(cut.error().code, errc::truncated);
    }
    track_checker checker{d18};
    const auto over = checker.observe(with(1, 5, "08 01 ffffffffffffffffff 01", pool));
    ASSERT_FALSE(over.has_value());
    EXPECT_EQ(over.error().code, errc::overflow);
}
TEST(track_checker, MUST_16_087_092_MUST_18_105_110_a_gap_twice) {
    buffer_pool pool;
    for (const auto* rules : {&d16, &d18}) {
        EXPECT_EQ(judge(*rules, {with(9, 9, "3c 01 00 01", pool)}), repeated_gap);
        EXPECT_EQ(judge(*rules, {with(9, 9, "3e 01 00 01", pool)}), repeated_gap);
        EXPECT_EQ(judge(*rules, {with(9, 9, "3c 01 02 01", pool)}), none); // one of each
        EXPECT_EQ(judge(*rules, {with(9, 9, "0b 02 3c01 31 01", pool)}), repeated_gap);
    }
}
TEST(track_checker, MUST_16_088_MUST_18_106_objects_of_a_group_disagree) {
    buffer_pool pool;
    const auto one = with(9, 1, "3c 01", pool);
    EXPECT_EQ(judge(d18, {one, with(9, 2, "3c 01", pool)}), none);
    EXPECT_EQ(judge(d18, {one, with(9, 2, "3c 02", pool)}), group_gap_differs);
    EXPECT_EQ(judge(d18, {one, with(11, 2, "3c 01", pool)}), none);
}
TEST(track_checker, MUST_16_089_093_MUST_18_107_111_a_gap_below_zero) {
    buffer_pool pool;
    EXPECT_EQ(judge(d18, {with(9, 5, "3c 09", pool)}), none);
    EXPECT_EQ(judge(d18, {with(9, 5, "3c 0a", pool)}), gap_exceeds_id);
    EXPECT_EQ(judge(d18, {with(9, 5, "3e 05", pool)}), none);
    EXPECT_EQ(judge(d18, {with(9, 5, "3e 06", pool)}), gap_exceeds_id);
}
TEST(track_checker, MUST_16_090_094_MUST_18_108_112_a_gap_over_what_was_received) {
    buffer_pool pool;
    EXPECT_EQ(judge(d18, {at(7, 0), with(9, 5, "3c 02", pool)}), gap_covers_received);
    EXPECT_EQ(judge(d18, {at(6, 0), with(9, 5, "3c 02", pool)}), none);
    EXPECT_EQ(judge(d18, {at(9, 3), with(9, 5, "3e 02", pool)}), gap_covers_received);
    EXPECT_EQ(judge(d18, {at(9, 2), with(9, 5, "3e 02", pool)}), none);
    EXPECT_EQ(judge(d18, {at(9, 0), at(9, 1), at(9, 2), with(9, 5, "3e 03", pool)}),
              gap_covers_received);
}
TEST(track_checker, MUST_16_091_095_MUST_18_109_113_an_object_in_a_gap) {
    buffer_pool pool;
    const auto groups = with(9, 5, "3c 02", pool);
    EXPECT_EQ(judge(d18, {groups, at(7, 0)}), inside_gap);
    EXPECT_EQ(judge(d18, {groups, at(8, 3)}), inside_gap);
    EXPECT_EQ(judge(d18, {groups, at(6, 3), at(9, 6)}), none);
    const auto objects = with(9, 5, "3e 02", pool);
    EXPECT_EQ(judge(d18, {objects, at(9, 3)}), inside_gap);
    EXPECT_EQ(judge(d18, {objects, at(9, 4)}), inside_gap);
    EXPECT_EQ(judge(d18, {objects, at(9, 2), at(9, 6), at(10, 4)}), none);
}

TEST(track_checker, what_is_forgotten_raises_nothing) {
    track_checker checker{d18};
    EXPECT_EQ(checker.observe_end({1, 5}, 0, true), none);
    for (std::uint64_t group = 2; group < 2 + track_checker::groups; ++group)
        EXPECT_EQ(judge(checker, at(group, 0)), none);
    EXPECT_EQ(judge(checker, at(1, 9)), none);
    for (std::uint64_t subgroup = 0; subgroup < 1000; ++subgroup)
        EXPECT_EQ(judge(checker, at(1, 10 + 3 * subgroup, subgroup)), none);
}

TEST(recent_spans, merges_neighbours_and_forgets_the_oldest) {
    recent_spans<2> spans;
    spans.add(5, 5);
    spans.add(7, 7);
    spans.add(6, 6);
    EXPECT_TRUE(spans.meets(5, 7));
    spans.add(20, 30);
    EXPECT_TRUE(spans.meets(30, 40) && spans.meets(0, 20) && !spans.meets(31, 40));
    spans.add(UINT64_MAX, UINT64_MAX);
    spans.add(0, 0);
    EXPECT_TRUE(spans.meets(0, 0));
}
