#include <moqrtc/moqt/data/datagram.hpp>
#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/must_support.hpp>

/// What a session makes of data that comes early, late, in pieces or for nobody.

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct receiving : must {};

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, receiving, ::testing::ValuesIn(spoken_drafts), draft_name);

TEST_P(receiving, every_split_of_a_stream_gives_the_same_objects) {
    for (std::size_t step = 1; step < 40; ++step) {
        SCOPED_TRACE(step);
        meet(role::client);
        (void)subscribing(track(), 7);
        peer().events.clear();
        const auto data = subgroup(7, 3, 10);
        const auto stream = peer().open_unidirectional();
        for (std::size_t at = 0; at < data.size(); at += step)
            peer().send(stream, bytes{data}.subspan(at, std::min(step, data.size() - at)),
                        at + step >= data.size());
        ASSERT_EQ(events(kind::subgroup_opened), 1u);
        ASSERT_EQ(events(kind::object), 10u);
        ASSERT_EQ(events(kind::stream_finished), 1u);
        ASSERT_EQ(lone->take(kind::object).item.location, (location{3, 0}));
    }
}

TEST_P(receiving, every_split_of_the_control_stream_gives_the_same_messages) {
    for (std::size_t step = 1; step < 30; ++step) {
        SCOPED_TRACE(step);
        begin(role::server);
        const bool pair = rules().control_pair;
        setup_options options;
        if (rules().request_credit) options.max_request_id = 10;
        auto wire = pair
                        ? peer().framed(msg::setup{options})
                        : peer().framed(msg::client_setup{options, msg::version_list::of(rules())});
        const auto goaway = peer().framed(msg::goaway{});
        wire.insert(wire.end(), goaway.begin(), goaway.end());
        const auto stream = pair ? peer().open_unidirectional() : peer().open_bidirectional();
        for (std::size_t at = 0; at < wire.size(); at += step)
            peer().send(stream, bytes{wire}.subspan(at, std::min(step, wire.size() - at)));
        ASSERT_EQ(events(kind::established), 1u);
        ASSERT_EQ(events(kind::goaway), 1u);
    }
}

TEST_P(receiving, SHOULD_16_015_SHOULD_18_017_early_streams_wait_for_setup) {
    begin(role::client);
    auto data = subgroup(7, 1, 3);
    peer().send(peer().open_unidirectional(), data, true);
    expect_open();
    EXPECT_EQ(events(kind::object), 0u);
    peer().set_up();
    const auto id = subscribing(track(), 7);
    EXPECT_EQ(events(kind::object), 3u);
    EXPECT_EQ(lone->take(kind::stream_finished).id, id);
}

TEST_P(receiving, early_data_has_a_bound) {
    session_config config;
    config.max_early_bytes = 1000;
    begin(role::client, config);
    for (int i = 0; i < 50; ++i)
        peer().send(peer().open_unidirectional(), subgroup(7, 1, 30));
    expect_open();
    EXPECT_LT(lone->pool.used(), 8000u);
    peer().set_up();
    expect_open();
}

TEST_P(receiving, early_datagrams_are_dropped) {
    begin(role::client);
    object item;
    std::vector<std::byte> wire(64);
    wire.resize(*serialize_datagram(rules(), to_datagram(rules(), 7, item, {}), wire));
    peer().datagram(wire);
    peer().set_up();
    (void)subscribing(track(), 7);
    EXPECT_EQ(events(kind::object), 0u);
    peer().datagram(wire);
    EXPECT_EQ(events(kind::object), 1u);
}

TEST_P(receiving, SHOULD_16_014_SHOULD_18_016_an_unknown_alias_waits_for_its_track) {
    meet(role::client);
    const auto id = session().subscribe(now(), track());
    ASSERT_TRUE(id);
    peer().pump();
    const auto data = subgroup(7, 1, 4);
    const auto half = data.size() / 2;
    const auto stream = peer().open_unidirectional();
    peer().send(stream, bytes{data}.first(half));
    peer().send(peer().open_unidirectional(), subgroup(7, 2, 2), true);
    EXPECT_EQ(events(kind::object), 0u);
    peer().send_message(stream_of(*id), msg::subscribe_ok{*id, 7, {}, {}});
    peer().send(stream, bytes{data}.subspan(half), true);
    EXPECT_EQ(events(kind::object), 6u);
    EXPECT_EQ(events(kind::stream_finished), 2u);
    EXPECT_EQ(events(kind::subgroup_opened), 2u);
}

