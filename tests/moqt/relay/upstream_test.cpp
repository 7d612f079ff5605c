#include "relay_world.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>

using namespace relay_test;

/// Takes one update of a request at a time.
class slow_publisher : public publisher {
public:
    slow_publisher(instant now, draft version, buffer_pool& pool) : publisher{now, version, pool} {
        session_config config;
        config.version = version;
        config.authority = "relay.example";
        config.path = "/moq";
        config.max_request_updates = 1;
        session_ = std::make_unique<moqt::session>(now, config, pool);
    }
};

class relay_upstream : public ::testing::TestWithParam<drafts> {
protected:
    world w{};
};

INSTANTIATE_TEST_SUITE_P(drafts, relay_upstream, ::testing::ValuesIn(pairs_of_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });

TEST_P(relay_upstream, publisher_killed_and_back_under_the_same_namespace) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(p, "video", {10, 0}, "a");
    w.send(p, "video", {10, 1}, "b");
    w.kill(p);
    w.run(milliseconds(100));
    EXPECT_EQ(s.resets[id], 1) << "the open subgroup ends at once";
    EXPECT_FALSE(s.done(id)) << "the subscription stays";
    w.run(seconds(5));
    auto& back = w.publish(GetParam().from);
    EXPECT_EQ(back.tracks["video"].subscribed, 1);
    w.send(back, "video", {20, 0}, "c");
    EXPECT_EQ(s.got(id), "10:0=a 10:1=b 20:0=c");
    EXPECT_FALSE(s.done(id));
}

TEST_P(relay_upstream, a_subscription_without_a_filter_asks_the_publisher_for_everything) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto asked = [&](const std::string& name, const message_params& params) {
        w.subscribe(s, name, params);
        const auto& all = p.tracks[name].subscriptions;
        return all.empty() ? nullptr : p.session().subscription(all.front());
    };
    const auto* everything = asked("init", {});
    ASSERT_NE(everything, nullptr);
    EXPECT_FALSE(everything->filter);
    message_params largest;
    largest.subscription_filter = subscription_filter{};
    const auto* live = asked("video", largest);
    ASSERT_NE(live, nullptr);
    ASSERT_TRUE(live->filter);
    EXPECT_EQ(live->filter->type, filter_type::largest_object);
}

TEST_P(relay_upstream, a_new_group_is_asked_for_when_the_publisher_takes_updates_again) {
    const auto& from = rules_for(GetParam().from);
    if (!from.range_filters ||
        !overlaps(carriers_of(rules_for(GetParam().to), parameter::new_group_request),
                  carrier::subscription_update))
        GTEST_SKIP() << "no MAX_REQUEST_UPDATES, or no NEW_GROUP_REQUEST";
    auto& p = w.add<slow_publisher>(GetParam().from);
    (void)p.session().publish_namespace(w.net.now(), {"live"});
    w.flush(p);
    std::array<std::byte, 8> block{};
    key_value_writer out{from, block};
    out.put(property::dynamic_groups, 1);
    p.tracks["video"].properties.assign(block.begin(),
                                        block.begin() + static_cast<long>(*out.size()));
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(p, "video", {7, 0}, "x");
    p.answers = false;
    message_params ask;
    for (const auto group : {8u, 12u}) {
        ask.new_group_request = group;
        ASSERT_TRUE(s.session().update(w.net.now(), id, ask));
        w.flush(s);
    }
    w.run(seconds(3));
    EXPECT_FALSE(p.session().closed());
    ASSERT_EQ(p.count(event::kind::update_requested), 1u);
    p.answers = true;
    p.time = w.net.now();
    for (auto& e : p.events)
        if (e.what == event::kind::update_requested) p.answer(e);
    w.flush(p);
    ASSERT_EQ(p.update_params.size(), 2u);
    EXPECT_EQ(p.update_params[0].new_group_request, 8u);
    EXPECT_EQ(p.update_params[1].new_group_request, 12u);
    // Once: what was told is not told again.
    w.run(seconds(3));
    EXPECT_EQ(p.update_params.size(), 2u);
}

