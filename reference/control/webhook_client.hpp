#pragma once

#include "webhooks.hpp"

#include <functional>
#include <memory>

namespace moqrtc::reference {

/// Posts events to other servers, on a thread of its own: `http://` and `https://` with the
/// system's certificate authorities, ten seconds for each, no redirects.
class webhook_client {
public:
    webhook_client();
    ~webhook_client();
    webhook_client(const webhook_client&) = delete;
    webhook_client& operator=(const webhook_client&) = delete;

    void start();
    /// What is under way is given up and never answered.
    void stop();
    /// From any thread; `then` comes on the client's.
    void send(webhook_request request, std::function<void(unsigned)> then);

private:
    class machine;
    std::unique_ptr<machine> machine_;
};

} // namespace moqrtc::reference
