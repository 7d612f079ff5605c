#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/must_support.hpp>

/// What a session owes its peer while it goes on: tokens and subscriptions that stay, what is
/// ignored and what is reset, by the numbers of the drafts' conditions (docs/conformance.md).

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct must_keep : must {};

using enum request_error_code;

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, must_keep, ::testing::ValuesIn(listed_drafts()), draft_name);

// Tokens ----------------------------------------------------------------------------------------

TEST_P(must_keep, MUST_16_070_MUST_18_080_unknown_token_alias) {
    for (const auto what : {alias_type::use_alias, alias_type::delete_alias}) {
        meet();
        expect_rejected(ask(subscribe(peer().next_request(), track(), tokens({what, 9, 0, {}}))),
                        malformed_auth_token);
        EXPECT_EQ(events(kind::requested), 0u);
    }
}

TEST_P(must_keep, MUST_16_071_072_MUST_18_081_082_tokens_are_judged_by_the_application) {
    meet();
    const auto id = peer().next_request();
    const auto stream = ask(
        subscribe(id, track(), tokens({alias_type::register_alias, 9, 3, as_bytes("expired")})));
    const auto asked = lone->take(kind::requested);
    ASSERT_EQ(asked.id, id);
    const auto request = asked.as<msg::subscribe>();
    auto at = request->params.authorization_tokens.tokens();
    const auto token = session().resolve(*at.next());
    ASSERT_TRUE(token);
    EXPECT_EQ(token->token_type, 3u);
    EXPECT_EQ(as_text(token->value), "expired");
    ASSERT_TRUE(session().reject(now(), id, expired_auth_token, ""));
    peer().pump();
    expect_rejected(stream, expired_auth_token);
    // The alias outlives the refusal (106, 122) and stands for the same token.
    (void)ask(subscribe(peer().next_request(), track(), tokens({alias_type::use_alias, 9, 0, {}})));
    const auto again = lone->take(kind::requested);
    ASSERT_EQ(again.what, kind::requested);
    const auto second = again.as<msg::subscribe>();
    auto cursor = second->params.authorization_tokens.tokens();
    EXPECT_EQ(as_text(session().resolve(*cursor.next())->value), "expired");
}

TEST_P(must_keep, MUST_16_105_MUST_18_121_setup_token_that_does_not_fit_counts_as_a_value) {
    session_config config;
    config.max_auth_token_cache_size = 20;
    for (const auto self : {role::server, role::client}) {
        begin(self, config);
        const authorization_token token{alias_type::register_alias, 1, 0, as_bytes("too long")};
        setup_options options;
        options.authorization_tokens = token_list{std::span{&token, 1}};
        if (rules().request_credit) options.max_request_id = 100;
        peer().set_up(options);
        expect_open();
        // The alias was not kept.
        expect_rejected(ask(subscribe(peer().next_request(), track(),
                                      tokens({alias_type::use_alias, 1, 0, {}}))),
                        malformed_auth_token);
    }
}

TEST_P(must_keep, MUST_16_106_MUST_18_122_token_of_a_message_that_fails_is_registered) {
    meet();
    const auto unknown = tokens({alias_type::register_alias, 4, 0, as_bytes("t")});
    if (rules().reserved_namespaces) {
        const full_track_name dot{track_namespace{"."}, "video"};
        expect_rejected(ask(subscribe(peer().next_request(), dot, unknown)), does_not_exist);
    } else {
        (void)subscribed(track());
        expect_rejected(ask(subscribe(peer().next_request(), track(), unknown)),
                        duplicate_subscription);
    }
    (void)ask(
        subscribe(peer().next_request(), track("b"), tokens({alias_type::use_alias, 4, 0, {}})));
    EXPECT_EQ(events(kind::requested), 1u);
}

TEST_P(must_keep, MUST_16_107_108_MUST_18_123_124_aliases_live_until_deleted) {
    session_config config;
    config.max_auth_token_cache_size = 36;
    meet(role::server, config);
    const std::string value(20, 'x');
    for (int i = 0; i < 5; ++i) { // each fits only because the one before was released
        (void)ask(subscribe(peer().next_request(), track("r" + std::to_string(i)),
                            tokens({alias_type::register_alias, 1, 0, as_bytes(value)})));
        (void)ask(subscribe(peer().next_request(), track("u" + std::to_string(i)),
                            tokens({alias_type::use_alias, 1, 0, {}})));
        (void)ask(subscribe(peer().next_request(), track("d" + std::to_string(i)),
                            tokens({alias_type::delete_alias, 1, 0, {}})));
        expect_open();
    }
    EXPECT_EQ(events(kind::requested), 15u);
}

