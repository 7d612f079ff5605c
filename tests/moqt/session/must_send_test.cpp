#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/must_support.hpp>

/// What a session may and may not send, by the numbers of the conditions (docs/conformance.md).

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct must_send : must {
    /// The SETUP that the session sent.
    setup_options sent_setup(std::vector<std::byte>& body) {
        const auto stream = peer().their_control();
        if (rules().setup == setup_form::symmetric)
            return peer().last<msg::setup>(stream, body)->options;
        if (session().config().self == role::client)
            return peer().last<msg::client_setup>(stream, body)->options;
        return peer().last<msg::server_setup>(stream, body)->options;
    }
};

const track_namespace space{"live"};

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, must_send, ::testing::ValuesIn(listed_drafts()), draft_name);

// Setup -----------------------------------------------------------------------------------------

TEST_P(must_send, MUST_16_100_101_MUST_18_118_119_authority_and_path_of_a_native_client) {
    meet(role::client);
    std::vector<std::byte> body;
    const auto options = sent_setup(body);
    EXPECT_EQ(as_text(options.authority.value()), "example.org");
    EXPECT_EQ(as_text(options.path.value()), "/moq");
    // The path of a URI may be empty; it is told all the same.
    buffer_pool pool;
    moqt::session bare{
        instant{}, {.self = role::client, .version = GetParam(), .authority = "a.example"}, pool};
    bare.handle_stream_credit(10, 10);
    const auto offer = bare.poll_send(instant{});
    ASSERT_TRUE(offer);
    control_framer framer;
    bytes in = offer->chunks[0];
    const auto setup = framer.next(rules(), in, pool);
    ASSERT_TRUE(setup && *setup);
    const auto read = [&]<class M>(const M*) { return parse<M>(rules(), (*setup)->body)->options; };
    const auto without = rules().setup == setup_form::symmetric
                             ? read(static_cast<msg::setup*>(nullptr))
                             : read(static_cast<msg::client_setup*>(nullptr));
    ASSERT_TRUE(without.path);
    EXPECT_TRUE(without.path->empty());
}

TEST_P(must_send, MUST_16_102_MUST_18_120_no_authority_and_path_from_others) {
    session_config config;
    config.authority = "example.org";
    config.path = "/moq";
    std::vector<std::byte> body;
    meet(role::server, config);
    EXPECT_FALSE(sent_setup(body).authority || sent_setup(body).path);
    config.webtransport = true;
    meet(role::client, config);
    EXPECT_FALSE(sent_setup(body).authority || sent_setup(body).path);
}

TEST_P(must_send, MUST_16_098_099_MUST_18_116_117_parameters_ascend_and_stand_once) {
    meet(role::client);
    message_params params;
    params.object_delivery_timeout = 5;
    params.forward = true;
    params.subscriber_priority = 3;
    params.subscription_filter = subscription_filter{filter_type::absolute_start, {1, 1}, 0};
    params.group_order = group_order::descending;
    params.new_group_request = 1;
    ASSERT_TRUE(session().subscribe(now(), track(), params));
    peer().pump();
    std::vector<std::byte> body;
    // Deltas cannot descend, and the parser closes on a type that stands twice.
    const auto sent = peer().last<msg::subscribe>(0, body);
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->params.group_order, group_order::descending);
    EXPECT_EQ(sent->params.subscription_filter->start, (location{1, 1}));
}

TEST_P(must_send, MUST_16_113_MUST_18_134_nothing_that_was_not_negotiated) {
    meet(role::client);
    const auto id = session().subscribe(now(), track());
    ASSERT_TRUE(id);
    peer().pump();
    for (const auto& [stream, got] : peer().streams)
        for (const auto& m : peer().messages(stream))
            EXPECT_NE(msg::name_of(rules(), m.type), "unknown");
    message_params params;
    params.rendezvous_timeout = 5;
    params.subgroup_delivery_timeout = 5;
    EXPECT_EQ(session().subscribe(now(), track("b"), params).has_value(), rules().subgroup_timeout);
}

// Requests ----------------------------------------------------------------------------------------