TEST_P(receiving, an_unknown_alias_is_stopped_after_a_while) {
    meet(role::client);
    const auto stream = peer().open_unidirectional();
    peer().send(stream, subgroup(99, 1, 4), true);
    const auto whole = peer().open_unidirectional();
    peer().send(whole, subgroup(98, 1, 4));
    EXPECT_FALSE(peer().streams[whole].stopped);
    peer().advance(seconds(10));
    EXPECT_TRUE(peer().streams[whole].stopped);
    expect_open();
    EXPECT_LT(lone->pool.used(), 1000u);
    peer().reset(whole, 0);
}

TEST_P(receiving, data_of_a_cancelled_subscription_is_stopped) {
    meet(role::client);
    const auto id = subscribing(track(), 7);
    const auto open = peer().open_unidirectional();
    peer().send(open, subgroup(7, 1, 1));
    ASSERT_TRUE(session().cancel(now(), id));
    peer().pump();
    EXPECT_TRUE(peer().streams[open].stopped);
    peer().events.clear();
    peer().send(open, bytes{subgroup(7, 1, 1)}, true);
    EXPECT_EQ(events(kind::object), 0u);
    EXPECT_EQ(events(kind::stream_finished), 0u);
    expect_open();
}

TEST_P(receiving, MUST_18_181_padding_is_thrown_away) {
    if (!rules().padding) GTEST_SKIP() << "no padding in this draft";
    meet();
    auto wire = varint(stream_type::padding);
    wire.resize(wire.size() + 5000);
    peer().send(peer().open_unidirectional(), wire, true);
    auto datagram = varint(stream_type::padding_datagram);
    datagram.resize(100);
    peer().datagram(datagram);
    expect_open();
}

TEST_P(receiving, a_fetch_that_was_never_asked_for_is_stopped) {
    meet(role::client);
    auto wire = varint(stream_type::fetch);
    wire.push_back(std::byte{8});
    const auto stream = peer().open_unidirectional();
    peer().send(stream, wire);
    EXPECT_TRUE(peer().streams[stream].stopped);
    expect_open();
}

TEST_P(receiving, a_second_stream_for_a_fetch_closes) {
    meet(role::client);
    const auto id = session().fetch(now(), track(), {0, 0}, {1, 0});
    ASSERT_TRUE(id);
    auto wire = varint(stream_type::fetch);
    wire.push_back(static_cast<std::byte>(*id));
    peer().send(peer().open_unidirectional(), wire);
    expect_open();
    peer().send(peer().open_unidirectional(), wire);
    expect_closed(close_code::protocol_violation);
}

TEST_P(receiving, a_reset_before_the_header_leaves_nothing) {
    meet(role::client);
    (void)subscribing(track(), 7);
    peer().events.clear();
    const auto stream = peer().open_unidirectional();
    peer().send(stream, bytes{subgroup(7, 1, 1)}.first(1));
    peer().reset(stream, 0);
    EXPECT_TRUE(peer().events.empty());
    expect_open();
}

TEST_P(receiving, a_subgroup_named_by_its_first_object) {
    meet(role::client);
    (void)subscribing(track(), 7);
    std::vector<std::byte> wire(64);
    const subgroup_header header{.track_alias = 7,
                                 .group_id = 2,
                                 .id_mode = subgroup_id_mode::first_object,
                                 .publisher_priority = default_priority};
    wire.resize(*encode_subgroup_header(rules(), header, wire));
    wire.insert(wire.end(), {std::byte{9}, std::byte{1}, std::byte{'x'}});
    peer().send(peer().open_unidirectional(), wire, true);
    EXPECT_EQ(lone->take(kind::subgroup_opened).item.subgroup_id, 9u);
    const auto got = lone->take(kind::object);
    EXPECT_EQ(got.item.subgroup_id, 9u);
    EXPECT_EQ(got.item.location, (location{2, 9}));
}

