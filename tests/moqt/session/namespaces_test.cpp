#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/scenario.hpp>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct namespaces : scenario {
    /// The client asks what there is under "live".
    request_id discovery() {
        connect();
        const auto id = client().subscribe_namespace(now(), {"live"});
        EXPECT_TRUE(id);
        run();
        EXPECT_EQ(server_log().take(kind::requested).request, request_kind::subscribe_namespace);
        EXPECT_TRUE(server().accept(now(), *id));
        run();
        EXPECT_EQ(client_log().take(kind::accepted).id, *id);
        return *id;
    }
};

track_namespace suffix_of(const event& e) {
    if (e.what == kind::namespace_added)
        return track_namespace{e.as<msg::namespace_message>()->track_namespace_suffix};
    return track_namespace{e.as<msg::namespace_done>()->track_namespace_suffix};
}

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, namespaces, ::testing::ValuesIn(spoken_drafts), draft_name);

TEST_P(namespaces, come_and_go) {
    const auto id = discovery();
    ASSERT_TRUE(server().announce_namespace(now(), id, {"a"}));
    ASSERT_TRUE(server().announce_namespace(now(), id, {"b", "c"}));
    ASSERT_TRUE(server().announce_namespace(now(), id, {}));
    ASSERT_TRUE(server().withdraw_namespace(now(), id, {"a"}));
    run();
    EXPECT_EQ(suffix_of(client_log().take(kind::namespace_added)), track_namespace{"a"});
    EXPECT_EQ(suffix_of(client_log().take(kind::namespace_added)), (track_namespace{"b", "c"}));
    EXPECT_EQ(suffix_of(client_log().take(kind::namespace_added)), track_namespace{});
    EXPECT_EQ(suffix_of(client_log().take(kind::namespace_removed)), track_namespace{"a"});
    EXPECT_FALSE(client().closed());
}

// Requests on several streams arrive in any order, whatever the sequence of their identifiers.
TEST_P(namespaces, packets_that_overtake_each_other_close_nothing) {
    std::size_t overtaken = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        link_config link;
        link.seed = seed;
        link.set_paths({.delay = milliseconds(10), .jitter = milliseconds(30), .loss = 50});
        connect(link);
        for (int i = 0; i < 8; ++i) {
            const std::string name = "room" + std::to_string(i);
            ASSERT_TRUE(client().subscribe_namespace(now(), {name}));
            ASSERT_TRUE(client().subscribe(now(), track(name)));
            run(milliseconds(2));
        }
        run(seconds(20));
        ASSERT_FALSE(server().closed()) << "seed " << seed;
        std::optional<request_id> last;
        std::size_t asked = 0;
        for (const auto& e : server_log().events) {
            if (e.what != kind::requested) continue;
            ++asked;
            overtaken += last && e.id < *last ? 1u : 0u;
            last = e.id;
        }
        EXPECT_EQ(asked, 16u);
        TearDown();
        pair.reset();
    }
    if (rules().namespace_streams) {
        EXPECT_GT(overtaken, 0u) << "the network kept the order";
    }
}

// A NAMESPACE precedes its NAMESPACE_DONE, so the session lets none out without (16-136, 18-158).
TEST_P(namespaces, only_what_was_announced_can_be_withdrawn) {
    const auto id = discovery();
    EXPECT_FALSE(server().withdraw_namespace(now(), id, {"a"}));
    ASSERT_TRUE(server().announce_namespace(now(), id, {"a"}));
    EXPECT_FALSE(server().announce_namespace(now(), id, {"a"}));
    ASSERT_TRUE(server().withdraw_namespace(now(), id, {"a"}));
    EXPECT_FALSE(server().withdraw_namespace(now(), id, {"a"}));
    ASSERT_TRUE(server().announce_namespace(now(), id, {"a"}));
    run();
    EXPECT_EQ(client_log().count(kind::namespace_added), 2u);
}

TEST_P(namespaces, nothing_is_announced_before_the_answer) {
    connect();
    const auto id = client().subscribe_namespace(now(), {"live"});
    ASSERT_TRUE(id);
    run();
    EXPECT_FALSE(server().announce_namespace(now(), *id, {"a"}));
    ASSERT_TRUE(server().accept(now(), *id));
    EXPECT_TRUE(server().announce_namespace(now(), *id, {"a"}));
    run();
    EXPECT_EQ(client_log().count(kind::namespace_added), 1u);
}

TEST_P(namespaces, the_empty_prefix_asks_for_all) {
    connect();
    const auto id = client().subscribe_namespace(now(), {});
    ASSERT_EQ(id.has_value(), rules().namespace_streams); // before, a prefix has a field at least
    if (!id) return;
    run();
    const auto asked = server_log().take(kind::requested);
    EXPECT_EQ(asked.as<msg::subscribe_namespace>()->track_namespace_prefix.count(), 0u);
}

TEST_P(namespaces, several_discoveries_live_side_by_side) {
    connect();
    const auto one = client().subscribe_namespace(now(), {"one"});
    const auto two = client().subscribe_namespace(now(), {"two"});
    ASSERT_TRUE(one && two);
    run();
    ASSERT_TRUE(server().accept(now(), *two));
    ASSERT_TRUE(server().accept(now(), *one));
    ASSERT_TRUE(server().announce_namespace(now(), *one, {"x"}));
    ASSERT_TRUE(server().announce_namespace(now(), *two, {"y"}));
    run();
    for (int i = 0; i < 2; ++i) {
        const auto added = client_log().take(kind::namespace_added);
        EXPECT_EQ(suffix_of(added), added.id == *one ? track_namespace{"x"} : track_namespace{"y"});
    }
}

TEST_P(namespaces, tracks_are_offered_on_request) {
    connect();
    const auto id =
        rules().subscribe_tracks ? client().subscribe_tracks(now(), {"live"})
        : rules().subscribe_options
            ? client().subscribe_namespace(now(), {"live"}, msg::subscribe_options::publish)
            : client().subscribe_namespace(now(), {"live"});
    ASSERT_TRUE(id);
    run();
    const auto asked = server_log().take(kind::requested);
    if (rules().subscribe_options) {
        EXPECT_EQ(asked.as<msg::subscribe_namespace>()->options, msg::subscribe_options::publish);
    }
    ASSERT_TRUE(server().accept(now(), *id));
    ASSERT_TRUE(server().publish(now(), track(), 4));
    const auto blocked = server().publish_blocked(now(), *id, {"a"}, "audio");
    EXPECT_EQ(blocked.has_value(), rules().publish_blocked);
    run();
    const auto offered = client_log().take(kind::requested);
    EXPECT_EQ(offered.request, request_kind::publish);
    EXPECT_EQ(as_text(offered.as<msg::publish>()->track_name), "video");
    EXPECT_EQ(client_log().count(kind::publish_blocked), rules().publish_blocked ? 1u : 0u);
}

TEST_P(namespaces, both_sides_discover_and_announce) {
    connect();
    const auto mine = client().publish_namespace(now(), {"live", "mine"});
    const auto yours = server().publish_namespace(now(), {"live", "yours"});
    ASSERT_TRUE(mine && yours);
    EXPECT_NE(*mine % 2, *yours % 2);
    run();
    ASSERT_TRUE(server().accept(now(), server_log().take(kind::requested).id));
    ASSERT_TRUE(client().accept(now(), client_log().take(kind::requested).id));
    run();
    EXPECT_EQ(client_log().take(kind::accepted).id, *mine);
    EXPECT_EQ(server_log().take(kind::accepted).id, *yours);
}
