#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/varint.hpp>
#include <moqrtc/webtransport/config.hpp>
#include <moqrtc/webtransport/dialect.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace moqrtc::webtransport {

/// Identifiers of HTTP/3 settings that this side understands, besides those of the dialects.
///
/// Spec    RFC 9114 section 7.2.4.1, RFC 9204 section 5, RFC 9220 section 3, RFC 9297 section 5.1,
///         draft-ietf-webtrans-http3 section "HTTP/3 SETTINGS Parameter Registration".
namespace setting {
inline constexpr std::uint64_t qpack_max_table_capacity = 0x1;
inline constexpr std::uint64_t max_field_section_size = 0x6;
inline constexpr std::uint64_t qpack_blocked_streams = 0x7;
inline constexpr std::uint64_t enable_connect_protocol = 0x8;
inline constexpr std::uint64_t h3_datagram = 0x33;
inline constexpr std::uint64_t h3_datagram_draft = 0xffd277; ///< before RFC 9297, still sent along
inline constexpr std::uint64_t wt_initial_max_data = 0x2b61;
inline constexpr std::uint64_t wt_initial_max_streams_uni = 0x2b64;
inline constexpr std::uint64_t wt_initial_max_streams_bidi = 0x2b65;
} // namespace setting

/// What a SETTINGS frame says, with the defaults of what it does not say.
struct settings {
    std::uint64_t qpack_max_table_capacity = 0;
    std::uint64_t qpack_blocked_streams = 0;
    std::uint64_t max_field_section_size = UINT64_MAX;
    bool enable_connect_protocol = false;
    bool h3_datagram = false;
    dialect_set dialects{};
    /// Sessions that the peer takes at once, by draft 7 or draft 13 and 14; 0 when it did not say.
    std::uint64_t max_sessions = 0;
    session_window window{};

    [[nodiscard]] friend bool operator==(const settings&, const settings&) noexcept = default;
};

/// Bytes that `serialize_settings` needs at most.
inline constexpr std::size_t settings_size_bound = 160;

} // namespace moqrtc::webtransport
