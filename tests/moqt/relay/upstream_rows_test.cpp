#include "relay_world.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>

using namespace relay_test;

class relay_upstream_rows : public ::testing::TestWithParam<drafts> {
protected:
    world w{};
};

INSTANTIATE_TEST_SUITE_P(drafts, relay_upstream_rows, ::testing::ValuesIn(pairs_of_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });

// Rows of the conformance list -----------------------------------------------------------------

TEST_P(relay_upstream_rows, MUST_16_161_MUST_18_197_subscribe_ok_waits_for_upstream) {
    auto& p = w.publish(GetParam().from);
    p.answers = false;
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.run(seconds(2));
    EXPECT_FALSE(s.accepted(id));
    p.answers = true;
    for (auto& e : p.events)
        if (e.what == event::kind::requested) p.answer(e);
    w.flush(p);
    EXPECT_TRUE(s.accepted(id));
}

TEST_P(relay_upstream_rows, MUST_16_166_MUST_18_203_every_matching_publisher_is_asked) {
    auto& exact = w.publish(GetParam().from, {"a", "b"});
    auto& above = w.publish(GetParam().from, {"a"});
    auto& beside = w.publish(GetParam().from, {"a", "c"});
    auto& alike = w.publish(GetParam().from, {"ab"});
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video", {}, {"a", "b"});
    EXPECT_EQ(exact.tracks["video"].subscribed, 1);
    EXPECT_EQ(above.tracks["video"].subscribed, 1);
    EXPECT_EQ(beside.tracks["video"].subscribed, 0);
    EXPECT_EQ(alike.tracks["video"].subscribed, 0);
}

TEST_P(relay_upstream_rows,
       MUST_16_172_MUST_18_210_new_publisher_is_asked_for_running_subscriptions) {
    auto& a = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    w.subscribe(s, "audio");
    auto& b = w.publish(GetParam().from);
    EXPECT_EQ(a.tracks["video"].subscribed, 1);
    EXPECT_EQ(b.tracks["video"].subscribed, 1);
    EXPECT_EQ(b.tracks["audio"].subscribed, 1);
}

TEST_P(relay_upstream_rows, MUST_16_159_MUST_18_195_objects_of_several_publishers) {
    auto& a = w.publish(GetParam().from);
    auto& b = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(a, "video", {1, 0}, "a");
    w.send(b, "video", {2, 0}, "b");
    w.send(a, "video", {3, 0}, "c");
    EXPECT_EQ(s.got(id), "1:0=a 2:0=b 3:0=c");
}

TEST_P(relay_upstream_rows, MUST_16_168_MUST_18_206_established_upstream_is_answered_at_once) {
    auto& p = w.publish(GetParam().from);
    auto& a = w.add(GetParam().to);
    w.subscribe(a, "video");
    p.answers = false;
    auto& b = w.add(GetParam().to);
    const auto id = w.subscribe(b, "video");
    EXPECT_TRUE(b.accepted(id));
}

TEST_P(relay_upstream_rows, MUST_16_170_MUST_18_208_forward_1_goes_upstream) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    EXPECT_TRUE(p.last_subscribe.forward.value_or(true));
}

TEST_P(relay_upstream_rows, MUST_16_169_MUST_18_207_forward_1_is_asked_of_all_publishers) {
    auto& a = w.publish(GetParam().from);
    auto& b = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    message_params quiet;
    quiet.forward = false;
    w.subscribe(s, "video", quiet);
    auto& t = w.add(GetParam().to);
    w.subscribe(t, "video");
    ASSERT_FALSE(a.update_params.empty());
    ASSERT_FALSE(b.update_params.empty());
    EXPECT_EQ(a.update_params.back().forward, true);
    EXPECT_EQ(b.update_params.back().forward, true);
}

