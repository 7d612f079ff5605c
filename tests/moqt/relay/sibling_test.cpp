#include "relay_world.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>
#include <random>

using namespace relay_test;

/// Three relays of one server, each pair joined: `w.node` and two more.
class relay_siblings : public ::testing::TestWithParam<drafts> {
protected:
    relay_siblings() { build({}); }
    void build(relay_config config, bool upstream = false) {
        for (int i = 0; i < 2; ++i)
            w.edges.push_back(std::make_unique<relay_node>(w.net, config, world::open_, w.pool));
        w.edges[0]->attach_sibling(*w.node, upstream);
        w.edges[1]->attach_sibling(*w.node, upstream);
        w.edges[1]->attach_sibling(*w.edges[0]);
        w.run(milliseconds(200));
    }
    relay_node& node(std::size_t shard) { return shard == 0 ? *w.node : *w.edges[shard - 1]; }
    template <class Client = client>
    Client& at(std::size_t shard, draft version) {
        moqrtc::testing::link_config link;
        link.unidirectional_streams = link.bidirectional_streams = 10000;
        auto fresh = std::make_unique<Client>(w.net.now(), version, w.pool);
        auto& c = *fresh;
        w.clients.push_back(std::move(fresh));
        w.links[&c] = node(shard).attach(c, version, link);
        where[&c] = shard;
        c.time = w.net.now();
        w.run(milliseconds(100));
        return c;
    }
    publisher& publish(std::size_t shard, draft version, const track_namespace& space = {"live"}) {
        auto& p = at<publisher>(shard, version);
        (void)p.session().publish_namespace(w.net.now(), space);
        flush(p);
        return p;
    }
    void flush(client& c) {
        w.net.wake({w.links[&c], 0});
        w.run(milliseconds(200));
    }
    request_id subscribe(client& c, const std::string& name, message_params params = {}) {
        const auto id = c.session().subscribe(w.net.now(), {{"live"}, name}, params);
        flush(c);
        return id.value_or(UINT64_MAX);
    }
    void send(publisher& p, const std::string& name, location at, std::string_view payload) {
        p.time = w.net.now();
        p.send(name, at, payload);
        flush(p);
    }
    void kill(client& c) {
        auto& n = node(where[&c]);
        const auto key = n.key_of(w.links[&c]);
        n.relay.at(key).handle_transport_closed(w.net.now(), 0, "lost", false);
        n.relay.handle_ready(w.net.now(), key);
        n.settle();
        w.run(milliseconds(300));
    }

    world w{};
    std::map<client*, std::size_t> where{};
};

INSTANTIATE_TEST_SUITE_P(drafts, relay_siblings, ::testing::ValuesIn(pairs_of_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });

TEST_P(relay_siblings, what_is_published_at_one_is_to_be_had_at_all) {
    auto& p = publish(0, GetParam().from);
    auto& near = at(0, GetParam().to);
    auto& far = at(1, GetParam().to);
    auto& farther = at(2, GetParam().to);
    const auto a = subscribe(near, "video");
    const auto b = subscribe(far, "video");
    const auto c = subscribe(farther, "video");
    send(p, "video", {1, 0}, "a");
    send(p, "video", {1, 1}, "b");
    for (const auto& [s, id] : {std::pair{&near, a}, {&far, b}, {&farther, c}})
        EXPECT_EQ(s->got(id), "1:0=a 1:1=b");
    EXPECT_EQ(p.tracks["video"].subscribed, 1);
    EXPECT_EQ(node(0).relay.statistics().objects_to_siblings, 4u);
    EXPECT_EQ(node(1).relay.statistics().objects_from_siblings, 2u);
    EXPECT_EQ(node(1).relay.statistics().objects_to_siblings, 0u);
    EXPECT_EQ(node(1).relay.statistics().objects_in, 0u);
    EXPECT_EQ(node(1).relay.statistics().objects_out, 2u);
    EXPECT_EQ(node(0).relay.statistics().objects_in, 2u);
    EXPECT_EQ(node(0).relay.statistics().objects_out, 2u);
}

