#include <common/locator.hpp>
#include <gtest/gtest.h>

namespace moqrtc::reference {
namespace {

TEST(locator, parts_of_a_url) {
    const auto all = parse_locator("moqt://user@relay.example:4443/a/b?c=d");
    ASSERT_TRUE(all) << all.error();
    EXPECT_EQ(all->how, locator::scheme::moqt);
    EXPECT_EQ(all->host, "relay.example");
    EXPECT_EQ(all->port, 4443);
    EXPECT_EQ(all->authority, "user@relay.example:4443");
    EXPECT_EQ(all->path, "/a/b?c=d");
    const auto plain = parse_locator("https://[::1]?x");
    ASSERT_TRUE(plain) << plain.error();
    EXPECT_EQ(plain->host, "::1");
    EXPECT_EQ(plain->port, 443);
    EXPECT_EQ(plain->path, "/?x");
}

/// MUST-16-112, MUST-18-132.
TEST(locator, an_empty_host_is_no_place) {
    for (const auto* url : {"moqt://", "moqt:///path", "moqt://:4443/path", "moqt://user@/path",
                            "https://?query", "moqt://[]/"})
        EXPECT_FALSE(parse_locator(url)) << url;
}

/// MUST-18-133.
TEST(locator, fragments_of_moqt_have_a_type) {
    for (const auto* url : {"moqt://h/p#msf:a/b", "moqt://h#x-1:", "moqt://h/p?q#t:v:w#y",
                            "https://h/p#anything", "https://h/p#"}) {
        const auto got = parse_locator(url);
        ASSERT_TRUE(got) << url << ": " << got.error();
        EXPECT_EQ(got->host, "h");
        EXPECT_EQ(got->path.find('#'), std::string::npos);
    }
    for (const auto* url : {"moqt://h/p#", "moqt://h/p#plain", "moqt://h/p#:value",
                            "moqt://h/p#Upper:v", "moqt://h/p#a_b:v", "moqt://h/p#a%20:v"})
        EXPECT_FALSE(parse_locator(url)) << url;
}

} // namespace
} // namespace moqrtc::reference
