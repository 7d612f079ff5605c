#pragma once

#include "http_server.hpp"
#include "http_stream.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace moqrtc::reference {

/// One client of the HTTP server; lives as long as something is under way for it.
class http_connection : public std::enable_shared_from_this<http_connection> {
public:
    /// What a listener serves.
    struct site {
        http_server::handler answer;
        http_server::body_rule bodies;
    };

    /// `room` counts the connections that may still be opened.
    http_connection(boost::asio::ip::tcp::socket peer, http_stream::tls_context tls, const site& at,
                    std::shared_ptr<std::size_t> room);
    ~http_connection();
    http_connection(const http_connection&) = delete;
    http_connection& operator=(const http_connection&) = delete;

    void start();

private:
    using error_code = boost::beast::error_code;

    void read();
    void on_header(error_code failure);
    void read_body(std::size_t limit);
    void on_body(error_code failure);
    void ask();
    void respond(http_response answer);
    void send(const http_response& answer);
    template <class Body>
    void write(boost::beast::http::response<Body> message);
    void end();
    void linger();
    void discard(std::size_t taken);
    void begin_events(const http_response& answer);
    void push_event(std::string text);
    void write_event();
    void keep_events();

    http_stream stream_;
    boost::asio::steady_timer patience_;
    site site_;
    std::shared_ptr<std::size_t> room_;
    boost::beast::flat_buffer buffer_;
    std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
    http_request request_;
    std::uint64_t asked_ = 0; ///< the request that an answer belongs to
    bool waiting_ = false;    ///< for that answer
    bool head_ = false;
    bool keep_alive_ = false;
    bool unread_ = false; ///< the other side may still be sending what nobody reads
    unsigned version_ = 11;
    // A stream of events: pieces that are not written yet, in order.
    std::deque<std::string> events_;
    std::size_t event_bytes_ = 0;
    bool writing_event_ = false;
};

} // namespace moqrtc::reference
