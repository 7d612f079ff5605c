#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/scenario.hpp>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct objects : scenario {
    void write(data_stream stream, std::uint64_t id, std::string_view content,
               object_status status = object_status::normal) {
        ASSERT_TRUE(
            server().write_object(now(), stream, id, {}, text(pair->server_pool, content), status));
    }
    /// Every object that the client got, as `group:subgroup:object=payload`, in order.
    std::string arrived() {
        std::string out;
        for (const auto& e : client_log().events)
            if (e.what == kind::object)
                out += std::to_string(e.item.location.group) + ':' +
                       std::to_string(e.item.subgroup_id) + ':' +
                       std::to_string(e.item.location.object) + '=' + text(e.item.payload) + ' ';
        return out;
    }
};

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, objects, ::testing::ValuesIn(spoken_drafts), draft_name);

TEST_P(objects, travel_in_subgroups) {
    connect();
    const auto id = subscribed();
    const auto stream = server().open_subgroup(
        now(), id, {.group = 5, .subgroup = 2, .publisher_priority = 7, .end_of_group = true});
    ASSERT_TRUE(stream);
    write(*stream, 0, "first");
    write(*stream, 1, "");
    write(*stream, 4, "last");
    EXPECT_EQ(server().last_object(*stream), 4u);
    ASSERT_TRUE(server().finish_stream(now(), *stream));
    run();
    const auto opened = client_log().take(kind::subgroup_opened);
    EXPECT_EQ(opened.id, id);
    EXPECT_EQ(opened.item.location.group, 5u);
    EXPECT_EQ(opened.item.subgroup_id, 2u);
    EXPECT_EQ(opened.item.publisher_priority, 7);
    EXPECT_TRUE(opened.item.end_of_group);
    EXPECT_EQ(arrived(), "5:2:0=first 5:2:1= 5:2:4=last ");
    const auto object = client_log().take(kind::object);
    EXPECT_EQ(object.id, id);
    EXPECT_EQ(object.stream, opened.stream);
    EXPECT_EQ(object.item.publisher_priority, 7);
    EXPECT_EQ(object.item.forwarding, forwarding_preference::subgroup);
    const auto finished = client_log().take(kind::stream_finished);
    EXPECT_EQ(finished.id, id);
    EXPECT_EQ(finished.stream, opened.stream);
}

TEST_P(objects, travel_from_the_client_too) {
    connect();
    const auto id = client().publish(now(), track(), 9);
    ASSERT_TRUE(id);
    const auto stream = client().open_subgroup(now(), *id, {.group = 1});
    ASSERT_TRUE(stream) << "Forward is 1 unless said otherwise";
    ASSERT_TRUE(client().write_object(now(), *stream, 0, {}, text(pair->client_pool, "early")));
    run();
    // They came before the answer; who does not know the track yet may not lose them.
    ASSERT_TRUE(server().accept_publish(now(), server_log().take(kind::requested).id));
    ASSERT_TRUE(client().write_object(now(), *stream, 1, {}, text(pair->client_pool, "late")));
    ASSERT_TRUE(client().finish_stream(now(), *stream));
    run();
    EXPECT_EQ(text(server_log().take(kind::object).item.payload), "early");
    EXPECT_EQ(text(server_log().take(kind::object).item.payload), "late");
    EXPECT_EQ(server_log().count(kind::stream_finished), 1u);
}

TEST_P(objects, carry_status_and_properties) {
    connect();
    const auto id = subscribed();
    std::vector<std::byte> pairs(16);
    key_value_writer writer{rules(), pairs};
    writer.put(0x3c, 2);
    pairs.resize(*writer.size());
    const auto with = server().open_subgroup(now(), id, {.group = 3, .has_properties = true});
    ASSERT_TRUE(with);
    ASSERT_TRUE(server().write_object(now(), *with, 0, slice::copy(pair->server_pool, pairs),
                                      text(pair->server_pool, "x")));
    ASSERT_TRUE(server().write_object(now(), *with, 1, {}, {}, object_status::end_of_group));
    const auto without = server().open_subgroup(now(), id, {.group = 4});
    ASSERT_TRUE(without);
    EXPECT_FALSE(server().write_object(now(), *without, 0, slice::copy(pair->server_pool, pairs),
                                       text(pair->server_pool, "x")));
    write(*without, 0, "", object_status::end_of_track);
    run();
    const auto first = client_log().take(kind::object);
    EXPECT_TRUE(equal(first.item.properties.view(), pairs));
    EXPECT_EQ(client_log().take(kind::object).item.status, object_status::end_of_group);
    EXPECT_EQ(client_log().take(kind::object).item.status, object_status::end_of_track);
}

