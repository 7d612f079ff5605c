#include "relay_world.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>

using namespace relay_test;

namespace {

/// A subscriber that keeps no objects, only a digest of what came and when.
class meter : public client {
public:
    meter(instant now, draft version, buffer_pool& pool) : client{now, version, pool} {}
    void after_input(instant now) override {
        time = now;
        while (auto e = session_->poll_event()) {
            if (e->what == event::kind::object) {
                ++count;
                mix(e->item.location.group);
                mix(e->item.location.object);
                for (const auto b : e->item.payload.view())
                    mix(std::to_integer<std::uint64_t>(b));
            } else if (e->what == event::kind::stream_finished) {
                ++streams;
            } else if (e->what == event::kind::accepted) {
                ++accepted_count;
            }
        }
    }
    void mix(std::uint64_t v) {
        digest = (digest ^ v) * 0x100000001b3u;
        digest ^= digest >> 29;
    }
    std::uint64_t digest = 0xcbf29ce484222325u;
    std::size_t count = 0;
    std::size_t streams = 0;
    std::size_t accepted_count = 0;
};

} // namespace

TEST(relay_scale, two_thousand_subscribers_of_both_drafts_get_the_same_bytes) {
    world w;
    auto& p = w.publish(draft::d18);
    constexpr std::size_t subscribers = 2000;
    std::vector<meter*> all;
    for (std::size_t i = 0; i < subscribers; ++i) {
        const auto version = i % 2 == 0 ? draft::d16 : draft::d18;
        moqrtc::testing::link_config link;
        link.seed = i + 1;
        link.set_paths({.delay = milliseconds(1 + static_cast<std::int64_t>(i % 40))});
        w.clients.push_back(std::make_unique<meter>(w.net.now(), version, w.pool));
        auto& m = static_cast<meter&>(*w.clients.back());
        w.links[&m] = w.node->attach(m, version, link);
        all.push_back(&m);
    }
    w.run(milliseconds(500));
    for (auto* m : all) {
        (void)m->session().subscribe(w.net.now(), {{"live"}, "video"});
        w.wake(*m);
    }
    w.run(milliseconds(500));
    ASSERT_EQ(p.tracks["video"].subscribed, 1);
    for (std::uint64_t g = 1; g <= 3; ++g) {
        for (std::uint64_t o = 0; o < 4; ++o)
            w.send(p, "video", {g, o}, std::string(300 + 17 * o, static_cast<char>('a' + o)));
        w.finish(p, "video", g);
    }
    w.run(milliseconds(500));
    for (const auto* m : all) {
        ASSERT_EQ(m->accepted_count, 1u);
        ASSERT_EQ(m->count, 12u);
        ASSERT_EQ(m->digest, all[0]->digest);
        ASSERT_EQ(m->streams, 3u);
    }
    EXPECT_EQ(w.node->relay.statistics().objects_in, 12u);
    EXPECT_EQ(w.node->relay.statistics().objects_out, 12u * subscribers);
    EXPECT_EQ(w.node->relay.statistics().subscribers, subscribers);
    for (std::uint32_t i = 0; i < w.net.links(); ++i)
        EXPECT_EQ(w.net.link(i).statistics().violations, 0u)
            << w.net.link(i).statistics().last_violation;
    // All leave at once; nothing of them stays.
    for (auto* m : all)
        w.kill(*m);
    w.run(seconds(3));
    EXPECT_EQ(w.node->relay.statistics().subscribers, 0u);
    EXPECT_EQ(p.count(event::kind::cancelled), 1u);
}

TEST(relay_scale, many_tracks_of_many_publishers) {
    world w;
    std::vector<publisher*> publishers;
    for (int i = 0; i < 20; ++i)
        publishers.push_back(
            &w.publish(i % 2 == 0 ? draft::d16 : draft::d18, {"room", std::to_string(i)}));
    auto& s = w.add(draft::d18);
    std::vector<request_id> ids;
    for (int i = 0; i < 20; ++i)
        for (const auto* name : {"catalog", "audio", "video"})
            ids.push_back(w.subscribe(s, name, {}, {"room", std::to_string(i)}));
    for (auto* p : publishers)
        for (const auto* name : {"catalog", "audio", "video"})
            w.send(*p, name, {1, 0}, name);
    for (const auto id : ids)
        EXPECT_EQ(s.objects[id].size(), 1u);
    EXPECT_EQ(w.node->relay.statistics().tracks, 60u);
}

TEST(relay_scale, lossy_links_with_reordering_change_nothing) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        SCOPED_TRACE(seed);
        world w;
        moqrtc::testing::link_config rough;
        rough.seed = seed;
        rough.set_paths({.delay = milliseconds(15),
                         .jitter = milliseconds(30),
                         .smallest_packet = 1,
                         .largest_packet = 900,
                         .loss = 100});
        auto& p = w.add<publisher>(draft::d16, rough);
        w.run(seconds(1));
        ASSERT_TRUE(p.session().publish_namespace(w.net.now(), {"live"}));
        w.flush(p);
        auto& a = w.add(draft::d18, rough);
        auto& b = w.add(draft::d16, rough);
        w.run(seconds(1));
        const auto ia = w.subscribe(a, "video", rendezvous(draft::d18));
        const auto ib = w.subscribe(b, "video");
        w.run(seconds(2));
        ASSERT_TRUE(a.accepted(ia));
        for (std::uint64_t g = 1; g <= 5; ++g) {
            for (std::uint64_t o = 0; o < 5; ++o)
                w.send(p, "video", {g, o}, std::string(700, static_cast<char>('a' + o)));
            w.finish(p, "video", g);
        }
        w.run(seconds(10));
        EXPECT_EQ(a.objects[ia].size(), 25u);
        EXPECT_EQ(b.objects[ib].size(), 25u);
        EXPECT_EQ(a.finished[ia], 5);
        EXPECT_EQ(b.finished[ib], 5);
    }
}

