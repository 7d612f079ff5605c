#include "core/rules.hpp"

#include <moqrtc/moqt/msg/all.hpp>
#include <moqrtc/moqt/token.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string>
#include <vector>

namespace moqrtc::moqt {
namespace {

using tests::hex;

result<authorization_token> parsed(draft d, bytes wire) {
    reader io{rules_for(d), wire};
    authorization_token token;
    authorization_token::describe(io, token);
    if (!io.ok()) return std::unexpected(io.failure());
    return token;
}

TEST(authorization_token, each_kind_has_its_own_fields) {
    const auto del = hex("00 07");
    const auto reg = hex("01 07 02 6162");
    const auto use = hex("02 07");
    const auto value = hex("03 02 6162");
    EXPECT_EQ(parsed(draft::d18, del)->alias, 7U);
    EXPECT_EQ(parsed(draft::d18, reg)->kind, alias_type::register_alias);
    EXPECT_EQ(parsed(draft::d18, reg)->alias, 7U);
    EXPECT_EQ(parsed(draft::d18, reg)->token_type, 2U);
    EXPECT_EQ(as_text(parsed(draft::d18, reg)->value), "ab");
    EXPECT_EQ(parsed(draft::d18, use)->kind, alias_type::use_alias);
    EXPECT_EQ(as_text(parsed(draft::d18, value)->value), "ab");
    const auto bad = parsed(draft::d18, hex("04"));
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code, errc::malformed_value);
}

bool same(const authorization_token& a, const authorization_token& b) {
    return a.kind == b.kind && a.alias == b.alias && a.token_type == b.token_type &&
           equal(a.value, b.value);
}

TEST(token_list, gives_the_callers_tokens) {
    const std::array given{authorization_token{alias_type::use_alias, 3, 0, {}},
                           authorization_token{alias_type::delete_alias, 4, 0, {}}};
    const token_list list{given};
    EXPECT_EQ(list.size(), 2U);
    auto at = list.tokens();
    EXPECT_TRUE(same(*at.next(), given[0]));
    EXPECT_TRUE(same(*at.next(), given[1]));
    EXPECT_FALSE(at.next());
    EXPECT_FALSE(token_list{}.tokens().next());
}

TEST(token_list, travels_in_parameters_and_setup_options) {
    EXPECT_TRUE(rc::check("tokens round trip", [](const std::vector<std::string>& values) {
        std::vector<authorization_token> tokens;
        for (const auto& value : values) {
            if (tokens.size() == limits::tokens_per_message) break;
            auto& token = tokens.emplace_back();
            token.kind = static_cast<alias_type>(*rc::gen::inRange(0, 4));
            const auto any = [] { return *rc::gen::arbitrary<std::uint64_t>() >> 2; };
            if (token.kind != alias_type::use_value) token.alias = any();
            if (token.kind == alias_type::use_value || token.kind == alias_type::register_alias) {
                token.token_type = any();
                token.value = as_bytes(value);
            }
        }
        const auto check = [&](const token_list& list) {
            RC_ASSERT(list.size() == tokens.size());
            auto at = list.tokens();
            for (const auto& token : tokens) {
                const auto got = at.next();
                RC_ASSERT(got.has_value());
                RC_ASSERT(same(*got, token));
            }
            RC_ASSERT(!at.next());
        };
        for (const auto d : spoken_drafts) {
            const auto& rules = rules_for(d);
            std::vector<std::byte> out(40000);
            msg::fetch fetch;
            const track_namespace space{"a"};
            fetch.track_namespace = space.view();
            fetch.params.authorization_tokens = token_list{tokens};
            fetch.params.subscriber_priority = 200; // a parameter behind them
            const auto size = serialize(rules, fetch, out);
            RC_ASSERT(size.has_value());
            const auto back = parse<msg::fetch>(rules, bytes{out}.first(*size));
            RC_ASSERT(back.has_value());
            check(back->params.authorization_tokens);
            RC_ASSERT(back->params.subscriber_priority == 200);

            setup_options options;
            options.path = as_bytes("/p"); // options on both sides
            options.authorization_tokens = token_list{tokens};
            options.implementation = as_bytes("i");
            const auto setup_size = serialize(rules, msg::setup{options}, out);
            RC_ASSERT(setup_size.has_value());
            const auto setup = parse<msg::setup>(rules, bytes{out}.first(*setup_size));
            RC_ASSERT(setup.has_value());
            check(setup->options.authorization_tokens);
            RC_ASSERT(as_text(*setup->options.implementation) == "i");
        }
    }));
}

TEST(token_list, holds_its_limit) {
    const std::vector<authorization_token> nine(limits::tokens_per_message + 1);
    msg::fetch fetch{.type = msg::fetch_type::relative_joining};
    fetch.params.authorization_tokens = token_list{nine};
    std::array<std::byte, 200> out{};
    const auto& rules = rules_for(draft::d18);
    const auto size = serialize(rules, fetch, out);
    ASSERT_TRUE(size);
    const auto back = parse<msg::fetch>(rules, bytes{out}.first(*size));
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code, errc::limit);
}

} // namespace
} // namespace moqrtc::moqt
