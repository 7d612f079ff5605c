#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace moqrtc::conformance {

/// A path to a server that can lose what comes from it: datagrams go through two sockets of ours.
///
/// Threads that of the context alone.
class narrow_path : public std::enable_shared_from_this<narrow_path> {
public:
    /// One to a host's first address; null when there is no such host, or no socket.
    [[nodiscard]] static std::shared_ptr<narrow_path>
    make(asio::io_context& context, const std::string& host, std::uint16_t port);

    /// Where to connect to, at 127.0.0.1.
    [[nodiscard]] std::uint16_t port() const { return near_.local_endpoint().port(); }
    /// From here on all is lost that comes behind `more` bytes, until `release`.
    void hold(std::size_t more) noexcept { left_ = more; }
    void release() noexcept { left_.reset(); }
    /// Nothing goes through any more.
    void close();

private:
    explicit narrow_path(asio::io_context& context) : near_{context}, far_{context} {}
    void read_near();
    void read_far();

    asio::ip::udp::socket near_; ///< towards our client
    asio::ip::udp::socket far_;  ///< towards the peer
    asio::ip::udp::endpoint client_{};
    std::array<std::byte, 65536> from_near_{};
    std::array<std::byte, 65536> from_far_{};
    std::optional<std::size_t> left_{};
};

} // namespace moqrtc::conformance
