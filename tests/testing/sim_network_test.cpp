#include <moqrtc/testing/sim_network.hpp>

#include <gtest/gtest.h>
#include <memory>
#include <testing/fake_session.hpp>

using namespace moqrtc;
using moqrtc::testing::fake_endpoint;
using network = moqrtc::testing::sim_network<fake_endpoint>;

TEST(sim_network, timers_fire_in_order_and_once) {
    network net;
    fake_endpoint client{false};
    fake_endpoint server{true};
    client.inner.due = instant{5000};
    server.inner.due = instant{3000};
    net.connect({}, client, server);
    net.run_until(instant{2999});
    EXPECT_TRUE(client.inner.timeouts.empty() && server.inner.timeouts.empty());
    net.run_until(instant{1'000'000});
    EXPECT_EQ(server.inner.timeouts, std::vector{instant{3000}});
    EXPECT_EQ(client.inner.timeouts, std::vector{instant{5000}});
    EXPECT_EQ(net.now(), instant{1'000'000});
}

TEST(sim_network, an_earlier_timer_replaces_a_later_one) {
    network net;
    fake_endpoint client{false};
    fake_endpoint server{true};
    client.inner.due = instant{50'000};
    net.connect({}, client, server);
    net.run_until(instant{1000});
    client.inner.due = instant{2000};
    net.wake({0, 0});
    net.run_until(instant{100'000});
    EXPECT_EQ(client.inner.timeouts, std::vector{instant{2000}});
}

TEST(sim_network, run_while_stops_at_its_condition) {
    network net;
    fake_endpoint client{false};
    fake_endpoint server{true};
    net.connect({}, client, server);
    client.inner.create(true, std::vector<std::byte>(100));
    net.wake({0, 0});
    EXPECT_TRUE(net.run_while([&] { return server.inner.in.empty(); }, instant{1'000'000}));
    EXPECT_LT(net.now(), instant{20'000});
    EXPECT_FALSE(net.run_while([&] { return true; }, instant{1'000'000}));
}

// Ten times the links may cost about ten times the work, not a hundred: the number of steps is
// what is sent, and a step touches one link.
TEST(sim_network, thousands_of_links_cost_what_they_carry) {
    const auto steps = [](std::size_t links) {
        network net;
        std::vector<std::unique_ptr<fake_endpoint>> ends;
        std::uint64_t inputs = 0;
        for (std::size_t i = 0; i < links; ++i) {
            for (bool server : {false, true})
                ends.push_back(std::make_unique<fake_endpoint>(server, i));
            auto& client = *ends[ends.size() - 2];
            client.inner.create(true, std::vector<std::byte>(2000));
            net.connect({.seed = i}, client, *ends.back());
        }
        net.run_for(seconds(1));
        for (auto& end : ends)
            inputs += end->inputs;
        return std::pair{net.steps(), inputs};
    };
    const auto few = steps(300);
    const auto many = steps(3000);
    EXPECT_EQ(many.first, few.first * 10);
    EXPECT_EQ(many.second, few.second * 10);
}
