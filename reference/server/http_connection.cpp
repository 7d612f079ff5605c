#include "http_connection.hpp"

#include <boost/asio/post.hpp>
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
        return send(large ? plain_text(431, "the request is too large")
                          : plain_text(400, "this is not an HTTP request"));
    }
    const auto& request = parser_->get();
    version_ = request.version();
    // A body is not read: the connection ends behind the answer instead.
    const bool body = parser_->chunked() || parser_->content_length().value_or(0) != 0;
    keep_alive_ = request.keep_alive() && !body;
    head_ = request.method() == http::verb::head;
    if (!head_ && request.method() != http::verb::get)
        return send(plain_text(405, "only GET and HEAD"));
    const auto text = [](const auto& view) { return std::string{view.data(), view.size()}; };
    const auto target = request.target();
    const auto mark = std::min(target.find('?'), target.size());
    request_ = {text(target.substr(0, mark)),
                text(target.substr(std::min(mark + 1, target.size()))),
                text(request[http::field::host]), text(request[http::field::if_none_match])};
    ask();
}

void http_connection::ask() {
    const auto number = ++asked_;
    waiting_ = true;
    patience_.expires_after(answer_time);
    patience_.async_wait([self = shared_from_this(), number](boost::beast::error_code failure) {
        if (failure || !self->waiting_ || number != self->asked_) return;
        self->respond(plain_text(503, "no answer in time"));
    });
    answer_(request_, [self = shared_from_this(), number](http_response answer) {
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
    send(unless_known(request_, std::move(answer)));
}

void http_connection::send(const http_response& answer) {
    const auto fill = [&](auto& message) {
        message.version(version_);
        message.result(answer.status);
        message.keep_alive(keep_alive_);
        for (const auto& [name, value] : fields_of(answer))
            message.set(boost::beast::string_view{name.data(), name.size()}, value);
        // 304 has no body, and its length would be that of the 200.
        if (answer.status != 304) message.content_length(answer.content().size());
    };
    if (head_ || answer.status == 304) {
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
