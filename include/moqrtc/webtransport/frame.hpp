#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/varint.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace moqrtc::webtransport {

/// Types of HTTP/3 frames.
///
/// Spec    RFC 9114 section 7.2; `wt_stream` draft-ietf-webtrans-http3 section "Bidirectional
///         Streams": it starts a stream and is a frame nowhere.
namespace frame_type {
inline constexpr std::uint64_t data = 0x0;
inline constexpr std::uint64_t headers = 0x1;
inline constexpr std::uint64_t cancel_push = 0x3;
inline constexpr std::uint64_t settings = 0x4;
inline constexpr std::uint64_t push_promise = 0x5;
inline constexpr std::uint64_t goaway = 0x7;
inline constexpr std::uint64_t max_push_id = 0xd;
inline constexpr std::uint64_t wt_stream = 0x41;

/// Types of HTTP/2 that mean nothing here and are an error (RFC 9114 section 7.2.8).
[[nodiscard]] constexpr bool is_http2_only(std::uint64_t type) noexcept {
    return type == 0x2 || type == 0x6 || type == 0x8 || type == 0x9;
}
} // namespace frame_type

/// Types of unidirectional streams.
///
/// Spec    RFC 9114 section 6.2, RFC 9204 section 4.2, draft-ietf-webtrans-http3 section
///         "Unidirectional streams".
namespace stream_type {
inline constexpr std::uint64_t control = 0x0;
inline constexpr std::uint64_t push = 0x1;
inline constexpr std::uint64_t qpack_encoder = 0x2;
inline constexpr std::uint64_t qpack_decoder = 0x3;
inline constexpr std::uint64_t webtransport = 0x54;
} // namespace stream_type

/// Integers at the start of something that arrives in pieces: collects bytes until they are whole.
template <std::size_t Count>
class head_reader {
public:
    /// Takes what it needs of `in`; true when all integers are here, in `value`.
    [[nodiscard]] constexpr bool read(bytes& in) noexcept {
        while (have_ < Count) {
            while (size_ < needed()) {
                if (in.empty()) return false;
                held_[size_++] = in.front();
                in = in.subspan(1);
            }
            value[have_++] = decode_varint(varint_form::quic, held_.data(), size_).value;
            size_ = 0;
        }
        return true;
    }
    [[nodiscard]] constexpr bool started() const noexcept { return have_ != 0 || size_ != 0; }
    /// How many integers are here.
    [[nodiscard]] constexpr std::size_t have() const noexcept { return have_; }
    constexpr void clear() noexcept { have_ = size_ = 0; }

    std::array<std::uint64_t, Count> value{};

private:
    [[nodiscard]] constexpr std::size_t needed() const noexcept {
        return size_ == 0 ? 1 : varint_length(varint_form::quic, held_[0]);
    }
    std::array<std::byte, 8> held_{};
    std::uint8_t size_ = 0;
    std::uint8_t have_ = 0;
};

/// A piece of a frame.
///
/// Borrows `payload` points into the input.
struct frame_piece {
    std::uint64_t type = 0;
    std::uint64_t length = 0; ///< of the whole payload
    bytes payload{};
    bool first = false; ///< the frame starts with this piece
    bool last = false;  ///< and ends with this one
};

/// Cuts a stream into frames as it arrives. Holds no payload: a frame comes in as many pieces as
/// its bytes did.
///
/// Spec    RFC 9114 section 7.1.
class frame_reader {
public:
    /// The next piece of `in`, which is advanced; nothing when `in` is used up. A frame is
    /// announced with an empty piece when its payload is still to come.
    [[nodiscard]] constexpr std::optional<frame_piece> next(bytes& in) noexcept {
        const bool first = !in_payload_;
        if (first) {
            if (!head_.read(in)) return std::nullopt;
            left_ = head_.value[1];
            in_payload_ = true;
        } else if (in.empty()) {
            return std::nullopt;
        }
        const auto size = std::min<std::uint64_t>(left_, in.size());
        frame_piece piece{head_.value[0], head_.value[1], in.first(static_cast<std::size_t>(size)),
                          first, size == left_};
        in = in.subspan(static_cast<std::size_t>(size));
        left_ -= size;
        if (piece.last) {
            in_payload_ = false;
            head_.clear();
        }
        return piece;
    }
    /// Starts with a type that was read elsewhere.
    constexpr void begin(std::uint64_t type) noexcept {
        std::array<std::byte, 8> encoded{};
        const auto size = encode_varint(varint_form::quic, type, encoded.data());
        bytes in{encoded.data(), size};
        (void)head_.read(in);
    }
    /// Whether the stream may end here.
    [[nodiscard]] constexpr bool between_frames() const noexcept {
        return !in_payload_ && !head_.started();
    }
    constexpr void clear() noexcept {
        head_.clear();
        in_payload_ = false;
        left_ = 0;
    }

private:
    head_reader<2> head_{};
    std::uint64_t left_ = 0;
    bool in_payload_ = false;
};

/// Type and length of a frame, as bytes; at most 16.
struct frame_head {
    constexpr frame_head(std::uint64_t type, std::uint64_t length) noexcept
        : size_{encode_varint(varint_form::quic, type, data_.data())} {
        size_ += encode_varint(varint_form::quic, length, data_.data() + size_);
    }
    [[nodiscard]] constexpr bytes view() const noexcept { return {data_.data(), size_}; }

private:
    std::array<std::byte, 16> data_{};
    std::size_t size_;
};

} // namespace moqrtc::webtransport
