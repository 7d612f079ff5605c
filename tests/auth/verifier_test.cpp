// One verifier for every profile: whatever can be wrong with a token is refused with its own
// reason, good ones cost their cryptography once, and what is taken back is gone at once.
#include "support.hpp"

#include <moqrtc/auth/verifier.hpp>
#include <moqrtc/moqt/name.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace moqrtc::auth {
namespace {

using test::crypto;
using test::now;
using test::pair_of;
using why = refusal_reason;

/// Signs claims as they are, right or wrong.
std::string signed_claims(std::string_view json,
                          signature_algorithm algorithm = signature_algorithm::eddsa) {
    const auto& own = pair_of(algorithm);
    return write_jws(crypto(), *own.handle, algorithm, own.key.id, as_bytes(json)).value_or("");
}

class verifier_ : public testing::Test {
protected:
    verifier_() { use_keys(); }

    static std::shared_ptr<key_set> keys_of(std::string organisation = {},
                                            profile_set profiles = any_profile) {
        auto keys = std::make_shared<key_set>();
        for (const auto one : all_algorithms)
            EXPECT_TRUE(keys->add(crypto(), pair_of(one).key, organisation, profiles));
        return keys;
    }
    void use_keys(std::string organisation = {}, profile_set profiles = any_profile) {
        checks.use(keys_of(std::move(organisation), profiles));
    }
    static minted playback(std::string_view org = "acme", std::string_view id = "show",
                           std::optional<std::int64_t> ttl = {}) {
        playback_token what{std::string{org}, std::string{id}};
        return mint(crypto(), pair_of(signature_algorithm::eddsa).by(), what, now, ttl)
            .value_or(minted{});
    }
    why refused(std::string_view token, const expectation& door = {}, unix_time at = now) {
        const auto got = checks.verify(token, at, door);
        EXPECT_FALSE(got) << token;
        return got ? why{} : got.error().why;
    }

