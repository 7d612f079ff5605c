#pragma once

#include <moqrtc/testing/raw_peer.hpp>
#include <moqrtc/testing/sim_pair.hpp>

#include <gtest/gtest.h>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

/// What the session's tests share.
namespace moqrtc::moqt {

using kind = event::kind;
using moqrtc::testing::event_log;
using moqrtc::testing::link_config;
using moqrtc::testing::path_config;
using moqrtc::testing::random_source;
using moqrtc::testing::raw_peer;
using moqrtc::testing::sim_pair;

inline std::ostream& operator<<(std::ostream& out, close_code code) {
    return out << to_string(code);
}
inline std::ostream& operator<<(std::ostream& out, request_error_code code) {
    return out << to_string(code);
}
inline std::ostream& operator<<(std::ostream& out, reset_code code) {
    return out << to_string(code);
}
inline std::ostream& operator<<(std::ostream& out, event::kind what) {
    return out << "event " << static_cast<int>(what);
}

inline full_track_name track(std::string_view name = "video") {
    return {track_namespace{"live", "a"}, std::string{name}};
}
inline slice text(buffer_pool& pool, std::string_view content) {
    return slice::copy(pool, as_bytes(content));
}
inline std::string text(const slice& content) {
    return std::string{as_text(content)};
}
inline object datagram_object(buffer_pool& pool, location where, std::string_view content) {
    object out;
    out.location = where;
    out.forwarding = forwarding_preference::datagram;
    out.payload = text(pool, content);
    return out;
}
inline session_config config_of(draft version) {
    session_config config;
    config.version = version;
    config.authority = "example.org";
    config.path = "/moq";
    return config;
}
inline std::string draft_name(const ::testing::TestParamInfo<draft>& info) {
    return "draft_" + std::to_string(number(info.param));
}

/// Two established sessions; the test's draft, both sides through one virtual network.
class scenario : public ::testing::TestWithParam<draft> {
protected:
    void connect(const link_config& link = {}) { connect(config_of(GetParam()), link); }
    void connect(const session_config& config, const link_config& link = {}) {
        pair = std::make_unique<sim_pair<>>(config, link);
        ASSERT_TRUE(pair->establish());
        (void)client_log().take(kind::established);
        (void)server_log().take(kind::established);
    }
    /// Every session is gone by then, so nothing may be left in the pools, and the sessions kept
    /// their contract with the transport.
    void TearDown() override {
        if (!pair) return;
        EXPECT_EQ(pair->link().statistics().violations, 0u)
            << pair->link().statistics().last_violation;
        pair->release();
        EXPECT_EQ(pair->client_pool.used(), 0u);
        EXPECT_EQ(pair->server_pool.used(), 0u);
    }
    [[nodiscard]] const wire_rules& rules() const { return rules_for(GetParam()); }
    [[nodiscard]] session& client() { return pair->client_session(); }
    [[nodiscard]] session& server() { return pair->server_session(); }
    [[nodiscard]] event_log& client_log() { return pair->client(); }
    [[nodiscard]] event_log& server_log() { return pair->server(); }
    [[nodiscard]] instant now() const { return pair->now(); }
    void run(duration span = milliseconds(200)) { pair->run_for(span); }

    /// The client subscribes to `name`, the server publishes; returns the request.
    request_id subscribed(std::string_view name = "video", track_alias alias = 7,
                          const message_params& asked = {}, const message_params& told = {},
                          bytes properties = {}) {
        const auto id = client().subscribe(now(), track(name), asked);
        EXPECT_TRUE(id.has_value());
        run();
        const auto request = server_log().take(kind::requested);
        EXPECT_EQ(request.request, request_kind::subscribe);
        EXPECT_TRUE(server().accept_subscribe(now(), request.id, alias, told, properties));
        run();
        EXPECT_EQ(client_log().take(kind::accepted).id, *id);
        return *id;
    }

    std::unique_ptr<sim_pair<>> pair;
};

/// One session against a handmade peer.
struct lone_session {
    lone_session(draft version, role self, session_config config = {}) {
        config.version = version;
        config.self = self;
        if (self == role::client) {
            config.authority = "example.org";
            config.path = "/moq";
        }
        session = std::make_unique<moqt::session>(instant{}, config, pool);
        peer = std::make_unique<raw_peer>(*session);
    }
    ~lone_session() {
        peer.reset();
        session.reset();
        EXPECT_EQ(pool.used(), 0u);
    }
    /// With both SETUPs exchanged.
    lone_session& ready() {
        peer->set_up();
        EXPECT_TRUE(session->established());
        return *this;
    }
    [[nodiscard]] instant now() const { return peer->now(); }
    /// The first event of a kind, taken out.
    event take(event::kind what) {
        for (auto at = peer->events.begin(); at != peer->events.end(); ++at)
            if (at->what == what) {
                auto found = std::move(*at);
                peer->events.erase(at);
                return found;
            }
        return {};
    }

    buffer_pool pool;
    std::unique_ptr<moqt::session> session;
    std::unique_ptr<raw_peer> peer;
};

} // namespace moqrtc::moqt
