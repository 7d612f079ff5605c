#include "http_connection.hpp"
#include "http_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

namespace moqrtc::reference {

namespace net = boost::asio;
using net::ip::tcp;

class http_server::machine {
public:
    explicit machine(std::size_t connections) : room_{std::make_shared<std::size_t>(connections)} {}
    ~machine() { stop(); }

    std::expected<socket_address, std::error_code> listen(const socket_address& local,
                                                          handler answer) {
        boost::system::error_code failure;
        const auto fail = [&] { return std::unexpected(std::error_code{failure}); };
        tcp::endpoint where;
        std::memcpy(where.data(), local.data(), local.size());
        where.resize(local.size());
        auto one = std::make_unique<listener>(
            listener{tcp::acceptor{context_}, net::steady_timer{context_}, std::move(answer)});
        auto& acceptor = one->acceptor;
        if (acceptor.open(where.protocol(), failure)) return fail();
        acceptor.set_option(net::socket_base::reuse_address{true}, failure);
        if (local.family() == AF_INET6) acceptor.set_option(net::ip::v6_only(false), failure);
        if (acceptor.bind(where, failure)) return fail();
        if (acceptor.listen(net::socket_base::max_listen_connections, failure)) return fail();
        const auto bound = acceptor.local_endpoint(failure);
        if (failure) return fail();
        listeners_.push_back(std::move(one));
        return socket_address{bound.data(), static_cast<socklen_t>(bound.size())};
    }

    void start() {
        for (auto& one : listeners_)
            accept(*one);
        thread_ = std::thread{[this] { context_.run(); }};
    }

    void stop() {
        context_.stop();
        if (thread_.joinable()) thread_.join();
    }

private:
    struct listener {
        tcp::acceptor acceptor;
        net::steady_timer pause;
        handler answer;
    };

    void accept(listener& at) {
        at.acceptor.async_accept([this, &at](boost::system::error_code failure, tcp::socket peer) {
            if (failure == net::error::operation_aborted) return;
            if (failure) {
                // Out of descriptors, most likely: trying again at once would spin.
                at.pause.expires_after(std::chrono::milliseconds{100});
                at.pause.async_wait([this, &at](boost::system::error_code) { accept(at); });
                return;
            }
            // Over the limit the socket closes here.
            if (*room_ > 0)
                std::make_shared<http_connection>(std::move(peer), at.answer, room_)->start();
            accept(at);
        });
    }

    std::shared_ptr<std::size_t> room_;
    net::io_context context_{1};
    std::vector<std::unique_ptr<listener>> listeners_;
    std::thread thread_;
};

http_server::http_server(std::size_t connections)
    : machine_{std::make_unique<machine>(connections)} {}
http_server::~http_server() = default;

std::expected<socket_address, std::error_code> http_server::listen(const socket_address& local,
                                                                   handler answer) {
    return machine_->listen(local, std::move(answer));
}

void http_server::start() {
    machine_->start();
}

void http_server::stop() {
    machine_->stop();
}

} // namespace moqrtc::reference
