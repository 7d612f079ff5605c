#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/utf8.hpp>
#include <moqrtc/webtransport/frame.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moqrtc::webtransport {

/// Types of capsules.
///
/// Spec    draft-ietf-webtrans-http3 section "Capsule Types"; the two of WebTransport over HTTP/2
///         are forbidden here (section "Data Limits").
namespace capsule_type {
inline constexpr std::uint64_t close_session = 0x2843;
inline constexpr std::uint64_t drain_session = 0x78ae;
inline constexpr std::uint64_t max_data = 0x190b4d3d;
inline constexpr std::uint64_t max_stream_data = 0x190b4d3e;
inline constexpr std::uint64_t max_streams_bidi = 0x190b4d3f;
inline constexpr std::uint64_t max_streams_uni = 0x190b4d40;
inline constexpr std::uint64_t data_blocked = 0x190b4d41;
inline constexpr std::uint64_t stream_data_blocked = 0x190b4d42;
inline constexpr std::uint64_t streams_blocked_bidi = 0x190b4d43;
inline constexpr std::uint64_t streams_blocked_uni = 0x190b4d44;

[[nodiscard]] constexpr bool is_flow_control(std::uint64_t type) noexcept {
    return type >= max_data && type <= streams_blocked_uni;
}
[[nodiscard]] constexpr bool is_known(std::uint64_t type) noexcept {
    return type == close_session || type == drain_session || is_flow_control(type);
}
} // namespace capsule_type

/// Longest message of WT_CLOSE_SESSION, in bytes of UTF-8.
inline constexpr std::size_t max_close_message = 1024;
/// Highest number in WT_MAX_STREAMS and WT_STREAMS_BLOCKED.
inline constexpr std::uint64_t max_stream_count = std::uint64_t{1} << 60;

/// A capsule of a known type.
///
/// Borrows `value` from the input or from the reader, until its next call.
struct capsule {
    std::uint64_t type = 0;
    bytes value{};
};

/// Cuts the content of a CONNECT stream into capsules as it arrives; unknown types are skipped
/// whatever their length.
///
/// Spec    RFC 9297 section 3.2.
class capsule_reader {
public:
    /// The next whole capsule of `in`, which is advanced; nothing when more is needed.
    ///
    /// Errors  limit: a known capsule is longer than any legal one.
    [[nodiscard]] result<std::optional<capsule>> next(bytes& in) noexcept {
        for (;;) {
            if (!in_value_) {
                if (!head_.read(in)) return std::nullopt;
                left_ = head_.value[1];
                in_value_ = true;
                size_ = 0;
            }
            const auto type = head_.value[0];
            const bool known = capsule_type::is_known(type);
            if (known && head_.value[1] > held_.size())
                return fail(errc::limit, "length", 0, "capsule, RFC 9297 3.2");
            const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
            const auto part = in.first(size);
            in = in.subspan(size);
            left_ -= size;
            if (known && (left_ != 0 || size_ != 0)) {
                std::copy(part.begin(), part.end(), held_.begin() + size_);
                size_ = static_cast<std::uint16_t>(size_ + size);
            }
            if (left_ != 0) return std::nullopt;
            in_value_ = false;
            head_.clear();
            if (!known) continue;
            return capsule{type, size_ == 0 ? part : bytes{held_.data(), size_}};
        }
    }
    /// Whether the content may end here.
    [[nodiscard]] bool between_capsules() const noexcept { return !in_value_ && !head_.started(); }
    void clear() noexcept {
        head_.clear();
        in_value_ = false;
        left_ = 0;
        size_ = 0;
    }

private:
    head_reader<2> head_{};
    std::uint64_t left_ = 0;
    bool in_value_ = false;
    std::uint16_t size_ = 0;
    std::array<std::byte, 4 + max_close_message> held_{};
};

/// What precedes the value of a capsule that travels in a DATA frame of its own; at most 32 bytes.
struct capsule_head {
    constexpr capsule_head(std::uint64_t type, std::size_t length) noexcept {
        const frame_head inner{type, length};
        const frame_head outer{frame_type::data, inner.view().size() + length};
        auto* at = data_.data();
        for (const auto part : {outer.view(), inner.view()})
            at = std::copy(part.begin(), part.end(), at);
        size_ = static_cast<std::size_t>(at - data_.data());
    }
    [[nodiscard]] constexpr bytes view() const noexcept { return {data_.data(), size_}; }

private:
    std::array<std::byte, 32> data_{};
    std::size_t size_ = 0;
};

/// The integer that is the whole value of a flow control capsule.
///
/// Errors  truncated, trailing.
[[nodiscard]] constexpr result<std::uint64_t> capsule_integer(bytes value) noexcept {
    const auto decoded = decode_varint(varint_form::quic, value.data(), value.size());
    if (decoded.size == 0) return fail(errc::truncated, "value", 0, "capsule");
    if (decoded.size != value.size()) return fail(errc::trailing, "value", 0, "capsule");
    return decoded.value;
}

using moqrtc::is_utf8;

/// `message` cut to what WT_CLOSE_SESSION may carry, at a character's boundary.
[[nodiscard]] constexpr std::string_view fit_close_message(std::string_view message) noexcept {
    if (message.size() <= max_close_message) return message;
    auto size = max_close_message;
    while (size > 0 && (static_cast<unsigned char>(message[size]) & 0xc0) == 0x80)
        --size;
    return message.substr(0, size);
}

} // namespace moqrtc::webtransport
