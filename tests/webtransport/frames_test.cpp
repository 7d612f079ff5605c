#include "raw.hpp"

#include <moqrtc/webtransport/frame.hpp>

#include <gtest/gtest.h>

/// What may stand where, and the error code for each thing that may not: RFC 9114 sections 4.1,
/// 6.2, 7.1, 7.2, RFC 9204 section 4.2.
namespace moqrtc::webtransport::test {
namespace {

const std::string grease = tlv(0x1f * 100 + 0x21, "whatever");

struct control_case {
    const char* name;
    role self;
    std::string bytes; ///< behind the stream type
    http_code code;
};

void PrintTo(const control_case& c, std::ostream* out) {
    *out << c.name;
}

class control_stream : public testing::TestWithParam<control_case> {};

TEST_P(control_stream, ends_the_connection_with_the_right_code) {
    const auto& c = GetParam();
    raw peer{c.self};
    peer.feed_control(c.bytes);
    ASSERT_TRUE(peer.closed_with) << c.name;
    EXPECT_EQ(*peer.closed_with, c.code) << to_string(*peer.closed_with);
    EXPECT_EQ(peer.events.back().what, event::kind::closed);
    EXPECT_EQ(peer.events.back().code, c.code);
    // Byte by byte it is the same.
    raw slow{c.self};
    const auto all = varint(stream_type::control) + c.bytes;
    for (const char each : all)
        slow.feed(c.self == role::client ? 3 : 2, {&each, 1});
    ASSERT_TRUE(slow.closed_with);
    EXPECT_EQ(*slow.closed_with, c.code);
}

const auto good = settings_frame({{0x33, 1}});
INSTANTIATE_TEST_SUITE_P(
    all, control_stream,
    testing::Values(
        control_case{"data first", role::server, data_frame("x"), http_code::h3_missing_settings},
        control_case{"unknown first", role::server, grease, http_code::h3_missing_settings},
        control_case{"goaway first", role::client, tlv(7, varint(0)),
                     http_code::h3_missing_settings},
        control_case{"second settings", role::server, good + good, http_code::h3_frame_unexpected},
        control_case{"data", role::server, good + data_frame("x"), http_code::h3_frame_unexpected},
        control_case{"headers", role::client, good + get_request(), http_code::h3_frame_unexpected},
        control_case{"push promise", role::client, good + tlv(5, varint(0)),
                     http_code::h3_frame_unexpected},
        control_case{"http2 priority", role::server, good + tlv(2), http_code::h3_frame_unexpected},
        control_case{"http2 ping", role::server, good + tlv(6), http_code::h3_frame_unexpected},
        control_case{"http2 window update", role::client, good + tlv(8),
                     http_code::h3_frame_unexpected},
        control_case{"http2 continuation", role::client, good + tlv(9),
                     http_code::h3_frame_unexpected},
        control_case{"wt stream", role::server, good + tlv(0x41), http_code::h3_frame_error},
        control_case{"goaway empty", role::server, good + tlv(7), http_code::h3_frame_error},
        control_case{"goaway with more", role::server, good + tlv(7, varint(0) + "x"),
                     http_code::h3_frame_error},
        control_case{"goaway too long", role::server, good + tlv(7, std::string(9, 'x')),
                     http_code::h3_frame_error},
        control_case{"goaway of no request", role::client, good + tlv(7, varint(3)),
                     http_code::h3_id_error},
        control_case{"goaway grows", role::client, good + tlv(7, varint(4)) + tlv(7, varint(8)),
                     http_code::h3_id_error},
        control_case{"max push id from a server", role::client, good + tlv(0xd, varint(4)),
                     http_code::h3_frame_unexpected},
        control_case{"cancel push", role::server, good + tlv(3, varint(0)), http_code::h3_id_error},
        control_case{"setting twice", role::server, settings_frame({{0x33, 1}, {0x33, 1}}),
                     http_code::h3_settings_error},
        control_case{"setting of HTTP/2", role::server, settings_frame({{0x2, 1}}),
                     http_code::h3_settings_error},
        control_case{"datagram setting", role::server, settings_frame({{0x33, 2}}),
                     http_code::h3_settings_error},
        control_case{"connect setting", role::client, settings_frame({{0x8, 2}}),
                     http_code::h3_settings_error},
        control_case{"WT_ENABLED above 1", role::client, settings_frame({{0x2c7cf000, 2}}),
                     http_code::h3_settings_error},
        control_case{"settings cut", role::server, tlv(4, varint(0x33)), http_code::h3_frame_error},
        control_case{"settings too long", role::server, varint(4) + varint(5000),
                     http_code::h3_excessive_load}));

TEST(webtransport_control, skips_what_it_does_not_know) {
    raw peer{role::server};
    peer.feed_control(chromium_settings() + grease + tlv(0xf0700, "priority update") +
                      tlv(0xd, varint(8)) + tlv(0x40, ""));
    EXPECT_FALSE(peer.closed_with);
    EXPECT_EQ(peer.count(event::kind::ready), 1u);
    const auto* const theirs = peer.wt->peer_settings();
    ASSERT_NE(theirs, nullptr);
    EXPECT_EQ(theirs->qpack_max_table_capacity, 65536u);
    EXPECT_EQ(theirs->qpack_blocked_streams, 100u);
    EXPECT_EQ(theirs->max_field_section_size, 16384u);
    EXPECT_TRUE(theirs->h3_datagram);
    EXPECT_EQ(theirs->dialects, dialect_set::only(dialect::draft_02));
    EXPECT_EQ(peer.wt->version(), dialect::draft_02);
}

TEST(webtransport_control, critical_streams_must_stay) {
    for (const auto type : {0, 2, 3}) {
        raw ended{role::server};
        ended.feed(
            2, varint(static_cast<std::uint64_t>(type)) + (type == 0 ? chromium_settings() : ""),
            true);
        EXPECT_EQ(ended.closed_with, http_code::h3_closed_critical_stream) << type;
        raw reset{role::server};
        reset.feed(2, varint(static_cast<std::uint64_t>(type)));
        reset.wt->handle_reset(reset.now, 2, 0x100);
        reset.drain();
        EXPECT_EQ(reset.closed_with, http_code::h3_closed_critical_stream) << type;
    }
    raw stopped{role::server};
    stopped.wt->handle_stop_sending(stopped.now, 3, 0x100);
    stopped.drain();
    EXPECT_EQ(stopped.closed_with, http_code::h3_closed_critical_stream);
}

TEST(webtransport_control, one_of_each_stream) {
    for (const auto type : {0, 2, 3}) {
        raw peer{role::server};
        peer.feed(2, varint(static_cast<std::uint64_t>(type)));
        EXPECT_FALSE(peer.closed_with);
        peer.feed(6, varint(static_cast<std::uint64_t>(type)));
        EXPECT_EQ(peer.closed_with, http_code::h3_stream_creation_error);
    }
}

TEST(webtransport_control, push_streams_are_refused) {
    raw server{role::server};
    server.feed(2, varint(stream_type::push));
    EXPECT_EQ(server.closed_with, http_code::h3_stream_creation_error);
    raw client{role::client};
    client.feed(3, varint(stream_type::push) + varint(0));
    EXPECT_EQ(client.closed_with, http_code::h3_id_error);
}

TEST(webtransport_control, unknown_unidirectional_streams_are_stopped) {
    raw peer{role::server};
    peer.feed(2, varint(0x1f * 7 + 0x21) + "anything at all");
    EXPECT_FALSE(peer.closed_with);
    EXPECT_EQ(peer.stop_of(2), http_code::h3_stream_creation_error);
    peer.feed(2, "more", true);
    peer.feed(6, varint(0x1f * 7 + 0x21).substr(0, 1), true); // ends inside its type
    peer.wt->handle_reset(peer.now, 10, 0);                   // and one before it
    peer.drain();
    EXPECT_FALSE(peer.closed_with);
}

TEST(webtransport_control, a_server_opens_no_requests) {
    raw peer{role::client};
    peer.feed_control();
    peer.feed(1, get_request());
    EXPECT_EQ(peer.closed_with, http_code::h3_stream_creation_error);
}

TEST(webtransport_control, qpack_streams_without_a_table) {
    raw peer{role::server};
    peer.feed(2, varint(stream_type::qpack_encoder) + from_hex("20")); // capacity 0
    peer.feed(6, varint(stream_type::qpack_decoder) + from_hex("40")); // stream cancellation
    EXPECT_FALSE(peer.closed_with);
    raw insert{role::server};
    insert.feed(2, varint(stream_type::qpack_encoder) + from_hex("3fe11f")); // capacity 4096
    EXPECT_EQ(insert.closed_with, http_code::qpack_encoder_stream_error);
    raw acknowledge{role::server};
    acknowledge.feed(2, varint(stream_type::qpack_decoder) + from_hex("80"));
    EXPECT_EQ(acknowledge.closed_with, http_code::qpack_decoder_stream_error);
}

struct request_case {
    const char* name;
    std::string bytes;
    http_code code;
    bool fin = false;
};

void PrintTo(const request_case& c, std::ostream* out) {
    *out << c.name;
}

class request_stream : public testing::TestWithParam<request_case> {};

TEST_P(request_stream, ends_the_connection_with_the_right_code) {
    const auto& c = GetParam();
    raw peer{role::server};
    peer.feed_control();
    peer.feed(0, c.bytes, c.fin);
    ASSERT_TRUE(peer.closed_with) << c.name;
    EXPECT_EQ(*peer.closed_with, c.code) << to_string(*peer.closed_with);
}

INSTANTIATE_TEST_SUITE_P(
    all, request_stream,
    testing::Values(
        request_case{"data first", data_frame("x"), http_code::h3_frame_unexpected},
        request_case{"settings", get_request() + chromium_settings(),
                     http_code::h3_frame_unexpected},
        request_case{"goaway", tlv(7, varint(0)), http_code::h3_frame_unexpected},
        request_case{"max push id", tlv(0xd, varint(0)), http_code::h3_frame_unexpected},
        request_case{"cancel push", tlv(3, varint(0)), http_code::h3_frame_unexpected},
        request_case{"push promise", get_request() + tlv(5, varint(0)),
                     http_code::h3_frame_unexpected},
        request_case{"http2 frame", grease + tlv(6), http_code::h3_frame_unexpected},
        request_case{"wt stream later", get_request() + varint(0x41) + varint(0),
                     http_code::h3_frame_error},
        request_case{"data after trailers", get_request() + headers({{"a", "b"}}) + data_frame("x"),
                     http_code::h3_frame_unexpected},
        request_case{"headers after trailers",
                     get_request() + headers({{"a", "b"}}) + headers({{"c", "d"}}),
                     http_code::h3_frame_unexpected},
        request_case{"end inside a frame", get_request() + varint(0) + varint(10) + "xyz",
                     http_code::h3_frame_error, true},
        request_case{"end inside a frame's head", get_request() + varint(0),
                     http_code::h3_frame_error, true},
        request_case{"section that does not decode", tlv(1, from_hex("0000ff")),
                     http_code::qpack_decompression_failed},
        request_case{"section with a dynamic reference", tlv(1, from_hex("020080")),
                     http_code::qpack_decompression_failed}));

TEST(webtransport_frames, unknown_frames_are_skipped_anywhere) {
    raw peer{role::server};
    peer.feed_control();
    peer.feed(0,
              grease + get_request() + grease + data_frame("ab") + grease + data_frame("cd") +
                  headers({{"a", "b"}}) + grease,
              true);
    EXPECT_FALSE(peer.closed_with);
    EXPECT_EQ(peer.count(event::kind::request), 1u);
    EXPECT_EQ(peer.count(event::kind::content), 2u);
    EXPECT_EQ(peer.last_event(event::kind::finished).fields.value("a"), "b");
}

TEST(webtransport_frames, an_incomplete_request_is_refused) {
    raw peer{role::server};
    peer.feed_control();
    peer.feed(0, grease, true);
    EXPECT_FALSE(peer.closed_with);
    EXPECT_EQ(peer.reset_of(0), http_code::h3_request_incomplete);
    peer.feed(4, "\x40", true);
    EXPECT_EQ(peer.reset_of(4), http_code::h3_request_incomplete);
}

TEST(webtransport_frames, streams_that_begin_with_a_signal) {
    raw peer{role::server};
    peer.feed_control();
    peer.wt->handle_reset(peer.now, 0, 0x10c); // the request itself was lost with the reset
    peer.drain();
    EXPECT_EQ(peer.reset_of(0), http_code::h3_request_cancelled);
    EXPECT_FALSE(peer.stop_of(0));
    peer.wt->handle_reset(peer.now, 6, 0x10c);
    EXPECT_FALSE(peer.reset_of(6));
    // Nobody listens any more, but the request came.
    peer.wt->handle_stop_sending(peer.now, 4, 0x10c);
    peer.feed(4, get_request(), true);
    EXPECT_EQ(peer.count(event::kind::request), 1u);
    EXPECT_FALSE(peer.wt->respond(peer.now, 4, 200));
    EXPECT_FALSE(peer.closed_with);
}

TEST(webtransport_frames, reader_gives_every_byte_once) {
    const auto stream = data_frame("hello") + tlv(9, "") + headers({{":status", "200"}});
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        frame_reader reader;
        std::string seen;
        std::vector<std::uint64_t> types;
        for (const auto part :
             {std::string_view{stream}.substr(0, cut), std::string_view{stream}.substr(cut)}) {
            auto in = as_bytes(part);
            while (const auto piece = reader.next(in)) {
                if (piece->first) types.push_back(piece->type);
                if (piece->type == 0) seen += as_text(piece->payload);
            }
        }
        EXPECT_EQ(seen, "hello");
        EXPECT_EQ(types, (std::vector<std::uint64_t>{0, 9, 1}));
        EXPECT_TRUE(reader.between_frames());
    }
}

TEST(webtransport_frames, quarter_stream_id_must_be_one) {
    raw empty{role::server};
    (void)empty.wt->handle_datagram(empty.now, {});
    empty.drain();
    EXPECT_EQ(empty.closed_with, http_code::h3_datagram_error);
    raw large{role::server};
    const auto data = from_hex("ffffffffffffffff");
    (void)large.wt->handle_datagram(large.now, as_bytes(std::string_view{data}));
    large.drain();
    EXPECT_EQ(large.closed_with, http_code::h3_datagram_error);
}

} // namespace
} // namespace moqrtc::webtransport::test
