#pragma once

#include <moqrtc/moqt/session/session.hpp>

namespace moqrtc::testing {

/// One end of a simulated link: a session and whatever uses it. A client's player, a publisher, one
/// of a relay's many sessions.
///
/// Drain   the network calls `after_input` after everything that it told the session, and after a
///         `wake`; it then takes what the session has for the transport.
class endpoint {
public:
    endpoint() = default;
    endpoint(const endpoint&) = delete;
    endpoint& operator=(const endpoint&) = delete;
    virtual ~endpoint() = default;

    [[nodiscard]] virtual moqt::session& session() noexcept = 0;
    /// Polls the session's events and gives it commands. Commands to other sessions than its own
    /// need a `sim_network::wake` for each of them.
    virtual void after_input(instant now) = 0;
    /// When `handle_timeout` is due; a host of many sessions adds its own deadlines at one of them.
    [[nodiscard]] virtual instant next_timeout() noexcept { return session().next_timeout(); }
    virtual void handle_timeout(instant now) { session().handle_timeout(now); }
};

} // namespace moqrtc::testing
