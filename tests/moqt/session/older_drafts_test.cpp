#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/must_support.hpp>

// What drafts 14, 15 and 17 demand and the lists of MUSTs for 16 and 18 do not have.

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct older : must {
    static std::vector<draft> drafts() {
        std::vector<draft> out;
        for (const auto d : spoken_drafts)
            if (!rules_for(d).namespace_streams || rules_for(d).required_request_delta)
                out.push_back(d);
        return out;
    }
    [[nodiscard]] bool is_before_namespaces() const { return !rules().namespace_messages; }
};

const track_namespace live{"live"};

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, older, ::testing::ValuesIn(older::drafts()), draft_name);

// Draft 14, `setup-versions`.
TEST_P(older, a_version_that_was_not_offered_closes) {
    if (rules().setup != setup_form::versions) GTEST_SKIP() << "ALPN has chosen";
    setup_options options;
    options.max_request_id = 10;
    begin(role::server);
    const auto stream = peer().open_bidirectional();
    msg::version_list others;
    others.numbers[0] = 0xff00000d;
    others.count = 1;
    peer().send_message(stream, msg::client_setup{options, others});
    expect_closed(close_code::version_negotiation_failed);
    begin(role::client);
    peer().send_message(peer().control(), msg::server_setup{options, 0xff00000d});
    expect_closed(close_code::version_negotiation_failed);
    begin(role::server);
    others.numbers[1] = rules().version;
    others.count = 2;
    peer().send_message(peer().open_bidirectional(), msg::client_setup{options, others});
    expect_open();
    std::vector<std::byte> kept;
    const auto answer = peer().last<msg::server_setup>(peer().their_control(), kept);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->selected_version, rules().version);
}

// Drafts 14 and 15, `message-subscribe-req`.
TEST_P(older, a_second_subscribe_closes) {
    if (!is_before_namespaces()) GTEST_SKIP() << "DUPLICATE_SUBSCRIPTION refuses it";
    meet();
    (void)subscribed(track());
    (void)ask(subscribe(peer().next_request(), track()));
    expect_closed(close_code::protocol_violation);
}

// Drafts 14 and 15, `message-subscribe-update`: the start must not go back; in 14 the end must not
// move on either.
TEST_P(older, an_update_that_widens_closes) {
    if (!rules().updates_only_narrow) GTEST_SKIP() << "later updates may";
    const auto updated = [&](location start, std::uint64_t end) {
        meet();
        message_params asked;
        asked.subscription_filter = subscription_filter{filter_type::absolute_range, {5, 2}, 20};
        const auto id = subscribed(track(), asked);
        message_params params;
        params.subscription_filter = subscription_filter{filter_type::absolute_range, start, end};
        peer().send_message(peer().control(),
                            msg::request_update{peer().next_request(), id, params});
    };
    updated({5, 3}, 10);
    expect_open();
    EXPECT_EQ(session().subscription(0)->first_wanted, (location{5, 3}));
    EXPECT_EQ(session().subscription(0)->last_wanted_group, 10u);
    updated({5, 1}, 10);
    expect_closed(close_code::protocol_violation);
    updated({5, 2}, 21);
    if (rules().unified_errors)
        expect_open();
    else
        expect_closed(close_code::protocol_violation);
}