TEST_P(relay_upstream_rows, MUST_18_213_largest_object_is_the_largest_known) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {4, 7}, "before");
    auto& a = w.add(GetParam().to);
    const auto first = w.subscribe(a, "video");
    EXPECT_EQ(a.find(event::kind::accepted, first)->ok_params().largest_object, (location{4, 7}));
    w.send(p, "video", {5, 1}, "x");
    auto& b = w.add(GetParam().to);
    const auto second = w.subscribe(b, "video");
    EXPECT_EQ(b.find(event::kind::accepted, second)->ok_params().largest_object, (location{5, 1}));
}

TEST_P(relay_upstream_rows, MUST_18_089_without_rendezvous_timeout_refused_at_once) {
    if (!rendezvous(GetParam().to).rendezvous_timeout) GTEST_SKIP() << "no RENDEZVOUS_TIMEOUT";
    auto& s = w.add(GetParam().to);
    EXPECT_EQ(s.refused(w.subscribe(s, "video")), request_error_code::does_not_exist);
    message_params zero;
    zero.rendezvous_timeout = 0;
    EXPECT_EQ(s.refused(w.subscribe(s, "other", zero)), request_error_code::does_not_exist);
}

TEST_P(relay_upstream_rows, MUST_16_084_MUST_18_101_duplicates_that_differ_are_malformed) {
    auto& a = w.publish(GetParam().from);
    auto& b = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(a, "video", {1, 0}, "one");
    w.send(b, "video", {1, 0}, "two");
    EXPECT_EQ(s.done(id), publish_done_code::malformed_track);
    EXPECT_EQ(s.got(id), "1:0=one");
    EXPECT_EQ(a.count(event::kind::cancelled), 1u);
    EXPECT_EQ(b.count(event::kind::cancelled), 1u);
    EXPECT_EQ(w.node->relay.statistics().cache_objects, 0u) << "nothing of it is kept";
    EXPECT_FALSE(a.session().closed());
}

TEST_P(relay_upstream_rows, MUST_16_164_MUST_18_200_only_the_next_object_continues_a_stream) {
    auto& a = w.publish(GetParam().from);
    auto& b = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(a, "video", {1, 0}, "0");
    w.send(b, "video", {1, 5}, "5"); // not known to follow 0
    ASSERT_EQ(s.objects[id].size(), 2u);
    EXPECT_NE(s.objects[id][0].stream, s.objects[id][1].stream);
    EXPECT_EQ(s.resets[id], 1);
    w.send(b, "video", {1, 9}, "9"); // followed 5 on the same stream
    ASSERT_EQ(s.objects[id].size(), 3u);
    EXPECT_EQ(s.objects[id][1].stream, s.objects[id][2].stream);
}

TEST_P(relay_upstream_rows, MUST_16_157_MUST_18_193_track_properties_reach_subscribers) {
    auto& p = w.publish(GetParam().from);
    std::array<std::byte, 16> block{};
    key_value_writer out{rules_for(GetParam().from), block};
    out.put(property::default_publisher_priority, 200);
    out.put(0x3900, 70000);
    p.tracks["video"].properties.assign(block.begin(),
                                        block.begin() + static_cast<long>(*out.size()));
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    const auto* ok = s.find(event::kind::accepted, id);
    ASSERT_NE(ok, nullptr);
    const auto& told = ok->track_properties();
    const auto known = read_track_properties(rules_for(GetParam().to), told);
    ASSERT_TRUE(known);
    // Draft 14 has no word for the priority, 14 and 15 have none for what they do not know.
    const bool says = GetParam().from != draft::d14 && GetParam().to != draft::d14;
    EXPECT_EQ(known->default_publisher_priority, says ? 200 : default_priority);
    key_value_reader in{rules_for(GetParam().to), told};
    std::uint64_t unknown = 0;
    while (const auto pair = in.next())
        if (pair->type == 0x3900) unknown = pair->number;
    const bool carries =
        rules_for(GetParam().from).track_properties && rules_for(GetParam().to).track_properties;
    EXPECT_EQ(unknown, carries ? 70000u : 0u);
}
