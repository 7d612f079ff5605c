#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/scenario.hpp>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct leaving : scenario {
    data_stream open(request_id id, std::uint64_t group, std::string_view content = "x") {
        const auto stream = server().open_subgroup(now(), id, {.group = group});
        EXPECT_TRUE(stream);
        EXPECT_TRUE(server().write_object(now(), *stream, 0, {}, text(pair->server_pool, content)));
        return *stream;
    }
};

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, leaving, ::testing::ValuesIn(spoken_drafts), draft_name);

// PUBLISH_DONE never overtakes the streams it counts, whatever the network does.
TEST_P(leaving, publish_done_comes_after_all_streams) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        link_config link{.seed = seed};
        path_config path;
        path.delay = milliseconds(5);
        path.jitter = milliseconds(100);
        path.loss = 100;
        path.largest_packet = 300;
        link.set_paths(path);
        connect(link);
        run(seconds(1));
        const auto id = client().subscribe(now(), track());
        ASSERT_TRUE(id);
        run(seconds(2));
        ASSERT_TRUE(server().accept_subscribe(now(), server_log().take(kind::requested).id, 1));
        for (std::uint64_t group = 0; group < 8; ++group)
            (void)open(*id, group, std::string(2000, 'x'));
        ASSERT_TRUE(server().publish_done(now(), *id, publish_done_code::track_ended, "end"));
        EXPECT_FALSE(server().open_subgroup(now(), *id, {.group = 9}));
        run(seconds(20));
        ASSERT_EQ(client_log().count(kind::stream_finished), 8u);
        ASSERT_EQ(client_log().count(kind::object), 8u);
        ASSERT_EQ(client_log().events.back().what, kind::publish_done);
        ASSERT_EQ(client_log().events.back().as<msg::publish_done>()->stream_count, 8u);
        ASSERT_EQ(server().request_count() + client().request_count(), 0u);
        TearDown();
    }
}

TEST_P(leaving, publish_done_finishes_or_resets_by_its_code) {
    connect();
    const auto id = subscribed();
    (void)open(id, 1);
    run();
    ASSERT_TRUE(server().publish_done(now(), id, publish_done_code::too_far_behind, ""));
    run();
    EXPECT_EQ(client_log().take(kind::stream_reset).reset,
              in_draft(rules(), reset_code::too_far_behind) ? reset_code::too_far_behind
                                                            : reset_code::internal_error);
    EXPECT_EQ(client_log().take(kind::publish_done).publish_done,
              publish_done_code::too_far_behind);
}

TEST_P(leaving, publish_done_waits_for_a_blocked_stream) {
    link_config link;
    link.stream_window = 1000;
    link.to_client.rate = 2000;
    connect(link);
    const auto id = subscribed();
    (void)open(id, 1, std::string(4000, 'x'));
    ASSERT_TRUE(server().publish_done(now(), id, publish_done_code::track_ended, ""));
    EXPECT_FALSE(server().publish_done(now(), id, publish_done_code::track_ended, ""));
    run(milliseconds(500));
    EXPECT_EQ(client_log().count(kind::publish_done), 0u);
    EXPECT_NE(server().subscription(id), nullptr) << "kept until PUBLISH_DONE is sent";
    run(seconds(10));
    EXPECT_EQ(client_log().count(kind::object), 1u);
    EXPECT_EQ(client_log().count(kind::publish_done), 1u);
}

TEST_P(leaving, a_stream_that_never_comes_does_not_keep_publish_done_for_ever) {
    lone_session lone{GetParam(), role::client};
    lone.ready();
    auto& peer = *lone.peer;
    const auto id = lone.session->subscribe(lone.now(), track());
    ASSERT_TRUE(id);
    peer.pump();
    const auto stream = rules().request_streams ? 0u : peer.control();
    peer.send_message(stream, msg::subscribe_ok{*id, 7, {}, {}});
    peer.send_message(stream, msg::publish_done{*id, 2, 3, {}});
    EXPECT_EQ(lone.take(kind::publish_done).what, kind::none);
    peer.advance(seconds(30));
    EXPECT_EQ(lone.take(kind::publish_done).publish_done, publish_done_code::track_ended);
    EXPECT_EQ(lone.session->request_count(), 0u);
}

