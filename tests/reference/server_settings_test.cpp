#include "server/environment.hpp"
#include "server/limit_table.hpp"
#include "server/setting_table.hpp"
#include "server/setting_values.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace moqrtc::reference {
namespace {

std::expected<void, std::string> set(std::string_view key, std::vector<std::string> values,
                                     server_settings& to) {
    return apply(*find_setting(key), values, to);
}

TEST(server_settings, every_default_is_a_value_that_is_taken) {
    const server_settings defaults;
    std::set<std::string_view> keys;
    for (const auto& row : setting_table()) {
        EXPECT_TRUE(keys.insert(row.key).second) << row.key;
        EXPECT_FALSE(row.help.empty()) << row.key;
        const auto shown = row.show(defaults);
        if (shown.empty()) continue;
        std::vector<std::string> values{shown};
        if (row.key == "drafts") values = defaults.drafts;
        if (row.key == "webtransport-dialects") values = {"02", "07", "13", "15"};
        server_settings other;
        const auto good = apply(row, values, other);
        EXPECT_TRUE(good) << row.key << ": " << good.error();
        EXPECT_EQ(row.show(other), shown) << row.key;
    }
}

TEST(server_settings, values_reach_their_members) {
    server_settings s;
    ASSERT_TRUE(set("listen", {"[::1]:5"}, s));
    ASSERT_TRUE(set("cache.bytes", {"3MiB"}, s));
    ASSERT_TRUE(set("limits.linger", {"0.25"}, s));
    ASSERT_TRUE(set("quic.congestion", {"bbr"}, s));
    ASSERT_TRUE(set("quic.retry", {"always"}, s));
    ASSERT_TRUE(set("cache.replay", {"false"}, s));
    ASSERT_TRUE(set("drafts", {"16"}, s));
    EXPECT_EQ(s.listen, "[::1]:5");
    EXPECT_EQ(s.relay.cache_bytes, 3u << 20);
    EXPECT_EQ(s.relay.linger, duration{250'000});
    EXPECT_EQ(s.quic.congestion, congestion_control::bbr);
    EXPECT_EQ(s.quic.retry, retry_mode::always);
    EXPECT_FALSE(s.relay.replay);
    ASSERT_EQ(offered_drafts(s).size(), 1u);
    EXPECT_EQ(offered_drafts(s)[0].version, moqt::draft::d16);
    EXPECT_EQ(offered_drafts(s)[0].protocol, "moqt-16");
    ASSERT_TRUE(set("drafts", {"ours=18"}, s));
    EXPECT_EQ(offered_drafts(s)[0].version, moqt::draft::d18);
    EXPECT_EQ(offered_drafts(s)[0].protocol, "ours");
    for (const auto& d : offered_drafts(server_settings{}))
        EXPECT_LE(d.version, moqt::newest_offered);
    for (const auto* wrong : {"=18", "ours=3", "ours=", "18=ours"})
        EXPECT_FALSE(set("drafts", {wrong}, s)) << wrong;
}

TEST(server_settings, what_does_not_fit_is_refused_and_changes_nothing) {
    const std::pair<const char*, const char*> wrong[] = {
        {"listen", "nowhere"},
        {"listen", "127.0.0.1"},
        {"listen", "127.0.0.1:65536"},
        {"listen", "::1:4443"},
        {"listen", "[::1:4443"},
        {"listen", "off"},
        {"http", "example.com:80"},
        {"threads", "0"},
        {"threads", "-1"},
        {"threads", "256"},
        {"threads", "99999999999999999999"},
        {"drain", "-1"},
        {"drain", "1.2345678"},
        {"drain", "."},
        {"drain", "1."},
        {"drain", "3601"},
        {"drain", "inf"},
        {"limits.memory", "1KiB"},
        {"limits.memory", "99999999999999GiB"},
        {"cache.bytes", "MiB"},
        {"auth", "Off"},
        {"auth", "off|required"},
        {"auth", ""},
        {"allow-plaintext", "yes"},
        {"drafts", "13"},
        {"drafts", ""},
        {"upstream", "http://a"},
        {"upstream", "wss://a/b"},
        {"webtransport-dialects", "03"},
        {"webtransport-default-draft", "13"},
        {"origin", "https://a/b"},
        {"origin", "://a"},
        {"host", ""},
        {"turn.urls", "turn.example"},
        {"turn.urls", "turn:"},
        {"turn.urls", "http://turn.example"},
        {"media.mode", "sfu"},
        {"limits.publishers", "10000001"},
        {"upstream-cert-sha256", "ab"},
    };
    for (const auto& [key, value] : wrong) {
        server_settings s;
        const auto before = find_setting(key)->show(s);
        const auto refused = set(key, {value}, s);
        ASSERT_FALSE(refused) << key << " = " << value;
        EXPECT_FALSE(refused.error().empty());
        EXPECT_EQ(find_setting(key)->show(s), before);
    }
    server_settings s;
    EXPECT_FALSE(set("listen", {"127.0.0.1:1", "127.0.0.1:2"}, s));
    EXPECT_EQ(find_setting("no-such"), nullptr);
}

TEST(server_settings, sizes_and_seconds_are_read_as_written) {
    EXPECT_EQ(parse_size("0"), 0u);
    EXPECT_EQ(parse_size("64 KiB"), 65536u);
    EXPECT_EQ(parse_size("18446744073709551615"), UINT64_MAX);
    EXPECT_EQ(parse_size("17179869184GiB"), std::nullopt);
    EXPECT_EQ(parse_size("1kb"), std::nullopt);
    EXPECT_EQ(parse_seconds("0.000001"), duration{1});
    EXPECT_EQ(parse_seconds("4294967296"), std::nullopt);
    EXPECT_EQ(show_seconds(duration{1'500'000}), "1.5");
    EXPECT_EQ(show_seconds(duration{10}), "0.00001");
    EXPECT_EQ(show_seconds(seconds(20)), "20");
    for (const std::uint64_t n :
         std::initializer_list<std::uint64_t>{0, 1, 1024, 1536, 1u << 30, UINT64_MAX})
        EXPECT_EQ(parse_size(show_size(n)), n);
}

TEST(server_settings, endpoints) {
    EXPECT_EQ(parse_endpoint("localhost:80")->to_string(), "127.0.0.1:80");
    EXPECT_EQ(parse_endpoint("*:80")->to_string(), "[::]:80");
    EXPECT_EQ(parse_endpoint(":80")->to_string(), "[::]:80");
    EXPECT_EQ(parse_endpoint("[2001:db8::1]:0")->to_string(), "[2001:db8::1]:0");
    for (const char* wrong : {"", ":", "a", "1.2.3.4:", "1.2.3.4:+1", "1.2.3.4: 1", "[]:1"})
        EXPECT_FALSE(parse_endpoint(wrong)) << wrong;
}

TEST(server_settings, settings_are_checked_together) {
    const auto conflict = [](auto change) {
        server_settings s;
        change(s);
        const auto checked = check_together(s);
        return std::string{checked ? "" : checked.error().key};
    };
    EXPECT_EQ(conflict([](auto&) {}), "");
    EXPECT_EQ(conflict([](auto& s) { s.https = "127.0.0.1:8443"; }), "");
    EXPECT_EQ(conflict([](auto& s) { s.https = "0.0.0.0:8443"; }), "");
    EXPECT_EQ(conflict([](auto& s) { s.cert = "a"; }), "key");
    EXPECT_EQ(conflict([](auto& s) { s.key = "a"; }), "cert");
    EXPECT_EQ(conflict([](auto& s) { s.turn.credential = "a"; }), "turn.credential");
    EXPECT_EQ(conflict([](auto& s) { s.http = "0.0.0.0:80"; }), "http");
    // Who can be reached from outside wants tokens, unless it was said that he does not.
    const auto wants = [](auto change) {
        server_settings s;
        change(s);
        return wants_tokens(s);
    };
    EXPECT_FALSE(wants([](auto&) {}));
    EXPECT_TRUE(wants([](auto& s) { s.auth = auth_mode::required; }));
    EXPECT_TRUE(wants([](auto& s) { s.listen = "0.0.0.0:80"; }));
    EXPECT_TRUE(wants([](auto& s) { s.https = "0.0.0.0:8443"; }));
    EXPECT_TRUE(wants([](auto& s) { s.http = "[::]:80"; }));
    EXPECT_FALSE(wants([](auto& s) {
        s.listen = "[::]:80";
        s.auth = auth_mode::off;
    }));
    EXPECT_EQ(conflict([](auto& s) {
                  s.insecure_upstream = true;
                  s.upstream_ca = "a";
              }),
              "insecure-upstream");
}

std::string content_of(const char* name) {
    const std::ifstream file{std::string{MOQRTC_SOURCE_DIR} + "/" + name};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(server_settings, the_document_has_the_reference) {
    const auto text = content_of("docs/server.md");
    EXPECT_NE(text.find(settings_reference()), std::string::npos)
        << "put the output of moqrtc-server --print-settings into docs/server.md";
    EXPECT_NE(text.find(limits_reference()), std::string::npos)
        << "put the output of moqrtc-server --print-limits into docs/server.md";
    EXPECT_EQ(content_of(".env.example"), environment_reference())
        << "put the output of moqrtc-server --print-environment into .env.example";
}

TEST(server_settings, secrets_are_not_shown) {
    server_settings s;
    ASSERT_TRUE(set("turn.urls", {"turn:turn.example:3478", "stun:stun.example"}, s));
    ASSERT_TRUE(set("turn.credential", {"open sesame"}, s));
    const auto text = settings_in_force(s);
    EXPECT_EQ(text.find("sesame"), std::string::npos);
    EXPECT_NE(text.find("turn.credential = (not shown)\n"), std::string::npos);
    EXPECT_NE(text.find("turn.urls = turn:turn.example:3478,stun:stun.example\n"),
              std::string::npos);
    EXPECT_NE(settings_in_force({}).find("turn.credential = \n"), std::string::npos);
}

} // namespace
} // namespace moqrtc::reference
