#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace moqrtc::reference::testing {

/// Stands between one client and a server and does to each datagram what the test says.
class quic_forwarder {
public:
    using datagram = std::vector<std::uint8_t>;
    /// What to deliver instead of one datagram, in this order.
    using policy = std::function<std::vector<datagram>(bool to_server, datagram)>;

    quic_forwarder(asio::io_context& context, std::uint16_t server_port, policy treat)
        : treat_{std::move(treat)},
          near_{context, {asio::ip::make_address("127.0.0.1"), 0}},
          far_{context, {asio::ip::make_address("127.0.0.1"), 0}},
          server_{asio::ip::make_address("127.0.0.1"), server_port} {
        near_.non_blocking(true);
        far_.non_blocking(true);
        listen(near_, true);
        listen(far_, false);
    }

    [[nodiscard]] std::uint16_t port() { return near_.local_endpoint().port(); }

private:
    using socket = asio::ip::udp::socket;

    void listen(socket& from, bool to_server) {
        from.async_wait(socket::wait_read, [this, &from, to_server](const asio::error_code& error) {
            if (error) return;
            for (;;) {
                asio::ip::udp::endpoint sender;
                asio::error_code failure;
                const auto size = from.receive_from(asio::buffer(buffer_), sender, 0, failure);
                if (failure) break;
                if (to_server) client_ = sender;
                for (const auto& out : treat_(
                         to_server, {buffer_.begin(), buffer_.begin() + static_cast<long>(size)})) {
                    // A full buffer is one more loss.
                    if (to_server)
                        far_.send_to(asio::buffer(out), server_, 0, failure);
                    else
                        near_.send_to(asio::buffer(out), client_, 0, failure);
                }
            }
            listen(from, to_server);
        });
    }

    policy treat_;
    socket near_;
    socket far_;
    asio::ip::udp::endpoint server_;
    asio::ip::udp::endpoint client_;
    std::array<std::uint8_t, 65536> buffer_{};
};

} // namespace moqrtc::reference::testing
