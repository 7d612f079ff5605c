#include "relay_world.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>

using namespace relay_test;

class relay_replay : public ::testing::TestWithParam<drafts> {
protected:
    world w{};
    static message_params from(location start) {
        message_params p;
        p.subscription_filter = subscription_filter{filter_type::absolute_start, start, 0};
        return p;
    }
};

INSTANTIATE_TEST_SUITE_P(drafts, relay_replay, ::testing::ValuesIn(pairs_of_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });

TEST_P(relay_replay, second_viewer_gets_the_catalog) {
    auto& p = w.publish(GetParam().from);
    auto& a = w.add(GetParam().to);
    const auto first = w.subscribe(a, "catalog");
    w.send(p, "catalog", {1, 0}, "{}");
    w.finish(p, "catalog", 1);
    EXPECT_EQ(a.got(first), "1:0={}");
    w.run(seconds(90)); // far beyond the age that other tracks are kept for
    auto& b = w.add(GetParam().to);
    const auto second = w.subscribe(b, "catalog");
    EXPECT_EQ(b.got(second), "1:0={}");
    EXPECT_EQ(b.finished[second], 1);
    w.send(p, "catalog", {2, 0}, "{2}");
    EXPECT_EQ(b.got(second), "1:0={} 2:0={2}");
}

