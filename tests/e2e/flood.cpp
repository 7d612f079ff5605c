// A flood of strangers on loopback: Initial packets that were prepared before, each from a port of
// its own, and handshakes that are completed and followed by nothing.
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <common/quic_endpoint.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace moqrtc;
using namespace moqrtc::reference;
using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct options {
    std::uint16_t port = 0;
    double initials = 10'000; ///< in a second
    double handshakes = 500;  ///< in a second
    double span = 10;         ///< seconds
    double hold = 5;          ///< seconds that a connection stays
    std::size_t prepared = 1000;
    std::string protocol = "moqt-18";
};

struct outcome {
    std::atomic<std::uint64_t> begun = 0;
    std::atomic<std::uint64_t> completed = 0;
    std::atomic<std::uint64_t> closed_by_server = 0; ///< after the handshake
    std::atomic<std::uint64_t> failed = 0;           ///< before it was complete
};

/// A connection that says nothing.
class silent_handler final : public connection_handler {
public:
    explicit silent_handler(outcome& to) : to_{&to} {}
    void on_handshake(instant, std::string_view) override {
        complete_ = true;
        ++to_->completed;
    }
    std::size_t on_stream_data(instant, quic_stream, bytes data, bool) override {
        return data.size();
    }
    void on_stream_reset(instant, quic_stream, std::uint64_t) override {}
    void on_stop_sending(instant, quic_stream, std::uint64_t) override {}
    void on_stream_closed(instant, quic_stream) override {}
    void on_datagram(instant, bytes) override {}
    void on_acked(instant, quic_stream, std::size_t) override {}
    void on_stream_credit(instant, std::uint64_t, std::uint64_t) override {}
    void on_stream_writable(instant, quic_stream) override {}
    bool next_send(instant, pending_send&) override { return false; }
    void on_sent(instant, quic_stream, std::size_t, bool) override {}
    void on_blocked(instant, quic_stream) override {}
    instant next_timeout() override { return never; }
    void on_timeout(instant) override {}
    void on_closed(instant, const close_info& info) override {
        if (!complete_)
            ++to_->failed;
        else if (info.by_peer)
            ++to_->closed_by_server;
    }

private:
    outcome* to_;
    bool complete_ = false;
};

