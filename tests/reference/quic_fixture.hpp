#pragma once

#include <chrono>
#include <common/certificate.hpp>
#include <common/quic_endpoint.hpp>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace moqrtc::reference::testing {

/// Pseudo-random bytes that both sides know: what a stream carries at an offset.
class pattern {
public:
    static constexpr std::size_t size = 1 << 20;

    pattern() : block_(size) {
        std::mt19937_64 random{4711};
        for (auto& byte : block_)
            byte = static_cast<std::byte>(random());
    }
    /// As many as possible of the `most` bytes at `offset` of `stream`, without a copy.
    [[nodiscard]] bytes at(quic_stream stream, std::uint64_t offset, std::uint64_t most) const {
        const auto start = (offset + static_cast<std::uint64_t>(stream) * 7919) % size;
        const auto count = std::min<std::uint64_t>(most, size - start);
        return bytes{block_}.subspan(static_cast<std::size_t>(start),
                                     static_cast<std::size_t>(count));
    }
    [[nodiscard]] bool matches(quic_stream stream, std::uint64_t offset, bytes data) const {
        while (!data.empty()) {
            const auto expected = at(stream, offset, data.size());
            if (!equal(expected, data.first(expected.size()))) return false;
            offset += expected.size();
            data = data.subspan(expected.size());
        }
        return true;
    }

private:
    std::vector<std::byte> block_;
};

inline const pattern shared_pattern;

/// One side of a connection as a test sees it; outlives the handler.
struct side {
    struct outgoing {
        std::uint64_t size = 0, sent = 0, acked = 0;
        bool fin_sent = false, blocked = false, over = false, closed = false;
    };
    struct incoming {
        std::uint64_t size = 0;
        bool fin = false, damaged = false, closed = false;
        std::optional<std::uint64_t> reset;
    };

    quic_connection* connection = nullptr;
    std::string protocol;
    std::optional<close_info> closed;
    std::map<quic_stream, outgoing> out;
    std::map<quic_stream, incoming> in;
    std::map<quic_stream, std::uint64_t> stopped;
    std::uint64_t received_at_stop = 0; ///< bytes, when the last STOP_SENDING was told
    std::vector<std::string> datagrams;
    std::vector<std::string> paths;
    std::uint64_t unidirectional = 0, bidirectional = 0;
    std::uint64_t to_open = 0;       ///< streams of 100 bytes, opened as credit allows
    std::size_t appetite = SIZE_MAX; ///< bytes that are still consumed
    std::size_t blocked_reports = 0, writable_reports = 0;

    void send(quic_stream stream, std::uint64_t size) {
        out[stream].size = size;
        connection->wake();
    }
    [[nodiscard]] std::size_t finished() const {
        return static_cast<std::size_t>(
            std::ranges::count_if(in, [](const auto& entry) { return entry.second.fin; }));
    }
    [[nodiscard]] bool intact() const {
        return std::ranges::none_of(in, [](const auto& entry) { return entry.second.damaged; });
    }
    [[nodiscard]] std::uint64_t received() const {
        std::uint64_t total = 0;
        for (const auto& [stream, entry] : in)
            total += entry.size;
        return total;
    }
};

/// Sends and checks patterns for a `side`.
class pattern_handler final : public connection_handler {
public:
    explicit pattern_handler(std::shared_ptr<side> target) : side_{std::move(target)} {}

    void on_handshake(instant, std::string_view protocol) override { side_->protocol = protocol; }
    std::size_t on_stream_data(instant, quic_stream stream, bytes data, bool fin) override {
        auto& entry = side_->in[stream];
        const auto taken = std::min(side_->appetite, data.size());
        if (side_->appetite != SIZE_MAX) side_->appetite -= taken;
        if (!shared_pattern.matches(stream, entry.size, data.first(taken))) entry.damaged = true;
        entry.size += taken;
        if (fin && taken == data.size()) entry.fin = true;
        return taken;
    }
    void on_stream_reset(instant, quic_stream stream, std::uint64_t code) override {
        side_->in[stream].reset = code;
    }
    void on_stop_sending(instant, quic_stream stream, std::uint64_t code) override {
        side_->stopped[stream] = code;
        side_->received_at_stop = side_->received();
        side_->out[stream].over = true;
    }
    void on_stream_closed(instant, quic_stream stream) override {
        if (const auto sent = side_->out.find(stream); sent != side_->out.end())
            sent->second.over = sent->second.closed = true;
        if (const auto got = side_->in.find(stream); got != side_->in.end())
            got->second.closed = true;
    }
    void on_datagram(instant, bytes data) override { side_->datagrams.emplace_back(as_text(data)); }
    void on_acked(instant, quic_stream stream, std::size_t count) override {
        side_->out[stream].acked += count;
    }
    void on_stream_credit(instant, std::uint64_t bidirectional,
                          std::uint64_t unidirectional) override {
        side_->bidirectional = bidirectional;
        side_->unidirectional = unidirectional;
    }
    void on_stream_writable(instant, quic_stream stream) override {
        ++side_->writable_reports;
        side_->out[stream].blocked = false;
    }
    bool next_send(instant, pending_send& next) override {
        for (; side_->to_open > 0; --side_->to_open) {
            const auto fresh = side_->connection->open_unidirectional();
            if (!fresh) break;
            side_->out[*fresh].size = 100;
        }
        for (auto& [stream, entry] : side_->out) {
            if (entry.over || entry.blocked || entry.fin_sent) continue;
            next.stream = stream;
            auto offset = entry.sent;
            while (next.count < pending_send::max_chunks && offset < entry.size) {
                next.chunks[next.count] = shared_pattern.at(stream, offset, entry.size - offset);
                offset += next.chunks[next.count++].size();
            }
            next.fin = offset == entry.size;
            return true;
        }
        return false;
    }
    void on_sent(instant, quic_stream stream, std::size_t count, bool fin) override {
        side_->out[stream].sent += count;
        side_->out[stream].fin_sent = fin;
    }
    void on_blocked(instant, quic_stream stream) override {
        ++side_->blocked_reports;
        side_->out[stream].blocked = true;
    }
    instant next_timeout() override { return never; }
    void on_timeout(instant) override {}
    void on_path_changed(instant, const socket_address& remote) override {
        side_->paths.push_back(remote.to_string());
    }
    void on_closed(instant, const close_info& info) override {
        side_->closed = info;
        side_->connection = nullptr;
    }

private:
    std::shared_ptr<side> side_;
};