TEST_P(leaving, unsubscribing_resets_the_streams_of_that_subscription_alone) {
    connect();
    const auto kept = subscribed("kept", 1);
    const auto dropped = subscribed("dropped", 2);
    const auto a = open(kept, 1);
    const auto b = open(dropped, 1);
    run();
    ASSERT_TRUE(client().cancel(now(), dropped));
    EXPECT_EQ(client().subscription(dropped), nullptr);
    run();
    EXPECT_EQ(server_log().take(kind::cancelled).id, dropped);
    EXPECT_FALSE(server().write_object(now(), b, 1, {}, {}));
    ASSERT_TRUE(server().write_object(now(), a, 1, {}, text(pair->server_pool, "y")));
    (void)client_log().take(kind::object);
    (void)client_log().take(kind::object);
    run();
    EXPECT_EQ(client_log().take(kind::object).id, kept);
    EXPECT_FALSE(client().closed() || server().closed());
}

TEST_P(leaving, the_track_can_be_subscribed_again) {
    connect();
    const auto first = subscribed("video", 1);
    if (!rules().several_subscriptions) {
        EXPECT_FALSE(client().subscribe(now(), track("video")));
    }
    ASSERT_TRUE(client().cancel(now(), first));
    run();
    const auto second = subscribed("video", 1);
    (void)open(second, 4);
    run();
    EXPECT_EQ(client_log().take(kind::object).id, second);
}

TEST_P(leaving, goaway_tells_and_stops_new_requests) {
    connect();
    const auto id = subscribed();
    ASSERT_TRUE(server().goaway(now(), "https://other.example/moq", seconds(5)));
    EXPECT_FALSE(server().goaway(now()));
    run();
    const auto told = client_log().take(kind::goaway);
    const auto m = told.as<msg::goaway>();
    ASSERT_TRUE(m);
    EXPECT_EQ(as_text(m->new_session_uri), "https://other.example/moq");
    EXPECT_EQ(m->timeout, rules().goaway_timeout ? 5000u : 0u);
    EXPECT_TRUE(client().going_away() && server().going_away());
    EXPECT_FALSE(client().can_request());
    EXPECT_FALSE(client().subscribe(now(), track("new")));
    (void)open(id, 1); // what runs goes on
    run();
    EXPECT_EQ(client_log().count(kind::object), 1u);
    EXPECT_FALSE(client().closed() || server().closed());
}

TEST_P(leaving, who_does_not_leave_in_time_is_closed) {
    connect();
    const auto id = subscribed();
    ASSERT_TRUE(server().goaway(now(), "", seconds(5)));
    run(seconds(4));
    EXPECT_FALSE(server().closed());
    run(seconds(2));
    EXPECT_EQ(server_log().take(kind::closed).close, close_code::goaway_timeout);
    EXPECT_EQ(client_log().take(kind::closed).close, close_code::goaway_timeout);
    EXPECT_FALSE(client().cancel(now(), id));
}

TEST_P(leaving, a_clients_goaway_has_no_uri) {
    connect();
    EXPECT_FALSE(client().goaway(now(), "https://elsewhere.example/"));
    ASSERT_TRUE(client().goaway(now()));
    run();
    EXPECT_EQ(server_log().count(kind::goaway), 1u);
    EXPECT_FALSE(server().closed());
}

TEST_P(leaving, goaway_of_one_request_ends_it_in_time) {
    connect();
    const auto id = subscribed();
    const auto moved = server().request_goaway(now(), id, "https://b.example/", seconds(2));
    ASSERT_EQ(moved.has_value(), rules().request_goaway);
    if (!moved) return;
    EXPECT_FALSE(server().request_goaway(now(), id));
    run();
    const auto told = client_log().take(kind::request_goaway);
    EXPECT_EQ(told.id, id);
    EXPECT_EQ(as_text(told.as<msg::goaway>()->new_session_uri), "https://b.example/");
    EXPECT_TRUE(client().can_request());
    (void)open(id, 3);
    run(seconds(3));
    EXPECT_FALSE(client().closed() || server().closed());
    EXPECT_EQ(server().request_count(), 0u);
    EXPECT_EQ(client().request_count(), 0u);
    EXPECT_EQ(client_log().count(kind::cancelled) + client_log().count(kind::publish_done), 1u);
}