TEST_P(objects, have_growing_identifiers_in_a_subgroup) {
    connect();
    const auto id = subscribed();
    const auto stream = server().open_subgroup(now(), id, {.group = 0});
    ASSERT_TRUE(stream);
    write(*stream, 5, "a");
    EXPECT_FALSE(server().write_object(now(), *stream, 5, {}, {}));
    EXPECT_FALSE(server().write_object(now(), *stream, 4, {}, {}));
    write(*stream, 6, "b");
    ASSERT_TRUE(server().finish_stream(now(), *stream));
    EXPECT_FALSE(server().write_object(now(), *stream, 7, {}, {}));
    run();
    EXPECT_EQ(arrived(), "0:0:5=a 0:0:6=b ");
}

TEST_P(objects, the_same_header_serves_many_subscribers) {
    connect();
    const auto one = subscribed("a", 7);
    const auto two = subscribed("b", 8);
    const auto payload = text(pair->server_pool, "shared");
    const subgroup_header header{
        .track_alias = 7, .group_id = 1, .publisher_priority = default_priority};
    std::array<std::byte, 64> head{};
    object item;
    item.location = {1, 3};
    item.payload = payload;
    const auto size = encode_subgroup_object_header(rules(), header, std::nullopt, item, head);
    ASSERT_TRUE(size);
    const auto shared = slice::copy(pair->server_pool, bytes{head}.first(*size));
    for (const auto id : {one, two}) {
        const auto stream = server().open_subgroup(now(), id, {.group = 1});
        ASSERT_TRUE(stream);
        EXPECT_FALSE(server().write_encoded(now(), *stream, 2, 3, shared, payload));
        ASSERT_TRUE(server().write_encoded(now(), *stream, std::nullopt, 3, shared, payload));
        EXPECT_EQ(server().last_object(*stream), 3u);
    }
    run();
    EXPECT_EQ(arrived(), "1:0:3=shared 1:0:3=shared ");
}

TEST_P(objects, travel_in_datagrams) {
    connect();
    const auto id = subscribed();
    auto item = datagram_object(pair->server_pool, {3, 9}, "dgram");
    item.publisher_priority = 4;
    ASSERT_TRUE(server().send_datagram(now(), id, item));
    auto over = datagram_object(pair->server_pool, {3, 10}, "");
    over.status = object_status::end_of_group;
    ASSERT_TRUE(server().send_datagram(now(), id, over));
    run();
    const auto got = client_log().take(kind::object);
    EXPECT_EQ(got.id, id);
    EXPECT_EQ(got.stream, no_stream);
    EXPECT_EQ(got.item.location, (location{3, 9}));
    EXPECT_EQ(got.item.publisher_priority, 4);
    EXPECT_EQ(got.item.forwarding, forwarding_preference::datagram);
    EXPECT_EQ(text(got.item.payload), "dgram");
    EXPECT_EQ(client_log().take(kind::object).item.status, object_status::end_of_group);
}

TEST_P(objects, a_datagram_that_does_not_fit_is_dropped) {
    connect();
    const auto id = subscribed();
    ASSERT_TRUE(server().send_datagram(
        now(), id, datagram_object(pair->server_pool, {}, std::string(5000, 'x'))));
    run();
    EXPECT_EQ(client_log().count(kind::object), 0u);
    EXPECT_EQ(pair->link().statistics().datagrams_dropped, 1u);
}