TEST_P(relay_siblings, a_track_crosses_once_however_many_watch) {
    auto& p = publish(0, GetParam().from);
    std::vector<std::pair<client*, request_id>> all;
    for (int i = 0; i < 5; ++i) {
        auto& s = at(1, GetParam().to);
        all.emplace_back(&s, subscribe(s, "video"));
    }
    send(p, "video", {1, 0}, "a");
    for (const auto& [s, id] : all)
        EXPECT_EQ(s->got(id), "1:0=a");
    EXPECT_EQ(node(0).relay.statistics().objects_to_siblings, 1u);
    EXPECT_EQ(node(2).relay.statistics().objects_from_siblings, 0u) << "nobody watches there";
}

TEST_P(relay_siblings, siblings_are_not_counted_as_clients) {
    auto& p = publish(0, GetParam().from);
    auto& s = at(1, GetParam().to);
    (void)subscribe(s, "video");
    send(p, "video", {1, 0}, "a");
    auto& here = node(0).relay.statistics();
    EXPECT_EQ(here.sessions, 2u); // the one that carries the relay's timers, and the publisher
    EXPECT_EQ(here.sources, 1u);
    EXPECT_EQ(here.subscribers, 0u);
    auto& there = node(1).relay.statistics();
    EXPECT_EQ(there.sources, 0u);
    EXPECT_EQ(there.subscribers, 1u);
    for (const auto& session : node(0).relay.sessions())
        EXPECT_NE(session.info.label, "sibling");
    EXPECT_EQ(node(0).relay.tracks().at(0).subscribers, 0u);
    EXPECT_EQ(node(0).relay.tracks().at(0).publishers, 1u);
    EXPECT_EQ(node(1).relay.tracks().at(0).subscribers, 1u);
    EXPECT_EQ(node(1).relay.tracks().at(0).publishers, 0u);
}

TEST_P(relay_siblings, a_pushed_track_is_to_be_had_and_offered_at_all) {
    auto& listener = at(2, draft::d18);
    (void)listener.session().subscribe_tracks(w.net.now(), {"live"});
    flush(listener);
    auto& p = at<publisher>(0, GetParam().from);
    p.time = w.net.now();
    p.push({"live"}, "video");
    flush(p);
    EXPECT_EQ(listener.count(event::kind::requested), 1u);
    auto& s = at(1, GetParam().to);
    const auto id = subscribe(s, "video");
    send(p, "video", {1, 0}, "a");
    send(p, "video", {2, 0}, "b");
    EXPECT_EQ(s.got(id), "1:0=a 2:0=b");
    EXPECT_EQ(node(1).relay.statistics().objects_to_siblings, 0u) << "no circle";
    EXPECT_EQ(node(2).relay.statistics().objects_to_siblings, 0u) << "no circle";
}

TEST_P(relay_siblings, a_push_that_crosses_a_subscribe_brings_nothing_twice) {
    auto& s = at<client>(1, GetParam().to);
    message_params patient = rendezvous(GetParam().to);
    const auto id = *s.session().subscribe(w.net.now(), {{"live"}, "video"}, patient);
    w.net.wake({w.links[&s], 0});
    w.run(milliseconds(20));
    // The namespace makes the other relay subscribe, while the track itself is already offered.
    auto& p = at<publisher>(0, GetParam().from);
    (void)p.session().publish_namespace(w.net.now(), {"live"});
    p.push({"live"}, "video");
    flush(p);
    ASSERT_TRUE(s.accepted(id));
    for (std::uint64_t o = 0; o < 5; ++o)
        send(p, "video", {1, o}, "x");
    EXPECT_EQ(s.objects[id].size(), 5u);
    EXPECT_EQ(node(1).relay.statistics().objects_duplicate, 0u);
    EXPECT_EQ(node(1).relay.statistics().objects_from_siblings, 5u);
}

TEST_P(relay_siblings, a_subscriber_waits_for_a_publisher_elsewhere) {
    auto& s = at(1, GetParam().to);
    const auto id =
        *s.session().subscribe(w.net.now(), {{"live"}, "video"}, rendezvous(GetParam().to));
    flush(s);
    EXPECT_FALSE(s.accepted(id));
    auto& p = publish(2, GetParam().from);
    EXPECT_TRUE(s.accepted(id));
    send(p, "video", {1, 0}, "a");
    EXPECT_EQ(s.got(id), "1:0=a");
}