    verifier checks{crypto(), {.audiences = {"relay"}}};
};

TEST_F(verifier_, every_algorithm_and_profile_verifies) {
    for (const auto algorithm : all_algorithms) {
        const auto by = pair_of(algorithm).by();
        const auto call = mint(
            crypto(), by, call_token{"c_123", "agent_7", role::publisher, {transport::moq}}, now);
        const auto signaling = mint(crypto(), by, signaling_token{"a", "d", "p"}, now);
        const auto viewer = mint(crypto(), by, playback_token{"acme", "show"}, now);
        ASSERT_TRUE(call && signaling && viewer) << to_string(algorithm);
        for (const auto& [token, kind] : {std::pair{call, profile::call},
                                          {signaling, profile::signaling},
                                          {viewer, profile::playback}}) {
            const auto got = checks.verify(token->token, now, {{kind}, {}});
            ASSERT_TRUE(got) << to_string(algorithm) << ' ' << to_string(got.error().why) << ' '
                             << got.error().what.field;
            EXPECT_EQ((*got)->kind, kind);
            EXPECT_EQ((*got)->key_id, pair_of(algorithm).key.id);
            EXPECT_EQ((*got)->token_id, token->token_id);
            EXPECT_EQ((*got)->expires, token->expires);
            EXPECT_EQ((*got)->issued, now);
            EXPECT_EQ((*got)->token_hash, crypto().sha256(as_bytes(token->token)));
            for (const auto other : {profile::call, profile::signaling, profile::playback})
                if (other != kind) {
                    EXPECT_EQ(refused(token->token, {{other}, {}}), why::wrong_profile);
                }
        }
    }
}

TEST_F(verifier_, whatever_is_wrong_with_a_token_has_a_reason_of_its_own) {
    struct row {
        const char* claims;
        why reason;
    };
    // `now` is 1700000000.
    const row table[] = {
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"],"exp":1700000060})",
         {}},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"]})", why::malformed},
        {R"({"call_id":"c","user_id":"u","role":"publisher","exp":1700000060})",
         why::wrong_transport},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":[],"exp":1700000060})",
         why::wrong_transport},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["x"],"exp":1700000060})",
         why::wrong_transport},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":"moq","exp":1700000060})",
         why::malformed},
        {R"({"call_id":"c","user_id":"u","role":"owner","transport":["moq"],"exp":1700000060})",
         why::malformed},
        {R"({"call_id":"c","user_id":"u","transport":["moq"],"exp":1700000060})", why::malformed},
        {R"({"call_id":"c","role":"publisher","transport":["moq"],"exp":1700000060})",
         why::malformed},
        {R"({"call_id":"","user_id":"u","role":"publisher","transport":["moq"],"exp":1700000060})",
         why::malformed},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"],"exp":1700000121})",
         why::ttl_too_long},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"],"exp":1700000120})",
         {}},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"],"exp":1700000060,
            "iat":1699999939})",
         why::ttl_too_long},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"],"exp":1700000060,
            "iat":1700000001})",
         why::not_yet_valid},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"],"exp":1700000060,
            "nbf":1700000001})",
         why::not_yet_valid},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"],"exp":1700000000})",
         why::expired},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"],"exp":"1700000060"})",
         why::malformed},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"],"exp":-1})",
         why::malformed},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"],"exp":1e300})",
         why::malformed},
        {R"({"call_id":"c","user_id":"u","role":"publisher","transport":["moq"],"exp":1700000060,
            "pairId":"p"})",
         why::malformed},
        {R"({"sub":"d","pairId":"p","accountId":"a","deviceId":"d","exp":1700000300})", {}},
        {R"({"sub":"d","pairId":"p","accountId":"a","exp":1700000300})", {}},
        {R"({"sub":"d","pairId":"p","accountId":"a","deviceId":"d","exp":1700000301})",
         why::ttl_too_long},
        {R"({"sub":"e","pairId":"p","accountId":"a","deviceId":"d","exp":1700000300})",
         why::malformed},
        {R"({"pairId":"p","accountId":"a","exp":1700000300})", why::malformed},
        {R"({"sub":"d","pairId":"p","deviceId":"d","exp":1700000300})", why::malformed},
        {R"({"sub":"d","accountId":"a","deviceId":"d","exp":1700000300})", why::malformed},
        {R"({"org":"o","id":"i","exp":1700086400})", {}},
        {R"({"org":"o","id":"i","exp":1700086401})", why::ttl_too_long},
        {R"({"org":"o","id":"i","exp":1700000001.5})", {}},
        {R"({"org":"o","id":"","exp":1700000060})", why::malformed},
        {R"({"org":"","id":"i","exp":1700000060})", why::malformed},
        {R"({"id":"i","exp":1700000060})", why::malformed},
        {R"({"org":"o","exp":1700000060})", why::malformed},
        {R"({"org":"o","id":"i","exp":1700000060,"aud":"relay"})", {}},
        {R"({"org":"o","id":"i","exp":1700000060,"aud":["other","relay"]})", {}},
        {R"({"org":"o","id":"i","exp":1700000060,"aud":"other"})", why::wrong_audience},
        {R"({"org":"o","id":"i","exp":1700000060,"aud":7})", why::malformed},
        {R"({"org":"o","org":"p","id":"i","exp":1700000060})", why::malformed},
        {R"({"org":"o","id":"i","exp":1700000060,"cap":"media.broadcast"})", why::malformed},
        {R"([])", why::malformed},
        {R"({})", why::malformed},
        {R"(x)", why::malformed},
    };
    for (const auto& one : table) {
        const auto got = checks.verify(signed_claims(one.claims), now);
        if (one.reason == why{})
            EXPECT_TRUE(got) << one.claims << ' ' << to_string(got.error().why);
        else if (got)
            ADD_FAILURE() << one.claims;
        else
            EXPECT_EQ(got.error().why, one.reason) << one.claims;
    }
    std::uint64_t counted = 0;
    for (const auto count : checks.counters().refused)
        counted += count;
    EXPECT_EQ(counted, static_cast<std::uint64_t>(
                           std::count_if(std::begin(table), std::end(table),
                                         [](const row& one) { return one.reason != why{}; })));
}

