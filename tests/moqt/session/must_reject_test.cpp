#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/must_support.hpp>

/// Conditions of the drafts that refuse a request or end it while the session goes on, by their
/// numbers (docs/conformance.md).

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct must_reject : must {};

using enum request_error_code;

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, must_reject, ::testing::ValuesIn(listed_drafts()), draft_name);

// Requests ------------------------------------------------------------------------------------

TEST_P(must_reject, MUST_16_064_MUST_18_070_second_subscription_to_a_track) {
    if (rules().several_subscriptions) GTEST_SKIP() << "allowed in this draft";
    meet();
    (void)subscribed(track());
    expect_rejected(ask(subscribe(peer().next_request(), track())), duplicate_subscription);
    EXPECT_EQ(events(kind::requested), 0u);
    meet(role::client);
    (void)subscribing(track(), 3);
    expect_rejected(ask(publish(peer().next_request(), track(), 4)), duplicate_subscription);
    meet();
    const auto first = peer().next_request();
    (void)ask(publish(first, track(), 1));
    ASSERT_TRUE(session().accept_publish(now(), first));
    expect_rejected(ask(publish(peer().next_request(), track(), 2)), duplicate_subscription);
    // The other direction is another role, so it is no second one.
    meet();
    (void)subscribed(track());
    (void)ask(publish(peer().next_request(), track(), 4));
    EXPECT_EQ(events(kind::requested), 1u);
}

TEST_P(must_reject, MUST_16_065_MUST_18_071_subscribe_while_our_publish_waits) {
    if (rules().several_subscriptions) GTEST_SKIP() << "allowed in this draft";
    meet();
    ASSERT_TRUE(session().publish(now(), track(), 3));
    peer().pump();
    expect_rejected(ask(subscribe(peer().next_request(), track())), duplicate_subscription);
}

TEST_P(must_reject, MUST_16_066_MUST_18_072_joining_fetch_of_no_subscription) {
    if (!rules().typed_fetch) GTEST_SKIP() << "no joining FETCH in this draft";
    const auto join = [&](request_id joined) {
        return ask(msg::fetch{.request_id = peer().next_request(),
                              .type = msg::fetch_type::relative_joining,
                              .joining_request_id = joined,
                              .joining_start = 1});
    };
    meet();
    expect_rejected(join(40), invalid_joining_request_id);
    meet();
    const auto space = peer().next_request();
    const track_namespace name{"a"};
    (void)ask(msg::publish_namespace{space, name.view(), {}});
    expect_rejected(join(space), invalid_joining_request_id);
    meet();
    ASSERT_TRUE(session().publish(now(), track(), 3)); // Pending(publisher) does not count
    peer().pump();
    expect_rejected(join(1), invalid_joining_request_id);
    meet();
    const auto gone = peer().next_request();
    (void)ask(subscribe(gone, track()));
    ASSERT_TRUE(session().reject(now(), gone, does_not_exist, ""));
    expect_rejected(join(gone), invalid_joining_request_id);
}

TEST_P(must_reject, MUST_16_067_MUST_18_073_joining_fetch_of_a_track_without_objects) {
    if (!rules().typed_fetch) GTEST_SKIP() << "no joining FETCH in this draft";
    meet();
    const auto id = subscribed(track());
    expect_rejected(ask(msg::fetch{.request_id = peer().next_request(),
                                   .type = msg::fetch_type::relative_joining,
                                   .joining_request_id = id,
                                   .joining_start = 1}),
                    invalid_range);
}

TEST_P(must_reject, MUST_18_074_joining_fetch_while_forward_is_0) {
    if (!rules().typed_fetch) GTEST_SKIP() << "no joining FETCH in this draft";
    if (!rules().joining_by_forward) GTEST_SKIP() << "a rule of later drafts";
    meet();
    message_params params;
    params.forward = false;
    message_params told;
    told.largest_object = location{3, 3};
    const auto id = subscribed(track(), params, told);
    const auto stream = ask(msg::fetch{.request_id = peer().next_request(),
                                       .type = msg::fetch_type::absolute_joining,
                                       .joining_request_id = id,
                                       .joining_start = 1});
    if (rules().joining_closes) return expect_closed(close_code::protocol_violation);
    expect_rejected(stream, invalid_range);
}

