#include "raw.hpp"

#include <moqrtc/webtransport/connection.hpp>

#include <gtest/gtest.h>

/// Streams and datagrams that come before the session they belong to is open, and after it is over.
namespace moqrtc::webtransport::test {
namespace {

using kind = event::kind;
const auto bidi = from_hex("404100"); ///< of session 0
const auto uni = from_hex("405400");

TEST(webtransport_early, streams_wait_in_the_transport) {
    raw peer{role::server};
    peer.feed(6, uni + "payload", true); // even before SETTINGS
    EXPECT_EQ(peer.last.whose, stream_input::owner::held);
    EXPECT_EQ(peer.last.session, 0u);
    EXPECT_EQ(peer.left, 1u + 7u); // the session ID and what follows
    peer.feed_control();
    peer.feed(0, connect_request());
    peer.feed(4, bidi, true); // nothing but a prefix: one byte and the end wait all the same
    EXPECT_EQ(peer.last.whose, stream_input::owner::held);
    EXPECT_EQ(peer.left, 1u);
    ASSERT_TRUE(peer.wt->accept(peer.now, 0));
    peer.drain();
    EXPECT_TRUE(peer.op(transport_op::kind::resume, 6));
    EXPECT_TRUE(peer.op(transport_op::kind::resume, 4));
    peer.feed(6, uni.substr(2) + "payload", true);
    EXPECT_EQ(peer.last.whose, stream_input::owner::session);
    EXPECT_EQ(peer.last.consumed, 1u);
    EXPECT_EQ(peer.left, 7u);
    peer.feed(4, bidi.substr(2), true);
    EXPECT_EQ(peer.last.whose, stream_input::owner::session);
}

TEST(webtransport_early, a_prefix_in_pieces) {
    // Long encodings, cut everywhere.
    const auto prefix = from_hex("c000000000000054"
                                 "80000000");
    for (std::size_t cut = 1; cut < prefix.size(); ++cut) {
        raw peer{role::server};
        peer.feed(6, prefix.substr(0, cut));
        EXPECT_EQ(peer.last.whose, stream_input::owner::connection);
        peer.feed(6, prefix.substr(cut) + "ab");
        ASSERT_EQ(peer.last.whose, stream_input::owner::held) << cut;
        const auto kept = (prefix.substr(cut) + "ab").substr(prefix.size() - cut + 2 - peer.left);
        peer.feed_control();
        peer.feed(0, connect_request());
        ASSERT_TRUE(peer.wt->accept(peer.now, 0));
        peer.drain();
        peer.feed(6, kept);
        EXPECT_EQ(peer.last.whose, stream_input::owner::session) << cut;
        EXPECT_EQ(peer.left, 2u) << cut;
    }
}

TEST(webtransport_early, a_stream_beyond_the_bound_is_rejected) {
    raw peer{role::server, {.max_early_streams = 2}};
    peer.feed(2, varint(0) + chromium_settings());
    for (const stream_id id : {6u, 10u, 14u})
        peer.feed(id, uni + "x");
    EXPECT_FALSE(peer.stop_of(10));
    EXPECT_EQ(peer.stop_of(14), http_code::wt_buffered_stream_rejected);
    EXPECT_FALSE(peer.reset_of(14)); // we have nothing to send there
    peer.feed(4, bidi);
    EXPECT_EQ(peer.stop_of(4), http_code::wt_buffered_stream_rejected);
    EXPECT_EQ(peer.reset_of(4), http_code::wt_buffered_stream_rejected);
    // One that is given up makes room.
    peer.wt->handle_reset(peer.now, 6, 0);
    peer.feed(18, uni + "x");
    EXPECT_EQ(peer.last.whose, stream_input::owner::held);
}

TEST(webtransport_early, streams_that_found_their_session_take_no_place) {
    raw peer{role::server, {.max_early_streams = 2}};
    peer.open_session();
    for (stream_id id = 6; id < 6 + 4 * 20; id += 4) {
        peer.feed(id, uni + "x", true);
        ASSERT_EQ(peer.last.whose, stream_input::owner::session);
    }
    // Of another session: as many as ever.
    peer.feed(102, from_hex("405404") + "x");
    EXPECT_EQ(peer.last.whose, stream_input::owner::held);
    peer.feed(106, from_hex("405404") + "x");
    EXPECT_EQ(peer.last.whose, stream_input::owner::held);
    peer.feed(110, from_hex("405404") + "x");
    EXPECT_EQ(peer.stop_of(110), http_code::wt_buffered_stream_rejected);
    // One that QUIC closes makes room as well.
    peer.wt->handle_closed(peer.now, 102);
    peer.feed(114, from_hex("405404") + "x");
    EXPECT_EQ(peer.last.whose, stream_input::owner::held);
}

TEST(webtransport_early, waiting_ends_some_time) {
    raw peer{role::server};
    peer.feed_control();
    peer.feed(6, uni + "x");
    const auto data = from_hex("00") + "datagram";
    (void)peer.wt->handle_datagram(peer.now, as_bytes(std::string_view{data}));
    EXPECT_EQ(peer.wt->next_timeout(), instant{} + seconds(5));
    peer.wt->handle_timeout(instant{} + seconds(5));
    peer.drain();
    EXPECT_EQ(peer.stop_of(6), http_code::wt_buffered_stream_rejected);
    EXPECT_EQ(peer.wt->next_timeout(), never);
    peer.feed(0, connect_request());
    ASSERT_TRUE(peer.wt->accept(peer.now, 0));
    peer.drain();
    EXPECT_EQ(peer.count(kind::datagram), 0u);
    EXPECT_FALSE(peer.op(transport_op::kind::resume, 6));
}

TEST(webtransport_early, datagrams_are_kept_within_bounds) {
    raw peer{role::server, {.max_early_datagrams = 3, .max_early_datagram_bytes = 10}};
    const auto say = [&](std::string_view payload, std::uint64_t quarter = 0) {
        const auto data = varint(quarter) + std::string{payload};
        return peer.wt->handle_datagram(peer.now, as_bytes(std::string_view{data})).session;
    };
    EXPECT_EQ(say("one"), no_session);
    EXPECT_EQ(say("other", 1), no_session);
    EXPECT_EQ(say("four"), no_session); // would be more than 10 bytes: dropped
    EXPECT_EQ(say("2"), no_session);
    EXPECT_EQ(say(""), no_session); // a fourth one: dropped
    peer.feed_control();
    peer.feed(0, connect_request());
    ASSERT_TRUE(peer.wt->accept(peer.now, 0));
    peer.drain();
    ASSERT_EQ(peer.count(kind::datagram), 2u);
    EXPECT_EQ(peer.events[peer.events.size() - 2].text(), "one");
    EXPECT_EQ(peer.events[peer.events.size() - 1].text(), "2");
    EXPECT_EQ(say("now"), 0u);
}

TEST(webtransport_early, a_refused_session_takes_its_streams_along) {
    raw peer{role::server};
    peer.feed_control();
    peer.feed(6, uni + "x");
    peer.feed(0, connect_request());
    ASSERT_TRUE(peer.wt->respond(peer.now, 0, 403));
    peer.drain();
    EXPECT_EQ(peer.stop_of(6), http_code::wt_buffered_stream_rejected);
    peer.feed(10, uni + "y"); // a late one
    EXPECT_EQ(peer.stop_of(10), http_code::wt_session_gone);
}

TEST(webtransport_early, what_comes_after_the_end_is_gone) {
    raw peer{role::server};
    peer.open_session();
    ASSERT_TRUE(peer.wt->close_session(peer.now, 0, 1));
    peer.drain();
    peer.feed(6, uni + "late");
    EXPECT_EQ(peer.stop_of(6), http_code::wt_session_gone);
    peer.feed(4, bidi + "late");
    EXPECT_EQ(peer.reset_of(4), http_code::wt_session_gone);
    const auto data = from_hex("00") + "late";
    EXPECT_EQ(peer.wt->handle_datagram(peer.now, as_bytes(std::string_view{data})).session,
              no_session);
    // Also when nothing is left of the session but its number.
    peer.feed(0, "", true);
    peer.wt->handle_closed(peer.now, 0);
    peer.feed(10, uni + "later");
    EXPECT_EQ(peer.stop_of(10), http_code::wt_session_gone);
    EXPECT_FALSE(peer.closed_with);
}

TEST(webtransport_early, a_plain_request_is_no_session) {
    raw peer{role::server};
    peer.feed_control();
    peer.feed(0, get_request(), true);
    peer.feed(6, uni + "x");
    EXPECT_EQ(peer.stop_of(6), http_code::wt_session_gone);
}

TEST(webtransport_early, numbers_that_no_session_can_have) {
    for (const auto* prefix : {"404101", "404102", "404103"}) {
        raw peer{role::server};
        peer.feed(4, from_hex(prefix));
        EXPECT_EQ(peer.closed_with, http_code::h3_id_error);
    }
    raw client{role::client};
    client.feed(3, varint(0) + chromium_settings());
    client.feed(7, from_hex("405403"));
    EXPECT_EQ(client.closed_with, http_code::h3_id_error);
}

TEST(webtransport_early, a_client_keeps_what_a_hasty_server_sends) {
    raw peer{role::client};
    peer.feed_control(settings_frame({{0x8, 1}, {0x33, 1}, {0x2b603742, 1}}));
    ASSERT_TRUE(peer.wt->connect(peer.now, 0, {.authority = "a"}));
    peer.drain();
    peer.feed(7, uni + "early");
    EXPECT_EQ(peer.last.whose, stream_input::owner::held);
    peer.feed(11, from_hex("405404") + "for nobody");
    EXPECT_EQ(peer.stop_of(11), http_code::wt_session_gone);
    peer.feed(0, headers({{":status", "200"}}));
    EXPECT_TRUE(peer.op(transport_op::kind::resume, 7));
    peer.feed(7, uni.substr(2) + "early");
    EXPECT_EQ(peer.last.whose, stream_input::owner::session);
}

TEST(webtransport_early, a_prefix_that_never_completes) {
    raw peer{role::server};
    peer.feed(6, uni.substr(0, 2), true);
    peer.feed(10, uni.substr(0, 1), true);
    peer.feed(4, bidi.substr(0, 2), true);
    EXPECT_EQ(peer.reset_of(4), http_code::h3_request_incomplete);
    EXPECT_FALSE(peer.closed_with);
    for (const stream_id id : {4u, 6u, 10u})
        EXPECT_EQ(peer.wt->handle_closed(peer.now, id), no_session);
}

TEST(webtransport_early, without_dialects_there_is_no_webtransport) {
    raw peer{role::server, {.dialects = {}}};
    peer.feed_control();
    peer.feed(6, uni + "x");
    EXPECT_EQ(peer.stop_of(6), http_code::h3_stream_creation_error);
    peer.feed(0, connect_request());
    EXPECT_TRUE(peer.has_fin(0)); // 501
    EXPECT_EQ(peer.count(kind::session_requested), 0u);
    peer.feed(4, bidi);
    EXPECT_EQ(peer.closed_with, http_code::h3_frame_error);
}

} // namespace
} // namespace moqrtc::webtransport::test
