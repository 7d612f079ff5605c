#include "quic_fixture.hpp"

#include <common/quic_endpoint.hpp>
#include <filesystem>
#include <fstream>

namespace moqrtc::reference::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using cause = close_info::cause;

TEST_F(quic_test, pinned_certificate_is_accepted_and_another_refused) {
    start();
    auto options = to(server->local().port());
    options.tls = client_tls({tls_trust::mode::pinned, {*parse_sha256(identity.sha256)}, {}});
    const auto good = connect(options);
    ASSERT_TRUE(run_until([&] { return !good->protocol.empty(); }));
    auto other = *parse_sha256(identity.sha256);
    other[5] ^= std::byte{1};
    options.tls = client_tls({tls_trust::mode::pinned, {other}, {}});
    const auto bad = connect(options);
    ASSERT_TRUE(run_until([&] { return bad->closed.has_value(); }));
    EXPECT_TRUE(bad->protocol.empty());
    EXPECT_EQ(bad->closed->why, cause::certificate);
    EXPECT_FALSE(bad->closed->by_peer);
    EXPECT_GE(bad->closed->code, 0x100u); // a TLS alert
    EXPECT_FALSE(bad->closed->reason.empty());
    EXPECT_FALSE(good->closed);
}

TEST_F(quic_test, authorities_and_names_are_checked) {
    start();
    const auto file = std::filesystem::temp_directory_path() /
                      ("quic_test_ca_" + std::to_string(::getpid()) + ".pem");
    std::ofstream{file} << identity.chain_pem;
    auto options = to(server->local().port());
    options.tls = client_tls({tls_trust::mode::authorities, {}, file});
    const auto by_address = connect(options);
    options.server_name = "localhost";
    const auto by_name = connect(options);
    options.server_name = "example.com";
    const auto wrong_name = connect(options);
    options.server_name = "";
    options.tls = client_tls({tls_trust::mode::authorities, {}, {}});
    const auto unknown = connect(options);
    ASSERT_TRUE(run_until([&] {
        return !by_address->protocol.empty() && !by_name->protocol.empty() && wrong_name->closed &&
               unknown->closed;
    }));
    EXPECT_TRUE(wrong_name->protocol.empty());
    EXPECT_NE(wrong_name->closed->reason.find("ostname"), std::string::npos)
        << wrong_name->closed->reason;
    EXPECT_TRUE(unknown->protocol.empty());
    std::filesystem::remove(file);
}

TEST_F(quic_test, certificate_changes_without_dropping_connections) {
    start();
    establish();
    const auto first = near;
    auto next = make_certificate({}, std::chrono::system_clock::now());
    ASSERT_TRUE(next);
    server->use_tls(*tls_server::make(*next, {"moqt-18"}));
    auto options = to(server->local().port());
    options.tls = client_tls({tls_trust::mode::pinned, {*parse_sha256(next->sha256)}, {}});
    const auto second = connect(options);
    ASSERT_TRUE(run_until([&] { return !second->protocol.empty(); }));
    first->send(*first->connection->open_unidirectional(), 1000);
    EXPECT_TRUE(run_until([&] { return far->finished() == 1; }));
}

TEST_F(quic_test, retry_proves_the_address_and_a_token_spares_it) {
    quic_config suspicious;
    suspicious.retry = retry_mode::always;
    start(suspicious);
    establish();
    // One for each datagram of the first flight, which may be two.
    const auto retries = server->statistics().retries_sent;
    EXPECT_GE(retries, 1u);
    // The token for the next connection comes after the handshake.
    run_for(milliseconds{100});
    establish();
    EXPECT_EQ(server->statistics().retries_sent, retries);
    EXPECT_EQ(accepted.size(), 2u);
}

TEST_F(quic_test, retry_begins_under_load) {
    quic_config config;
    config.loaded_handshakes = 0;
    start(config);
    establish();
    EXPECT_GE(server->statistics().retries_sent, 1u);
}

