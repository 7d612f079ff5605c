#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/must_support.hpp>

/// Conditions of the drafts on messages and answers that close the session, by their numbers
/// (docs/conformance.md).

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct must_close_messages : must {};

const track_namespace space{"live"};

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, must_close_messages, ::testing::ValuesIn(listed_drafts()),
                         draft_name);

// Control messages --------------------------------------------------------------------------------

TEST_P(must_close_messages, MUST_16_041_MUST_18_039_second_goaway) {
    meet(role::client);
    peer().send_message(peer().control(), msg::goaway{});
    expect_open();
    peer().send_message(peer().control(), msg::goaway{});
    expect_closed(close_code::protocol_violation);
    if (!rules().request_goaway) return;
    meet(role::client);
    const auto id = subscribing(track(), 1);
    peer().send_message(stream_of(id), msg::goaway{});
    expect_open();
    peer().send_message(stream_of(id), msg::goaway{});
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close_messages, MUST_16_043_MUST_18_041_goaway_with_a_uri_to_a_server) {
    meet(role::server);
    peer().send_message(peer().control(), msg::goaway{as_bytes("https://example.org/")});
    expect_closed(close_code::protocol_violation);
    if (!rules().request_goaway) return;
    meet(role::server);
    const auto id = subscribed(track());
    peer().send_message(streams[id], msg::goaway{as_bytes("https://example.org/")});
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close_messages, MUST_16_044_MUST_18_042_subscribe_ok_with_an_alias_in_use) {
    meet(role::client);
    (void)subscribing(track("a"), 7);
    expect_open();
    (void)subscribing(track("b"), 7);
    expect_closed(close_code::duplicate_track_alias);
}

TEST_P(must_close_messages, MUST_16_045_MUST_18_043_publish_with_an_alias_in_use) {
    meet(role::client);
    (void)subscribing(track("a"), 7);
    (void)ask(publish(peer().next_request(), track("b"), 7));
    expect_closed(close_code::duplicate_track_alias);
}

TEST_P(must_close_messages, MUST_16_046_update_of_no_request) {
    if (rules().request_streams) GTEST_SKIP() << "the stream names the request";
    meet();
    peer().send_message(peer().control(), msg::request_update{peer().next_request(), 50, {}});
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close_messages, MUST_16_047_MUST_18_044_update_with_parameters_of_another_kind) {
    meet();
    const auto id = peer().next_request();
    const auto stream = ask(msg::publish_namespace{id, space.view(), {}});
    ASSERT_TRUE(session().accept(now(), id));
    peer().pump();
    message_params params;
    params.subscriber_priority = 3;
    peer().send_message(stream, msg::request_update{peer().next_request(), id, params});
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close_messages, MUST_16_049_joining_fetch_needs_the_filter_largest_object) {
    if (rules().joining_by_forward) GTEST_SKIP() << "another rule in this draft";
    meet();
    message_params params;
    params.subscription_filter = subscription_filter{filter_type::next_group_start, {}, 0};
    message_params told;
    told.largest_object = location{1, 1};
    const auto id = subscribed(track(), params, told);
    (void)ask(msg::fetch{.request_id = peer().next_request(),
                         .type = msg::fetch_type::relative_joining,
                         .joining_request_id = id,
                         .joining_start = 1});
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close_messages, MUST_16_050_MUST_18_046_fetch_ok_ends_before_its_start) {
    for (const auto end : {location{4, 0}, location{5, 2}}) {
        meet(role::client);
        const auto id = session().fetch(now(), track(), {5, 2}, {9, 0});
        ASSERT_TRUE(id);
        peer().pump();
        peer().send_message(stream_of(*id), msg::fetch_ok{*id, 0, end, {}, {}});
        if (end.group < 5)
            expect_closed(close_code::protocol_violation);
        else
            expect_open(); // the empty range, which is no error
    }
}

TEST_P(must_close_messages, MUST_16_051_MUST_18_047_namespace_done_without_namespace) {
    meet(role::client);
    const auto id = session().subscribe_namespace(now(), {"live"});
    ASSERT_TRUE(id);
    peer().pump();
    const auto stream = rules().request_streams ? stream_of(*id) : 4;
    const track_namespace suffix{"a"};
    peer().send_message(stream, msg::request_ok{*id, {}, {}});
    peer().send_message(stream, msg::namespace_message{suffix.view()});
    peer().send_message(stream, msg::namespace_done{suffix.view()});
    expect_open();
    peer().send_message(stream, msg::namespace_done{suffix.view()});
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close_messages, MUST_18_048_MUST_18_049_first_answer_to_a_discovery) {
    if (!rules().request_streams) GTEST_SKIP() << "a rule of later drafts";
    for (const bool tracks : {false, true}) {
        if (tracks && !rules().subscribe_tracks) continue;
        meet(role::client);
        const auto id = tracks ? session().subscribe_tracks(now(), {"live"})
                               : session().subscribe_namespace(now(), {"live"});
        ASSERT_TRUE(id);
        peer().pump();
        const track_namespace suffix{"a"};
        if (tracks)
            peer().send_message(stream_of(*id), msg::publish_blocked{suffix.view(), {}});
        else
            peer().send_message(stream_of(*id), msg::namespace_message{suffix.view()});
        expect_closed(close_code::protocol_violation);
    }
}