TEST_P(objects, of_a_fetch_with_its_gaps) {
    connect();
    const auto id = client().fetch(now(), track(), {1, 0}, {3, 0});
    ASSERT_TRUE(id);
    run();
    (void)server_log().take(kind::requested);
    const auto stream = server().open_fetch_stream(now(), *id);
    ASSERT_TRUE(stream);
    EXPECT_FALSE(server().open_fetch_stream(now(), *id)) << "one stream for a FETCH";
    ASSERT_TRUE(server().accept_fetch(now(), *id, {3, 0}, true));
    object item;
    item.location = {1, 0};
    item.subgroup_id = 4;
    item.publisher_priority = 3;
    item.payload = text(pair->server_pool, "one");
    ASSERT_TRUE(server().write_fetch_object(now(), *stream, item));
    item.location = {1, 1};
    item.payload = text(pair->server_pool, "two");
    ASSERT_TRUE(server().write_fetch_object(now(), *stream, item));
    const bool says_gaps = is_range_end(rules(), fetch_bits::end_of_unknown_range);
    EXPECT_EQ(server().write_fetch_gap(now(), *stream, {2, 7}, true).has_value(), says_gaps);
    item.location = {3, 0};
    item.forwarding = forwarding_preference::datagram;
    item.payload = text(pair->server_pool, "three");
    ASSERT_TRUE(server().write_fetch_object(now(), *stream, item));
    EXPECT_EQ(server().write_fetch_gap(now(), *stream, {3, 9}, false).has_value(), says_gaps);
    ASSERT_TRUE(server().finish_stream(now(), *stream));
    run();
    const auto ok = client_log().take(kind::accepted).as<msg::fetch_ok>();
    ASSERT_TRUE(ok);
    EXPECT_EQ(ok->end, (location{3, 0}));
    EXPECT_EQ(ok->end_of_track, 1);
    const auto one = client_log().take(kind::object);
    EXPECT_EQ(one.id, *id);
    EXPECT_EQ(one.request, request_kind::fetch);
    EXPECT_EQ(one.item.subgroup_id, 4u);
    EXPECT_EQ(one.item.publisher_priority, 3);
    EXPECT_EQ(text(client_log().take(kind::object).item.payload), "two");
    const auto three = client_log().take(kind::object);
    EXPECT_EQ(three.item.location, (location{3, 0}));
    if (!says_gaps) { // nor how the publisher sent an object: it is a subgroup of its own
        EXPECT_EQ(three.item.forwarding, forwarding_preference::subgroup);
        EXPECT_EQ(three.item.subgroup_id, 0u);
        EXPECT_EQ(client_log().count(kind::fetch_gap), 0u);
        return;
    }
    EXPECT_EQ(three.item.forwarding, forwarding_preference::datagram);
    const auto unknown = client_log().take(kind::fetch_gap);
    EXPECT_EQ(unknown.item.location, (location{2, 7}));
    EXPECT_TRUE(unknown.gap_unknown);
    EXPECT_FALSE(client_log().take(kind::fetch_gap).gap_unknown);
    EXPECT_EQ(client_log().count(kind::stream_finished), 1u);
    EXPECT_EQ(client().request_count(), 0u);
    EXPECT_EQ(server().request_count(), 0u);
}

TEST_P(objects, of_a_descending_fetch) {
    connect();
    message_params params;
    params.group_order = group_order::descending;
    const auto id = client().fetch(now(), track(), {1, 0}, {3, 0}, params);
    ASSERT_TRUE(id);
    run();
    (void)server_log().take(kind::requested);
    ASSERT_TRUE(server().accept_fetch(now(), *id, {3, 0}, false));
    const auto stream = server().open_fetch_stream(now(), *id);
    ASSERT_TRUE(stream);
    for (const auto group : {3u, 2u, 1u})
        for (const auto number : {0u, 1u}) {
            object item;
            item.location = {group, number};
            ASSERT_TRUE(server().write_fetch_object(now(), *stream, item));
        }
    ASSERT_TRUE(server().finish_stream(now(), *stream));
    run();
    EXPECT_EQ(arrived(), "3:0:0= 3:0:1= 2:0:0= 2:0:1= 1:0:0= 1:0:1= ");
}

