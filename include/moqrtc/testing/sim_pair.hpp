#pragma once

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/testing/endpoint.hpp>
#include <moqrtc/testing/sim_network.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace moqrtc::testing {

/// An endpoint that keeps the events of its session, for tests that look at them one by one.
class event_log : public endpoint {
public:
    explicit event_log(moqt::session& session) : session_{&session} {}

    [[nodiscard]] moqt::session& session() noexcept override { return *session_; }
    void after_input(instant) override {
        while (auto event = session_->poll_event())
            events.push_back(std::move(*event));
    }
    /// The first event of a kind that `take` has not returned yet; `kind::none` when there is none.
    [[nodiscard]] moqt::event take(moqt::event::kind what) {
        for (auto at = events.begin(); at != events.end(); ++at)
            if (at->what == what) {
                auto found = std::move(*at);
                events.erase(at);
                return found;
            }
        return {};
    }
    [[nodiscard]] std::size_t count(moqt::event::kind what) const noexcept {
        std::size_t total = 0;
        for (const auto& event : events)
            total += event.what == what ? 1 : 0;
        return total;
    }

    std::vector<moqt::event> events{};

private:
    moqt::session* session_;
};

/// A client and a server session on one simulated link, each with a pool of its own.
///
/// `Client` and `Server` are endpoints made from their session.
/// Drain   after commands to a session call `flush`, or run.
template <class Client = event_log, class Server = event_log>
class sim_pair {
public:
    /// Both sessions speak `config.version`; their roles are set here.
    explicit sim_pair(const moqt::session_config& config, const link_config& link = {})
        : sim_pair(config, config, link) {}
    sim_pair(moqt::session_config client_config, moqt::session_config server_config,
             const link_config& link = {}, std::size_t pool_limit = SIZE_MAX)
        : client_pool{pool_limit}, server_pool{pool_limit} {
        client_config.self = moqt::role::client;
        server_config.self = moqt::role::server;
        client_session_ =
            std::make_unique<moqt::session>(network.now(), std::move(client_config), client_pool);
        server_session_ =
            std::make_unique<moqt::session>(network.now(), std::move(server_config), server_pool);
        client_ = std::make_unique<Client>(*client_session_);
        server_ = std::make_unique<Server>(*server_session_);
        network.connect(link, *client_, *server_);
    }

    [[nodiscard]] instant now() const noexcept { return network.now(); }
    [[nodiscard]] Client& client() noexcept { return *client_; }
    [[nodiscard]] Server& server() noexcept { return *server_; }
    [[nodiscard]] moqt::session& client_session() noexcept { return *client_session_; }
    [[nodiscard]] moqt::session& server_session() noexcept { return *server_session_; }
    [[nodiscard]] virtual_transport<endpoint>& link() noexcept { return network.link(0); }

    /// Moves what both sessions have to send after commands from outside.
    void flush() {
        network.wake({0, 0});
        network.wake({0, 1});
    }
    void run_for(duration span) {
        flush();
        network.run_for(span);
    }
    /// Runs until both know that the session is established; false when that fails.
    [[nodiscard]] bool establish(duration within = seconds(5)) {
        flush();
        return network.run_while(
            [&] { return !client_session_->established() || !server_session_->established(); },
            now() + within);
    }
    /// Destroys the sessions and their endpoints; the pools must be empty then.
    void release() {
        client_.reset();
        server_.reset();
        client_session_.reset();
        server_session_.reset();
    }

    buffer_pool client_pool;
    buffer_pool server_pool;
    sim_network<endpoint> network{};

private:
    std::unique_ptr<moqt::session> client_session_;
    std::unique_ptr<moqt::session> server_session_;
    std::unique_ptr<Client> client_;
    std::unique_ptr<Server> server_;
};

} // namespace moqrtc::testing
