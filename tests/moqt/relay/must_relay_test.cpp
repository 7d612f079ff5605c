#include "relay_world.hpp"

#include <gtest/gtest.h>

// Requirements on relays that no other file names.
using namespace relay_test;

class relay_must : public ::testing::TestWithParam<drafts> {};

INSTANTIATE_TEST_SUITE_P(drafts, relay_must, ::testing::ValuesIn(pairs_of_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });

namespace {

/// A gap property with one number, in a draft's encoding.
slice gap(buffer_pool& pool, draft d, std::uint64_t type, std::uint64_t number) {
    std::array<std::byte, 20> block{};
    key_value_writer out{rules_for(d), block};
    out.put(type, number);
    return slice::copy(pool, bytes{block}.first(*out.size()));
}
/// `type=number` of the properties of an object.
std::string spell(draft d, const object& m) {
    std::string all;
    key_value_reader in{rules_for(d), m.properties};
    while (const auto pair = in.next())
        all += (all.empty() ? "" : " ") + std::to_string(pair->type) + "=" +
               std::to_string(pair->number);
    return all;
}

} // namespace

TEST_P(relay_must, MUST_16_155_MUST_18_191_gap_properties_are_neither_added_nor_removed) {
    const auto [from, to] = GetParam();
    world w;
    auto& p = w.publish(from);
    auto& s = w.add(to);
    const auto id = w.subscribe(s, "video");
    const auto groups = property::prior_group_id_gap;
    const auto objects = property::prior_object_id_gap;
    w.send(p, "video", {5, 0}, "a", 0, gap(w.pool, from, groups, 3));
    w.send(p, "video", {5, 1}, "b"); // says nothing, although the relay knows of the gap
    w.send(p, "video", {5, 4}, "c", 0, gap(w.pool, from, objects, 2));
    w.send(p, "video", {9, 0}, "d"); // groups 6 to 8 are missing, and nobody said why
    ASSERT_EQ(s.got(id), "5:0=a 5:1=b 5:4=c 9:0=d");
    const auto expect = [&](request_id of) {
        const auto& got = s.objects[of];
        ASSERT_GE(got.size(), 3u);
        EXPECT_EQ(spell(to, got[0].item), std::to_string(groups) + "=3");
        EXPECT_EQ(spell(to, got[1].item), "");
        EXPECT_EQ(spell(to, got[2].item), std::to_string(objects) + "=2");
    };
    expect(id);
    EXPECT_EQ(spell(to, s.objects[id][3].item), "");
    // From the cache, too.
    const auto fetched = *s.session().fetch(w.net.now(), {{"live"}, "video"}, {5, 0}, {5, 5});
    w.flush(s);
    ASSERT_EQ(s.got(fetched), "5:0=a 5:1=b 5:4=c");
    expect(fetched);
}

TEST_P(relay_must, MUST_16_175_MUST_18_214_new_group_request_goes_upstream) {
    const auto [from, to] = GetParam();
    if (from == draft::d14 || to == draft::d14) GTEST_SKIP() << "not in draft 14";
    for (const bool dynamic : {true, false}) {
        world w;
        auto& p = w.publish(from);
        if (dynamic) {
            const auto says = gap(w.pool, from, property::dynamic_groups, 1);
            p.tracks["video"].properties.assign(says.view().begin(), says.view().end());
        }
        auto& s = w.add(to);
        const auto id = w.subscribe(s, "video");
        w.send(p, "video", {7, 0}, "x");
        const auto ask = [&](std::uint64_t group) {
            message_params params;
            params.new_group_request = group;
            (void)s.session().update(w.net.now(), id, params);
            w.flush(s);
        };
        const auto asked = [&] {
            std::vector<std::uint64_t> all;
            for (const auto& u : p.update_params)
                if (u.new_group_request) all.push_back(*u.new_group_request);
            return all;
        };
        using list = std::vector<std::uint64_t>;
        ask(7); // there already
        EXPECT_EQ(asked(), list{});
        ask(0); // whatever comes next
        EXPECT_EQ(asked(), dynamic ? list{0} : list{}) << "unsupported tracks are not asked";
        w.send(p, "video", {8, 0}, "y"); // nothing is outstanding any more
        ask(9);
        ask(9); // outstanding
        EXPECT_EQ(asked(), dynamic ? (list{0, 9}) : list{});
        // In the first SUBSCRIBE of a track it goes along.
        auto& t = w.add(to);
        message_params first;
        first.new_group_request = 3;
        EXPECT_TRUE(t.accepted(w.subscribe(t, "other", first)));
        EXPECT_EQ(p.last_subscribe.new_group_request, 3u);
    }
}