TEST_P(relay_siblings, what_nobody_has_is_refused_and_asked_of_nobody_twice) {
    auto& s = at(1, GetParam().to);
    const auto status = *s.session().track_status(w.net.now(), {{"live"}, "video"});
    message_params params;
    const auto id = *s.session().subscribe(w.net.now(), {{"live"}, "video"}, params);
    flush(s);
    w.run(seconds(15));
    EXPECT_TRUE(s.refused(status).has_value());
    EXPECT_TRUE(s.refused(id).has_value());
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(node(i).relay.statistics().tracks, 0u);
}

TEST_P(relay_siblings, track_status_finds_the_publisher_elsewhere) {
    auto& p = publish(0, GetParam().from);
    auto& s = at(0, GetParam().to);
    (void)subscribe(s, "video");
    send(p, "video", {7, 3}, "a");
    auto& far = at(2, GetParam().to);
    const auto status = *far.session().track_status(w.net.now(), {{"live"}, "video"});
    flush(far);
    EXPECT_TRUE(far.accepted(status));
}

TEST_P(relay_siblings, namespaces_are_told_everywhere_once) {
    auto& s = at(2, GetParam().to);
    (void)s.session().subscribe_namespace(w.net.now(), {"live"});
    flush(s);
    auto& a = publish(0, GetParam().from);
    EXPECT_EQ(s.count(event::kind::namespace_added), 1u);
    auto& b = publish(1, GetParam().from);
    EXPECT_EQ(s.count(event::kind::namespace_added), 1u) << "it was there already";
    kill(a);
    EXPECT_EQ(s.count(event::kind::namespace_removed), 0u) << "another publisher has it";
    kill(b);
    EXPECT_EQ(s.count(event::kind::namespace_removed), 1u);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_TRUE(node(i).relay.namespaces().empty());
}

TEST_P(relay_siblings, a_late_joiner_elsewhere_gets_the_group_from_its_start) {
    auto& p = publish(0, GetParam().from);
    auto& first = at(0, GetParam().to);
    (void)subscribe(first, "video");
    send(p, "video", {1, 0}, "a");
    send(p, "video", {2, 0}, "b");
    send(p, "video", {2, 1}, "c");
    auto& late = at(1, GetParam().to);
    message_params largest;
    largest.subscription_filter = subscription_filter{};
    const auto id = subscribe(late, "video", largest);
    const auto joined = *late.join(w.net.now(), id, 0);
    flush(late);
    send(p, "video", {2, 2}, "d");
    EXPECT_EQ(late.got(joined), "2:0=b 2:1=c");
    EXPECT_EQ(late.got(id), "2:2=d");
    EXPECT_EQ(p.tracks["video"].fetched, 0) << "the sibling's cache has it";
}

TEST_P(relay_siblings, without_a_filter_the_past_comes_from_the_sibling) {
    auto& p = publish(0, GetParam().from);
    auto& first = at(0, GetParam().to);
    for (const auto* name : {"catalog", "0.mp4"}) {
        (void)subscribe(first, name);
        send(p, name, {1, 0}, "whole");
        send(p, name, {1, 1}, "delta");
        auto& late = at(1, GetParam().to);
        const auto id = subscribe(late, name);
        w.run(milliseconds(200));
        EXPECT_EQ(late.got(id), "1:0=whole 1:1=delta") << name;
    }
}

TEST_P(relay_siblings, a_publisher_that_comes_back_elsewhere_is_found) {
    auto& p = publish(0, GetParam().from);
    auto& s = at(1, GetParam().to);
    auto& beside = at(0, GetParam().to);
    const auto id = subscribe(s, "video");
    const auto here = subscribe(beside, "video");
    send(p, "video", {10, 0}, "a");
    kill(p);
    EXPECT_FALSE(s.done(id));
    w.run(seconds(3));
    auto& back = publish(2, GetParam().from);
    send(back, "video", {20, 0}, "b");
    EXPECT_EQ(s.got(id), "10:0=a 20:0=b");
    EXPECT_EQ(beside.got(here), "10:0=a 20:0=b");
    EXPECT_FALSE(s.done(id));
}

TEST_P(relay_siblings, a_publisher_that_comes_back_elsewhere_and_numbers_anew_starts_anew) {
    auto& p = publish(0, GetParam().from);
    auto& s = at(1, GetParam().to);
    const auto id = subscribe(s, "video");
    send(p, "video", {100, 0}, "a");
    kill(p);
    w.run(seconds(3));
    auto& back = publish(2, GetParam().from);
    send(back, "video", {0, 0}, "b");
    EXPECT_TRUE(s.done(id)) << "what it had is over";
    const auto again = subscribe(s, "video");
    send(back, "video", {0, 1}, "c");
    send(back, "video", {1, 0}, "d");
    EXPECT_NE(s.got(again).find("1:0=d"), std::string::npos);
}

