#include "relay_world.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>
#include <set>

using namespace relay_test;

class relay_slow : public ::testing::TestWithParam<draft> {};

INSTANTIATE_TEST_SUITE_P(drafts, relay_slow, ::testing::ValuesIn(spoken_drafts),
                         [](const auto& chosen) {
                             return "d" + std::to_string(number(chosen.param));
                         });

namespace {

/// Stops a client's link, as SIGSTOP does: nothing reaches it, nothing is acknowledged.
void stop(world& w, client& c) {
    moqrtc::testing::path_config path;
    path.congestion_window = 1;
    path.delay = seconds(1000);
    w.net.link(w.links[&c]).set_paths(path);
}
void resume(world& w, client& c) {
    w.net.link(w.links[&c]).set_paths({});
}

} // namespace

TEST_P(relay_slow, too_many_bytes_reset_old_groups_and_nobody_else_notices) {
    relay_config config;
    config.backlog_bytes = 100'000;
    world w{config};
    auto& p = w.publish(GetParam());
    auto& fast = w.add(GetParam());
    moqrtc::testing::link_config narrow;
    narrow.to_client.rate = 20'000;
    narrow.to_client.congestion_window = 4'000;
    auto& slow = w.add(GetParam(), narrow);
    const auto quick = w.subscribe(fast, "video");
    const auto tardy = w.subscribe(slow, "video");
    const std::string payload(10'000, 'x');
    for (std::uint64_t g = 1; g <= 20; ++g) {
        for (std::uint64_t o = 0; o < 5; ++o)
            w.send(p, "video", {g, o}, payload);
        w.finish(p, "video", g);
    }
    w.run(seconds(30));
    EXPECT_EQ(fast.objects[quick].size(), 100u);
    EXPECT_EQ(fast.finished[quick], 20);
    EXPECT_EQ(fast.resets[quick], 0);
    EXPECT_GT(slow.resets[tardy], 0);
    EXPECT_LT(slow.objects[tardy].size(), 100u);
    EXPECT_FALSE(slow.done(tardy)) << "it stays subscribed";
    EXPECT_GT(w.node->relay.statistics().streams_behind, 0u);
    // Every group that it got to the end of is whole, and begins at its boundary.
    std::map<std::uint64_t, std::vector<std::uint64_t>> groups;
    for (const auto& r : slow.objects[tardy])
        groups[r.item.location.group].push_back(r.item.location.object);
    for (const auto& [g, objects] : groups)
        for (std::size_t i = 0; i < objects.size(); ++i)
            EXPECT_EQ(objects[i], i) << "group " << g;
}

TEST_P(relay_slow, backlog_never_exceeds_its_bound_by_more_than_a_group) {
    relay_config config;
    config.backlog_bytes = 100'000;
    world w{config};
    auto& p = w.publish(GetParam());
    auto& s = w.add(GetParam());
    w.subscribe(s, "video");
    stop(w, s);
    const std::string payload(10'000, 'x');
    std::size_t most = 0;
    for (std::uint64_t g = 1; g <= 40; ++g) {
        for (std::uint64_t o = 0; o < 5; ++o) {
            w.send(p, "video", {g, o}, payload);
            for (const auto& snapshot : w.node->relay.sessions())
                most = std::max(most, snapshot.unsent_bytes);
        }
        w.finish(p, "video", g);
    }
    EXPECT_GE(most, 100'000u);
    EXPECT_LT(most, 100'000u + 70'000u);
}

TEST_P(relay_slow, stopped_for_seconds_and_back_at_a_group_boundary) {
    world w; // bounds as configured: 3 s, 8 MiB
    auto& p = w.publish(GetParam());
    auto& fast = w.add(GetParam());
    auto& s = w.add(GetParam());
    const auto quick = w.subscribe(fast, "video");
    const auto id = w.subscribe(s, "video");
    std::uint64_t sent = 0;
    const auto second = [&](std::uint64_t group) {
        for (std::uint64_t o = 0; o < 10; ++o, ++sent)
            w.send(p, "video", {group, o}, std::string(500, 'v')); // 60 ms each
        w.run(milliseconds(300));
        w.finish(p, "video", group);
    };
    for (std::uint64_t g = 1; g <= 3; ++g)
        second(g);
    EXPECT_EQ(s.objects[id].size(), 30u);
    stop(w, s);
    for (std::uint64_t g = 4; g <= 12; ++g)
        second(g);
    resume(w, s);
    w.run(seconds(1));
    for (std::uint64_t g = 13; g <= 16; ++g)
        second(g);
    w.run(seconds(5));
    EXPECT_EQ(fast.objects[quick].size(), sent);
    EXPECT_EQ(fast.resets[quick], 0);
    EXPECT_FALSE(s.done(id));
    std::map<std::uint64_t, std::size_t> groups;
    for (const auto& r : s.objects[id])
        ++groups[r.item.location.group];
    for (std::uint64_t g = 13; g <= 16; ++g)
        EXPECT_EQ(groups[g], 10u) << "group " << g << " is whole again";
    EXPECT_LT(groups[5], 10u) << "what was too old was not sent late";
    EXPECT_GT(w.node->relay.statistics().streams_behind, 0u);
}

TEST_P(relay_slow, one_slow_track_does_not_touch_another_of_the_same_session) {
    relay_config config;
    config.backlog_bytes = 50'000;
    world w{config};
    auto& p = w.publish(GetParam());
    moqrtc::testing::link_config narrow;
    narrow.to_client.rate = 30'000;
    narrow.to_client.congestion_window = 4'000;
    auto& s = w.add(GetParam(), narrow);
    message_params urgent;
    urgent.subscriber_priority = 1;
    const auto audio = w.subscribe(s, "audio", urgent);
    const auto video = w.subscribe(s, "video");
    for (std::uint64_t g = 1; g <= 20; ++g) {
        for (std::uint64_t o = 0; o < 5; ++o) {
            w.send(p, "video", {g, o}, std::string(10'000, 'v'));
            w.send(p, "audio", {g, o}, "a");
        }
        w.finish(p, "video", g);
        w.finish(p, "audio", g);
    }
    w.run(seconds(60));
    EXPECT_EQ(s.objects[audio].size(), 100u) << "small and urgent: all of it";
    EXPECT_EQ(s.resets[audio], 0);
    EXPECT_GT(s.resets[video], 0);
}

TEST(backlog_watch, tells_the_age_of_the_oldest_unsent_byte) {
    backlog_watch watch;
    const auto age = seconds(4);
    instant now{};
    // Everything leaves within a second: never behind.
    for (int i = 0; i < 100; ++i, now = now + milliseconds(500)) {
        watch.wrote(1000);
        EXPECT_FALSE(watch.is_behind(now, 2000, age)) << i;
    }
    // Nothing leaves any more.
    std::size_t unsent = 2000;
    const auto stopped = now;
    for (;; now = now + milliseconds(500)) {
        watch.wrote(1000);
        unsent += 1000;
        if (watch.is_behind(now, unsent, age)) break;
        ASSERT_LT((now - stopped).us, seconds(8).us);
    }
    EXPECT_GE((now - stopped).us, seconds(3).us);
    EXPECT_LE((now - stopped).us, seconds(6).us);
}