TEST_F(quic_test, limits_refuse_new_connections) {
    quic_config config;
    config.connections = 1;
    start(config);
    establish();
    const auto second = connect();
    ASSERT_TRUE(run_until([&] { return second->closed.has_value(); }));
    EXPECT_EQ(second->closed->code, 0x2u); // CONNECTION_REFUSED, RFC 9000, 20.1
    EXPECT_TRUE(second->closed->by_peer);
    EXPECT_FALSE(near->closed);
    EXPECT_GE(server->statistics().connections_refused, 1u);
}

TEST_F(quic_test, draining_server_refuses_new_connections) {
    start();
    establish();
    server->stop_accepting();
    const auto second = connect();
    ASSERT_TRUE(run_until([&] { return second->closed.has_value(); }));
    EXPECT_EQ(second->closed->code, 0x2u);
    EXPECT_FALSE(near->closed);
}

TEST_F(quic_test, restarted_server_resets_connections_of_before) {
    start();
    establish();
    const auto port = server->local().port();
    far->connection = nullptr;
    server.reset(); // as when the process is killed: nobody is told
    server = make_server({}, port);
    const auto begin = std::chrono::steady_clock::now();
    near->send(*near->connection->open_unidirectional(), 3000);
    ASSERT_TRUE(run_until([&] { return near->closed.has_value(); }, seconds{5}));
    EXPECT_EQ(near->closed->why, cause::stateless_reset);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds{1});
    EXPECT_GE(server->statistics().stateless_resets_sent, 1u);
    establish(); // and the new one serves
}

TEST_F(quic_test, reset_of_a_stranger_is_not_believed) {
    start();
    establish();
    const auto port = server->local().port();
    server.reset();
    secrets = quic_secrets::random();
    server = make_server({}, port);
    near->send(*near->connection->open_unidirectional(), 3000);
    ASSERT_TRUE(run_until([&] { return server->statistics().stateless_resets_sent > 0; }));
    run_for(milliseconds{200});
    EXPECT_FALSE(near->closed);
}

