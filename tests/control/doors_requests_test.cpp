#include "doors_world.hpp"

#include <functional>
#include <gtest/gtest.h>

/// Every request behind every door with every kind of token: which code it is refused with, what
/// becomes of the session, and that nothing is left of it.
using namespace doors_test;

namespace {

using ask = std::function<result<request_id>(moqt::session&, const message_params&)>;

struct request {
    request_kind kind;
    bool plays; ///< is what a viewer does; else a publisher
    bool both;  ///< is what both do
    ask make;
};

std::vector<request> requests_of(const world& w, const door& by, draft version) {
    const auto space = by.space();
    const auto prefix = by.is_open() ? track_namespace{"call", "acme", "room"} : space;
    const auto now = [&w] { return w.net.now(); };
    std::vector<request> out{
        {request_kind::subscribe, true, false,
         [=](auto& s, const auto& p) { return s.subscribe(now(), {space, "video"}, p); }},
        {request_kind::fetch, true, false,
         [=](auto& s, const auto& p) {
             return s.fetch(now(), {space, "video"}, {0, 0}, {1, 0}, p);
         }},
        {request_kind::track_status, true, true,
         [=](auto& s, const auto& p) { return s.track_status(now(), {space, "video"}, p); }},
        {request_kind::publish, false, false,
         [=](auto& s, const auto& p) { return s.publish(now(), {space, "video"}, 9, p); }},
        {request_kind::publish_namespace, false, false,
         [=](auto& s, const auto& p) { return s.publish_namespace(now(), space, p); }},
        {request_kind::subscribe_namespace, true, false,
         [=](auto& s, const auto& p) {
             return s.subscribe_namespace(now(), prefix, msg::subscribe_options::namespaces, p);
         }},
    };
    if (rules_for(version).subscribe_tracks)
        out.push_back({request_kind::subscribe_tracks, true, false, [=](auto& s, const auto& p) {
                           return s.subscribe_tracks(now(), prefix, p);
                       }});
    return out;
}

bool is_refusal(std::optional<request_error_code> said) {
    return said == request_error_code::unauthorized ||
           said == request_error_code::expired_auth_token ||
           said == request_error_code::malformed_auth_token;
}

/// Whether what the session came in with allows it, where the request brings nothing.
bool stands_on_session(const door& by, const request& one) {
    if (by.is_open()) return false;
    return one.both || one.plays == (by.where == door::to::playback);
}

class requests_behind_doors : public doors_of_tokens {};

} // namespace

TEST_P(requests_behind_doors, every_request_is_asked_with_every_token) {
    for (const auto& by : all_doors)
        for (const auto& one : requests_of(*g.w, by, GetParam()))
            for (const auto what : everything) {
                SCOPED_TRACE(name(by) + ", request " + std::to_string(static_cast<int>(one.kind)) +
                             ": " + name(what));
                const auto text = g.ticket(what, by);
                const authorization_token token{.value = as_bytes(text)};
                message_params params;
                if (!text.empty()) params.authorization_tokens = token_list{std::span{&token, 1}};
                auto& c = g.enter(by, GetParam());
                ASSERT_FALSE(c.session().closed());
                const auto before = g.doors->credentials();
                const auto id = one.make(c.session(), params);
                ASSERT_TRUE(id);
                g.w->flush(c);
                const auto said = c.refused(*id);
                const bool allowed =
                    what == shown::good || (what == shown::nothing && stands_on_session(by, one));
                if (allowed) {
                    EXPECT_FALSE(is_refusal(said));
                    EXPECT_FALSE(c.session().closed());
                } else {
                    EXPECT_EQ(said, code(what, GetParam(), one.kind));
                    EXPECT_EQ(g.w->node->relay.statistics().tracks, 0u);
                    EXPECT_EQ(g.w->node->relay.statistics().namespaces, 0u);
                    EXPECT_EQ(g.doors->credentials(), before);
                    g.w->run(milliseconds(150));
                    EXPECT_EQ(guarded::turned_away(c, auth_failed), by.where == door::to::playback)
                        << "other doors let the session stay";
                }
                g.leave(c);
                g.w->run(seconds(1));
                EXPECT_EQ(g.doors->sessions(), g.clear);
                EXPECT_EQ(g.doors->credentials(), 0u);
            }
}

