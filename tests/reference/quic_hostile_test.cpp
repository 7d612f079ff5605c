#include "quic_fixture.hpp"
#include "quic_forwarder.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>

#include <common/datagram_exchange.hpp>
#include <common/quic_endpoint.hpp>
#include <thread>

namespace moqrtc::reference::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using datagram = quic_forwarder::datagram;

/// Datagrams that look like nothing, like short packets and like Initial packets.
datagram noise(std::mt19937_64& random) {
    const auto kind = random() % 4;
    datagram data(kind == 3 ? 1200 + random() % 252 : random() % 1453);
    for (auto& byte : data)
        byte = static_cast<std::uint8_t>(random());
    if (data.empty()) return data;
    if (kind == 1) data[0] = static_cast<std::uint8_t>((data[0] & 0x3f) | 0x40);
    if (kind >= 2) data[0] = static_cast<std::uint8_t>((data[0] & 0x3f) | 0xc0);
    if (kind == 3 && random() % 2 == 0) {
        const std::array<std::uint8_t, 6> version_1{0, 0, 0, 1, 8, 0};
        std::copy(version_1.begin(), version_1.begin() + 5, data.begin() + 1);
        data[0] = 0xc3;
        data[14] = static_cast<std::uint8_t>(random() % 21); // length of the client's ID
    }
    return data;
}

datagram damaged(datagram data, std::mt19937_64& random) {
    if (data.empty()) return data;
    if (random() % 2 == 0) {
        data.resize(random() % data.size());
    } else {
        for (auto flips = 1 + random() % 4; flips > 0; --flips)
            data[random() % data.size()] ^= static_cast<std::uint8_t>(1u << random() % 8);
    }
    return data;
}

TEST_F(quic_test, garbage_leaves_the_server_serving) {
    start();
    establish();
    asio::ip::udp::socket attacker{context, {asio::ip::make_address("127.0.0.1"), 0}};
    const asio::ip::udp::endpoint target{asio::ip::make_address("127.0.0.1"),
                                         server->local().port()};
    std::mt19937_64 random{1};
    const auto stream = *near->connection->open_unidirectional();
    near->send(stream, 32 << 20);
    for (int i = 0; i < 20'000; ++i) {
        asio::error_code ignored;
        attacker.send_to(asio::buffer(noise(random)), target, 0, ignored);
        if (i % 16 == 0) {
            context.restart();
            context.poll();
        }
    }
    ASSERT_TRUE(run_until([&] { return far->in[stream].fin; }, seconds{20}));
    EXPECT_TRUE(far->intact());
    EXPECT_GT(server->statistics().undecodable, 1000u);
    establish();
    near->send(*near->connection->open_unidirectional(), 1000);
    EXPECT_TRUE(run_until([&] { return far->finished() == 1; }));
}

TEST_F(quic_test, damaged_copies_of_real_packets_change_nothing) {
    start();
    std::mt19937_64 random{2};
    // The real one comes first: what is not authenticated yet (version negotiation, above all) is
    // believed until the handshake has begun (RFC 9000, 6.2).
    quic_forwarder forwarder{context, server->local().port(), [&](bool, datagram data) {
                                 std::vector<datagram> out{data};
                                 for (int i = 0; i < 3; ++i)
                                     out.push_back(damaged(data, random));
                                 return out;
                             }};
    near = connect(to(forwarder.port()));
    ASSERT_TRUE(run_until([&] { return !near->protocol.empty() && near->connection != nullptr; }));
    ASSERT_TRUE(run_until([&] {
        return std::ranges::any_of(accepted, [](auto& s) { return !s->protocol.empty(); });
    }));
    far = *std::ranges::find_if(accepted, [](auto& s) { return !s->protocol.empty(); });
    near->send(*near->connection->open_unidirectional(), 2 << 20);
    far->send(*far->connection->open_unidirectional(), 2 << 20);
    ASSERT_TRUE(
        run_until([&] { return near->finished() == 1 && far->finished() == 1; }, seconds{30}));
    EXPECT_TRUE(near->intact() && far->intact());
}

