#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/scenario.hpp>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct credit : scenario {};

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, credit, ::testing::ValuesIn(spoken_drafts), draft_name);

TEST_P(credit, of_requests_is_kept_and_renewed) {
    auto config = config_of(GetParam());
    config.max_requests = 4;
    connect(config);
    if (!rules().request_credit) {
        EXPECT_TRUE(client().can_request());
        return;
    }
    for (int i = 0; i < 4; ++i)
        ASSERT_TRUE(client().track_status(now(), track(std::to_string(i)))) << i;
    EXPECT_FALSE(client().can_request());
    const auto refused = client().track_status(now(), track("over"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::limit);
    run();
    ASSERT_EQ(server_log().count(kind::requested), 4u);
    EXPECT_FALSE(client().can_request()) << "REQUESTS_BLOCKED alone grants nothing";
    // Answered requests give their credit back, so that any number can follow.
    for (int round = 0; round < 50; ++round) {
        while (server_log().count(kind::requested) != 0)
            ASSERT_TRUE(server().accept(now(), server_log().take(kind::requested).id));
        run();
        ASSERT_TRUE(client().can_request()) << round;
        while (client().can_request())
            ASSERT_TRUE(client().track_status(now(), track("next")));
        run();
    }
    EXPECT_FALSE(client().closed() || server().closed());
}

TEST_P(credit, of_updates_is_given_back_as_well) {
    auto config = config_of(GetParam());
    config.max_requests = 4;
    connect(config);
    const auto id = subscribed();
    for (int i = 0; i < 100; ++i) {
        const auto update = client().update(now(), id, {});
        ASSERT_TRUE(update) << i;
        run();
        ASSERT_TRUE(server().accept_update(now(), *update));
        run();
    }
    EXPECT_FALSE(client().closed() || server().closed());
}

TEST_P(credit, of_streams_is_waited_for) {
    link_config link;
    link.unidirectional_streams = rules().control_pair ? 3 : 2;
    link.bidirectional_streams = 2;
    connect(link);
    const auto id = subscribed();
    for (std::uint64_t group = 0; group < 20; ++group) {
        const auto stream = server().open_subgroup(now(), id, {.group = group});
        ASSERT_TRUE(stream);
        ASSERT_TRUE(server().write_object(now(), *stream, 0, {}, text(pair->server_pool, "x")));
        ASSERT_TRUE(server().finish_stream(now(), *stream));
    }
    run(seconds(5));
    EXPECT_EQ(client_log().count(kind::stream_finished), 20u);
    for (int i = 0; i < 6; ++i)
        ASSERT_TRUE(client().track_status(now(), track(std::to_string(i))));
    for (int i = 0; i < 20; ++i) {
        run();
        while (server_log().count(kind::requested) != 0)
            ASSERT_TRUE(server().accept(now(), server_log().take(kind::requested).id));
    }
    EXPECT_EQ(client_log().count(kind::accepted), 6u);
    EXPECT_EQ(client().request_count(), 1u);
}

TEST_P(credit, requests_keep_their_streams_no_longer_than_they_live) {
    connect();
    const auto streams = pair->link().open_streams();
    for (int i = 0; i < 30; ++i) {
        const auto id = subscribed("v" + std::to_string(i), 1);
        const auto data = server().open_subgroup(now(), id, {.group = 1});
        ASSERT_TRUE(data);
        switch (i % 3) {
        case 0:
            ASSERT_TRUE(client().cancel(now(), id));
            break;
        case 1:
            ASSERT_TRUE(server().publish_done(now(), id, publish_done_code::track_ended, ""));
            break;
        default:
            ASSERT_TRUE(server().publish_done(now(), id, publish_done_code::expired, ""));
        }
        run();
        ASSERT_EQ(pair->link().open_streams(), streams) << i;
        ASSERT_EQ(client().request_count() + server().request_count(), 0u) << i;
    }
}
