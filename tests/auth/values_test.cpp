// The small values that decisions are made of: CBOR items, claims, scopes, grants, refusals, keys
// by name. Each bound is tried at it and beyond.
#include "support.hpp"

#include <moqrtc/auth/cbor.hpp>
#include <moqrtc/auth/claims.hpp>
#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/key_set.hpp>
#include <moqrtc/auth/refusal.hpp>
#include <moqrtc/auth/scope.hpp>
#include <moqrtc/core/hex.hpp>

#include <array>
#include <gtest/gtest.h>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::auth {
namespace {

using test::crypto;
using test::now;
using test::pair_of;
using kind = name_match::kind;

std::vector<std::byte> unhex(std::string_view text) {
    return hex_decode(std::string{text}).value_or(std::vector<std::byte>{});
}

TEST(cbor, heads_are_written_in_the_shortest_form_and_read_in_any) {
    const std::pair<std::int64_t, const char*> table[] = {
        {0, "00"},
        {23, "17"},
        {24, "1818"},
        {255, "18ff"},
        {256, "190100"},
        {65535, "19ffff"},
        {65536, "1a00010000"},
        {4294967295, "1affffffff"},
        {4294967296, "1b0000000100000000"},
        {std::numeric_limits<std::int64_t>::max(), "1b7fffffffffffffff"},
        {-1, "20"},
        {-256, "38ff"},
        {std::numeric_limits<std::int64_t>::min(), "3b7fffffffffffffff"},
    };
    for (const auto& [value, hex] : table) {
        cbor_writer out;
        out.integer(value);
        EXPECT_EQ(hex_encode(out.data()), hex);
        cbor_reader io{out.data()};
        EXPECT_EQ(io.integer("n"), value);
        EXPECT_TRUE(io.ok() && io.at_end()) << hex;
    }
    for (const auto* hex : {"1817", "190000", "1b0000000000000017"}) { // longer than need be
        const auto data = unhex(hex);
        cbor_reader io{data};
        EXPECT_LE(io.integer("n"), 23) << hex;
        EXPECT_TRUE(io.ok()) << hex;
    }
}

TEST(cbor, what_does_not_fit_is_refused_where_it_stands) {
    struct row {
        const char* hex;
        void (*read)(cbor_reader&);
        errc code;
        std::uint32_t offset;
    };
    const auto text = [](cbor_reader& io) { (void)io.string(cbor_type::text_string, "f", 3); };
    const auto map = [](cbor_reader& io) { (void)io.begin(cbor_type::map, "f", 2); };
    const auto integer = [](cbor_reader& io) { (void)io.integer("f"); };
    const auto skip = [](cbor_reader& io) { (void)io.skip(2); };
    const row table[] = {
        {"63616263", text, errc::ok, 0},
        {"6461626364", text, errc::limit, 0},
        {"636162", text, errc::truncated, 0},
        {"43616263", text, errc::bad_value, 0}, // bytes for text
        {"7b ffffffffffffffff", text, errc::truncated, 0},
        {"7f6161ff", text, errc::unsupported, 0}, // of indefinite length
        {"a201020304", map, errc::ok, 0},
        {"a3010203040506", map, errc::limit, 0},
        {"a20102", map, errc::truncated, 0}, // two pairs take four bytes
        {"82", map, errc::bad_value, 0},
        {"bf", map, errc::unsupported, 0},
        {"1b8000000000000000", integer, errc::overflow, 0},
        {"3b8000000000000000", integer, errc::overflow, 0},
        {"f5", integer, errc::bad_value, 0},
        {"1c", integer, errc::unsupported, 0}, // no such width
        {"", integer, errc::truncated, 0},
        {"818100", skip, errc::ok, 0},
        {"81818100", skip, errc::limit, 3},
        {"c1c1c100", skip, errc::limit, 3}, // tags nest, too
        {"8201", skip, errc::truncated, 1},
        {"820141", skip, errc::truncated, 3},
        {"f818", skip, errc::bad_value, 0}, // a simple value with a shorter form
    };
    for (const auto& one : table) {
        std::string hex = one.hex;
        std::erase(hex, ' ');
        const auto data = unhex(hex);
        cbor_reader io{data};
        one.read(io);
        EXPECT_EQ(to_string(io.failure().code), to_string(one.code)) << one.hex;
        if (one.code == errc::ok) continue;
        EXPECT_EQ(io.failure().offset, one.offset) << one.hex;
        // An error sticks: nothing is read behind it, and the first one is told.
        EXPECT_EQ(io.integer("later"), 0);
        EXPECT_TRUE(io.head().is_null());
        EXPECT_TRUE(io.skip(1).empty());
        io.expect_end("later");
        EXPECT_STRNE(io.failure().field, "later") << one.hex;
    }
}

TEST(claims, each_is_read_from_its_name_and_written_under_it) {
    const std::string_view all =
        R"({"accountId":"a","aud":["x","y"],"call_id":"b","cap":["media.broadcast"],)"
        R"("deviceId":"c","exp":30,"iat":10,"id":"d","iss":"e","jti":"f","kid":"g","nbf":20,)"
        R"("org":"h","pairId":"i","role":"j","sub":"k","transport":["moq"],"user_id":"l"})";
    const auto read = read_claims(as_bytes(all));
    ASSERT_TRUE(read) << read.error().field;
    EXPECT_EQ(write_claims(*read), all);
    EXPECT_EQ(read->account_id, "a");
    EXPECT_EQ(read->audience, (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(read->expires, unix_time{30});
    EXPECT_EQ(read->not_before, unix_time{20});
    EXPECT_EQ(read->issued, unix_time{10});
    EXPECT_EQ(read->resource, "d");
    EXPECT_EQ(read->pair_id, "i");

    const auto bare = read_claims(as_bytes("{}"));
    ASSERT_TRUE(bare);
    EXPECT_FALSE(bare->expires || bare->subject || bare->transport);
    EXPECT_EQ(write_claims(*bare), "{}");
    // One audience is a text (RFC 7519 section 4.1.3); no way to travel is not every way.
    EXPECT_EQ(write_claims(*read_claims(as_bytes(R"({"aud":["x"],"transport":[]})"))),
              R"({"aud":"x","transport":[]})");
    // NumericDate may have a fraction, which is cut off (section 2).
    EXPECT_EQ(read_claims(as_bytes(R"({"exp":30.999})"))->expires, unix_time{30});
    EXPECT_TRUE(read_claims(as_bytes(R"({"other":{"iss":7}})"))) << "what nobody knows is ignored";
}

TEST(claims, of_another_type_than_their_own_are_refused_by_name) {
    struct row {
        const char* text;
        const char* field;
        errc code = errc::bad_value;
    };
    const std::string long_text = R"({"sub":")" + std::string(513, 's') + "\"}";
    const std::string long_entry = R"({"cap":["a",")" + std::string(513, 's') + "\"]}";
    const row table[] = {
        {"[]", "claims"},
        {"7", "claims"},
        {R"({"iss":7})", "iss"},
        {R"({"sub":null})", "sub"},
        {R"({"aud":7})", "aud"},
        {R"({"aud":["x",7]})", "aud"},
        {R"({"exp":"30"})", "exp"},
        {R"({"exp":-1})", "exp"},
        {R"({"exp":9007199254740992})", "exp"},
        {R"({"nbf":true})", "nbf"},
        {R"({"iat":[1]})", "iat"},
        {R"({"transport":"moq"})", "transport"},
        {R"({"cap":{"media.broadcast":1}})", "cap"},
        {R"({"jti":"a","jti":"b"})", "member name", errc::duplicate},
        {long_text.c_str(), "sub", errc::limit},
        {long_entry.c_str(), "cap", errc::limit},
    };
    for (const auto& one : table) {
        const auto read = read_claims(as_bytes(one.text));
        ASSERT_FALSE(read) << one.text;
        EXPECT_STREQ(read.error().field, one.field) << one.text;
        EXPECT_EQ(to_string(read.error().code), to_string(one.code)) << one.text;
    }
    token_limits tight;
    tight.payload = 8;
    EXPECT_EQ(read_claims(as_bytes(R"({"a":"b"})"), tight).error().code, errc::limit);
}

TEST(scope, names_are_compared_whole_from_the_front_or_from_the_back) {
    struct row {
        kind how;
        const char* value;
        const char* field;
        bool matches;
    };
    constexpr row table[] = {
        {kind::exact, "ab", "ab", true},   {kind::exact, "ab", "abc", false},
        {kind::exact, "", "", true},       {kind::exact, "", "a", false},
        {kind::prefix, "ab", "abc", true}, {kind::prefix, "ab", "ab", true},
        {kind::prefix, "ab", "a", false},  {kind::prefix, "", "anything", true},
        {kind::suffix, "bc", "abc", true}, {kind::suffix, "bc", "bcd", false},
        {kind::suffix, "bc", "c", false},  {kind::exact, "AB", "ab", false},
    };
    for (const auto& one : table)
        EXPECT_EQ((name_match{one.how, one.value}.matches(as_bytes(one.field))), one.matches)
            << one.value << ' ' << one.field;
}

TEST(scope, opens_what_lies_inside_and_no_more) {
    using fields = std::vector<std::string>;
    struct row {
        scope one;
        fields space;
        bool covers;
    };
    const auto below = [](std::vector<name_match> all, bool whole = false) {
        return scope{{action::subscribe}, std::move(all), whole, {}};
    };
    const name_match a{kind::exact, "a"};
    const name_match b{kind::prefix, "b"};
    const row table[] = {
        {below({}), {}, true},
        {below({}), {"a"}, true},
        {below({}, true), {}, true},
        {below({}, true), {"a"}, false},
        {below({a}), {}, false}, // a shorter prefix asks for more
        {below({a}), {"a"}, true},
        {below({a}), {"a", "x"}, true},
        {below({a}, true), {"a", "x"}, false},
        {below({a, b}), {"a"}, false},
        {below({a, b}), {"a", "bb"}, true},
        {below({a, b}), {"a", "c"}, false},
        {below({a, b}, true), {"a", "b"}, true},
        {below({a, b}, true), {"a", "b", ""}, false},
    };
    for (const auto& one : table) {
        const fields_of space{one.space};
        EXPECT_EQ(one.one.covers(space), one.covers) << one.space.size();
        EXPECT_EQ(one.one.allows(action::subscribe, space), one.covers);
        EXPECT_FALSE(one.one.allows(action::publish, space)) << "another action";
    }
    auto of_track = below({a});
    of_track.track = name_match{kind::suffix, "-audio"};
    const fields space_fields{"a"};
    const fields_of space{space_fields};
    EXPECT_TRUE(of_track.allows(action::subscribe, space, as_bytes("1-audio")));
    EXPECT_FALSE(of_track.allows(action::subscribe, space, as_bytes("1-video")));
    EXPECT_TRUE(of_track.allows(action::subscribe, space)) << "a request that names no track";
}

TEST(scope, actions_have_the_numbers_of_the_draft_and_names_of_their_own) {
    EXPECT_EQ(static_cast<int>(action::client_setup), 0);
    EXPECT_EQ(static_cast<int>(action::publish), 6);
    EXPECT_EQ(static_cast<int>(action::track_status), 8);
    std::set<std::string_view> names;
    action_set all;
    for (std::size_t i = 0; i < action_count; ++i) {
        const auto one = static_cast<action>(i);
        EXPECT_FALSE(all.contains(one));
        all.insert(one);
        EXPECT_TRUE(all.contains(one));
        names.insert(to_string(one));
    }
    EXPECT_EQ(names.size(), action_count);
    EXPECT_EQ(to_string(static_cast<action>(action_count)), "unknown");
    EXPECT_EQ(action_set::of_bits(all.bits()), all);
    EXPECT_TRUE(action_set{}.empty());
}

TEST(grant, says_yes_where_any_scope_does_and_while_it_holds) {
    grant one;
    one.not_before = now;
    one.expires = now + 10;
    one.capabilities = {std::string{media_broadcast}};
    one.scopes = {{{action::subscribe}, {{kind::exact, "a"}}, false, name_match{kind::exact, "t"}},
                  {{action::fetch}, {}, false, {}}};
    const std::vector<std::string> inside{"a"};
    const std::vector<std::string> outside{"b"};
    const fields_of a{inside};
    const fields_of b{outside};
    EXPECT_TRUE(one.allows(action::subscribe, a, as_bytes("t")));
    EXPECT_FALSE(one.allows(action::subscribe, a, as_bytes("u")));
    EXPECT_FALSE(one.allows(action::subscribe, b, as_bytes("t")));
    EXPECT_TRUE(one.allows(action::fetch, b, as_bytes("anything")));
    EXPECT_TRUE(one.allows(action::fetch, b));
    EXPECT_TRUE(one.allows_somewhere(action::subscribe));
    EXPECT_FALSE(one.allows_somewhere(action::publish));
    EXPECT_FALSE(grant{}.allows_somewhere(action::subscribe)) << "nothing said is nothing allowed";
    EXPECT_TRUE(one.has(media_broadcast));
    EXPECT_FALSE(one.has("media"));
    EXPECT_FALSE(one.holds(now + -1));
    EXPECT_TRUE(one.holds(now));
    EXPECT_TRUE(one.holds(now + 9));
    EXPECT_FALSE(one.holds(now + 10)) << "the second of expiry is over";
    EXPECT_TRUE(grant{}.holds(now));
    auto other = one;
    EXPECT_EQ(other, one);
    other.scopes.pop_back();
    EXPECT_NE(other, one);
}

TEST(grant, every_profile_has_a_name) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < profile_count; ++i) {
        EXPECT_TRUE(any_profile.contains(static_cast<profile>(i)));
        names.insert(to_string(static_cast<profile>(i)));
    }
    EXPECT_EQ(names.size(), profile_count);
    EXPECT_EQ(to_string(static_cast<profile>(profile_count)), "unknown");
    EXPECT_EQ(to_string(transport::moq), "moq");
    EXPECT_EQ(to_string(role::publisher), "publisher");
}

