#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/scenario.hpp>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

/// A publisher against a handmade subscriber that looks at what it would send next.
struct sending : ::testing::TestWithParam<draft> {
    void SetUp() override {
        lone = std::make_unique<lone_session>(GetParam(), role::server);
        lone->ready();
    }
    [[nodiscard]] const wire_rules& rules() const { return rules_for(GetParam()); }
    [[nodiscard]] session& publisher() { return *lone->session; }
    [[nodiscard]] raw_peer& peer() { return *lone->peer; }
    [[nodiscard]] instant now() const { return lone->now(); }

    request_id subscribed(std::string_view name, const message_params& params = {},
                          bytes properties = {}) {
        const auto id = peer().next_request();
        const auto whole = track(name);
        streams[id] = peer().request_stream();
        peer().send_message(streams[id],
                            msg::subscribe{id, whole.space.view(), as_bytes(name), params});
        EXPECT_EQ(lone->take(kind::requested).id, id);
        EXPECT_TRUE(publisher().accept_subscribe(now(), id, 100 + id, {}, properties));
        peer().pump();
        return id;
    }
    data_stream open(request_id id, const subgroup_start& start,
                     std::string_view content = "content") {
        const auto stream = publisher().open_subgroup(now(), id, start);
        EXPECT_TRUE(stream);
        EXPECT_TRUE(publisher().write_object(now(), *stream, 0, {}, text(lone->pool, content)));
        return stream.value_or(no_stream);
    }
    /// Streams in the order in which they are sent, each whole.
    std::vector<stream_id> order() {
        std::vector<stream_id> out;
        while (const auto offer = publisher().poll_send(now())) {
            if (out.empty() || out.back() != offer->stream) out.push_back(offer->stream);
            publisher().handle_sent(now(), offer->stream, offer->size(), offer->fin);
            publisher().handle_acked(now(), offer->stream, offer->size(), offer->fin);
        }
        return out;
    }
    [[nodiscard]] std::vector<std::byte> properties(std::uint64_t type, std::uint64_t value) {
        std::vector<std::byte> out(20);
        key_value_writer writer{rules(), out};
        writer.put(type, value);
        out.resize(*writer.size());
        return out;
    }
    static message_params with_priority(priority p) {
        message_params params;
        params.subscriber_priority = p;
        return params;
    }

    std::unique_ptr<lone_session> lone;
    std::map<request_id, stream_id> streams;
};

using order_of = std::vector<stream_id>;

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, sending, ::testing::ValuesIn(spoken_drafts), draft_name);

TEST_P(sending, control_goes_before_data) {
    const auto id = subscribed("video");
    const auto data = open(id, {.group = 1});
    ASSERT_TRUE(publisher().goaway(now()));
    EXPECT_EQ(order(), (order_of{peer().their_control(), data}));
}

TEST_P(sending, subscriber_priority_goes_before_publisher_priority) {
    const auto low = subscribed("low", with_priority(200));
    const auto high = subscribed("high", with_priority(10));
    const auto a = open(low, {.group = 0, .publisher_priority = 0});
    const auto b = open(high, {.group = 9, .publisher_priority = 255});
    EXPECT_EQ(order(), (order_of{b, a}));
}

TEST_P(sending, publisher_priority_decides_between_equal_subscribers) {
    const auto audio = subscribed("audio");
    const auto video = subscribed("video");
    const auto c = open(video, {.group = 0, .publisher_priority = 130});
    const auto a = open(audio, {.group = 5, .publisher_priority = 64});
    const auto b = open(video, {.group = 5, .subgroup = 1, .publisher_priority = 128});
    EXPECT_EQ(order(), (order_of{a, b, c})) << "audio, base layer, enhancement";
}

TEST_P(sending, groups_go_in_the_order_asked_for) {
    message_params newest_first;
    newest_first.group_order = group_order::descending;
    for (const auto& [params, first] :
         {std::pair{message_params{}, 1u}, std::pair{newest_first, 3u}}) {
        const auto id = subscribed(first == 1 ? "up" : "down", params);
        std::map<std::uint64_t, data_stream> by_group;
        for (const auto group : {2u, 1u, 3u})
            by_group[group] = open(id, {.group = group});
        EXPECT_EQ(order(), (order_of{by_group[first], by_group[2], by_group[4 - first]}));
    }
}

TEST_P(sending, the_publishers_group_order_counts_when_the_subscriber_has_none) {
    const auto id = subscribed("video", {}, properties(property::default_publisher_group_order, 2));
    const auto a = open(id, {.group = 1});
    const auto b = open(id, {.group = 2});
    EXPECT_EQ(order(), (order_of{b, a}));
}

