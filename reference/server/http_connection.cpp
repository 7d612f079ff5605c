#include "http_connection.hpp"
#include "http_fields.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace moqrtc::reference {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t header_limit = 8 << 10;
constexpr std::chrono::seconds read_time{15}; ///< for a whole header, and between requests
constexpr std::chrono::seconds write_time{15};
constexpr std::chrono::seconds answer_time{5}; ///< of the data plane
// What is taken off a client that goes on sending behind its answer.
constexpr std::chrono::seconds linger_time{2};
constexpr std::size_t linger_bytes = 256 << 10;
constexpr std::size_t linger_piece = 16 << 10;
constexpr std::size_t most_events = 256 << 10; ///< bytes that wait for one listener

} // namespace

http_connection::http_connection(boost::asio::ip::tcp::socket peer, http_stream::tls_context tls,
                                 const site& at, std::shared_ptr<std::size_t> room)
    : stream_{std::move(peer), std::move(tls)},
      patience_{stream_.get_executor()},
      site_{at},
      room_{std::move(room)} {
    --*room_;
}

http_connection::~http_connection() {
    ++*room_;
}

void http_connection::start() {
    if (!stream_.secure()) return read();
    stream_.tcp().expires_after(read_time);
    stream_.tls().async_handshake(boost::asio::ssl::stream_base::server,
                                  [self = shared_from_this()](error_code failure) {
                                      if (!failure) self->read();
                                  });
}

void http_connection::read() {
    parser_.emplace();
    parser_->header_limit(header_limit);
    parser_->body_limit(UINT64_MAX); // `on_header` says how long it may be, and answers
    stream_.tcp().expires_after(read_time);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code failure, std::size_t) { self->on_header(failure); });
}

void http_connection::on_header(error_code failure) {
    keep_alive_ = false;
    head_ = false;
    version_ = 11;
    unread_ = true;
    if (failure) {
        // Ends, resets and timeouts need no answer; what is no HTTP does.
        if (failure == http::error::end_of_stream ||
            failure.category() != make_error_code(http::error::end_of_stream).category())
            return;
        const bool large =
            failure == http::error::header_limit || failure == http::error::buffer_overflow;
        return send(large ? plain_text(431, "the request is too large")
                          : plain_text(400, "this is not an HTTP request"));
    }
    const auto& request = parser_->get();
    version_ = request.version();
    // A body that nobody wants is not read: the connection ends behind the answer instead.
    const bool body = parser_->chunked() || parser_->content_length().value_or(0) != 0;
    keep_alive_ = request.keep_alive() && !body;
    unread_ = body;
    head_ = request.method() == http::verb::head;
    request_ = read_fields_of(request);
    request_.secure = stream_.secure();
    error_code gone;
    request_.peer = stream_.tcp().socket().remote_endpoint(gone).address().to_string();
    if (head_ || request.method() == http::verb::get) return ask();
    const auto limit = site_.bodies ? site_.bodies(request_) : std::nullopt;
    if (!limit) return send(plain_text(405, "only GET and HEAD"));
    keep_alive_ = request.keep_alive();
    if (parser_->content_length().value_or(0) > *limit) {
        keep_alive_ = false;
        return send(plain_text(413, "the body is too large"));
    }
    read_body(*limit);
}

void http_connection::read_body(std::size_t limit) {
    parser_->body_limit(limit);
    const bool asks = parser_->get()[http::field::expect] == "100-continue";
    const auto go_on = [self = shared_from_this()] {
        http::async_read(self->stream_, self->buffer_, *self->parser_,
                         [self](error_code failure, std::size_t) { self->on_body(failure); });
    };
    if (!asks) return go_on();
    auto text = std::make_shared<std::string>("HTTP/1.1 100 Continue\r\n\r\n");
    boost::asio::async_write(stream_, boost::asio::buffer(*text),
                             [text, go_on](error_code failure, std::size_t) {
                                 if (!failure) go_on();
                             });
}

void http_connection::on_body(error_code failure) {
    if (failure) {
        keep_alive_ = false;
        if (failure == http::error::body_limit)
            return send(plain_text(413, "the body is too large"));
        if (failure.category() == make_error_code(http::error::body_limit).category())
            return send(plain_text(400, "this is not an HTTP request"));
        return;
    }
    unread_ = false;
    request_.body = std::move(parser_->get().body());
    ask();
}