TEST_P(must_close_messages, MUST_18_050_track_properties_in_a_plain_request_ok) {
    if (!rules().request_ok_properties) GTEST_SKIP() << "no such field in this draft";
    const auto properties = property_of(property::max_cache_duration, 5);
    const auto refuse = [&](auto start) {
        meet(role::client);
        const result<request_id> id = start();
        ASSERT_TRUE(id);
        peer().pump();
        peer().send_message(stream_of(*id), msg::request_ok{*id, {}, properties});
        expect_closed(close_code::protocol_violation);
    };
    refuse([&] { return session().publish(now(), track(), 1); });
    refuse([&] { return session().subscribe_namespace(now(), {"a"}); });
    refuse([&] { return session().publish_namespace(now(), {"a"}); });
    refuse([&] { return session().subscribe_tracks(now(), {"a"}); });
    meet(role::client);
    const auto id = subscribing(track(), 1);
    ASSERT_TRUE(session().update(now(), id, {}));
    peer().pump();
    peer().send_message(stream_of(id), msg::request_ok{0, {}, properties});
    expect_closed(close_code::protocol_violation);
    meet(role::client);
    const auto status = session().track_status(now(), track());
    peer().pump();
    peer().send_message(stream_of(*status), msg::request_ok{0, {}, properties});
    expect_open();
}

TEST_P(must_close_messages, MUST_18_051_redirect_with_a_uri_to_a_server) {
    if (!rules().redirect) GTEST_SKIP() << "no redirects in this draft";
    meet(role::server);
    const auto id = session().subscribe(now(), track());
    ASSERT_TRUE(id);
    peer().pump();
    msg::request_error error{*id, to_wire(rules(), request_error_code::redirect)};
    error.target = msg::redirect{as_bytes("https://b.example/"), {}, {}};
    peer().send_message(stream_of(*id), error);
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close_messages, MUST_18_052_redirect_of_a_namespace_that_names_a_track) {
    if (!rules().redirect) GTEST_SKIP() << "no redirects in this draft";
    for (const bool discovery : {false, true}) {
        meet(role::client);
        const auto id = discovery ? session().subscribe_namespace(now(), {"a"})
                                  : session().publish_namespace(now(), {"a"});
        ASSERT_TRUE(id);
        peer().pump();
        msg::request_error error{*id, to_wire(rules(), request_error_code::redirect)};
        error.target = msg::redirect{{}, {}, as_bytes("track")};
        peer().send_message(stream_of(*id), error);
        expect_closed(close_code::protocol_violation);
    }
}

// Should close
// -------------------------------------------------------------------------------------

TEST_P(must_close_messages, SHOULD_16_001_SHOULD_18_001_second_answer) {
    meet(role::client);
    const auto id = subscribing(track(), 1);
    peer().send_message(stream_of(id), msg::subscribe_ok{id, 1, {}, {}});
    expect_closed(close_code::protocol_violation);
    meet(role::client);
    const auto second = subscribing(track(), 1);
    peer().send_message(stream_of(second), msg::request_error{second, 0});
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close_messages, SHOULD_16_002_003_SHOULD_18_002_second_answer_to_a_namespace_request) {
    meet(role::client);
    const auto id = session().publish_namespace(now(), {"a"});
    ASSERT_TRUE(id);
    peer().pump();
    peer().send_message(stream_of(*id), msg::request_ok{*id, {}, {}});
    expect_open();
    peer().send_message(stream_of(*id), msg::request_ok{*id, {}, {}});
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close_messages, SHOULD_16_006_SHOULD_18_005_fin_inside_an_object) {
    meet(role::client);
    (void)subscribing(track(), 7);
    auto data = subgroup(7, 1, 2);
    data.pop_back();
    peer().send(peer().open_unidirectional(), data, true);
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close_messages, a_stream_that_ends_in_its_first_field) {
    meet();
    peer().send(peer().open_unidirectional(), bytes{varint(0x2f00)}.first(1), true);
    expect_closed(close_code::protocol_violation);
    meet();
    peer().send(peer().open_bidirectional(), bytes{varint(0x3)}, true);
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close_messages, a_message_before_setup) {
    for (const auto self : {role::client, role::server}) {
        begin(self);
        if (rules().control_pair) {
            // The stream's type is SETUP's, so something else is no control stream at all.
            peer().send_any_message(peer().open_unidirectional(), 0x7, {});
        } else {
            peer().send_message(self == role::client ? 0 : peer().open_bidirectional(),
                                msg::goaway{});
        }
        expect_closed(close_code::protocol_violation);
    }
}

TEST_P(must_close_messages, a_second_setup) {
    meet();
    if (rules().control_pair)
        peer().send_message(peer().open_unidirectional(), msg::setup{});
    else
        peer().send_message(peer().control(),
                            msg::client_setup{{}, msg::version_list::of(rules())});
    expect_closed(close_code::protocol_violation);
}
