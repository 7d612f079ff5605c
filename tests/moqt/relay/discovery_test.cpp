#include "relay_world.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>
#include <set>

using namespace relay_test;

class relay_discovery : public offers {
protected:
    static std::string spell(const namespace_view& space) {
        std::string out;
        auto at = space.fields();
        while (const auto field = at.next())
            out += (out.empty() ? "" : "/") + std::string{as_text(*field)};
        return out;
    }
    static std::multiset<std::string> told(const client& c, event::kind what) {
        std::multiset<std::string> all;
        for (const auto& e : c.events) {
            if (e.what != what) continue;
            if (what == event::kind::namespace_added)
                all.insert(spell(e.as<msg::namespace_message>()->track_namespace_suffix));
            else
                all.insert(spell(e.as<msg::namespace_done>()->track_namespace_suffix));
        }
        return all;
    }
    request_id discover(client& c, const track_namespace& prefix,
                        msg::subscribe_options options = msg::subscribe_options::namespaces) {
        const auto id = c.session().subscribe_namespace(w.net.now(), prefix, options);
        w.flush(c);
        return id.value_or(UINT64_MAX);
    }
    /// The widest prefix of the subscriber's draft: in 14 and 15 it has a field at least.
    [[nodiscard]] static track_namespace widest() {
        return rules_for(GetParam().to).namespace_streams ? track_namespace{}
                                                          : track_namespace{"live"};
    }
};

INSTANTIATE_TEST_SUITE_P(drafts, relay_discovery, ::testing::ValuesIn(pairs_of_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });

TEST_P(relay_discovery, namespaces_come_and_go) {
    w.publish(GetParam().from, {"a", "one"});
    auto& s = w.add(GetParam().to);
    ASSERT_TRUE(s.accepted(discover(s, {"a"})));
    auto& two = w.publish(GetParam().from, {"a", "two", "deep"});
    w.publish(GetParam().from, {"b", "three"});
    using names = std::multiset<std::string>;
    EXPECT_EQ(told(s, event::kind::namespace_added), (names{"one", "two/deep"}));
    w.kill(two);
    w.run(milliseconds(100));
    EXPECT_EQ(told(s, event::kind::namespace_removed), (names{"two/deep"}));
}

TEST_P(relay_discovery, a_restarted_publisher_leaves_no_stale_namespace) {
    auto& s = w.add(GetParam().to);
    discover(s, widest());
    for (int i = 0; i < 3; ++i) {
        auto& p = w.publish(GetParam().from);
        EXPECT_EQ(w.node->relay.statistics().namespaces, 1u);
        w.kill(p);
        w.run(milliseconds(100));
        EXPECT_EQ(w.node->relay.statistics().namespaces, 0u);
    }
    EXPECT_EQ(s.count(event::kind::namespace_added), 3u);
    EXPECT_EQ(s.count(event::kind::namespace_removed), 3u);
}

TEST_P(relay_discovery, a_namespace_of_two_publishers_is_told_once) {
    auto& s = w.add(GetParam().to);
    discover(s, {"live"});
    auto& a = w.publish(GetParam().from);
    auto& b = w.publish(GetParam().from);
    EXPECT_EQ(s.count(event::kind::namespace_added), 1u);
    w.kill(a);
    w.run(milliseconds(100));
    EXPECT_EQ(s.count(event::kind::namespace_removed), 0u);
    w.kill(b);
    w.run(milliseconds(100));
    EXPECT_EQ(s.count(event::kind::namespace_removed), 1u);
}

TEST_P(relay_discovery, cancelled_discovery_hears_no_more) {
    auto& s = w.add(GetParam().to);
    const auto id = discover(s, widest());
    (void)s.session().cancel(w.net.now(), id);
    w.flush(s);
    w.publish(GetParam().from);
    EXPECT_EQ(s.count(event::kind::namespace_added), 0u);
    EXPECT_TRUE(s.accepted(discover(s, widest()))) << "and the prefix is free again";
}

TEST_P(relay_discovery, MUST_16_069_MUST_18_077_overlapping_prefixes_are_refused) {
    auto& s = w.add(GetParam().to);
    ASSERT_TRUE(s.accepted(discover(s, {"a", "b"})));
    EXPECT_EQ(s.refused(discover(s, {"a"})), request_error_code::prefix_overlap);
    EXPECT_EQ(s.refused(discover(s, {"a", "b", "c"})), request_error_code::prefix_overlap);
    if (widest().empty()) {
        EXPECT_EQ(s.refused(discover(s, {})), request_error_code::prefix_overlap);
    }
    EXPECT_TRUE(s.accepted(discover(s, {"a", "c"})));
    // Another session is not concerned.
    auto& t = w.add(GetParam().to);
    EXPECT_TRUE(t.accepted(discover(t, {"a"})));
}