TEST_P(must_keep, MUST_18_129_unknown_codes_count_as_internal_error) {
    meet(role::client);
    const auto refused = session().subscribe(now(), track("a"));
    ASSERT_TRUE(refused);
    peer().pump();
    peer().send_message(stream_of(*refused), msg::request_error{*refused, 0x3fff});
    EXPECT_EQ(lone->take(kind::rejected).request_error, internal_error);
    const auto id = subscribing(track("b"), 7);
    const auto data = peer().open_unidirectional();
    peer().send(data, subgroup(7, 1, 1));
    peer().reset(data, 0x3fff);
    EXPECT_EQ(lone->take(kind::stream_reset).reset, reset_code::internal_error);
    peer().send_message(stream_of(id), msg::publish_done{id, 0x3fff, 1, {}});
    EXPECT_EQ(lone->take(kind::publish_done).publish_done, publish_done_code::internal_error);
    expect_open();
    session().handle_transport_closed(now(), 0x3fff, "", true);
    peer().pump();
    EXPECT_EQ(lone->take(kind::closed).close, close_code::internal_error);
}

TEST_P(must_keep, MUST_16_097_MUST_18_115_130_unknown_setup_options_are_ignored) {
    begin(role::server);
    std::vector<std::byte> body;
    const auto put = [&](std::uint64_t value) {
        const auto one = varint(value);
        body.insert(body.end(), one.begin(), one.end());
    };
    if (rules().setup != setup_form::symmetric) put(3);
    // Type 0x7f * 1 + 0x9d is the first grease value; twice, then one with bytes.
    put(0x9c);
    put(1);
    put(0);
    put(2);
    put(1);
    put(2);
    body.insert(body.end(), 2, std::byte{0xaa});
    const bool symmetric = rules().setup == setup_form::symmetric;
    peer().send_any_message(symmetric ? peer().open_unidirectional() : peer().open_bidirectional(),
                            symmetric ? 0x2f00 : 0x20, body);
    expect_open();
    EXPECT_TRUE(session().established());
}

// Subscriptions -----------------------------------------------------------------------------------

TEST_P(must_keep, MUST_16_120_MUST_18_142_the_joining_location_is_saved) {
    meet();
    message_params asked;
    asked.subscription_filter = subscription_filter{};
    message_params told;
    told.largest_object = location{7, 3};
    const auto id = subscribed(track(), asked, told);
    EXPECT_EQ(session().subscription(id)->largest, (location{7, 3}));
    EXPECT_EQ(session().subscription(id)->start(), (location{7, 4}));
    EXPECT_FALSE(session().open_subgroup(now(), id, {.group = 6}));
    EXPECT_TRUE(session().open_subgroup(now(), id, {.group = 7}));
    if (!rules().joining_by_forward || !rules().typed_fetch) return;
    // An update that turns Forward on saves a new one.
    message_params off;
    off.forward = false;
    const auto pause = peer().next_request();
    peer().send_message(streams[id], msg::request_update{pause, id, off});
    ASSERT_TRUE(session().accept_update(now(), pause));
    message_params on;
    on.forward = true;
    const auto resume = peer().next_request();
    peer().send_message(streams[id], msg::request_update{resume, id, on});
    told.largest_object = location{20, 0};
    ASSERT_TRUE(session().accept_update(now(), resume, told));
    EXPECT_EQ(session().subscription(id)->largest, (location{20, 0}));
}

TEST_P(must_keep, MUST_16_121_MUST_18_143_publish_ends_our_waiting_subscribe_when_accepted) {
    if (rules().several_subscriptions) GTEST_SKIP() << "both stay in this draft";
    meet(role::client);
    const auto mine = session().subscribe(now(), track());
    ASSERT_TRUE(mine);
    peer().pump();
    const auto theirs = peer().next_request();
    const auto stream = ask(publish(theirs, track(), 3));
    ASSERT_EQ(events(kind::requested), 1u);
    EXPECT_NE(session().subscription(*mine), nullptr);
    ASSERT_TRUE(session().accept_publish(now(), theirs));
    peer().pump();
    EXPECT_EQ(session().subscription(*mine), nullptr);
    EXPECT_EQ(lone->take(kind::cancelled).id, *mine);
    if (rules().request_streams) {
        EXPECT_TRUE(peer().streams[stream_of(*mine)].stopped);
    } else {
        EXPECT_EQ(peer().count<msg::unsubscribe>(0), 1u);
    }
    EXPECT_EQ(rules().publish_ok_is_request_ok ? peer().count<msg::request_ok>(stream)
                                               : peer().count<msg::publish_ok>(stream),
              1u);
    peer().send(peer().open_unidirectional(), subgroup(3, 1, 1));
    EXPECT_EQ(lone->take(kind::object).id, theirs);
}