TEST_P(relay_siblings, a_track_that_ends_ends_everywhere) {
    auto& p = publish(0, GetParam().from);
    auto& s = at(1, GetParam().to);
    const auto id = subscribe(s, "video");
    send(p, "video", {1, 0}, "a");
    p.finish("video", 1);
    for (const auto one : p.tracks["video"].subscriptions)
        (void)p.session().publish_done(w.net.now(), one, publish_done_code::track_ended, "end");
    flush(p);
    EXPECT_EQ(s.done(id), publish_done_code::track_ended);
}

TEST_P(relay_siblings, two_publishers_of_one_track_at_different_relays) {
    auto& a = publish(0, GetParam().from);
    auto& b = publish(1, GetParam().from);
    auto& s = at(2, GetParam().to);
    const auto id = subscribe(s, "video");
    send(a, "video", {1, 0}, "x");
    send(b, "video", {1, 0}, "x");
    send(a, "video", {1, 1}, "y");
    EXPECT_EQ(s.got(id), "1:0=x 1:1=y");
    EXPECT_EQ(node(0).relay.statistics().objects_from_siblings, 0u) << "no circle";
    EXPECT_EQ(node(1).relay.statistics().objects_from_siblings, 0u) << "no circle";
    kill(a);
    b.time = w.net.now();
    send(b, "video", {2, 0}, "z");
    EXPECT_EQ(s.got(id), "1:0=x 1:1=y 2:0=z");
    EXPECT_FALSE(s.done(id));
}

TEST_P(relay_siblings, a_pushed_track_of_two_publishers_at_different_relays) {
    auto& a = at<publisher>(0, GetParam().from);
    auto& b = at<publisher>(1, GetParam().from);
    for (auto* p : {&a, &b}) {
        p->time = w.net.now();
        p->push({"live"}, "video");
        flush(*p);
    }
    auto& s = at(2, GetParam().to);
    auto& near = at(1, GetParam().to);
    const auto id = subscribe(s, "video");
    const auto beside = subscribe(near, "video");
    send(a, "video", {1, 0}, "x");
    send(b, "video", {1, 0}, "x");
    EXPECT_EQ(s.got(id), "1:0=x");
    kill(b);
    send(a, "video", {2, 0}, "y");
    EXPECT_EQ(s.got(id), "1:0=x 2:0=y");
    EXPECT_EQ(near.got(beside), "1:0=x 2:0=y");
}

/// Whoever publishes and watches where, everybody gets everything.
TEST_P(relay_siblings, any_placement) {
    for (unsigned seed = 1; seed <= 12; ++seed) {
        std::mt19937 random{seed};
        const auto pick = [&](unsigned n) {
            return std::uniform_int_distribution<unsigned>{0, n - 1}(random);
        };
        const auto name = "t" + std::to_string(seed);
        const track_namespace space{"room", std::to_string(seed)};
        const bool pushes = pick(2) == 0;
        std::vector<std::pair<client*, request_id>> early;
        const auto join = [&] {
            auto& s = at(pick(3), pick(2) == 0 ? GetParam().from : GetParam().to);
            const auto id = s.session().subscribe(w.net.now(), {space, name},
                                                  rendezvous(s.session().rules().id));
            flush(s);
            return std::pair<client*, request_id>{&s, *id};
        };
        for (auto n = pick(3); n > 0; --n)
            early.push_back(join());
        auto& p = at<publisher>(pick(3), GetParam().from);
        p.time = w.net.now();
        if (pushes)
            p.push(space, name);
        else
            (void)p.session().publish_namespace(w.net.now(), space);
        flush(p);
        for (auto n = pick(3) + 1; n > 0; --n)
            early.push_back(join());
        std::string expected;
        for (std::uint64_t g = 1; g <= 3; ++g)
            for (std::uint64_t o = 0; o < 2; ++o) {
                const auto payload = std::to_string(seed * 100 + g * 10 + o);
                send(p, name, {g, o}, payload);
                expected += (expected.empty() ? "" : " ") + std::to_string(g) + ":" +
                            std::to_string(o) + "=" + payload;
            }
        for (const auto& [s, id] : early)
            EXPECT_EQ(s->got(id), expected) << "seed " << seed;
    }
}

