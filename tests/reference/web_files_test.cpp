#include <algorithm>
#include <gtest/gtest.h>
#include <server/host_names.hpp>
#include <server/http_message.hpp>
#include <server/web_files.hpp>

namespace moqrtc::reference {
namespace {

TEST(host_names, the_host_of_an_authority) {
    EXPECT_EQ(host_of("Relay.Example.:443"), "relay.example");
    EXPECT_EQ(host_of("https://relay.example"), "relay.example");
    EXPECT_EQ(host_of("https://user@relay.example:1/path"), "relay.example");
    EXPECT_EQ(host_of("[::1]:443"), "::1");
    EXPECT_EQ(host_of("[::1"), "");
    EXPECT_EQ(host_of("null"), "null");
    EXPECT_EQ(host_of(""), "");
}

TEST(host_names, only_names_of_its_own_are_believed) {
    const std::vector<std::string> names{"relay.example", "*.wild.example"};
    for (const auto* own : {"localhost", "a.localhost", "127.0.0.1", "::1", "192.0.2.1",
                            "relay.example", "a.wild.example"})
        EXPECT_TRUE(is_own_host(own, names)) << own;
    for (const auto* other :
         {"", "evil.example", "xrelay.example", "relay.example.evil", "wild.example",
          "a.b.wild.example", ".wild.example", "localhost.evil", "127.0.0.1.evil", "null"})
        EXPECT_FALSE(is_own_host(other, names)) << other;
    EXPECT_TRUE(is_own_host("evil.example", std::vector<std::string>{"*"}));
}

TEST(http_message, a_client_that_knows_the_file_gets_no_body) {
    http_response answer;
    answer.body = "text";
    answer.etag = "\"1\"";
    for (const auto* known : {"\"1\"", "W/\"1\"", "\"0\", \"1\"", "*", " \"1\" "})
        EXPECT_EQ(unless_known({"/", "", "", known}, answer).status, 304u) << known;
    for (const auto* other : {"", "\"2\"", "1", ",", "W/"})
        EXPECT_EQ(unless_known({"/", "", "", other}, answer).status, 200u) << other;
    EXPECT_EQ(unless_known({"/", "", "", "*"}, answer).content(), "");
    answer.status = 404;
    EXPECT_EQ(unless_known({"/", "", "", "*"}, answer).status, 404u);
}

std::string field(const http_response& answer, std::string_view name) {
    for (const auto& [key, value] : fields_of(answer))
        if (key == name) return value;
    return {};
}

TEST(web_files, the_table_is_sorted_and_has_the_pages) {
    EXPECT_TRUE(std::ranges::is_sorted(embedded_files(), {}, &embedded_file::path));
    const web_files files;
    for (const auto* path : {"/", "/play", "/play/a/b", "/publish/x", "/web/play.html"}) {
        const auto found = files.find({path, "", "relay.example:8080", ""}, "192.0.2.1:4443");
        ASSERT_TRUE(found) << path;
        EXPECT_NE(found->content().find("<!doctype html>"), std::string::npos);
        EXPECT_EQ(field(*found, "cache-control"), "no-cache");
        EXPECT_NE(field(*found, "etag"), "");
        const auto policy = field(*found, "content-security-policy");
        EXPECT_NE(policy.find("https://relay.example:*"), std::string::npos) << policy;
        EXPECT_NE(policy.find("https://192.0.2.1:*"), std::string::npos) << policy;
    }
    for (const auto* path : {"", "/web/", "/web", "/web/../play.html", "/web/.hidden", "/web//x",
                             "/web/%70lay.html", "/player", "/web/nothing.js"})
        EXPECT_FALSE(files.find({path, "", "", ""}, "")) << path;
}

TEST(web_files, a_host_cannot_write_into_the_policy) {
    const web_files files;
    const auto found = files.find({"/", "", "evil; script-src *", ""}, "[::]:4443");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->policy.find("evil"), std::string::npos) << found->policy;
}

TEST(web_files, types_follow_the_name) {
    EXPECT_EQ(content_type_of("/web/moqrtc.wasm"), "application/wasm");
    EXPECT_TRUE(content_type_of("/web/play.js").starts_with("text/javascript"));
    EXPECT_EQ(content_type_of("/web/unknown"), "application/octet-stream");
}

} // namespace
} // namespace moqrtc::reference
