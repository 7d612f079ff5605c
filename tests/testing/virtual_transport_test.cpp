#include <moqrtc/testing/sim_network.hpp>
#include <moqrtc/testing/virtual_transport.hpp>

#include <gtest/gtest.h>
#include <testing/fake_session.hpp>

using namespace moqrtc;
using moqrtc::testing::fake_endpoint;
using moqrtc::testing::link_config;
using moqrtc::testing::path_config;
using moqrtc::testing::random_source;
using network = moqrtc::testing::sim_network<fake_endpoint>;

namespace {

std::vector<std::byte> content(std::uint64_t seed, std::size_t size) {
    random_source random{seed};
    std::vector<std::byte> out(size);
    for (auto& b : out)
        b = static_cast<std::byte>(random.next());
    return out;
}

/// Two fake sessions on one link.
struct pair {
    explicit pair(const link_config& config)
        : client{false, config.seed}, server{true, config.seed + 1} {
        net.connect(config, client, server);
    }
    void run(duration span) {
        net.wake({0, 0});
        net.wake({0, 1});
        net.run_for(span);
    }
    [[nodiscard]] const moqrtc::testing::link_statistics& statistics() {
        return net.link(0).statistics();
    }

    fake_endpoint client;
    fake_endpoint server;
    network net;
};

link_config rough(std::uint64_t seed) {
    random_source random{seed};
    link_config config{.seed = seed};
    path_config path;
    path.delay = milliseconds(static_cast<std::int64_t>(random.between(1, 50)));
    path.jitter = milliseconds(static_cast<std::int64_t>(random.below(40)));
    path.loss = static_cast<unsigned>(random.below(200));
    path.smallest_packet = random.below(2) == 0 ? 1 : 0;
    path.largest_packet = random.between(20, 1200);
    path.rate = random.below(3) == 0 ? 100'000 : 0;
    if (random.below(3) == 0) path.congestion_window = 3000;
    config.set_paths(path);
    config.stream_window = random.between(100, 5000);
    config.bidirectional_streams = random.between(1, 4);
    config.unidirectional_streams = random.between(1, 4);
    return config;
}

} // namespace

TEST(virtual_transport, carries_every_stream_whole_whatever_the_path_does) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        pair p{rough(seed)};
        p.client.inner.takes_partly = p.server.inner.takes_partly = seed % 2 == 0;
        p.client.inner.answers = p.server.inner.answers = true;
        for (int i = 0; i < 12; ++i)
            for (auto* from : {&p.client.inner, &p.server.inner})
                from->create(i % 3 != 0, content(seed + static_cast<std::uint64_t>(i),
                                                 static_cast<std::size_t>(i) * 700));
        p.run(seconds(300));
        ASSERT_EQ(p.statistics().violations, 0u) << p.statistics().last_violation;
        for (int side : {0, 1}) {
            auto& from = side == 0 ? p.client.inner : p.server.inner;
            auto& to = side == 0 ? p.server.inner : p.client.inner;
            std::vector<std::vector<std::byte>> sent;
            std::vector<std::vector<std::byte>> arrived;
            for (auto& [id, stream] : from.out) {
                ASSERT_TRUE(stream.fin_acked) << id;
                ASSERT_EQ(stream.acked, stream.content.size());
                sent.push_back(stream.content);
            }
            for (auto& [id, stream] : to.in) {
                ASSERT_TRUE(stream.fin) << id;
                arrived.push_back(stream.content);
            }
            std::ranges::sort(sent);
            std::ranges::sort(arrived);
            ASSERT_EQ(sent, arrived);
        }
    }
}

TEST(virtual_transport, numbers_streams_by_their_first_byte_and_maps_answers_back) {
    pair p{{}};
    const auto first = p.client.inner.create(false, content(1, 10));
    const auto second = p.client.inner.create(false, content(2, 20));
    p.run(seconds(1));
    // The fake sends its newest stream first, so on the wire that one is stream 0.
    ASSERT_EQ(p.server.inner.in.at(0).content, content(2, 20));
    ASSERT_EQ(p.server.inner.in.at(4).content, content(1, 10));
    p.server.inner.answer(0, content(3, 30));
    p.server.inner.answer(4, content(4, 40));
    p.run(seconds(1));
    EXPECT_EQ(p.client.inner.in.at(second).content, content(3, 30));
    EXPECT_EQ(p.client.inner.in.at(first).content, content(4, 40));
    EXPECT_EQ(p.net.link(0).open_streams(), 0u);
}

TEST(virtual_transport, opens_no_more_streams_than_were_granted) {
    link_config config;
    config.unidirectional_streams = 3;
    pair p{config};
    for (std::uint64_t i = 0; i < 10; ++i)
        p.client.inner.create(true, content(i, 100));
    p.run(milliseconds(5));
    EXPECT_EQ(p.statistics().streams_opened, 3u);
    p.run(seconds(10));
    EXPECT_EQ(p.statistics().streams_opened, 10u);
    EXPECT_EQ(p.statistics().violations, 0u);
}

TEST(virtual_transport, flow_control_stops_a_stream_until_its_receiver_reads) {
    link_config config;
    config.stream_window = 1000;
    pair p{config};
    p.client.inner.create(true, content(1, 5000));
    p.run(milliseconds(1));
    EXPECT_EQ(p.statistics().stream_bytes, 1000u);
    EXPECT_TRUE(p.client.inner.out.begin()->second.blocked);
    p.run(seconds(1));
    EXPECT_EQ(p.server.inner.in.at(2).content, content(1, 5000));
}