TEST_F(verifier_, whatever_is_wrong_with_a_signature_has_a_reason_of_its_own) {
    const auto good = playback().token;
    ASSERT_TRUE(checks.verify(good, now));
    EXPECT_EQ(refused(""), why::missing);
    EXPECT_EQ(refused("x"), why::malformed);
    EXPECT_EQ(refused("eyJ"), why::malformed);
    EXPECT_EQ(refused(std::string(9000, 'e')), why::too_large);
    auto wrong = good;
    wrong.back() = wrong.back() == 'A' ? 'Q' : 'A';
    EXPECT_EQ(refused(wrong), why::bad_signature);
    const auto header = [](std::string_view json) {
        return base64_encode(as_bytes(json), base64_alphabet::url);
    };
    const auto rest = good.substr(good.find('.'));
    const auto id = pair_of(signature_algorithm::eddsa).key.id;
    EXPECT_EQ(refused(header(R"({"alg":"none","kid":")" + id + "\"}") + rest),
              why::wrong_algorithm);
    EXPECT_EQ(refused(header(R"({"alg":"HS256","kid":")" + id + "\"}") + rest),
              why::wrong_algorithm);
    EXPECT_EQ(refused(header(R"({"alg":"EdDSA","crit":["x"],"kid":")" + id + "\"}") + rest),
              why::unsupported);
    EXPECT_EQ(refused(header(R"({"alg":"EdDSA","kid":"nobody"})") + rest), why::unknown_key);
    EXPECT_EQ(refused(header(R"({"alg":"EdDSA"})") + rest), why::unknown_key);
    // A key that the token brings along is nobody's.
    const auto stranger = test::make_pair(signature_algorithm::eddsa);
    EXPECT_EQ(refused(header(R"({"alg":"EdDSA","jwk":)" +
                             write_jwk(stranger.key, key_part::public_part) + "}") +
                      rest),
              why::unknown_key);
    const auto forged =
        mint(crypto(), {stranger.handle.get(), signature_algorithm::eddsa, id, {}, {}},
             playback_token{"acme", "show"}, now);
    EXPECT_EQ(refused(forged->token), why::bad_signature);
    // HS256 with the text of a public key as its secret.
    const auto& rsa = pair_of(signature_algorithm::rs256);
    key_numbers secret;
    secret.d = secret_bytes{as_bytes(write_jwk(rsa.key, key_part::public_part))};
    const auto confused = crypto().import_key(secret);
    ASSERT_TRUE(confused);
    const auto token =
        mint(crypto(), {confused->get(), signature_algorithm::hs256, rsa.key.id, {}, {}},
             playback_token{"acme", "show"}, now);
    EXPECT_EQ(refused(token->token), why::wrong_algorithm);
}

TEST_F(verifier_, expiry_to_the_second_and_leeway) {
    const auto token = playback("acme", "show", 30);
    EXPECT_EQ(token.ttl, 30);
    EXPECT_TRUE(checks.verify(token.token, now + 29));
    EXPECT_EQ(refused(token.token, {}, now + 30), why::expired);
    EXPECT_EQ(checks.cached(), 0U) << "what has expired leaves the cache";
    EXPECT_EQ(refused(token.token, {}, now + 31), why::expired);
    EXPECT_EQ(refused(token.token, {}, {now.seconds - 1}), why::not_yet_valid);
    checks.use(verifier_config{.leeway = 2});
    EXPECT_TRUE(checks.verify(token.token, {now.seconds - 2}));
    EXPECT_TRUE(checks.verify(token.token, now + 31));
    EXPECT_EQ(refused(token.token, {}, now + 32), why::expired);
    EXPECT_EQ(refused(token.token, {}, {now.seconds - 3}), why::not_yet_valid);
}

TEST_F(verifier_, a_known_token_costs_no_signature) {
    const auto token = playback().token;
    const auto first = checks.verify(token, now);
    ASSERT_TRUE(first);
    for (int i = 0; i < 10; ++i) {
        const auto again = checks.verify(token, now);
        ASSERT_TRUE(again);
        EXPECT_EQ(*again, *first) << "one grant, shared";
    }
    EXPECT_EQ(checks.counters().verified, 1U);
    EXPECT_EQ(checks.counters().cached, 10U);
    // New keys that still have this one: looked up again, not verified again.
    use_keys();
    EXPECT_TRUE(checks.verify(token, now));
    EXPECT_EQ(checks.counters().verified, 1U);
}

TEST_F(verifier_, the_cache_is_bounded_and_keeps_what_is_used) {
    checks.use(verifier_config{.cache = 2});
    const auto a = playback("acme", "a").token;
    const auto b = playback("acme", "b").token;
    const auto c = playback("acme", "c").token;
    for (const auto& one : {a, b, a, c, a}) // b is the one that goes
        EXPECT_TRUE(checks.verify(one, now));
    EXPECT_EQ(checks.cached(), 2U);
    EXPECT_EQ(checks.counters().verified, 3U);
    EXPECT_EQ(checks.counters().evicted, 1U);
    EXPECT_TRUE(checks.verify(b, now));
    EXPECT_EQ(checks.counters().verified, 4U);
    checks.use(verifier_config{.cache = 0});
    EXPECT_TRUE(checks.verify(b, now));
    EXPECT_EQ(checks.cached(), 0U);
}

