#pragma once

#include "http_server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace moqrtc::reference {

/// One client of the HTTP server; lives as long as something is under way for it.
class http_connection : public std::enable_shared_from_this<http_connection> {
public:
    /// `room` counts the connections that may still be opened.
    http_connection(boost::asio::ip::tcp::socket peer, http_server::handler answer,
                    std::shared_ptr<std::size_t> room);
    ~http_connection();
    http_connection(const http_connection&) = delete;
    http_connection& operator=(const http_connection&) = delete;

    void start();

private:
    void read();
    void on_header(boost::beast::error_code failure);
    void ask();
    void respond(http_response answer);
    void send(const http_response& answer);
    template <class Body>
    void write(boost::beast::http::response<Body> message);

    boost::beast::tcp_stream stream_;
    boost::asio::steady_timer patience_;
    http_server::handler answer_;
    std::shared_ptr<std::size_t> room_;
    boost::beast::flat_buffer buffer_;
    std::optional<boost::beast::http::request_parser<boost::beast::http::empty_body>> parser_;
    http_request request_;
    std::uint64_t asked_ = 0; ///< the request that an answer belongs to
    bool waiting_ = false;    ///< for that answer
    bool head_ = false;
    bool keep_alive_ = false;
    unsigned version_ = 11;
};

} // namespace moqrtc::reference
