#include "relay_world.hpp"

#include <gtest/gtest.h>
#include <set>

/// What becomes of sessions and requests when that ends what they were allowed on: every kind of
/// request, every draft.
namespace {

using namespace relay_test;

/// Knows tickets by their text, and says of each until when it holds. Without one it refuses what
/// needs one.
class clerk : public policy {
public:
    struct ticket {
        credential_id id = 1;
        duration lasts = seconds(1000);
        credential_id replaces = no_credential;
        bool ends_session = false;
    };
    std::map<std::string, ticket> tickets{};
    std::map<session_key, credential_id> sessions{};
    admission at_the_door{};
    bool ends_session = false; ///< a refusal does
    std::optional<track_namespace> within{};
    std::vector<request_kind> asked{};
    std::string query{};
    std::string token{};
    int forgotten = 0;
    std::set<credential_id> gone{};

    admission admit(const session_request& about) override {
        query = about.query;
        if (!about.tokens.empty()) token = as_text(about.tokens[0].value);
        auto out = at_the_door;
        if (out.until != never) out.until = about.now + (out.until - instant{});
        return out;
    }
    decision decide(const access_request& about) override {
        asked.push_back(about.kind);
        decision out;
        if (about.space == track_namespace{"forbidden"} || about.track == "hidden")
            out = decision::refuse(request_error_code::unauthorized, "not for you");
        else if (!about.tokens.empty()) {
            const auto at = tickets.find(std::string{as_text(about.tokens.back().value)});
            if (at == tickets.end()) {
                out = decision::refuse(request_error_code::expired_auth_token, "no such ticket");
            } else {
                out = decision::allow_until(about.now + at->second.lasts, at->second.id);
                out.replaces = at->second.replaces;
                out.ends_session = at->second.ends_session;
            }
        }
        if (!out.allowed) out.ends_session = ends_session;
        out.within = within;
        return out;
    }
    bool is_gone(credential_id which) const override { return gone.contains(which); }
    void forget(session_key) override { ++forgotten; }
};

class relay_admission : public ::testing::TestWithParam<drafts> {
protected:
    relay_admission() : w{{}, rules} {
        w.run(milliseconds(100)); // the client that carries the relay's timers is in
    }

    message_params with(std::string_view ticket) {
        token_ = {.value = as_bytes(ticket)};
        message_params params;
        params.authorization_tokens = token_list{std::span{&token_, 1}};
        return params;
    }
    [[nodiscard]] const relay_statistics& counted() { return w.node->relay.statistics(); }
    [[nodiscard]] draft version() const { return GetParam().to; }
    [[nodiscard]] bool has_tracks_request() const { return rules_for(version()).subscribe_tracks; }
    /// Whether the relay told the client that its request is over, in whatever way the draft has.
    static bool ended(const client& c, request_id id) {
        return c.refused(id) || c.done(id) || c.find(event::kind::cancelled, id) != nullptr ||
               c.resets.contains(id);
    }
    clerk rules;
    world w;
    static constexpr std::uint64_t others = 1; ///< sessions that are always there

private:
    authorization_token token_{};
};

} // namespace