TEST_P(relay_upstream, publisher_that_comes_back_and_numbers_from_zero_starts_anew) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send_groups(p, "video", 100, 103, 2);
    w.kill(p);
    w.run(seconds(2));
    auto& back = w.publish(GetParam().from);
    w.send(back, "video", {0, 0}, "a");
    EXPECT_EQ(s.done(id), publish_done_code::track_ended);
    const auto again = w.subscribe(s, "video");
    w.send(back, "video", {0, 1}, "b");
    w.send(back, "video", {1, 0}, "c");
    EXPECT_EQ(s.got(again), "0:0=a 0:1=b 1:0=c");
}

TEST_P(relay_upstream, a_track_that_was_ended_is_published_again) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(p, "video", {10, 0}, "a");
    auto& ended = p.tracks["video"];
    ASSERT_TRUE(p.session().write_object(w.net.now(), ended.open.begin()->second, 1, {}, {},
                                         object_status::end_of_track));
    ASSERT_TRUE(p.session().publish_done(w.net.now(), ended.subscriptions.at(0),
                                         publish_done_code::track_ended, "end"));
    w.flush(p);
    EXPECT_EQ(s.done(id), publish_done_code::track_ended);
    w.kill(p);
    auto& back = w.publish(GetParam().from);
    const auto again = w.subscribe(s, "video");
    w.send(back, "video", {20, 0}, "b");
    w.send(back, "video", {20, 1}, "c");
    EXPECT_FALSE(s.done(again));
    EXPECT_TRUE(s.got(again).ends_with("20:0=b 20:1=c")) << s.got(again);
}

TEST_P(relay_upstream, pushing_publisher_killed_and_back) {
    auto& p = w.add<publisher>(GetParam().from);
    p.push({"live"}, "video");
    w.flush(p);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    ASSERT_TRUE(s.accepted(id));
    w.send(p, "video", {10, 0}, "a");
    w.kill(p);
    w.run(seconds(5));
    auto& back = w.add<publisher>(GetParam().from);
    back.push({"live"}, "video");
    w.flush(back);
    w.send(back, "video", {20, 0}, "c");
    EXPECT_EQ(s.got(id), "10:0=a 20:0=c");
}

TEST_P(relay_upstream, publisher_that_stays_away_ends_the_track_after_the_grace) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(p, "video", {10, 0}, "a");
    w.kill(p);
    w.run(seconds(29));
    EXPECT_FALSE(s.done(id));
    w.run(seconds(2));
    EXPECT_EQ(s.done(id), publish_done_code::track_ended);
    EXPECT_EQ(w.node->relay.statistics().subscribers, 0u);
    w.run(seconds(60));
    EXPECT_EQ(w.node->relay.statistics().tracks, 0u);
    EXPECT_EQ(w.node->relay.statistics().cache_bytes, 0u);
}

TEST_P(relay_upstream, second_publisher_takes_over_without_a_gap) {
    auto& a = w.publish(GetParam().from);
    auto& b = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    EXPECT_EQ(a.tracks["video"].subscribed, 1);
    EXPECT_EQ(b.tracks["video"].subscribed, 1);
    for (std::uint64_t o = 0; o < 4; ++o) {
        w.send(a, "video", {1, o}, std::to_string(o));
        w.send(b, "video", {1, o}, std::to_string(o));
    }
    w.kill(a);
    for (std::uint64_t o = 4; o < 6; ++o)
        w.send(b, "video", {1, o}, std::to_string(o));
    w.finish(b, "video", 1);
    EXPECT_EQ(s.got(id), "1:0=0 1:1=1 1:2=2 1:3=3 1:4=4 1:5=5");
    EXPECT_EQ(s.finished[id], 1);
    EXPECT_EQ(s.resets[id], 0) << "one stream, whoever feeds it";
    EXPECT_EQ(w.node->relay.statistics().objects_duplicate, 4u);
}

