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

/// What this side announces.
///
/// Spec    draft-ietf-webtrans-http3 sections "Establishing a WebTransport-Capable HTTP/3
///         Connection" and "Negotiating the Draft Version": one setting for each dialect.
[[nodiscard]] constexpr settings settings_of(const connection_config& config) noexcept {
    settings own;
    own.max_field_section_size = config.max_field_section;
    own.enable_connect_protocol = config.self == role::server;
    own.h3_datagram = config.datagrams;
    own.dialects = config.dialects;
    // More than one session without flow control of sessions is not ours to offer.
    own.max_sessions = config.window.enabled() ? config.max_sessions : 1;
    own.window = config.window;
    return own;
}

namespace detail {

struct settings_writer {
    mutable_bytes out;
    std::size_t size = 0;

    constexpr void pair(std::uint64_t id, std::uint64_t value) noexcept {
        size += encode_varint(varint_form::quic, id, out.data() + size);
        size += encode_varint(varint_form::quic, value, out.data() + size);
    }
    constexpr void pair_if(bool wanted, std::uint64_t id, std::uint64_t value) noexcept {
        if (wanted) pair(id, value);
    }
};

} // namespace detail

/// Bytes that `serialize_settings` needs at most: 12 settings of 8 bytes twice.
inline constexpr std::size_t settings_size_bound = 12 * 16;

/// Writes the payload of a SETTINGS frame into `out`, of at least `settings_size_bound` bytes, and
/// returns its size.
[[nodiscard]] constexpr std::size_t serialize_settings(const settings& own,
                                                       mutable_bytes out) noexcept {
    detail::settings_writer w{out};
    w.pair(setting::qpack_max_table_capacity, own.qpack_max_table_capacity);
    w.pair(setting::qpack_blocked_streams, own.qpack_blocked_streams);
    w.pair_if(own.max_field_section_size <= varint_max(varint_form::quic),
              setting::max_field_section_size, own.max_field_section_size);
    w.pair_if(own.enable_connect_protocol, setting::enable_connect_protocol, 1);
    w.pair_if(own.h3_datagram, setting::h3_datagram, 1);
    for (const auto each : all_dialects) {
        // Drafts 2 and 15 have a switch, those between a number of sessions.
        const bool counts = each == dialect::draft_07 || each == dialect::draft_13;
        w.pair_if(own.dialects.contains(each), setting_of(each), counts ? own.max_sessions : 1);
    }
    w.pair_if(own.window.data != 0, setting::wt_initial_max_data, own.window.data);
    w.pair_if(own.window.unidirectional_streams != 0, setting::wt_initial_max_streams_uni,
              own.window.unidirectional_streams);
    w.pair_if(own.window.bidirectional_streams != 0, setting::wt_initial_max_streams_bidi,
              own.window.bidirectional_streams);
    return w.size;
}

namespace detail {

/// Takes one setting in; false for a value that is not allowed.
[[nodiscard]] constexpr bool apply_setting(settings& to, std::uint64_t id,
                                           std::uint64_t value) noexcept {
    switch (id) {
    case 0x0: // those of HTTP/2 without a meaning here: RFC 9114 section 7.2.4.1
    case 0x2:
    case 0x3:
    case 0x4:
    case 0x5:
        return false;
    case setting::qpack_max_table_capacity:
        to.qpack_max_table_capacity = value;
        return true;
    case setting::qpack_blocked_streams:
        to.qpack_blocked_streams = value;
        return true;
    case setting::max_field_section_size:
        to.max_field_section_size = value;
        return true;
    case setting::enable_connect_protocol:
        to.enable_connect_protocol = value == 1;
        return value <= 1;
    case setting::h3_datagram:
        to.h3_datagram = to.h3_datagram || value == 1;
        return value <= 1;
    case setting::h3_datagram_draft:
        to.h3_datagram = to.h3_datagram || value == 1;
        return true;
    case setting::wt_initial_max_data:
        to.window.data = value;
        return true;
    case setting::wt_initial_max_streams_uni:
        to.window.unidirectional_streams = value;
        return value <= std::uint64_t{1} << 60;
    case setting::wt_initial_max_streams_bidi:
        to.window.bidirectional_streams = value;
        return value <= std::uint64_t{1} << 60;
    case setting_of(dialect::draft_02):
        if (value != 0) to.dialects.add(dialect::draft_02);
        return value <= 1;
    case setting_of(dialect::draft_07):
        if (value != 0) to.dialects.add(dialect::draft_07);
        to.max_sessions = value;
        return true;
    case setting_of(dialect::draft_13):
        if (value != 0) to.dialects.add(dialect::draft_13);
        to.max_sessions = value;
        return true;
    case setting_of(dialect::draft_15):
        if (value != 0) to.dialects.add(dialect::draft_15);
        return value <= 1;
    default:
        return true;
    }
}

} // namespace detail

/// Reads the payload of a SETTINGS frame; unknown identifiers are skipped.
///
/// Errors  truncated (H3_FRAME_ERROR); duplicate, bad_value, limit (H3_SETTINGS_ERROR).
[[nodiscard]] constexpr result<settings> parse_settings(bytes payload) noexcept {
    constexpr const char* where = "SETTINGS, RFC 9114 7.2.4";
    constexpr std::size_t most = 64; // settings in one frame; a browser sends a dozen
    settings found;
    std::array<std::uint64_t, most> seen{};
    std::size_t count = 0;
    for (std::size_t at = 0; at < payload.size();) {
        const auto offset = static_cast<std::uint32_t>(at);
        const auto id = decode_varint(varint_form::quic, payload.data() + at, payload.size() - at);
        at += id.size;
        if (id.size == 0) return fail(errc::truncated, "identifier", offset, where);
        const auto value =
            decode_varint(varint_form::quic, payload.data() + at, payload.size() - at);
        at += value.size;
        if (value.size == 0) return fail(errc::truncated, "value", offset, where);
        for (std::size_t i = 0; i < count; ++i)
            if (seen[i] == id.value) return fail(errc::duplicate, "identifier", offset, where);
        if (count == most) return fail(errc::limit, "number of settings", offset, where);
        seen[count++] = id.value;
        if (!detail::apply_setting(found, id.value, value.value))
            return fail(errc::bad_value, "value", offset, where);
    }
    return found;
}

} // namespace moqrtc::webtransport
