#include <moqrtc/moqt/session/qlog_trace.hpp>

#include <algorithm>
#include <gmock/gmock.h>
#include <moqt/session/scenario.hpp>

namespace moqrtc::moqt {
namespace {

using direction = qlog_trace::direction;
using ::testing::HasSubstr;
using ::testing::Not;

/// One session and what was traced of it: the driver of the tour, with a trace beside it.
struct traced {
    traced(role self, draft version, buffer_pool& pool)
        : session{instant{}, {.self = self, .version = version, .authority = "a.example"}, pool},
          trace{instant{}, {self, version, "id", "2026-01-01T00:00:00.000Z"}} {
        session.handle_stream_credit(100, 100);
    }
    moqt::session session;
    qlog_trace trace;
    std::vector<event> events{};
};

bool carry(traced& from, traced& to, instant now) {
    bool moved = false;
    while (auto e = to.session.poll_event())
        to.events.push_back(std::move(*e));
    while (const auto op = from.session.poll_transmit()) {
        moved = true;
        if (op->what == transport_op::kind::reset) {
            from.trace.handle_reset(now, direction::sent, op->stream, op->code);
            to.trace.handle_reset(now, direction::received, op->stream, op->code);
            to.session.handle_reset(now, op->stream, op->code);
        } else if (op->what == transport_op::kind::datagram) {
            from.trace.handle_datagram(now, direction::sent, op->data);
            to.trace.handle_datagram(now, direction::received, op->data);
            to.session.handle_datagram(now, op->data);
        } else if (op->what == transport_op::kind::close) {
            from.trace.handle_closed(now, direction::sent, op->code, as_text(op->data));
            to.trace.handle_closed(now, direction::received, op->code, as_text(op->data));
        }
    }
    while (const auto offer = from.session.poll_send(now)) {
        moved = true;
        std::size_t sent = 0;
        for (std::size_t i = 0; i < offer->count; ++i) {
            const bool fin = offer->fin && i + 1 == offer->count;
            // The trace gets the bytes one by one: it may be cut anywhere.
            const bytes all = offer->chunks[i];
            for (std::size_t k = 0; k < all.size(); ++k) {
                from.trace.handle_stream(now, direction::sent, offer->stream, all.subspan(k, 1),
                                         fin && k + 1 == all.size());
            }
            to.trace.handle_stream(now, direction::received, offer->stream, all, fin);
            sent += to.session.handle_stream(now, offer->stream, all, fin);
        }
        if (offer->count == 0) (void)to.session.handle_stream(now, offer->stream, {}, true);
        from.session.handle_sent(now, offer->stream, sent, offer->fin);
    }
    return moved;
}

void exchange(traced& a, traced& b, instant now) {
    for (bool moved = true; moved;) {
        moved = carry(a, b, now);
        moved = carry(b, a, now) || moved;
    }
}

/// Without what differs between both sides of one conversation.
std::string mirrored(std::string text) {
    const auto swap = [&](std::string_view one, std::string_view other) {
        for (std::size_t at = 0; (at = text.find(one, at)) != std::string::npos;)
            text.replace(at, one.size(), other), at += other.size();
    };
    swap("_created", "_parsed");
    swap("\"owner\":\"local\"", "\"owner\":\"remote\"");
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        const auto line = text.substr(at, end - at);
        if (line.find("file_schema") == std::string::npos) lines.push_back(line);
        at = end + 1;
    }
    std::ranges::sort(lines);
    std::string out;
    for (const auto& line : lines)
        out += line + "\n";
    return out;
}

class qlog : public ::testing::TestWithParam<draft> {};

TEST_P(qlog, both_sides_tell_the_same_story) {
    buffer_pool pool;
    {
        traced client{role::client, GetParam(), pool};
        traced server{role::server, GetParam(), pool};
        const auto& rules = rules_for(GetParam());
        const instant now{1'234'567};
        exchange(client, server, now);
        const auto id = *client.session.subscribe(now, track());
        exchange(client, server, now);
        const auto asked = std::ranges::find(server.events, kind::requested, &event::what);
        ASSERT_NE(asked, server.events.end());
        ASSERT_TRUE(server.session.accept_subscribe(now, asked->id, 7));
        exchange(client, server, now);
        const auto stream = server.session.open_subgroup(now, asked->id, {.group = 5});
        ASSERT_TRUE(stream);
        for (const std::uint64_t object : {0, 1, 4})
            ASSERT_TRUE(server.session.write_object(now, *stream, object, {},
                                                    text(pool, "private content")));
        ASSERT_TRUE(server.session.finish_stream(now, *stream));
        ASSERT_TRUE(server.session.send_datagram(now, asked->id,
                                                 datagram_object(pool, {6, 1}, "private too")));
        exchange(client, server, now);
        ASSERT_TRUE(client.session.cancel(now, id));
        exchange(client, server, now);
        client.session.close(now, close_code::no_error, "done");
        exchange(client, server, now);

        const auto told = client.trace.take();
        EXPECT_EQ(mirrored(told), mirrored(server.trace.take()));
        EXPECT_EQ(told.substr(0, 2), "\x1e{");
        EXPECT_THAT(told, HasSubstr("\"vantage_point\":{\"type\":\"client\"}"));
        EXPECT_THAT(told, HasSubstr("\"moqt_version\":\"" + std::string{rules.alpn} + "\""));
        EXPECT_THAT(told,
                    HasSubstr("{\"time\":1234.567,\"name\":\"moqt:control_message_created\""));
        EXPECT_THAT(told, HasSubstr("\"message_type\":\"subscribe\""));
        EXPECT_THAT(told,
                    HasSubstr("\"track_namespace\":[{\"value\":\"live\"},{\"value\":\"a\"}]"));
        EXPECT_THAT(told, HasSubstr("\"name\":\"moqt:subgroup_header_parsed\""));
        EXPECT_THAT(told, HasSubstr("\"object_id_delta\":2,\"group_id\":5,\"object_id\":4"));
        EXPECT_THAT(told, HasSubstr("\"name\":\"moqt:object_datagram_parsed\""));
        EXPECT_THAT(told, HasSubstr("\"name\":\"moqrtc:session_closed\""));
        EXPECT_THAT(told, Not(HasSubstr("private")));
        EXPECT_THAT(told, Not(HasSubstr("not_understood")));
    }
    EXPECT_EQ(pool.used(), 0u);
}

TEST_P(qlog, what_cannot_be_read_is_told_and_nothing_behind_it) {
    const auto& rules = rules_for(GetParam());
    qlog_trace trace{instant{}, {role::server, GetParam()}};
    (void)trace.take();
    // A subgroup whose second object has a length that no draft allows.
    std::array<std::byte, 64> head{};
    const auto size = *encode_subgroup_header(
        rules, {.track_alias = 1, .group_id = 2, .publisher_priority = priority{3}}, head);
    trace.handle_stream({}, direction::received, 2, bytes{head}.first(size), false);
    constexpr std::array one{std::byte{0}, std::byte{1}, std::byte{'x'}};
    trace.handle_stream({}, direction::received, 2, one, false);
    constexpr std::array wrong{std::byte{0}, std::byte{0}, std::byte{63}}; // a status that is none
    trace.handle_stream({}, direction::received, 2, wrong, false);
    trace.handle_stream({}, direction::received, 2, one, true);
    const auto told = trace.take();
    EXPECT_THAT(told, HasSubstr("moqt:subgroup_object_parsed"));
    EXPECT_THAT(told, HasSubstr("\"name\":\"moqrtc:not_understood\",\"data\":{\"owner\":\"remote\","
                                "\"stream_id\":2"));
    EXPECT_EQ(std::ranges::count(told, '\n'), 4) << told;
}

TEST_P(qlog, secrets_stay_out) {
    const auto& rules = rules_for(GetParam());
    const authorization_token token{alias_type::use_value, 0, 1, as_bytes("very-secret")};
    setup_options options;
    if (rules.request_credit) options.max_request_id = 10;
    options.path = as_bytes("/moq?token=very-secret");
    options.authorization_tokens = token_list{{&token, 1}};
    std::array<std::byte, 512> out{};
    const auto size = rules.setup == setup_form::symmetric
                          ? serialize_framed(rules, msg::setup{options}, out)
                          : serialize_framed(rules, msg::client_setup{options}, out);
    ASSERT_TRUE(size);
    qlog_trace trace{instant{}, {role::server, GetParam()}};
    trace.handle_stream({}, direction::received, rules.control_pair ? 2 : 0,
                        bytes{out}.first(*size), false);
    const auto told = trace.take();
    EXPECT_THAT(told, HasSubstr("\"path\":\"/moq\""));
    EXPECT_THAT(told, HasSubstr("authorization_token"));
    EXPECT_THAT(told, Not(HasSubstr("secret")));
}

INSTANTIATE_TEST_SUITE_P(drafts, qlog, ::testing::ValuesIn(spoken_drafts), draft_name);

} // namespace
} // namespace moqrtc::moqt
