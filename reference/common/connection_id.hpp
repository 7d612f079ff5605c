#pragma once

#include <ngtcp2/ngtcp2.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace moqrtc::reference {

/// A QUIC connection ID as a key of the connection table.
struct connection_id {
    /// Of those that we choose: one byte names the shard, the rest is random.
    static constexpr std::size_t own_size = 12;

    std::array<std::uint8_t, NGTCP2_MAX_CIDLEN> data{};
    std::uint8_t size = 0;

    connection_id() = default;
    connection_id(const std::uint8_t* from, std::size_t count) noexcept
        : size{static_cast<std::uint8_t>(std::min(count, data.size()))} {
        std::copy_n(from, size, data.begin());
    }
    explicit connection_id(const ngtcp2_cid& id) noexcept : connection_id{id.data, id.datalen} {}

    [[nodiscard]] ngtcp2_cid to_ngtcp2() const noexcept {
        ngtcp2_cid id;
        ngtcp2_cid_init(&id, data.data(), size);
        return id;
    }
    [[nodiscard]] friend bool operator==(const connection_id&,
                                         const connection_id&) noexcept = default;
};

/// Keyed, because clients choose the first ID of a connection and could choose colliding ones.
struct connection_id_hash {
    std::uint64_t key = 0;

    [[nodiscard]] std::size_t operator()(const connection_id& id) const noexcept {
        std::uint64_t state = key ^ id.size;
        for (std::size_t at = 0; at < id.data.size(); at += 4) {
            std::uint32_t word = 0;
            std::memcpy(&word, id.data.data() + at, sizeof word);
            // The finalizer of splitmix64 over a running state.
            state = (state ^ word) * 0xbf58476d1ce4e5b9u;
            state = (state ^ state >> 29) * 0x94d049bb133111ebu + key;
            state ^= state >> 32;
        }
        return static_cast<std::size_t>(state);
    }
};

} // namespace moqrtc::reference