// Draft 14: SUBSCRIBE_UPDATE repeats all that it does not change, and nobody answers.
TEST_P(older, an_update_says_everything_and_has_no_answer) {
    if (rules().unified_errors) GTEST_SKIP() << "draft 14 alone";
    meet(role::client);
    message_params asked;
    asked.subscription_filter = subscription_filter{filter_type::absolute_range, {5, 2}, 20};
    asked.subscriber_priority = 9;
    const auto id = session().subscribe(now(), track(), asked);
    ASSERT_TRUE(id);
    peer().pump();
    message_params pause;
    pause.forward = false;
    const auto update = session().update(now(), *id, pause);
    ASSERT_TRUE(update);
    peer().pump();
    std::vector<std::byte> kept;
    const auto sent = peer().last<msg::request_update>(peer().their_control(), kept);
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->existing_request_id, *id);
    EXPECT_EQ(sent->params.subscription_filter, asked.subscription_filter);
    EXPECT_EQ(sent->params.subscriber_priority, 9);
    EXPECT_EQ(sent->params.forward, false);
    EXPECT_EQ(lone->take(kind::update_accepted).update_id, *update);
    // The publisher keeps the filter that a joining FETCH looks at.
    meet();
    message_params largest;
    largest.subscription_filter = subscription_filter{};
    message_params told;
    told.largest_object = location{4, 1};
    const auto theirs = subscribed(track(), largest, told);
    message_params same;
    same.subscription_filter = subscription_filter{filter_type::absolute_start, {4, 2}, 0};
    peer().send_message(peer().control(), msg::request_update{peer().next_request(), theirs, same});
    (void)ask(msg::fetch{.request_id = peer().next_request(),
                         .type = msg::fetch_type::relative_joining,
                         .joining_request_id = theirs});
    expect_open();
    EXPECT_EQ(lone->take(kind::update_requested).id, theirs);
    EXPECT_EQ(lone->take(kind::requested).request, request_kind::fetch);
}

// Draft 14: an answer has the type of what it answers.
TEST_P(older, an_answer_of_another_kind_closes) {
    if (rules().unified_errors) GTEST_SKIP() << "draft 14 alone";
    meet(role::client);
    auto id = session().subscribe(now(), track());
    ASSERT_TRUE(id);
    peer().pump();
    peer().send_message(peer().control(), msg::fetch_error{{*id, 4}});
    expect_closed(close_code::protocol_violation);
    meet(role::client);
    id = session().publish_namespace(now(), live);
    peer().pump();
    peer().send_message(peer().control(), msg::subscribe_namespace_ok{{*id}});
    expect_closed(close_code::protocol_violation);
}

// Draft 14: each kind of request has a registry of errors.
TEST_P(older, errors_are_numbered_by_the_registry_of_the_request) {
    if (rules().unified_errors) GTEST_SKIP() << "draft 14 alone";
    meet();
    std::vector<std::byte> kept;
    const auto id = peer().next_request();
    (void)ask(msg::fetch{.request_id = id, .track_namespace = live.view()});
    ASSERT_TRUE(session().reject(now(), id, request_error_code::no_objects, "none"));
    peer().pump();
    const auto fetched = peer().last<msg::fetch_error>(peer().their_control(), kept);
    ASSERT_TRUE(fetched);
    EXPECT_EQ(fetched->error_code, 6u);
    const auto other = peer().next_request();
    (void)ask(subscribe(other, track()));
    ASSERT_TRUE(session().reject(now(), other, request_error_code::no_objects, "none"));
    peer().pump();
    const auto subscribed_to = peer().last<msg::subscribe_error>(peer().their_control(), kept);
    ASSERT_TRUE(subscribed_to);
    EXPECT_EQ(subscribed_to->error_code, 0u) << "no such error: INTERNAL_ERROR";
    meet(role::client);
    const auto mine = session().fetch(now(), track(), {}, {1, 0});
    peer().pump();
    peer().send_message(peer().control(), msg::fetch_error{{*mine, 5}});
    EXPECT_EQ(lone->take(kind::rejected).request_error, request_error_code::invalid_range);
}