TEST_F(quic_test, client_survives_a_new_port_that_nobody_announced) {
    start();
    establish();
    near->send(*near->connection->open_unidirectional(), 4 << 20);
    ASSERT_TRUE(run_until([&] { return far->received() > 100'000; }));
    const auto before = far->connection->peer();
    ASSERT_TRUE(near->connection->rebind());
    ASSERT_TRUE(run_until([&] { return far->finished() == 1; }));
    EXPECT_TRUE(far->intact());
    ASSERT_TRUE(run_until([&] { return !far->paths.empty(); }));
    EXPECT_FALSE(far->connection->peer() == before);
    far->send(*far->connection->open_unidirectional(), 1 << 20);
    ASSERT_TRUE(run_until([&] { return near->finished() == 1; }));
}

TEST_F(quic_test, client_migrates) {
    start();
    establish();
    run_for(milliseconds{50}); // the server's spare connection IDs arrive
    const auto before = far->connection->peer();
    ASSERT_TRUE(near->connection->migrate());
    near->send(*near->connection->open_unidirectional(), 4 << 20);
    far->send(*far->connection->open_unidirectional(), 4 << 20);
    ASSERT_TRUE(run_until([&] { return far->finished() == 1 && near->finished() == 1; }));
    EXPECT_TRUE(far->intact() && near->intact());
    EXPECT_FALSE(far->connection->peer() == before);
}

TEST_F(quic_test, forbidden_migration_is_ignored) {
    quic_config impatient;
    impatient.idle_timeout = moqrtc::milliseconds(500);
    start(impatient, impatient);
    establish();
    far->connection->allow_migration(false);
    ASSERT_TRUE(near->connection->rebind());
    near->send(*near->connection->open_unidirectional(), 1000);
    ASSERT_TRUE(run_until([&] { return far->closed.has_value(); }));
    EXPECT_EQ(far->closed->why, cause::idle_timeout);
    EXPECT_EQ(far->finished(), 0u);
}

TEST_F(quic_test, stray_datagrams_reach_their_shard) {
    std::vector<std::unique_ptr<quic_endpoint>> shards;
    for (std::uint8_t i = 0; i < 4; ++i) {
        quic_config config;
        config.shard = i;
        shards.push_back(make_server(config, i == 0 ? 0 : shards[0]->local().port(), true));
    }
    for (auto& shard : shards)
        shard->on_stray([&](std::uint8_t target, const stray_datagram& datagram) {
            if (target >= shards.size()) return quic_endpoint::forwarding::no_such_shard;
            shards[target]->handle_stray(datagram);
            return quic_endpoint::forwarding::done;
        });
    client = std::make_unique<quic_endpoint>(context, quic_config{});
    near = connect(to(shards[0]->local().port()));
    ASSERT_TRUE(run_until([&] { return !near->protocol.empty() && !accepted.empty(); }));
    far = accepted.back();
    const auto forwarded = [&] {
        std::uint64_t total = 0;
        for (auto& shard : shards)
            total += shard->statistics().forwarded;
        return total;
    };
    // Each new port falls on one of the four sockets by the kernel's hash.
    for (std::size_t i = 0; i < 20 && forwarded() < 100; ++i) {
        ASSERT_TRUE(near->connection->rebind());
        near->send(*near->connection->open_unidirectional(), 1 << 20);
        ASSERT_TRUE(run_until([&] { return far->finished() == i + 1; }));
    }
    EXPECT_GE(forwarded(), 100u);
    EXPECT_TRUE(far->intact());
}

TEST_F(quic_test, nobody_at_the_port_is_noticed_at_once) {
    start();
    const auto port = server->local().port();
    server.reset();
    const auto lost = connect(to(port));
    ASSERT_TRUE(run_until([&] { return lost->closed.has_value(); }, seconds{2}));
    EXPECT_EQ(lost->closed->why, cause::unreachable);
    ASSERT_TRUE(run_until([&] { return client->connections() == 0; }));
}

TEST_F(quic_test, unknown_host_is_reported) {
    start();
    auto options = to(1);
    options.host = "no-such-host.invalid";
    const auto lost = connect(options);
    EXPECT_FALSE(lost->closed);
    ASSERT_TRUE(run_until([&] { return lost->closed.has_value(); }, seconds{20}));
    EXPECT_EQ(lost->closed->why, cause::unreachable);
}

TEST_F(quic_test, every_address_of_a_name_is_tried) {
    start(); // on 127.0.0.1 alone, while localhost may be ::1 first
    auto options = to(server->local().port());
    options.host = "localhost";
    const auto found = connect(options);
    ASSERT_TRUE(run_until([&] { return !found->protocol.empty(); }));
}

TEST_F(quic_test, closing_while_connecting_is_reported) {
    start();
    const auto early = connect();
    early->connection->close(3, "changed my mind");
    ASSERT_TRUE(run_until([&] { return early->closed.has_value(); }));
    EXPECT_EQ(early->closed->code, 3u);
    ASSERT_TRUE(run_until([&] { return client->connections() == 0; }));
}

TEST_F(quic_test, wildcard_and_version_6_addresses_serve) {
    for (const auto* address : {"0.0.0.0", "::"}) {
        server = std::make_unique<quic_endpoint>(context, quic_config{}, secrets);
        client = std::make_unique<quic_endpoint>(context, quic_config{});
        ASSERT_FALSE(server->listen(*socket_address::parse(address, 0), false,
                                    *tls_server::make(identity, {"moqt-18"}),
                                    [](quic_connection& connection, std::string_view) {
                                        auto fresh = std::make_shared<side>();
                                        fresh->connection = &connection;
                                        return std::make_unique<pattern_handler>(fresh);
                                    }));
        for (const std::string host : {"127.0.0.1", "127.0.0.2", "::1"}) {
            if (host == "::1" && std::string_view{address} != "::") continue;
            auto options = to(server->local().port());
            options.host = host;
            const auto found = connect(options);
            ASSERT_TRUE(run_until([&] { return !found->protocol.empty(); })) << address << host;
            EXPECT_EQ(found->connection->peer().host(), host);
        }
    }
}

} // namespace
} // namespace moqrtc::reference::testing