TEST_P(sending, lower_subgroups_go_first) {
    const auto id = subscribed("video");
    const auto b = open(id, {.group = 1, .subgroup = 2});
    const auto a = open(id, {.group = 1, .subgroup = 1});
    EXPECT_EQ(order(), (order_of{a, b}));
}

TEST_P(sending, a_new_object_of_higher_priority_overtakes_a_half_sent_one) {
    const auto video = subscribed("video");
    const auto audio = subscribed("audio", with_priority(1));
    const auto slow = open(video, {.group = 1}, std::string(5000, 'v'));
    auto offer = publisher().poll_send(now());
    ASSERT_EQ(offer->stream, slow);
    publisher().handle_sent(now(), slow, 1000, false);
    const auto fast = open(audio, {.group = 1});
    EXPECT_EQ(order(), (order_of{fast, slow}));
}

TEST_P(sending, a_changed_priority_moves_what_waits) {
    const auto one = subscribed("one", with_priority(10));
    const auto two = subscribed("two", with_priority(20));
    const auto a = open(one, {.group = 1});
    const auto b = open(two, {.group = 1});
    const auto update = peer().next_request();
    publisher().handle_blocked(a);
    publisher().handle_blocked(b);
    peer().send_message(streams[two], msg::request_update{update, two, with_priority(5)});
    EXPECT_EQ(lone->take(kind::update_requested).update_id, update);
    ASSERT_TRUE(publisher().accept_update(now(), update));
    (void)order();
    publisher().handle_writable(a);
    publisher().handle_writable(b);
    EXPECT_EQ(order(), (order_of{b, a}));
}

TEST_P(sending, a_blocked_stream_lets_others_pass) {
    const auto id = subscribed("video");
    const auto a = open(id, {.group = 1});
    const auto b = open(id, {.group = 2});
    ASSERT_EQ(publisher().poll_send(now())->stream, a);
    publisher().handle_blocked(a);
    EXPECT_EQ(order(), order_of{b});
    publisher().handle_writable(a);
    EXPECT_EQ(order(), order_of{a});
}

TEST_P(sending, without_stream_credit_data_waits_and_control_does_not) {
    const auto id = subscribed("video");
    publisher().handle_stream_credit(0, 0);
    const auto a = open(id, {.group = 1});
    const auto b = open(id, {.group = 2});
    ASSERT_TRUE(publisher().goaway(now()));
    EXPECT_EQ(order(), order_of{peer().their_control()});
    publisher().handle_stream_credit(0, 1);
    EXPECT_EQ(order(), order_of{a});
    publisher().handle_stream_credit(0, 5);
    EXPECT_EQ(order(), order_of{b});
    ASSERT_TRUE(publisher().write_object(now(), a, 1, {}, text(lone->pool, "more")));
    publisher().handle_stream_credit(0, 0);
    EXPECT_EQ(order(), order_of{a}) << "a stream that is open needs no credit";
}

TEST_P(sending, a_stream_reset_before_it_was_opened_leaves_no_trace) {
    const auto id = subscribed("video");
    publisher().handle_stream_credit(0, 0);
    const auto a = open(id, {.group = 1});
    ASSERT_TRUE(publisher().reset_stream(now(), a, reset_code::cancelled));
    EXPECT_FALSE(publisher().poll_transmit());
    publisher().handle_stream_credit(0, 3);
    EXPECT_TRUE(order().empty());
    EXPECT_EQ(publisher().unsent_bytes(), 0u);
}

TEST_P(sending, an_expired_object_resets_its_stream_when_its_turn_comes) {
    message_params params;
    params.object_delivery_timeout = 100;
    const auto id = subscribed("video", params);
    const auto late = open(id, {.group = 1});
    publisher().handle_blocked(late);
    peer().advance(milliseconds(90));
    const auto fresh = open(id, {.group = 2});
    publisher().handle_blocked(fresh);
    peer().advance(milliseconds(20));
    publisher().handle_writable(late);
    publisher().handle_writable(fresh);
    EXPECT_EQ(order(), order_of{fresh});
    peer().pump();
    const auto stopped = lone->take(kind::stream_stopped);
    EXPECT_EQ(stopped.stream, late);
    EXPECT_EQ(stopped.reset, reset_code::delivery_timeout);
    EXPECT_FALSE(publisher().write_object(now(), late, 1, {}, {}));
}

TEST_P(sending, the_shorter_of_two_delivery_timeouts_counts) {
    message_params params;
    params.object_delivery_timeout = 1000;
    const auto id = subscribed("video", params, properties(property::object_delivery_timeout, 50));
    const auto late = open(id, {.group = 1});
    publisher().handle_blocked(late);
    peer().advance(milliseconds(60));
    publisher().handle_writable(late);
    EXPECT_TRUE(order().empty());
    peer().pump();
    EXPECT_EQ(lone->take(kind::stream_stopped).stream, late);
}