// Drafts 14 and 15, `track-discovery`: PUBLISH_NAMESPACE answers SUBSCRIBE_NAMESPACE.
TEST_P(older, namespaces_are_published_to_those_who_ask) {
    if (!is_before_namespaces()) GTEST_SKIP() << "NAMESPACE says so";
    meet();
    const auto id = peer().next_request();
    peer().send_message(peer().control(), msg::subscribe_namespace{id, live.view()});
    ASSERT_TRUE(session().accept(now(), id));
    ASSERT_TRUE(session().announce_namespace(now(), id, {"a"}));
    peer().pump();
    const auto out = peer().their_control();
    std::vector<std::byte> kept;
    const auto published = peer().last<msg::publish_namespace>(out, kept);
    ASSERT_TRUE(published);
    EXPECT_EQ(track_namespace{published->track_namespace}, (track_namespace{"live", "a"}));
    if (rules().unified_errors)
        peer().send_message(peer().control(), msg::request_ok{published->request_id});
    else
        peer().send_message(peer().control(), msg::publish_namespace_ok{{published->request_id}});
    EXPECT_EQ(events(kind::accepted), 0u) << "it was not the application's";
    ASSERT_TRUE(session().withdraw_namespace(now(), id, {"a"}));
    peer().pump();
    EXPECT_EQ(peer().count<msg::publish_namespace_done>(out), 1u);
    ASSERT_TRUE(session().announce_namespace(now(), id, {"b"}));
    peer().pump();
    // Whoever asks no more is told that what it was told of is over.
    peer().send_message(peer().control(), msg::unsubscribe_namespace{id, live.view()});
    EXPECT_EQ(lone->take(kind::cancelled).id, id);
    EXPECT_EQ(peer().count<msg::publish_namespace_done>(out), 2u);
    EXPECT_EQ(session().request_count(), 0u);
    expect_open();
}

TEST_P(older, announcements_wait_for_credit) {
    if (!is_before_namespaces()) GTEST_SKIP() << "NAMESPACE needs none";
    setup_options options;
    options.max_request_id = 2; // one request of the server
    meet_setup(role::server, options, true);
    const auto id = peer().next_request();
    peer().send_message(peer().control(), msg::subscribe_namespace{id, live.view()});
    ASSERT_TRUE(session().accept(now(), id));
    for (const auto* const name : {"a", "b", "c"})
        ASSERT_TRUE(session().announce_namespace(now(), id, {name}));
    ASSERT_TRUE(session().withdraw_namespace(now(), id, {"c"}));
    peer().pump();
    EXPECT_EQ(peer().count<msg::publish_namespace>(peer().their_control()), 1u);
    peer().send_message(peer().control(), msg::max_request_id{20});
    EXPECT_EQ(peer().count<msg::publish_namespace>(peer().their_control()), 2u);
    expect_open();
}

TEST_P(older, a_namespace_that_answers_us_is_told_as_namespace) {
    if (!is_before_namespaces()) GTEST_SKIP() << "NAMESPACE says so";
    meet(role::client);
    const auto id = session().subscribe_namespace(now(), live);
    ASSERT_TRUE(id);
    peer().pump();
    const track_namespace whole{"live", "a"};
    const track_namespace other{"other"};
    peer().send_message(peer().control(),
                        msg::publish_namespace{peer().next_request(), whole.view()});
    const auto added = lone->take(kind::namespace_added);
    EXPECT_EQ(added.id, *id);
    EXPECT_EQ(track_namespace{added.as<msg::namespace_message>()->track_namespace_suffix},
              track_namespace{"a"});
    EXPECT_EQ(events(kind::requested), 0u);
    // What was not asked for is the application's to answer.
    const auto second = peer().next_request();
    peer().send_message(peer().control(), msg::publish_namespace{second, other.view()});
    EXPECT_EQ(lone->take(kind::requested).id, second);
    peer().send_message(peer().control(), msg::publish_namespace_done{0, whole.view()});
    EXPECT_EQ(lone->take(kind::namespace_removed).id, *id);
    peer().send_message(peer().control(), msg::publish_namespace_done{0, other.view()});
    EXPECT_EQ(lone->take(kind::cancelled).id, second);
    ASSERT_TRUE(session().cancel(now(), *id));
    peer().pump();
    EXPECT_EQ(peer().count<msg::unsubscribe_namespace>(peer().their_control()), 1u);
    EXPECT_EQ(session().request_count(), 0u);
    expect_open();
}

