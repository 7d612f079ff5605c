// Compact JWS and the keys they are made with, against the examples of the RFCs and every kind of
// token that must not pass.
#include "support.hpp"

#include <moqrtc/auth/jws.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string>
#include <string_view>

namespace moqrtc::auth {
namespace {

using test::crypto;
using test::pair_of;

std::string b64(std::string_view text) {
    return base64_encode(as_bytes(text), base64_alphabet::url);
}
/// A token with that header, unsigned.
std::string token_of(std::string_view header, std::string_view payload = "{}") {
    return b64(header) + '.' + b64(payload) + '.' + b64("signature");
}
error failure(std::string_view token, const token_limits& bounds = {}) {
    const auto parsed = read_jws(token, bounds);
    EXPECT_FALSE(parsed) << token.substr(0, 60);
    return parsed ? error{} : parsed.error();
}

TEST(jws, examples_of_the_specifications_verify_and_no_other_bytes_do) {
    for (const auto& one : test::vectors("jose.json")["signed"]) {
        const auto id = one["id"].get<std::string>();
        const auto key = read_jwk(one["key"].dump());
        ASSERT_TRUE(key) << id;
        const auto handle = crypto().import_key(key->numbers);
        ASSERT_TRUE(handle) << id << ' ' << handle.error().field;
        const auto token = one["token"].get<std::string>();
        const auto parsed = read_jws(token);
        ASSERT_TRUE(parsed) << id << ' ' << parsed.error().field;
        EXPECT_TRUE(key->algorithms.contains(parsed->algorithm)) << id;
        EXPECT_TRUE(
            crypto().verify(**handle, parsed->algorithm, parsed->signed_part, parsed->signature))
            << id;
        for (std::size_t i = 0; i < parsed->signature.size(); i += 7) {
            auto wrong = parsed->signature;
            wrong[i] ^= std::byte{0x10};
            EXPECT_FALSE(crypto().verify(**handle, parsed->algorithm, parsed->signed_part, wrong))
                << id << ' ' << i;
        }
        auto shorter = parsed->signature;
        shorter.pop_back();
        EXPECT_FALSE(crypto().verify(**handle, parsed->algorithm, parsed->signed_part, shorter));
        if (!one.value("deterministic", false)) continue;
        const auto again = crypto().sign(**handle, parsed->algorithm, parsed->signed_part);
        ASSERT_TRUE(again) << id;
        EXPECT_EQ(*again, parsed->signature) << id;
    }
}

TEST(jws, examples_that_must_be_refused_are) {
    for (const auto& one : test::vectors("jose.json")["refused"]) {
        const auto why = failure(one["token"].get<std::string>());
        EXPECT_EQ(why.code, errc::unsupported) << one["id"];
        EXPECT_EQ(one["field"], why.field) << one["id"];
    }
}

TEST(jws, every_algorithm_signs_what_only_its_key_verifies) {
    for (const auto algorithm : all_algorithms) {
        const auto& own = pair_of(algorithm);
        ASSERT_NE(own.handle, nullptr) << to_string(algorithm);
        const auto token =
            write_jws(crypto(), *own.handle, algorithm, own.key.id, as_bytes("{\"a\":1}"));
        ASSERT_TRUE(token) << to_string(algorithm);
        const auto parsed = read_jws(*token);
        ASSERT_TRUE(parsed);
        EXPECT_EQ(parsed->algorithm, algorithm);
        EXPECT_EQ(parsed->key_id, own.key.id);
        EXPECT_EQ(parsed->type, "JWT");
        EXPECT_EQ(as_text(parsed->payload), "{\"a\":1}");
        for (const auto other : all_algorithms) {
            const bool good = crypto().verify(*pair_of(other).handle, algorithm,
                                              parsed->signed_part, parsed->signature);
            EXPECT_EQ(good, other == algorithm) << to_string(algorithm) << to_string(other);
        }
        // The public half verifies too, and can't sign.
        if (own.key.numbers.kind == key_kind::secret) continue;
        const auto half = read_jwk(write_jwk(own.key, key_part::public_part));
        ASSERT_TRUE(half);
        EXPECT_FALSE(half->numbers.is_private());
        const auto handle = crypto().import_key(half->numbers);
        ASSERT_TRUE(handle);
        EXPECT_TRUE(crypto().verify(**handle, algorithm, parsed->signed_part, parsed->signature));
        EXPECT_FALSE(crypto().sign(**handle, algorithm, as_bytes("x")));
    }
}

TEST(jws, an_algorithm_never_works_with_another_kind_of_key) {
    // RS256's public key as the secret of HS256: the confusion that broke real libraries.
    const auto& rsa = pair_of(signature_algorithm::rs256);
    EXPECT_FALSE(crypto().sign(*rsa.handle, signature_algorithm::hs256, as_bytes("x")));
    EXPECT_FALSE(crypto().verify(*rsa.handle, signature_algorithm::hs256, as_bytes("x"), {}));
    key_set keys;
    EXPECT_FALSE(keys.add({"k", {signature_algorithm::hs256}, rsa.handle, {}, {}, {}, {}, {}}));
}

TEST(jws, what_is_no_token_is_refused_with_its_reason) {
    struct row {
        std::string token;
        errc code;
        const char* field;
    };
    const std::string good = R"({"alg":"EdDSA"})";
    const row table[] = {
        {"", errc::malformed_value, "token"},
        {"a", errc::malformed_value, "token"},
        {"a.b", errc::malformed_value, "token"},
        {b64(good) + ".a.b.c", errc::malformed_value, "token"},
        {"..", errc::truncated, "syntax"},
        {token_of(R"({"alg":"none"})"), errc::unsupported, "alg"},
        {token_of(R"({"alg":"NONE"})"), errc::unsupported, "alg"},
        {token_of(R"({"alg":"HS1"})"), errc::unsupported, "alg"},
        {token_of(R"({"alg":""})"), errc::unsupported, "alg"},
        {token_of(R"({"alg":5})"), errc::bad_value, "alg"},
        {token_of(R"({"alg":["EdDSA"]})"), errc::bad_value, "alg"},
        {token_of(R"({})"), errc::bad_value, "alg"},
        {token_of(R"([])"), errc::bad_value, "header"},
        {token_of(R"("EdDSA")"), errc::bad_value, "header"},
        {token_of(R"({"alg":"EdDSA","alg":"none"})"), errc::duplicate, "member name"},
        {token_of(R"({"alg":"EdDSA","crit":["exp"]})"), errc::unsupported, "crit"},
        {token_of(R"({"alg":"EdDSA","crit":[]})"), errc::unsupported, "crit"},
        {token_of(R"({"alg":"EdDSA","b64":false})"), errc::unsupported, "b64"},
        {token_of(R"({"alg":"EdDSA","kid":7})"), errc::bad_value, "kid"},
        {token_of(R"({"alg":"EdDSA","kid":")" + std::string(600, 'k') + "\"}"), errc::limit, "kid"},
        {token_of(R"({"alg":"EdDSA","x":[[[[[[[[]]]]]]]]})"), errc::limit, "depth"},
        {token_of("{\"alg\":\"EdDSA\",\"x\":\"\xff\"}"), errc::bad_value, "syntax"},
        {token_of(good + " x"), errc::bad_value, "syntax"},
        {b64(good) + "=." + b64("{}") + ".AAAA", errc::malformed_value, "header"},
        {b64(good) + "." + b64("{}") + ".AAA=", errc::malformed_value, "signature"},
        {b64(good) + ".e30." + "AB", errc::malformed_value, "signature"}, // bits left over
        {b64(good) + ".e31." + "AAAA", errc::malformed_value, "payload"}, // "e30" in other words
        {b64(good) + ".e3+." + "AAAA", errc::malformed_value, "payload"},
        {b64(good) + ". e30." + "AAAA", errc::malformed_value, "payload"},
        {b64(good) + ".e30\n." + "AAAA", errc::malformed_value, "payload"},
        {std::string(9000, 'a'), errc::limit, "token"},
        {b64(std::string(1200, ' ') + good) + ".e30.AAAA", errc::limit, "header"},
        {b64(good) + '.' + b64(std::string(4200, ' ')) + ".AAAA", errc::limit, "payload"},
        {b64(good) + ".e30." + b64(std::string(1100, 'x')), errc::limit, "signature"},
    };
    for (const auto& one : table) {
        const auto why = failure(one.token);
        EXPECT_EQ(to_string(why.code), to_string(one.code)) << one.token.substr(0, 80);
        EXPECT_STREQ(why.field, one.field) << one.token.substr(0, 80);
    }
}

TEST(jws, any_text_is_a_token_or_an_error) {
    EXPECT_TRUE(rc::check("any text", [](const std::string& text) {
        const auto parsed = read_jws(text);
        if (!parsed) RC_ASSERT(parsed.error().code != errc::ok);
    }));
    const auto& own = pair_of(signature_algorithm::eddsa);
    EXPECT_TRUE(rc::check("any payload", [&own](const std::vector<std::uint8_t>& data) {
        const auto payload = std::as_bytes(std::span{data});
        const auto token =
            write_jws(crypto(), *own.handle, signature_algorithm::eddsa, "", payload);
        RC_ASSERT(token.has_value());
        const auto parsed = read_jws(*token);
        RC_ASSERT(parsed.has_value());
        RC_ASSERT(equal(parsed->payload, payload));
        RC_ASSERT(crypto().verify(*own.handle, parsed->algorithm, parsed->signed_part,
                                  parsed->signature));
        // One character changed anywhere: no token, or no signature over it.
        auto other = *token;
        auto& letter = other[*rc::gen::inRange<std::size_t>(0, other.size())];
        letter = letter == 'A' ? 'B' : 'A';
        const auto changed = read_jws(other);
        if (changed) // RC_ASSERT looks at both sides of an operator
            RC_ASSERT_FALSE(crypto().verify(*own.handle, signature_algorithm::eddsa,
                                            changed->signed_part, changed->signature));
    }));
}

TEST(jwk, thumbprints_of_the_specifications) {
    const auto all = test::vectors("jose.json");
    for (const auto* list : {"signed", "keys"})
        for (const auto& one : all[list]) {
            if (!one.contains("thumbprint")) continue;
            const auto key = read_jwk(one["key"].dump());
            ASSERT_TRUE(key);
            EXPECT_EQ(thumbprint_text(thumbprint(crypto(), key->numbers)),
                      one["thumbprint"].get<std::string>());
        }
}

TEST(jwk, what_is_written_is_read_again) {
    for (const auto algorithm : all_algorithms) {
        const auto& own = pair_of(algorithm);
        const auto text = write_jwk(own.key, key_part::private_part);
        const auto again = read_jwk(text);
        ASSERT_TRUE(again) << to_string(algorithm);
        EXPECT_EQ(again->id, own.key.id);
        EXPECT_EQ(again->algorithms, own.key.algorithms);
        EXPECT_EQ(write_jwk(*again, key_part::private_part), text);
        EXPECT_TRUE(crypto().import_key(again->numbers)) << to_string(algorithm);
        const auto open = write_jwk(own.key, key_part::public_part);
        for (const auto* secret :
             {"\"d\"", "\"k\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\""})
            EXPECT_EQ(open.find(secret), std::string::npos) << open;
    }
    const auto set = write_jwks({pair_of(signature_algorithm::eddsa).key,
                                 pair_of(signature_algorithm::hs256).key,
                                 pair_of(signature_algorithm::es256).key});
    const auto read = read_jwks(set);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->size(), 2U); // no secret is ever served
}