TEST_P(relay_must, MUST_16_176_MUST_18_215_every_request_of_the_draft_is_answered) {
    const auto version = GetParam().to;
    world w;
    auto& p = w.publish(GetParam().from);
    w.add(GetParam().to);
    auto& s = w.add(version);
    w.subscribe(s, "warm");
    w.send(p, "warm", {1, 0}, "a");
    const auto now = w.net.now();
    auto& session = s.session();
    const full_track_name track{{"live"}, "video"};
    std::vector<std::pair<const char*, request_id>> asked;
    const auto note = [&](const char* what, const result<request_id>& id) {
        ASSERT_TRUE(id.has_value()) << what;
        asked.emplace_back(what, *id);
    };
    const auto subscription = session.subscribe(now, track);
    note("SUBSCRIBE", subscription);
    note("FETCH", session.fetch(now, {{"live"}, "warm"}, {1, 0}, {1, 1}));
    if (session.rules().typed_fetch)
        note("joining FETCH",
             session.joining_fetch(now, msg::fetch_type::relative_joining, *subscription, 0));
    note("TRACK_STATUS", session.track_status(now, {{"live"}, "warm"}));
    note("PUBLISH", session.publish(now, {{"mine"}, "track"}, 77));
    note("PUBLISH_NAMESPACE", session.publish_namespace(now, {"mine", "too"}));
    note("SUBSCRIBE_NAMESPACE", session.subscribe_namespace(now, {"names"}));
    if (session.rules().subscribe_tracks)
        note("SUBSCRIBE_TRACKS", session.subscribe_tracks(now, {"tracks"}));
    w.flush(s);
    w.run(milliseconds(500));
    for (const auto& [what, id] : asked)
        EXPECT_TRUE(s.accepted(id) || s.refused(id)) << what;
    message_params params;
    params.subscriber_priority = std::uint8_t{3};
    ASSERT_TRUE(session.update(w.net.now(), *subscription, params)) << "REQUEST_UPDATE";
    w.flush(s);
    EXPECT_EQ(s.count(event::kind::update_accepted), 1u);
    for (const auto& [what, id] : asked) // UNSUBSCRIBE and the like, or a cancelled stream
        (void)session.cancel(w.net.now(), id);
    w.flush(s);
    ASSERT_TRUE(session.goaway(w.net.now()));
    w.flush(s);
    EXPECT_FALSE(session.closed());
    EXPECT_FALSE(p.session().closed());
}

namespace {

/// Lets only those in that bring the right token.
class by_token : public policy {
public:
    decision decide(const access_request& asked) override {
        if (asked.kind != request_kind::subscribe) return decision::allow();
        if (!asked.tokens.empty() && as_text(asked.tokens[0].value) == "ticket")
            return decision::allow();
        return decision::refuse(request_error_code::unauthorized, "no ticket");
    }
};

} // namespace

TEST_P(relay_must, MUST_18_216_each_subscriber_of_a_running_track_is_authorised_by_itself) {
    by_token rules;
    world w{{}, rules};
    auto& p = w.publish(GetParam().from);
    const authorization_token token{.value = as_bytes("ticket")};
    message_params ticket;
    ticket.authorization_tokens = token_list{std::span{&token, 1}};
    auto& first = w.add(GetParam().to);
    const auto id = w.subscribe(first, "video", ticket);
    ASSERT_TRUE(first.accepted(id));
    w.send(p, "video", {1, 0}, "a");
    // The relay has the track and would not have to ask anybody: that lets nobody else in.
    auto& second = w.add(GetParam().to);
    const auto refused = w.subscribe(second, "video");
    EXPECT_EQ(second.refused(refused), request_error_code::unauthorized);
    w.send(p, "video", {1, 1}, "b");
    EXPECT_EQ(second.got(refused), "");
    EXPECT_EQ(first.got(id), "1:0=a 1:1=b");
    EXPECT_TRUE(second.accepted(w.subscribe(second, "video", ticket)));
    EXPECT_EQ(p.tracks["video"].subscribed, 1) << "one subscription upstream for all of them";
}

TEST(relay_blocked, MUST_18_159_no_publish_after_publish_blocked) {
    world w;
    w.clients.push_back(std::make_unique<client>(w.net.now(), draft::d18, w.pool));
    auto& s = *w.clients.back();
    moqrtc::testing::link_config link;
    link.bidirectional_streams = 2; // so many requests may be open, of each side
    w.links[&s] = w.node->attach(s, draft::d18, link);
    w.run(milliseconds(100));
    s.on_event = [&](event& e) {
        if (e.what == event::kind::requested && e.request == request_kind::publish)
            (void)s.session().accept_publish(w.net.now(), e.id);
    };
    const auto wanted = *s.session().subscribe_tracks(w.net.now(), {"live"});
    w.flush(s);
    auto& p = w.add<publisher>(draft::d18);
    for (const auto* name : {"one", "two", "three"})
        p.push({"live", "room"}, name);
    w.flush(p);
    w.run(milliseconds(200));
    EXPECT_EQ(s.count(event::kind::requested), 2u) << "offers that found a stream";
    ASSERT_EQ(s.count(event::kind::publish_blocked), 1u);
    const auto* told = s.find(event::kind::publish_blocked, wanted);
    ASSERT_NE(told, nullptr);
    const auto m = told->as<msg::publish_blocked>();
    ASSERT_TRUE(m);
    const auto name = std::string{as_text(m->track_name)};
    EXPECT_EQ(track_namespace{m->track_namespace_suffix}, (track_namespace{"room"}));
    // A stream becomes free, and another publisher offers the same track: still no PUBLISH for it.
    for (const auto& e : s.events)
        if (e.what == event::kind::requested) {
            (void)s.session().cancel(w.net.now(), e.id);
            break;
        }
    w.flush(s);
    w.run(milliseconds(200));
    auto& again = w.add<publisher>(draft::d18);
    again.push({"live", "room"}, name);
    w.flush(again);
    w.run(milliseconds(200));
    EXPECT_EQ(s.count(event::kind::requested), 2u);
    EXPECT_EQ(s.count(event::kind::publish_blocked), 1u);
    // The subscriber can ask for it by itself.
    EXPECT_TRUE(s.accepted(w.subscribe(s, name, {}, {"live", "room"})));
    EXPECT_FALSE(s.session().closed());
}
