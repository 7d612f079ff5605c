#include "wrong_peers.hpp"

#include <gtest/gtest.h>
#include <map>

using namespace conformance_test;

namespace {

using kind = verdict::kind;
using verdicts = std::map<std::string_view, verdict>; ///< by `requirement::key`

verdicts verdicts_of(const suite& s) {
    verdicts out;
    for (const auto& o : s.outcomes())
        out[o.rule->key()] = o.result;
    return out;
}
bool decided_from_outside(const requirement& r) {
    return r.kind != 'X' && r.kind != 'A';
}

class rows : public ::testing::TestWithParam<moqt::draft> {};

INSTANTIATE_TEST_SUITE_P(drafts, rows,
                         ::testing::Values(moqt::draft::d16, moqt::draft::d18, moqt::draft::d19,
                                           moqt::draft::d20, moqt::draft::d22),
                         [](const auto& chosen) {
                             return "draft_" + std::to_string(number(chosen.param));
                         });

} // namespace

TEST_P(rows, our_relay_keeps_the_rules) {
    relay_peer relay{GetParam()};
    const auto s = relay.run();
    ASSERT_TRUE(s->reached()) << s->why_not();
    std::size_t passed = 0;
    for (const auto& o : s->outcomes()) {
        EXPECT_NE(o.result.what, kind::fail) << o.name.id << " " << o.rule->condition << "\n"
                                             << o.result.reason;
        passed += o.result.what == kind::pass ? 1 : 0;
    }
    EXPECT_GE(passed, s->planned() * 3 / 4);
}

TEST_P(rows, on_webtransport_too) {
    relay_peer relay{GetParam()};
    target_info target;
    target.webtransport = true;
    suite_options options;
    options.filters = {"MUST-18-017", "MUST-18-018", "MUST-18-022", "MUST-18-029", "MUST-18-039"};
    const auto s = relay.run(options, target);
    ASSERT_TRUE(s->reached()) << s->why_not();
    for (const auto& o : s->outcomes())
        EXPECT_EQ(o.result.what, o.rule->key() == "MUST-18-017" ? kind::elsewhere : kind::pass)
            << o.name.id << " " << o.result.reason;
}

TEST_P(rows, every_requirement_has_a_row_or_a_reason) {
    std::size_t beyond = 0;
    for (const auto& r : requirements()) {
        if (r.in(GetParam()).id.empty() || !decided_from_outside(r)) continue;
        const auto* found = row_of(r.key());
        ASSERT_NE(found, nullptr) << r.key() << " " << r.condition;
        EXPECT_TRUE(found->play != nullptr || !found->why.empty()) << r.key();
        beyond += found->play == nullptr ? 1 : 0;
    }
    EXPECT_LE(beyond, 14u); // SHOULD included
}

/// Each row that our relay passes does not pass against peers that break its rule.
TEST_P(rows, fail_against_wrong_peers) {
    const auto version = GetParam();
    const auto right = verdicts_of(*relay_peer{version}.run());
    std::vector<std::pair<const char*, verdicts>> wrong;
    const auto add = [&](const char* name, peer&& p) {
        wrong.emplace_back(name, verdicts_of(*p.run()));
    };
    using manner = plain_peer::manner;
    add("silent", plain_peer{version, manner::silent});
    add("falls silent", plain_peer{version, manner::falls_silent});
    add("says yes", plain_peer{version, manner::says_yes});
    add("rude", plain_peer{version, manner::rude});
    add("lenient", lenient{version});
    add("wrong codes", wrong_codes{version});
    add("meddling", meddling{version});
    add("talkative", talkative{version});
    add("forgets requests",
        forgetful{version,
                  {"SUBSCRIBE", "FETCH", "PUBLISH", "UNSUBSCRIBE", "REQUEST_UPDATE", "NAMESPACE"}});
    add("forgets answers",
        forgetful{version,
                  {"SUBSCRIBE_OK", "FETCH_OK", "PUBLISH_OK", "PUBLISH_DONE", "MAX_REQUEST_ID"}});
    for (const auto& [key, v] : right) {
        if (v.what != kind::pass) continue;
        const auto& rule = *std::ranges::find(requirements(), key, &requirement::key);
        std::size_t caught = 0;
        for (const auto& [name, of] : wrong) {
            const auto& w = of.at(key);
            caught += w.what == kind::pass ? 0 : 1;
            const std::string_view who{name};
            // Where the draft names no code, or none can be named, every error is a right one.
            const bool any_code = rule.reaction.starts_with("close(?)") ||
                                  rule.reaction.find("no request code") != std::string_view::npos;
            const bool about_ends =
                rule.reaction.starts_with("close(") || rule.reaction.starts_with("reject(");
            const bool never = who == "silent" || who == "falls silent" || who == "says yes" ||
                               who == "lenient" || (who == "wrong codes" && !any_code);
            if (rule.is_must() && about_ends && never) {
                EXPECT_NE(w.what, kind::pass)
                    << key << " against the peer that is " << name << ": " << w.reason << "\n"
                    << rule.condition;
            }
        }
        const auto* row = row_of(key);
        if (row != nullptr && row->play != nullptr) {
            EXPECT_NE(wrong[0].second.at(key).what, kind::pass)
                << key << " passes although the peer is silent: " << rule.condition;
        }
        EXPECT_GT(caught, 0u) << key << " passes against every wrong peer: " << rule.condition;
    }
}

TEST(suite_limits, a_peer_that_floods_gets_a_report) {
    struct flooding : plain_peer {
        using plain_peer::plain_peer;
        void opened(std::size_t index) override {
            plain_peer::opened(index);
            octets junk(200'000, std::byte{0});
            at(index).on_stream(401, junk, false);
        }
    };
    flooding p{moqt::draft::d18, plain_peer::manner::says_yes};
    target_info target;
    target.most_bytes = 100'000;
    suite_options options;
    options.filters = {"MUST-18-029"};
    const auto s = p.run(options, target);
    EXPECT_FALSE(s->reached());
    EXPECT_NE(s->why_not().find("without end"), std::string::npos) << s->why_not();
}

TEST(suite_limits, the_whole_run_has_an_end) {
    plain_peer p{moqt::draft::d18, plain_peer::manner::silent};
    suite_options options;
    options.at_once = 2;
    options.run_time = seconds(20);
    const auto s = p.run(options);
    ASSERT_TRUE(s->done());
    EXPECT_EQ(s->finished(), s->planned());
    for (const auto& o : s->outcomes()) {
        const auto* row = row_of(o.rule->key());
        if (row == nullptr || row->play == nullptr) continue;
        EXPECT_NE(o.result.what, kind::pass) << o.name.id;
        EXPECT_NE(o.result.what, kind::fail) << o.name.id;
    }
}