[[noreturn]] void give_up(const char* what) {
    std::fprintf(stderr, "moqrtc-flood: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

std::shared_ptr<const tls_client> anyone() {
    auto made = tls_client::make({tls_trust::mode::anyone, {}, {}});
    if (!made) give_up("TLS");
    return *made;
}

/// What clients send first, taken down by a socket that answers nothing.
std::vector<std::vector<std::byte>> prepare(const options& asked) {
    const int sink = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof here;
    if (sink < 0 || ::bind(sink, reinterpret_cast<sockaddr*>(&here), size) != 0 ||
        ::getsockname(sink, reinterpret_cast<sockaddr*>(&here), &size) != 0)
        give_up("socket");
    asio::io_context context{1};
    quic_endpoint endpoint{context, {}};
    outcome nobody;
    const connect_options to{"127.0.0.1", ntohs(here.sin_port), "", {asked.protocol}, anyone()};
    std::vector<std::vector<std::byte>> out;
    while (out.size() < asked.prepared) {
        const auto before = out.size();
        for (int i = 0; i < 10; ++i)
            endpoint.connect(
                to, [&](quic_connection&) { return std::make_unique<silent_handler>(nobody); });
        context.restart();
        context.run_for(5ms);
        std::vector<std::byte> packet(2048);
        while (true) {
            const auto got = ::recv(sink, packet.data(), packet.size(), 0);
            if (got <= 0) break;
            // A client that repeats itself repeats an Initial: that is as good as a new one.
            out.emplace_back(packet.begin(), packet.begin() + got);
        }
        if (out.size() == before) give_up("no Initial packets");
    }
    ::close(sink);
    return out;
}

/// Sends them in turn, each from a new port, and from another address every 20,000.
std::uint64_t send_initials(const options& asked, const std::vector<std::vector<std::byte>>& all) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(asked.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto began = clock_type::now();
    const auto end = began + std::chrono::duration<double>(asked.span);
    std::uint64_t sent = 0;
    for (auto now = began; now < end; now = clock_type::now()) {
        const auto due = static_cast<std::uint64_t>(
            std::chrono::duration<double>(now - began).count() * asked.initials);
        for (; sent < due; ++sent) {
            const int from = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
            sockaddr_in own{};
            own.sin_family = AF_INET;
            own.sin_addr.s_addr = htonl(0x7f010001u + static_cast<std::uint32_t>(sent / 20'000));
            if (from < 0 || ::bind(from, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0)
                give_up("bind");
            const auto& packet = all[sent % all.size()];
            (void)::sendto(from, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&to),
                           sizeof to);
            ::close(from);
        }
        std::this_thread::sleep_for(1ms);
    }
    return sent;
}

/// Completes handshakes and leaves the connections open for a while.
class handshakes {
public:
    handshakes(const options& asked, outcome& to)
        : asked_{asked}, to_{&to}, endpoint_{context_, {}}, timer_{context_}, tls_{anyone()} {}
    void run() {
        began_ = clock_type::now();
        tick();
        context_.run_for(std::chrono::duration_cast<clock_type::duration>(
            std::chrono::duration<double>(asked_.span)));
    }

private:
    void tick() {
        const auto now = clock_type::now();
        const auto due = static_cast<std::uint64_t>(
            std::chrono::duration<double>(now - began_).count() * asked_.handshakes);
        for (; count_ < due; ++count_) {
            ++to_->begun;
            auto& made = endpoint_.connect(
                {"127.0.0.1", asked_.port, "", {asked_.protocol}, tls_},
                [&](quic_connection&) { return std::make_unique<silent_handler>(*to_); });
            held_.push_back({now, made.watch()});
        }
        while (!held_.empty() &&
               now - held_.front().since > std::chrono::duration<double>(asked_.hold)) {
            if (const auto alive = held_.front().who.lock()) (*alive)->close(0, "");
            held_.pop_front();
        }
        timer_.expires_after(1ms);
        timer_.async_wait([this](std::error_code failed) {
            if (!failed) tick();
        });
    }

    struct held {
        clock_type::time_point since;
        std::weak_ptr<quic_connection*> who;
    };
    options asked_;
    outcome* to_;
    asio::io_context context_{1};
    quic_endpoint endpoint_;
    asio::steady_timer timer_;
    std::shared_ptr<const tls_client> tls_;
    std::deque<held> held_;
    clock_type::time_point began_{};
    std::uint64_t count_ = 0;
};

options read(int count, char** arguments) {
    options out;
    for (int i = 1; i < count; ++i) {
        const std::string_view name = arguments[i];
        if (name[0] != '-') {
            out.port = static_cast<std::uint16_t>(std::atoi(arguments[i]));
            continue;
        }
        if (i + 1 == count) break;
        const char* value = arguments[++i];
        if (name == "--initials") out.initials = std::atof(value);
        if (name == "--handshakes") out.handshakes = std::atof(value);
        if (name == "--seconds") out.span = std::atof(value);
        if (name == "--hold") out.hold = std::atof(value);
        if (name == "--prepared") out.prepared = static_cast<std::size_t>(std::atoi(value));
        if (name == "--protocol") out.protocol = value;
    }
    if (out.port == 0) {
        std::fputs("usage: moqrtc-flood PORT [--initials N/s] [--handshakes N/s] [--seconds S] "
                   "[--hold S] [--prepared N] [--protocol ALPN]\n",
                   stderr);
        std::exit(2);
    }
    return out;
}

} // namespace

int main(int count, char** arguments) {
    const auto asked = read(count, arguments);
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &files);
    }
    const auto packets =
        asked.initials > 0 ? prepare(asked) : std::vector<std::vector<std::byte>>{};
    outcome done;
    handshakes machine{asked, done};
    std::uint64_t sent = 0;
    std::thread flood{[&] {
        if (!packets.empty()) sent = send_initials(asked, packets);
    }};
    machine.run();
    flood.join();
    std::printf(R"({"initials":%llu,"handshakes_begun":%llu,"handshakes_completed":%llu,)"
                R"("handshakes_failed":%llu,"closed_by_server":%llu,"seconds":%g})"
                "\n",
                static_cast<unsigned long long>(sent),
                static_cast<unsigned long long>(done.begun.load()),
                static_cast<unsigned long long>(done.completed.load()),
                static_cast<unsigned long long>(done.failed.load()),
                static_cast<unsigned long long>(done.closed_by_server.load()), asked.span);
}