TEST(jwk, wrong_keys_are_refused_with_the_member) {
    struct row {
        const char* text;
        const char* field;
    };
    constexpr const char* x32 = "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"";
    const std::string okp = std::string{R"({"kty":"OKP","crv":"Ed25519",)"} + x32;
    const std::string both = okp + R"(,"use":"enc"})";
    const std::string operations = okp + R"(,"key_ops":["encrypt"]})";
    const std::string algorithm = okp + R"(,"alg":"HS256"})";
    const std::string none = okp + R"(,"alg":"none"})";
    const std::string number = okp + R"(,"kid":1})";
    const std::string long_id = okp + R"(,"kid":")" + std::string(200, 'k') + "\"}";
    const row table[] = {
        {"[]", "key"},
        {"{}", "kty"},
        {R"({"kty":"EC","crv":"P-384","x":"AAAA","y":"AAAA"})", "kty"},
        {R"({"kty":"OKP","crv":"X25519","x":"AAAA"})", "kty"},
        {R"({"kty":"OKP","crv":"Ed25519"})", "x"},
        {R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})", "x"},
        {R"({"kty":"OKP","crv":"Ed25519","x":"AAA="})", "x"},
        {R"({"kty":"OKP","crv":"Ed25519","x":7})", "x"},
        {R"({"kty":"RSA","n":"AQAB"})", "e"},
        {R"({"kty":"oct"})", "k"},
        {R"({"kty":"oct","k":""})", "k"},
        {R"({"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","alg":"HS512"})", "alg"},
        {both.c_str(), "use"},
        {operations.c_str(), "use"},
        {algorithm.c_str(), "alg"},
        {none.c_str(), "alg"},
        {number.c_str(), "kid"},
        {long_id.c_str(), "kid"},
    };
    for (const auto& one : table) {
        const auto key = read_jwk(one.text);
        ASSERT_FALSE(key) << one.text;
        EXPECT_STREQ(key.error().field, one.field) << one.text;
    }
    // Keys that look right and are none: a point beside the curve, a private part of another key, a
    // modulus or secret too short to be safe.
    const auto import = [](const std::string& text) {
        const auto key = read_jwk(text);
        EXPECT_TRUE(key) << text;
        return key && crypto().import_key(key->numbers).has_value();
    };
    EXPECT_TRUE(import(okp + "}"));
    EXPECT_FALSE(import(okp + R"(,"d":"AWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"})"));
    EXPECT_FALSE(import(R"({"kty":"EC","crv":"P-256",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"A_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})"));
    EXPECT_FALSE(import(R"({"kty":"EC","crv":"P-256",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d":"AAAAnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"})"));
    EXPECT_FALSE(import(R"({"kty":"RSA","e":"AQAB","n":")" + b64(std::string(128, 'n')) + "\"}"));
    EXPECT_FALSE(import(R"({"kty":"RSA","e":")" + b64(std::string(9, 'e')) + R"(","n":")" +
                        b64(std::string(256, 'n')) + "\"}"));
    EXPECT_FALSE(import(R"({"kty":"oct","k":")" + b64(std::string(31, 'k')) + "\"}"));
}