TEST_P(must_send, MUST_16_103_no_request_without_credit) {
    if (!rules().request_credit) GTEST_SKIP() << "no limit in this draft";
    setup_options options;
    meet_setup(role::client, options);
    EXPECT_TRUE(session().established());
    EXPECT_FALSE(session().can_request());
    EXPECT_FALSE(session().subscribe(now(), track()));
    peer().pump();
    EXPECT_EQ(peer().count<msg::subscribe>(0), 0u);
    std::vector<std::byte> body;
    EXPECT_EQ(peer().last<msg::requests_blocked>(0, body)->limit, 0u);
    peer().send_message(peer().control(), msg::max_request_id{1});
    EXPECT_TRUE(session().subscribe(now(), track("a")));
    EXPECT_FALSE(session().subscribe(now(), track("b"))) << "request 2 is over the limit 1";
    peer().pump();
    EXPECT_EQ(peer().count<msg::subscribe>(0), 1u);
    EXPECT_EQ(peer().count<msg::requests_blocked>(0), 2u);
}

TEST_P(must_send, MUST_16_104_max_request_id_grows_by_ended_requests_alone) {
    if (!rules().request_credit) GTEST_SKIP() << "no limit in this draft";
    session_config config;
    config.max_requests = 4;
    meet(role::server, config);
    peer().send_message(peer().control(), msg::requests_blocked{8});
    peer().send_message(peer().control(), msg::requests_blocked{8});
    EXPECT_EQ(peer().count<msg::max_request_id>(0), 0u);
    std::uint64_t limit = 8;
    for (int i = 0; i < 20; ++i) {
        const auto id = peer().next_request();
        (void)ask(subscribe(id, track()));
        ASSERT_TRUE(session().reject(now(), id, request_error_code::timeout, ""));
        peer().pump();
    }
    for (const auto& m : peer().messages(0)) {
        if (m.type != msg::max_request_id::code(rules())) continue;
        const auto granted = parse<msg::max_request_id>(rules(), m.body);
        EXPECT_GT(granted->limit, limit);
        limit = granted->limit;
    }
    EXPECT_GE(limit, 40u);
    EXPECT_LE(limit, 48u);
}

TEST_P(must_send, MUST_16_114_to_118_MUST_18_135_to_139_one_answer_to_each_request) {
    meet();
    const auto name = track();
    const auto check = [&](stream_id stream, auto yes, request_id id) {
        ASSERT_TRUE(yes());
        EXPECT_FALSE(yes());
        EXPECT_FALSE(session().reject(now(), id, request_error_code::timeout, ""));
        peer().pump();
        std::size_t answers = 0;
        for (const auto& m : peer().messages(stream)) {
            const auto text = msg::name_of(rules(), m.type);
            if (!text.ends_with("_OK") && text != "REQUEST_ERROR") continue;
            if (!rules().request_streams && stream == 0) {
                reader io{rules(), bytes{m.body}};
                std::uint64_t answered = 0;
                io.varint("request_id", answered);
                if (answered != id) continue;
            }
            ++answers;
        }
        EXPECT_EQ(answers, 1u);
    };
    auto id = peer().next_request();
    check(
        ask(subscribe(id, track("a"))), [&] { return session().accept_subscribe(now(), id, 1); },
        id);
    id = peer().next_request();
    check(ask(publish(id, track("b"), 1)), [&] { return session().accept_publish(now(), id); }, id);
    id = peer().next_request();
    check(
        ask(fetch_of(id, name)), [&] { return session().accept_fetch(now(), id, {2, 0}, false); },
        id);
    id = peer().next_request();
    check(
        ask(msg::publish_namespace{id, space.view(), {}}),
        [&] { return session().accept(now(), id); }, id);
    id = peer().next_request();
    check(
        ask(msg::subscribe_namespace{.request_id = id, .track_namespace_prefix = space.view()}),
        [&] { return session().accept(now(), id); }, id);
    if (!rules().subscribe_tracks) return;
    id = peer().next_request();
    check(
        ask(msg::subscribe_tracks{id, space.view(), {}}),
        [&] { return session().accept(now(), id); }, id);
}

TEST_P(must_send, MUST_16_119_MUST_18_140_141_one_answer_to_each_update) {
    meet();
    const auto id = subscribed(track());
    std::vector<request_id> updates;
    for (int i = 0; i < 3; ++i) {
        updates.push_back(peer().next_request());
        peer().send_message(streams[id], msg::request_update{updates.back(), id, {}});
    }
    if (rules().request_streams) {
        EXPECT_FALSE(session().accept_update(now(), updates[1])) << "answers keep their order";
    }
    const auto before = peer().count<msg::request_ok>(streams[id]);
    for (const auto update : updates) {
        ASSERT_TRUE(session().accept_update(now(), update));
        EXPECT_FALSE(session().accept_update(now(), update));
    }
    peer().pump();
    EXPECT_EQ(peer().count<msg::request_ok>(streams[id]), before + 3);
}

