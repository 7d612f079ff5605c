#pragma once

#include "auth/support.hpp"
#include "moqt/relay/relay_world.hpp"
#include "server/token_doors.hpp"

#include <moqrtc/auth/cat.hpp>
#include <moqrtc/core/hex.hpp>

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>

/// A relay behind the doors that tokens open, and tokens in every condition.
namespace doors_test {

using namespace relay_test;
using namespace moqrtc::reference;
using auth::refusal_reason;

inline constexpr auth::unix_time wall_start{1'700'000'000};
inline constexpr std::string_view stream_key = "sk_0123456789012345678901234567890123456789012";

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
inline constexpr shown everything[] = {shown::nothing,
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

inline std::string name(shown what) {
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
        if (what == shown::revoked) revoke(id);
        return out ? out->token : std::string{};
    }

    /// A CAT in that condition: everything on a broadcast, or what `only` says.
    [[nodiscard]] std::string cat(shown what, auth::unix_time now,
                                  std::optional<auth::scope> only = {}) {
        if (what == shown::nothing) return {};
        auth::cat_claims all;
        auth::scope each;
        for (std::size_t i = 0; i <= static_cast<std::size_t>(auth::action::subscribe_tracks); ++i)
            each.actions.insert(static_cast<auth::action>(i));
        const std::string broadcast = what == shown::wrong_scope ? "lv_2" : "lv_1";
        for (const auto& field : {std::string{"stream"}, std::string{"acme"}, broadcast})
            each.fields.push_back({auth::name_match::kind::exact, field});
        all.scopes = {only.value_or(each)};
        all.audience = {what == shown::wrong_audience ? "somebody.else" : "relay.example"};
        if (what == shown::expired) now = now + -1000;
        if (what == shown::not_yet_valid) all.not_before = now + 1000;
        all.expires = now + (what == shown::not_yet_valid ? 1060 : 60);
        all.token_id = {std::byte{0x42}, static_cast<std::byte>(++made),
                        static_cast<std::byte>(made >> 8)};
        const auto& forger = auth::test::pair_of(signature_algorithm::es256);
        const auto& by = what == shown::wrong_signature   ? imposter
                         : what == shown::wrong_algorithm ? forger
                                                          : signer;
        const auto out = auth::write_cose(auth::test::crypto(), *by.handle, by.algorithm(), "k1",
                                          auth::write_cat_claims(all), auth::cose_form::text);
        EXPECT_TRUE(out);
        if (what == shown::revoked) revoke(hex_encode(all.token_id));
        return out ? std::string{as_text(*out)} : std::string{};
    }
    void revoke(const std::string& id) {
        auto list = std::make_shared<auth::revocations>(*state.revoked);
        (void)list->add({.of = auth::revocations::what::token, .id = id});
        state.revoked = list;
    }

    access_snapshot state;
    auth::test::pair signer = auth::test::make_pair(signature_algorithm::eddsa, "k1");
    auth::test::pair imposter = auth::test::make_pair(signature_algorithm::eddsa, "k1");
    int made = 0;
};

/// The ways into the relay.
struct door {
    enum class to : std::uint8_t { anything, publish, playback };

    const char* path; ///< of WebTransport, or of a SETUP
    bool web;
    to where;

    [[nodiscard]] bool is_open() const { return where == to::anything; }
    /// What is asked for behind it.
    [[nodiscard]] track_namespace space() const {
        return is_open() ? track_namespace{"call", "acme", "room", "me"}
                         : track_namespace{"stream", "acme", "lv_1"};
    }
};
inline constexpr door all_doors[] = {
    {"/moq", true, door::to::anything},
    {"/publish/lv_1", true, door::to::publish},
    {"/playback/lv_1", true, door::to::playback},
    {"", false, door::to::anything},
    {"/moq", false, door::to::anything},
    {"/publish/lv_1", false, door::to::publish},
    {"/playback/lv_1", false, door::to::playback},
};
inline std::string name(const door& d) {
    return std::string{d.web ? "webtransport " : "quic "} + d.path;
}

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
        session_config config;
        config.path = std::move(path);
        config.setup_token = std::move(token);
        return attach(version, std::move(config), {}, {});
    }
    /// By WebTransport; null when it gets another status than 200.
    client* enter_web(draft version, const std::string& path, const std::string& query,
                      const webtransport::field_list* fields, unsigned& status) {
        const auto answer = doors->enter({path, query, "relay.example", {}, "192.0.2.1", fields});
        status = answer.status;
        EXPECT_EQ(answer.pass != nullptr, status == 200);
        if (status != 200) return nullptr;
        session_config config;
        config.webtransport = true;
        return &attach(version, std::move(config), path, answer.pass);
    }
    /// With what opens that door, or with nothing where it stands open.
    client& enter(const door& by, draft version) {
        const auto query = by.where == door::to::publish ? "sk=" + std::string{stream_key}
                           : by.where == door::to::playback
                               ? "tok=" + access.token(shown::good, wall(), false, "lv_1", 3600)
                               : std::string{};
        unsigned status = 0;
        if (by.web) {
            auto* c = enter_web(version, by.path, query, nullptr, status);
            EXPECT_NE(c, nullptr) << status;
            if (c != nullptr) return *c;
        }
        return enter(version, by.path + (query.empty() ? query : "?" + query));
    }
    /// A token for that door, or for a request behind it.
    std::string ticket(shown what, const door& by) {
        // Only a call's token knows ways, and is good once.
        const bool call = by.is_open() || what == shown::replayed || what == shown::wrong_transport;
        auto out = call ? access.token(what, wall(), true) : access.cat(what, wall());
        reload();
        if (what == shown::replayed) { // somebody else was quicker
            auto& thief = enter(draft::d18, "/moq", out);
            EXPECT_FALSE(thief.session().closed());
            leave(thief);
        }
        return out;
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

private:
    client& attach(draft version, session_config config, const std::string& path,
                   const std::shared_ptr<const void>& pass) {
        class visitor : public publisher {
        public:
            visitor(instant now, session_config c, buffer_pool& pool)
                : publisher{now, c.version, pool} {
                session_ = std::make_unique<moqt::session>(now, std::move(c), pool);
            }
        };
        config.self = role::client;
        config.version = version;
        config.authority = "relay.example";
        const bool web = config.webtransport;
        auto fresh = std::make_unique<visitor>(w->net.now(), std::move(config), w->pool);
        auto& c = *fresh;
        w->clients.push_back(std::move(fresh));
        moqrtc::testing::link_config link;
        link.unidirectional_streams = link.bidirectional_streams = 10000;
        session_info info;
        info.door = path;
        w->links[&c] = w->node->attach(c, version, link, info, false, web);
        doors->bind(w->node->key_of(w->links[&c]), pass);
        c.time = w->net.now();
        w->run(milliseconds(60));
        return c;
    }

public:
    registry access;
    std::shared_ptr<used_tokens> used = std::make_shared<used_tokens>(nullptr);
    std::unique_ptr<token_doors> doors;
    std::unique_ptr<world> w;
    std::size_t clear = 0; ///< sessions that are always there
};

inline unsigned status(shown what) {
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
inline request_error_code code(shown what, draft version, request_kind kind) {
    const auto wanted = what == shown::expired ? request_error_code::expired_auth_token
                                               : request_error_code::unauthorized;
    const auto& rules = rules_for(version);
    const auto registry = registry_of(kind);
    return error_of(rules, error_number(rules, wanted, registry), registry);
}

class doors_of_tokens : public ::testing::TestWithParam<draft> {
protected:
    guarded g;
};

} // namespace doors_test