TEST_P(relay_discovery, MUST_16_167_MUST_18_204_pushed_tracks_are_offered) {
    auto& s = w.add(GetParam().to);
    take_everything(s, w);
    ASSERT_TRUE(s.accepted(want_tracks(s, {"live"})));
    auto& p = w.add<publisher>(GetParam().from);
    p.push({"live", "room"}, "video");
    w.flush(p);
    const auto id = offered(s);
    ASSERT_NE(id, UINT64_MAX);
    w.send_groups(p, "video", 1, 1, 2);
    EXPECT_EQ(s.got(id), "1:0=1.0 1:1=1.1");
    // A second subscriber that comes later is offered the running track.
    auto& t = w.add(GetParam().to);
    take_everything(t, w);
    want_tracks(t, widest());
    const auto again = offered(t);
    ASSERT_NE(again, UINT64_MAX);
    w.send(p, "video", {2, 0}, "x");
    EXPECT_EQ(t.got(again), "2:0=x");
}

TEST_P(relay_discovery, MUST_16_173_MUST_18_211_nobody_is_offered_what_it_did_not_ask_for) {
    auto& idle = w.add(GetParam().to);
    auto& elsewhere = w.add(GetParam().to);
    want_tracks(elsewhere, {"other"});
    auto& names_only = w.add(GetParam().to);
    discover(names_only, {"live"});
    auto& p = w.add<publisher>(GetParam().from);
    p.push({"live"}, "video");
    w.flush(p);
    EXPECT_EQ(offered(idle), UINT64_MAX);
    EXPECT_EQ(offered(elsewhere), UINT64_MAX);
    const auto& rules = rules_for(GetParam().to);
    if (rules.subscribe_options || rules.subscribe_tracks) { // before, it asks for both
        EXPECT_EQ(offered(names_only), UINT64_MAX);
    }
}

TEST_P(relay_discovery, the_publisher_is_not_offered_its_own_track) {
    auto& p = w.add<publisher>(GetParam().from);
    want_tracks(p, {"live"});
    p.push({"live"}, "video");
    w.flush(p);
    EXPECT_EQ(offered(p), UINT64_MAX);
}

TEST_P(relay_discovery, MUST_18_205_who_waits_for_a_track_is_not_offered_it) {
    auto& s = w.add(GetParam().to);
    want_tracks(s, {"live"});
    const auto id = w.subscribe(s, "video", rendezvous(GetParam().to));
    auto& p = w.add<publisher>(GetParam().from);
    p.push({"live"}, "video");
    w.flush(p);
    EXPECT_TRUE(s.accepted(id));
    EXPECT_EQ(offered(s), UINT64_MAX);
}

TEST_P(relay_discovery, forward_0_of_the_request_is_that_of_its_offers) {
    auto& s = w.add(GetParam().to);
    take_everything(s, w);
    message_params quiet;
    quiet.forward = false;
    if (GetParam().to == draft::d14) GTEST_SKIP() << "SUBSCRIBE_NAMESPACE has no FORWARD";
    want_tracks(s, widest(), quiet);
    auto& p = w.add<publisher>(GetParam().from);
    p.push({"live"}, "video");
    w.flush(p);
    const auto id = offered(s);
    ASSERT_NE(id, UINT64_MAX);
    w.send(p, "video", {1, 0}, "x");
    EXPECT_EQ(s.got(id), "");
    message_params loud;
    loud.forward = true;
    (void)s.session().update(w.net.now(), id, loud);
    w.flush(s);
    w.send(p, "video", {2, 0}, "y");
    EXPECT_EQ(s.got(id), "2:0=y");
}

TEST_P(relay_discovery, MUST_16_171_MUST_18_209_publish_for_running_subscribers) {
    auto& first = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(first, "video", {1, 0}, "a");
    auto& second = w.add<publisher>(GetParam().from);
    const auto pushed = second.push({"live"}, "video");
    w.flush(second);
    EXPECT_TRUE(second.accepted(pushed));
    EXPECT_TRUE(second.session().subscription(pushed)->forward);
    w.send(second, "video", {2, 0}, "b");
    EXPECT_EQ(s.got(id), "1:0=a 2:0=b");
}

TEST_P(relay_discovery, unwatched_tracks_are_accepted_without_forwarding_if_so_configured) {
    relay_config config;
    config.receive_unwatched = false;
    world quiet{config};
    auto& p = quiet.add<publisher>(GetParam().from);
    const auto pushed = p.push({"live"}, "video");
    quiet.flush(p);
    EXPECT_FALSE(p.session().subscription(pushed)->forward);
    auto& s = quiet.add(GetParam().to);
    const auto id = quiet.subscribe(s, "video");
    ASSERT_FALSE(p.update_params.empty());
    EXPECT_EQ(p.update_params.back().forward, true);
    quiet.send(p, "video", {1, 0}, "a");
    EXPECT_EQ(s.got(id), "1:0=a");
}