TEST_P(relay_replay, the_catalog_survives_the_bounds_of_the_cache) {
    relay_config config;
    config.cache_bytes = 20'000;
    config.cache_track_bytes = 10'000;
    world small{config};
    auto& p = small.publish(GetParam().from);
    auto& a = small.add(GetParam().to);
    small.subscribe(a, ".catalog");
    small.subscribe(a, "video");
    small.send(p, ".catalog", {1, 0}, "{}");
    for (std::uint64_t g = 1; g <= 10; ++g)
        small.send_groups(p, "video", g, g, 3);
    for (std::uint64_t o = 0; o < 40; ++o)
        small.send(p, "video", {50, o}, std::string(2'000, 'x'));
    EXPECT_LE(small.node->relay.statistics().cache_bytes, 20'000u);
    auto& b = small.add(GetParam().to);
    const auto id = small.subscribe(b, ".catalog");
    EXPECT_EQ(b.got(id), "1:0={}");
}

TEST_P(relay_replay, absolute_start_in_the_current_group_comes_from_the_cache) {
    auto& p = w.publish(GetParam().from);
    auto& a = w.add(GetParam().to);
    w.subscribe(a, "video");
    w.send_groups(p, "video", 1, 2, 4);
    auto& b = w.add(GetParam().to);
    const auto id = w.subscribe(b, "video", from({2, 1}));
    EXPECT_EQ(b.got(id), "2:1=2.1 2:2=2.2 2:3=2.3");
    w.send(p, "video", {2, 4}, "live");
    w.finish(p, "video", 2);
    EXPECT_EQ(b.got(id), "2:1=2.1 2:2=2.2 2:3=2.3 2:4=live");
    EXPECT_EQ(b.finished[id], 1) << "one stream from the cache into the live edge";
    EXPECT_EQ(b.resets[id], 0);
}

TEST_P(relay_replay, absolute_start_far_back_begins_with_the_newest_group) {
    auto& p = w.publish(GetParam().from);
    auto& a = w.add(GetParam().to);
    w.subscribe(a, "video");
    w.send_groups(p, "video", 1, 3, 2);
    auto& b = w.add(GetParam().to);
    const auto id = w.subscribe(b, "video", from({0, 0}));
    EXPECT_EQ(b.got(id), "3:0=3.0 3:1=3.1");
    // "An AbsoluteStart filter with Start = {0, 0} is equivalent to an unfiltered subscription."
    auto& c = w.add(GetParam().to);
    const auto unfiltered = w.subscribe(c, "video");
    EXPECT_EQ(c.got(unfiltered), b.got(id));
    w.send(p, "video", {3, 2}, "live");
    w.finish(p, "video", 3);
    for (const auto& [s, which] : {std::pair{&b, id}, {&c, unfiltered}}) {
        EXPECT_EQ(s->got(which), "3:0=3.0 3:1=3.1 3:2=live");
        EXPECT_EQ(s->finished[which], 1) << "one stream from the cache into the live edge";
    }
}

TEST_P(relay_replay, a_track_that_was_written_once_comes_to_every_viewer) {
    auto& p = w.publish(GetParam().from);
    auto& a = w.add(GetParam().to);
    const auto first = w.subscribe(a, "0.mp4");
    w.send(p, "0.mp4", {0, 0}, "init");
    w.finish(p, "0.mp4", 0);
    EXPECT_EQ(a.got(first), "0:0=init");
    w.run(seconds(90)); // the newest group outlives the age of others
    auto& b = w.add(GetParam().to);
    const auto second = w.subscribe(b, "0.mp4");
    EXPECT_EQ(b.got(second), "0:0=init");
    EXPECT_EQ(b.finished[second], 1);
    EXPECT_EQ(p.tracks["0.mp4"].subscribed, 1) << "from the cache";
    EXPECT_EQ(p.tracks["0.mp4"].fetched, 0);
    // Behind another relay, which has nothing of it yet.
    w.edges.push_back(std::make_unique<relay_node>(w.net, relay_config{}, world::open_, w.pool));
    w.edges.back()->attach_upstream(*w.node, GetParam().from);
    w.run(milliseconds(200));
    w.clients.push_back(std::make_unique<client>(w.net.now(), GetParam().to, w.pool));
    auto& far = *w.clients.back();
    w.links[&far] = w.edges.back()->attach(far, GetParam().to, {.unidirectional_streams = 100});
    w.run(milliseconds(200));
    const auto third = w.subscribe(far, "0.mp4", rendezvous(GetParam().to));
    w.run(milliseconds(500));
    EXPECT_EQ(far.got(third), "0:0=init");
}

TEST_P(relay_replay, subgroups_come_back_as_they_were) {
    auto& p = w.publish(GetParam().from);
    auto& a = w.add(GetParam().to);
    w.subscribe(a, "video");
    for (std::uint64_t o = 0; o < 6; ++o)
        w.send(p, "video", {1, o}, std::to_string(o), o % 2);
    auto& b = w.add(GetParam().to);
    const auto id = w.subscribe(b, "video", from({1, 0}));
    ASSERT_EQ(b.objects[id].size(), 6u);
    for (const auto& r : b.objects[id])
        EXPECT_EQ(r.item.subgroup_id, r.item.location.object % 2);
    w.finish(p, "video", 1);
    EXPECT_EQ(b.finished[id], 2);
}

TEST_P(relay_replay, a_group_without_its_beginning_is_not_replayed) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {1, 0}, "before");
    auto& a = w.add(GetParam().to);
    w.subscribe(a, "video");
    w.send(p, "video", {1, 1}, "b");
    auto& b = w.add(GetParam().to);
    const auto id = w.subscribe(b, "video", from({1, 0}));
    w.send(p, "video", {1, 2}, "c");
    EXPECT_EQ(b.got(id), "1:2=c");
}

TEST_P(relay_replay, largest_object_and_next_group_start_bring_nothing_old) {
    auto& p = w.publish(GetParam().from);
    auto& a = w.add(GetParam().to);
    w.subscribe(a, "video");
    w.send_groups(p, "video", 1, 1, 2);
    auto& b = w.add(GetParam().to);
    message_params params;
    params.subscription_filter = subscription_filter{};
    const auto live = w.subscribe(b, "video", params);
    auto& c = w.add(GetParam().to);
    params.subscription_filter = subscription_filter{filter_type::next_group_start, {}, 0};
    const auto next = w.subscribe(c, "video", params);
    w.send(p, "video", {1, 2}, "x");
    w.finish(p, "video", 1);
    w.send(p, "video", {2, 0}, "y");
    EXPECT_EQ(b.got(live), "1:2=x 2:0=y");
    EXPECT_EQ(c.got(next), "2:0=y");
}

TEST_P(relay_replay, a_range_that_is_over_is_invalid) {
    auto& p = w.publish(GetParam().from);
    auto& a = w.add(GetParam().to);
    w.subscribe(a, "video");
    w.send_groups(p, "video", 1, 4, 1);
    auto& b = w.add(GetParam().to);
    message_params params;
    params.subscription_filter = subscription_filter{filter_type::absolute_range, {1, 0}, 2};
    const auto over = w.subscribe(b, "video", params);
    if (rules_for(GetParam().to).past_filter_refused) {
        EXPECT_EQ(b.refused(over), request_error_code::invalid_range);
    } else {
        EXPECT_TRUE(b.accepted(over)); // it stays, and nothing comes
        EXPECT_EQ(b.got(over), "");
    }
    params.subscription_filter = subscription_filter{filter_type::absolute_range, {4, 0}, 5};
    const auto id = w.subscribe(b, "video", params);
    w.finish(p, "video", 4);
    w.send_groups(p, "video", 5, 6, 1);
    EXPECT_EQ(b.got(id), "4:0=4.0 5:0=5.0");
}