void http_connection::ask() {
    const auto number = ++asked_;
    waiting_ = true;
    patience_.expires_after(answer_time);
    patience_.async_wait([self = shared_from_this(), number](error_code failure) {
        if (failure || !self->waiting_ || number != self->asked_) return;
        self->respond(plain_text(503, "no answer in time"));
    });
    site_.answer(request_, [self = shared_from_this(), number](http_response answer) {
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
    if (answer.events) return begin_events(answer);
    send(unless_known(request_, std::move(answer)));
}

void http_connection::send(const http_response& answer) {
    const bool bare = answer.status == 304 || answer.status == 204;
    const auto fill = [&](auto& message) {
        message.version(version_);
        message.result(answer.status);
        message.keep_alive(keep_alive_);
        for (const auto& [name, value] : fields_of(answer))
            message.set(boost::beast::string_view{name.data(), name.size()}, value);
        // 204 and 304 have no body, and the length of 304 would be that of the 200.
        if (!bare) message.content_length(answer.content().size());
    };
    if (head_ || bare) {
        http::response<http::empty_body> message;
        fill(message);
        return write(std::move(message));
    }
    http::response<http::string_body> message;
    message.body() = answer.content();
    fill(message);
    write(std::move(message));
}

template <class Body>
void http_connection::write(http::response<Body> message) {
    auto kept = std::make_shared<http::response<Body>>(std::move(message));
    stream_.tcp().expires_after(write_time);
    http::async_write(stream_, *kept,
                      [self = shared_from_this(), kept](error_code failure, std::size_t) {
                          if (failure) return;
                          if (self->keep_alive_) return self->read();
                          self->end();
                      });
}

void http_connection::end() {
    stream_.tcp().expires_after(linger_time);
    if (!stream_.secure()) return linger();
    // The other side learns that nothing was cut off. Its own word comes, or the rest of its body
    // instead, which is an error to TLS and nothing but bytes to what comes next.
    stream_.tls().async_shutdown([self = shared_from_this()](error_code) { self->linger(); });
}

/// A socket that is closed while bytes wait in it is reset, and a reset takes the answer away from
/// a client that has not read it yet (RFC 9112, 9.6): our half ends first, then what still comes is
/// thrown away for a while.
void http_connection::linger() {
    error_code ignored;
    stream_.tcp().socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
    if (unread_) discard(0);
}

void http_connection::discard(std::size_t taken) {
    if (taken >= linger_bytes) return;
    buffer_.consume(buffer_.size());
    stream_.tcp().async_read_some(
        buffer_.prepare(linger_piece),
        [self = shared_from_this(), taken](error_code failure, std::size_t size) {
            if (!failure) self->discard(taken + size);
        });
}

/// The answer has no length: it ends with the connection. Whoever reads too slowly is left.
void http_connection::begin_events(const http_response& answer) {
    std::string text = "HTTP/1.1 200 OK\r\nconnection: close\r\n";
    for (const auto& [name, value] : fields_of(answer))
        text.append(name).append(": ").append(value).append("\r\n");
    push_event(text + "\r\n" + std::string{head_ ? std::string_view{} : answer.content()});
    if (head_) {
        keep_alive_ = false;
        return;
    }
    answer.events([weak = weak_from_this()](const std::string& one) {
        const auto self = weak.lock();
        if (self == nullptr) return false;
        boost::asio::post(self->stream_.get_executor(),
                          [self, one]() mutable { self->push_event(std::move(one)); });
        return true;
    });
    keep_events();
}

void http_connection::push_event(std::string text) {
    if (event_bytes_ + text.size() > most_events) {
        patience_.cancel();
        error_code ignored;
        stream_.tcp().socket().close(ignored);
        return;
    }
    event_bytes_ += text.size();
    events_.push_back(std::move(text));
    if (!writing_event_) write_event();
}

void http_connection::write_event() {
    writing_event_ = true;
    stream_.tcp().expires_after(write_time);
    boost::asio::async_write(stream_, boost::asio::buffer(events_.front()),
                             [self = shared_from_this()](error_code failure, std::size_t) {
                                 if (failure) return self->patience_.cancel(), void();
                                 self->event_bytes_ -= self->events_.front().size();
                                 self->events_.pop_front();
                                 self->writing_event_ = false;
                                 self->stream_.tcp().expires_never();
                                 if (!self->events_.empty()) self->write_event();
                             });
}

/// A comment now and then: it keeps proxies from closing, and tells us who is gone.
void http_connection::keep_events() {
    patience_.expires_after(read_time);
    patience_.async_wait([self = shared_from_this()](error_code failure) {
        if (failure || !self->stream_.tcp().socket().is_open()) return;
        self->push_event(": still here\n\n");
        self->keep_events();
    });
}

} // namespace moqrtc::reference
