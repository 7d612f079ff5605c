#pragma once

#include <moqt/listed_drafts.hpp>
#include <moqt/session/scenario.hpp>

namespace moqrtc::moqt {

/// A session of the test's draft against a peer that breaks rules.
class must : public ::testing::TestWithParam<draft> {
protected:
    [[nodiscard]] const wire_rules& rules() const { return rules_for(GetParam()); }
    [[nodiscard]] moqt::session& session() { return *lone->session; }
    [[nodiscard]] raw_peer& peer() { return *lone->peer; }
    [[nodiscard]] instant now() const { return lone->now(); }

    /// A session before any SETUP of the peer.
    void begin(role self, const session_config& config = {}) {
        lone.reset();
        lone = std::make_unique<lone_session>(GetParam(), self, config);
    }
    /// An established session.
    void meet(role self = role::server, const session_config& config = {}) {
        begin(self, config);
        lone->ready();
    }
    void meet_setup(role self, const setup_options& options, bool webtransport = false) {
        session_config config;
        config.webtransport = webtransport;
        begin(self, config);
        peer().set_up(options);
    }
    /// Sends a request of the peer; returns its stream, which is that of the answer as well.
    template <class M>
    stream_id ask(const M& message) {
        auto stream = rules().request_streams ? peer().open_bidirectional() : peer().control();
        if (std::is_same_v<M, msg::subscribe_namespace> && !rules().request_streams)
            stream = peer().open_bidirectional();
        peer().send_message(stream, message);
        return stream;
    }
    [[nodiscard]] msg::subscribe subscribe(request_id id, const full_track_name& name,
                                           const message_params& params = {}) {
        return {id, name.space.view(), as_bytes(name.name), params};
    }
    [[nodiscard]] msg::publish publish(request_id id, const full_track_name& name,
                                       track_alias alias, const message_params& params = {},
                                       bytes properties = {}) {
        return {id, name.space.view(), as_bytes(name.name), alias, params, properties};
    }
    /// A FETCH of the first two groups as the draft says it.
    [[nodiscard]] msg::fetch fetch_of(request_id id, const full_track_name& name) {
        msg::fetch made{.request_id = id,
                        .track_namespace = name.space.view(),
                        .track_name = as_bytes(name.name)};
        if (rules().typed_fetch)
            made.end = {1, 0};
        else
            made.params.subscription_filter = subscription_filter::range({0, 0}, {1, 0});
        return made;
    }
    /// The peer subscribes to `name` and the session accepts; returns the request.
    request_id subscribed(const full_track_name& name, const message_params& params = {},
                          const message_params& told = {}) {
        const auto id = peer().next_request();
        streams[id] = ask(subscribe(id, name, params));
        EXPECT_TRUE(session().accept_subscribe(now(), id, 100 + id, told));
        peer().pump();
        peer().events.clear();
        return id;
    }
    /// The session subscribes to `name` and the peer accepts under `alias`.
    request_id subscribing(const full_track_name& name, track_alias alias,
                           const message_params& params = {}, bytes properties = {}) {
        const auto id = session().subscribe(now(), name, params);
        EXPECT_TRUE(id);
        peer().pump();
        message_params told;
        if (!rules().track_properties) {
            say_in_params(rules(), *read_track_properties(rules(), properties),
                          carrier::subscribe_ok, told);
            properties = {};
        }
        peer().send_message(stream_of(*id), msg::subscribe_ok{*id, alias, told, properties});
        return *id;
    }
    /// The stream on which the session's own request `id` is, where no update has used an ID.
    [[nodiscard]] stream_id stream_of(request_id id) {
        if (!rules().request_streams) return 0;
        return id / 2 * 4 + (session().config().self == role::server ? 1 : 0);
    }
    void expect_closed(close_code code) {
        ASSERT_TRUE(peer().closed) << "the session lives on";
        EXPECT_EQ(peer().close_reason(), code) << peer().closed->reason;
        EXPECT_TRUE(session().closed());
        std::size_t ends = 0;
        for (const auto& e : peer().events)
            ends += e.what == kind::closed ? 1 : 0;
        EXPECT_EQ(ends, 1u);
    }
    void expect_open() {
        EXPECT_FALSE(peer().closed) << (peer().closed ? peer().closed->reason : "");
    }
    /// The last REQUEST_ERROR on a stream has `code`, and the session goes on.
    void expect_rejected(stream_id stream, request_error_code code) {
        std::vector<std::byte> kept;
        const auto error = peer().last<msg::request_error>(stream, kept);
        ASSERT_TRUE(error) << peer().text(stream) << (peer().closed ? peer().closed->reason : "");
        EXPECT_EQ(from_wire<request_error_code>(rules(), error->error_code), code);
        expect_open();
    }
    [[nodiscard]] std::size_t events(kind what) const {
        std::size_t total = 0;
        for (const auto& e : lone->peer->events)
            total += e.what == what ? 1 : 0;
        return total;
    }
    /// Properties with one number.
    [[nodiscard]] std::vector<std::byte> property_of(std::uint64_t type, std::uint64_t value) {
        std::vector<std::byte> out(20);
        key_value_writer writer{rules(), out};
        writer.put(type, value);
        out.resize(*writer.size());
        return out;
    }
    [[nodiscard]] static message_params tokens(const authorization_token& one) {
        static authorization_token kept;
        kept = one;
        message_params params;
        params.authorization_tokens = token_list{std::span{&kept, 1}};
        return params;
    }
    [[nodiscard]] std::vector<std::byte> varint(std::uint64_t value) {
        std::vector<std::byte> out(9);
        out.resize(encode_varint(rules().varint, value, out.data()));
        return out;
    }
    /// Bytes of a subgroup stream with objects 0 to `objects`, one byte each.
    [[nodiscard]] std::vector<std::byte> subgroup(track_alias alias, std::uint64_t group,
                                                  int objects) {
        std::vector<std::byte> out(64);
        subgroup_header header{.track_alias = alias, .group_id = group};
        if (!rules().default_priority_bit) header.publisher_priority = default_priority;
        out.resize(*encode_subgroup_header(rules(), header, out));
        for (int i = 0; i < objects; ++i)
            out.insert(out.end(), {std::byte{0}, std::byte{1}, std::byte{'x'}});
        return out;
    }

    std::unique_ptr<lone_session> lone;
    std::map<request_id, stream_id> streams;
};

} // namespace moqrtc::moqt