TEST_P(must_reject, MUST_16_069_MUST_18_077_overlapping_namespace_prefix) {
    const track_namespace whole{"live", "a"};
    const track_namespace part{"live"};
    const track_namespace other{"vod"};
    for (const auto& second : {whole, part, track_namespace{}, track_namespace{"live", "a", "b"}}) {
        meet();
        const auto first = peer().next_request();
        (void)ask(
            msg::subscribe_namespace{.request_id = first, .track_namespace_prefix = whole.view()});
        ASSERT_TRUE(session().accept(now(), first));
        expect_rejected(ask(msg::subscribe_namespace{.request_id = peer().next_request(),
                                                     .track_namespace_prefix = second.view()}),
                        prefix_overlap);
        peer().events.clear();
        (void)ask(msg::subscribe_namespace{.request_id = peer().next_request(),
                                           .track_namespace_prefix = other.view()});
        EXPECT_EQ(events(kind::requested), 1u);
    }
}

TEST_P(must_reject, MUST_18_078_overlapping_tracks_prefix) {
    if (!rules().subscribe_tracks) GTEST_SKIP() << "no such request in this draft";
    meet();
    const track_namespace whole{"live", "a"};
    const track_namespace part{"live"};
    const auto first = peer().next_request();
    (void)ask(msg::subscribe_tracks{first, whole.view(), {}});
    ASSERT_TRUE(session().accept(now(), first));
    peer().events.clear();
    (void)ask(msg::subscribe_namespace{.request_id = peer().next_request(),
                                       .track_namespace_prefix = part.view()});
    EXPECT_EQ(events(kind::requested), 1u) << "the two kinds do not touch each other";
    expect_rejected(ask(msg::subscribe_tracks{peer().next_request(), part.view(), {}}),
                    prefix_overlap);
}

TEST_P(must_reject, MUST_18_079_update_to_an_overlapping_prefix) {
    if (!rules().subscribe_tracks) GTEST_SKIP() << "no such parameter in this draft";
    meet();
    const track_namespace a{"a"};
    const track_namespace b{"b"};
    const auto first = peer().next_request();
    (void)ask(msg::subscribe_tracks{first, a.view(), {}});
    ASSERT_TRUE(session().accept(now(), first));
    const auto second = peer().next_request();
    const auto stream = ask(msg::subscribe_tracks{second, b.view(), {}});
    ASSERT_TRUE(session().accept(now(), second));
    peer().pump();
    message_params params;
    const track_namespace under{"a", "x"};
    params.track_namespace_prefix = under.view();
    peer().send_message(stream, msg::request_update{peer().next_request(), second, params});
    expect_rejected(stream, prefix_overlap);
}

TEST_P(must_reject, MUST_18_083_namespace_dot) {
    if (!rules().reserved_namespaces) GTEST_SKIP() << "no reserved names in this draft";
    const track_namespace dot{"."};
    const full_track_name name{track_namespace{".", "a"}, "video"};
    meet();
    const auto next = [&] { return peer().next_request(); };
    expect_rejected(ask(subscribe(next(), name)), does_not_exist);
    expect_rejected(ask(publish(next(), name, 1)), does_not_exist);
    expect_rejected(ask(fetch_of(next(), name)), does_not_exist);
    expect_rejected(ask(msg::track_status{next(), name.space.view(), as_bytes(name.name), {}}),
                    does_not_exist);
    expect_rejected(ask(msg::publish_namespace{next(), dot.view(), {}}), does_not_exist);
    expect_rejected(
        ask(msg::subscribe_namespace{.request_id = next(), .track_namespace_prefix = dot.view()}),
        does_not_exist);
    expect_rejected(ask(msg::subscribe_tracks{next(), dot.view(), {}}), does_not_exist);
    EXPECT_EQ(events(kind::requested), 0u);
}