TEST_P(relay_discovery, a_changed_prefix_brings_the_new_names) {
    if (carriers_of(rules_for(GetParam().to), parameter::track_namespace_prefix) == carrier::none)
        GTEST_SKIP() << "the draft cannot change a prefix";
    w.publish(GetParam().from, {"a", "one"});
    w.publish(GetParam().from, {"b", "two"});
    auto& s = w.add(GetParam().to);
    const auto id = discover(s, {"a"});
    const track_namespace prefix{"b"};
    message_params params;
    params.track_namespace_prefix = prefix.view();
    (void)s.session().update(w.net.now(), id, params);
    w.flush(s);
    using names = std::multiset<std::string>;
    EXPECT_EQ(told(s, event::kind::namespace_added), (names{"one", "two"}));
    EXPECT_EQ(told(s, event::kind::namespace_removed), (names{"one"}));
}

// Admission ------------------------------------------------------------------------------------

namespace {

class picky : public policy {
public:
    decision decide(const access_request& about) override {
        asked.push_back(about.kind);
        if (!about.tokens.empty() && as_text(about.tokens[0].value) == "open")
            return decision::allow();
        if (about.space == track_namespace{"secret"} || about.track == "private" ||
            about.info.door == "closed")
            return decision::refuse(request_error_code::unauthorized, "not for you");
        return decision::allow();
    }
    std::vector<request_kind> asked;
};

} // namespace

TEST_P(relay_discovery, MUST_16_160_MUST_18_196_each_request_is_authorised_by_itself) {
    picky rules;
    world guarded{{}, rules};
    auto& p = guarded.publish(GetParam().from);
    auto& s = guarded.add(GetParam().to);
    EXPECT_TRUE(s.accepted(guarded.subscribe(s, "video")));
    EXPECT_EQ(s.refused(guarded.subscribe(s, "private")), request_error_code::unauthorized);
    EXPECT_EQ(p.tracks["private"].subscribed, 0);
    const auto space = p.session().publish_namespace(guarded.net.now(), {"secret"});
    guarded.flush(p);
    EXPECT_EQ(p.refused(*space), request_error_code::unauthorized);
    const auto pushed = p.push({"other"}, "private");
    guarded.flush(p);
    EXPECT_EQ(p.refused(pushed), request_error_code::unauthorized);
    const auto fetched =
        s.session().fetch(guarded.net.now(), {{"live"}, "private"}, {0, 0}, {1, 0});
    guarded.flush(s);
    EXPECT_EQ(s.refused(*fetched), request_error_code::unauthorized);
    const auto status = s.session().track_status(guarded.net.now(), {{"live"}, "private"});
    guarded.flush(s);
    EXPECT_EQ(s.refused(*status), request_error_code::unauthorized);
    // With a token that opens it.
    const authorization_token token{.value = as_bytes("open")};
    message_params params;
    params.authorization_tokens = token_list{std::span{&token, 1}};
    EXPECT_TRUE(s.accepted(guarded.subscribe(s, "private", params)));
}

TEST_P(relay_discovery, limits_refuse_and_keep_the_session) {
    relay_config config;
    config.max_subscriptions_per_session = 2;
    config.max_namespaces_per_session = 1;
    config.max_tracks = 3;
    world tight{config};
    auto& p = tight.publish(GetParam().from);
    const auto second = p.session().publish_namespace(tight.net.now(), {"more"});
    tight.flush(p);
    EXPECT_TRUE(p.refused(*second));
    auto& s = tight.add(GetParam().to);
    EXPECT_TRUE(s.accepted(tight.subscribe(s, "1")));
    EXPECT_TRUE(s.accepted(tight.subscribe(s, "2")));
    EXPECT_TRUE(s.refused(tight.subscribe(s, "3")));
    EXPECT_FALSE(s.session().closed());
    auto& t = tight.add(GetParam().to);
    EXPECT_TRUE(t.accepted(tight.subscribe(t, "3")));
    EXPECT_TRUE(t.refused(tight.subscribe(t, "4"))) << "too many tracks";
}

TEST_P(relay_discovery, goaway_goes_to_every_session) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    w.node->relay.goaway(w.net.now(), "moqt://elsewhere.example", seconds(5));
    w.node->settle();
    w.run(milliseconds(100));
    EXPECT_EQ(p.count(event::kind::goaway), 1u);
    EXPECT_EQ(s.count(event::kind::goaway), 1u);
}
