#include "pipe.hpp"
#include "raw.hpp"

#include <moqrtc/webtransport/connection.hpp>

#include <gtest/gtest.h>

/// Flow control of sessions.
namespace moqrtc::webtransport::test {
namespace {

using kind = event::kind;

connection_config with_window(std::uint64_t bidi, std::uint64_t uni, std::uint64_t data) {
    connection_config config;
    config.window = {bidi, uni, data};
    return config;
}
session_id open_session(pipe& link) {
    const auto id = link.open(link.client, false);
    EXPECT_TRUE(link.client.wt->connect(link.now, id, {.authority = "localhost"}));
    link.run();
    return id;
}
/// A server with a window of 2 streams of each kind and 10 bytes, and a client with 1, 1 and 4.
std::unique_ptr<raw> windowed() {
    auto peer = std::make_unique<raw>(role::server, with_window(2, 2, 10));
    peer->feed_control(
        settings_frame({{0x33, 1}, {0x2c7cf000, 1}, {0x2b61, 4}, {0x2b64, 1}, {0x2b65, 1}}));
    peer->feed(0, connect_request("webtransport-h3"));
    EXPECT_TRUE(peer->wt->accept(peer->now, 0));
    peer->drain();
    peer->sent.clear();
    return peer;
}
std::string capsule_frame(std::uint64_t type, std::uint64_t value) {
    return data_frame(tlv(type, varint(value)));
}

TEST(webtransport_flow, is_off_unless_both_want_it) {
    for (const bool client : {true, false}) {
        pipe link{client ? with_window(1, 1, 1) : connection_config{},
                  client ? connection_config{} : with_window(1, 1, 1)};
        link.start();
        const auto session = open_session(link);
        EXPECT_EQ(link.client.wt->send_budget(session), UINT64_MAX);
        EXPECT_EQ(link.server.wt->stream_credit(session, true), UINT64_MAX);
    }
}

TEST(webtransport_flow, what_is_sent_stays_below_the_limit) {
    const auto peer = windowed();
    EXPECT_EQ(peer->wt->send_budget(0), 4u);
    EXPECT_EQ(peer->wt->stream_credit(0, true), 1u);
    ASSERT_TRUE(peer->wt->open_stream(peer->now, 0, 7));
    EXPECT_EQ(peer->wt->stream_credit(0, true), 0u);
    EXPECT_EQ(peer->wt->open_stream(peer->now, 0, 11).error().code, errc::limit);
    EXPECT_FALSE(peer->wt->open_stream(peer->now, 0, 11));
    peer->drain();
    EXPECT_EQ(peer->sent[0], capsule_frame(capsule_type::streams_blocked_uni, 1)); // told once
    peer->sent.clear();

    const auto payload = as_bytes("abcdef");
    stream_send send;
    ASSERT_TRUE(peer->wt->offer(7, {&payload, 1}, true, send));
    EXPECT_EQ(send.size(), 3u + 4u); // the prefix does not count
    EXPECT_FALSE(send.fin);
    EXPECT_EQ(peer->wt->handle_sent(peer->now, 7, 7, false).count, 4u);
    const auto rest = payload.subspan(4);
    EXPECT_FALSE(peer->wt->offer(7, {&rest, 1}, true, send));
    EXPECT_FALSE(peer->wt->offer(7, {&rest, 1}, true, send));
    peer->drain();
    EXPECT_EQ(peer->sent[0], capsule_frame(capsule_type::data_blocked, 4));
    EXPECT_TRUE(peer->wt->offer(7, {}, true, send)); // an end needs no credit

    peer->feed(0, capsule_frame(capsule_type::max_data, 6) +
                      capsule_frame(capsule_type::max_streams_uni, 2));
    EXPECT_EQ(peer->count(kind::session_credit), 2u);
    EXPECT_TRUE(peer->wt->open_stream(peer->now, 0, 11));
    ASSERT_TRUE(peer->wt->offer(7, {&rest, 1}, true, send));
    EXPECT_EQ(send.size(), 2u);
    EXPECT_TRUE(send.fin);
}

TEST(webtransport_flow, limits_must_grow) {
    for (const auto& bad :
         {capsule_frame(capsule_type::max_data, 4), capsule_frame(capsule_type::max_streams_uni, 1),
          capsule_frame(capsule_type::max_streams_bidi, 0),
          capsule_frame(capsule_type::max_streams_bidi, (1ull << 60) + 1),
          capsule_frame(capsule_type::streams_blocked_uni, (1ull << 60) + 1)}) {
        const auto peer = windowed();
        peer->feed(0, bad);
        EXPECT_EQ(peer->reset_of(0), http_code::wt_flow_control_error);
        EXPECT_EQ(peer->last_event(kind::session_closed).code, http_code::wt_flow_control_error);
        EXPECT_FALSE(peer->closed_with);
    }
    const auto peer = windowed();
    peer->feed(0, capsule_frame(capsule_type::data_blocked, 0) +
                      capsule_frame(capsule_type::streams_blocked_bidi, 1));
    EXPECT_TRUE(peer->wt->is_open(0));
}

TEST(webtransport_flow, what_comes_is_counted) {
    const auto data = windowed();
    data->feed(6, from_hex("405400") + "0123456789");
    EXPECT_TRUE(data->wt->is_open(0));
    EXPECT_EQ(data->sent[0], capsule_frame(capsule_type::max_data, 20));
    data->feed(6, std::string(11, 'x'));
    EXPECT_EQ(data->last_event(kind::session_closed).code, http_code::wt_flow_control_error);
    EXPECT_EQ(data->last.whose, stream_input::owner::connection); // none of it reaches the session

    const auto streams = windowed();
    for (const stream_id id : {6u, 10u})
        streams->feed(id, from_hex("405400"));
    EXPECT_TRUE(streams->wt->is_open(0));
    streams->feed(14, from_hex("405400"));
    EXPECT_EQ(streams->last_event(kind::session_closed).code, http_code::wt_flow_control_error);

    const auto closed = windowed();
    closed->feed(6, from_hex("405400"), true);
    closed->wt->handle_closed(closed->now, 6);
    closed->drain();
    EXPECT_EQ(closed->sent[0], capsule_frame(capsule_type::max_streams_uni, 3));
}

TEST(webtransport_flow, a_reset_counts_to_its_final_size) {
    const auto peer = windowed();
    peer->feed(6, from_hex("405400") + "ab");
    peer->wt->handle_reset(peer->now, 6, to_http_code(1), 3 + 10);
    peer->drain();
    EXPECT_TRUE(peer->wt->is_open(0));
    EXPECT_EQ(peer->sent[0], capsule_frame(capsule_type::max_data, 20));
    peer->feed(10, from_hex("405400"));
    peer->wt->handle_reset(peer->now, 10, to_http_code(1), 3 + 11);
    peer->drain();
    EXPECT_EQ(peer->last_event(kind::session_closed).code, http_code::wt_flow_control_error);
}

TEST(webtransport_flow, a_lot_gets_through_small_windows) {
    pipe link{with_window(2, 2, 1000), with_window(2, 2, 1000)};
    link.start();
    const auto session = open_session(link);
    for (int i = 0; i < 100; ++i) {
        const auto id = link.open_stream(i % 2 == 0 ? link.client : link.server, session, i % 4 < 2,
                                         std::string(700, 'x'), true);
        ASSERT_TRUE(id) << i;
        link.run();
        auto& end = i % 2 == 0 ? link.server : link.client;
        ASSERT_EQ(end.received[*id].data.size(), 700u) << i;
        ASSERT_TRUE(end.received[*id].fin);
        if (!is_unidirectional(*id)) { // the other side ends too
            link.write(end, *id, session, "", true);
            link.run();
        }
    }
    EXPECT_EQ(link.client.count(kind::session_closed), 0u);
    EXPECT_GT(link.client.count(kind::session_credit), 10u);
}

} // namespace
} // namespace moqrtc::webtransport::test
