#pragma once

#include "quic_endpoint.hpp"

#include <asio/io_context.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace moqrtc::reference {

/// A bounded queue of datagrams from one thread to another: one producer, one consumer, no locks.
class datagram_queue {
public:
    static constexpr std::size_t slots = 1024;
    static constexpr std::size_t largest = 2048; ///< of a datagram; larger ones are refused

    /// Copies the datagram; false when it is too large or the queue is full.
    [[nodiscard]] bool push(const stray_datagram& datagram) noexcept;
    /// The oldest datagram; borrowed until `pop`.
    [[nodiscard]] bool front(stray_datagram& datagram) const noexcept;
    void pop() noexcept;

private:
    struct slot {
        stray_datagram datagram;
        std::size_t size = 0;
        std::array<std::byte, largest> data;
    };

    std::vector<slot> ring_{slots};
    alignas(64) std::atomic<std::size_t> written_{0};
    alignas(64) std::atomic<std::size_t> read_{0};
};

/// Carries datagrams between the shards of one server: after a client's address changed, the
/// kernel may deliver to any shard what belongs to one.
///
/// Threads `forward` on the thread of the shard it comes from. All shards are attached before any
///         of them runs, and the exchange outlives their threads.
class datagram_exchange {
public:
    explicit datagram_exchange(std::size_t shards);
    ~datagram_exchange();

    /// Makes `endpoint`, whose configuration names its shard, part of the exchange.
    void attach(quic_endpoint& endpoint);
    [[nodiscard]] quic_endpoint::forwarding forward(std::size_t from, std::size_t to,
                                                    const stray_datagram& datagram);

private:
    struct shard;
    void drain(shard& target);

    std::vector<std::unique_ptr<shard>> shards_;
};

} // namespace moqrtc::reference