TEST_P(relay_admission, every_kind_of_request_ends_when_its_credential_runs_out_or_is_revoked) {
    struct row {
        request_kind kind;
        std::function<result<request_id>(client&, const message_params&)> ask;
        bool told = true; ///< the draft can say that it is over
    };
    const auto& draft_rules = rules_for(version());
    const row rows[] = {
        {request_kind::subscribe,
         [&](client& c, const auto& p) {
             return c.session().subscribe(w.net.now(), {{"live"}, "video"}, p);
         }},
        {request_kind::subscribe, // one that waits for its publisher
         [&](client& c, const auto& p) {
             auto params = rendezvous(version());
             params.authorization_tokens = p.authorization_tokens;
             return c.session().subscribe(w.net.now(), {{"slow"}, "video"}, params);
         }},
        {request_kind::fetch, // its publisher does not answer
         [&](client& c, const auto& p) {
             return c.session().fetch(w.net.now(), {{"slow"}, "old"}, {0, 0}, {1, 0}, p);
         }},
        {request_kind::publish,
         [&](client& c, const auto& p) {
             return c.session().publish(w.net.now(), {{"mine"}, "video"}, 7, p);
         }},
        {request_kind::publish_namespace,
         [&](client& c, const auto& p) {
             return c.session().publish_namespace(w.net.now(), {"mine"}, p);
         }},
        {request_kind::subscribe_namespace,
         [&](client& c, const auto& p) {
             return c.session().subscribe_namespace(w.net.now(), {"live"},
                                                    msg::subscribe_options::namespaces, p);
         },
         draft_rules.subscribe_options || draft_rules.request_streams},
        {request_kind::subscribe_tracks,
         [&](client& c, const auto& p) {
             return c.session().subscribe_tracks(w.net.now(), {"live"}, p);
         }},
    };
    auto& p = w.publish(GetParam().from);
    w.send(p, "video", {1, 0}, "a");
    auto& silent = w.publish(GetParam().from, {"slow"});
    silent.answers = false;
    for (const bool revoked : {false, true}) {
        for (const auto& r : rows) {
            if (r.kind == request_kind::subscribe_tracks && !has_tracks_request()) continue;
            SCOPED_TRACE(std::to_string(static_cast<int>(r.kind)) + (revoked ? " revoked" : ""));
            rules.tickets["brief"] = {.id = 11,
                                      .lasts = revoked ? seconds(1000) : milliseconds(400)};
            rules.tickets["other"] = {.id = 12};
            auto& c = w.add(version());
            auto& bystander = w.add(version());
            const auto before = revoked ? counted().revoked : counted().expired;
            const auto id = r.ask(c, with("brief"));
            ASSERT_TRUE(id);
            w.flush(c);
            EXPECT_EQ(rules.asked.back(), r.kind);
            const auto kept = w.subscribe(bystander, "video", with("other"));
            w.run(milliseconds(200));
            EXPECT_FALSE(ended(c, *id)) << "before its time";
            if (revoked) {
                rules.gone = {11};
                w.node->relay.revoke(w.net.now());
                w.node->settle();
            }
            w.run(milliseconds(300));
            EXPECT_EQ(revoked ? counted().revoked : counted().expired, before + 1);
            EXPECT_EQ(ended(c, *id), r.told);
            const auto refusal =
                revoked ? request_error_code::unauthorized : request_error_code::expired_auth_token;
            EXPECT_EQ(c.refused(*id).value_or(refusal), refusal);
            EXPECT_EQ(c.done(*id).value_or(publish_done_code::unauthorized),
                      publish_done_code::unauthorized);
            EXPECT_FALSE(c.session().closed()) << "the session stays";
            EXPECT_TRUE(bystander.accepted(kept));
            EXPECT_FALSE(ended(bystander, kept)) << "another credential";
            for (auto* one : {&c, &bystander})
                w.kill(*one);
        }
    }
}