TEST(virtual_transport, rate_and_delay_are_kept) {
    link_config config;
    path_config path;
    path.delay = milliseconds(50);
    path.rate = 100'000;
    config.set_paths(path);
    pair p{config};
    p.client.inner.create(true, content(1, 10'000));
    p.run(milliseconds(149)); // 100 ms on the path, 50 ms under way
    EXPECT_FALSE(p.server.inner.in.at(2).fin);
    p.run(milliseconds(2));
    EXPECT_TRUE(p.server.inner.in.at(2).fin);
}

TEST(virtual_transport, resets_and_stops_arrive_and_end_the_stream) {
    link_config config;
    config.stream_window = 10;
    pair p{config};
    const auto dropped = p.client.inner.create(true, content(1, 100));
    p.run(milliseconds(1));
    p.client.inner.reset(dropped, 7);
    p.run(seconds(1));
    EXPECT_EQ(p.server.inner.in.at(2).reset, 7u);

    const auto unwanted = p.client.inner.create(true, content(2, 100));
    p.run(milliseconds(1));
    p.server.inner.ops.push_back({moqt::transport_op::kind::stop_sending, 6, 9, {}});
    p.run(seconds(1));
    EXPECT_EQ(p.client.inner.out.at(unwanted).stopped, 9u);
    EXPECT_EQ(p.server.inner.in.at(6).reset, 9u);
    EXPECT_EQ(p.net.link(0).open_streams(), 0u);
}

TEST(virtual_transport, datagrams_are_lost_as_often_as_packets_and_never_split) {
    link_config config;
    config.to_server.loss = 500;
    pair p{config};
    for (int i = 0; i < 1000; ++i)
        p.client.inner.ops.push_back(
            {moqt::transport_op::kind::datagram, 0, 0, slice::borrowed(as_bytes("hello"))});
    const auto big = content(1, config.largest_datagram + 1);
    p.client.inner.ops.push_back({moqt::transport_op::kind::datagram, 0, 0, slice::borrowed(big)});
    p.run(seconds(1));
    EXPECT_GT(p.server.inner.datagrams.size(), 400u);
    EXPECT_LT(p.server.inner.datagrams.size(), 600u);
    for (const auto& one : p.server.inner.datagrams)
        ASSERT_EQ(one, "hello");
    EXPECT_EQ(p.statistics().datagrams_dropped + p.server.inner.datagrams.size(), 1001u);
}

TEST(virtual_transport, close_and_death_reach_the_sessions_once) {
    pair closing{{}};
    closing.client.inner.ops.push_back(
        {moqt::transport_op::kind::close, 0, 5, slice::borrowed(as_bytes("bye"))});
    closing.run(seconds(1));
    EXPECT_EQ(closing.server.inner.closed, "bye 5 peer");
    EXPECT_FALSE(closing.client.inner.closed);
    EXPECT_TRUE(closing.net.link(0).closed(0) && closing.net.link(0).closed(1));

    link_config config;
    config.dies_at = instant{seconds(1).us};
    pair dying{config};
    dying.run(milliseconds(900));
    EXPECT_FALSE(dying.client.inner.closed);
    dying.run(milliseconds(200));
    EXPECT_EQ(dying.client.inner.closed, "connection lost 0");
    EXPECT_EQ(dying.server.inner.closed, "connection lost 0");
}

TEST(virtual_transport, aborted_streams_are_reset_at_one_end_and_stopped_at_the_other) {
    link_config config;
    config.to_server.stream_abort = 1000;
    pair p{config};
    p.client.inner.create(true, content(1, 100)); // number 2: spared
    p.run(milliseconds(1));
    const auto second = p.client.inner.create(true, content(2, 5000));
    p.run(seconds(1));
    EXPECT_TRUE(p.server.inner.in.at(2).fin);
    EXPECT_TRUE(p.server.inner.in.at(6).reset.has_value());
    EXPECT_TRUE(p.client.inner.out.at(second).stopped.has_value());
}

TEST(virtual_transport, the_same_seed_runs_the_same) {
    const auto run = [](std::uint64_t seed) {
        pair p{rough(seed)};
        for (std::uint64_t i = 0; i < 8; ++i)
            p.client.inner.create(true, content(i, 3000));
        p.run(seconds(60));
        return std::pair{p.net.steps(), p.net.last_travel()};
    };
    for (std::uint64_t seed = 1; seed <= 20; ++seed)
        ASSERT_EQ(run(seed), run(seed)) << seed;
    EXPECT_NE(run(1), run(2));
}

TEST(virtual_transport, finds_a_session_that_breaks_its_contract) {
    pair p{{}};
    p.client.inner.ops.push_back({moqt::transport_op::kind::reset, 1, 0, {}});
    p.client.inner.create(false, content(1, 10));
    p.run(seconds(1));
    EXPECT_EQ(p.statistics().violations, 0u); // a reset of what is gone is none
    p.client.inner.create(true, content(1, 10));
    p.run(milliseconds(1));
    p.server.inner.ops.push_back({moqt::transport_op::kind::reset, 2, 0, {}});
    p.net.wake({0, 1});
    p.net.run_for(milliseconds(1));
    EXPECT_EQ(p.statistics().violations, 1u);
}
