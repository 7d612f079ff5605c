#include "pipe.hpp"
#include "raw.hpp"

#include <moqrtc/webtransport/connection.hpp>

#include <gtest/gtest.h>

/// Sessions end to end, and what goes wrong in them.
namespace moqrtc::webtransport::test {
namespace {

using kind = event::kind;

connection_config speaking(dialect which) {
    connection_config config;
    config.dialects = dialect_set::only(which);
    return config;
}
session_id open_session(pipe& link, std::string_view path = "/moq") {
    const auto id = link.open(link.client, false);
    EXPECT_TRUE(link.client.wt->connect(link.now, id, {.authority = "localhost", .path = path}));
    link.run();
    return id;
}
std::string close_capsule(std::uint32_t code, std::string_view reason) {
    std::array<std::byte, 4> number{};
    store_be<4>(number, code);
    return data_frame(
        tlv(capsule_type::close_session, std::string{as_text(number)} + std::string{reason}));
}

TEST(webtransport_session, streams_both_ways_both_kinds) {
    pipe link{{}, {}};
    link.start();
    const auto session = open_session(link);
    ASSERT_TRUE(link.client.wt->is_open(session));
    for (auto* end : {&link.client, &link.server})
        for (const bool uni : {false, true}) {
            auto& other = end == &link.client ? link.server : link.client;
            const auto id = link.open_stream(*end, session, uni, "hello from one side");
            ASSERT_TRUE(id);
            link.run();
            EXPECT_EQ(other.received[*id].data, "hello from one side");
            EXPECT_TRUE(other.received[*id].fin);
            EXPECT_EQ(other.received[*id].session, session);
            EXPECT_EQ(other.wt->session_of(*id), uni ? no_session : session);
            if (uni) continue;
            link.write(other, *id, session, "and back", true);
            link.run();
            EXPECT_EQ(end->received[*id].data, "and back");
        }
    EXPECT_EQ(link.open_streams(), 3u); // two control streams and CONNECT
    EXPECT_FALSE(link.memory_broken);
}

TEST(webtransport_session, prefixes_are_those_of_the_draft) {
    raw peer{role::server};
    peer.open_session();
    ASSERT_TRUE(peer.wt->open_stream(peer.now, 0, 1));
    ASSERT_TRUE(peer.wt->open_stream(peer.now, 0, 7));
    const auto payload = as_bytes("abc");
    stream_send send;
    ASSERT_TRUE(peer.wt->offer(1, {&payload, 1}, true, send));
    EXPECT_EQ(as_text(send.chunks[0]), from_hex("404100"));
    EXPECT_EQ(send.chunks[1].data(), payload.data()); // the session's own bytes, not a copy
    EXPECT_TRUE(send.fin);
    ASSERT_TRUE(peer.wt->offer(7, {&payload, 1}, false, send));
    EXPECT_EQ(as_text(send.chunks[0]), from_hex("405400"));
    EXPECT_EQ(as_text(peer.wt->datagram_prefix(0)), from_hex("00"));
    // What was sent of the prefix is not offered again, and not counted as the session's.
    EXPECT_EQ(peer.wt->handle_sent(peer.now, 7, 2, false).count, 0u);
    ASSERT_TRUE(peer.wt->offer(7, {&payload, 1}, false, send));
    EXPECT_EQ(send.size(), 4u);
    EXPECT_EQ(peer.wt->handle_sent(peer.now, 7, 4, false).count, 3u);
    EXPECT_EQ(peer.wt->handle_acked(peer.now, 7, 4).count, 1u);
    EXPECT_EQ(peer.wt->handle_acked(peer.now, 7, 2).count, 2u);
    ASSERT_TRUE(peer.wt->offer(7, {}, true, send)); // the end alone
    EXPECT_EQ(send.count, 0u);
    EXPECT_FALSE(peer.wt->offer(7, {}, false, send));
}

TEST(webtransport_session, datagrams) {
    pipe link{{}, {}};
    link.start();
    const auto session = open_session(link);
    for (auto* end : {&link.client, &link.server}) {
        const auto prefix = end->wt->datagram_prefix(session);
        link.send_datagram(*end, std::string{as_text(prefix)} + "payload");
        link.run();
        auto& other = end == &link.client ? link.server : link.client;
        ASSERT_EQ(other.datagrams.size(), 1u);
        EXPECT_EQ(other.datagrams[0], (std::pair<session_id, std::string>{session, "payload"}));
    }
    EXPECT_TRUE(link.client.wt->datagram_prefix(session + 4).empty());
}

TEST(webtransport_session, chromium_connects) {
    // What Chromium 156 sends, GREASE and all, and what it needs to hear.
    raw peer{role::server};
    EXPECT_EQ(peer.sent[3], from_hex("0004"
                                     "25" // SETTINGS
                                     "0100"
                                     "0700"
                                     "068000"
                                     "4000"
                                     "0801"
                                     "3301"
                                     "ab603742"
                                     "01"
                                     "c0000000c671706a"
                                     "01"
                                     "94e9cd29"
                                     "01"
                                     "ac7cf000"
                                     "01"));
    peer.feed(2, varint(stream_type::control) + tlv(0x1f * 9 + 0x21, "grease").substr(0, 0) +
                     chromium_settings() + tlv(0x1f * 9 + 0x21, "grease"));
    peer.feed(0, headers({{":method", "CONNECT"},
                          {":protocol", "webtransport"},
                          {":scheme", "https"},
                          {":authority", "127.0.0.1:4443"},
                          {":path", "/moq"},
                          {"sec-webtransport-http3-draft02", "1"},
                          {"origin", "https://127.0.0.1:8443"},
                          {"wt-available-protocols", "\"moqt-18\", \"moqt-16\""}}));
    ASSERT_EQ(peer.count(kind::session_requested), 1u);
    EXPECT_EQ(peer.last_event(kind::session_requested).fields.value("origin"),
              "https://127.0.0.1:8443");
    EXPECT_FALSE(peer.wt->accept(peer.now, 0, "moqt-14")); // not offered
    ASSERT_TRUE(peer.wt->accept(peer.now, 0, "moqt-16"));
    peer.drain();
    EXPECT_EQ(peer.sent[0], headers({{":status", "200"},
                                     {"sec-webtransport-http3-draft", "draft02"},
                                     {"wt-protocol", "\"moqt-16\""}}));
    peer.feed(0, data_frame(tlv(0x1f * 5 + 0x17, "a GREASE capsule")));
    EXPECT_TRUE(peer.wt->is_open(0));
}

TEST(webtransport_session, every_dialect) {
    for (const auto which : all_dialects) {
        pipe link{speaking(which), {}};
        link.start();
        const auto session = open_session(link);
        EXPECT_TRUE(link.server.wt->is_open(session)) << to_string(which);
        EXPECT_EQ(link.server.wt->version(), which);
        EXPECT_EQ(link.client.wt->version(), which);
        const auto asked = link.server.last(kind::session_requested);
        EXPECT_EQ(asked.fields.value(":protocol"),
                  which == dialect::draft_15 ? "webtransport-h3" : "webtransport");
        EXPECT_EQ(asked.fields.contains("sec-webtransport-http3-draft02"),
                  which == dialect::draft_02);
    }
}

TEST(webtransport_session, no_dialect_in_common) {
    pipe link{speaking(dialect::draft_02), speaking(dialect::draft_15)};
    link.start();
    open_session(link);
    EXPECT_EQ(link.client.last(kind::session_refused).code, http_code::wt_requirements_not_met);
    EXPECT_EQ(link.server.count(kind::session_requested), 0u);
}

TEST(webtransport_session, requirements_of_the_peer) {
    raw no_datagrams{role::server};
    no_datagrams.feed_control(settings_frame({{0x2b603742, 1}}));
    no_datagrams.feed(0, connect_request());
    EXPECT_EQ(no_datagrams.reset_of(0), http_code::h3_message_error);
    // A client that announces no dialect says by the token that it has one.
    raw silent{role::server};
    silent.feed_control(settings_frame({{0x33, 1}}));
    silent.feed(0, connect_request("webtransport-h3"));
    EXPECT_EQ(silent.count(kind::session_requested), 1u);
    raw no_connect{role::client};
    no_connect.feed_control(settings_frame({{0x33, 1}, {0x2c7cf000, 1}}));
    ASSERT_TRUE(no_connect.wt->connect(no_connect.now, 0, {.authority = "a"}));
    no_connect.drain();
    EXPECT_EQ(no_connect.last_event(kind::session_refused).code,
              http_code::wt_requirements_not_met);
}

TEST(webtransport_session, requests_wait_for_settings) {
    raw peer{role::server};
    peer.feed(0, connect_request());
    EXPECT_EQ(peer.count(kind::session_requested), 0u);
    EXPECT_FALSE(peer.wt->accept(peer.now, 0));
    peer.feed_control();
    EXPECT_EQ(peer.count(kind::session_requested), 1u);
    EXPECT_TRUE(peer.wt->accept(peer.now, 0));
    EXPECT_FALSE(peer.wt->accept(peer.now, 0));
}

TEST(webtransport_session, refusals_carry_their_status) {
    for (const std::uint16_t status : std::array<std::uint16_t, 4>{401, 403, 404, 429}) {
        pipe link{{}, {}};
        link.server.accepts = false;
        link.start();
        const auto session = open_session(link);
        ASSERT_EQ(link.server.count(kind::session_requested), 1u);
        EXPECT_FALSE(link.server.wt->respond(link.now, session, 200)); // that is `accept`
        const std::array fields{field{"retry-after", "3"}};
        ASSERT_TRUE(link.server.wt->respond(link.now, session, status, fields));
        link.run();
        const auto refused = link.client.last(kind::session_refused);
        EXPECT_EQ(refused.status, status);
        EXPECT_EQ(refused.fields.value("retry-after"), "3");
        EXPECT_EQ(link.server.wt->session_count(), 0u);
        EXPECT_EQ(link.client.wt->session_count(), 0u);
        EXPECT_EQ(link.open_streams(), 2u);
        EXPECT_EQ(link.server.count(kind::session_closed), 0u);
    }
}

TEST(webtransport_session, protocols_that_were_not_offered) {
    const auto answer = [](std::string_view value, bool required) {
        raw peer{role::client};
        peer.feed_control(settings_frame({{0x8, 1}, {0x33, 1}, {0x2b603742, 1}}));
        const std::array<std::string_view, 1> offered{"moqt-18"};
        EXPECT_TRUE(peer.wt->connect(
            peer.now, 0, {.authority = "a", .protocols = offered, .require_protocol = required}));
        peer.drain();
        if (value.empty())
            peer.feed(0, headers({{":status", "200"}}));
        else
            peer.feed(0, headers({{":status", "200"}, {"wt-protocol", value}}));
        const auto opened = peer.last_event(kind::session_opened);
        if (opened.what == kind::session_opened)
            return std::string{"opened "} + std::string{opened.text()};
        const auto refused = peer.last_event(kind::session_refused);
        EXPECT_EQ(peer.reset_of(0), refused.code);
        return std::string{to_string(refused.code)};
    };
    EXPECT_EQ(answer("\"moqt-18\"", true), "opened moqt-18");
    EXPECT_EQ(answer("\"moqt-18\";x=1", false), "opened moqt-18");
    EXPECT_EQ(answer("\"moqt-16\"", false), "WT_ALPN_ERROR");
    EXPECT_EQ(answer("moqt-18", false),
              "opened "); // a token, not a string: as if it were not there
    EXPECT_EQ(answer("moqt-18", true), "WT_ALPN_ERROR");
    EXPECT_EQ(answer("", false), "opened ");
    EXPECT_EQ(answer("", true), "WT_ALPN_ERROR");
}

TEST(webtransport_session, closing_from_either_side) {
    for (const bool by_client : {true, false}) {
        pipe link{{}, {}};
        link.start();
        const auto session = open_session(link);
        auto& closer = by_client ? link.client : link.server;
        auto& other = by_client ? link.server : link.client;
        const auto open = link.open_stream(other, session, false, "not ended", false);
        ASSERT_TRUE(open);
        link.run();
        ASSERT_TRUE(closer.wt->close_session(link.now, session, 7, "bye"));
        link.run();
        const auto told = other.last(kind::session_closed);
        EXPECT_EQ(told.stream, session);
        EXPECT_EQ(told.application_code, 7u);
        EXPECT_EQ(told.text(), "bye");
        EXPECT_TRUE(told.by_peer);
        EXPECT_EQ(told.code, http_code::h3_no_error);
        EXPECT_FALSE(closer.last(kind::session_closed).by_peer);
        EXPECT_EQ(closer.resets[*open], 0x170d7b68u);
        EXPECT_EQ(closer.stops[*open], 0x170d7b68u);
        EXPECT_FALSE(closer.wt->open_stream(link.now, session, link.open(closer, true)));
        EXPECT_FALSE(closer.wt->close_session(link.now, session));
        EXPECT_EQ(link.open_streams(), 2u);
        EXPECT_EQ(closer.wt->session_count(), 0u);
        EXPECT_EQ(other.wt->session_count(), 0u);
        EXPECT_FALSE(link.memory_broken);
        // And again on the same connection.
        const auto next = open_session(link);
        EXPECT_TRUE(link.server.wt->is_open(next));
    }
}

TEST(webtransport_session, the_end_alone_closes_with_code_0) {
    raw peer{role::server};
    peer.open_session();
    peer.feed(0, "", true);
    const auto closed = peer.last_event(kind::session_closed);
    EXPECT_EQ(closed.stream, 0u);
    EXPECT_EQ(closed.application_code, 0u);
    EXPECT_TRUE(closed.by_peer);
    EXPECT_TRUE(peer.has_fin(0));
}

TEST(webtransport_session, close_in_one_packet_with_its_request) {
    raw peer{role::server};
    peer.feed_control();
    peer.feed(0, connect_request() + close_capsule(3, "x"), true);
    EXPECT_EQ(peer.last.whose, stream_input::owner::held);
    EXPECT_GT(peer.left, 0u);
    ASSERT_TRUE(peer.wt->accept(peer.now, 0));
    peer.drain();
    EXPECT_TRUE(peer.op(transport_op::kind::resume, 0));
    peer.feed(0, close_capsule(3, "x"), true);
    EXPECT_EQ(peer.last_event(kind::session_closed).application_code, 3u);
}

TEST(webtransport_session, a_client_that_leaves_before_the_answer) {
    raw ended{role::server};
    ended.feed_control();
    ended.feed(0, connect_request(), true);
    EXPECT_EQ(ended.last_event(kind::session_closed).stream, 0u);
    EXPECT_FALSE(ended.wt->accept(ended.now, 0));
    raw reset{role::server};
    reset.feed_control();
    reset.feed(0, connect_request());
    reset.wt->handle_reset(reset.now, 0, 0x10c);
    reset.drain();
    EXPECT_EQ(reset.last_event(kind::session_closed).code, http_code::h3_request_cancelled);
    EXPECT_EQ(reset.wt->session_count(), 0u);
}

TEST(webtransport_session, a_client_that_changes_its_mind) {
    pipe link{{}, {}};
    link.server.accepts = false;
    link.start();
    const auto session = open_session(link);
    ASSERT_TRUE(link.client.wt->close_session(link.now, session));
    link.run();
    EXPECT_EQ(link.client.count(kind::session_closed), 1u);
    EXPECT_EQ(link.server.count(kind::session_closed), 1u);
    EXPECT_EQ(link.open_streams(), 2u);
}

TEST(webtransport_session, what_is_wrong_on_the_connect_stream) {
    const auto say = [](const std::string& bytes, bool fin = false) {
        auto peer = std::make_unique<raw>(role::server);
        peer->open_session();
        peer->feed(0, bytes, fin);
        return peer;
    };
    // Known frames other than DATA end the connection.
    EXPECT_EQ(say(headers({{"a", "b"}}))->closed_with, http_code::h3_frame_unexpected);
    for (const auto& bad :
         {data_frame(tlv(capsule_type::close_session, "abc")),                      // no code
          data_frame(tlv(capsule_type::close_session, std::string(4 + 1025, 'x'))), // too long
          close_capsule(1, "\xc0\x80"),                                             // not UTF-8
          data_frame(tlv(capsule_type::max_data, "")),                              // no number
          data_frame(tlv(capsule_type::max_data, varint(1) + "x"))}) {              // more
        const auto peer = say(bad);
        EXPECT_EQ(peer->reset_of(0), http_code::h3_message_error);
        EXPECT_EQ(peer->last_event(kind::session_closed).code, http_code::h3_message_error);
        EXPECT_FALSE(peer->closed_with);
    }
    // Capsules of WebTransport over HTTP/2.
    EXPECT_EQ(say(data_frame(tlv(capsule_type::max_stream_data, varint(0))))->reset_of(0),
              http_code::wt_flow_control_error);
    // Something behind the last word.
    const auto more = say(close_capsule(1, "x") + data_frame("y"));
    EXPECT_EQ(more->reset_of(0), http_code::h3_message_error);
    EXPECT_EQ(more->last_event(kind::session_closed).application_code, 1u);
    // A capsule that is cut by the end.
    EXPECT_EQ(say(data_frame(varint(0x2843) + varint(10) + "abc"), true)->reset_of(0),
              http_code::h3_message_error);
    // The longest reason, and one that has nothing wrong with it.
    EXPECT_EQ(say(close_capsule(9, std::string(1024, 'y')))
                  ->last_event(kind::session_closed)
                  .text()
                  .size(),
              1024u);
    // Flow control that was not agreed on is ignored.
    EXPECT_TRUE(say(data_frame(tlv(capsule_type::max_data, varint(0))))->wt->is_open(0));
}

TEST(webtransport_session, draining) {
    pipe link{{}, {}};
    link.start();
    const auto session = open_session(link);
    ASSERT_TRUE(link.server.wt->drain_session(link.now, session));
    link.run();
    EXPECT_EQ(link.client.last(kind::session_draining).stream, session);
    EXPECT_TRUE(link.open_stream(link.client, session, true, "still works"));
    link.run();
    EXPECT_EQ(link.server.received.begin()->second.data, "still works");
}

TEST(webtransport_session, several_on_one_connection) {
    pipe link{speaking(dialect::draft_02), {}};
    link.start();
    std::vector<session_id> sessions;
    for (const auto* path : {"/a", "/b", "/c"})
        sessions.push_back(open_session(link, path));
    EXPECT_EQ(link.server.wt->session_count(), 3u);
    std::vector<stream_id> streams;
    for (const auto session : sessions)
        streams.push_back(*link.open_stream(link.client, session, true, std::to_string(session)));
    link.run();
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(link.server.received[streams[i]].data, std::to_string(sessions[i]));
        EXPECT_EQ(link.server.received[streams[i]].session, sessions[i]);
    }
    ASSERT_TRUE(link.client.wt->close_session(link.now, sessions[1], 1));
    link.run();
    EXPECT_FALSE(link.server.wt->is_open(sessions[1]));
    EXPECT_TRUE(link.server.wt->is_open(sessions[2]));
}

TEST(webtransport_session, one_without_flow_control_in_new_dialects) {
    raw peer{role::server};
    peer.feed_control(settings_frame({{0x33, 1}, {0x2c7cf000, 1}}));
    peer.feed(0, connect_request("webtransport-h3"));
    peer.feed(4, connect_request("webtransport-h3"));
    EXPECT_EQ(peer.count(kind::session_requested), 1u);
    EXPECT_EQ(peer.reset_of(4), http_code::h3_request_rejected);
    // The client knows it beforehand.
    pipe link{{}, {}};
    link.start();
    open_session(link);
    EXPECT_FALSE(
        link.client.wt->connect(link.now, link.open(link.client, false), {.authority = "a"}));
}

TEST(webtransport_session, resets_carry_application_codes) {
    raw peer{role::server};
    peer.open_session();
    peer.feed(4, from_hex("404100") + "abc");
    EXPECT_EQ(peer.last.session, 0u);
    const auto stop = peer.wt->handle_stop_sending(peer.now, 4, to_http_code(0x1234));
    EXPECT_EQ(stop.session, 0u);
    EXPECT_EQ(stop.code, 0x1234u);
    const auto reset = peer.wt->handle_reset(peer.now, 4, 0x10c);
    EXPECT_EQ(reset.session, 0u);
    EXPECT_EQ(reset.code, std::nullopt);
    EXPECT_EQ(peer.wt->handle_closed(peer.now, 4), 0u);
    EXPECT_EQ(peer.wt->handle_closed(peer.now, 4), no_session);
}

TEST(webtransport_session, a_peer_that_stops_reading_says_why_or_is_gone) {
    raw says{role::server};
    says.open_session();
    says.wt->handle_stop_sending(says.now, 0, 0x170d7b68);
    says.drain();
    EXPECT_TRUE(says.wt->is_open(0));
    says.feed(0, close_capsule(5, "so"), true);
    EXPECT_EQ(says.last_event(kind::session_closed).application_code, 5u);
    raw silent{role::server};
    silent.open_session();
    silent.wt->handle_stop_sending(silent.now, 0, 0x10c);
    silent.wt->handle_timeout(instant{} + seconds(10));
    silent.drain();
    EXPECT_EQ(silent.last_event(kind::session_closed).code, http_code::h3_request_cancelled);
    raw ended{role::server};
    ended.open_session();
    ended.wt->handle_reset(ended.now, 0, 0x10c);
    ended.drain();
    EXPECT_EQ(ended.last_event(kind::session_closed).code, http_code::h3_request_cancelled);
    EXPECT_EQ(ended.count(kind::session_closed), 1u);
}

TEST(webtransport_session, streams_that_go_before_their_session) {
    raw peer{role::server};
    peer.open_session();
    peer.feed(4, from_hex("404100") + "abc");
    // The session learns nothing of it: why it is over comes on the CONNECT stream.
    EXPECT_EQ(peer.wt->handle_stop_sending(peer.now, 4, 0x170d7b68).session, no_session);
    EXPECT_EQ(peer.wt->handle_reset(peer.now, 4, 0x170d7b68).session, no_session);
    peer.drain();
    EXPECT_TRUE(peer.wt->is_open(0));
    peer.feed(0, close_capsule(6, "why"), true);
    EXPECT_EQ(peer.last_event(kind::session_closed).application_code, 6u);
    raw silent{role::server};
    silent.open_session();
    silent.feed(4, from_hex("404100"));
    silent.wt->handle_reset(silent.now, 4, 0x170d7b68);
    silent.wt->handle_timeout(instant{} + seconds(10));
    silent.drain();
    EXPECT_FALSE(silent.wt->is_open(0));
}

TEST(webtransport_session, the_connection_ends_under_a_session) {
    pipe link{{}, {}};
    link.start();
    const auto session = open_session(link);
    link.client.wt->handle_transport_closed(link.now, 0, "idle timeout", false);
    link.run();
    EXPECT_EQ(link.client.last(kind::session_closed).stream, session);
    EXPECT_EQ(link.client.events.back().what, kind::closed);
    EXPECT_EQ(link.client.events.back().text(), "idle timeout");
}

TEST(webtransport_session, many_sessions_leave_nothing_behind) {
    pipe link{speaking(dialect::draft_02), {}};
    link.start();
    std::size_t before = 0;
    for (int i = 0; i < 1000; ++i) {
        const auto session = open_session(link);
        ASSERT_TRUE(link.open_stream(link.client, session, false, "x", false));
        ASSERT_TRUE(link.open_stream(link.server, session, true, "y"));
        link.run();
        ASSERT_TRUE(link.client.wt->close_session(link.now, session, 1, "next"));
        link.run();
        ASSERT_EQ(link.open_streams(), 2u) << i;
        for (auto* end : {&link.client, &link.server}) {
            end->events.clear();
            end->received.clear();
        }
        const auto used = link.client.pool.used() + link.server.pool.used();
        if (i == 10) before = used;
        ASSERT_TRUE(i <= 10 || used == before) << i;
    }
    EXPECT_EQ(link.server.wt->session_count(), 0u);
}

} // namespace
} // namespace moqrtc::webtransport::test