// Drafts 14 and 15: what later is a property of the track is a parameter.
TEST_P(older, the_tracks_properties_travel_as_parameters) {
    if (rules().track_properties) GTEST_SKIP() << "properties say it";
    meet();
    const auto id = peer().next_request();
    (void)ask(subscribe(id, track()));
    std::array<std::byte, 64> block{};
    track_properties known;
    known.max_cache_duration = 60000;
    known.object_delivery_timeout = 500;
    known.default_publisher_group_order = group_order::descending;
    const auto size = write_properties(rules(), known, block);
    ASSERT_TRUE(size);
    ASSERT_TRUE(session().accept_subscribe(now(), id, 4, {}, bytes{block}.first(*size)));
    peer().pump();
    std::vector<std::byte> kept;
    const auto ok = peer().last<msg::subscribe_ok>(peer().their_control(), kept);
    ASSERT_TRUE(ok);
    EXPECT_EQ(ok->params.max_cache_duration, 60000u);
    EXPECT_EQ(ok->params.object_delivery_timeout, 500u);
    EXPECT_EQ(ok->params.group_order, group_order::descending);
    meet(role::client);
    const auto mine = session().subscribe(now(), track());
    peer().pump();
    peer().send_message(peer().control(), msg::subscribe_ok{*mine, 4, ok->params, {}});
    const auto accepted = lone->take(kind::accepted);
    const auto read = read_track_properties(rules(), accepted.track_properties());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->max_cache_duration, 60000u);
    EXPECT_EQ(read->default_publisher_group_order, group_order::descending);
    EXPECT_EQ(session().subscription(*mine)->effective_order(), group_order::descending);
    EXPECT_EQ(session().subscription(*mine)->object_timeout(), 500u);
}

// Draft 17, `required-request-id`.
TEST_P(older, a_request_waits_for_the_one_it_depends_on) {
    if (!rules().required_request_delta) GTEST_SKIP() << "draft 17 alone";
    meet();
    auto dependent = subscribe(4, track("dependent"));
    dependent.required_request_id_delta = 1;
    const auto stream = ask(dependent);
    EXPECT_EQ(events(kind::requested), 0u);
    message_params off;
    off.forward = false;
    peer().send_message(stream, msg::request_update{6, 0, off}); // waits behind it
    (void)ask(subscribe(0, track("first")));
    EXPECT_EQ(lone->take(kind::requested).id, 0u);
    EXPECT_EQ(events(kind::requested), 0u);
    (void)ask(subscribe(2, track("required")));
    EXPECT_EQ(lone->take(kind::requested).id, 2u);
    EXPECT_EQ(lone->take(kind::requested).id, 4u);
    EXPECT_EQ(lone->take(kind::update_requested).update_id, 6u);
    // What depends on something that was there does not wait.
    auto late = subscribe(8, track("late"));
    late.required_request_id_delta = 4;
    (void)ask(late);
    EXPECT_EQ(lone->take(kind::requested).id, 8u);
    expect_open();
}

TEST_P(older, a_dependency_that_never_comes_times_out) {
    if (!rules().required_request_delta) GTEST_SKIP() << "draft 17 alone";
    meet();
    auto dependent = subscribe(4, track());
    dependent.required_request_id_delta = 2;
    const auto stream = ask(dependent);
    peer().advance(seconds(11));
    EXPECT_EQ(events(kind::requested), 0u);
    expect_rejected(stream, request_error_code::timeout);
}

TEST_P(older, a_dependency_below_zero_closes) {
    if (!rules().required_request_delta) GTEST_SKIP() << "draft 17 alone";
    meet();
    auto request = subscribe(4, track());
    request.required_request_id_delta = 3;
    (void)ask(request);
    expect_closed(close_code::invalid_required_request_id);
}

TEST_P(older, a_seven_byte_integer_closes) {
    if (rules().varint != varint_form::leading_ones_no7) GTEST_SKIP() << "draft 17 alone";
    for (const auto first : {std::byte{0xfc}, std::byte{0xfd}}) {
        meet();
        const std::array bad{first,        std::byte{0}, std::byte{0}, std::byte{0},
                             std::byte{0}, std::byte{0}, std::byte{5}};
        peer().send(peer().open_unidirectional(), bad);
        expect_closed(close_code::protocol_violation);
    }
}
