#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/scenario.hpp>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct handshake : scenario {};

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, handshake, ::testing::ValuesIn(spoken_drafts), draft_name);

TEST_P(handshake, both_sides_learn_of_the_other) {
    auto config = config_of(GetParam());
    config.implementation = "test/1";
    pair = std::make_unique<sim_pair<>>(config);
    ASSERT_TRUE(pair->establish());
    const auto at_server = server_log().take(kind::established);
    const auto at_client = client_log().take(kind::established);
    const auto read = [&](const event& e) -> setup_options {
        if (rules().setup == setup_form::symmetric) return e.as<msg::setup>()->options;
        if (&e == &at_server) return e.as<msg::client_setup>()->options;
        return e.as<msg::server_setup>()->options;
    };
    const auto from_client = read(at_server);
    const auto from_server = read(at_client);
    EXPECT_EQ(as_text(from_client.authority.value()), "example.org");
    EXPECT_EQ(as_text(from_client.path.value()), "/moq");
    EXPECT_EQ(as_text(from_client.implementation.value()), "test/1");
    EXPECT_FALSE(from_server.authority || from_server.path);
    EXPECT_EQ(from_client.max_request_id.has_value(), rules().request_credit);
    EXPECT_TRUE(client().can_request());
    EXPECT_TRUE(server().can_request());
}

TEST_P(handshake, on_webtransport_authority_and_path_stay_out) {
    auto config = config_of(GetParam());
    config.webtransport = true;
    connect(config);
    EXPECT_FALSE(client().closed() || server().closed());
}

TEST_P(handshake, takes_one_round_trip_at_most) {
    link_config link;
    path_config path;
    path.delay = milliseconds(50);
    link.set_paths(path);
    pair = std::make_unique<sim_pair<>>(config_of(GetParam()), link);
    ASSERT_TRUE(pair->establish());
    EXPECT_LE(now(), instant{} + milliseconds(rules().control_pair ? 50 : 100));
}

TEST_P(handshake, without_a_setup_the_session_closes_in_time) {
    link_config link;
    link.to_server.loss = 1000; // nothing arrives
    link.to_client.loss = 1000;
    auto config = config_of(GetParam());
    config.setup_timeout = seconds(3);
    pair = std::make_unique<sim_pair<>>(config, link);
    run(milliseconds(2900));
    EXPECT_FALSE(client().closed());
    run(milliseconds(200));
    EXPECT_TRUE(client().closed() && server().closed());
    const auto closed = client_log().take(kind::closed);
    EXPECT_EQ(closed.close, close_code::control_message_timeout);
    EXPECT_FALSE(closed.by_peer);
}

TEST_P(handshake, a_close_reaches_the_peer_with_its_code_and_reason) {
    connect();
    server().close(now(), close_code::unauthorized, "auth_failed");
    run();
    const auto at_server = server_log().take(kind::closed);
    EXPECT_EQ(at_server.close, close_code::unauthorized);
    EXPECT_FALSE(at_server.by_peer);
    const auto at_client = client_log().take(kind::closed);
    EXPECT_EQ(at_client.close, close_code::unauthorized);
    EXPECT_TRUE(at_client.by_peer);
    EXPECT_EQ(text(at_client.message), "auth_failed");
    EXPECT_TRUE(client().closed() && server().closed());
    EXPECT_EQ(client().next_timeout(), never);
}

TEST_P(handshake, closed_comes_once_and_last) {
    connect();
    ASSERT_TRUE(client().subscribe(now(), track()));
    client().close(now(), close_code::no_error, "one");
    client().close(now(), close_code::internal_error, "two");
    client().handle_transport_closed(now(), 3, "three", true);
    run();
    ASSERT_EQ(client_log().count(kind::closed), 1u);
    EXPECT_EQ(client_log().events.back().what, kind::closed);
    EXPECT_EQ(text(client_log().events.back().message), "one");
}

TEST_P(handshake, commands_after_the_end_are_refused) {
    connect();
    const auto id = subscribed();
    client().close(now(), close_code::no_error, "");
    server().close(now(), close_code::no_error, "");
    run();
    EXPECT_FALSE(client().can_request());
    EXPECT_FALSE(client().subscribe(now(), track("b")));
    EXPECT_FALSE(client().fetch(now(), track("b"), {}, {1, 0}));
    EXPECT_FALSE(client().cancel(now(), id));
    EXPECT_FALSE(client().goaway(now()));
    EXPECT_FALSE(server().open_subgroup(now(), id, {}));
    EXPECT_FALSE(server().send_datagram(now(), id, {}));
    EXPECT_FALSE(server().poll_send(now()));
    EXPECT_FALSE(server().poll_transmit());
}

TEST_P(handshake, a_lost_connection_ends_both) {
    link_config link;
    link.dies_at = instant{} + seconds(2);
    connect(link);
    const auto id = subscribed();
    ASSERT_TRUE(server().open_subgroup(now(), id, {.group = 1}));
    run(seconds(3));
    EXPECT_TRUE(client().closed() && server().closed());
    EXPECT_EQ(client_log().count(kind::closed), 1u);
    EXPECT_FALSE(client_log().take(kind::closed).by_peer);
}

TEST_P(handshake, requests_may_precede_the_peers_setup_where_the_draft_lets_them) {
    link_config link;
    link.to_client.delay = milliseconds(400); // the server's SETUP is late
    pair = std::make_unique<sim_pair<>>(config_of(GetParam()), link);
    run(milliseconds(50));
    ASSERT_FALSE(client().established());
    const auto id = client().subscribe(now(), track());
    EXPECT_EQ(id.has_value(), !rules().request_credit);
    run(milliseconds(100));
    EXPECT_EQ(server_log().count(kind::requested), rules().request_credit ? 0u : 1u);
}

TEST_P(handshake, a_request_that_overtakes_setup_waits_for_it) {
    if (!rules().request_streams) GTEST_SKIP() << "all on one stream";
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        link_config link{.seed = seed};
        path_config path;
        path.delay = milliseconds(1);
        path.jitter = milliseconds(30);
        link.set_paths(path);
        pair = std::make_unique<sim_pair<>>(config_of(GetParam()), link);
        ASSERT_TRUE(client().subscribe(now(), track()));
        run(seconds(1));
        ASSERT_FALSE(client().closed() || server().closed());
        ASSERT_EQ(server_log().count(kind::requested), 1u);
        TearDown();
    }
}