TEST_P(must_send, MUST_16_110_MUST_18_127_a_clients_goaway_has_no_uri) {
    meet(role::client);
    EXPECT_FALSE(session().goaway(now(), "https://example.org/"));
    ASSERT_TRUE(session().goaway(now()));
    peer().pump();
    std::vector<std::byte> body;
    EXPECT_TRUE(peer().last<msg::goaway>(peer().their_control(), body)->new_session_uri.empty());
}

TEST_P(must_send, SHOULD_16_016_SHOULD_18_019_no_new_request_after_goaway) {
    meet(role::client);
    peer().send_message(peer().control(), msg::goaway{});
    EXPECT_FALSE(session().can_request());
    EXPECT_FALSE(session().subscribe(now(), track()));
    EXPECT_FALSE(session().publish_namespace(now(), space));
}

TEST_P(must_send, MUST_16_122_MUST_18_144_nothing_outside_the_filter) {
    meet();
    message_params params;
    params.subscription_filter = subscription_filter{filter_type::absolute_range, {2, 1}, 3};
    const auto id = subscribed(track(), params);
    for (const auto group : {0u, 1u, 4u})
        EXPECT_FALSE(session().open_subgroup(now(), id, {.group = group})) << group;
    const auto stream = session().open_subgroup(now(), id, {.group = 2});
    ASSERT_TRUE(stream);
    EXPECT_FALSE(session().write_object(now(), *stream, 0, {}, {}));
    EXPECT_FALSE(session().write_encoded(now(), *stream, std::nullopt, 0, {}, {}));
    EXPECT_TRUE(session().write_object(now(), *stream, 1, {}, {}));
    object item;
    for (const auto where : {location{2, 0}, location{4, 0}}) {
        item.location = where;
        EXPECT_FALSE(session().send_datagram(now(), id, item));
    }
    peer().pump();
    EXPECT_TRUE(peer().datagrams.empty());
}

TEST_P(must_send, MUST_16_124_MUST_18_145_nothing_for_a_refused_request) {
    meet();
    const auto id = peer().next_request();
    (void)ask(subscribe(id, track()));
    EXPECT_FALSE(session().open_subgroup(now(), id, {.group = 1})) << "not accepted yet";
    ASSERT_TRUE(session().reject(now(), id, request_error_code::uninterested, ""));
    EXPECT_FALSE(session().open_subgroup(now(), id, {.group = 1}));
    EXPECT_FALSE(session().send_datagram(now(), id, {}));
    meet();
    const auto mine = session().publish(now(), track(), 1);
    const auto stream = session().open_subgroup(now(), *mine, {.group = 1});
    ASSERT_TRUE(stream);
    peer().pump();
    peer().send_message(
        rules().request_streams ? 1 : peer().control(),
        msg::request_error{*mine, to_wire(rules(), request_error_code::uninterested)});
    EXPECT_TRUE(peer().streams[*stream].reset);
    EXPECT_FALSE(session().open_subgroup(now(), *mine, {.group = 2}));
}

TEST_P(must_send, MUST_16_126_127_MUST_18_147_148_publish_done_after_every_stream) {
    meet();
    const auto id = subscribed(track());
    const auto stream = session().open_subgroup(now(), id, {.group = 1});
    ASSERT_TRUE(session().write_object(now(), *stream, 0, {}, text(lone->pool, "x")));
    ASSERT_TRUE(session().publish_done(now(), id, publish_done_code::track_ended, ""));
    session().handle_blocked(*stream);
    peer().pump();
    EXPECT_EQ(peer().count<msg::publish_done>(streams[id]), 0u);
    EXPECT_NE(session().subscription(id), nullptr);
    session().handle_writable(*stream);
    peer().pump();
    EXPECT_TRUE(peer().streams[*stream].fin);
    EXPECT_EQ(peer().count<msg::publish_done>(streams[id]), 1u);
    EXPECT_EQ(session().subscription(id), nullptr);
    EXPECT_EQ(peer().streams[streams[id]].fin, rules().request_streams);
}

