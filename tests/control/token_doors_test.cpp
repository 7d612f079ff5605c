#include "auth/support.hpp"
#include "moqt/relay/relay_world.hpp"
#include "server/token_doors.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>

/// Each door, each request, each kind of token: who gets in, with which code the others are
/// refused, and that nothing is left of them.
namespace {

using namespace relay_test;
using namespace moqrtc::reference;
using auth::refusal_reason;

constexpr auth::unix_time wall_start{1'700'000'000};
constexpr std::string_view stream_key = "sk_0123456789012345678901234567890123456789012";

/// What somebody shows; the last one is good.
enum class shown : std::uint8_t {
    nothing,
    wrong_signature,
    wrong_algorithm,
    expired,
    not_yet_valid,
    wrong_audience,
    wrong_scope,
    wrong_transport,
    replayed,
    revoked,
    good,
};
constexpr shown everything[] = {shown::nothing,
                                shown::wrong_signature,
                                shown::wrong_algorithm,
                                shown::expired,
                                shown::not_yet_valid,
                                shown::wrong_audience,
                                shown::wrong_scope,
                                shown::wrong_transport,
                                shown::replayed,
                                shown::revoked,
                                shown::good};

std::string name(shown what) {
    constexpr const char* names[] = {"nothing",
                                     "wrong signature",
                                     "wrong algorithm",
                                     "expired",
                                     "not yet valid",
                                     "wrong audience",
                                     "wrong scope",
                                     "wrong transport",
                                     "replayed",
                                     "revoked",
                                     "good"};
    return names[static_cast<std::size_t>(what)];
}

/// The control plane's part: one organisation with one input, one recording and one key.
struct registry {
    registry() {
        auto keys = std::make_shared<auth::key_set>();
        EXPECT_TRUE(keys->add(auth::test::crypto(), signer.key, "acme"));
        state.keys = keys;
        state.required = true;
        key_digest pepper{};
        state.secrets = std::make_shared<const secret_keeper>(pepper);
        for (const auto* id : {"lv_1", "lv_2"}) {
            auto& input = state.inputs[id];
            input.kind = input_kind::moq;
            input.key.organisation = "acme";
            input.key.input = id;
            input.key.hash =
                auth::hash_secret_key(auth::test::crypto(), state.pepper(),
                                      id == std::string{"lv_1"} ? stream_key : "sk_other");
        }
        state.assets["as_1"] = {"as_1", "acme", "pb_1"};
        state.playback_ids["pb_1"] = "as_1";
    }
    [[nodiscard]] std::shared_ptr<const access_snapshot> snapshot() const {
        return std::make_shared<const access_snapshot>(state);
    }
    /// A token of a call, or for `resource`, in that condition.
    [[nodiscard]] std::string token(shown what, auth::unix_time now, bool call,
                                    const std::string& resource = "lv_1", std::int64_t ttl = 60) {
        if (what == shown::nothing) return {};
        const auto& forger = auth::test::pair_of(signature_algorithm::es256);
        auto by = signer.by();
        by.audience = what == shown::wrong_audience ? "somebody.else" : "relay.example";
        if (what == shown::wrong_signature) by.key = imposter.handle.get();
        if (what == shown::wrong_algorithm) {
            by.key = forger.handle.get();
            by.algorithm = forger.algorithm();
        }
        if (what == shown::expired) now = now + -1000;
        if (what == shown::not_yet_valid) now = now + 1000;
        const std::string id = "t" + std::to_string(++made);
        auth::transport_set over{auth::transport::moq};
        if (what == shown::wrong_transport) over = {auth::transport::webrtc};
        auto out = call ? auth::mint(auth::test::crypto(), by,
                                     auth::call_token{
                                         .call_id = what == shown::wrong_scope ? "other" : "room",
                                         .user_id = "me",
                                         .who = auth::role::publisher,
                                         .transports = over,
                                         .organisation = "acme",
                                         .token_id = id},
                                     now, ttl)
                        : auth::mint(auth::test::crypto(), by,
                                     auth::playback_token{
                                         .organisation = "acme",
                                         .resource = what == shown::wrong_scope ? "lv_2" : resource,
                                         .subject = {},
                                         .token_id = id},
                                     now, ttl);
        EXPECT_TRUE(out);
        if (what == shown::revoked) {
            auto list = std::make_shared<auth::revocations>(*state.revoked);
            (void)list->add({.of = auth::revocations::what::token, .id = id});
            state.revoked = list;
        }
        return out ? out->token : std::string{};
    }

    access_snapshot state;
    auth::test::pair signer = auth::test::make_pair(signature_algorithm::eddsa, "k1");
    auth::test::pair imposter = auth::test::make_pair(signature_algorithm::eddsa, "k1");
    int made = 0;
};

/// A relay behind the doors, in virtual time that the wall clock follows.
struct guarded {
    guarded() {
        token_doors::config config;
        config.doors = std::make_shared<open_doors>(open_doors::config{{"any"}, {}});
        config.audiences = {"relay.example"};
        config.used = used;
        config.wall = [this] { return wall(); };
        doors = std::make_unique<token_doors>(std::move(config));
        reload();
        w = std::make_unique<world>(relay_config{}, *doors);
        w->run(milliseconds(100));
        clear = doors->sessions();
    }
    ~guarded() { w.reset(); }
    [[nodiscard]] auth::unix_time wall() const {
        return w == nullptr ? wall_start : wall_start + w->net.now().us / 1'000'000;
    }
    /// What the control plane has changed takes effect.
    void reload() {
        doors->use(access.snapshot());
        if (w == nullptr) return;
        w->node->relay.revoke(w->net.now());
        w->node->settle();
    }
    /// A client of native QUIC at a path, with a token in its SETUP or none.
    client& enter(draft version, std::string path, std::string token = {}) {
        class visitor : public publisher {
        public:
            visitor(instant now, session_config c, buffer_pool& pool)
                : publisher{now, c.version, pool} {
                session_ = std::make_unique<moqt::session>(now, std::move(c), pool);
            }
        };
        session_config config;
        config.self = role::client;
        config.version = version;
        config.authority = "relay.example";
        config.path = std::move(path);
        config.setup_token = std::move(token);
        auto fresh = std::make_unique<visitor>(w->net.now(), config, w->pool);
        auto& c = *fresh;
        w->clients.push_back(std::move(fresh));
        moqrtc::testing::link_config link;
        link.unidirectional_streams = link.bidirectional_streams = 10000;
        w->links[&c] = w->node->attach(c, version, link);
        c.time = w->net.now();
        w->run(milliseconds(60));
        return c;
    }
    [[nodiscard]] static bool turned_away(const client& c, std::string_view reason) {
        const auto* over = c.find(event::kind::closed, 0);
        return over != nullptr && over->close == close_code::unauthorized &&
               as_text(over->message) == reason;
    }
    void leave(client& c) {
        w->kill(c);
        w->run(milliseconds(10));
    }

    registry access;
    std::shared_ptr<used_tokens> used = std::make_shared<used_tokens>(nullptr);
    std::unique_ptr<token_doors> doors;
    std::unique_ptr<world> w;
    std::size_t clear = 0; ///< sessions that are always there
};

unsigned status(shown what) {
    switch (what) {
    case shown::good:
        return 200;
    case shown::wrong_audience:
    case shown::wrong_scope:
    case shown::wrong_transport:
    case shown::revoked:
    case shown::replayed:
        return 403;
    default:
        return 401;
    }
}

/// As the draft has it: the PUBLISH of draft 14 knows no token that has expired.
request_error_code code(shown what, draft version, request_kind kind) {
    const auto wanted = what == shown::expired ? request_error_code::expired_auth_token
                                               : request_error_code::unauthorized;
    const auto& rules = rules_for(version);
    const auto registry = registry_of(kind);
    return error_of(rules, error_number(rules, wanted, registry), registry);
}

/// Tokens that a door looks at in the same way, whatever it leads to.
bool says_something(shown what, bool call) {
    if (what == shown::replayed) return call; // a playback token is no one-way ticket
    if (what == shown::wrong_transport) return call;
    return true;
}

class doors_of_tokens : public ::testing::TestWithParam<draft> {
protected:
    guarded g;
};

} // namespace

TEST(doors_of_tokens, webtransport_is_answered_before_there_is_a_session) {
    guarded g;
    struct row {
        std::string path;
        bool key;  ///< a stream key
        bool call; ///< the token is for a call
    };
    const row rows[] = {{"/moq", false, true}, {"/playback/lv_1", false, false}};
    for (const auto& r : rows)
        for (const bool in_query : {true, false})
            for (const auto what : everything) {
                if (!says_something(what, r.call)) continue;
                // What the open door leads to is asked with each request; who shows nothing there
                // may do so later, and a token is used up when the session is there.
                const bool open = r.path == "/moq";
                const bool later = open && (what == shown::wrong_scope || what == shown::nothing ||
                                            what == shown::replayed);
                const auto token = g.access.token(what, g.wall(), r.call);
                g.reload();
                buffer_pool pool;
                webtransport::field_list_builder made{pool};
                if (!in_query && !token.empty()) {
                    EXPECT_TRUE(made.add("authorization", "Bearer " + token));
                }
                const auto fields = made.finish();
                const auto query = in_query ? "tok=" + token : std::string{};
                door_request asked{r.path, query, "relay.example", {}, "192.0.2.1", &fields};
                const auto answer = g.doors->enter(asked);
                EXPECT_EQ(answer.status, later ? 200 : status(what)) << r.path << ' ' << name(what);
                EXPECT_EQ(answer.pass != nullptr, answer.status == 200);
                EXPECT_EQ(answer.why.find(token.empty() ? "x" : token), std::string_view::npos);
            }
    EXPECT_EQ(g.doors->sessions(), g.clear);
    EXPECT_EQ(g.doors->credentials(), 0u) << "no state before there is a session";
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

TEST_P(doors_of_tokens, native_quic_comes_in_by_the_same_doors) {
    for (const bool in_setup : {false, true})
        for (const auto what : everything) {
            if (!says_something(what, false)) continue;
            SCOPED_TRACE(name(what));
            const auto token = g.access.token(what, g.wall(), false);
            g.reload();
            const auto path =
                std::string{"/playback/lv_1"} + (in_setup || token.empty() ? "" : "?tok=" + token);
            auto& c = g.enter(GetParam(), path, in_setup ? token : std::string{});
            EXPECT_EQ(c.session().closed(), what != shown::good);
            EXPECT_EQ(guarded::turned_away(c, auth_failed), what != shown::good);
            g.leave(c);
            EXPECT_EQ(g.doors->sessions(), g.clear);
            EXPECT_EQ(g.doors->credentials(), 0u);
        }
    auto& lost = g.enter(GetParam(), "/playback/lv_9");
    const auto* over = lost.find(event::kind::closed, 0);
    ASSERT_NE(over, nullptr);
    EXPECT_EQ(over->close, close_code::invalid_path);
    auto& p = g.enter(GetParam(), "/publish/lv_1?sk=" + std::string{stream_key});
    EXPECT_FALSE(p.session().closed());
    EXPECT_TRUE(
        guarded::turned_away(g.enter(GetParam(), "/publish/lv_1?sk=sk_other"), auth_failed));
    EXPECT_TRUE(guarded::turned_away(g.enter(GetParam(), "/publish/lv_1"), auth_failed));
}

TEST_P(doors_of_tokens, every_request_is_asked_with_every_token) {
    using ask = std::function<result<request_id>(moqt::session&, const message_params&)>;
    const track_namespace room{"call", "acme", "room"};
    const track_namespace mine{"call", "acme", "room", "me"};
    auto& net = g.w->net;
    std::vector<std::pair<request_kind, ask>> requests{
        {request_kind::subscribe,
         [&](auto& s, const auto& p) { return s.subscribe(net.now(), {mine, "video"}, p); }},
        {request_kind::fetch,
         [&](auto& s, const auto& p) {
             return s.fetch(net.now(), {mine, "video"}, {0, 0}, {1, 0}, p);
         }},
        {request_kind::track_status,
         [&](auto& s, const auto& p) { return s.track_status(net.now(), {mine, "video"}, p); }},
        {request_kind::publish,
         [&](auto& s, const auto& p) { return s.publish(net.now(), {mine, "video"}, 9, p); }},
        {request_kind::publish_namespace,
         [&](auto& s, const auto& p) { return s.publish_namespace(net.now(), mine, p); }},
        {request_kind::subscribe_namespace,
         [&](auto& s, const auto& p) {
             return s.subscribe_namespace(net.now(), room, msg::subscribe_options::namespaces, p);
         }},
    };
    if (rules_for(GetParam()).subscribe_tracks)
        requests.emplace_back(request_kind::subscribe_tracks, [&](auto& s, const auto& p) {
            return s.subscribe_tracks(net.now(), room, p);
        });
    const auto is_refusal = [](std::optional<request_error_code> said) {
        return said == request_error_code::unauthorized ||
               said == request_error_code::expired_auth_token ||
               said == request_error_code::malformed_auth_token;
    };
    for (const auto& [kind, request] : requests)
        for (const auto what : everything) {
            SCOPED_TRACE(std::to_string(static_cast<int>(kind)) + ' ' + name(what));
            const auto text = g.access.token(what, g.wall(), true);
            g.reload();
            const authorization_token token{.value = as_bytes(text)};
            message_params params;
            if (!text.empty()) params.authorization_tokens = token_list{std::span{&token, 1}};
            if (what == shown::replayed) { // somebody else was quicker
                auto& thief = g.enter(GetParam(), "/moq", text);
                EXPECT_FALSE(thief.session().closed());
                g.leave(thief);
            }
            auto& c = g.enter(GetParam(), "/moq");
            ASSERT_FALSE(c.session().closed());
            const auto id = request(c.session(), params);
            ASSERT_TRUE(id);
            g.w->flush(c);
            const auto said = c.refused(*id);
            if (what == shown::good) {
                EXPECT_FALSE(is_refusal(said));
            } else {
                EXPECT_EQ(said, code(what, GetParam(), kind));
                EXPECT_EQ(g.w->node->relay.statistics().tracks, 0u);
                EXPECT_EQ(g.w->node->relay.statistics().namespaces, 0u);
                EXPECT_EQ(g.doors->credentials(), 0u);
            }
            EXPECT_FALSE(c.session().closed()) << "this door lets the session stay";
            g.leave(c);
            g.w->run(seconds(5));
        }
    EXPECT_EQ(g.doors->sessions(), g.clear);
    EXPECT_EQ(g.doors->credentials(), 0u);
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
