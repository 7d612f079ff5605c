#include "server/json_text.hpp"
#include "server/limit_table.hpp"
#include "server/metrics_text.hpp"
#include "server/rate_limit.hpp"
#include "server/setting_table.hpp"
#include "server/status_json.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <regex>
#include <set>
#include <sstream>

namespace moqrtc::reference {
namespace {

server_status sample() {
    server_status out;
    out.facts.version = "1.2\"3";
    out.facts.certificate.sha256 = "ab";
    out.facts.limits = limit_bounds({});
    out.shards.resize(2);
    out.shards[0].relay.objects_in = 7;
    out.shards[1].relay.objects_in = 8;
    moqt::track_snapshot track;
    track.name.space.append(as_bytes(std::string_view{"</script>\xff"}));
    track.name.name = "a\"b\n\xc3\x28";
    track.largest = moqt::location{UINT64_MAX, 3};
    out.shards[1].tracks.push_back(track);
    out.shards[1].namespaces.push_back(track.name.space);
    out.shards[0].namespaces.push_back(track.name.space);
    return out;
}

TEST(server_status, metrics_are_in_the_text_format) {
    const auto text = metrics_text(sample());
    const std::regex comment{
        "# (HELP [a-z_0-9]+ [^\\n]+|TYPE [a-z_0-9]+ (counter|gauge|histogram))"};
    const std::regex value{
        R"(([a-z_0-9]+?)(_bucket|_sum|_count)?(\{([a-z]+="([^"\\]|\\.)*",?)+\})? [0-9]+(\.[0-9]+)?)"};
    std::set<std::string> typed;
    std::istringstream lines{text};
    std::string line;
    while (std::getline(lines, line)) {
        std::smatch found;
        if (line.starts_with("# TYPE ")) {
            const auto name = line.substr(7, line.rfind(' ') - 7);
            EXPECT_TRUE(typed.insert(name).second) << name;
            EXPECT_EQ(line.ends_with(" counter"), name.ends_with("_total")) << line;
        }
        if (line.starts_with("#"))
            EXPECT_TRUE(std::regex_match(line, comment)) << line;
        else if (std::regex_match(line, found, value))
            EXPECT_TRUE(typed.contains(found[1]) || typed.contains(found[1].str() + found[2].str()))
                << line;
        else
            ADD_FAILURE() << line;
    }
    EXPECT_NE(text.find("\nmoqrtc_objects_in_total{shard=\"0\"} 7\n"), std::string::npos);
    EXPECT_NE(text.find("\nmoqrtc_objects_in_total{shard=\"1\"} 8\n"), std::string::npos);
    EXPECT_NE(text.find("\nmoqrtc_draining 0\n"), std::string::npos);
    EXPECT_TRUE(text.ends_with('\n'));
}

TEST(server_status, every_limit_is_told_with_what_there_is_of_it) {
    auto status = sample();
    status.admission.publishers = 5;
    status.admission.hits[static_cast<std::size_t>(server_limit::publishers)] = 3;
    for (auto& shard : status.shards) {
        shard.relay.limit_hits.fill(2);
        shard.too_late = 1;
    }
    const auto text = metrics_text(status);
    for (const auto* line : {"moqrtc_limit_hits_total{limit=\"publishers\"} 3\n",
                             "moqrtc_limit_current{limit=\"publishers\"} 5\n",
                             "moqrtc_limit_maximum{limit=\"publishers\"} 10000\n",
                             "moqrtc_limit_hits_total{limit=\"tracks\"} 4\n",
                             "moqrtc_limit_hits_total{limit=\"unauthorized_time\"} 6\n",
                             "moqrtc_limit_maximum{limit=\"full_track_name\"} 4096\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line;
    const auto json = limits_json(status);
    EXPECT_NE(json.find(R"({"name":"publishers","each":"server","unit":"",)"
                        R"("setting":"limits.publishers","maximum":10000,"current":5,"hits":3,)"),
              std::string::npos)
        << json;
    std::set<std::string_view> names;
    for (const auto& row : limit_table()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_FALSE(row.why.empty() || row.answer.empty() || row.each.empty()) << row.name;
    }
    // Every setting of that table, but for times that are no bound on anybody, is a limit.
    for (const auto& row : setting_table()) {
        if (!row.key.starts_with("limits.") || row.kind == setting_kind::time) continue;
        EXPECT_TRUE(std::ranges::any_of(limit_table(), [&](const auto& one) {
            return one.setting == row.key;
        })) << row.key;
    }
}

TEST(server_status, json_survives_any_name) {
    const auto text = streams_json(sample());
    for (const char c : text.substr(0, text.size() - 1))
        EXPECT_TRUE(c >= ' ' && c <= '~') << static_cast<int>(c);
    EXPECT_NE(text.find(R"("name":"a\"b\n\ufffd(")"), std::string::npos) << text;
    EXPECT_NE(text.find(R"({"group":18446744073709551615,"object":3})"), std::string::npos);
    // One namespace, though two shards know it.
    EXPECT_NE(text.find(R"("namespaces":["<%2Fscript>%FF"])"), std::string::npos) << text;
    EXPECT_NE(text.find(R"("shard":1)"), std::string::npos);
}

TEST(server_status, lists_are_bounded) {
    server_status many;
    many.shards.resize(1);
    many.shards[0].sessions.resize(10'001);
    EXPECT_NE(sessions_json(many).find(R"("truncated":true)"), std::string::npos);
    many.shards[0].sessions.pop_back();
    EXPECT_NE(sessions_json(many).find(R"("truncated":false)"), std::string::npos);
}

TEST(server_status, json_text_cannot_forge) {
    std::string out;
    append_json(out, "a\n\"b\\\x1b[31m\x7f\xe2\x80\xa8\xff");
    EXPECT_EQ(out.find('\n'), std::string::npos);
    EXPECT_EQ(out.find('\x1b'), std::string::npos);
    EXPECT_EQ(std::count(out.begin(), out.end(), '"'), 3); // both ends and the escaped one
}

TEST(server_status, a_flood_is_held_back_and_counted) {
    rate_limit limit;
    const instant begin{5'000'000};
    int passed = 0;
    for (int i = 0; i < 1000; ++i)
        passed += limit.pass(begin) ? 1 : 0;
    EXPECT_EQ(passed, rate_limit::burst);
    EXPECT_EQ(limit.pass(begin + milliseconds(49)), std::nullopt);
    // One more has its turn, and tells of the 801 before it.
    EXPECT_EQ(limit.pass(begin + milliseconds(50)), 801u);
    EXPECT_EQ(limit.pass(begin + milliseconds(50)), std::nullopt);
    EXPECT_EQ(limit.pass(begin + seconds(60)), 1u);
    EXPECT_EQ(limit.pass(begin + seconds(60)), 0u);
}

} // namespace
} // namespace moqrtc::reference