/// A server and clients in one thread on loopback.
class quic_test : public ::testing::Test {
protected:
    using sides = std::vector<std::shared_ptr<side>>;

    quic_test() {
        auto made = make_certificate({}, std::chrono::system_clock::now());
        EXPECT_TRUE(made) << (made ? "" : made.error());
        identity = std::move(*made);
        anyone = client_tls({tls_trust::mode::anyone, {}, {}});
    }

    [[nodiscard]] static std::shared_ptr<const tls_client> client_tls(tls_trust trust) {
        auto made = tls_client::make(std::move(trust));
        EXPECT_TRUE(made) << (made ? "" : made.error());
        return made.value_or(nullptr);
    }

    [[nodiscard]] std::unique_ptr<quic_endpoint>
    make_server(quic_config config = {}, std::uint16_t port = 0, bool share_port = false) {
        auto endpoint = std::make_unique<quic_endpoint>(context, std::move(config), secrets);
        auto tls = tls_server::make(identity, {"moqt-18", "moqt-16"});
        EXPECT_TRUE(tls) << (tls ? "" : tls.error());
        const auto failure =
            endpoint->listen(*socket_address::parse("127.0.0.1", port), share_port, *tls,
                             [this](quic_connection& connection, std::string_view) {
                                 auto fresh = std::make_shared<side>();
                                 fresh->connection = &connection;
                                 fresh->appetite = server_appetite;
                                 accepted.push_back(fresh);
                                 return std::make_unique<pattern_handler>(fresh);
                             });
        EXPECT_FALSE(failure) << failure.message();
        return endpoint;
    }
    void start(quic_config server_config = {}, quic_config client_config = {}) {
        server = make_server(std::move(server_config));
        client = std::make_unique<quic_endpoint>(context, std::move(client_config));
    }

    [[nodiscard]] std::shared_ptr<side> connect(connect_options options) {
        auto fresh = std::make_shared<side>();
        client->connect(options, [&](quic_connection& connection) {
            fresh->connection = &connection;
            return std::make_unique<pattern_handler>(fresh);
        });
        return fresh;
    }
    [[nodiscard]] connect_options to(std::uint16_t port) const {
        return {"127.0.0.1", port, "", {"moqt-16", "moqt-18"}, anyone};
    }
    [[nodiscard]] std::shared_ptr<side> connect() { return connect(to(server->local().port())); }
    /// Connects and waits until both sides know.
    void establish() {
        const auto before = accepted.size();
        near = connect();
        ASSERT_TRUE(run_until([&] { return !near->protocol.empty() && accepted.size() > before; }))
            << (near->closed ? near->closed->reason : "");
        far = accepted.back();
    }

    template <class Condition>
    [[nodiscard]] bool run_until(Condition condition,
                                 std::chrono::milliseconds limit = std::chrono::seconds{10}) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!condition()) {
            if (std::chrono::steady_clock::now() >= end) return false;
            context.restart();
            context.run_one_for(std::chrono::milliseconds{5});
        }
        return true;
    }
    void run_for(std::chrono::milliseconds time) {
        (void)run_until([] { return false; }, time);
    }

    asio::io_context context{1};
    quic_secrets secrets = quic_secrets::random();
    certificate identity;
    std::shared_ptr<const tls_client> anyone;
    std::size_t server_appetite = SIZE_MAX;
    sides accepted;
    std::unique_ptr<quic_endpoint> server;
    std::unique_ptr<quic_endpoint> client;
    std::shared_ptr<side> near; ///< the client's side after `establish`
    std::shared_ptr<side> far;  ///< the server's
};

} // namespace moqrtc::reference::testing
