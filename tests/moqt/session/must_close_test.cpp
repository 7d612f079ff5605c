#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/must_support.hpp>

/// Conditions of the drafts that close the session, by their numbers (docs/conformance.md).

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct must_close : must {};

const track_namespace space{"live"};

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, must_close, ::testing::ValuesIn(listed_drafts()), draft_name);

// Streams and framing -------------------------------------------------------------------------

TEST_P(must_close, MUST_16_010_MUST_18_010_first_message_on_a_bidirectional_stream) {
    for (const auto type : {0x4u, 0x7u, 0x5u, 0xbu, 0x10u, 0x2u, 0x3u, 0x2f00u}) {
        if (type == 0x3 && rules().request_streams) continue; // SUBSCRIBE may stand there
        SCOPED_TRACE(type);
        meet();
        peer().send_any_message(peer().open_bidirectional(), type, {});
        expect_closed(close_code::protocol_violation);
    }
    meet(role::client); // a server's bidirectional stream is no different
    peer().send_any_message(peer().open_bidirectional(), 0x4, {});
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close, MUST_18_011_request_later_than_first_on_a_request_stream) {
    if (!rules().request_streams) GTEST_SKIP() << "one control stream";
    meet();
    const auto stream = ask(subscribe(peer().next_request(), track("a")));
    expect_open();
    peer().send_message(stream, subscribe(peer().next_request(), track("b")));
    expect_closed(close_code::protocol_violation);
}

TEST_P(must_close, MUST_16_011_MUST_18_012_control_stream_ends) {
    for (const auto self : {role::server, role::client}) {
        meet(self);
        peer().send(peer().control(), {}, true);
        expect_closed(close_code::protocol_violation);
        meet(self);
        peer().reset(peer().control(), 0);
        expect_closed(close_code::protocol_violation);
        meet(self);
        peer().stop(peer().their_control(), 0);
        expect_closed(close_code::protocol_violation);
    }
}

TEST_P(must_close, MUST_16_012_MUST_18_013_unknown_unidirectional_stream_type) {
    for (const std::uint64_t type : {0x0u, 0x1u, 0x4u, 0x6u, 0xfu, 0x2f01u, 0x132b3e29u}) {
        SCOPED_TRACE(type);
        meet();
        peer().send(peer().open_unidirectional(), varint(type));
        expect_closed(close_code::protocol_violation);
    }
}

TEST_P(must_close, MUST_16_013_MUST_18_014_unknown_datagram_type) {
    for (const std::uint64_t type : {0x10u, 0x40u, 0x22u, 0x80u, 0x132b3e28u}) {
        SCOPED_TRACE(type);
        meet();
        auto wire = varint(type);
        wire.insert(wire.end(), 8, std::byte{1});
        peer().datagram(wire);
        expect_closed(close_code::protocol_violation);
    }
}

TEST_P(must_close, MUST_16_014_MUST_18_015_unknown_message_type) {
    for (const std::uint64_t type : {0x1u, 0x3fu, 0x40u, 0x41u, 0x1234u}) {
        SCOPED_TRACE(type);
        meet();
        peer().send_any_message(peer().control(), type, {});
        expect_closed(close_code::protocol_violation);
        if (!rules().request_streams) continue;
        meet();
        const auto stream = ask(subscribe(peer().next_request(), track()));
        peer().send_any_message(stream, type, {});
        expect_closed(close_code::protocol_violation);
    }
}

TEST_P(must_close, MUST_16_015_MUST_18_016_length_differs_from_the_fields) {
    meet();
    auto body = peer().framed(subscribe(peer().next_request(), track()));
    auto longer = body;
    const auto head = varint(0x3).size();
    store_be<2>(mutable_bytes{longer}.subspan(head), body.size() - head - 2 + 1);
    longer.push_back(std::byte{0});
    peer().send(peer().request_stream(), longer);
    expect_closed(close_code::protocol_violation);
    meet();
    auto shorter = body;
    store_be<2>(mutable_bytes{shorter}.subspan(head), body.size() - head - 2 - 1);
    shorter.pop_back();
    peer().send(peer().request_stream(), shorter);
    expect_closed(close_code::protocol_violation);
}

// Setup ---------------------------------------------------------------------------------------

TEST_P(must_close, MUST_16_016_MUST_18_017_authority_from_a_server) {
    setup_options options;
    options.authority = as_bytes("example.org");
    meet_setup(role::client, options);
    expect_closed(close_code::invalid_authority);
}

TEST_P(must_close, MUST_16_017_MUST_18_018_authority_on_webtransport) {
    setup_options options;
    options.authority = as_bytes("example.org");
    meet_setup(role::server, options, true);
    expect_closed(close_code::invalid_authority);
}

