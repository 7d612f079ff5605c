#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <utility>

namespace moqrtc::reference {

/// A TCP connection with or without TLS, as one kind of stream, so that what reads and writes HTTP
/// is compiled once.
class http_stream {
public:
    using executor_type = boost::beast::tcp_stream::executor_type;
    using tls_context = std::shared_ptr<boost::asio::ssl::context>;

    /// Without a context there is no TLS.
    http_stream(boost::asio::ip::tcp::socket peer, tls_context tls)
        : tcp_{std::move(peer)}, context_{std::move(tls)} {
        if (context_) tls_.emplace(tcp_, *context_);
    }
    template <class Executor>
        requires(!std::same_as<Executor, boost::asio::ip::tcp::socket>)
    http_stream(const Executor& on, tls_context tls) : tcp_{on}, context_{std::move(tls)} {
        if (context_) tls_.emplace(tcp_, *context_);
    }

    http_stream(const http_stream&) = delete; // one part refers to the other
    http_stream& operator=(const http_stream&) = delete;

    [[nodiscard]] executor_type get_executor() noexcept { return tcp_.get_executor(); }
    [[nodiscard]] boost::beast::tcp_stream& tcp() noexcept { return tcp_; }
    [[nodiscard]] bool secure() const noexcept { return tls_.has_value(); }
    [[nodiscard]] boost::asio::ssl::stream<boost::beast::tcp_stream&>& tls() noexcept {
        return *tls_;
    }

    template <class Buffers, class Handler>
    auto async_read_some(const Buffers& into, Handler&& then) {
        if (tls_) return tls_->async_read_some(into, std::forward<Handler>(then));
        return tcp_.async_read_some(into, std::forward<Handler>(then));
    }
    template <class Buffers, class Handler>
    auto async_write_some(const Buffers& from, Handler&& then) {
        if (tls_) return tls_->async_write_some(from, std::forward<Handler>(then));
        return tcp_.async_write_some(from, std::forward<Handler>(then));
    }

private:
    boost::beast::tcp_stream tcp_;
    tls_context context_; ///< outlives what uses it, whatever new connections get
    std::optional<boost::asio::ssl::stream<boost::beast::tcp_stream&>> tls_;
};

} // namespace moqrtc::reference
