#include "careless_peers.hpp"
#include "client_peer.hpp"
#include "relay_peer.hpp"
#include "wrong_peers.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <string>

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
    return r.kind != 'A';
}
target_info target_of(peer_kind what) {
    target_info out;
    out.peer = what;
    return out;
}
/// With what the operator knows of `demanding`.
target_info with_tokens() {
    target_info out;
    const auto token = [](std::string_view text) {
        const auto all = as_bytes(text);
        return octets{all.begin(), all.end()};
    };
    out.tokens = {0, token("good"), token("bad"), token("expired")};
    return out;
}
const requirement& rule_of(std::string_view key) {
    return *std::ranges::find(requirements(), key, &requirement::key);
}
void no_row_fails(const suite& s) {
    for (const auto& o : s.outcomes())
        EXPECT_NE(o.result.what, kind::fail) << o.name.id << " " << o.rule->condition << "\n"
                                             << o.result.reason;
}
std::size_t passed(const suite& s) {
    return static_cast<std::size_t>(std::ranges::count_if(
        s.outcomes(), [](const outcome& o) { return o.result.what == kind::pass; }));
}

/// What became of every row against one wrong peer.
struct wrong_run {
    std::string_view who;
    verdicts of;
};
/// Each row that the right peer passes does not pass against those that break its rule.
void each_can_fail(const verdicts& right, const std::vector<wrong_run>& wrong) {
    for (const auto& [key, v] : right) {
        if (v.what != kind::pass) continue;
        const auto& rule = rule_of(key);
        std::size_t caught = 0;
        for (const auto& [who, of] : wrong) {
            const auto& w = of.at(key);
            caught += w.what == kind::pass ? 0 : 1;
            // Where the draft names no code, or none can be named, every error is a right one.
            const bool any_code = rule.reaction.starts_with("close(?)") ||
                                  rule.reaction.find("no request code") != std::string_view::npos;
            const bool about_ends =
                rule.reaction.starts_with("close(") || rule.reaction.starts_with("reject(");
            const bool never = who == "silent" || who == "falls silent" || who == "says yes" ||
                               who == "lenient" || (who == "wrong codes" && !any_code);
            if (rule.is_must() && about_ends && never) {
                EXPECT_NE(w.what, kind::pass)
                    << key << " passes against the peer that is " << who << ": " << w.reason << "\n"
                    << rule.condition;
            }
        }
        EXPECT_GT(caught, 0u) << key << " passes against every wrong peer: " << rule.condition;
    }
}
const std::set<std::string_view> questions{"SUBSCRIBE",   "FETCH",          "PUBLISH",
                                           "UNSUBSCRIBE", "REQUEST_UPDATE", "NAMESPACE"};
const std::set<std::string_view> replies{"SUBSCRIBE_OK", "FETCH_OK", "PUBLISH_OK", "PUBLISH_DONE",
                                         "MAX_REQUEST_ID"};

class rows : public ::testing::TestWithParam<moqt::draft> {};

INSTANTIATE_TEST_SUITE_P(drafts, rows, ::testing::ValuesIn(moqt::spoken_drafts),
                         [](const auto& chosen) {
                             return "draft_" + std::to_string(number(chosen.param));
                         });

} // namespace

TEST_P(rows, our_relay_keeps_the_rules) {
    const auto s = relay_peer{GetParam()}.run();
    ASSERT_TRUE(s->reached()) << s->why_not();
    no_row_fails(*s);
    EXPECT_GE(passed(*s), s->planned() * 3 / 4);
}

