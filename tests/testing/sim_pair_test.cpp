#include <moqrtc/testing/sim_pair.hpp>

#include <gtest/gtest.h>
#include <memory>

using namespace moqrtc;
using namespace moqrtc::moqt;
using moqrtc::testing::endpoint;
using moqrtc::testing::link_config;
using moqrtc::testing::sim_network;
using moqrtc::testing::sim_pair;

TEST(sim_pair, connects_two_sessions_and_leaves_nothing) {
    session_config config;
    config.authority = "example.org";
    sim_pair<> pair{config};
    ASSERT_TRUE(pair.establish());
    EXPECT_EQ(pair.client().count(event::kind::established), 1u);
    EXPECT_EQ(pair.server().take(event::kind::established).what, event::kind::established);
    EXPECT_EQ(pair.server().take(event::kind::established).what, event::kind::none);
    pair.release();
    EXPECT_EQ(pair.client_pool.used() + pair.server_pool.used(), 0u);
}

TEST(sim_pair, establishing_fails_where_nothing_arrives) {
    link_config link;
    link.dies_at = instant{} + milliseconds(1);
    sim_pair<> pair{session_config{}, link};
    EXPECT_FALSE(pair.establish(seconds(1)));
}

TEST(sim_pair, the_same_seed_gives_the_same_events) {
    const auto run = [](std::uint64_t seed) {
        link_config link{.seed = seed};
        link.to_client.loss = link.to_server.loss = 200;
        link.to_client.jitter = milliseconds(50);
        sim_pair<> pair{session_config{}, link};
        EXPECT_TRUE(pair.establish());
        EXPECT_TRUE(pair.client_session().subscribe(pair.now(), {track_namespace{"a"}, "b"}));
        pair.run_for(seconds(5));
        return std::pair{pair.network.steps(), pair.network.last_travel()};
    };
    for (std::uint64_t seed = 1; seed < 20; ++seed)
        EXPECT_EQ(run(seed), run(seed));
}

namespace {

/// Two sessions of one host: what comes to one of them makes the other one speak.
struct host {
    class leg : public endpoint {
    public:
        leg(host& of, moqt::session& session) : host_{&of}, session_{&session} {}
        [[nodiscard]] moqt::session& session() noexcept override { return *session_; }
        void after_input(instant now) override {
            while (const auto e = session_->poll_event())
                if (e->what == event::kind::requested) host_->forward(now, *this, *e);
        }

    private:
        host* host_;
        moqt::session* session_;
    };
    void forward(instant now, const leg& from, const event& e) {
        const auto m = e.as<msg::track_status>();
        if (!m || &from != downstream.get()) return;
        (void)upstream->session().track_status(
            now, {track_namespace{m->track_namespace}, std::string{as_text(m->track_name)}});
        network->wake(upstream_end);
    }
    sim_network<endpoint>* network = nullptr;
    sim_network<endpoint>::end_id upstream_end{};
    std::unique_ptr<leg> downstream;
    std::unique_ptr<leg> upstream;
};

} // namespace

TEST(sim_network, a_host_of_two_sessions_wakes_the_other_one) {
    buffer_pool pool;
    session_config client;
    client.authority = "example.org";
    session_config server;
    server.self = role::server;
    session subscriber{instant{}, client, pool};
    session downstream{instant{}, server, pool};
    session upstream{instant{}, client, pool};
    session origin{instant{}, server, pool};
    host relay;
    relay.downstream = std::make_unique<host::leg>(relay, downstream);
    relay.upstream = std::make_unique<host::leg>(relay, upstream);
    moqrtc::testing::event_log asker{subscriber};
    moqrtc::testing::event_log source{origin};
    sim_network<endpoint> network;
    relay.network = &network;
    const auto near = network.connect({}, asker, *relay.downstream);
    relay.upstream_end = {network.connect({}, *relay.upstream, source), 0};
    network.run_for(seconds(1));
    ASSERT_TRUE(subscriber.track_status(network.now(), {track_namespace{"a"}, "b"}));
    network.wake({near, 0});
    network.run_for(milliseconds(100));
    const auto arrived = source.take(event::kind::requested);
    EXPECT_EQ(arrived.request, request_kind::track_status);
    EXPECT_EQ(as_text(arrived.as<msg::track_status>()->track_name), "b");
}