TEST_P(receiving, the_default_priority_is_the_tracks) {
    if (!rules().default_priority_bit) GTEST_SKIP() << "every stream says its priority";
    meet(role::client);
    (void)subscribing(track(), 7, {}, property_of(property::default_publisher_priority, 33));
    peer().send(peer().open_unidirectional(), subgroup(7, 1, 1));
    EXPECT_EQ(lone->take(kind::subgroup_opened).item.publisher_priority, 33);
    EXPECT_EQ(lone->take(kind::object).item.publisher_priority, 33);
}

TEST_P(receiving, many_requests_of_a_peer_have_a_bound) {
    session_config config;
    config.max_requests = 10;
    meet(role::server, config);
    if (rules().request_credit) GTEST_SKIP() << "the limit closes, see MUST_16_031";
    for (int i = 0; i < 100; ++i)
        (void)ask(subscribe(peer().next_request(), track(std::to_string(i))));
    expect_open();
    EXPECT_LE(events(kind::requested), 20u);
    EXPECT_LE(session().request_count(), 21u);
}

TEST_P(receiving, events_of_a_full_queue_wait_and_none_is_lost) {
    session_config config;
    config.max_events = 4;
    meet(role::server, config);
    std::vector<std::byte> wire;
    const auto name = track();
    for (int i = 0; i < 40; ++i) {
        const track_namespace space{"n" + std::to_string(i)};
        const auto one =
            peer().framed(msg::publish_namespace{peer().next_request(), space.view(), {}});
        if (rules().request_streams)
            peer().send(peer().open_bidirectional(), one);
        else
            wire.insert(wire.end(), one.begin(), one.end());
    }
    if (!wire.empty()) peer().send(peer().control(), wire);
    EXPECT_EQ(events(kind::requested), 40u);
}

TEST_P(receiving, who_wants_no_more_messages_may_still_answer) {
    meet(role::client);
    if (!rules().request_streams) GTEST_SKIP() << "requests have no streams of their own";
    const auto id = session().fetch(now(), track(), {0, 0}, {1, 0});
    ASSERT_TRUE(id);
    peer().pump();
    const auto stream = *id / 2 * 4;
    peer().stop(stream, 0);
    EXPECT_EQ(events(kind::rejected) + events(kind::cancelled), 0u);
    peer().send_message(stream, msg::fetch_ok{*id, 0, {0, 3}});
    EXPECT_EQ(events(kind::accepted), 1u);
    // Its own direction is what ends the request.
    const auto other = session().subscribe(now(), track("audio"));
    ASSERT_TRUE(other);
    peer().pump();
    const auto second = *other / 2 * 4;
    peer().stop(second, 0);
    peer().reset(second, 0);
    EXPECT_EQ(events(kind::rejected) + events(kind::cancelled), 1u);
    EXPECT_FALSE(session().closed());
}

TEST_P(receiving, a_closed_session_takes_everything_and_says_nothing) {
    meet(role::client);
    (void)subscribing(track(), 7);
    const auto stream = peer().open_unidirectional();
    peer().send(stream, subgroup(7, 1, 1));
    session().close(now(), close_code::no_error, "bye");
    peer().pump();
    peer().events.clear();
    const auto data = subgroup(7, 1, 5);
    EXPECT_EQ(session().handle_stream(now(), stream, data, true), data.size());
    session().handle_reset(now(), stream, 0);
    session().handle_stop_sending(now(), peer().their_control(), 0);
    session().handle_datagram(now(), data);
    session().handle_timeout(now() + seconds(100));
    session().handle_stream_credit(5, 5);
    session().handle_acked(now(), peer().their_control(), 0, false);
    session().handle_transport_closed(now(), 0, "", true);
    EXPECT_FALSE(session().poll_event());
    EXPECT_FALSE(session().poll_transmit());
    EXPECT_FALSE(session().poll_send(now()));
    EXPECT_EQ(session().next_timeout(), never);
}
