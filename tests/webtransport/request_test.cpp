#include "pipe.hpp"
#include "raw.hpp"

#include <moqrtc/webtransport/message_head.hpp>

#include <gtest/gtest.h>

/// Plain requests and responses.
namespace moqrtc::webtransport::test {
namespace {

using kind = event::kind;

slice text_slice(buffer_pool& pool, std::string_view text) {
    return slice::copy(pool, as_bytes(text));
}
std::string content_of(const pipe_end& end, stream_id id) {
    std::string all;
    for (const auto& e : end.events)
        if (e.what == kind::content && e.stream == id) all += e.text();
    return all;
}

TEST(webtransport_request, get_with_a_response_in_parts) {
    pipe link{{}, {}};
    link.start();
    const auto id = link.open(link.client, false);
    const std::array fields{field{"accept", "text/html"}, field{"cookie", "a=b"}};
    ASSERT_TRUE(link.client.wt->request(
        link.now, id, {.authority = "localhost", .path = "/index.html?x=1", .fields = fields}));
    link.run();
    const auto asked = link.server.last(kind::request);
    EXPECT_EQ(asked.method(), "GET");
    EXPECT_EQ(asked.path(), "/index.html?x=1");
    EXPECT_EQ(asked.fields.value("cookie"), "a=b");
    EXPECT_EQ(link.server.count(kind::finished), 1u);

    const std::array answer{field{"content-type", "text/html"}, field{"content-length", "10"}};
    ASSERT_TRUE(link.server.wt->respond(link.now, id, 200, answer, false));
    link.run();
    const auto response = link.client.last(kind::response);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.fields.value("content-type"), "text/html");
    auto& server = *link.server.wt;
    ASSERT_TRUE(server.write_content(link.now, id, text_slice(link.server.pool, "01234"), false));
    link.run();
    EXPECT_EQ(link.server.count(kind::drained), 1u);
    ASSERT_TRUE(server.write_content(link.now, id, text_slice(link.server.pool, "56789"), true));
    EXPECT_FALSE(server.write_content(link.now, id, {}, true));
    link.run();
    EXPECT_EQ(content_of(link.client, id), "0123456789");
    EXPECT_EQ(link.client.count(kind::finished), 1u);
    EXPECT_EQ(link.open_streams(), 2u); // the control streams
    EXPECT_FALSE(link.memory_broken);
}

TEST(webtransport_request, post_with_content_and_an_early_answer) {
    pipe link{{}, {}};
    link.start();
    const auto id = link.open(link.client, false);
    ASSERT_TRUE(link.client.wt->request(
        link.now, id, {.method = "POST", .authority = "localhost", .path = "/upload"}, false));
    ASSERT_TRUE(link.client.wt->write_content(
        link.now, id, text_slice(link.client.pool, std::string(100'000, 'u')), false));
    link.run();
    EXPECT_EQ(content_of(link.server, id).size(), 100'000u);
    ASSERT_TRUE(link.server.wt->respond(link.now, id, 413));
    EXPECT_FALSE(link.server.wt->respond(link.now, id, 200)); // only once
    link.run();
    EXPECT_EQ(link.client.last(kind::response).status, 413);
    ASSERT_TRUE(link.client.wt->cancel(link.now, id));
    link.run();
    EXPECT_EQ(link.server.last(kind::aborted).code, http_code::h3_request_cancelled);
    EXPECT_EQ(link.open_streams(), 2u);
}

TEST(webtransport_request, paused_content_stays_in_the_transport) {
    pipe link{{}, {}};
    link.start();
    const auto id = link.open(link.client, false);
    ASSERT_TRUE(link.client.wt->request(
        link.now, id, {.method = "POST", .authority = "localhost", .path = "/upload"}, false));
    link.run();
    link.server.wt->pause_content(id);
    ASSERT_TRUE(
        link.client.wt->write_content(link.now, id, text_slice(link.client.pool, "later"), true));
    link.run();
    EXPECT_EQ(link.server.count(kind::content), 0u);
    link.server.wt->resume_content(link.now, id);
    link.run();
    EXPECT_EQ(content_of(link.server, id), "later");
    EXPECT_EQ(link.server.count(kind::finished), 1u);
}

TEST(webtransport_request, the_end_alone_may_come_while_paused) {
    raw peer{role::server};
    peer.feed(0, get_request());
    peer.wt->pause_content(0);
    peer.feed(0, "", true);
    EXPECT_EQ(peer.count(kind::finished), 0u);
    peer.wt->resume_content(peer.now, 0);
    peer.drain();
    EXPECT_EQ(peer.count(kind::finished), 1u);
}

TEST(webtransport_request, content_takes_turns) {
    pipe link{{}, {}};
    link.start();
    std::vector<stream_id> ids;
    for (int i = 0; i < 3; ++i) {
        ids.push_back(link.open(link.client, false));
        ASSERT_TRUE(
            link.client.wt->request(link.now, ids.back(), {.authority = "localhost", .path = "/"}));
    }
    link.run();
    auto& server = *link.server.wt;
    for (const auto id : ids) {
        ASSERT_TRUE(server.respond(link.now, id, 200, {}, false));
        for (int i = 0; i < 10; ++i)
            ASSERT_TRUE(server.write_content(
                link.now, id, text_slice(link.server.pool, std::string(1000, 'x')), false));
    }
    std::vector<stream_id> order;
    while (const auto send = server.poll_send(link.now)) {
        if (send->bulk) order.push_back(send->stream);
        server.handle_sent(link.now, send->stream, std::min<std::size_t>(send->size(), 1200),
                           false);
    }
    ASSERT_GE(order.size(), 9u);
    for (std::size_t i = 0; i + 3 < 9; ++i)
        EXPECT_EQ(order[i], order[i + 3]) << i;
    EXPECT_NE(order[0], order[1]);
    EXPECT_NE(order[1], order[2]);
}

struct head_case {
    const char* name;
    std::vector<field> fields;
    bool good = false;
};
void PrintTo(const head_case& c, std::ostream* out) {
    *out << c.name;
}

class request_head_rules : public testing::TestWithParam<head_case> {};

TEST_P(request_head_rules, hold) {
    const auto& c = GetParam();
    buffer_pool pool;
    qpack_coder coder;
    const auto frame = coder.encode(pool, 0, c.fields);
    ASSERT_TRUE(frame);
    raw peer{role::server};
    peer.feed_control();
    peer.feed(0, as_text(frame->view()), true);
    EXPECT_FALSE(peer.closed_with);
    EXPECT_EQ(peer.count(kind::request) == 1, c.good);
    EXPECT_EQ(peer.reset_of(0) == http_code::h3_message_error, !c.good);
}

const field method{":method", "GET"}, scheme{":scheme", "https"}, authority{":authority", "a"},
    path{":path", "/"};
INSTANTIATE_TEST_SUITE_P(
    all, request_head_rules,
    testing::Values(
        head_case{"plain", {method, scheme, authority, path}, true},
        head_case{"host instead", {method, scheme, path, {"host", "a"}}, true},
        head_case{"te trailers", {method, scheme, authority, path, {"te", "trailers"}}, true},
        head_case{
            "options star", {{":method", "OPTIONS"}, scheme, authority, {":path", "*"}}, true},
        head_case{"no method", {scheme, authority, path}},
        head_case{"no scheme", {method, authority, path}},
        head_case{"no path", {method, scheme, authority}},
        head_case{"empty path", {method, scheme, authority, {":path", ""}}},
        head_case{"path without slash", {method, scheme, authority, {":path", "x"}}},
        head_case{"no authority", {method, scheme, path}},
        head_case{"user information", {method, scheme, {":authority", "u@a"}, path}},
        head_case{"host differs", {method, scheme, authority, path, {"host", "b"}}},
        head_case{"method twice", {method, method, scheme, authority, path}},
        head_case{"path twice", {method, scheme, authority, path, path}},
        head_case{"pseudo behind", {method, scheme, authority, {"a", "b"}, path}},
        head_case{"unknown pseudo", {method, scheme, authority, path, {":what", "x"}}},
        head_case{"status in a request", {method, scheme, authority, path, {":status", "200"}}},
        head_case{"protocol without connect",
                  {method, {":protocol", "webtransport"}, scheme, authority, path}},
        head_case{"upper case", {method, scheme, authority, path, {"Accept", "x"}}},
        head_case{"empty name", {method, scheme, authority, path, {"", "x"}}},
        head_case{"space in name", {method, scheme, authority, path, {"a b", "x"}}},
        head_case{"line break", {method, scheme, authority, path, {"a", "x\r\ny: z"}}},
        head_case{"zero byte", {method, scheme, authority, path, {"a", {"x\0y", 3}}}},
        head_case{"connection", {method, scheme, authority, path, {"connection", "close"}}},
        head_case{"transfer-encoding",
                  {method, scheme, authority, path, {"transfer-encoding", "chunked"}}},
        head_case{"upgrade", {method, scheme, authority, path, {"upgrade", "x"}}},
        head_case{"te else", {method, scheme, authority, path, {"te", "gzip"}}},
        head_case{"content-length text",
                  {method, scheme, authority, path, {"content-length", "x"}}},
        head_case{
            "content-lengths differ",
            {method, scheme, authority, path, {"content-length", "0"}, {"content-length", "1"}}}));

TEST(webtransport_request, content_must_be_as_long_as_it_said) {
    const auto head = headers({{":method", "POST"},
                               {":scheme", "https"},
                               {":authority", "a"},
                               {":path", "/"},
                               {"content-length", "3"}});
    raw shorter{role::server};
    shorter.feed(0, head + data_frame("ab"), true);
    EXPECT_EQ(shorter.reset_of(0), http_code::h3_message_error);
    EXPECT_EQ(shorter.last_event(kind::aborted).code, http_code::h3_message_error);
    raw longer{role::server};
    longer.feed(0, head + data_frame("abcd"));
    EXPECT_EQ(longer.reset_of(0), http_code::h3_message_error);
    raw exact{role::server};
    exact.feed(0, head + data_frame("a") + data_frame("bc"), true);
    EXPECT_EQ(exact.count(kind::finished), 1u);
}

TEST(webtransport_request, trailers_have_no_pseudo_header_fields) {
    raw peer{role::server};
    peer.feed(0, get_request() + headers({{":path", "/"}}));
    EXPECT_EQ(peer.reset_of(0), http_code::h3_message_error);
}

TEST(webtransport_request, large_field_sections_get_431) {
    raw peer{role::server, {.max_field_section = 300}};
    const std::string large(400, 'x');
    peer.feed(0, headers({method, scheme, authority, path, {"a", large}}));
    EXPECT_EQ(peer.count(kind::request), 0u);
    EXPECT_TRUE(peer.has_fin(0));
    EXPECT_EQ(peer.stop_of(0), http_code::h3_no_error);
    // Small on the wire and large in memory: what counts is the latter.
    const std::string many(60, 'a');
    raw expanded{role::server, {.max_field_section = 200}};
    expanded.feed(0, headers({method, scheme, authority, path, {"a", many}}), true);
    EXPECT_EQ(expanded.count(kind::request), 0u);
    EXPECT_TRUE(expanded.has_fin(0));
    EXPECT_FALSE(expanded.closed_with);
    // A value that the coder itself does not take is no reason to drop the requests beside it.
    raw huge{role::server, {.max_field_section = 200'000}};
    const std::string value(120'000, 'v');
    huge.feed(0, headers({method, scheme, authority, path, {"a", value}}), true);
    EXPECT_TRUE(huge.has_fin(0));
    huge.feed(4, get_request(), true);
    EXPECT_EQ(huge.count(kind::request), 1u);
    EXPECT_FALSE(huge.closed_with);
}

TEST(webtransport_request, other_kinds_of_connect_get_501) {
    raw peer{role::server};
    peer.feed_control();
    peer.feed(0, headers({{":method", "CONNECT"}, authority}));
    EXPECT_TRUE(peer.has_fin(0));
    peer.feed(
        4,
        headers({{":method", "CONNECT"}, {":protocol", "connect-udp"}, scheme, authority, path}));
    EXPECT_TRUE(peer.has_fin(4));
    EXPECT_FALSE(peer.closed_with);
}

TEST(webtransport_request, too_many_at_once_are_rejected) {
    raw peer{role::server, {.max_requests = 2}};
    peer.feed(0, get_request(), true);
    peer.feed(4, get_request(), true);
    peer.feed(8, get_request(), true);
    EXPECT_EQ(peer.reset_of(8), http_code::h3_request_rejected);
    EXPECT_EQ(peer.count(kind::request), 2u);
    peer.wt->handle_closed(peer.now, 0);
    peer.feed(12, get_request(), true);
    EXPECT_EQ(peer.count(kind::request), 3u);
}

TEST(webtransport_request, slow_heads_run_out_of_time) {
    raw peer{role::server};
    peer.feed_control();
    peer.feed(0, get_request().substr(0, 5));
    EXPECT_EQ(peer.wt->next_timeout(), instant{} + seconds(10));
    peer.wt->handle_timeout(instant{} + seconds(10));
    peer.drain();
    EXPECT_EQ(peer.reset_of(0), http_code::h3_request_incomplete);
    EXPECT_EQ(peer.wt->next_timeout(), never);
}

TEST(webtransport_request, settings_must_come) {
    raw peer{role::client};
    EXPECT_EQ(peer.wt->next_timeout(), instant{} + seconds(10));
    peer.wt->handle_timeout(instant{} + seconds(10));
    peer.drain();
    EXPECT_EQ(peer.closed_with, http_code::h3_missing_settings);
}

TEST(webtransport_request, responses_are_checked) {
    const auto answer = [](const std::string& bytes, bool fin = false) {
        auto peer = std::make_unique<raw>(role::client);
        peer->feed_control();
        EXPECT_TRUE(peer->wt->request(peer->now, 0, {.authority = "a"}));
        peer->drain();
        peer->feed(0, bytes, fin);
        return peer;
    };
    const auto good =
        answer(headers({{":status", "103"}, {"link", "</x>"}}) +
                   headers({{":status", "200"}, {"content-length", "2"}}) + data_frame("ok"),
               true);
    EXPECT_EQ(good->count(kind::response), 1u);
    EXPECT_EQ(good->count(kind::finished), 1u);
    for (const auto& bad : {headers({{":status", "20"}}), headers({{":status", "600"}}),
                            headers({{":status", "101"}}), headers({{"a", "b"}}),
                            headers({{":status", "200"}, {":status", "200"}}),
                            headers({{":status", "200"}, {":path", "/"}})}) {
        const auto peer = answer(bad);
        EXPECT_EQ(peer->last_event(kind::aborted).code, http_code::h3_message_error);
        EXPECT_FALSE(peer->closed_with);
    }
    EXPECT_EQ(answer("", true)->last_event(kind::aborted).code, http_code::h3_request_incomplete);
    EXPECT_EQ(answer(data_frame("x"))->closed_with, http_code::h3_frame_unexpected);
    EXPECT_EQ(answer(tlv(5, varint(0)))->closed_with, http_code::h3_id_error);
}

TEST(webtransport_request, what_may_not_be_sent_is_refused) {
    raw peer{role::server};
    peer.feed(0, get_request(), true);
    const auto answer = [&](const field& each) {
        return peer.wt->respond(peer.now, 0, 200, std::array{each}).has_value();
    };
    EXPECT_FALSE(answer({"Upper", "x"}));
    EXPECT_FALSE(answer({":status", "200"}));
    EXPECT_FALSE(answer({"connection", "close"}));
    EXPECT_FALSE(answer({"a", "x\ny"}));
    EXPECT_FALSE(peer.wt->respond(peer.now, 0, 199));
    EXPECT_FALSE(peer.wt->respond(peer.now, 0, 600));
    EXPECT_FALSE(peer.wt->respond(peer.now, 4, 200));
    EXPECT_TRUE(answer({"a", "x"}));
}

TEST(webtransport_request, goaway_of_the_server) {
    pipe link{{}, {}};
    link.start();
    const auto first = link.open(link.client, false);
    ASSERT_TRUE(link.client.wt->request(link.now, first, {.authority = "a"}));
    link.run();
    link.server.wt->goaway(link.now);
    // This one crosses the GOAWAY.
    const auto second = link.open(link.client, false);
    ASSERT_TRUE(link.client.wt->request(link.now, second, {.authority = "a"}));
    link.run();
    EXPECT_EQ(link.client.count(kind::goaway), 1u);
    EXPECT_EQ(link.client.last(kind::aborted).stream, second);
    EXPECT_EQ(link.client.last(kind::aborted).code, http_code::h3_request_rejected);
    EXPECT_FALSE(link.client.wt->request(link.now, 8, {.authority = "a"}));
    ASSERT_TRUE(link.server.wt->respond(link.now, first, 204));
    link.run();
    EXPECT_EQ(link.client.last(kind::response).stream, first);
}

TEST(webtransport_request, closing_tells_both_sides) {
    pipe link{{}, {}};
    link.start();
    link.run();
    link.client.wt->close(link.now, http_code::h3_no_error, "done");
    link.run();
    EXPECT_EQ(link.client.closed_with, 0x100u);
    EXPECT_EQ(link.server.last(kind::closed).text(), "done");
    EXPECT_TRUE(link.server.last(kind::closed).by_peer);
    EXPECT_FALSE(link.client.wt->request(link.now, 0, {.authority = "a"}));
    EXPECT_FALSE(link.server.wt->poll_send(link.now));
}

} // namespace
} // namespace moqrtc::webtransport::test
