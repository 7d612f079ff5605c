#include "datagram_exchange.hpp"

#include <asio/post.hpp>

#include <algorithm>

namespace moqrtc::reference {

bool datagram_queue::push(const stray_datagram& datagram) noexcept {
    const auto at = written_.load(std::memory_order_relaxed);
    if (datagram.data.size() > largest || at - read_.load(std::memory_order_acquire) == slots)
        return false;
    auto& into = ring_[at % slots];
    into.datagram = datagram;
    into.size = datagram.data.size();
    std::ranges::copy(datagram.data, into.data.begin());
    written_.store(at + 1, std::memory_order_release);
    return true;
}

bool datagram_queue::front(stray_datagram& datagram) const noexcept {
    const auto at = read_.load(std::memory_order_relaxed);
    if (at == written_.load(std::memory_order_acquire)) return false;
    const auto& from = ring_[at % slots];
    datagram = from.datagram;
    datagram.data = bytes{from.data}.first(from.size);
    return true;
}

void datagram_queue::pop() noexcept {
    read_.store(read_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

struct datagram_exchange::shard {
    quic_endpoint* endpoint = nullptr;
    std::atomic<bool> woken{false};
    /// By the shard they come from; made by the producer when the first datagram needs one.
    std::vector<std::atomic<datagram_queue*>> inboxes;

    explicit shard(std::size_t shards) : inboxes(shards) {}
    ~shard() {
        for (auto& inbox : inboxes)
            delete inbox.load();
    }
};

datagram_exchange::datagram_exchange(std::size_t shards) {
    for (std::size_t i = 0; i < shards; ++i)
        shards_.push_back(std::make_unique<shard>(shards));
}

datagram_exchange::~datagram_exchange() = default;

void datagram_exchange::attach(quic_endpoint& endpoint) {
    const std::size_t from = endpoint.config().shard;
    shards_.at(from)->endpoint = &endpoint;
    endpoint.on_stray([this, from](std::uint8_t to, const stray_datagram& datagram) {
        return forward(from, to, datagram);
    });
}

quic_endpoint::forwarding datagram_exchange::forward(std::size_t from, std::size_t to,
                                                     const stray_datagram& datagram) {
    using result = quic_endpoint::forwarding;
    if (to >= shards_.size() || to == from || shards_[to]->endpoint == nullptr)
        return result::no_such_shard;
    auto& target = *shards_[to];
    auto& place = target.inboxes[from];
    auto* queue = place.load(std::memory_order_relaxed);
    if (queue == nullptr) {
        queue = new datagram_queue;
        place.store(queue, std::memory_order_release);
    }
    if (!queue->push(datagram)) return result::full;
    if (!target.woken.exchange(true))
        asio::post(target.endpoint->context(), [this, &target] { drain(target); });
    return result::done;
}

void datagram_exchange::drain(shard& target) {
    // Before the queues are looked at: what is pushed from here on wakes again.
    target.woken.store(false);
    for (auto& place : target.inboxes) {
        auto* queue = place.load(std::memory_order_acquire);
        if (queue == nullptr) continue;
        stray_datagram datagram;
        for (std::size_t i = 0; i < datagram_queue::slots && queue->front(datagram); ++i) {
            target.endpoint->handle_stray(datagram);
            queue->pop();
        }
    }
}

} // namespace moqrtc::reference
