#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/moqt/transport.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>
#include <vector>

namespace moqrtc::testing {

inline constexpr std::uint64_t unknown_size = std::numeric_limits<std::uint64_t>::max();

[[nodiscard]] inline std::vector<std::byte> copy_of(bytes data) {
    return {data.begin(), data.end()};
}

/// Stream bytes that leave together: the session's own, which it keeps until they are acknowledged.
struct outgoing_bytes {
    std::vector<bytes> parts;
    bool fin = false;

    /// The first `count` bytes of what a session offers.
    [[nodiscard]] static outgoing_bytes of(const moqt::stream_send& offer, std::uint64_t count,
                                           bool fin) {
        outgoing_bytes out{{}, fin};
        for (auto left = static_cast<std::size_t>(count), i = std::size_t{}; left != 0; ++i) {
            out.parts.push_back(offer.chunks[i].first(std::min(left, offer.chunks[i].size())));
            left -= out.parts.back().size();
        }
        return out;
    }
    [[nodiscard]] std::size_t size() const noexcept {
        std::size_t total = 0;
        for (const auto part : parts)
            total += part.size();
        return total;
    }
    [[nodiscard]] std::vector<std::byte> copy() const {
        std::vector<std::byte> out;
        out.reserve(size());
        for (const auto part : parts)
            out.insert(out.end(), part.begin(), part.end());
        return out;
    }
};

/// The sending half of a stream: what has left, what was lost, what has arrived.
struct sending_half {
    std::uint64_t sent = 0;
    std::uint64_t limit = 0; ///< flow control: `sent` may grow to this
    std::uint64_t in_flight = 0;
    std::uint64_t acked_to = 0;                   ///< everything before this has arrived
    std::map<std::uint64_t, std::uint64_t> acked; ///< arrived out of order: start to end
    std::map<std::uint64_t, outgoing_bytes> lost; ///< by offset, until sent again
    bool blocked = false;
    bool fin_sent = false;
    bool fin_arrived = false;
    bool fin_reported = false;
    bool reset = false;

    /// Notes that [at, at + size) arrived; returns by how much `acked_to` grew.
    std::uint64_t note_arrival(std::uint64_t at, std::uint64_t size) {
        in_flight -= std::min(in_flight, size);
        acked[at] = std::max(acked[at], at + size);
        const auto before = acked_to;
        while (!acked.empty() && acked.begin()->first <= acked_to) {
            acked_to = std::max(acked_to, acked.begin()->second);
            acked.erase(acked.begin());
        }
        return acked_to - before;
    }
    /// Gives up sending; returns how much was in flight.
    std::uint64_t abandon() {
        reset = true;
        lost.clear();
        return std::exchange(in_flight, 0);
    }
    [[nodiscard]] bool through() const noexcept { return reset || fin_reported; }
};

/// The receiving half of a stream: puts bytes in order and keeps what the session did not take.
struct receiving_half {
    std::map<std::uint64_t, std::vector<std::byte>> parts; ///< arrived, not delivered, by offset
    std::uint64_t delivered = 0;
    std::uint64_t granted = 0;
    std::uint64_t final_size = unknown_size;
    bool waits = false;    ///< the session took less than it was given
    bool stopped = false;  ///< the session wants no more
    bool finished = false; ///< the session knows the end

    void store(std::uint64_t at, std::vector<std::byte> content, bool fin) {
        if (fin) final_size = at + content.size();
        if (finished || at + content.size() <= delivered) return;
        auto& place = parts[at];
        if (place.size() < content.size()) place = std::move(content);
    }
    /// The next bytes in order, empty when there are none; borrowed until the next change.
    [[nodiscard]] bytes front() {
        while (!parts.empty() && parts.begin()->first + parts.begin()->second.size() <= delivered)
            parts.erase(parts.begin());
        if (parts.empty() || parts.begin()->first > delivered) return {};
        return bytes{parts.begin()->second}.subspan(
            static_cast<std::size_t>(delivered - parts.begin()->first));
    }
};

/// A stream of a link, as both of its ends and the wire see it.
struct virtual_stream {
    moqt::stream_id wire = 0;  ///< its number on the wire, which the side that did not open it uses
    moqt::stream_id local = 0; ///< what the session that opened it calls it
    sending_half sending[2];   ///< by the side that sends: 0 client, 1 server
    receiving_half receiving[2]; ///< by the side that receives

    [[nodiscard]] int opener() const noexcept { return moqt::opened_by_server(wire) ? 1 : 0; }
    /// What the session of `side` calls it.
    [[nodiscard]] moqt::stream_id name_at(int side) const noexcept {
        return side == opener() ? local : wire;
    }
    /// Whether data can go from `side` to the other one.
    [[nodiscard]] bool carries_from(int side) const noexcept {
        return !moqt::is_unidirectional(wire) || side == opener();
    }
    /// Whether nothing more will happen on it.
    [[nodiscard]] bool through() const noexcept {
        for (int from = 0; from < 2; ++from)
            if (carries_from(from) && !(sending[from].through() && receiving[1 - from].finished))
                return false;
        return true;
    }
};

} // namespace moqrtc::testing