TEST_F(quic_test, loss_duplication_and_reordering_leave_data_intact) {
    for (const auto algorithm : {congestion_control::cubic, congestion_control::bbr}) {
        quic_config config;
        config.congestion = algorithm;
        start(config, config);
        std::mt19937_64 random{3};
        datagram held;
        quic_forwarder forwarder{context, server->local().port(),
                                 [&](bool to_server, datagram data) {
                                     std::vector<datagram> out;
                                     const auto dice = random() % 100;
                                     if (dice < 3) return out; // lost
                                     if (dice < 6 && held.empty() && to_server) {
                                         held = std::move(data);
                                         return out;
                                     }
                                     out.push_back(data);
                                     if (dice > 97) out.push_back(data);
                                     if (to_server && !held.empty() && dice > 50)
                                         out.push_back(std::exchange(held, {}));
                                     return out;
                                 }};
        const auto before = accepted.size();
        near = connect(to(forwarder.port()));
        ASSERT_TRUE(run_until([&] { return !near->protocol.empty() && accepted.size() > before; }));
        far = accepted.back();
        for (int i = 0; i < 8; ++i) {
            near->send(*near->connection->open_unidirectional(), 256 << 10);
            far->send(*far->connection->open_unidirectional(), 256 << 10);
        }
        ASSERT_TRUE(
            run_until([&] { return near->finished() == 8 && far->finished() == 8; }, seconds{30}));
        EXPECT_TRUE(near->intact() && far->intact());
        EXPECT_GT(client->statistics().packets_lost + server->statistics().packets_lost, 0u);
    }
}

TEST_F(quic_test, handshakes_that_never_end_are_bounded_and_forgotten) {
    quic_config config;
    config.handshakes = 50;
    config.retry = retry_mode::never;
    config.handshake_timeout = moqrtc::milliseconds(500);
    start(config, config);
    quic_forwarder blackhole{context, server->local().port(), [](bool to_server, datagram data) {
                                 std::vector<datagram> out;
                                 if (to_server) out.push_back(std::move(data));
                                 return out;
                             }};
    std::vector<std::shared_ptr<side>> lost;
    for (int i = 0; i < 200; ++i)
        lost.push_back(connect(to(blackhole.port())));
    ASSERT_TRUE(run_until([&] { return server->statistics().connections_refused > 0; }));
    EXPECT_LE(server->statistics().handshakes, 50u);
    ASSERT_TRUE(run_until(
        [&] { return std::ranges::all_of(lost, [](auto& s) { return s->closed.has_value(); }); }));
    EXPECT_EQ(lost.back()->closed->why, close_info::cause::handshake_timeout);
    ASSERT_TRUE(run_until([&] { return server->connections() == 0; }));
    EXPECT_EQ(server->statistics().handshakes, 0u);
    establish();
}

TEST_F(quic_test, unknown_versions_get_the_list_of_ours) {
    start();
    asio::ip::udp::socket stranger{context, {asio::ip::make_address("127.0.0.1"), 0}};
    stranger.non_blocking(true);
    const asio::ip::udp::endpoint target{asio::ip::make_address("127.0.0.1"),
                                         server->local().port()};
    datagram hello(1200);
    const std::array<std::uint8_t, 7> head{0xc0, 0xba, 0xba, 0xba, 0xba, 8, 1};
    std::ranges::copy(head, hello.begin());
    stranger.send_to(asio::buffer(hello), target);
    std::array<std::uint8_t, 1500> answer{};
    std::size_t size = 0;
    ASSERT_TRUE(run_until([&] {
        asio::error_code failure;
        asio::ip::udp::endpoint sender;
        size = stranger.receive_from(asio::buffer(answer), sender, 0, failure);
        return !failure;
    }));
    ASSERT_GT(size, 7u);
    EXPECT_EQ(answer[1] | answer[2] | answer[3] | answer[4], 0); // RFC 9000, 17.2.1
    EXPECT_EQ(server->statistics().version_negotiations_sent, 1u);
    hello.resize(600); // too small to be answered
    stranger.send_to(asio::buffer(hello), target);
    run_for(milliseconds{50});
    EXPECT_EQ(server->statistics().version_negotiations_sent, 1u);
}

/// The same as in one thread, with each shard on its own.
TEST_F(quic_test, before_trust_a_peer_sends_what_it_may_and_no_more) {
    constexpr std::uint64_t early = 20'000;
    constexpr std::uint64_t all = 500'000;
    quic_config config;
    config.early_bytes = early;
    config.early_streams = 8;
    start(config);
    ASSERT_NO_FATAL_FAILURE(establish());
    EXPECT_FALSE(far->connection->is_trusted());
    EXPECT_EQ(near->connection->unidirectional_left(), 8u);
    EXPECT_EQ(near->connection->bidirectional_left(), 8u);
    near->send(*near->connection->open_unidirectional(), all);
    EXPECT_TRUE(near->connection->send_datagram(slice::borrowed(as_bytes("early"))));
    run_for(std::chrono::milliseconds{200});
    EXPECT_EQ(far->received(), early);
    EXPECT_TRUE(far->datagrams.empty());
    EXPECT_EQ(server->statistics().early_budgets_spent, 1u);
    far->connection->trust();
    EXPECT_TRUE(far->connection->is_trusted());
    ASSERT_TRUE(run_until([&] { return far->received() == all; }));
    EXPECT_TRUE(far->intact());
    EXPECT_TRUE(near->connection->send_datagram(slice::borrowed(as_bytes("later"))));
    EXPECT_TRUE(run_until([&] { return far->datagrams.size() == 1; }));
    // The one stream that was closed gives another.
    EXPECT_TRUE(run_until([&] {
        return near->connection->unidirectional_left() == config.unidirectional_streams;
    })) << near->connection->unidirectional_left();
    EXPECT_EQ(near->connection->bidirectional_left(), config.bidirectional_streams);
}