TEST_P(must_keep, MUST_16_125_MUST_18_146_a_cancelled_subscription_resets_its_streams) {
    meet();
    const auto id = subscribed(track());
    std::vector<data_stream> open;
    for (std::uint64_t group = 0; group < 3; ++group)
        open.push_back(*session().open_subgroup(now(), id, {.group = group}));
    ASSERT_TRUE(session().finish_stream(now(), open[0]));
    peer().pump();
    if (rules().request_streams)
        peer().stop(streams[id], to_wire(rules(), reset_code::cancelled));
    else
        peer().send_message(streams[id], msg::unsubscribe{id});
    EXPECT_EQ(events(kind::cancelled), 1u);
    EXPECT_TRUE(peer().streams[open[1]].reset && peer().streams[open[2]].reset);
    EXPECT_EQ(peer().streams[open[1]].reset, to_wire(rules(), reset_code::cancelled));
    EXPECT_FALSE(session().open_subgroup(now(), id, {.group = 4}));
    EXPECT_EQ(session().request_count(), 0u);
    expect_open();
}

TEST_P(must_keep, MUST_16_130_MUST_18_151_a_cancelled_fetch_resets_its_streams) {
    meet();
    const auto other = subscribed(track("other"));
    const auto id = peer().next_request();
    const auto name = track();
    const auto stream = ask(fetch_of(id, name));
    ASSERT_TRUE(session().accept_fetch(now(), id, {1, 0}, false));
    const auto data = session().open_fetch_stream(now(), id);
    ASSERT_TRUE(data);
    peer().pump();
    if (rules().request_streams)
        peer().stop(stream, to_wire(rules(), reset_code::cancelled));
    else
        peer().send_message(stream, msg::fetch_cancel{id});
    EXPECT_EQ(lone->take(kind::cancelled).id, id);
    EXPECT_TRUE(peer().streams[*data].reset);
    EXPECT_EQ(peer().streams[stream].reset.has_value(), rules().request_streams);
    EXPECT_EQ(session().request_count(), 1u);
    EXPECT_NE(session().subscription(other), nullptr);
}

TEST_P(must_keep, MUST_18_152_pending_updates_count_for_a_joining_fetch) {
    if (!rules().typed_fetch) GTEST_SKIP() << "no joining FETCH in this draft";
    if (!rules().joining_by_forward) GTEST_SKIP() << "a rule of later drafts";
    meet();
    message_params off;
    off.forward = false;
    message_params told;
    told.largest_object = location{3, 3};
    const auto id = subscribed(track(), off, told);
    message_params on;
    on.forward = true;
    peer().send_message(streams[id], msg::request_update{peer().next_request(), id, on});
    // Not answered yet, and processed all the same.
    peer().events.clear();
    (void)ask(msg::fetch{.request_id = peer().next_request(),
                         .type = msg::fetch_type::relative_joining,
                         .joining_request_id = id,
                         .joining_start = 1});
    EXPECT_EQ(events(kind::requested), 1u);
}

TEST_P(must_keep, MUST_16_148_MUST_18_183_a_resource_limit_costs_streams_and_not_the_session) {
    session_config config;
    config.max_unknown_alias_bytes = 2000;
    meet(role::client, config);
    for (int i = 0; i < 20; ++i)
        peer().send(peer().open_unidirectional(), subgroup(99, 1, 100));
    expect_open();
    std::size_t stopped = 0;
    for (const auto& [id, stream] : peer().streams)
        stopped += stream.stopped ? 1 : 0;
    EXPECT_GE(stopped, 13u);
    EXPECT_LT(stopped, 20u);
}

TEST_P(must_keep, SHOULD_18_018_the_end_of_a_discovery_stream_tells_the_subscriber) {
    for (const bool reset : {false, true}) {
        meet(role::client);
        const auto id = session().subscribe_namespace(now(), {"live"});
        ASSERT_TRUE(id);
        peer().pump();
        const auto stream = rules().request_streams ? stream_of(*id) : 4;
        const track_namespace suffix{"a"};
        peer().send_message(stream, msg::request_ok{*id, {}, {}});
        peer().send_message(stream, msg::namespace_message{suffix.view()});
        if (reset)
            peer().reset(stream, 0);
        else
            peer().send(stream, {}, true);
        EXPECT_EQ(lone->take(kind::cancelled).id, *id);
        EXPECT_EQ(session().request_count(), 0u);
        expect_open();
    }
}