TEST_P(must_close, MUST_16_018_MUST_18_019_authority_that_is_not_served) {
    // Which authorities a server serves its application knows: it closes on `established`.
    setup_options options;
    options.authority = as_bytes("other.example");
    meet_setup(role::server, options);
    ASSERT_EQ(events(kind::established), 1u);
    session().close(now(), close_code::invalid_authority, "not here");
    peer().pump();
    expect_closed(close_code::invalid_authority);
}

TEST_P(must_close, MUST_16_019_MUST_18_020_malformed_authority) {
    for (const auto* text : {"", "a b", "host:port", "[::1", "ho%2", "a@b@c d", "h/x", ":443"}) {
        SCOPED_TRACE(text);
        setup_options options;
        options.authority = as_bytes(text);
        meet_setup(role::server, options);
        expect_closed(close_code::malformed_authority);
    }
    for (const auto* text :
         {"example.org", "example.org:4443", "[::1]:1", "u@h", "10.0.0.1", "h:"}) {
        SCOPED_TRACE(text);
        setup_options options;
        options.authority = as_bytes(text);
        meet_setup(role::server, options);
        expect_open();
    }
}

TEST_P(must_close, MUST_16_020_MUST_18_021_path_from_a_server) {
    setup_options options;
    options.path = as_bytes("/moq");
    meet_setup(role::client, options);
    expect_closed(close_code::invalid_path);
}

TEST_P(must_close, MUST_16_021_MUST_18_022_path_on_webtransport) {
    setup_options options;
    options.path = as_bytes("/moq");
    meet_setup(role::server, options, true);
    expect_closed(close_code::invalid_path);
}

TEST_P(must_close, MUST_16_022_MUST_18_023_path_that_is_not_supported) {
    setup_options options;
    options.path = as_bytes("/elsewhere");
    meet_setup(role::server, options);
    ASSERT_EQ(events(kind::established), 1u);
    session().close(now(), close_code::invalid_path, "not here");
    peer().pump();
    expect_closed(close_code::invalid_path);
}

TEST_P(must_close, MUST_16_023_MUST_18_024_malformed_path) {
    for (const auto* text : {"moq", "/a b", "/%zz", "/a#b", "/a?q#f", "/\x7f", "/a%4"}) {
        SCOPED_TRACE(text);
        setup_options options;
        options.path = as_bytes(text);
        meet_setup(role::server, options);
        expect_closed(close_code::malformed_path);
    }
    for (const auto* text : {"", "/", "/a/b?x=1&y=/?", "/%20", "?q"}) {
        SCOPED_TRACE(text);
        setup_options options;
        options.path = as_bytes(text);
        meet_setup(role::server, options);
        expect_open();
    }
}

TEST_P(must_close, MUST_16_024_MUST_18_025_token_alias_used_or_deleted_in_a_clients_setup) {
    for (const auto what : {alias_type::delete_alias, alias_type::use_alias}) {
        const authorization_token token{what, 1, 0, {}};
        setup_options options;
        options.authorization_tokens = token_list{std::span{&token, 1}};
        meet_setup(role::server, options);
        expect_closed(close_code::protocol_violation);
    }
}

// Authorization tokens --------------------------------------------------------------------------

TEST_P(must_close, MUST_16_025_MUST_18_026_token_that_does_not_decode) {
    meet();
    auto wire =
        peer().framed(subscribe(peer().next_request(), track(),
                                tokens({alias_type::register_alias, 1, 0, as_bytes("secret")})));
    // The alias type stands before alias 1, token type 0 and the value.
    const auto value =
        std::search(wire.begin(), wire.end(), as_bytes("secret").begin(), as_bytes("secret").end());
    ASSERT_NE(value, wire.end());
    *(value - 3) = std::byte{9};
    peer().send(peer().request_stream(), wire);
    expect_closed(close_code::key_value_formatting_error);
}

TEST_P(must_close, MUST_16_026_MUST_18_027_token_alias_registered_twice) {
    meet();
    const auto params = tokens({alias_type::register_alias, 5, 0, as_bytes("one")});
    (void)ask(subscribe(peer().next_request(), track("a"), params));
    expect_open();
    (void)ask(subscribe(peer().next_request(), track("b"), params));
    expect_closed(close_code::duplicate_auth_token_alias);
}

TEST_P(must_close, MUST_16_027_MUST_18_028_token_cache_overflows) {
    session_config config;
    config.max_auth_token_cache_size = 40; // 16 for the token, 24 for its value
    meet(role::server, config);
    (void)ask(
        subscribe(peer().next_request(), track("a"),
                  tokens({alias_type::register_alias, 1, 0, as_bytes(std::string(24, 'x'))})));
    expect_open();
    (void)ask(subscribe(peer().next_request(), track("b"),
                        tokens({alias_type::register_alias, 2, 0, {}})));
    expect_closed(close_code::auth_token_cache_overflow);
}

