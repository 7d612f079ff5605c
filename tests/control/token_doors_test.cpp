#include "doors_world.hpp"

#include <gtest/gtest.h>

/// Who gets in by each door with each kind of token, with which code the others are refused, and
/// that nothing is left of them; how long sessions may stay.
using namespace doors_test;

/// Who may come in with that, at a door that is asked before there is a session.
static bool admits(const door& by, shown what) {
    // What the open door leads to is asked with each request; who shows nothing there may do so
    // later.
    return what == shown::good ||
           (by.is_open() && (what == shown::wrong_scope || what == shown::nothing));
}

TEST_P(doors_of_tokens, every_door_is_asked_with_every_token) {
    for (const auto& by : all_doors)
        for (const bool in_query : {true, false}) // or in a field, or in SETUP
            for (const auto what : everything) {
                if (!in_query && !by.web && *by.path == 0) continue; // the same again
                SCOPED_TRACE(name(by) + ": " + name(what));
                const auto token = g.ticket(what, by);
                client* c = nullptr;
                if (by.web) {
                    buffer_pool pool;
                    webtransport::field_list_builder made{pool};
                    if (!in_query && !token.empty()) {
                        EXPECT_TRUE(made.add("authorization", "Bearer " + token));
                    }
                    const auto fields = made.finish();
                    unsigned got = 0;
                    c = g.enter_web(GetParam(), by.path,
                                    in_query && !token.empty() ? "tok=" + token : "", &fields, got);
                    // A token is used up when the session is there.
                    const bool later = by.is_open() && what == shown::replayed;
                    EXPECT_EQ(got, later || admits(by, what) ? 200 : status(what));
                    EXPECT_EQ(c != nullptr, got == 200);
                } else {
                    const bool asks = in_query && !token.empty() && *by.path != 0;
                    c = &g.enter(GetParam(), by.path + (asks ? "?tok=" + token : ""),
                                 asks ? "" : token);
                }
                if (c != nullptr) {
                    EXPECT_EQ(c->session().closed(), !admits(by, what));
                    EXPECT_EQ(guarded::turned_away(*c, auth_failed), !admits(by, what));
                    g.leave(*c);
                }
                EXPECT_EQ(g.doors->sessions(), g.clear);
                EXPECT_EQ(g.doors->credentials(), 0u);
            }
}

TEST_P(doors_of_tokens, a_path_leads_somewhere_or_is_refused) {
    auto& lost = g.enter(GetParam(), "/playback/lv_9");
    const auto* over = lost.find(event::kind::closed, 0);
    ASSERT_NE(over, nullptr);
    EXPECT_EQ(over->close, close_code::invalid_path);
    auto& p = g.enter(GetParam(), "/publish/lv_1?sk=" + std::string{stream_key});
    EXPECT_FALSE(p.session().closed());
    EXPECT_TRUE(
        guarded::turned_away(g.enter(GetParam(), "/publish/lv_1?sk=sk_other"), auth_failed));
    EXPECT_TRUE(guarded::turned_away(g.enter(GetParam(), "/publish/lv_1"), auth_failed));
    // A stream key in the place of tokens.
    EXPECT_FALSE(g.enter(GetParam(), "/publish/lv_1", std::string{stream_key}).session().closed());
}

TEST(doors_of_tokens, what_a_door_answers) {
    guarded g;
    const auto at = [&](std::string_view path, std::string_view query) {
        return g.doors->enter({path, query, "relay.example", {}, "192.0.2.1", nullptr}).status;
    };
    EXPECT_EQ(at("/publish/lv_1", "sk=" + std::string{stream_key}), 200u);
    EXPECT_EQ(at("/publish/lv_1", "sk=sk_other"), 401u) << "another input's key";
    EXPECT_EQ(at("/publish/lv_1", ""), 401u);
    EXPECT_EQ(at("/publish/lv_9", "sk=" + std::string{stream_key}), 404u);
    EXPECT_EQ(at("/publish/as_1", "sk=" + std::string{stream_key}), 404u) << "no input";
    EXPECT_EQ(at("/playback/lv_9", ""), 404u);
    EXPECT_EQ(at("/playback/pb_1", "tok=" + g.access.token(shown::good, g.wall(), false, "as_1")),
              200u);
    EXPECT_EQ(at("/playback/as_1", "tok=" + g.access.token(shown::good, g.wall(), false, "as_1")),
              200u);
    g.access.state.inputs["lv_1"].key.enabled = false;
    g.reload();
    EXPECT_EQ(at("/publish/lv_1", "sk=" + std::string{stream_key}), 403u);
    g.access.state.killed[static_cast<std::size_t>(media_path::moq)] = true;
    g.reload();
    EXPECT_EQ(at("/moq", ""), 503u);
    EXPECT_EQ(g.doors->counted().killed, 1u);
}