TEST_P(rows, clients_keep_the_rules_and_each_can_fail) {
    const auto version = GetParam();
    for (const auto what : {peer_kind::publisher, peer_kind::subscriber}) {
        const auto target = target_of(what);
        const auto s = client_peer{version, what}.run({}, target);
        ASSERT_TRUE(s->reached()) << s->why_not();
        no_row_fails(*s);
        EXPECT_GE(passed(*s), what == peer_kind::subscriber ? 60u : 40u);
        std::vector<wrong_run> wrong;
        const auto add = [&](std::string_view who, peer&& p) {
            wrong.push_back({who, verdicts_of(*p.run({}, target))});
        };
        add("lenient", lenient<client_peer>{version, what});
        add("wrong codes", wrong_codes<client_peer>{version, what});
        add("talkative", talkative<client_peer>{version, what});
        add("meddling", meddling<client_peer>{version, what});
        add("lost", lost_client{version, what});
        add("rude", rude_client{version, what});
        add("forgets requests", forgetful<client_peer>{questions, version, what});
        add("forgets answers", forgetful<client_peer>{replies, version, what});
        each_can_fail(verdicts_of(*s), wrong);
    }
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

/// At most ten in a draft, MUST and SHOULD together, are beyond what can be seen from outside.
TEST_P(rows, every_requirement_has_a_row_or_a_reason) {
    std::size_t beyond = 0;
    for (const auto& r : requirements()) {
        if (r.in(GetParam()).id.empty() || !decided_from_outside(r)) continue;
        const auto* found = row_of(r.key());
        if (found == nullptr && r.kind == 'X') continue; // a checker, or the reason below
        ASSERT_NE(found, nullptr) << r.key() << " " << r.condition;
        EXPECT_TRUE(found->play != nullptr || !found->why.empty() || r.kind == 'X') << r.key();
        beyond += found->why.empty() ? 0 : 1;
    }
    EXPECT_LE(beyond, 10u);
}

/// Each row that our relay passes does not pass against peers that break its rule.
TEST_P(rows, fail_against_wrong_peers) {
    const auto version = GetParam();
    const auto right = verdicts_of(*relay_peer{version}.run());
    std::vector<wrong_run> wrong;
    const auto add = [&](std::string_view who, peer&& p) {
        wrong.push_back({who, verdicts_of(*p.run())});
    };
    using manner = plain_peer::manner;
    add("silent", plain_peer{version, manner::silent});
    add("falls silent", plain_peer{version, manner::falls_silent});
    add("says yes", plain_peer{version, manner::says_yes});
    add("rude", plain_peer{version, manner::rude});
    add("lenient", lenient<relay_peer>{version});
    add("wrong codes", wrong_codes<relay_peer>{version});
    add("meddling", meddling<relay_peer>{version});
    add("talkative", talkative<relay_peer>{version});
    add("forgets requests", forgetful<relay_peer>{questions, version});
    add("forgets answers", forgetful<relay_peer>{replies, version});
    add("patient", patient_relay{version});
    add("careless", careless_relay{version});
    each_can_fail(right, wrong);
    // What these two are for fails, and is not merely left open.
    std::map<std::string_view, std::vector<std::string_view>> theirs{
        {"patient", {"MUST-18-180", "MUST-18-183", "MUST-20-172"}},
        {"careless",
         {"MUST-19-135", "MUST-19-136", "MUST-16-123", "MUST-18-159", "MUST-19-157", "MUST-20-173",
          "MUST-20-175", "MUST-20-176", "SHOULD-18-015"}}};
    // Where there are two timeouts, an object that is late may have been in time at the transport.
    const bool two =
        moqt::carriers_of(moqt::rules_for(version), moqt::parameter::subgroup_delivery_timeout) !=
        moqt::carrier::none;
    for (const auto* key : {"MUST-18-176", "MUST-18-177", "MUST-18-178"})
        theirs[two ? "wrong codes" : "patient"].push_back(key);
    for (const auto& [who, of] : wrong)
        if (const auto keys = theirs.find(who); keys != theirs.end())
            for (const auto key : keys->second)
                if (const auto v = of.find(key); v != of.end()) {
                    EXPECT_EQ(v->second.what, kind::fail)
                        << key << " against the " << who << " relay: " << v->second.reason;
                    EXPECT_EQ(right.at(key).what, kind::pass) << key << right.at(key).reason;
                }
}

/// Rows that need to know tokens: a relay that demands them keeps the rules, an open one does not.
TEST_P(rows, tokens_that_the_operator_knows) {
    const auto version = GetParam();
    demanding policy;
    const auto target = with_tokens();
    const auto right = relay_peer{version, &policy}.run({}, target);
    ASSERT_TRUE(right->reached()) << right->why_not();
    no_row_fails(*right);
    suite_options about;
    for (const auto& r : policy_rows())
        about.filters.emplace_back(r.key);
    const auto open = verdicts_of(*relay_peer{version}.run(about, target));
    const auto lax = verdicts_of(*lenient<relay_peer>{version, &policy}.run(about, target));
    const auto unknown = verdicts_of(*relay_peer{version, &policy}.run(about));
    const auto all = verdicts_of(*right);
    for (const auto& [key, v] : open) {
        EXPECT_EQ(all.at(key).what, kind::pass) << key << " " << all.at(key).reason;
        EXPECT_TRUE(v.what != kind::pass || lax.at(key).what != kind::pass) << key;
        if (!rule_of(key).reaction.starts_with("alias stays")) {
            EXPECT_EQ(v.what, kind::fail) << key << " " << v.reason;
        }
        EXPECT_NE(unknown.at(key).what, kind::fail) << key << " " << unknown.at(key).reason;
    }
    // Requests show the token, so that every other row is decided as it is by an open relay.
    EXPECT_GE(passed(*right) + 3, passed(*relay_peer{version}.run()));
}

TEST_P(rows, a_peer_that_is_brought_to_leave) {
    const auto version = GetParam();
    target_info target;
    target.can_leave = true;
    suite_options about;
    for (const auto& r : leaving_rows())
        about.filters.emplace_back(r.key);
    const auto right = verdicts_of(*relay_peer{version}.run(about, target));
    const auto wrong = verdicts_of(*wrong_codes<relay_peer>{version}.run(about, target));
    const auto silent =
        verdicts_of(*plain_peer{version, plain_peer::manner::says_yes}.run(about, target));
    const auto unable = verdicts_of(*relay_peer{version}.run(about));
    EXPECT_FALSE(right.empty());
    for (const auto& [key, v] : right) {
        EXPECT_EQ(v.what, kind::pass) << key << " " << v.reason;
        EXPECT_EQ(wrong.at(key).what, kind::fail) << key << " " << wrong.at(key).reason;
        EXPECT_EQ(silent.at(key).what, kind::undecided) << key << " " << silent.at(key).reason;
        EXPECT_EQ(unable.at(key).what, kind::undecided) << key << " " << unable.at(key).reason;
    }
}

/// The test that covers a rule for applications is there, under the name that the table has.
TEST(requirements, each_rule_for_applications_names_a_test) {
    for (const auto& r : requirements()) {
        if (r.kind != 'A') {
            EXPECT_TRUE(r.test.empty()) << r.key();
            continue;
        }
        const auto space = r.test.find(' ');
        ASSERT_NE(space, r.test.npos) << r.key() << " names no test";
        const std::string path{r.test.substr(0, space)};
        const std::string name{r.test.substr(space + 1)};
        std::ifstream in{std::string{MOQRTC_SOURCE_DIR} + "/" + path};
        ASSERT_TRUE(in) << r.key() << ": no file " << path;
        const std::string source{std::istreambuf_iterator<char>{in}, {}};
        const auto dot = name.find('.');
        ASSERT_NE(dot, name.npos) << r.key() << ": " << name;
        const auto suite = name.substr(0, dot);
        const auto one = name.substr(dot + 1);
        const bool there = path.ends_with(".py")
                               ? source.find("class " + suite + "(") != source.npos &&
                                     source.find("def " + one + "(") != source.npos
                               : source.find("(" + suite + ", " + one + ")") != source.npos;
        EXPECT_TRUE(there) << r.key() << ": no test " << name << " in " << path;
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