TEST(refusal, has_a_reason_and_says_where) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < refusal_reasons; ++i)
        names.insert(to_string(static_cast<refusal_reason>(i)));
    EXPECT_EQ(names.size(), refusal_reasons);
    EXPECT_FALSE(names.contains("unknown"));
    EXPECT_EQ(to_string(static_cast<refusal_reason>(refusal_reasons)), "unknown");
    const verdict<int> told = refuse(refusal_reason::expired, "exp");
    EXPECT_EQ(told.error().why, refusal_reason::expired);
    EXPECT_STREQ(told.error().what.field, "exp");
    // Input beyond a limit is told apart from input that does not parse.
    for (const auto code : {errc::truncated, errc::bad_value, errc::duplicate, errc::limit}) {
        const verdict<int> parsed = refuse(error{code, 7, "field", "where"});
        EXPECT_EQ(parsed.error().why,
                  code == errc::limit ? refusal_reason::too_large : refusal_reason::malformed);
        EXPECT_EQ(parsed.error().what.offset, 7U);
    }
}

TEST(key_set, finds_who_signed_among_those_of_one_name) {
    key_set keys;
    const auto add = [&keys](signature_algorithm algorithm, std::string organisation) {
        auto key = pair_of(algorithm).key;
        key.id = "same";
        return keys.add(crypto(), key, std::move(organisation), {profile::playback});
    };
    ASSERT_TRUE(add(signature_algorithm::eddsa, "acme"));
    ASSERT_TRUE(add(signature_algorithm::es256, "other"));
    ASSERT_EQ(keys.named("same").size(), 2U);
    for (const auto& one : keys.named("same")) {
        EXPECT_EQ(keys.signer("same", one.thumbprint), &one);
        EXPECT_EQ(keys.signer("another", one.thumbprint), nullptr);
        EXPECT_EQ(one.profiles, profile_set{profile::playback});
    }
    EXPECT_EQ(keys.signer("same", {}), nullptr);
    EXPECT_EQ(keys.remove("another"), 0U);
    trusted_key old = keys.named("same")[0];
    old.not_before = now;
    old.not_after = now + 10;
    EXPECT_FALSE(old.usable(now + -1));
    EXPECT_TRUE(old.usable(now));
    EXPECT_FALSE(old.usable(now + 10));
}

} // namespace
} // namespace moqrtc::auth