/// The first of three siblings has a relay upstream.
class relay_siblings_upstream : public relay_siblings {
protected:
    relay_siblings_upstream() {
        w.edges.clear();
        w.clients.clear();
        w.links.clear();
        relay_config config;
        origin = std::make_unique<relay_node>(w.net, config, world::open_, w.pool);
        config.expects_upstream = true;
        w.node = std::make_unique<relay_node>(w.net, config, world::open_, w.pool);
        moqrtc::testing::link_config link;
        link.unidirectional_streams = 10000;
        w.node->attach_upstream(*origin, GetParam().from, link);
        build(config, true);
    }
    ~relay_siblings_upstream() override {
        w.clients.clear();
        w.edges.clear();
        w.node.reset();
        origin.reset();
    }
    std::unique_ptr<relay_node> origin;
};

INSTANTIATE_TEST_SUITE_P(drafts, relay_siblings_upstream, ::testing::ValuesIn(equal_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });

TEST_P(relay_siblings_upstream, each_object_comes_from_upstream_once) {
    moqrtc::testing::link_config link;
    link.unidirectional_streams = 10000;
    auto fresh = std::make_unique<publisher>(w.net.now(), GetParam().from, w.pool);
    auto& p = *fresh;
    w.clients.push_back(std::move(fresh));
    w.links[&p] = origin->attach(p, GetParam().from, link);
    w.run(milliseconds(100));
    p.time = w.net.now();
    const auto space = *p.session().publish_namespace(w.net.now(), {"live"});
    flush(p);
    std::vector<std::pair<client*, request_id>> all;
    for (const std::size_t shard : {1, 2, 0, 1, 2}) {
        auto& s = at(shard, GetParam().to);
        all.emplace_back(&s, subscribe(s, "video"));
    }
    send(p, "video", {1, 0}, "a");
    send(p, "video", {1, 1}, "b");
    for (const auto& [s, id] : all)
        EXPECT_EQ(s->got(id), "1:0=a 1:1=b");
    EXPECT_EQ(origin->relay.statistics().objects_out, 2u);
    EXPECT_EQ(node(0).relay.statistics().objects_in, 2u);
    auto& asker = at(2, GetParam().to);
    (void)asker.session().subscribe_namespace(w.net.now(), {"live"});
    flush(asker);
    flush(asker);
    EXPECT_EQ(asker.count(event::kind::namespace_added), 1u);
    auto& another = at(2, GetParam().to);
    (void)another.session().subscribe_namespace(w.net.now(), {"live"});
    flush(another);
    EXPECT_EQ(another.count(event::kind::namespace_added), 1u);
    (void)p.session().cancel(w.net.now(), space);
    flush(p);
    EXPECT_EQ(asker.count(event::kind::namespace_removed), 1u);
}

TEST_P(relay_siblings_upstream, tracks_are_pushed_to_who_asked_for_them) {
    moqrtc::testing::link_config link;
    link.unidirectional_streams = 10000;
    auto& s = at(2, draft::d18);
    s.on_event = [&](event& e) {
        if (e.what == event::kind::requested && e.request == request_kind::publish)
            (void)s.session().accept_publish(w.net.now(), e.id);
    };
    (void)s.session().subscribe_tracks(w.net.now(), {"live"});
    flush(s);
    auto fresh = std::make_unique<publisher>(w.net.now(), GetParam().from, w.pool);
    auto& p = *fresh;
    w.clients.push_back(std::move(fresh));
    w.links[&p] = origin->attach(p, GetParam().from, link);
    w.run(milliseconds(100));
    for (const track_namespace& space : {track_namespace{"live"}, track_namespace{"other"}}) {
        p.time = w.net.now();
        p.push(space, space == track_namespace{"live"} ? "video" : "more");
        flush(p);
    }
    ASSERT_EQ(s.count(event::kind::requested), 1u);
    send(p, "video", {1, 0}, "a");
    for (const auto& e : s.events) {
        if (e.what == event::kind::requested) {
            EXPECT_EQ(s.got(e.id), "1:0=a");
        }
    }
    EXPECT_EQ(node(1).relay.tracks().size(), 0u) << "nobody there has asked";
}