TEST_P(sending, a_reset_after_a_timeout_reaches_the_peer_with_its_code) {
    message_params params;
    params.object_delivery_timeout = 100;
    const auto id = subscribed("video", params);
    const auto stream = open(id, {.group = 1}, std::string(3000, 'x'));
    ASSERT_TRUE(publisher().poll_send(now()));
    publisher().handle_sent(now(), stream, 1000, false); // opened
    peer().advance(milliseconds(200));
    EXPECT_EQ(peer().streams[stream].reset, to_wire(rules(), reset_code::delivery_timeout));
}

TEST_P(sending, an_unacknowledged_subgroup_is_reset_when_its_time_is_over) {
    if (!rules().subgroup_timeout) GTEST_SKIP() << "later drafts";
    for (const bool by_track : {false, true}) {
        SCOPED_TRACE(by_track);
        message_params params;
        params.subgroup_delivery_timeout = by_track ? 5000 : 300;
        const auto id =
            subscribed(by_track ? "a" : "b", params,
                       properties(property::subgroup_delivery_timeout, by_track ? 300 : 5000));
        const auto stream = open(id, {.group = 1});
        peer().acknowledges = false;
        peer().pump();
        ASSERT_TRUE(publisher().finish_stream(now(), stream));
        peer().pump();
        ASSERT_TRUE(peer().streams[stream].fin);
        peer().advance(milliseconds(200));
        EXPECT_FALSE(peer().streams[stream].reset);
        peer().advance(milliseconds(200));
        EXPECT_EQ(peer().streams[stream].reset, to_wire(rules(), reset_code::delivery_timeout));
    }
}

TEST_P(sending, an_acknowledged_subgroup_is_never_reset) {
    if (!rules().subgroup_timeout) GTEST_SKIP() << "later drafts";
    message_params params;
    params.subgroup_delivery_timeout = 300;
    const auto id = subscribed("video", params);
    const auto stream = open(id, {.group = 1});
    ASSERT_TRUE(publisher().finish_stream(now(), stream));
    peer().pump();
    peer().advance(seconds(1));
    EXPECT_FALSE(peer().streams[stream].reset);
}

TEST_P(sending, a_stopped_stream_is_reset_and_told) {
    const auto id = subscribed("video");
    const auto stream = open(id, {.group = 1});
    peer().pump();
    peer().stop(stream, to_wire(rules(), reset_code::cancelled));
    EXPECT_TRUE(peer().streams[stream].reset);
    const auto stopped = lone->take(kind::stream_stopped);
    EXPECT_EQ(stopped.id, id);
    EXPECT_EQ(stopped.stream, stream);
    EXPECT_EQ(stopped.reset, reset_code::cancelled);
    EXPECT_FALSE(publisher().write_object(now(), stream, 1, {}, {}));
}

TEST_P(sending, memory_is_kept_until_it_is_acknowledged_and_no_longer) {
    const auto id = subscribed("video");
    const auto before = lone->pool.used();
    peer().acknowledges = false;
    const auto stream = open(id, {.group = 1}, std::string(4096, 'x'));
    ASSERT_TRUE(publisher().finish_stream(now(), stream));
    peer().pump();
    EXPECT_GE(lone->pool.used(), before + 4096);
    const auto size = peer().streams[stream].data.size();
    publisher().handle_acked(now(), stream, size - 1, false);
    EXPECT_GE(lone->pool.used(), before + 4096) << "a block goes when its last byte arrived";
    publisher().handle_acked(now(), stream, 1, true);
    EXPECT_EQ(lone->pool.used(), before);
}

TEST_P(sending, a_peer_that_does_not_read_control_is_given_up) {
    if (!rules().namespace_streams) GTEST_SKIP() << "announcements are requests, with credit";
    lone = nullptr;
    session_config config;
    config.max_control_queue = 10'000;
    lone = std::make_unique<lone_session>(GetParam(), role::server, config);
    lone->ready();
    const auto stream = peer().open_bidirectional();
    const auto id = peer().next_request();
    peer().send_message(stream, msg::subscribe_namespace{id});
    ASSERT_TRUE(publisher().accept(now(), id)) << peer().text(stream);
    peer().pump();
    publisher().handle_blocked(stream);
    result<void> announced{};
    for (int i = 0; i < 10'000 && announced; ++i)
        announced = publisher().announce_namespace(now(), id, {"n" + std::to_string(i)});
    EXPECT_FALSE(announced);
    peer().pump();
    EXPECT_EQ(peer().close_reason(), close_code::internal_error);
}