TEST_P(relay_upstream, the_faster_of_two_publishers_feeds_the_stream) {
    auto& a = w.publish(GetParam().from);
    auto& b = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(a, "video", {1, 0}, "0");
    w.send(b, "video", {1, 0}, "0");
    w.send(b, "video", {1, 1}, "1"); // b is ahead now
    w.send(a, "video", {1, 1}, "1");
    w.send(a, "video", {1, 2}, "2");
    w.send(b, "video", {1, 2}, "2");
    EXPECT_EQ(s.got(id), "1:0=0 1:1=1 1:2=2");
    EXPECT_EQ(s.resets[id], 0);
}

TEST_P(relay_upstream, a_second_session_of_the_same_publisher_replaces_the_first) {
    auto& old = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(old, "video", {1, 0}, "a");
    // The old connection is still there when the new one comes.
    auto& fresh = w.publish(GetParam().from);
    EXPECT_EQ(fresh.tracks["video"].subscribed, 1);
    w.send(fresh, "video", {2, 0}, "b");
    w.kill(old);
    w.send(fresh, "video", {2, 1}, "c");
    w.run(seconds(40));
    EXPECT_EQ(s.got(id), "1:0=a 2:0=b 2:1=c");
    EXPECT_FALSE(s.done(id));
}

TEST_P(relay_upstream, publisher_that_gives_up_a_subscription_is_asked_again) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    (void)p.session().publish_done(w.net.now(), p.tracks["video"].subscriptions.at(0),
                                   publish_done_code::internal_error, "oops");
    p.tracks["video"].subscriptions.clear();
    w.flush(p);
    EXPECT_EQ(p.tracks["video"].subscribed, 1) << "not at once";
    w.run(seconds(2));
    EXPECT_EQ(p.tracks["video"].subscribed, 2);
    w.send(p, "video", {1, 0}, "a");
    EXPECT_EQ(s.got(id), "1:0=a");
}

TEST_P(relay_upstream, withdrawn_namespace_leaves_subscriptions_alone) {
    auto& p = w.add<publisher>(GetParam().from);
    const auto space = *p.session().publish_namespace(w.net.now(), {"live"});
    w.flush(p);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    (void)p.session().cancel(w.net.now(), space);
    w.flush(p);
    EXPECT_EQ(w.node->relay.statistics().namespaces, 0u);
    w.send(p, "video", {1, 0}, "a");
    EXPECT_EQ(s.got(id), "1:0=a");
}

TEST_P(relay_upstream, a_publish_that_crosses_our_subscribe_takes_its_place) {
    if (!rules_for(GetParam().from).several_subscriptions)
        GTEST_SKIP() << "the session lets one of the two go by itself";
    for (const bool answered : {false, true}) {
        world v;
        auto& s = v.add(GetParam().to);
        const auto id = v.subscribe(s, "video", rendezvous(GetParam().to));
        auto& p = v.add<publisher>(GetParam().from);
        p.answers = false;
        (void)p.session().publish_namespace(v.net.now(), {"live"});
        v.flush(p);
        const auto asked = std::find_if(p.events.begin(), p.events.end(), [](const event& e) {
            return e.what == event::kind::requested && e.request == request_kind::subscribe;
        });
        ASSERT_NE(asked, p.events.end());
        const auto subscribe_id = asked->id;
        p.answers = true;
        p.time = v.net.now();
        if (answered) p.answer(*asked);
        p.push({"live"}, "video");
        v.flush(p);
        EXPECT_EQ(p.find(event::kind::cancelled, subscribe_id) != nullptr, !answered);
        EXPECT_EQ(v.node->relay.statistics().sources, answered ? 2u : 1u);
        v.send(p, "video", {1, 0}, "a");
        v.send(p, "video", {1, 1}, "b");
        v.finish(p, "video", 1);
        v.send(p, "video", {2, 0}, "c");
        EXPECT_EQ(s.got(id), "1:0=a 1:1=b 2:0=c");
        EXPECT_EQ(v.node->relay.statistics().objects_duplicate, 0u);
        EXPECT_EQ(v.node->relay.statistics().objects_in, 3u) << "not both of them";
    }
}

