#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace moqrtc::webtransport {

/// Error codes of a stream or of the connection.
///
/// Spec    RFC 9114 section 8.1, RFC 9204 section 6, RFC 9297 section 5.2,
///         draft-ietf-webtrans-http3 section "HTTP/3 Error Code Registration".
enum class http_code : std::uint64_t {
    h3_datagram_error = 0x33,
    h3_no_error = 0x100,
    h3_general_protocol_error = 0x101,
    h3_internal_error = 0x102,
    h3_stream_creation_error = 0x103,
    h3_closed_critical_stream = 0x104,
    h3_frame_unexpected = 0x105,
    h3_frame_error = 0x106,
    h3_excessive_load = 0x107,
    h3_id_error = 0x108,
    h3_settings_error = 0x109,
    h3_missing_settings = 0x10a,
    h3_request_rejected = 0x10b,
    h3_request_cancelled = 0x10c,
    h3_request_incomplete = 0x10d,
    h3_message_error = 0x10e,
    h3_connect_error = 0x10f,
    h3_version_fallback = 0x110,
    qpack_decompression_failed = 0x200,
    qpack_encoder_stream_error = 0x201,
    qpack_decoder_stream_error = 0x202,
    wt_flow_control_error = 0x045d4487,
    wt_alpn_error = 0x0817b3dd,
    wt_session_gone = 0x170d7b68,
    wt_requirements_not_met = 0x212c0d48,
    wt_buffered_stream_rejected = 0x3994bd84,
};

/// The name of a code as its specification spells it; empty for a number without one.
[[nodiscard]] constexpr std::string_view to_string(http_code code) noexcept {
    switch (code) {
    case http_code::h3_datagram_error:
        return "H3_DATAGRAM_ERROR";
    case http_code::h3_no_error:
        return "H3_NO_ERROR";
    case http_code::h3_general_protocol_error:
        return "H3_GENERAL_PROTOCOL_ERROR";
    case http_code::h3_internal_error:
        return "H3_INTERNAL_ERROR";
    case http_code::h3_stream_creation_error:
        return "H3_STREAM_CREATION_ERROR";
    case http_code::h3_closed_critical_stream:
        return "H3_CLOSED_CRITICAL_STREAM";
    case http_code::h3_frame_unexpected:
        return "H3_FRAME_UNEXPECTED";
    case http_code::h3_frame_error:
        return "H3_FRAME_ERROR";
    case http_code::h3_excessive_load:
        return "H3_EXCESSIVE_LOAD";
    case http_code::h3_id_error:
        return "H3_ID_ERROR";
    case http_code::h3_settings_error:
        return "H3_SETTINGS_ERROR";
    case http_code::h3_missing_settings:
        return "H3_MISSING_SETTINGS";
    case http_code::h3_request_rejected:
        return "H3_REQUEST_REJECTED";
    case http_code::h3_request_cancelled:
        return "H3_REQUEST_CANCELLED";
    case http_code::h3_request_incomplete:
        return "H3_REQUEST_INCOMPLETE";
    case http_code::h3_message_error:
        return "H3_MESSAGE_ERROR";
    case http_code::h3_connect_error:
        return "H3_CONNECT_ERROR";
    case http_code::h3_version_fallback:
        return "H3_VERSION_FALLBACK";
    case http_code::qpack_decompression_failed:
        return "QPACK_DECOMPRESSION_FAILED";
    case http_code::qpack_encoder_stream_error:
        return "QPACK_ENCODER_STREAM_ERROR";
    case http_code::qpack_decoder_stream_error:
        return "QPACK_DECODER_STREAM_ERROR";
    case http_code::wt_flow_control_error:
        return "WT_FLOW_CONTROL_ERROR";
    case http_code::wt_alpn_error:
        return "WT_ALPN_ERROR";
    case http_code::wt_session_gone:
        return "WT_SESSION_GONE";
    case http_code::wt_requirements_not_met:
        return "WT_REQUIREMENTS_NOT_MET";
    case http_code::wt_buffered_stream_rejected:
        return "WT_BUFFERED_STREAM_REJECTED";
    }
    return {};
}

/// Ends of the range that carries the application codes of WebTransport streams.
inline constexpr std::uint64_t first_application_code = 0x52e4a40fa8db;
inline constexpr std::uint64_t last_application_code = 0x52e5ac983162;

/// The number in RESET_STREAM and STOP_SENDING for a WebTransport application's code.
///
/// Spec    draft-ietf-webtrans-http3 section "Resetting Data Streams": reserved HTTP/3 code points
///         (0x1f * N + 0x21) are left out.
[[nodiscard]] constexpr std::uint64_t to_http_code(std::uint32_t code) noexcept {
    return first_application_code + code + code / 0x1e;
}
/// The application's code behind the number in RESET_STREAM or STOP_SENDING; none for a number that
/// carries no application code: the stream has then ended without one.
[[nodiscard]] constexpr std::optional<std::uint32_t>
to_application_code(std::uint64_t code) noexcept {
    if (code < first_application_code || code > last_application_code) return std::nullopt;
    if ((code - 0x21) % 0x1f == 0) return std::nullopt;
    const auto shifted = code - first_application_code;
    return static_cast<std::uint32_t>(shifted - shifted / 0x1f);
}

} // namespace moqrtc::webtransport
