#include "server/http_stream.hpp"
#include "webhook_client.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace moqrtc::reference {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::beast::error_code;
using net::ip::tcp;

constexpr std::chrono::seconds patience{10}; ///< for all of it
constexpr std::size_t largest_answer = 64 << 10;

struct target {
    bool tls = false;
    std::string host;
    std::string port;
    std::string authority;
    std::string path;
};

target read_url(std::string_view url) {
    target out;
    out.tls = url.starts_with("https://");
    url.remove_prefix(std::min(url.size(), out.tls ? std::size_t{8} : std::size_t{7}));
    const auto slash = std::min(url.find_first_of("/?"), url.size());
    out.authority = url.substr(0, slash);
    out.path = url.substr(slash);
    if (!out.path.starts_with('/')) out.path.insert(0, "/");
    out.host = out.authority;
    out.port = out.tls ? "443" : "80";
    const auto colon = out.authority.rfind(':');
    if (colon != out.authority.npos && out.authority.find(']', colon) == out.authority.npos) {
        out.host = out.authority.substr(0, colon);
        out.port = out.authority.substr(colon + 1);
    }
    if (out.host.starts_with('[') && out.host.ends_with(']'))
        out.host = out.host.substr(1, out.host.size() - 2);
    return out;
}

/// One POST; lives as long as it is under way.
class delivery : public std::enable_shared_from_this<delivery> {
public:
    delivery(net::io_context& on, http_stream::tls_context tls, webhook_request what,
             std::function<void(unsigned)> then)
        : to_{read_url(what.url)},
          resolver_{on},
          stream_{on.get_executor(), to_.tls ? std::move(tls) : nullptr},
          then_{std::move(then)} {
        message_.method(http::verb::post);
        message_.target(to_.path);
        message_.set(http::field::host, to_.authority);
        message_.set(http::field::user_agent, "moqrtc-server");
        message_.set(http::field::content_type, "application/json");
        message_.set("moqrtc-event", what.event);
        message_.set("moqrtc-delivery", what.delivery);
        message_.set("moqrtc-signature", what.signature);
        message_.keep_alive(false);
        message_.body() = std::move(what.body);
        message_.prepare_payload();
        parser_.body_limit(largest_answer);
        if (!to_.tls) return;
        stream_.tls().set_verify_callback(net::ssl::host_name_verification{to_.host});
        SSL_set_tlsext_host_name(stream_.tls().native_handle(), to_.host.c_str());
    }

    void start() {
        resolver_.async_resolve(to_.host, to_.port,
                                [self = shared_from_this()](error_code failure, auto found) {
                                    if (failure) return self->finish(0);
                                    self->connect(std::move(found));
                                });
    }

private:
    void connect(tcp::resolver::results_type to) {
        stream_.tcp().expires_after(patience);
        stream_.tcp().async_connect(std::move(to),
                                    [self = shared_from_this()](error_code failure, const auto&) {
                                        if (failure) return self->finish(0);
                                        if (!self->to_.tls) return self->write();
                                        self->shake_hands();
                                    });
    }
    void shake_hands() {
        stream_.tls().async_handshake(net::ssl::stream_base::client,
                                      [self = shared_from_this()](error_code failure) {
                                          if (failure) return self->finish(0);
                                          self->write();
                                      });
    }
    void write() {
        http::async_write(stream_, message_,
                          [self = shared_from_this()](error_code failure, std::size_t) {
                              if (failure) return self->finish(0);
                              self->read();
                          });
    }
    void read() {
        http::async_read_header(stream_, buffer_, parser_,
                                [self = shared_from_this()](error_code failure, std::size_t) {
                                    self->finish(failure ? 0 : self->parser_.get().result_int());
                                });
    }
    void finish(unsigned status) {
        then_(status);
        error_code ignored;
        stream_.tcp().socket().shutdown(tcp::socket::shutdown_both, ignored);
    }

    target to_;
    tcp::resolver resolver_;
    http_stream stream_;
    http::request<http::string_body> message_;
    http::response_parser<http::string_body> parser_;
    boost::beast::flat_buffer buffer_{16 << 10};
    std::function<void(unsigned)> then_;
};

} // namespace

class webhook_client::machine {
public:
    machine() : work_{net::make_work_guard(context_)} {
        error_code ignored;
        tls_->set_default_verify_paths(ignored);
        tls_->set_verify_mode(net::ssl::verify_peer, ignored);
        SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
    }
    ~machine() { stop(); }

    void start() {
        thread_ = std::thread{[this] { context_.run(); }};
    }
    void stop() {
        context_.stop();
        if (thread_.joinable()) thread_.join();
    }
    void send(webhook_request request, std::function<void(unsigned)> then) {
        net::post(context_, [this, request = std::move(request), then = std::move(then)]() mutable {
            std::make_shared<delivery>(context_, tls_, std::move(request), std::move(then))
                ->start();
        });
    }

private:
    net::io_context context_{1};
    net::executor_work_guard<net::io_context::executor_type> work_;
    http_stream::tls_context tls_ =
        std::make_shared<net::ssl::context>(net::ssl::context::tls_client);
    std::thread thread_;
};

webhook_client::webhook_client() : machine_{std::make_unique<machine>()} {}
webhook_client::~webhook_client() = default;

void webhook_client::start() {
    machine_->start();
}

void webhook_client::stop() {
    machine_->stop();
}

void webhook_client::send(webhook_request request, std::function<void(unsigned)> then) {
    machine_->send(std::move(request), std::move(then));
}

} // namespace moqrtc::reference
