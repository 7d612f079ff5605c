// Minting and its bounds, what each role and key may do, tokens that may be used once, and lists of
// what is taken back.
#include "support.hpp"

#include <moqrtc/auth/profiles.hpp>
#include <moqrtc/auth/replay.hpp>
#include <moqrtc/auth/revocations.hpp>
#include <moqrtc/auth/secret_key.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string>

namespace moqrtc::auth {
namespace {

using test::crypto;
using test::now;
using test::pair_of;
using why = refusal_reason;

minter by() {
    return pair_of(signature_algorithm::eddsa).by();
}

TEST(profiles, lifetimes_are_moved_into_their_bounds_and_told) {
    struct row {
        std::optional<std::int64_t> asked;
        std::int64_t playback;
        std::int64_t signaling;
        std::int64_t call;
    };
    const row table[] = {{{}, 3600, 300, 60},
                         {1, 30, 1, 1},
                         {0, 30, 1, 1},
                         {-5, 30, 1, 1},
                         {30, 30, 30, 30},
                         {120, 120, 120, 120},
                         {121, 121, 121, 120},
                         {300, 300, 300, 120},
                         {301, 301, 300, 120},
                         {86'400, 86'400, 300, 120},
                         {86'401, 86'400, 300, 120},
                         {604'800, 86'400, 300, 120},
                         {INT64_MAX, 86'400, 300, 120}};
    for (const auto& one : table) {
        const auto check = [&one](const result<minted>& made, std::int64_t ttl) {
            ASSERT_TRUE(made);
            EXPECT_EQ(made->ttl, ttl) << one.asked.value_or(-1);
            EXPECT_EQ(made->expires, now + ttl);
            const auto parsed = read_jws(made->token);
            ASSERT_TRUE(parsed);
            const auto all = read_claims(parsed->payload);
            ASSERT_TRUE(all);
            EXPECT_EQ(all->expires, made->expires);
            EXPECT_EQ(all->token_id, made->token_id);
            EXPECT_TRUE(to_grant(*all, now));
        };
        check(mint(crypto(), by(), playback_token{"o", "i"}, now, one.asked), one.playback);
        check(mint(crypto(), by(), signaling_token{"a", "d", "p"}, now, one.asked), one.signaling);
        check(mint(crypto(), by(), call_token{"c", "u", role::publisher, any_transport}, now,
                   one.asked),
              one.call);
    }
}

TEST(profiles, what_is_missing_is_not_minted) {
    const auto field = [](const result<minted>& made) {
        return made ? std::string{"made"} : std::string{made.error().field};
    };
    const auto all = any_transport;
    EXPECT_EQ(field(mint(crypto(), by(), call_token{"", "u", {}, all}, now)), "call_id");
    EXPECT_EQ(field(mint(crypto(), by(), call_token{"c", "", {}, all}, now)), "user_id");
    EXPECT_EQ(field(mint(crypto(), by(), call_token{"c", "u", {}, {}}, now)), "transport");
    EXPECT_EQ(field(mint(crypto(), by(), signaling_token{"", "d", "p"}, now)), "accountId");
    EXPECT_EQ(field(mint(crypto(), by(), signaling_token{"a", "", "p"}, now)), "deviceId");
    EXPECT_EQ(field(mint(crypto(), by(), signaling_token{"a", "d", ""}, now)), "pairId");
    EXPECT_EQ(field(mint(crypto(), by(), playback_token{"", "i"}, now)), "org");
    EXPECT_EQ(field(mint(crypto(), by(), playback_token{"o", ""}, now)), "id");
    EXPECT_EQ(field(mint(crypto(), by(), playback_token{"o", "\xff"}, now)), "claim");
    EXPECT_EQ(field(mint(crypto(), by(), playback_token{"o", std::string(600, 'x')}, now)),
              "claim");
    EXPECT_EQ(field(mint(crypto(), {}, playback_token{"o", "i"}, now)), "key");
}

TEST(profiles, names_on_the_wire_are_those_of_each_profile) {
    const auto text = [](const result<minted>& made) {
        return std::string{as_text(read_jws(made->token)->payload)};
    };
    const auto call = text(
        mint(crypto(), by(),
             call_token{"c_123", "agent_7", role::publisher, any_transport, {}, "j"}, now, 60));
    EXPECT_EQ(call, R"({"call_id":"c_123","exp":1700000060,"iat":1700000000,"jti":"j",)"
                    R"("role":"publisher","transport":["webrtc","moq"],"user_id":"agent_7"})");
    const auto signaling = text(mint(crypto(), by(), signaling_token{"a", "d", "p", "j"}, now));
    EXPECT_EQ(signaling, R"({"accountId":"a","deviceId":"d","exp":1700000300,"iat":1700000000,)"
                         R"("jti":"j","pairId":"p","sub":"d"})");
    const auto playback = text(mint(crypto(), by(), playback_token{"o", "i", "v", "j"}, now));
    EXPECT_EQ(playback, R"({"cap":["media.broadcast"],"exp":1700003600,"iat":1700000000,)"
                        R"("id":"i","jti":"j","org":"o","sub":"v"})");
}

TEST(profiles, roles_of_a_call) {
    const auto spaces = [](auto... fields) { return fields_of{std::array{fields...}}; };
    const auto make = [](role who) {
        grant out;
        out.scopes = call_scopes("acme", "c", "u", who);
        return out;
    };
    const auto publisher = make(role::publisher);
    const auto subscriber = make(role::subscriber);
    const auto own = spaces("call", "acme", "c", "u");
    const auto other = spaces("call", "acme", "c", "v");
    for (const auto what : {action::publish, action::publish_namespace, action::whip}) {
        EXPECT_TRUE(publisher.allows(what, own));
        EXPECT_FALSE(publisher.allows(what, other)) << "nobody speaks for another";
        EXPECT_FALSE(subscriber.allows(what, own));
    }
    for (const auto what : {action::subscribe, action::fetch, action::subscribe_namespace,
                            action::whep, action::track_status}) {
        EXPECT_TRUE(publisher.allows(what, other)) << to_string(what);
        EXPECT_TRUE(subscriber.allows(what, other)) << to_string(what);
        EXPECT_FALSE(subscriber.allows(what, spaces("call", "acme", "d", "v")));
        EXPECT_FALSE(subscriber.allows(what, spaces("call", "acme")));
    }
}

TEST(profiles, a_call_token_without_jti_is_told_by_who_and_where) {
    claims all;
    all.call_id = "c";
    all.user_id = "u";
    all.role = "subscriber";
    all.transport = {"moq"};
    all.expires = now + 60;
    const auto made = to_grant(all, now);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->token_id, "c/u/subscriber");
    EXPECT_EQ(made->transports, transport_set{transport::moq});
}

TEST(unix_time, crosses_over_to_the_clock_that_never_jumps) {
    EXPECT_EQ(deadline(now + 30, now, instant{5}), instant{30'000'005});
    EXPECT_EQ(deadline(now, now + 30, instant{}), instant{-30'000'000});
    EXPECT_EQ(deadline(forever, now, instant{5}), never);
}

TEST(secret_key, the_text_exists_once_and_the_hash_finds_it) {
    const auto pepper = as_bytes("pepper");
    const auto made = make_secret_key(crypto(), pepper, "sk");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->text.size(), 3U + 43U);
    EXPECT_EQ(made->shown, made->text.substr(0, 7));
    EXPECT_EQ(made->hash, hash_secret_key(crypto(), pepper, made->text));
    EXPECT_NE(made->hash, hash_secret_key(crypto(), as_bytes("other"), made->text));
    EXPECT_NE(make_secret_key(crypto(), pepper, "sk")->text, made->text);

    stream_input input{"acme", "in1", made->hash, {}, {}, true};
    const auto ask = [&](std::string_view text, unix_time at = now) {
        return verify_stream_key(crypto(), pepper, input, text, at);
    };
    const auto good = ask(made->text);
    ASSERT_TRUE(good);
    const fields_of own{std::array{"stream", "acme", "in1"}};
    EXPECT_TRUE(good->allows(action::publish, own));
    EXPECT_TRUE(good->allows(action::whip, own));
    EXPECT_FALSE(good->allows(action::subscribe, own));
    EXPECT_FALSE(good->allows(action::publish, fields_of{std::array{"stream", "acme", "in2"}}));
    EXPECT_EQ(good->expires, forever);
    EXPECT_EQ(good->token_hash, made->hash);
    EXPECT_EQ(good->token_id.find(made->text), std::string::npos);
    EXPECT_EQ(ask("").error().why, why::missing);
    EXPECT_EQ(ask(made->text + "x").error().why, why::bad_signature);
    EXPECT_EQ(ask(std::string(300, 'x')).error().why, why::too_large);

    // Rotated with grace, then disabled.
    const auto next = make_secret_key(crypto(), pepper, "sk");
    input = {"acme", "in1", next->hash, made->hash, now + 60, true};
    EXPECT_TRUE(ask(next->text));
    ASSERT_TRUE(ask(made->text));
    EXPECT_EQ(ask(made->text)->expires, now + 60);
    EXPECT_EQ(ask(made->text, now + 60).error().why, why::bad_signature);
    input.enabled = false;
    EXPECT_EQ(ask(next->text).error().why, why::revoked);
    EXPECT_EQ(ask("wrong").error().why, why::bad_signature);
}

grant call_grant(std::string id, unix_time expires = now + 60) {
    grant out;
    out.kind = profile::call;
    out.key_id = "k";
    out.token_id = std::move(id);
    out.expires = expires;
    return out;
}

TEST(replay, once_for_each_token_and_transport) {
    replay_registry used;
    auto one = call_grant("a");
    ASSERT_TRUE(used.use(one, transport::moq, now));
    EXPECT_EQ(used.use(one, transport::moq, now).error().why, why::replayed);
    EXPECT_TRUE(used.used(one, transport::moq));
    EXPECT_FALSE(used.used(one, transport::webrtc));
    const auto entry = used.use(one, transport::webrtc, now);
    ASSERT_TRUE(entry);
    used.release(*entry);
    EXPECT_TRUE(used.use(one, transport::webrtc, now));
    one.key_id = "other";
    EXPECT_TRUE(used.use(one, transport::moq, now)) << "another issuer's name for another token";
    one.transports = {transport::webrtc};
    EXPECT_EQ(used.use(one, transport::moq, now).error().why, why::wrong_transport);
    EXPECT_EQ(used.use(one, transport::webrtc, now + 60).error().why, why::expired);
}

TEST(replay, full_means_refused_and_never_forgotten) {
    replay_registry used{3};
    for (const auto* id : {"a", "b", "c"})
        ASSERT_TRUE(used.use(call_grant(id, now + (id[0] - 'a') * 10 + 10), transport::moq, now));
    EXPECT_EQ(used.use(call_grant("d"), transport::moq, now).error().why, why::overloaded);
    EXPECT_EQ(used.use(call_grant("a", now + 10), transport::moq, now).error().why, why::replayed);
    EXPECT_TRUE(used.use(call_grant("d"), transport::moq, now + 10)) << "a has expired";
    EXPECT_EQ(used.size(), 3U);
    EXPECT_EQ(used.forget(now + 30), 2U);
    EXPECT_EQ(used.size(), 1U);
}

TEST(replay, what_was_used_before_a_crash_stays_used) {
    replay_registry before;
    ASSERT_TRUE(before.use(call_grant("a"), transport::moq, now));
    ASSERT_TRUE(before.use(call_grant("b", now + 5), transport::webrtc, now));
    replay_registry after;
    ASSERT_TRUE(after.restore(before.snapshot(), now + 5));
    EXPECT_EQ(after.size(), 1U);
    EXPECT_EQ(after.use(call_grant("a"), transport::moq, now + 5).error().why, why::replayed);
    EXPECT_EQ(after.forget(now + 60), 1U);
    replay_registry small{1};
    EXPECT_FALSE(small.restore(before.snapshot(), now));
}

TEST(replay, any_order_of_uses_is_what_a_list_would_say) {
    EXPECT_TRUE(rc::check("registry", [](const std::vector<std::pair<std::uint8_t, bool>>& asks) {
        replay_registry used;
        std::vector<std::pair<std::string, bool>> list;
        for (const auto& [id, over] : asks) {
            const std::pair one{std::to_string(id % 8), over};
            const bool fresh = std::find(list.begin(), list.end(), one) == list.end();
            const auto done =
                used.use(call_grant(one.first), over ? transport::moq : transport::webrtc, now);
            RC_ASSERT(done.has_value() == fresh);
            if (fresh) list.push_back(one);
            if (fresh && id >= 128) {
                used.release(*done);
                list.pop_back();
            }
        }
        RC_ASSERT(used.size() == list.size());
        RC_ASSERT(used.forget(now + 60) == list.size());
    }));
}

TEST(revocations, are_bounded_and_end) {
    using what = revocations::what;
    revocations list{2};
    ASSERT_TRUE(list.add({what::token, "a", now + 10}));
    ASSERT_TRUE(list.add({what::subject, "b", now + 20}));
    ASSERT_TRUE(list.add({what::token, "a", now + 30})) << "said twice";
    EXPECT_EQ(list.all().size(), 2U);
    const auto full = list.add({what::token, "c"});
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, errc::limit);
    EXPECT_EQ(list.forget(now + 20), 1U);
    auto one = call_grant("a");
    EXPECT_TRUE(list.covers(one));
    EXPECT_TRUE(list.remove(what::token, "a"));
    EXPECT_FALSE(list.remove(what::token, "a"));
    EXPECT_FALSE(list.covers(one));
}

TEST(key_set, holds_keys_within_its_limits) {
    key_set keys{{3, 2}};
    const auto key = [](std::string id) {
        return test::make_pair(signature_algorithm::eddsa, std::move(id)).key;
    };
    const auto first = key("a");
    ASSERT_TRUE(keys.add(crypto(), first));
    EXPECT_EQ(keys.add(crypto(), first).error().code, errc::duplicate);
    ASSERT_TRUE(keys.add(crypto(), key("a")));
    EXPECT_EQ(keys.add(crypto(), key("a")).error().code, errc::limit);
    ASSERT_TRUE(keys.add(crypto(), key("b")));
    EXPECT_EQ(keys.add(crypto(), key("c")).error().code, errc::limit);
    EXPECT_EQ(keys.named("a").size(), 2U);
    EXPECT_EQ(keys.named("c").size(), 0U);
    EXPECT_FALSE(keys.named("b")[0].key->is_private()) << "to verify takes no private key";
    EXPECT_EQ(keys.remove("a"), 2U);
    EXPECT_EQ(keys.size(), 1U);
    EXPECT_FALSE(keys.add(trusted_key{}));
}

} // namespace
} // namespace moqrtc::auth
