#pragma once

#include <moqrtc/core/ring.hpp>
#include <moqrtc/core/slice.hpp>
#include <moqrtc/core/varint.hpp>

#include <array>
#include <cstdint>
#include <vector>

/// The least that a relay can do: take an object out of the bytes of a stream, own its payload
/// once, write its header once, hand both to every subscriber's queue, and empty the queues as a
/// transport does. No sessions, no checks, no cache.
namespace floor_code {

using namespace moqrtc;

/// What waits for one subscriber: offered in pieces, counted when sent, let go when acknowledged.
struct queue {
    ring<slice> chunks{};
    std::size_t sent = 0;
    std::size_t unsent = 0;
};

class fan_out {
public:
    fan_out(varint_form form, std::size_t subscribers) : form_{form}, queues_(subscribers) {}

    /// Takes one object (ID delta, length, payload) and delivers it; returns the bytes that left.
    std::size_t deliver(bytes wire) {
        const auto delta = decode_varint(form_, wire.data(), wire.size());
        wire = wire.subspan(delta.size);
        const auto length = decode_varint(form_, wire.data(), wire.size());
        wire = wire.subspan(length.size);
        const auto payload = slice::copy(pool_, wire.first(length.value));
        auto head = buffer::allocate(pool_, 20);
        auto size = encode_varint(form_, delta.value, head.room().data());
        size += encode_varint(form_, length.value, head.room().data() + size);
        head.commit(size);
        const auto front = head.freeze();
        for (auto& q : queues_) {
            q.chunks.push(front);
            q.chunks.push(payload);
            q.unsent += front.size() + payload.size();
        }
        std::size_t total = 0;
        for (auto& q : queues_) {
            std::array<bytes, 8> offered{};
            std::size_t count = 0;
            for (auto at = q.sent; at < q.chunks.size() && count < offered.size(); ++at)
                offered[count++] = q.chunks[at];
            for (std::size_t i = 0; i < count; ++i)
                total += offered[i].size();
            q.sent += count;
            q.unsent = 0;
            while (q.sent != 0) { // acknowledged
                q.chunks.pop_front();
                --q.sent;
            }
        }
        return total;
    }

private:
    buffer_pool pool_{};
    varint_form form_;
    std::vector<queue> queues_;
};

} // namespace floor_code