TEST(relay_scale, links_that_abort_streams_break_no_subscription) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        world w;
        moqrtc::testing::link_config wild;
        wild.seed = seed;
        wild.set_paths({.delay = milliseconds(5),
                        .jitter = milliseconds(20),
                        .largest_packet = 300,
                        .loss = 50,
                        .stream_abort = 30,
                        .stream_stop = 30});
        auto& p = w.add<publisher>(seed % 2 == 0 ? draft::d16 : draft::d18, wild);
        w.run(seconds(1));
        ASSERT_TRUE(p.session().publish_namespace(w.net.now(), {"live"}));
        w.flush(p);
        auto& a = w.add(draft::d18, wild);
        auto& b = w.add(draft::d16);
        w.run(seconds(1));
        const auto ia = w.subscribe(a, "video", rendezvous(draft::d18));
        const auto ib = w.subscribe(b, "video");
        w.run(seconds(2));
        for (std::uint64_t g = 1; g <= 20; ++g) {
            for (std::uint64_t o = 0; o < 3; ++o)
                w.send(p, "video", {g, o}, std::string(500, static_cast<char>('a' + o)));
            w.finish(p, "video", g);
        }
        w.run(seconds(10));
        EXPECT_FALSE(a.session().closed());
        EXPECT_FALSE(b.session().closed());
        EXPECT_FALSE(b.done(ib));
        // What came is right, in order within each stream.
        for (const auto& [c, id] : {std::pair{&a, ia}, std::pair{&b, ib}})
            for (const auto& r : c->objects[id])
                EXPECT_EQ(r.item.payload.view()[0],
                          static_cast<std::byte>('a' + r.item.location.object));
        EXPECT_GT(b.objects[ib].size(), 0u);
    }
}

// Rows of the conformance list -----------------------------------------------------------------

TEST(relay_rows, MUST_16_163_MUST_18_199_objects_of_a_stream_stay_in_order) {
    world w;
    auto& p = w.publish(draft::d18);
    auto& s = w.add(draft::d18);
    const auto id = w.subscribe(s, "video");
    for (const std::uint64_t o : {0u, 3u, 4u, 9u, 20u}) // gaps belong to nobody
        w.send(p, "video", {1, o}, std::to_string(o));
    w.finish(p, "video", 1);
    EXPECT_EQ(s.got(id), "1:0=0 1:3=3 1:4=4 1:9=9 1:20=20");
    EXPECT_EQ(s.finished[id], 1);
    EXPECT_EQ(s.resets[id], 0);
}

TEST(relay_rows, MUST_16_174_MUST_18_212_a_malformed_object_reaches_nobody) {
    world w;
    auto& p = w.publish(draft::d18);
    auto& s = w.add(draft::d18);
    const auto id = w.subscribe(s, "video");
    w.send(p, "video", {1, 0}, "good");
    // A gap larger than the group's ID: malformed, the relay's session finds it.
    std::array<std::byte, 16> block{};
    key_value_writer out{rules_for(draft::d18), block};
    out.put(property::prior_group_id_gap, 9);
    w.send(p, "video", {3, 0}, "bad", 0, slice::copy(w.pool, bytes{block}.first(*out.size())));
    EXPECT_EQ(s.got(id), "1:0=good");
    EXPECT_EQ(s.done(id), publish_done_code::malformed_track);
    EXPECT_FALSE(s.session().closed());
}

TEST(relay_rows, MUST_18_170_first_object_is_said_only_when_it_is_true) {
    world w;
    auto& p = w.publish(draft::d18);
    auto& a = w.add(draft::d18);
    bool said = false;
    a.on_event = [&](event& e) {
        if (e.what == event::kind::subgroup_opened) said = e.item.first_object;
    };
    const auto id = w.subscribe(a, "video");
    w.send(p, "video", {1, 0}, "a");
    EXPECT_TRUE(said);
    auto& b = w.add(draft::d18);
    bool late = true;
    b.on_event = [&](event& e) {
        if (e.what == event::kind::subgroup_opened) late = e.item.first_object;
    };
    message_params largest;
    largest.subscription_filter = subscription_filter{};
    w.subscribe(b, "video", largest);
    w.send(p, "video", {1, 1}, "b");
    EXPECT_FALSE(late);
    EXPECT_EQ(a.got(id), "1:0=a 1:1=b");
    auto& c = w.add(draft::d18);
    bool from_start = false;
    c.on_event = [&](event& e) {
        if (e.what == event::kind::subgroup_opened) from_start = e.item.first_object;
    };
    EXPECT_EQ(c.got(w.subscribe(c, "video")), "1:0=a 1:1=b");
    EXPECT_TRUE(from_start) << "out of the cache, from the first object on";
}
