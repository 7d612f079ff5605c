// Common Access Tokens: the test vectors of draft-ietf-moq-c4m, its examples of what a scope
// permits and prohibits, COSE in both forms, and CBOR that lies.
#include "support.hpp"

#include <moqrtc/auth/cat.hpp>
#include <moqrtc/core/hex.hpp>

#include <gtest/gtest.h>
#include <map>
#include <rapidcheck.h>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::auth {
namespace {

using test::crypto;
using test::pair_of;

const nlohmann::json& vectors() {
    static const auto all = test::vectors("c4m.json");
    return all;
}
std::vector<std::byte> unhex(const std::string& text) {
    return hex_decode(text).value_or(std::vector<std::byte>{});
}
/// The keys of the vectors, under no name, as the tokens have none.
std::shared_ptr<const key_set> vector_keys() {
    static const auto made = [] {
        const auto& from = vectors()["keys"];
        jwk secret{{}, {signature_algorithm::hs256}, {}};
        secret.numbers.d = secret_bytes{unhex(from["hmac_sha256"])};
        jwk p256{{}, {signature_algorithm::es256}, {}};
        p256.numbers.kind = key_kind::p256;
        p256.numbers.x = unhex(from["es256_public_key_x"]);
        p256.numbers.y = unhex(from["es256_public_key_y"]);
        auto all = std::make_shared<key_set>();
        EXPECT_TRUE(all->add(crypto(), secret));
        EXPECT_TRUE(all->add(crypto(), p256));
        return all;
    }();
    return made;
}
std::vector<std::string> texts(const nlohmann::json& list) {
    return list.get<std::vector<std::string>>();
}
error failure(std::string_view hex) {
    const auto read = read_cat_claims(unhex(std::string{hex}));
    EXPECT_FALSE(read) << hex;
    return read ? error{} : read.error();
}

TEST(c4m, claims_of_the_vectors) {
    for (const auto& one : vectors()["cbor"]) {
        const auto id = one["id"].get<std::string>();
        const auto& said = one["claims"];
        const auto data = unhex(one["payload_cbor_hex"]);
        const auto read = read_cat_claims(data);
        ASSERT_TRUE(read) << id << ' ' << read.error().field;
        EXPECT_EQ(read->issuer.value_or(""), said.value("iss", ""));
        if (said.contains("aud")) {
            EXPECT_EQ(read->audience, texts(said["aud"]));
        }
        if (said.contains("exp")) {
            EXPECT_EQ(read->expires->seconds, said["exp"]);
        }
        if (said.contains("nbf")) {
            EXPECT_EQ(read->not_before->seconds, said["nbf"]);
        }
        EXPECT_EQ(as_text(read->token_id), said.value("cti", ""));
        // Networks, places, hosts, counts: nobody here checks them, so nobody accepts them.
        bool restricts = false;
        for (const auto* name : {"catu", "catnip", "geohash", "cath", "catalpn"})
            restricts = restricts || said.contains(name);
        EXPECT_EQ(!read->restrictions.empty(), restricts) << id;
        if (!restricts) {
            EXPECT_EQ(write_cat_claims(*read), data) << id;
        }
    }
}

TEST(c4m, tokens_of_the_vectors) {
    for (const auto& one : vectors()["structure"]) {
        const auto id = one["id"].get<std::string>();
        const auto token = one["token"].get<std::string>();
        const auto parsed = read_cose(as_bytes(token));
        ASSERT_TRUE(parsed) << id << ' ' << parsed.error().field;
        EXPECT_EQ(hex_encode(parsed->payload), one["payload_cbor_hex"]) << id;
        EXPECT_EQ(hex_encode(parsed->signature), one["signature_hex"]) << id;
        bool good = false;
        for (const auto& key : vector_keys()->all())
            if (key.algorithms.contains(parsed->algorithm))
                good = crypto().verify(*key.key, parsed->algorithm, parsed->signed_part,
                                       parsed->signature);
        EXPECT_TRUE(good) << id;
        // The same token made by us: byte for byte where the signature is the only one there is.
        if (parsed->algorithm != signature_algorithm::hs256) continue;
        const auto* key = &vector_keys()->all()[0];
        if (!key->algorithms.contains(signature_algorithm::hs256)) key = &vector_keys()->all()[1];
        const auto made = write_cose(crypto(), *key->key, signature_algorithm::hs256, {},
                                     parsed->payload, cose_form::text);
        ASSERT_TRUE(made);
        EXPECT_EQ(as_text(*made), token) << id;
    }
}

TEST(c4m, validation_of_the_vectors) {
    const std::map<std::string, refusal_reason> reasons{
        {"TokenExpired", refusal_reason::expired},
        {"TokenNotYetValid", refusal_reason::not_yet_valid},
        {"InvalidIssuer", refusal_reason::wrong_audience},
        {"InvalidAudience", refusal_reason::wrong_audience},
        {"SignatureVerificationFailed", refusal_reason::bad_signature},
        {"AlgorithmMismatch", refusal_reason::wrong_algorithm}};
    for (const auto& one : vectors()["validation"]) {
        const auto id = one["id"].get<std::string>();
        const auto& how = one["validation"];
        verifier_config config;
        if (how.contains("expected_issuers")) config.issuers = texts(how["expected_issuers"]);
        config.audiences = {"https://relay.example.com"};
        auto keys = vector_keys();
        if (how.contains("wrong_key_hex") || how.contains("verifier_algorithm_id")) {
            auto other = std::make_shared<key_set>();
            if (how.contains("wrong_key_hex")) {
                jwk wrong{{}, {signature_algorithm::hs256}, {}};
                wrong.numbers.d = secret_bytes{unhex(how["wrong_key_hex"])};
                EXPECT_TRUE(other->add(crypto(), wrong));
            } else {
                for (const auto& key : vector_keys()->all())
                    if (key.algorithms.contains(signature_algorithm::es256)) {
                        EXPECT_TRUE(other->add(key));
                    }
            }
            keys = other;
        }
        verifier checks{crypto(), config};
        checks.use(keys);
        const auto at = unix_time{how.value("reference_time", std::int64_t{1'700'000'000})};
        const auto got = checks.verify(one["token"].get<std::string>(), at);
        if (how["expected_result"] == "valid") {
            EXPECT_TRUE(got) << id << ' ' << to_string(got.error().why);
        } else {
            ASSERT_FALSE(got) << id;
            EXPECT_EQ(got.error().why, reasons.at(how["expected_error"])) << id;
        }
    }
}

TEST(c4m, scopes_of_the_vectors_allow_what_they_should) {
    verifier checks{crypto()};
    checks.use(vector_keys());
    std::size_t asked = 0;
    for (const auto& one : vectors()["scopes"]) {
        const auto id = one["id"].get<std::string>();
        const auto got = checks.verify(one["token"].get<std::string>(), test::now);
        ASSERT_TRUE(got) << id << ' ' << to_string(got.error().why) << ' '
                         << got.error().what.field;
        EXPECT_EQ((*got)->kind, profile::c4m);
        EXPECT_EQ((*got)->revalidate, static_cast<std::int64_t>(one.value("moqt_reval", 0.0)));
        for (const auto& ask : one["authorization_tests"]) {
            const auto fields = texts(ask["namespace"]);
            const fields_of space{fields};
            const auto track = ask["track"].get<std::string>();
            const auto what = static_cast<action>(ask["action"].get<int>());
            EXPECT_EQ((*got)->allows(what, space, as_bytes(track)), ask["expected"])
                << id << ' ' << ask;
            ++asked;
        }
    }
    EXPECT_EQ(asked, 19U);
}

TEST(c4m, tokens_bound_to_a_key_are_read_and_not_accepted_without_proof) {
    verifier checks{crypto()};
    checks.use(vector_keys());
    for (const auto& one : vectors()["dpop"]) {
        const auto token = one["token"].get<std::string>();
        const auto parsed = read_cose(as_bytes(token));
        ASSERT_TRUE(parsed);
        const auto read = read_cat_claims(parsed->payload);
        ASSERT_TRUE(read);
        EXPECT_EQ(hex_encode(read->thumbprint), one["dpop"]["cnf_jkt_hex"]);
        if (one.contains("jwk_thumbprint_input"))
            for (const auto& key : vector_keys()->all())
                if (key.algorithms.contains(signature_algorithm::es256)) {
                    EXPECT_EQ(hex_encode(key.thumbprint), hex_encode(read->thumbprint));
                }
        verifier_config config;
        config.audiences = {"https://relay.example.com"};
        checks.use(config);
        const auto got = checks.verify(token, test::now);
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().why, refusal_reason::unsupported);
        EXPECT_STREQ(got.error().what.field, "cnf");
    }
}

/// The draft's examples of scopes, each with what it permits and prohibits.
TEST(c4m, examples_of_permits_and_prohibits) {
    using name = std::pair<std::vector<std::string>, std::string>;
    struct row {
        const char* scope; ///< the moqt claim in CBOR
        std::vector<name> permits;
        std::vector<name> prohibits;
    };
    const std::vector<std::string> space{"example", "com"};
    const row table[] = {
        // [[[2,3,6,7], ['example','com',nil], '/bob']]
        {"81838402030607834765 78616d706c6543636f6df6 442f626f62",
         {{space, "/bob"}},
         {{space, ""},
          {space, "/bob/123"},
          {space, "/alice"},
          {{"alternate", "example", "com"}, "/bob"},
          {{"12345"}, ""},
          {{"example"}, "com/bob"},
          {{"example", "com", "/bob"}, ""},
          {{"example", "com", ""}, "/bob"}}},
        // [[[2,3,6,7], ['example','com',nil], [1,'/bob']]]
        {"81838402030607834765 78616d706c6543636f6df6 8201442f626f62",
         {{space, "/bob"}, {space, "/bob/123"}, {space, "/bob/logs"}},
         {{space, ""}, {space, "/alice"}, {{"example"}, "com/bob"}}},
        // [[[2,3,6,7], ['example','com'], '/bob']]: longer namespaces too
        {"81838402030607824765 78616d706c6543636f6d 442f626f62",
         {{space, "/bob"}, {{"example", "com", ""}, "/bob"}, {{"example", "com", "bob"}, "/bob"}},
         {{space, ""}, {space, "/bob/123"}, {{"example", "com", "/bob"}, ""}}},
        // [[[2,3,6,7], ['example','com']]]: every track
        {"81828402030607824765 78616d706c6543636f6d",
         {{space, "/bob"}, {space, ""}, {{"example", "com", "/bob"}, ""}},
         {{{"alternate", "example", "com"}, "/bob"}, {{"12345"}, ""}, {{"example"}, "com/bob"}}},
        // [[[2,3,6,7], ['example',[1,'user-'],nil], '/data']]
        {"81838402030607834765 78616d706c65820145757365722df6 452f64617461",
         {{{"example", "user-alice"}, "/data"}, {{"example", "user-"}, "/data"}},
         {{{"example", "alice"}, "/data"},
          {{"example", "user-alice", "extra"}, "/data"},
          {{"example", "USER-alice"}, "/data"},
          {{"example"}, "/data"}}},
        // [[[6], ['example','com',nil], [2,'.json']]]
        {"81838106834765 78616d706c6543636f6df6 8202452e6a736f6e",
         {{space, "data.json"}, {space, "/api/response.json"}, {space, ".json"}},
         {{space, "data.xml"}, {space, "json"}, {space, "data.JSON"}, {space, "data.json.bak"}}},
    };
    for (const auto& one : table) {
        std::string hex = std::string{"a1190147"} + one.scope;
        std::erase(hex, ' ');
        const auto read = read_cat_claims(unhex(hex));
        ASSERT_TRUE(read) << hex << ' ' << read.error().field << read.error().offset;
        const auto allowed = to_grant(*read, test::now);
        ASSERT_TRUE(allowed);
        for (const auto& [where, track] : one.permits)
            EXPECT_TRUE(allowed->allows(action::publish, fields_of{where}, as_bytes(track)))
                << hex << ' ' << track;
        for (const auto& [where, track] : one.prohibits)
            EXPECT_FALSE(allowed->allows(action::publish, fields_of{where}, as_bytes(track)))
                << hex << ' ' << track;
        EXPECT_FALSE(allowed->allows(action::subscribe, fields_of{space}, as_bytes("/bob")));
        EXPECT_EQ(hex_encode(write_cat_claims(*read)), hex);
    }
}

TEST(c4m, what_breaks_the_claims_is_refused) {
    struct row {
        const char* hex;
        errc code;
        const char* field;
    };
    const row table[] = {
        {"", errc::truncated, "item"},
        {"80", errc::bad_value, "claims"},
        {"a1", errc::truncated, "claims"},
        {"bf01616103ff", errc::unsupported, "indefinite length"},
        {"a10100", errc::bad_value, "iss"},
        {"a10161ff", errc::bad_value, "iss"},               // no UTF-8
        {"a20161610161 62", errc::duplicate, "label"},      // iss twice
        {"a104613a", errc::bad_value, "exp"},               // a text for a time
        {"a1042 0", errc::bad_value, "exp"},                // -1
        {"a104f97e00", errc::bad_value, "exp"},             // not a number
        {"a104fb7ff0000000000000", errc::bad_value, "exp"}, // never
        {"a1041bffffffffffffffff", errc::overflow, "exp"},
        {"a104f4", errc::bad_value, "exp"},               // false
        {"a10763616263", errc::bad_value, "cti"},         // text for bytes
        {"a11901478 0", errc::bad_value, "moqt"},         // no scope
        {"a119014781 80", errc::bad_value, "moqt-scope"}, // no action list
        {"a11901478181 80", errc::bad_value, "moqt-actions"},
        {"a119014781828104 83f64161f6", errc::bad_value, "moqt-ns-match"},  // nil in the middle
        {"a119014781828104 81820341 61", errc::bad_value, "moqt-ns-match"}, // match type 3
        {"a119014781828104 818101", errc::bad_value, "moqt-ns-match"},
        {"a119014781828104 8161 61", errc::bad_value, "moqt-ns-match"}, // text
        {"a119014781838104 80f6", errc::bad_value, "moqt-track-match"}, // nil for a track
        {"a1190148 20", errc::bad_value, "moqt-reval"},
        {"a101616100", errc::trailing, "claims"},
        {"a1015b7fffffffffffffff", errc::bad_value, "iss"},
        {"a1017b7fffffffffffffff", errc::truncated, "iss"},
        {"bb7fffffffffffffff", errc::truncated, "claims"},
        {"a1190147 9b7fffffffffffffff", errc::truncated, "moqt"},
        {"a118c8 81818181818181818181818180", errc::limit, "depth"},
        {"a118c8 9bffffffffffffffff", errc::truncated, "items"},
    };
    for (const auto& one : table) {
        std::string hex = one.hex;
        std::erase(hex, ' ');
        const auto why = failure(hex);
        EXPECT_EQ(to_string(why.code), to_string(one.code)) << hex;
        EXPECT_STREQ(why.field, one.field) << hex;
        EXPECT_LE(why.offset, hex.size() / 2) << hex;
    }
    // What somebody else added is passed over, and allows nothing.
    const auto known = read_cat_claims(unhex("a3616181013903e7a0190147818182061903e7"));
    ASSERT_TRUE(known);
    EXPECT_EQ(known->scopes.at(0).actions, action_set{action::publish});
}

TEST(c4m, a_customers_key_opens_nothing_of_anothers) {
    cat_claims all;
    const auto below = [](std::vector<name_match> fields) {
        return scope{{action::publish}, std::move(fields), false, {}};
    };
    constexpr auto exact = name_match::kind::exact;
    constexpr auto prefix = name_match::kind::prefix;
    all.scopes = {below({{exact, "stream"}, {exact, "acme"}, {exact, "one"}}),
                  below({{exact, "stream"}, {exact, "other"}}),
                  below({{exact, "stream"}, {prefix, "acme"}}), below({{exact, "stream"}}),
                  below({})};
    const auto own = to_grant(all, test::now, "acme");
    ASSERT_TRUE(own);
    EXPECT_EQ(own->scopes.size(), 1U);
    const auto none = to_grant(all, test::now, "nobody");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().why, refusal_reason::wrong_scope);
    EXPECT_EQ(to_grant(all, test::now)->scopes.size(), 5U); // the operator's key speaks for all
}

TEST(c4m, revalidation_is_promised_or_refused) {
    cat_claims all;
    all.scopes = {{{action::subscribe}, {}, false, {}}};
    all.revalidate = 0.5;
    ASSERT_FALSE(to_grant(all, test::now));
    EXPECT_EQ(to_grant(all, test::now).error().why, refusal_reason::unsupported);
    all.revalidate = 300;
    EXPECT_EQ(to_grant(all, test::now)->revalidate, 300);
    all.revalidate = 0;
    EXPECT_EQ(to_grant(all, test::now)->revalidate, 0);
    all.revalidate = 300;
    const auto& own = pair_of(signature_algorithm::eddsa);
    const auto token = write_cose(crypto(), *own.handle, signature_algorithm::eddsa, own.key.id,
                                  write_cat_claims(all));
    ASSERT_TRUE(token);
    auto keys = std::make_shared<key_set>();
    ASSERT_TRUE(keys->add(crypto(), own.key));
    verifier_config config;
    config.revalidates = false;
    verifier checks{crypto(), config};
    checks.use(keys);
    EXPECT_EQ(checks.verify(*token, test::now).error().why, refusal_reason::unsupported);
}

TEST(cose, every_algorithm_in_both_forms) {
    cat_claims all;
    all.subject = "viewer";
    all.expires = test::now + 60;
    all.scopes = {{{action::subscribe, action::fetch},
                   {{name_match::kind::exact, "stream"}, {name_match::kind::exact, "acme"}},
                   false,
                   {}}};
    const auto payload = write_cat_claims(all);
    for (const auto algorithm : all_algorithms) {
        const auto& own = pair_of(algorithm);
        auto keys = std::make_shared<key_set>();
        ASSERT_TRUE(keys->add(crypto(), own.key));
        verifier checks{crypto()};
        checks.use(keys);
        for (const auto form : {cose_form::binary, cose_form::text}) {
            const auto token =
                write_cose(crypto(), *own.handle, algorithm, own.key.id, payload, form);
            ASSERT_TRUE(token) << to_string(algorithm);
            const auto got = checks.verify(token_type_cat, *token, test::now);
            ASSERT_TRUE(got) << to_string(algorithm) << ' ' << to_string(got.error().why) << ' '
                             << got.error().what.field;
            EXPECT_EQ((*got)->subject, "viewer");
            EXPECT_EQ((*got)->key_id, own.key.id);
            for (std::size_t i = 0; i < token->size(); ++i) {
                auto wrong = *token;
                wrong[i] ^= std::byte{0x01};
                EXPECT_FALSE(checks.verify(token_type_cat, wrong, test::now)) << i;
            }
            for (std::size_t i = 0; i < token->size(); i += 3)
                EXPECT_FALSE(checks.verify(token_type_cat, bytes{*token}.first(i), test::now));
        }
    }
}

TEST(cose, structures_that_confuse_are_refused) {
    struct row {
        const char* hex;
        errc code;
        const char* field;
    };
    const row table[] = {
        {"84", errc::truncated, "COSE"},
        {"83400000", errc::malformed_value, "COSE"},
        {"d28443a10126a0 4161 4162", errc::ok, ""},                 // COSE_Sign1, ES256
        {"d18443a10126a0 4161 4162", errc::malformed_value, "tag"}, // ES256 as a MAC
        {"d28443a10105a0 4161 4162", errc::malformed_value, "tag"}, // HMAC as a signature
        {"d86284 43a10126a0 4161 4162", errc::unsupported, "tag"},  // COSE_Sign
        {"8440a101264161 4162", errc::unsupported, "alg"},          // alg not protected
        {"8443a10126a10126 4161 4162", errc::duplicate, "header"},  // alg twice
        {"8445a201260105a0 4161 4162", errc::duplicate, "header"},
        {"8443a10104a0 4161 4162", errc::unsupported, "alg"},          // HMAC cut to 64 bits
        {"8443a10123a0 4161 4162", errc::unsupported, "alg"},          // -4 only in text
        {"8447a10163455332 35a0 4161 4162", errc::unsupported, "alg"}, // a name for a number
        {"8446a20126028101a0 4161 4162", errc::unsupported, "crit"},
        {"8443a10126a0f64162", errc::bad_value, "payload"}, // detached
        {"8443a10126a0 4161 416200", errc::trailing, "COSE"},
    };
    for (const auto& one : table) {
        std::string hex = one.hex;
        std::erase(hex, ' ');
        const auto parsed = read_cose(unhex(hex));
        if (one.code == errc::ok) {
            EXPECT_TRUE(parsed) << hex << parsed.error().field;
            continue;
        }
        ASSERT_FALSE(parsed) << hex;
        EXPECT_EQ(to_string(parsed.error().code), to_string(one.code)) << hex;
        EXPECT_STREQ(parsed.error().field, one.field) << hex;
    }
}

TEST(cbor, numbers_of_every_width) {
    // RFC 8949 appendix A.
    const std::pair<const char*, double> table[] = {{"00", 0},
                                                    {"1818", 24},
                                                    {"1903e8", 1000},
                                                    {"1a000f4240", 1000000},
                                                    {"1b000000e8d4a51000", 1000000000000},
                                                    {"20", -1},
                                                    {"3903e7", -1000},
                                                    {"f93c00", 1.0},
                                                    {"f97bff", 65504.0},
                                                    {"f90001", 5.960464477539063e-8},
                                                    {"f9c400", -4.0},
                                                    {"fa47c35000", 100000.0},
                                                    {"fb3ff199999999999a", 1.1},
                                                    {"fbc010666666666666", -4.1}};
    for (const auto& [hex, value] : table) {
        const auto data = unhex(hex);
        cbor_reader io{data};
        EXPECT_EQ(io.number("n"), value) << hex;
        EXPECT_TRUE(io.ok() && io.at_end()) << hex;
        for (std::size_t cut = 0; cut < data.size(); ++cut) {
            cbor_reader shorter{bytes{data}.first(cut)};
            (void)shorter.number("n");
            EXPECT_EQ(shorter.failure().code, errc::truncated) << hex;
        }
    }
}

TEST(cbor, claims_that_are_written_are_read_again) {
    EXPECT_TRUE(rc::check("claims", [](const std::string& subject, std::uint32_t expires,
                                       const std::vector<std::uint8_t>& id,
                                       const std::vector<std::pair<std::string, int>>& fields,
                                       bool whole, bool has_track) {
        cat_claims all;
        if (is_utf8(subject) && subject.size() < 500) all.subject = subject;
        all.expires = unix_time{expires};
        if (id.size() < 500) {
            const auto data = std::as_bytes(std::span{id});
            all.token_id.assign(data.begin(), data.end());
        }
        scope one{{action::publish, action::fetch}, {}, whole, {}};
        for (const auto& [value, how] : fields)
            if (one.fields.size() < 32)
                one.fields.push_back({static_cast<name_match::kind>((how % 3 + 3) % 3), value});
        if (has_track) one.track = name_match{name_match::kind::suffix, "-audio"};
        all.scopes = {one};
        const auto read = read_cat_claims(write_cat_claims(all));
        RC_ASSERT(read.has_value());
        RC_ASSERT(*read == all);
    }));
    EXPECT_TRUE(rc::check("any bytes", [](const std::vector<std::uint8_t>& data) {
        const auto input = std::as_bytes(std::span{data});
        const auto read = read_cat_claims(input);
        if (!read) RC_ASSERT(read.error().offset <= input.size());
        (void)read_cose(input);
    }));
}

} // namespace
} // namespace moqrtc::auth
