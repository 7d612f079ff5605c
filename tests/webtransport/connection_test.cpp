#include "pipe.hpp"

#include <moqrtc/webtransport/connection.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moqrtc::webtransport::test {
namespace {

using kind = event::kind;

/// Opens a session the usual way and returns it.
session_id open_session(pipe& link, std::span<const std::string_view> protocols = {},
                        std::string_view path = "/moq") {
    const auto id = link.open(link.client, false);
    EXPECT_TRUE(link.client.wt->connect(link.now, id,
                                        {.authority = "localhost:4443",
                                         .path = path,
                                         .origin = "https://localhost",
                                         .protocols = protocols}));
    link.run();
    return id;
}

TEST(webtransport_connection, opens_a_session_with_a_subprotocol) {
    pipe link{{}, {}};
    link.start();
    const std::array<std::string_view, 2> wanted{"moqt-18", "moqt-16"};
    const auto session = open_session(link, wanted, "/moq?token=abc");
    const auto asked = link.server.last(kind::session_requested);
    EXPECT_EQ(asked.stream, session);
    EXPECT_EQ(asked.path(), "/moq?token=abc");
    EXPECT_EQ(asked.authority(), "localhost:4443");
    EXPECT_EQ(asked.fields.value("origin"), "https://localhost");
    EXPECT_EQ(asked.fields.value(":protocol"), "webtransport-h3");
    EXPECT_EQ(asked.fields.value("wt-available-protocols"), R"("moqt-18", "moqt-16")");
    EXPECT_THAT(offered_protocols(asked), testing::ElementsAre("moqt-18", "moqt-16"));
    const auto opened = link.client.last(kind::session_opened);
    EXPECT_EQ(opened.stream, session);
    EXPECT_EQ(opened.text(), "moqt-18");
    EXPECT_EQ(opened.fields.value("wt-protocol"), R"("moqt-18")");
    EXPECT_TRUE(link.client.wt->is_open(session));
    EXPECT_TRUE(link.server.wt->is_open(session));
    EXPECT_EQ(link.client.wt->version(), dialect::draft_15);
}

} // namespace
} // namespace moqrtc::webtransport::test
