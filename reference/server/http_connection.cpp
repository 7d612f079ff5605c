#include "http_connection.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <chrono>
#include <utility>

namespace moqrtc::reference {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t header_limit = 8 << 10;
constexpr std::chrono::seconds read_time{15}; ///< for a whole header, and between requests
constexpr std::chrono::seconds write_time{15};
constexpr std::chrono::seconds answer_time{5}; ///< of the data plane

} // namespace

http_connection::http_connection(boost::asio::ip::tcp::socket peer, http_server::handler answer,
                                 std::shared_ptr<std::size_t> room)
    : stream_{std::move(peer)},
      patience_{stream_.get_executor()},
      answer_{std::move(answer)},
      room_{std::move(room)} {
    --*room_;
}

http_connection::~http_connection() {
    ++*room_;
}

void http_connection::start() {
    read();
}

void http_connection::read() {
    parser_.emplace();
    parser_->header_limit(header_limit);
    stream_.expires_after(read_time);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](boost::beast::error_code failure,
                                                        std::size_t) { self->on_header(failure); });
}

void http_connection::on_header(boost::beast::error_code failure) {
    keep_alive_ = false;
    head_ = false;
    version_ = 11;
    if (failure) {
        // Ends, resets and timeouts need no answer; what is no HTTP does.
        if (failure == http::error::end_of_stream ||
            failure.category() != make_error_code(http::error::end_of_stream).category())
            return;
        const bool large =
            failure == http::error::header_limit || failure == http::error::buffer_overflow;
        return send({large ? 431u : 400u, "text/plain; charset=utf-8",
                     large ? "the request is too large\n" : "this is not an HTTP request\n"});
    }
    const auto& request = parser_->get();
    version_ = request.version();
    // A body is not read: the connection ends behind the answer instead.
    const bool body = parser_->chunked() || parser_->content_length().value_or(0) != 0;
    keep_alive_ = request.keep_alive() && !body;
    head_ = request.method() == http::verb::head;
    if (!head_ && request.method() != http::verb::get)
        return send({405, "text/plain; charset=utf-8", "only GET and HEAD\n"});
    const auto target = request.target();
    ask({target.data(), target.substr(0, target.find('?')).size()});
}

void http_connection::ask(const std::string& path) {
    const auto number = ++asked_;
    waiting_ = true;
    patience_.expires_after(answer_time);
    patience_.async_wait([self = shared_from_this(), number](boost::beast::error_code failure) {
        if (failure || !self->waiting_ || number != self->asked_) return;
        self->respond({503, "text/plain; charset=utf-8", "no answer in time\n"});
    });
    answer_(path, [self = shared_from_this(), number](http_response answer) {
        boost::asio::post(self->stream_.get_executor(),
                          [self, number, answer = std::move(answer)]() mutable {
                              if (self->waiting_ && number == self->asked_)
                                  self->respond(std::move(answer));
                          });
    });
}

void http_connection::respond(http_response answer) {
    waiting_ = false;
    patience_.cancel();
    send(answer);
}

void http_connection::send(const http_response& answer) {
    const auto fill = [&](auto& message) {
        message.version(version_);
        message.result(answer.status);
        message.keep_alive(keep_alive_);
        message.set(http::field::server, "moqrtc");
        message.set(http::field::content_type, answer.content_type);
        message.set(http::field::cache_control, "no-store");
        message.set("X-Content-Type-Options", "nosniff");
        message.set("Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'");
        if (answer.status == 405) message.set(http::field::allow, "GET, HEAD");
        if (answer.any_origin) message.set(http::field::access_control_allow_origin, "*");
        message.content_length(answer.body.size());
    };
    if (head_) {
        http::response<http::empty_body> message;
        fill(message);
        return write(std::move(message));
    }
    http::response<http::string_body> message;
    message.body() = answer.body;
    fill(message);
    write(std::move(message));
}

template <class Body>
void http_connection::write(http::response<Body> message) {
    auto kept = std::make_shared<http::response<Body>>(std::move(message));
    stream_.expires_after(write_time);
    http::async_write(
        stream_, *kept,
        [self = shared_from_this(), kept](boost::beast::error_code failure, std::size_t) {
            if (failure) return;
            if (self->keep_alive_) return self->read();
            self->stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, failure);
        });
}

} // namespace moqrtc::reference
