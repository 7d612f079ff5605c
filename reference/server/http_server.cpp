#include "http_connection.hpp"
#include "http_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstring>
#include <mutex>
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

    std::expected<socket_address, std::error_code>
    listen(const socket_address& local, handler answer, body_rule bodies, bool tls) {
        boost::system::error_code failure;
        const auto fail = [&] { return std::unexpected(std::error_code{failure}); };
        tcp::endpoint where;
        std::memcpy(where.data(), local.data(), local.size());
        where.resize(local.size());
        auto one = std::make_unique<listener>(listener{tcp::acceptor{context_},
                                                       net::steady_timer{context_},
                                                       {std::move(answer), std::move(bodies)},
                                                       tls});
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

    std::expected<void, std::string> use(const certificate_pem& certificate) {
        auto fresh = std::make_shared<net::ssl::context>(net::ssl::context::tls_server);
        boost::system::error_code failure;
        SSL_CTX_set_min_proto_version(fresh->native_handle(), TLS1_2_VERSION);
        SSL_CTX_set_alpn_select_cb(fresh->native_handle(), choose_protocol, nullptr);
        fresh->use_certificate_chain(net::buffer(certificate.chain), failure);
        if (!failure)
            fresh->use_private_key(net::buffer(certificate.key), net::ssl::context::pem, failure);
        if (failure) return std::unexpected(failure.message());
        const std::lock_guard lock{guard_};
        tls_ = std::move(fresh);
        return {};
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
        http_connection::site site;
        bool tls;
    };

    /// HTTP/1.1 is what there is; whoever offers only something else is refused.
    static int choose_protocol(SSL*, const unsigned char** out, unsigned char* size,
                               const unsigned char* offered, unsigned offered_size, void*) {
        static constexpr unsigned char ours[] = "\x08http/1.1";
        unsigned char* chosen = nullptr;
        if (SSL_select_next_proto(&chosen, size, ours, sizeof ours - 1, offered, offered_size) !=
            OPENSSL_NPN_NEGOTIATED)
            return SSL_TLSEXT_ERR_ALERT_FATAL;
        *out = chosen;
        return SSL_TLSEXT_ERR_OK;
    }

    http_stream::tls_context tls() {
        const std::lock_guard lock{guard_};
        return tls_;
    }

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
            if (*room_ > 0) {
                boost::system::error_code ignored;
                peer.set_option(tcp::no_delay{true}, ignored);
                std::make_shared<http_connection>(std::move(peer), at.tls ? tls() : nullptr,
                                                  at.site, room_)
                    ->start();
            }
            accept(at);
        });
    }

    std::shared_ptr<std::size_t> room_;
    net::io_context context_{1};
    std::vector<std::unique_ptr<listener>> listeners_;
    std::mutex guard_;
    http_stream::tls_context tls_;
    std::thread thread_;
};

http_server::http_server(std::size_t connections)
    : machine_{std::make_unique<machine>(connections)} {}
http_server::~http_server() = default;

std::expected<socket_address, std::error_code>
http_server::listen(const socket_address& local, handler answer, body_rule bodies, bool tls) {
    return machine_->listen(local, std::move(answer), std::move(bodies), tls);
}

std::expected<void, std::string> http_server::use(const certificate_pem& certificate) {
    return machine_->use(certificate);
}

void http_server::start() {
    machine_->start();
}

void http_server::stop() {
    machine_->stop();
}

} // namespace moqrtc::reference
