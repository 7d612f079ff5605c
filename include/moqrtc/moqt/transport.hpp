#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/slice.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace moqrtc::moqt {

/// A stream between a session and its transport, numbered as QUIC does: bit 0 says who opened it
/// (0 client, 1 server), bit 1 that it is unidirectional. Local streams get their number from the
/// session in the order in which it creates them; the driver maps it to the transport's own.
using stream_id = std::uint64_t;

[[nodiscard]] constexpr bool is_unidirectional(stream_id id) noexcept {
    return (id & 2) != 0;
}
[[nodiscard]] constexpr bool opened_by_server(stream_id id) noexcept {
    return (id & 1) != 0;
}

/// What the session asks of its transport besides stream data.
struct transport_op {
    enum class kind : std::uint8_t {
        reset,        ///< RESET_STREAM our sending side with `code`
        stop_sending, ///< STOP_SENDING the peer's sending side with `code`
        datagram,     ///< send `data` as one QUIC DATAGRAM; dropped when it does not fit
        close,        ///< close the session with `code` and `data` as the reason, the last op
    };
    kind what = kind::close;
    stream_id stream = 0;
    std::uint64_t code = 0;
    slice data;
};

/// The stream that should send next, and its pending bytes.
///
/// Borrows `chunks` point into the session's send queue and stay valid until the next call of any
///         non-const member of the session other than `handle_sent` and `handle_blocked`; bytes
///         reported as sent stay valid until they are reported as acknowledged.
struct stream_send {
    static constexpr std::size_t max_chunks = 8;

    /// Bytes that nothing sets to zero: one is made for each packet, and most have few chunks.
    class chunk {
    public:
        chunk() = default;
        // NOLINTBEGIN(google-explicit-constructor): a chunk is bytes
        chunk(bytes b) noexcept : data_{b.data()}, size_{b.size()} {}
        operator bytes() const noexcept { return {data_, size_}; }
        // NOLINTEND(google-explicit-constructor)
        [[nodiscard]] const std::byte* data() const noexcept { return data_; }
        [[nodiscard]] std::size_t size() const noexcept { return size_; }
        [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
        [[nodiscard]] const std::byte* begin() const noexcept { return data_; }
        [[nodiscard]] const std::byte* end() const noexcept { return data_ + size_; }
        [[nodiscard]] bytes first(std::size_t n) const noexcept { return bytes{*this}.first(n); }

    private:
        const std::byte* data_;
        std::size_t size_;
    };

    stream_id stream = 0;
    std::size_t count = 0;
    bool fin = false;                     ///< the end of the stream follows the last chunk
    std::array<chunk, max_chunks> chunks; ///< the first `count`

    // Written out, so that nothing sets the chunks to zero.
    // NOLINTNEXTLINE(modernize-use-equals-default)
    stream_send() noexcept {}

    [[nodiscard]] std::size_t size() const noexcept {
        std::size_t total = 0;
        for (std::size_t i = 0; i < count; ++i)
            total += chunks[i].size();
        return total;
    }
};

} // namespace moqrtc::moqt
