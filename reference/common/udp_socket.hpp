#pragma once

#include "socket_address.hpp"

#include <moqrtc/core/bytes.hpp>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace moqrtc::reference {

/// One read from the kernel: one datagram, or several of one sender that it merged (UDP_GRO).
///
/// Borrows `data` is in the batch and lives until its next use.
struct received_datagrams {
    socket_address remote;
    socket_address local;
    bytes data;
    std::size_t segment = 0; ///< the size of each datagram in `data` but the last
    std::uint8_t ecn = 0;
};

/// The buffers of one batched read; one per thread is enough.
class receive_batch {
public:
    static constexpr std::size_t depth = 8;
    static constexpr std::size_t buffer_size = 65536;

    receive_batch() : memory_(depth * buffer_size) {}

private:
    friend class udp_socket;
    std::vector<std::byte> memory_;
    std::array<received_datagrams, depth> received_;
};

/// A UDP socket that never blocks, reads and writes in batches, and carries ECN both ways.
///
/// Does not fragment (path MTU discovery is QUIC's), and knows on which local address each
/// datagram arrived, so that a server on a wildcard address answers from the right one.
class udp_socket {
public:
    enum class status : std::uint8_t { sent, blocked, failed };

    /// A server's socket. Port 0 picks a free one; `reuse_port` lets the shards share it.
    [[nodiscard]] static std::expected<std::shared_ptr<udp_socket>, std::error_code>
    bind(asio::io_context& context, const socket_address& local, bool reuse_port);
    /// A client's socket, which hears `remote` alone and learns when nobody listens there.
    [[nodiscard]] static std::expected<std::shared_ptr<udp_socket>, std::error_code>
    connect(asio::io_context& context, const socket_address& remote);

    [[nodiscard]] const socket_address& local() const noexcept { return local_; }
    void disable_segmentation() noexcept { segmentation_ = false; }
    [[nodiscard]] bool segmentation() const noexcept { return segmentation_; }

    /// What waits in the kernel, at most `receive_batch::depth` reads; empty when nothing does.
    [[nodiscard]] std::span<const received_datagrams> receive(receive_batch& batch) noexcept;
    /// Whether the kernel said since the last call that nobody listens at the remote port.
    [[nodiscard]] bool take_refused() noexcept { return std::exchange(refused_, false); }

    /// Sends `data` as datagrams of `segment` bytes, the last one shorter. Not while `blocked()`.
    ///
    /// `blocked` means that the kernel has no room: what is left is copied and kept for
    /// `send_pending`. `failed` means that it refuses this destination: the datagrams are lost like
    /// any other.
    [[nodiscard]] status send(const socket_address& remote, const socket_address& local,
                              std::uint8_t ecn, bytes data, std::size_t segment);
    [[nodiscard]] bool blocked() const noexcept { return !pending_.data.empty(); }
    /// Tries again what was kept; to be called when the socket is writable.
    status send_pending();

    template <class Handler>
    void wait_readable(Handler&& handler) {
        descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                               std::forward<Handler>(handler));
    }
    template <class Handler>
    void wait_writable(Handler&& handler) {
        descriptor_.async_wait(asio::posix::stream_descriptor::wait_write,
                               std::forward<Handler>(handler));
    }

private:
    udp_socket(asio::io_context& context, int descriptor, int family, bool connected);
    [[nodiscard]] int send_message(const socket_address& remote, const socket_address& local,
                                   std::uint8_t ecn, bytes data, std::size_t segment) noexcept;

    struct pending_send {
        socket_address remote, local;
        std::uint8_t ecn = 0;
        std::size_t segment = 0;
        std::vector<std::byte> data;
    };

    [[nodiscard]] status send_some(const socket_address& remote, const socket_address& local,
                                   std::uint8_t ecn, bytes data, std::size_t segment,
                                   std::size_t& sent) noexcept;

    asio::posix::stream_descriptor descriptor_;
    pending_send pending_;
    socket_address local_;
    int family_;
    bool connected_;
    bool segmentation_ = true;
    bool refused_ = false;
};

} // namespace moqrtc::reference