// Chained relays -------------------------------------------------------------------------------

class relay_chain : public relay_upstream {
protected:
    relay_node& edge() {
        w.edges.push_back(
            std::make_unique<relay_node>(w.net, relay_config{}, world::open_, w.pool));
        moqrtc::testing::link_config link;
        link.unidirectional_streams = 10000;
        w.edges.back()->attach_upstream(*w.node, GetParam().from, link);
        w.run(milliseconds(100));
        return *w.edges.back();
    }
    client& at(relay_node& node) {
        w.clients.push_back(std::make_unique<client>(w.net.now(), GetParam().to, w.pool));
        auto& c = *w.clients.back();
        moqrtc::testing::link_config link;
        link.unidirectional_streams = 10000;
        w.links[&c] = node.attach(c, GetParam().to, link);
        w.run(milliseconds(100));
        return c;
    }
};

INSTANTIATE_TEST_SUITE_P(drafts, relay_chain, ::testing::ValuesIn(pairs_of_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });

TEST_P(relay_chain, origin_sends_each_object_to_each_edge_once) {
    auto& p = w.publish(GetParam().from);
    auto& e1 = edge();
    auto& e2 = edge();
    std::vector<std::pair<client*, request_id>> all;
    for (auto* e : {&e1, &e2})
        for (int i = 0; i < 3; ++i) {
            auto& s = at(*e);
            all.emplace_back(&s, w.subscribe(s, "video"));
        }
    w.run(milliseconds(300));
    w.send_groups(p, "video", 1, 3, 5);
    w.run(milliseconds(300));
    for (auto& [s, id] : all) {
        EXPECT_TRUE(s->accepted(id));
        EXPECT_EQ(s->objects[id].size(), 15u);
        EXPECT_EQ(s->got(id), all[0].first->got(all[0].second));
    }
    EXPECT_EQ(p.tracks["video"].subscribed, 1);
    EXPECT_EQ(w.node->relay.statistics().objects_out, 30u) << "15 to each edge";
    EXPECT_EQ(e1.relay.statistics().objects_in, 15u);
    EXPECT_EQ(e2.relay.statistics().objects_in, 15u);
}

TEST_P(relay_chain, late_joiner_at_an_edge) {
    auto& p = w.publish(GetParam().from);
    auto& first = w.add(GetParam().to);
    w.subscribe(first, "video");
    w.send_groups(p, "video", 1, 2, 3);
    auto& e = edge();
    auto& s = at(e);
    message_params largest;
    largest.subscription_filter = subscription_filter{};
    const auto id = *s.session().subscribe(w.net.now(), {{"live"}, "video"}, largest);
    const auto joined = *s.join(w.net.now(), id, 0);
    w.flush(s);
    w.run(milliseconds(300));
    EXPECT_EQ(s.got(joined), "2:0=2.0 2:1=2.1 2:2=2.2");
    w.send(p, "video", {2, 3}, "next");
    w.run(milliseconds(100));
    EXPECT_EQ(s.got(id), "2:3=next");
    EXPECT_EQ(p.tracks["video"].fetched, 0) << "the origin had it";
    EXPECT_EQ(e.relay.statistics().objects_in, 4u) << "each object came to the edge once";
}

