#include <moqrtc/testing/raw_peer.hpp>

#include <gtest/gtest.h>

using namespace moqrtc;
using namespace moqrtc::moqt;
using moqrtc::testing::raw_peer;

namespace {

struct raw : ::testing::TestWithParam<draft> {};

session_config config_of(draft version, role self) {
    session_config config;
    config.version = version;
    config.self = self;
    return config;
}

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, raw, ::testing::ValuesIn(spoken_drafts));

TEST_P(raw, records_what_a_session_says) {
    buffer_pool pool;
    session session{instant{}, config_of(GetParam(), role::client), pool};
    raw_peer peer{session};
    peer.set_up();
    ASSERT_TRUE(session.established());
    EXPECT_FALSE(peer.client());
    ASSERT_TRUE(session.track_status(peer.now(), {track_namespace{"a"}, "b"}));
    peer.pump();
    EXPECT_EQ(peer.count<msg::track_status>(0), 1u);
    std::vector<std::byte> kept;
    EXPECT_EQ(as_text(peer.last<msg::track_status>(0, kept)->track_name), "b");
    EXPECT_NE(peer.text(0).find("TRACK_STATUS{request_id=0"), std::string::npos) << peer.text(0);
    EXPECT_FALSE(peer.close_reason());
    session.close(peer.now(), close_code::unauthorized, "no");
    peer.pump();
    EXPECT_EQ(peer.close_reason(), close_code::unauthorized);
    EXPECT_EQ(peer.closed->reason, "no");
}

TEST_P(raw, sends_what_no_session_would) {
    buffer_pool pool;
    session session{instant{}, config_of(GetParam(), role::server), pool};
    raw_peer peer{session};
    peer.set_up();
    EXPECT_TRUE(peer.client());
    peer.send_any_message(peer.control(), 0x1234, as_bytes("nonsense"));
    EXPECT_EQ(peer.close_reason(), close_code::protocol_violation);
}

TEST_P(raw, lets_time_pass_with_its_timers) {
    buffer_pool pool;
    auto config = config_of(GetParam(), role::server);
    config.setup_timeout = seconds(3);
    session session{instant{}, config, pool};
    raw_peer peer{session};
    peer.advance(seconds(2));
    EXPECT_FALSE(peer.closed);
    peer.advance(seconds(2));
    EXPECT_EQ(peer.close_reason(), close_code::control_message_timeout);
    EXPECT_EQ(peer.now(), instant{} + seconds(4));
}