TEST_F(quic_test, above_a_rate_addresses_have_to_be_proved) {
    quic_config config;
    config.retry_rate = 1;
    start(config);
    ASSERT_NO_FATAL_FAILURE(establish());
    EXPECT_EQ(server->statistics().retries_sent, 0u);
    ASSERT_NO_FATAL_FAILURE(establish());
    // One for each datagram of a first flight.
    const auto retries = server->statistics().retries_sent;
    EXPECT_GE(retries, 1u);
    EXPECT_EQ(server->statistics().retries_for_rate, retries);
    run_for(std::chrono::milliseconds{1100});
    // Whoever was here before brings a token; another endpoint has none, but may come by now.
    client = std::make_unique<quic_endpoint>(context, quic_config{});
    ASSERT_NO_FATAL_FAILURE(establish());
    EXPECT_EQ(server->statistics().retries_sent, retries);
}

TEST_F(quic_test, shards_on_threads_hand_datagrams_over) {
    constexpr std::uint8_t count = 3;
    struct shard {
        asio::io_context context{1};
        std::unique_ptr<quic_endpoint> endpoint;
        std::vector<std::shared_ptr<side>> accepted;
        std::thread thread;
    };
    std::array<shard, count> shards;
    datagram_exchange exchange{count};
    auto tls = *tls_server::make(identity, {"moqt-18"});
    for (std::uint8_t i = 0; i < count; ++i) {
        quic_config config;
        config.shard = i;
        auto& s = shards[i];
        s.endpoint = std::make_unique<quic_endpoint>(s.context, config, secrets);
        const auto port = i == 0 ? std::uint16_t{0} : shards[0].endpoint->local().port();
        ASSERT_FALSE(s.endpoint->listen(*socket_address::parse("127.0.0.1", port), true, tls,
                                        [&s](quic_connection& connection, std::string_view) {
                                            s.accepted.push_back(std::make_shared<side>());
                                            s.accepted.back()->connection = &connection;
                                            return std::make_unique<pattern_handler>(
                                                s.accepted.back());
                                        }));
        exchange.attach(*s.endpoint);
    }
    for (auto& s : shards)
        s.thread = std::thread{[&s] {
            const auto guard = asio::make_work_guard(s.context);
            s.context.run();
        }};
    client = std::make_unique<quic_endpoint>(context, quic_config{});
    constexpr std::size_t clients = 8;
    std::vector<std::shared_ptr<side>> all;
    for (std::size_t i = 0; i < clients; ++i)
        all.push_back(connect(to(shards[0].endpoint->local().port())));
    bool connected = run_until(
        [&] { return std::ranges::all_of(all, [](auto& c) { return !c->protocol.empty(); }); });
    EXPECT_TRUE(connected);
    for (std::size_t round = 0; connected && round < 5; ++round) {
        for (auto& c : all) {
            // Not before the server has the whole handshake (RFC 9000, 9).
            if (round > 0) {
                EXPECT_TRUE(c->connection->rebind());
            }
            c->send(*c->connection->open_unidirectional(), 256 << 10);
        }
        connected = run_until([&] {
            return std::ranges::all_of(all, [&](auto& c) {
                return std::ranges::all_of(c->out, [](auto& e) { return e.second.closed; });
            });
        });
        EXPECT_TRUE(connected);
    }
    for (auto& s : shards)
        s.context.stop();
    std::uint64_t forwarded = 0;
    std::size_t streams = 0;
    for (auto& s : shards) {
        s.thread.join();
        forwarded += s.endpoint->statistics().forwarded;
        for (auto& one : s.accepted) {
            EXPECT_TRUE(one->intact());
            streams += one->finished();
        }
    }
    EXPECT_EQ(streams, clients * 5);
    EXPECT_GT(forwarded, 0u);
}

} // namespace
} // namespace moqrtc::reference::testing