TEST_P(objects, a_fetch_stream_may_precede_its_ok_and_be_empty) {
    connect();
    const auto id = client().fetch(now(), track(), {1, 0}, {1, 0});
    ASSERT_TRUE(id);
    run();
    const auto stream = server().open_fetch_stream(now(), *id);
    ASSERT_TRUE(stream);
    ASSERT_TRUE(server().finish_stream(now(), *stream));
    run();
    EXPECT_EQ(client_log().count(kind::stream_finished), 1u);
    EXPECT_EQ(client().request_count(), 1u) << "the answer is still to come";
    ASSERT_TRUE(server().accept_fetch(now(), *id, {1, 0}, false));
    run();
    EXPECT_EQ(client_log().count(kind::accepted), 1u);
    EXPECT_EQ(client().request_count(), 0u);
    EXPECT_EQ(server().request_count(), 0u);
}

TEST_P(objects, a_joining_fetch_names_its_subscription) {
    if (!rules().typed_fetch) GTEST_SKIP() << "a fill in this draft";
    connect();
    message_params told;
    told.largest_object = location{9, 3};
    const auto id = subscribed("video", 7, {}, told);
    const auto join = client().joining_fetch(now(), msg::fetch_type::relative_joining, id, 2);
    ASSERT_TRUE(join);
    run();
    const auto asked = server_log().take(kind::requested);
    const auto m = asked.as<msg::fetch>();
    EXPECT_EQ(m->joining_request_id, id);
    EXPECT_EQ(m->joining_start, 2u);
    EXPECT_FALSE(client().joining_fetch(now(), msg::fetch_type::relative_joining, id + 40, 2));
    EXPECT_FALSE(client().joining_fetch(now(), msg::fetch_type::standalone, id, 2));
}

TEST_P(objects, a_reset_tells_the_subscriber_why) {
    connect();
    const auto id = subscribed();
    const auto stream = server().open_subgroup(now(), id, {.group = 1});
    ASSERT_TRUE(stream);
    write(*stream, 0, "whole");
    run();
    ASSERT_TRUE(server().reset_stream(now(), *stream, reset_code::delivery_timeout));
    EXPECT_FALSE(server().write_object(now(), *stream, 1, {}, {}));
    EXPECT_FALSE(server().finish_stream(now(), *stream));
    run();
    const auto reset = client_log().take(kind::stream_reset);
    EXPECT_EQ(reset.id, id);
    EXPECT_EQ(reset.reset, reset_code::delivery_timeout);
    EXPECT_EQ(arrived(), "1:0:0=whole ");
    EXPECT_EQ(server().unsent_bytes(), 0u);
}