TEST_P(relay_admission, a_fetch_that_is_being_served_is_reset) {
    relay_config config;
    config.fetch_window = 10'000; // what waits for the slow link lies here and not with the sender
    world tight{config, rules};
    auto& p = tight.publish(GetParam().from);
    auto& s = tight.add(version());
    const auto live = tight.subscribe(s, "video");
    for (std::uint64_t o = 0; o < 10; ++o)
        tight.send(p, "video", {1, o}, std::string(10'000, 'a'));
    ASSERT_TRUE(s.accepted(live));
    moqrtc::testing::link_config slow;
    slow.to_client.rate = 20'000;
    auto& c = tight.add(version(), slow);
    rules.tickets["brief"] = {.id = 11, .lasts = seconds(2)};
    const auto id =
        c.session().fetch(tight.net.now(), {{"live"}, "video"}, {1, 0}, {1, 10}, with("brief"));
    ASSERT_TRUE(id);
    tight.flush(c);
    tight.run(seconds(10));
    EXPECT_EQ(c.resets[*id], 1);
    EXPECT_LT(c.objects[*id].size(), 10u);
    EXPECT_FALSE(c.session().closed());
    EXPECT_EQ(tight.node->relay.statistics().expired, 1u);
}

TEST_P(relay_admission, a_token_in_an_update_renews_without_a_gap) {
    rules.tickets["first"] = {.id = 1, .lasts = milliseconds(500)};
    rules.tickets["second"] = {.id = 2, .lasts = milliseconds(1600), .replaces = 1};
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(version());
    const auto id = w.subscribe(s, "video", with("first"));
    std::string expected;
    for (std::uint64_t g = 1; g <= 12; ++g) {
        w.send(p, "video", {g, 0}, "x"); // takes 60 ms
        w.finish(p, "video", g);
        if (!expected.empty()) expected += ' ';
        expected += std::to_string(g) + ":0=x";
        if (g == 2) {
            ASSERT_TRUE(s.session().update(w.net.now(), id, with("second")));
            w.wake(s);
        }
    }
    EXPECT_EQ(counted().renewed, 1u);
    EXPECT_EQ(s.got(id), expected) << "nothing is missing at the time of the change";
    EXPECT_FALSE(s.done(id));
    w.run(seconds(1));
    EXPECT_EQ(s.done(id), publish_done_code::unauthorized) << "the new one ends, too";
}

TEST_P(relay_admission, a_refused_renewal_ends_the_subscription) {
    rules.tickets["first"] = {.id = 1};
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(version());
    const auto id = w.subscribe(s, "video", with("first"));
    ASSERT_TRUE(s.session().update(w.net.now(), id, with("forged")));
    w.flush(s);
    EXPECT_TRUE(s.done(id));
    EXPECT_EQ(counted().subscribers, 0u);
    w.send(p, "video", {1, 0}, "a");
    EXPECT_EQ(s.got(id), "");
    EXPECT_FALSE(s.session().closed());
}

TEST_P(relay_admission, an_alias_registered_anew_renews_the_whole_session) {
    rules.at_the_door = {.until = instant{} + milliseconds(800), .credential = 1};
    rules.tickets["first"] = {.id = 1, .lasts = milliseconds(800)};
    rules.tickets["second"] = {.id = 2, .lasts = seconds(2), .replaces = 1};
    (void)w.publish(GetParam().from);
    rules.tickets["first"].lasts = milliseconds(800);
    auto& s = w.add(version());
    const authorization_token registered{alias_type::register_alias, 5, 0, as_bytes("first")};
    message_params params;
    params.authorization_tokens = token_list{std::span{&registered, 1}};
    const auto id = w.subscribe(s, "video", params);
    ASSERT_TRUE(s.accepted(id));
    const authorization_token again[] = {
        {.kind = alias_type::delete_alias, .alias = 5},
        {.kind = alias_type::register_alias, .alias = 5, .value = as_bytes("second")}};
    params.authorization_tokens = token_list{again};
    // In a request that has nothing to do with the first one.
    const auto other = w.subscribe(s, "audio", params);
    w.run(milliseconds(1000));
    EXPECT_FALSE(s.session().closed()) << "the session stands on the new one";
    EXPECT_FALSE(s.done(id));
    EXPECT_TRUE(s.accepted(other));
    w.run(seconds(2));
    EXPECT_TRUE(s.session().closed());
    const auto* over = s.find(event::kind::closed, 0);
    ASSERT_NE(over, nullptr);
    EXPECT_EQ(over->close, close_code::unauthorized);
    EXPECT_EQ(as_text(over->message), auth_failed);
}

TEST_P(relay_admission, a_session_ends_with_what_it_came_in_with) {
    auto& p = w.publish(GetParam().from);
    for (const bool revoked : {false, true}) {
        rules.at_the_door = {.credential = 31};
        if (!revoked) rules.at_the_door.until = instant{} + milliseconds(500);
        auto& s = w.add(version());
        rules.at_the_door = {};
        const auto id = w.subscribe(s, "video");
        ASSERT_TRUE(s.accepted(id));
        EXPECT_EQ(counted().subscribers, 1u);
        if (revoked) {
            rules.gone = {31};
            w.node->relay.revoke(w.net.now());
            w.node->settle();
        }
        w.run(seconds(1));
        EXPECT_TRUE(s.session().closed());
        const auto* over = s.find(event::kind::closed, 0);
        ASSERT_NE(over, nullptr);
        EXPECT_EQ(over->close, close_code::unauthorized);
        EXPECT_EQ(as_text(over->message), auth_failed);
        EXPECT_EQ(counted().subscribers, 0u);
        EXPECT_EQ(counted().sessions, others + 1) << "the publisher's";
        EXPECT_EQ(counted().expired, 1u);
        EXPECT_EQ(counted().revoked, revoked ? 1u : 0u);
    }
    EXPECT_FALSE(p.session().closed());
    EXPECT_EQ(rules.forgotten, 2);
}

TEST_P(relay_admission, a_refusal_can_end_the_session_and_is_told_first) {
    rules.ends_session = true;
    auto& s = w.add(version());
    const auto id = w.subscribe(s, "video", with("forged"));
    w.run(milliseconds(300));
    EXPECT_EQ(s.refused(id), request_error_code::expired_auth_token);
    EXPECT_TRUE(s.session().closed());
    const auto* over = s.find(event::kind::closed, 0);
    ASSERT_NE(over, nullptr);
    EXPECT_EQ(over->close, close_code::unauthorized);
    EXPECT_EQ(as_text(over->message), auth_failed);
    EXPECT_EQ(counted().sessions, others);
    EXPECT_EQ(counted().tracks, 0u) << "nothing is left of it";
}

TEST_P(relay_admission, who_is_turned_away_leaves_nothing_behind) {
    rules.at_the_door.refused = close_code::unauthorized;
    rules.at_the_door.reason = std::string{auth_failed};
    auto& s = w.add(version());
    EXPECT_TRUE(s.session().closed());
    EXPECT_EQ(counted().turned_away, 1u);
    EXPECT_EQ(counted().sessions, others);
    EXPECT_TRUE(rules.asked.empty());
}

TEST_P(relay_admission, query_and_token_of_the_setup_reach_the_policy_and_nobody_else) {
    session_config config;
    config.self = role::client;
    config.version = version();
    config.authority = "relay.example";
    config.path = "/playback/lv_1?tok=very.secret";
    config.setup_token = "token of the setup";
    class visitor : public client {
    public:
        visitor(instant now, session_config c, buffer_pool& pool) : client{now, c.version, pool} {
            session_ = std::make_unique<moqt::session>(now, std::move(c), pool);
        }
    };
    auto fresh = std::make_unique<visitor>(w.net.now(), config, w.pool);
    auto& c = *fresh;
    w.clients.push_back(std::move(fresh));
    w.links[&c] = w.node->attach(c, version(), {});
    w.run(milliseconds(100));
    EXPECT_EQ(rules.query, "tok=very.secret");
    EXPECT_EQ(rules.token, "token of the setup");
    const auto shown = w.node->relay.sessions();
    ASSERT_FALSE(shown.empty());
    EXPECT_EQ(shown.back().info.door, "/playback/lv_1");
}

TEST_P(relay_admission, behind_a_door_of_one_broadcast_the_empty_prefix_is_that_namespace) {
    if (!rules_for(version()).subscribe_options && !rules_for(version()).subscribe_tracks)
        GTEST_SKIP() << "the prefix must not be empty";
    const track_namespace one{"stream", "org", "lv_1"};
    rules.within = one;
    (void)w.publish(GetParam().from, {"stream", "org", "lv_2"});
    auto& s = w.add(version());
    const auto id = s.session().subscribe_namespace(w.net.now(), track_namespace{});
    ASSERT_TRUE(id);
    w.flush(s);
    ASSERT_TRUE(s.accepted(*id));
    EXPECT_EQ(s.count(event::kind::namespace_added), 0u);
    auto& p = w.publish(GetParam().from, one);
    ASSERT_EQ(s.count(event::kind::namespace_added), 1u);
    const auto told = s.find(event::kind::namespace_added, *id)->as<msg::namespace_message>();
    ASSERT_TRUE(told);
    EXPECT_EQ(track_namespace{told->track_namespace_suffix}, one) << "nothing of it is cut off";
    w.kill(p);
    w.run(milliseconds(100));
    EXPECT_EQ(s.count(event::kind::namespace_removed), 1u);
}

TEST_P(relay_admission, another_prefix_is_asked_about_as_if_it_were_new) {
    if (!overlaps(carriers_of(rules_for(version()), parameter::track_namespace_prefix),
                  carrier::tracks_update | carrier::other_update))
        GTEST_SKIP() << "no such parameter";
    (void)w.publish(GetParam().from, {"forbidden"});
    auto& s = w.add(version());
    const auto id = *s.session().subscribe_namespace(w.net.now(), {"live"});
    w.flush(s);
    const track_namespace prefix{"forbidden"};
    message_params params;
    params.track_namespace_prefix = prefix.view();
    ASSERT_TRUE(s.session().update(w.net.now(), id, params));
    w.flush(s);
    EXPECT_EQ(s.count(event::kind::namespace_added), 0u);
    EXPECT_EQ(s.count(event::kind::update_rejected), 1u);
}

TEST_P(relay_admission, offered_tracks_are_asked_about_and_end_with_what_brought_them) {
    if (!has_tracks_request()) GTEST_SKIP();
    rules.tickets["brief"] = {.id = 11, .lasts = milliseconds(600)};
    auto& s = w.add(version());
    s.on_event = [&](event& e) {
        if (e.what == event::kind::requested && e.request == request_kind::publish)
            (void)s.session().accept_publish(w.net.now(), e.id);
    };
    ASSERT_TRUE(s.session().subscribe_tracks(w.net.now(), {"live"}, with("brief")));
    w.flush(s);
    auto& p = w.add<publisher>(GetParam().from);
    p.push({"live"}, "hidden");
    p.push({"live"}, "video");
    w.flush(p);
    w.run(milliseconds(100));
    EXPECT_EQ(s.count(event::kind::requested), 1u) << "what is hidden is not offered";
    EXPECT_EQ(counted().subscribers, 1u);
    w.run(milliseconds(600));
    EXPECT_EQ(counted().subscribers, 0u);
    EXPECT_EQ(s.count(event::kind::publish_done), 1u);
}

INSTANTIATE_TEST_SUITE_P(drafts, relay_admission, ::testing::ValuesIn(equal_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });
