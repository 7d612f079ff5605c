#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moqrtc::testing {

/// What travels along a link or happens at one of its ends, as it waits for its time.
struct virtual_packet {
    enum class kind : std::uint8_t {
        stream_data,
        acknowledgement, ///< of one `stream_data`
        reset,
        stop,
        datagram,
        close,
        stream_window, ///< the receiver lets the stream go on to `value`
        stream_count,  ///< `value` more streams may be opened; `stream` is 2 for unidirectional
        send_again,    ///< a lost packet is noticed
        room,          ///< the path is free again
        timeout,       ///< the session's timer
        death,
    };

    kind what = kind::timeout;
    std::uint8_t side = 0; ///< the end at which it happens: 0 client, 1 server
    bool fin = false;
    std::uint32_t link = 0;
    std::uint64_t stream = 0; ///< number on the wire
    std::uint64_t value = 0;  ///< offset, code or count
    std::uint64_t size = 0;   ///< bytes acknowledged
    std::vector<std::byte> content{};

    /// Whether it is more than a timer: as long as such a packet waits, the network is busy.
    [[nodiscard]] bool travels() const noexcept {
        return what != kind::timeout && what != kind::death;
    }
};

} // namespace moqrtc::testing
