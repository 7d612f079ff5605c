#pragma once

#include "common/socket_address.hpp"
#include "http_message.hpp"

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace moqrtc::reference {

/// HTTP/1.1 on a thread of its own, in the clear or over TLS: small requests and answers,
/// everything bounded in size and time.
class http_server {
public:
    /// Answers a request, once and from any thread.
    using reply = std::function<void(http_response)>;
    /// Called on the HTTP thread.
    using handler = std::function<void(const http_request& request, reply)>;
    /// How many bytes the body of a request other than GET and HEAD may have; nothing: the path
    /// has only these two.
    using body_rule = std::function<std::optional<std::size_t>(const http_request& head)>;
    /// What a certificate and its key are for: connections that are accepted from now on.
    struct certificate_pem {
        std::string chain;
        std::string key;
    };

    /// `connections` is how many clients may be there at one time.
    explicit http_server(std::size_t connections);
    ~http_server();
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    /// Binds and listens; call it before `start`. Returns the address with the port that was free.
    [[nodiscard]] std::expected<socket_address, std::error_code>
    listen(const socket_address& local, handler answer, body_rule bodies = {}, bool tls = false);
    /// Before the first listener with TLS starts, and whenever there is a new certificate; from any
    /// thread. Errors: a sentence, and the one before stays.
    [[nodiscard]] std::expected<void, std::string> use(const certificate_pem& certificate);
    void start();
    void stop();

private:
    class machine;
    std::unique_ptr<machine> machine_;
};

} // namespace moqrtc::reference