TEST(jwk, a_set_leaves_out_what_it_does_not_know_and_keeps_its_limits) {
    const auto key = write_jwk(pair_of(signature_algorithm::eddsa).key, key_part::public_part);
    const auto set = read_jwks(R"({"keys":[)" + key +
                               R"(,{"kty":"XYZ"},{"kty":"EC","crv":"P-521"}],"other":1})");
    ASSERT_TRUE(set);
    EXPECT_EQ(set->size(), 1U);
    const auto twice = read_jwks(R"({"keys":[)" + key + ',' + key + "]}");
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, errc::duplicate);
    EXPECT_FALSE(read_jwks("[]"));
    EXPECT_FALSE(read_jwks(R"({"keys":1})"));
    std::string many = R"({"keys":[)";
    for (int i = 0; i < 65; ++i)
        many += std::string{i == 0 ? "" : ","} + R"({"kty":"XYZ"})";
    const auto refused = read_jwks(many + "]}");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::limit);
}

TEST(crypto, secrets_are_compared_and_wiped_as_told) {
    EXPECT_TRUE(equal_in_constant_time(as_bytes("abc"), as_bytes("abc")));
    EXPECT_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abd")));
    EXPECT_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("ab")));
    EXPECT_TRUE(equal_in_constant_time({}, {}));
    std::string text = "secret";
    wipe(std::as_writable_bytes(std::span{text}));
    EXPECT_EQ(text, std::string(6, '\0'));
    // RFC 4231 test case 1, FIPS 180-2 "abc".
    EXPECT_EQ(
        hex_encode(crypto().hmac_sha256(as_bytes(std::string(20, '\x0b')), as_bytes("Hi There"))),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(hex_encode(crypto().sha256(as_bytes("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

} // namespace
} // namespace moqrtc::auth