TEST_P(requests_behind_doors, every_update_is_asked_with_every_token) {
    // One broadcast and one participant are there all the time.
    auto& camera = g.enter(all_doors[5], GetParam());
    auto& speaker = g.enter(GetParam(), "/moq", g.access.token(shown::good, g.wall(), true));
    for (auto* p : {&camera, &speaker}) {
        const auto& by = p == &camera ? all_doors[5] : all_doors[4];
        ASSERT_TRUE(p->session().publish_namespace(g.w->net.now(), by.space()));
        g.w->flush(*p);
    }
    const auto sessions = g.doors->sessions();
    const auto credentials = g.doors->credentials();
    for (const auto& by : all_doors)
        for (const auto what : everything) {
            SCOPED_TRACE(name(by) + ": " + name(what));
            if (what == shown::nothing) continue; // an update without a token is not asked about
            const auto first = g.ticket(shown::good, by);
            const auto text = g.ticket(what, by);
            const authorization_token good{.value = as_bytes(first)};
            const authorization_token token{.value = as_bytes(text)};
            message_params params;
            params.authorization_tokens = token_list{std::span{&good, 1}};
            auto& c = g.enter(by, GetParam());
            const auto id = c.session().subscribe(g.w->net.now(), {by.space(), "video"}, params);
            ASSERT_TRUE(id);
            g.w->flush(c);
            ASSERT_TRUE(c.accepted(*id));
            params = {};
            params.authorization_tokens = token_list{std::span{&token, 1}};
            ASSERT_TRUE(c.session().update(g.w->net.now(), *id, params));
            g.w->flush(c);
            g.w->run(milliseconds(150));
            if (what == shown::good) {
                EXPECT_FALSE(c.done(*id));
                EXPECT_FALSE(c.session().closed());
            } else {
                EXPECT_TRUE(c.done(*id) || c.session().closed());
                EXPECT_EQ(g.w->node->relay.statistics().subscribers, 0u);
                EXPECT_EQ(guarded::turned_away(c, auth_failed), by.where == door::to::playback);
            }
            g.leave(c);
            g.w->run(seconds(1));
            EXPECT_EQ(g.doors->sessions(), sessions);
            EXPECT_EQ(g.doors->credentials(), credentials);
        }
    EXPECT_FALSE(camera.session().closed());
    EXPECT_FALSE(speaker.session().closed());
}

TEST(requests_behind_doors, a_token_for_one_track_opens_no_other) {
    guarded g;
    auth::scope only{{auth::action::subscribe}, {}, true, {}};
    for (const auto* field : {"stream", "acme", "lv_1"})
        only.fields.push_back({auth::name_match::kind::exact, field});
    only.track = {auth::name_match::kind::exact, "video"};
    const auto text = g.access.cat(shown::good, g.wall(), only);
    const authorization_token token{.value = as_bytes(text)};
    const session_info info;
    const track_namespace space{"stream", "acme", "lv_1"};
    const auto allows = [&](std::string_view track) {
        return g.doors
            ->decide({.now = g.w->net.now(),
                      .session = {},
                      .info = info,
                      .kind = request_kind::subscribe,
                      .space = space,
                      .track = track,
                      .tokens = {&token, 1}})
            .allowed;
    };
    EXPECT_TRUE(allows("video"));
    EXPECT_FALSE(allows("")) << "a track may have an empty name";
    EXPECT_FALSE(allows("audio"));
    g.doors->forget({});
}

TEST_P(requests_behind_doors, what_is_accepted_says_how_long) {
    auto& camera = g.enter(all_doors[5], GetParam());
    ASSERT_TRUE(camera.session().publish_namespace(g.w->net.now(), all_doors[5].space()));
    g.w->flush(camera);
    auto& v = g.enter(all_doors[6], GetParam());
    const auto text = g.access.cat(shown::good, g.wall());
    const authorization_token token{.value = as_bytes(text)};
    message_params params;
    params.authorization_tokens = token_list{std::span{&token, 1}};
    const auto mine = v.session().subscribe(g.w->net.now(), {all_doors[6].space(), "a"}, params);
    const auto sessions = v.session().subscribe(g.w->net.now(), {all_doors[6].space(), "b"});
    g.w->flush(v);
    const auto expires = [&](request_id id) {
        const auto* e = v.find(event::kind::accepted, id);
        if (e == nullptr) return std::uint64_t{0};
        const auto ok = e->as<msg::subscribe_ok>();
        return ok ? ok->params.expires.value_or(0) : 0;
    };
    EXPECT_GT(expires(*mine), 50'000u) << "milliseconds";
    EXPECT_LE(expires(*mine), 60'000u) << "the request's own token";
    EXPECT_GT(expires(*sessions), 3'500'000u) << "the session's";
}

INSTANTIATE_TEST_SUITE_P(drafts, requests_behind_doors, ::testing::ValuesIn(spoken_drafts),
                         [](const auto& chosen) {
                             return "d" + std::to_string(number(chosen.param));
                         });
