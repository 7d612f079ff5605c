#pragma once

#include "common/socket_address.hpp"
#include "http_message.hpp"

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <system_error>

namespace moqrtc::reference {

/// Plain HTTP/1.1 on a thread of its own: GET and HEAD of small answers, everything bounded in
/// size and time.
class http_server {
public:
    /// Answers a request, once and from any thread.
    using reply = std::function<void(http_response)>;
    /// Called on the HTTP thread.
    using handler = std::function<void(const http_request& request, reply)>;

    /// `connections` is how many clients may be there at one time.
    explicit http_server(std::size_t connections);
    ~http_server();
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    /// Binds and listens; call it before `start`. Returns the address with the port that was free.
    [[nodiscard]] std::expected<socket_address, std::error_code> listen(const socket_address& local,
                                                                        handler answer);
    void start();
    void stop();

private:
    class machine;
    std::unique_ptr<machine> machine_;
};

} // namespace moqrtc::reference