// Request IDs -----------------------------------------------------------------------------------

TEST_P(must_close, MUST_16_028_MUST_18_029_request_id_of_the_wrong_side) {
    meet(role::server);
    (void)ask(subscribe(1, track()));
    expect_closed(close_code::invalid_request_id);
    meet(role::client);
    (void)ask(subscribe(0, track()));
    expect_closed(close_code::invalid_request_id);
}

TEST_P(must_close, MUST_16_029_request_id_out_of_sequence) {
    meet();
    (void)ask(subscribe(4, track()));
    // Where SUBSCRIBE_NAMESPACE has a stream of its own, one may still be on its way.
    if (rules().sequential_request_ids && rules().namespace_streams) {
        peer().advance(milliseconds(9900));
        expect_open();
        peer().advance(milliseconds(200));
    }
    if (rules().sequential_request_ids)
        expect_closed(close_code::invalid_request_id);
    else
        expect_open();
}

// Streams overtake each other: what comes out of sequence for that is no fault of the peer.
TEST_P(must_close, MUST_16_029_not_for_what_the_transport_reorders) {
    if (!rules().namespace_streams) GTEST_SKIP() << "all requests are on one stream";
    meet();
    const track_namespace live{"live"};
    const track_namespace past{"past"};
    (void)ask(subscribe(2, track("a")));
    (void)ask(subscribe(6, track("b")));
    peer().advance(seconds(5));
    (void)ask(msg::subscribe_namespace{0, live.view()});
    peer().advance(seconds(5)); // the deadline was that of the first, which is here
    expect_open();
    (void)ask(msg::subscribe_namespace{4, past.view()});
    peer().advance(seconds(60));
    expect_open();
    EXPECT_EQ(events(kind::requested), 4u);
    (void)ask(subscribe(8, track("c")));
    expect_open();
    (void)ask(subscribe(4, track("d")));
    expect_closed(close_code::invalid_request_id);
}

// A request whose stream is reset early never arrives, nor does its identifier.
TEST_P(must_close, MUST_16_029_not_for_a_stream_that_was_reset) {
    if (!rules().namespace_streams || !rules().request_credit) GTEST_SKIP() << "draft 16 alone";
    session_config config;
    config.max_requests = 2;
    meet(role::server, config);
    const auto lost = peer().open_bidirectional();
    peer().send(lost, std::vector{std::byte{0x11}});
    peer().reset(lost, 1);
    (void)ask(subscribe(2, track("a")));
    peer().advance(seconds(60));
    expect_open();
    // The lost one is over, so that there is credit for one more.
    ASSERT_TRUE(session().reject(now(), 2, request_error_code::timeout, ""));
    (void)ask(subscribe(4, track("b")));
    (void)ask(subscribe(6, track("c")));
    expect_open();
}

TEST_P(must_close, MUST_16_030_MUST_18_030_request_id_used_twice) {
    meet();
    (void)ask(subscribe(0, track("a")));
    expect_open();
    (void)ask(subscribe(0, track("b")));
    expect_closed(close_code::invalid_request_id);
    // Also after its request is over.
    meet();
    (void)ask(subscribe(0, track("a")));
    ASSERT_TRUE(session().reject(now(), 0, request_error_code::timeout, ""));
    (void)ask(subscribe(2, track("b")));
    (void)ask(subscribe(0, track("c")));
    expect_closed(close_code::invalid_request_id);
}

TEST_P(must_close, MUST_16_031_request_id_over_the_limit) {
    if (!rules().request_credit) GTEST_SKIP() << "no limit in this draft";
    session_config config;
    config.max_requests = 2;
    meet(role::server, config);
    (void)ask(subscribe(0, track("a")));
    (void)ask(subscribe(2, track("b")));
    expect_open();
    (void)ask(subscribe(4, track("c")));
    expect_closed(close_code::too_many_requests);
}

TEST_P(must_close, MUST_16_032_max_request_id_that_does_not_grow) {
    if (!rules().request_credit) GTEST_SKIP() << "no such message in this draft";
    for (const auto limit : {1000u, 999u, 0u}) { // SETUP said 1000
        meet();
        peer().send_message(peer().control(), msg::max_request_id{limit});
        expect_closed(close_code::protocol_violation);
    }
    meet();
    peer().send_message(peer().control(), msg::max_request_id{1002});
    expect_open();
}

TEST_P(must_close, MUST_18_031_goaway_names_a_request_of_its_own_side) {
    if (!rules().goaway_request) GTEST_SKIP() << "no such field in this draft";
    meet(role::client);
    peer().send_message(peer().control(), msg::goaway{{}, 0, 3});
    expect_closed(close_code::invalid_request_id);
    meet(role::client);
    peer().send_message(peer().control(), msg::goaway{{}, 0, 2});
    expect_open();
}