TEST_P(relay_chain, subscribe_at_the_edge_before_publish_at_the_origin) {
    auto& e = edge();
    auto& s = at(e);
    const auto id = w.subscribe(s, "video", rendezvous(GetParam().to));
    // Whoever said how long waits so long, though the origin may refuse the edge meanwhile.
    w.run(milliseconds(rendezvous(GetParam().to).rendezvous_timeout ? 6000 : 1000));
    EXPECT_FALSE(s.refused(id));
    auto& p = w.publish(GetParam().from);
    w.run(milliseconds(300));
    ASSERT_TRUE(s.accepted(id));
    w.send(p, "video", {1, 0}, "a");
    w.run(milliseconds(100));
    EXPECT_EQ(s.got(id), "1:0=a");
}

TEST_P(relay_chain, a_refusal_at_the_edge_says_when_to_ask_again) {
    auto& s = at(edge());
    const auto id = w.subscribe(s, "video", rendezvous(GetParam().to, 1000));
    w.run(seconds(2));
    ASSERT_EQ(s.refused(id), request_error_code::timeout);
    // The server upstream may be one that cannot say when.
    const auto [from, to] = GetParam();
    const bool says = rules_for(from).retry_interval && rules_for(to).retry_interval;
    EXPECT_EQ(s.find(event::kind::rejected, id)->retry_after(),
              says ? milliseconds(100) : seconds(1));
}

TEST_P(relay_chain, namespaces_of_the_origin_appear_at_the_edge) {
    auto& p = w.publish(GetParam().from, {"live", "one"});
    auto& e = edge();
    auto& s = at(e);
    const auto id = *s.session().subscribe_namespace(w.net.now(), {"live"});
    w.flush(s);
    w.run(milliseconds(300));
    ASSERT_TRUE(s.accepted(id));
    EXPECT_EQ(s.count(event::kind::namespace_added), 1u);
    w.publish(GetParam().from, {"live", "two"});
    w.run(milliseconds(300));
    EXPECT_EQ(s.count(event::kind::namespace_added), 2u);
    w.kill(p);
    w.run(milliseconds(300));
    EXPECT_EQ(s.count(event::kind::namespace_removed), 1u);
}

TEST_P(relay_chain, a_publisher_at_the_edge_is_preferred) {
    auto& far = w.publish(GetParam().from);
    auto& e = edge();
    w.clients.push_back(std::make_unique<publisher>(w.net.now(), GetParam().from, w.pool));
    auto& near = static_cast<publisher&>(*w.clients.back());
    w.links[&near] = e.attach(near, GetParam().from);
    w.run(milliseconds(100));
    near.time = w.net.now();
    (void)near.session().publish_namespace(w.net.now(), {"live"});
    w.flush(near);
    auto& s = at(e);
    const auto id = w.subscribe(s, "video");
    EXPECT_TRUE(s.accepted(id));
    EXPECT_EQ(near.tracks["video"].subscribed, 1);
    EXPECT_EQ(far.tracks["video"].subscribed, 0);
}

TEST_P(relay_chain, upstream_lost_and_back) {
    auto& p = w.publish(GetParam().from);
    auto& e = edge();
    auto& s = at(e);
    const auto id = w.subscribe(s, "video");
    w.run(milliseconds(200));
    w.send(p, "video", {1, 0}, "a");
    // The link between the relays breaks, and a new one is made.
    for (const auto& found : e.relay.sessions()) {
        if (!found.info.upstream) continue;
        e.relay.at(found.key).handle_transport_closed(w.net.now(), 0, "lost", false);
        e.relay.handle_ready(w.net.now(), found.key);
    }
    e.settle();
    w.run(seconds(1));
    EXPECT_FALSE(s.done(id));
    moqrtc::testing::link_config link;
    link.unidirectional_streams = 1000;
    e.attach_upstream(*w.node, GetParam().from, link);
    w.run(seconds(1));
    w.send(p, "video", {2, 0}, "b");
    w.run(milliseconds(200));
    EXPECT_EQ(s.got(id), "1:0=a 2:0=b");
}