TEST_P(must_reject, MUST_18_084_085_165_names_of_the_session_stay_in_it) {
    if (!rules().reserved_namespaces) GTEST_SKIP() << "no reserved names in this draft";
    meet();
    for (const auto* name : {"", "stats"})
        expect_rejected(ask(subscribe(peer().next_request(),
                                      full_track_name{track_namespace{".session"}, name})),
                        does_not_exist);
    const track_namespace under{".session", "x"};
    const auto next = [&] { return peer().next_request(); };
    expect_rejected(
        ask(msg::subscribe_namespace{.request_id = next(), .track_namespace_prefix = under.view()}),
        does_not_exist);
    // What a peer publishes there reaches no application, which might pass it on.
    expect_rejected(ask(publish(next(), full_track_name{under, "video"}, 1)), does_not_exist);
    expect_rejected(ask(msg::publish_namespace{next(), under.view(), {}}), does_not_exist);
    EXPECT_EQ(events(kind::requested), 0u);
}

TEST_P(must_reject, MUST_18_164_other_reserved_names_reach_the_application) {
    meet();
    (void)ask(subscribe(peer().next_request(), full_track_name{track_namespace{".other"}, "x"}));
    EXPECT_EQ(events(kind::requested), 1u);
}

TEST_P(must_reject, MUST_18_086_publish_with_an_unknown_mandatory_property) {
    if (!rules().mandatory_properties) GTEST_SKIP() << "no such properties in this draft";
    meet();
    const auto properties = property_of(0x4002, 1);
    expect_rejected(ask(publish(peer().next_request(), track(), 1, {}, properties)),
                    unsupported_extension);
}

TEST_P(must_reject, MUST_18_087_subscribe_ok_with_an_unknown_mandatory_property) {
    if (!rules().mandatory_properties) GTEST_SKIP() << "no such properties in this draft";
    meet(role::client);
    const auto id = subscribing(track(), 1, {}, property_of(0x4002, 1));
    EXPECT_EQ(lone->take(kind::rejected).request_error, unsupported_extension);
    EXPECT_EQ(session().subscription(id), nullptr);
    EXPECT_TRUE(peer().streams[stream_of(id)].stopped);
    expect_open();
}

TEST_P(must_reject, MUST_18_088_fetch_ok_with_an_unknown_mandatory_property) {
    if (!rules().mandatory_properties) GTEST_SKIP() << "no such properties in this draft";
    meet(role::client);
    const auto id = session().fetch(now(), track(), {0, 0}, {1, 0});
    ASSERT_TRUE(id);
    peer().pump();
    const auto properties = property_of(0x4002, 1);
    peer().send_message(stream_of(*id), msg::fetch_ok{*id, 0, {1, 0}, {}, properties});
    EXPECT_EQ(lone->take(kind::rejected).request_error, unsupported_extension);
    EXPECT_TRUE(peer().streams[stream_of(*id)].stopped);
    EXPECT_EQ(session().request_count(), 0u);
    expect_open();
}

TEST_P(must_reject, MUST_18_090_requests_after_our_goaway) {
    if (!rules().goaway_request) GTEST_SKIP() << "no such rule in this draft";
    meet();
    const auto kept = subscribed(track("kept"));
    ASSERT_TRUE(session().goaway(now()));
    peer().pump();
    std::vector<std::byte> body;
    EXPECT_EQ(peer().last<msg::goaway>(peer().their_control(), body)->request_id, kept + 2);
    expect_rejected(ask(subscribe(peer().next_request(), track("late"))), going_away);
    EXPECT_NE(session().subscription(kept), nullptr);
}