TEST_P(objects, are_counted_until_they_are_sent) {
    link_config link;
    path_config slow;
    slow.rate = 10'000;
    link.to_client = slow;
    connect(link);
    const auto id = subscribed();
    const auto stream = server().open_subgroup(now(), id, {.group = 1});
    ASSERT_TRUE(stream);
    write(*stream, 0, std::string(30'000, 'x'));
    EXPECT_GE(server().unsent_bytes(), 30'000u);
    EXPECT_EQ(server().unsent_bytes(), server().unsent_bytes(id));
    EXPECT_EQ(server().unsent_bytes(id + 2), 0u);
    run(seconds(1));
    EXPECT_LT(server().unsent_bytes(), 25'000u);
    run(seconds(10));
    EXPECT_EQ(server().unsent_bytes(), 0u);
    EXPECT_EQ(server().unsent_bytes(id), 0u);
    EXPECT_EQ(client_log().count(kind::object), 1u);
}

TEST_P(objects, are_refused_where_the_filter_or_forward_does_not_let_them_pass) {
    connect();
    message_params asked;
    asked.subscription_filter = subscription_filter{filter_type::absolute_range, {5, 2}, 6};
    const auto id = subscribed("video", 7, asked);
    EXPECT_FALSE(server().open_subgroup(now(), id, {.group = 4}));
    EXPECT_FALSE(server().open_subgroup(now(), id, {.group = 7}));
    const auto stream = server().open_subgroup(now(), id, {.group = 5});
    ASSERT_TRUE(stream);
    EXPECT_FALSE(server().write_object(now(), *stream, 1, {}, {}));
    write(*stream, 2, "in");
    EXPECT_FALSE(server().send_datagram(now(), id, datagram_object(pair->server_pool, {7, 0}, "")));
    EXPECT_TRUE(server().send_datagram(now(), id, datagram_object(pair->server_pool, {6, 99}, "")));

    message_params off;
    off.forward = false;
    const auto update = client().update(now(), id, off);
    ASSERT_TRUE(update);
    run();
    EXPECT_FALSE(server().open_subgroup(now(), id, {.group = 6}));
    EXPECT_FALSE(server().send_datagram(now(), id, datagram_object(pair->server_pool, {6, 0}, "")));
    ASSERT_TRUE(server().accept_update(now(), *update));
    run();
    EXPECT_EQ(client_log().count(kind::stream_reset), 1u) << "Forward 0 cut the subgroup short";
    message_params on;
    on.forward = true;
    const auto again = client().update(now(), id, on);
    ASSERT_TRUE(again);
    run();
    ASSERT_TRUE(server().accept_update(now(), *again));
    EXPECT_TRUE(server().open_subgroup(now(), id, {.group = 6}));
}

TEST_P(objects, large_ones_survive_small_packets) {
    link_config link;
    link.to_client.smallest_packet = 1;
    link.to_client.largest_packet = 50;
    connect(link);
    const auto id = subscribed();
    std::string content(200'000, '\0');
    random_source random{5};
    for (auto& c : content)
        c = static_cast<char>(random.next());
    const auto stream = server().open_subgroup(now(), id, {.group = 1});
    ASSERT_TRUE(stream);
    write(*stream, 0, content);
    write(*stream, 1, "after");
    ASSERT_TRUE(server().finish_stream(now(), *stream));
    run(seconds(20));
    EXPECT_EQ(text(client_log().take(kind::object).item.payload), content);
    EXPECT_EQ(text(client_log().take(kind::object).item.payload), "after");
    EXPECT_EQ(client_log().count(kind::stream_finished), 1u);
}

TEST_P(objects, over_the_limit_cost_their_stream_and_not_the_session) {
    auto config = config_of(GetParam());
    config.max_object_payload = 1000;
    connect(config);
    const auto id = subscribed();
    const auto big = server().open_subgroup(now(), id, {.group = 1});
    const auto small = server().open_subgroup(now(), id, {.group = 2});
    ASSERT_TRUE(big && small);
    write(*big, 0, std::string(1001, 'x'));
    write(*small, 0, std::string(1000, 'x'));
    run();
    EXPECT_FALSE(client().closed());
    EXPECT_EQ(client_log().count(kind::object), 1u);
    EXPECT_EQ(server_log().count(kind::stream_stopped), 1u);
    EXPECT_EQ(client_log().take(kind::stream_reset).id, id);
}

TEST_P(objects, wait_in_the_transport_when_the_application_does_not_read) {
    auto config = config_of(GetParam());
    config.max_events = 8;
    config.self = role::client;
    buffer_pool pool;
    {
        session reading{instant{}, config, pool};
        raw_peer peer{reading};
        peer.set_up();
        const auto id = reading.subscribe(instant{}, track());
        ASSERT_TRUE(id);
        peer.pump();
        const auto stream = rules().request_streams ? 0u : peer.control();
        peer.send_message(stream, msg::subscribe_ok{*id, 7, {}, {}});
        std::vector<std::byte> data(64);
        const subgroup_header header{
            .track_alias = 7, .group_id = 1, .publisher_priority = default_priority};
        data.resize(*encode_subgroup_header(rules(), header, data));
        for (int i = 0; i < 100; ++i)
            data.insert(data.end(), {std::byte{0}, std::byte{1}, static_cast<std::byte>(i)});
        std::size_t got = 0;
        const auto in = peer.open_unidirectional();
        bytes left{data};
        int rounds = 0;
        while (!left.empty()) {
            const auto taken = reading.handle_stream(instant{}, in, left, true);
            ASSERT_LE(taken, left.size());
            left = left.subspan(taken);
            std::size_t events = 0;
            while (const auto e = reading.poll_event()) {
                ++events;
                got += e->what == kind::object ? 1 : 0;
            }
            ASSERT_LE(events, 10u);
            ASSERT_LT(++rounds, 50);
        }
        EXPECT_GT(rounds, 10);
        EXPECT_EQ(got, 100u);
    }
    EXPECT_EQ(pool.used(), 0u);
}