TEST_P(must_send, MUST_16_128_MUST_18_149_stream_count) {
    meet();
    const auto none = subscribed(track("none"));
    object item;
    item.forwarding = forwarding_preference::datagram;
    ASSERT_TRUE(session().send_datagram(now(), none, item));
    ASSERT_TRUE(session().publish_done(now(), none, publish_done_code::track_ended, ""));
    peer().pump();
    std::vector<std::byte> body;
    EXPECT_EQ(peer().last<msg::publish_done>(streams[none], body)->stream_count, 0u);
    const auto two = subscribed(track("two"));
    const auto a = session().open_subgroup(now(), two, {.group = 1});
    const auto b = session().open_subgroup(now(), two, {.group = 2});
    ASSERT_TRUE(a && b);
    peer().pump();
    ASSERT_TRUE(session().reset_stream(now(), *a, reset_code::cancelled));
    ASSERT_TRUE(session().publish_done(now(), two, publish_done_code::track_ended, ""));
    peer().pump();
    EXPECT_EQ(peer().last<msg::publish_done>(streams[two], body)->stream_count, 2u);
}

TEST_P(must_send, MUST_16_129_MUST_18_150_cancelling_a_fetch) {
    meet(role::client);
    const auto id = session().fetch(now(), track(), {0, 0}, {1, 0});
    ASSERT_TRUE(id);
    peer().pump();
    ASSERT_TRUE(session().cancel(now(), *id));
    peer().pump();
    if (rules().request_streams) {
        EXPECT_TRUE(peer().streams[stream_of(*id)].stopped);
    } else {
        EXPECT_EQ(peer().count<msg::fetch_cancel>(0), 1u);
    }
}

TEST_P(must_send, MUST_16_131_MUST_18_153_a_fetch_ends_behind_its_start) {
    meet(role::client);
    EXPECT_FALSE(session().fetch(now(), track(), {5, 2}, {4, 0}));
    EXPECT_FALSE(session().fetch(now(), track(), {5, 2}, {5, 2}));
    EXPECT_FALSE(session().fetch(now(), track(), {5, 2}, {5, 1}));
    EXPECT_TRUE(session().fetch(now(), track(), {5, 2}, {5, 3}));
    EXPECT_TRUE(session().fetch(now(), track(), {5, 2}, {5, 0})) << "0 is the whole group";
}

TEST_P(must_send, MUST_16_132_MUST_18_154_175_objects_of_a_fetch_keep_their_order) {
    meet();
    const auto id = peer().next_request();
    (void)ask(fetch_of(id, track()));
    ASSERT_TRUE(session().accept_fetch(now(), id, {9, 0}, false));
    const auto stream = session().open_fetch_stream(now(), id);
    ASSERT_TRUE(stream);
    object item;
    item.location = {5, 5};
    ASSERT_TRUE(session().write_fetch_object(now(), *stream, item));
    for (const auto where : {location{4, 9}, location{5, 4}, location{5, 5}}) {
        item.location = where;
        EXPECT_FALSE(session().write_fetch_object(now(), *stream, item)) << where.object;
    }
    item.location = {5, 6};
    EXPECT_TRUE(session().write_fetch_object(now(), *stream, item));
}

TEST_P(must_send, MUST_16_138_MUST_18_161_one_alias_for_one_track) {
    meet();
    (void)subscribed(track("a")); // alias 100
    const auto id = peer().next_request();
    (void)ask(subscribe(id, track("b")));
    EXPECT_FALSE(session().accept_subscribe(now(), id, 100));
    EXPECT_FALSE(session().publish(now(), track("c"), 100));
    EXPECT_TRUE(session().accept_subscribe(now(), id, 101));
}

TEST_P(must_send, MUST_18_163_prefix_updates_do_not_overlap) {
    if (!rules().subscribe_tracks) GTEST_SKIP() << "no such parameter in this draft";
    meet(role::client);
    const auto a = session().subscribe_tracks(now(), {"a"});
    const auto b = session().subscribe_tracks(now(), {"b"});
    ASSERT_TRUE(a && b);
    peer().pump();
    for (const auto id : {*a, *b})
        peer().send_message(stream_of(id), msg::request_ok{});
    message_params params;
    const track_namespace under{"a", "x"};
    params.track_namespace_prefix = under.view();
    EXPECT_FALSE(session().update(now(), *b, params));
    const track_namespace apart{"c"};
    params.track_namespace_prefix = apart.view();
    EXPECT_TRUE(session().update(now(), *b, params));
}

// Data
// ----------------------------------------------------------------------------------------------

