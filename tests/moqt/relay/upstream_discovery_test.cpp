#include "relay_world.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>

using namespace relay_test;

/// `w.node` is the origin, `from` the draft that edges speak with it.
class relay_chain_offers : public offers {
protected:
    relay_node& edge(std::uint64_t streams = 10000) {
        w.edges.push_back(
            std::make_unique<relay_node>(w.net, relay_config{}, world::open_, w.pool));
        moqrtc::testing::link_config link;
        link.unidirectional_streams = 10000;
        link.bidirectional_streams = streams;
        w.edges.back()->attach_upstream(*w.node, GetParam().from, link);
        w.run(milliseconds(100));
        return *w.edges.back();
    }
    client& at(relay_node& node) {
        w.clients.push_back(std::make_unique<client>(w.net.now(), GetParam().to, w.pool));
        auto& c = *w.clients.back();
        moqrtc::testing::link_config link;
        link.unidirectional_streams = link.bidirectional_streams = 10000;
        w.links[&c] = node.attach(c, GetParam().to, link);
        w.run(milliseconds(100));
        take_everything(c, w);
        return c;
    }
    publisher& push(const std::string& name, const track_namespace& space = {"live", "room"}) {
        auto& p = w.add<publisher>(GetParam().from);
        p.push(space, name);
        w.flush(p);
        w.run(milliseconds(200));
        return p;
    }
    void leave(relay_node& node, client& c) {
        const auto key = node.key_of(w.links[&c]);
        node.relay.at(key).handle_transport_closed(w.net.now(), 0, "lost", false);
        node.relay.handle_ready(w.net.now(), key);
        node.settle();
    }
    void send(publisher& p, const std::string& name, location where, std::string_view payload) {
        w.send(p, name, where, payload);
        w.run(milliseconds(100));
    }
};

INSTANTIATE_TEST_SUITE_P(drafts, relay_chain_offers, ::testing::ValuesIn(pairs_of_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });

TEST_P(relay_chain_offers, tracks_pushed_to_the_origin_are_pushed_at_the_edge) {
    push("before");
    auto& e = edge();
    auto& s = at(e);
    ASSERT_TRUE(s.accepted(want_tracks(s, {"live"})));
    w.run(milliseconds(300));
    ASSERT_NE(offered(s), UINT64_MAX) << "the track that was there";
    auto& p = push("after");
    const auto id = offered(s, 1);
    ASSERT_NE(id, UINT64_MAX) << "the track that came";
    push("elsewhere", {"other"});
    EXPECT_EQ(offered(s, 2), UINT64_MAX);
    send(p, "after", {1, 0}, "a");
    send(p, "after", {1, 1}, "b");
    EXPECT_EQ(s.got(id), "1:0=a 1:1=b");
    // Once for however many.
    auto& other = at(e);
    want_tracks(other, {"live"});
    w.run(milliseconds(300));
    send(p, "after", {2, 0}, "c");
    EXPECT_EQ(s.got(id), "1:0=a 1:1=b 2:0=c");
    EXPECT_NE(offered(other, 1), UINT64_MAX);
    EXPECT_EQ(e.relay.statistics().objects_in, 3u);
}

TEST_P(relay_chain_offers, asked_again_of_an_origin_that_comes_later) {
    auto& e = [&]() -> relay_node& {
        w.edges.push_back(
            std::make_unique<relay_node>(w.net, relay_config{}, world::open_, w.pool));
        return *w.edges.back();
    }();
    auto& s = at(e);
    want_tracks(s, {"live"});
    push("video");
    moqrtc::testing::link_config link;
    link.unidirectional_streams = link.bidirectional_streams = 10000;
    e.attach_upstream(*w.node, GetParam().from, link);
    w.run(milliseconds(500));
    EXPECT_NE(offered(s), UINT64_MAX);
}

TEST_P(relay_chain_offers, a_track_that_the_edge_has_already_is_offered) {
    auto& p = push("video");
    auto& e = edge();
    auto& viewer = at(e);
    const auto id = w.subscribe(viewer, "video", {}, {"live", "room"});
    w.run(milliseconds(300));
    ASSERT_TRUE(viewer.accepted(id));
    auto& s = at(e);
    want_tracks(s, {"live"});
    w.run(milliseconds(300));
    const auto pushed = offered(s);
    ASSERT_NE(pushed, UINT64_MAX);
    send(p, "video", {1, 0}, "a");
    EXPECT_EQ(viewer.got(id), "1:0=a");
    EXPECT_EQ(s.got(pushed), "1:0=a");
    EXPECT_EQ(e.relay.statistics().objects_in, 1u);
}

TEST_P(relay_chain_offers, who_leaves_is_pushed_no_more) {
    if (!rules_for(GetParam().from).subscribe_tracks)
        GTEST_SKIP() << "one request asks for namespaces too, and stays";
    auto& e = edge();
    auto& s = at(e);
    auto& t = at(e);
    const auto asked = want_tracks(s, {"live"});
    want_tracks(t, {"live", "room"});
    w.run(milliseconds(300));
    auto& p = push("one");
    ASSERT_NE(offered(s), UINT64_MAX);
    ASSERT_NE(offered(t), UINT64_MAX);
    (void)s.session().cancel(w.net.now(), asked);
    w.flush(s);
    push("two");
    EXPECT_NE(offered(t, 1), UINT64_MAX) << "the other one is still there";
    leave(e, t);
    leave(e, s);
    w.run(seconds(2));
    push("three");
    EXPECT_EQ(e.relay.tracks().size(), 2u);
    // What was pushed flows no more.
    const auto before = e.relay.statistics().objects_in;
    send(p, "one", {1, 0}, "a");
    EXPECT_EQ(e.relay.statistics().objects_in, before);
}

TEST_P(relay_chain_offers, a_track_that_finds_no_stream_is_subscribed_to) {
    const auto& from = rules_for(GetParam().from);
    if (!from.publish_blocked || !from.subscribe_tracks) GTEST_SKIP() << "no PUBLISH_BLOCKED";
    auto& e = edge(3);
    auto& s = at(e);
    want_tracks(s, {"live"});
    w.run(milliseconds(200));
    std::vector<publisher*> all;
    for (const auto* name : {"a", "b", "c", "d"})
        all.push_back(&push(name));
    w.run(milliseconds(300));
    for (auto* p : all)
        send(*p, p->tracks.begin()->first, {1, 0}, p->tracks.begin()->first);
    std::string got;
    for (std::size_t i = 0; i < 4; ++i) {
        ASSERT_NE(offered(s, i), UINT64_MAX) << i;
        got += s.got(offered(s, i)) + " ";
    }
    EXPECT_EQ(got, "1:0=a 1:0=b 1:0=c 1:0=d ");
}
