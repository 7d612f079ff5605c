#include <gtest/gtest.h>
#include <server/doors.hpp>

namespace moqrtc::reference {
namespace {

unsigned ask(const open_doors& doors, std::string_view path,
             std::string_view authority = "127.0.0.1:4443", std::string_view origin = {}) {
    door_request request;
    request.path = path;
    request.authority = authority;
    request.origin = origin;
    return doors.decide(request).status;
}

TEST(doors, paths) {
    const open_doors doors{{}};
    for (const auto* path : {"", "/", "/moq", "/publish/a", "/playback/a%20b"})
        EXPECT_EQ(ask(doors, path), 200u) << path;
    for (const auto* path : {"/moq/", "/moqt", "/publish", "/publish/", "/publish/a/b",
                             "/playback/", "/api/v1/info", "//moq", "moq"})
        EXPECT_EQ(ask(doors, path), 404u) << path;
}

TEST(doors, pages_of_the_same_host) {
    const open_doors doors{{{"same"}, {"relay.example"}}};
    for (const auto& [authority, origin] : std::vector<std::pair<const char*, const char*>>{
             {"relay.example:4443", "https://relay.example"},
             {"Relay.Example", "http://relay.example:8080"},
             {"127.0.0.1:4443", "http://localhost:8080"},
             {"[::1]:4443", "http://127.0.0.1"},
             {"192.0.2.1:4443", "http://192.0.2.1:8080"},
             {"whatever.example", ""}})
        EXPECT_EQ(ask(doors, "/moq", authority, origin), 200u) << authority << ' ' << origin;
    for (const auto& [authority, origin] : std::vector<std::pair<const char*, const char*>>{
             {"relay.example:4443", "https://evil.example"},
             {"relay.example:4443", "https://relay.example.evil"},
             {"relay.example:4443", "null"},
             {"127.0.0.1:4443", "https://evil.example"},
             {"192.0.2.1:4443", "http://192.0.2.2"},
             // A page's name that was given our address is the same host, but none of ours.
             {"evil.example:4443", "https://evil.example"}})
        EXPECT_EQ(ask(doors, "/moq", authority, origin), 403u) << authority << ' ' << origin;
}

TEST(doors, origins_that_were_named) {
    const open_doors doors{{{"https://a.example:1", "b.example"}, {}}};
    EXPECT_EQ(ask(doors, "/moq", "x", "https://a.example:1"), 200u);
    EXPECT_EQ(ask(doors, "/moq", "x", "https://a.example"), 403u);
    EXPECT_EQ(ask(doors, "/moq", "x", "http://b.example:5"), 200u);
    EXPECT_EQ(ask(doors, "/moq", "127.0.0.1", "http://127.0.0.1"), 403u);
    const open_doors any{{{"any"}, {}}};
    EXPECT_EQ(ask(any, "/moq", "x", "null"), 200u);
    EXPECT_EQ(ask(any, "/none", "x", "null"), 404u);
}

TEST(doors, values_of_a_query) {
    EXPECT_EQ(query_value("path=%2Fmoq%3Fa%3D1&b=2", "path"), "/moq?a=1");
    EXPECT_EQ(query_value("a=1&path=x", "path"), "x");
    for (const auto* query :
         {"", "path", "path=", "path=%", "path=%2", "path=%zz", "xpath=1", "&&"})
        EXPECT_EQ(query_value(query, "path"), "") << query;
}

} // namespace
} // namespace moqrtc::reference