TEST_P(must_reject, MUST_16_073_MUST_18_091_update_of_a_subscription_that_fails) {
    meet();
    const auto id = subscribed(track());
    const auto data = session().open_subgroup(now(), id, {.group = 1});
    ASSERT_TRUE(data);
    peer().pump();
    const auto update = peer().next_request();
    peer().send_message(streams[id], msg::request_update{update, id, {}});
    ASSERT_TRUE(session().reject_update(now(), update, not_supported, "no"));
    peer().pump();
    expect_rejected(streams[id], not_supported);
    std::vector<std::byte> body;
    const auto done = peer().last<msg::publish_done>(streams[id], body);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->status_code, to_wire(rules(), publish_done_code::update_failed));
    EXPECT_EQ(done->stream_count, 1u);
    EXPECT_TRUE(peer().streams[*data].reset);
    EXPECT_EQ(session().request_count(), 0u);
}

TEST_P(must_reject, MUST_18_092_update_of_a_fetch_that_fails) {
    if (!rules().request_streams) GTEST_SKIP() << "a rule of later drafts";
    meet();
    const auto other = subscribed(track("other"));
    const auto id = peer().next_request();
    const auto name = track();
    const auto stream = ask(fetch_of(id, name));
    ASSERT_TRUE(session().accept_fetch(now(), id, {1, 0}, false));
    const auto data = session().open_fetch_stream(now(), id);
    ASSERT_TRUE(data);
    peer().pump();
    const auto update = peer().next_request();
    peer().send_message(stream, msg::request_update{update, id, {}});
    ASSERT_TRUE(session().reject_update(now(), update, not_supported, "no"));
    peer().pump();
    expect_rejected(stream, not_supported);
    EXPECT_TRUE(peer().streams[*data].reset);
    EXPECT_NE(session().subscription(other), nullptr);
    EXPECT_FALSE(peer().streams[streams[other]].fin || peer().streams[streams[other]].stopped);
}

// Each update has an answer, also those behind one that ends the request.
TEST_P(must_reject, MUST_18_092_updates_behind_one_that_fails) {
    if (!rules().request_streams) GTEST_SKIP() << "a rule of later drafts";
    for (const bool serving : {false, true}) {
        meet();
        const auto id = peer().next_request();
        const auto name = track();
        const auto stream = ask(fetch_of(id, name));
        std::optional<data_stream> data;
        if (serving) {
            ASSERT_TRUE(session().accept_fetch(now(), id, {1, 0}, false));
            data = *session().open_fetch_stream(now(), id);
            peer().pump();
        }
        const auto update = peer().next_request();
        peer().send_message(stream, msg::request_update{update, id, {}});
        peer().send_message(stream,
                            msg::request_update{peer().next_request(), id,
                                                tokens({alias_type::use_alias, 77, 0, {}})});
        EXPECT_EQ(peer().count<msg::request_error>(stream), 0u) << "answers go in order";
        ASSERT_TRUE(session().reject_update(now(), update, not_supported, "no"));
        peer().pump();
        EXPECT_EQ(peer().count<msg::request_error>(stream), 2u) << peer().text(stream);
        expect_rejected(stream, malformed_auth_token);
        if (data) {
            EXPECT_TRUE(peer().streams[*data].reset);
        } else {
            ASSERT_TRUE(session().accept_fetch(now(), id, {1, 0}, false));
        }
    }
}

TEST_P(must_reject, MUST_18_093_update_of_a_namespace_request_that_fails) {
    if (!rules().request_streams) GTEST_SKIP() << "a rule of later drafts";
    meet();
    const track_namespace space{"a"};
    const auto id = peer().next_request();
    const auto stream = ask(msg::publish_namespace{id, space.view(), {}});
    ASSERT_TRUE(session().accept(now(), id));
    const auto update = peer().next_request();
    peer().send_message(stream, msg::request_update{update, id, {}});
    ASSERT_TRUE(session().reject_update(now(), update, not_supported, "no"));
    peer().pump();
    expect_rejected(stream, not_supported);
    EXPECT_TRUE(peer().streams[stream].fin);
    EXPECT_EQ(session().request_count(), 0u);
}