TEST_P(doors_of_tokens, a_broadcast_is_published_and_played_and_nothing_else) {
    const track_namespace one{"stream", "acme", "lv_1"};
    auto& p =
        static_cast<publisher&>(g.enter(GetParam(), "/publish/lv_1?sk=" + std::string{stream_key}));
    const auto own = p.session().publish_namespace(g.w->net.now(), one);
    const auto foreign = p.session().publish_namespace(g.w->net.now(), {"stream", "acme", "lv_2"});
    const auto watching = p.session().subscribe(g.w->net.now(), {one, "video"});
    g.w->flush(p);
    EXPECT_TRUE(p.accepted(*own));
    EXPECT_EQ(p.refused(*foreign), request_error_code::unauthorized);
    EXPECT_EQ(p.refused(*watching), request_error_code::unauthorized) << "a stream key publishes";
    EXPECT_FALSE(p.session().closed());

    auto& v =
        g.enter(GetParam(), "/playback/lv_1?tok=" + g.access.token(shown::good, g.wall(), false));
    const auto& draft_rules = rules_for(GetParam());
    if (draft_rules.subscribe_options || draft_rules.subscribe_tracks) {
        const auto all = v.session().subscribe_namespace(g.w->net.now(), track_namespace{});
        ASSERT_TRUE(all);
        g.w->flush(v);
        EXPECT_TRUE(v.accepted(*all));
        EXPECT_EQ(v.count(event::kind::namespace_added), 1u);
    }
    const auto id = v.session().subscribe(g.w->net.now(), {one, "video"});
    g.w->flush(v);
    EXPECT_TRUE(v.accepted(*id));
    // The key is rotated: its session ends, and with it what it published.
    g.access.state.inputs["lv_1"].key.hash = {};
    g.reload();
    g.w->run(milliseconds(100));
    EXPECT_TRUE(guarded::turned_away(p, auth_failed));
    EXPECT_FALSE(v.session().closed());
    // Publishing is not what a playback token is for, and that ends the session.
    const auto wrong = v.session().publish_namespace(g.w->net.now(), one);
    g.w->flush(v);
    g.w->run(milliseconds(200));
    EXPECT_EQ(v.refused(*wrong), request_error_code::unauthorized);
    EXPECT_TRUE(guarded::turned_away(v, auth_failed));
}

TEST_P(doors_of_tokens, a_viewer_renews_in_band_and_ends_when_he_does_not) {
    const track_namespace one{"stream", "acme", "lv_1"};
    auto& p =
        static_cast<publisher&>(g.enter(GetParam(), "/publish/lv_1?sk=" + std::string{stream_key}));
    ASSERT_TRUE(p.session().publish_namespace(g.w->net.now(), one));
    g.w->flush(p);
    auto& v = g.enter(GetParam(), "/playback/lv_1?tok=" +
                                      g.access.token(shown::good, g.wall(), false, "lv_1", 30));
    const auto id = *v.session().subscribe(g.w->net.now(), {one, "video"});
    g.w->flush(v);
    ASSERT_TRUE(v.accepted(id));
    g.w->run(seconds(20));
    const auto text = g.access.token(shown::good, g.wall(), false, "lv_1", 30);
    const authorization_token fresh{.value = as_bytes(text)};
    message_params params;
    params.authorization_tokens = token_list{std::span{&fresh, 1}};
    ASSERT_TRUE(v.session().update(g.w->net.now(), id, params));
    g.w->flush(v);
    EXPECT_EQ(g.w->node->relay.statistics().renewed, 1u);
    g.w->run(seconds(25));
    g.w->send(p, "video", {1, 0}, "still here");
    EXPECT_EQ(v.got(id), "1:0=still here");
    EXPECT_FALSE(v.session().closed());
    g.w->run(seconds(5));
    EXPECT_TRUE(guarded::turned_away(v, auth_failed));
    EXPECT_FALSE(p.session().closed()) << "a stream key has no end";
}

TEST_P(doors_of_tokens, whose_key_or_token_is_revoked_ends_at_once) {
    const track_namespace one{"stream", "acme", "lv_1"};
    for (const bool key : {true, false}) {
        auto& v = g.enter(GetParam(),
                          "/playback/lv_1?tok=" + g.access.token(shown::good, g.wall(), false));
        ASSERT_FALSE(v.session().closed());
        if (key) {
            auto list = std::make_shared<auth::revocations>(*g.access.state.revoked);
            (void)list->add(
                {.of = auth::revocations::what::token, .id = "t" + std::to_string(g.access.made)});
            g.access.state.revoked = list;
        } else {
            g.access.state.keys = std::make_shared<const auth::key_set>();
        }
        g.reload();
        g.w->run(milliseconds(100));
        EXPECT_TRUE(guarded::turned_away(v, auth_failed));
    }
    EXPECT_EQ(g.doors->credentials(), 0u);
}

TEST_P(doors_of_tokens, a_call_token_admits_once_and_the_call_goes_on) {
    const auto token = g.access.token(shown::good, g.wall(), true);
    auto& c = g.enter(GetParam(), "/moq", token);
    ASSERT_FALSE(c.session().closed());
    const auto id = c.session().publish_namespace(g.w->net.now(), {"call", "acme", "room", "me"});
    g.w->flush(c);
    EXPECT_TRUE(c.accepted(*id));
    EXPECT_TRUE(guarded::turned_away(g.enter(GetParam(), "/moq", token), auth_failed))
        << "replayed";
    g.w->run(seconds(100)); // it lived for 60
    EXPECT_FALSE(c.session().closed());
    const auto later =
        c.session().publish_namespace(g.w->net.now(), {"call", "acme", "room", "me", "2"});
    g.w->flush(c);
    EXPECT_TRUE(c.accepted(*later));
    EXPECT_TRUE(guarded::turned_away(g.enter(GetParam(), "/moq", token), auth_failed)) << "expired";
}

INSTANTIATE_TEST_SUITE_P(drafts, doors_of_tokens, ::testing::ValuesIn(spoken_drafts),
                         [](const auto& chosen) {
                             return "d" + std::to_string(number(chosen.param));
                         });