TEST_P(must_send, MUST_16_140_MUST_18_167_170_subgroup_header) {
    meet();
    const auto id = subscribed(track());
    for (const bool first : {false, true}) {
        const auto stream = session().open_subgroup(
            now(), id, {.group = 4, .subgroup = first ? 1u : 2u, .first_object = first});
        ASSERT_TRUE(stream);
        peer().pump();
        reader io{rules(), bytes{peer().streams[*stream].data}};
        std::uint64_t type = 0;
        io.varint("type", type);
        auto header = subgroup_header::of_type(type);
        subgroup_header::describe(io, header);
        EXPECT_TRUE(io.ok());
        EXPECT_EQ(header.track_alias, 100 + id);
        EXPECT_EQ(header.group_id, 4u);
        EXPECT_EQ(header.subgroup_id, first ? 1u : 2u);
        EXPECT_EQ(header.first_object, first && rules().first_object_bit);
    }
}

TEST_P(must_send, MUST_16_143_144_MUST_18_171_172_fin_only_when_complete) {
    meet();
    const auto id = subscribed(track());
    const auto whole = session().open_subgroup(now(), id, {.group = 1});
    const auto cut = session().open_subgroup(now(), id, {.group = 2});
    ASSERT_TRUE(session().finish_stream(now(), *whole));
    peer().pump();
    EXPECT_TRUE(peer().streams[*whole].fin);
    // Forward 0 skips what follows, so the subgroup cannot end as if it were complete.
    message_params off;
    off.forward = false;
    const auto update = peer().next_request();
    peer().send_message(streams[id], msg::request_update{update, id, off});
    EXPECT_TRUE(peer().streams[*cut].reset);
    EXPECT_FALSE(peer().streams[*cut].fin);
    EXPECT_FALSE(session().finish_stream(now(), *cut));
    // A range that got narrower does the same to the groups that it leaves out.
    const auto second = subscribed(track("narrow"));
    const auto in = session().open_subgroup(now(), second, {.group = 5});
    const auto out = session().open_subgroup(now(), second, {.group = 9});
    ASSERT_TRUE(in && out);
    peer().pump();
    message_params range;
    range.subscription_filter = subscription_filter{filter_type::absolute_range, {5, 0}, 6};
    peer().send_message(streams[second], msg::request_update{peer().next_request(), second, range});
    EXPECT_FALSE(peer().streams[*in].reset);
    EXPECT_TRUE(peer().streams[*out].reset);
}

TEST_P(must_send, MUST_16_147_MUST_18_176_178_late_objects_reset_their_stream) {
    meet();
    message_params params;
    params.object_delivery_timeout = 50;
    const auto id = subscribed(track(), params);
    const auto stream = session().open_subgroup(now(), id, {.group = 1});
    ASSERT_TRUE(stream);
    peer().pump();
    session().handle_blocked(*stream);
    ASSERT_TRUE(session().write_object(now(), *stream, 0, {}, text(lone->pool, "late")));
    peer().advance(milliseconds(60));
    session().handle_writable(*stream);
    peer().pump();
    EXPECT_EQ(peer().streams[*stream].reset, to_wire(rules(), reset_code::delivery_timeout));
}

TEST_P(must_send, MUST_18_179_late_datagrams_are_dropped) {
    // A datagram goes to the transport at once or never: the session keeps none.
    meet();
    message_params params;
    params.object_delivery_timeout = 50;
    const auto id = subscribed(track(), params);
    ASSERT_TRUE(session().send_datagram(now(), id, object{}));
    peer().pump();
    EXPECT_EQ(peer().datagrams.size(), 1u);
    peer().advance(seconds(1));
    EXPECT_EQ(peer().datagrams.size(), 1u);
}

TEST_P(must_send, MUST_16_142_MUST_18_169_a_status_has_no_payload) {
    meet();
    const auto id = subscribed(track());
    const auto stream = session().open_subgroup(now(), id, {.group = 1});
    EXPECT_FALSE(session().write_object(now(), *stream, 0, {}, text(lone->pool, "x"),
                                        object_status::end_of_group));
    object item;
    item.status = object_status::end_of_group;
    item.payload = text(lone->pool, "x");
    EXPECT_FALSE(session().send_datagram(now(), id, item));
}

TEST_P(must_send, SHOULD_16_018_SHOULD_18_021_a_stopped_subgroup_is_not_reopened) {
    meet();
    const auto id = subscribed(track());
    const auto stream = session().open_subgroup(now(), id, {.group = 1, .subgroup = 3});
    peer().pump();
    peer().stop(*stream, to_wire(rules(), reset_code::cancelled));
    EXPECT_TRUE(peer().streams[*stream].reset);
    EXPECT_EQ(lone->take(kind::stream_stopped).stream, *stream) << "the application knows";
}