TEST_F(verifier_, refused_tokens_are_not_kept) {
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(refused(signed_claims(R"({"org":"o","id":"i","exp":)" +
                                        std::to_string(1'600'000'000 + i) + "}")),
                  why::expired);
    EXPECT_EQ(checks.cached(), 0U);
}

TEST_F(verifier_, a_key_that_is_gone_takes_its_tokens_along) {
    const auto token = playback().token;
    const auto got = checks.verify(token, now);
    ASSERT_TRUE(got);
    auto keys = keys_of();
    EXPECT_EQ(keys->remove(pair_of(signature_algorithm::eddsa).key.id), 1U);
    checks.use(std::shared_ptr<const key_set>{keys});
    EXPECT_EQ(checks.still_holds(**got, now).error().why, why::revoked);
    EXPECT_EQ(refused(token), why::revoked);
    EXPECT_EQ(refused(token), why::unknown_key) << "out of the cache: as if never seen";
    // Another key under the old one's name does not bring them back.
    const auto other =
        test::make_pair(signature_algorithm::eddsa, pair_of(signature_algorithm::eddsa).key.id);
    ASSERT_TRUE(keys->add(crypto(), other.key));
    checks.use(std::shared_ptr<const key_set>{keys});
    EXPECT_EQ(refused(token), why::bad_signature);
    EXPECT_EQ(checks.still_holds(**got, now).error().why, why::revoked);
}

TEST_F(verifier_, rotation_overlaps) {
    const auto old_key = test::make_pair(signature_algorithm::eddsa, "same");
    const auto new_key = test::make_pair(signature_algorithm::eddsa, "same");
    key_set first;
    ASSERT_TRUE(first.add(crypto(), old_key.key));
    auto retiring = first.all()[0];
    retiring.not_after = now + 60;
    auto both = std::make_shared<key_set>();
    ASSERT_TRUE(both->add(retiring));
    ASSERT_TRUE(both->add(crypto(), new_key.key));
    checks.use(std::shared_ptr<const key_set>{both});
    const auto old_token = mint(crypto(), old_key.by(), playback_token{"acme", "show"}, now);
    const auto new_token = mint(crypto(), new_key.by(), playback_token{"acme", "show"}, now);
    EXPECT_TRUE(checks.verify(old_token->token, now));
    const auto got = checks.verify(old_token->token, now + 59);
    ASSERT_TRUE(got);
    EXPECT_TRUE(checks.verify(new_token->token, now));
    EXPECT_EQ(checks.still_holds(**got, now + 60).error().why, why::revoked);
    verifier fresh{crypto()};
    fresh.use(std::shared_ptr<const key_set>{both});
    EXPECT_EQ(fresh.verify(old_token->token, now + 60).error().why, why::bad_signature);
    EXPECT_TRUE(fresh.verify(new_token->token, now + 60));
}

TEST_F(verifier_, whatever_is_revoked_is_refused_at_once) {
    using what = revocations::what;
    const auto token = mint(crypto(), pair_of(signature_algorithm::eddsa).by(),
                            playback_token{"acme", "show", "viewer", "id-1"}, now);
    const auto other = playback("else", "where").token;
    const auto got = checks.verify(token->token, now);
    ASSERT_TRUE(got && checks.verify(other, now));
    const revocations::entry table[] = {
        {what::key, pair_of(signature_algorithm::eddsa).key.id},
        {what::token, "id-1"},
        {what::subject, "viewer"},
        {what::resource, "show"},
        {what::organisation, "acme"},
        {what::organisation, "acme", forever, now + 1},
    };
    for (const auto& one : table) {
        auto list = std::make_shared<revocations>();
        ASSERT_TRUE(list->add(one));
        checks.use(std::shared_ptr<const revocations>{list});
        EXPECT_EQ(checks.still_holds(**got, now).error().why, why::revoked) << one.id;
        EXPECT_EQ(refused(token->token), why::revoked) << one.id;
        EXPECT_EQ(refused(token->token), why::revoked) << one.id;
        EXPECT_EQ(checks.verify(other, now).has_value(), one.of != what::key) << one.id;
        checks.use(std::shared_ptr<const revocations>{});
        EXPECT_TRUE(checks.verify(token->token, now)) << "taken back";
    }
    // Issued after everything so far was revoked.
    auto list = std::make_shared<revocations>();
    ASSERT_TRUE(list->add({what::organisation, "acme", forever, now}));
    checks.use(std::shared_ptr<const revocations>{list});
    EXPECT_TRUE(checks.verify(token->token, now));
}

TEST_F(verifier_, a_customers_key_speaks_for_that_customer_and_its_profiles) {
    use_keys("acme");
    EXPECT_TRUE(checks.verify(playback("acme").token, now));
    EXPECT_EQ(refused(playback("other").token), why::wrong_scope);
    const auto by = pair_of(signature_algorithm::eddsa).by();
    const auto call =
        mint(crypto(), by, call_token{"c", "u", role::subscriber, {transport::webrtc}}, now);
    const auto got = checks.verify(call->token, now);
    ASSERT_TRUE(got);
    EXPECT_EQ((*got)->organisation, "acme");
    EXPECT_TRUE((*got)->allows(action::subscribe, fields_of{std::array{"call", "acme", "c"}}));
    EXPECT_FALSE((*got)->allows(action::subscribe, fields_of{std::array{"call", "-", "c"}}));
    EXPECT_EQ(refused(mint(crypto(), by, signaling_token{"b", "d", "p"}, now)->token),
              why::wrong_scope);
    use_keys({}, {profile::playback});
    EXPECT_TRUE(checks.verify(playback().token, now));
    EXPECT_EQ(refused(call->token), why::revoked) << "known, and no longer trusted with this";
    verifier fresh{crypto()};
    fresh.use(keys_of({}, {profile::playback}));
    EXPECT_EQ(fresh.verify(call->token, now).error().why, why::wrong_profile);
}

TEST_F(verifier_, transports_are_as_named) {
    const auto by = pair_of(signature_algorithm::eddsa).by();
    const auto only = [&](transport one) {
        return mint(crypto(), by, call_token{"c", "u", role::subscriber, {one}}, now)->token;
    };
    for (const auto one : {transport::webrtc, transport::moq})
        for (const auto over : {transport::webrtc, transport::moq}) {
            const expectation door{{profile::call}, over};
            if (one == over)
                EXPECT_TRUE(checks.verify(only(one), now, door));
            else
                EXPECT_EQ(refused(only(one), door), why::wrong_transport);
        }
    EXPECT_TRUE(checks.verify(playback().token, now, {{profile::playback}, transport::moq}));
}

TEST_F(verifier_, token_types_of_moqt) {
    const auto token = playback().token;
    EXPECT_TRUE(checks.verify(token_type_out_of_band, as_bytes(token), now));
    EXPECT_EQ(checks.verify(std::uint64_t{77}, as_bytes(token), now).error().why, why::unsupported);
    verifier fresh{crypto()};
    fresh.use(keys_of());
    EXPECT_EQ(fresh.verify(token_type_cat, as_bytes(token), now).error().why, why::malformed);
    EXPECT_EQ(form_of(as_bytes(token)), token_form::jwt);
    EXPECT_EQ(form_of(as_bytes("ogEjEGNDQVQ.a.b")), token_form::cat);
    EXPECT_EQ(form_of(as_bytes("\xd8\x3d")), token_form::cat);
    EXPECT_EQ(form_of(as_bytes("Bearer")), std::nullopt);
    EXPECT_EQ(form_of({}), std::nullopt);
}

TEST_F(verifier_, keys_may_be_named_in_the_claims_or_be_the_only_one) {
    const auto own = test::make_pair(signature_algorithm::eddsa, "k1");
    auto keys = std::make_shared<key_set>();
    ASSERT_TRUE(keys->add(crypto(), own.key));
    ASSERT_TRUE(keys->add(crypto(), pair_of(signature_algorithm::es256).key));
    checks.use(std::shared_ptr<const key_set>{keys});
    const auto make = [&own](std::string_view json) {
        return write_jws(crypto(), *own.handle, signature_algorithm::eddsa, {}, as_bytes(json))
            .value_or("");
    };
    const auto named = make(
        R"({"sub":"d","pairId":"p","accountId":"a","deviceId":"d","exp":1700000300,"kid":"k1"})");
    EXPECT_TRUE(checks.verify(named, now));
    const auto nameless = make(R"({"org":"o","id":"i","exp":1700000300})");
    EXPECT_EQ(refused(nameless), why::unknown_key);
    auto one = std::make_shared<key_set>();
    ASSERT_TRUE(one->add(crypto(), own.key));
    checks.use(std::shared_ptr<const key_set>{one});
    EXPECT_TRUE(checks.verify(nameless, now));
}

TEST_F(verifier_, issuers_and_audiences_can_be_demanded) {
    auto by = pair_of(signature_algorithm::eddsa).by();
    const auto plain = playback().token;
    by.issuer = "control";
    by.audience = "relay";
    const auto full = mint(crypto(), by, playback_token{"acme", "show"}, now)->token;
    checks.use(verifier_config{.audiences = {"relay"}, .issuers = {"control"}});
    EXPECT_TRUE(checks.verify(full, now));
    EXPECT_EQ(refused(plain), why::wrong_audience);
    checks.use(verifier_config{.audiences = {"relay"}, .need_audience = true});
    EXPECT_TRUE(checks.verify(full, now));
    EXPECT_EQ(refused(plain), why::wrong_audience);
    checks.use(verifier_config{});
    EXPECT_EQ(refused(full), why::wrong_audience) << "made for somebody, and we have no name";
}

TEST_F(verifier_, scopes_are_asked_with_namespaces_of_moqt) {
    const auto got = checks.verify(playback("acme", "show").token, now);
    ASSERT_TRUE(got);
    const auto space = [](std::initializer_list<std::string_view> fields) {
        return moqt::track_namespace{fields};
    };
    const auto asks = [&got](action what, const moqt::track_namespace& where) {
        return (*got)->allows(what, where.view());
    };
    const auto own = space({"stream", "acme", "show"});
    for (const auto what :
         {action::subscribe, action::fetch, action::track_status, action::subscribe_namespace,
          action::subscribe_tracks, action::hls, action::vod, action::whep, action::client_setup})
        EXPECT_TRUE(asks(what, own)) << to_string(what);
    for (const auto what : {action::publish, action::publish_namespace, action::whip,
                            action::ingest, action::upload, action::signal})
        EXPECT_FALSE(asks(what, own)) << to_string(what);
    for (const auto& other :
         {space({}), space({"stream"}), space({"stream", "acme"}),
          space({"stream", "acme", "other"}), space({"stream", "acme", "show", "more"}),
          space({"stream", "acmeshow"}), space({"call", "acme", "show"})})
        EXPECT_FALSE(asks(action::subscribe, other)) << other.key();
    EXPECT_TRUE((*got)->allows(action::subscribe, own.view(), as_bytes("video")));
    EXPECT_TRUE((*got)->has(media_broadcast));
    EXPECT_TRUE((*got)->allows_somewhere(action::fetch));
    EXPECT_FALSE((*got)->allows_somewhere(action::publish));
}

TEST_F(verifier_, threads_share_keys_and_nothing_else) {
    const auto keys = keys_of();
    const auto tokens = [] {
        std::vector<std::string> out;
        for (const auto algorithm : all_algorithms)
            out.push_back(
                mint(crypto(), pair_of(algorithm).by(), playback_token{"acme", "show"}, now)
                    ->token);
        return out;
    }();
    std::atomic<int> good = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            openssl_crypto own;
            verifier mine{own, {.cache = 2}};
            for (int round = 0; round < 5; ++round) {
                mine.use(std::shared_ptr<const key_set>{keys});
                for (const auto& one : tokens)
                    good += mine.verify(one, now) ? 1 : 0;
            }
        });
    for (auto& one : threads)
        one.join();
    EXPECT_EQ(good, 4 * 5 * 6);
}

TEST_F(verifier_, nothing_of_a_token_is_in_what_is_said_about_it) {
    const std::string secret = "c2VjcmV0LW1hcmtlcg";
    for (const auto& token :
         {secret, "eyJ" + secret, playback().token + secret,
          base64_encode(as_bytes(R"({"alg":")" + secret + "\"}"), base64_alphabet::url) +
              ".e30.x"}) {
        const auto got = checks.verify(token, now);
        ASSERT_FALSE(got);
        for (const std::string_view text :
             {std::string_view{got.error().what.field}, std::string_view{got.error().what.where},
              to_string(got.error().why)})
            EXPECT_EQ(text.find("marker"), std::string_view::npos);
    }
}

} // namespace
} // namespace moqrtc::auth
