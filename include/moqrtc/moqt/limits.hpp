#pragma once

#include <cstddef>
#include <cstdint>

/// Every bound of the codecs in one place. Those with a section are the drafts'; the others are
/// ours, and configuration can only make them smaller.
namespace moqrtc::moqt::limits {

/// A control message's length field has 16 bits. Anchor `control-messages`.
inline constexpr std::size_t message_body = 65535;
/// Anchor `track-name`: fields of a track namespace.
inline constexpr std::size_t namespace_fields = 32;
/// Anchor `track-name`: bytes of all namespace fields and the track name together.
inline constexpr std::size_t full_track_name = 4096;
/// Anchor `reason-phrase`.
inline constexpr std::size_t reason_phrase = 1024;
/// Anchor `message-goaway`.
inline constexpr std::size_t session_uri = 8192;
/// Anchor `key-value-pair-structure`.
inline constexpr std::size_t key_value_bytes = 65535;
/// Authorization tokens in one message.
inline constexpr std::size_t tokens_per_message = 8;
/// Versions in one CLIENT_SETUP.
inline constexpr std::size_t versions = 32;
/// Properties of one object or track, in bytes.
inline constexpr std::size_t properties = 65535;
/// Payload of one object.
inline constexpr std::uint64_t object_payload = std::uint64_t{16} << 20;

} // namespace moqrtc::moqt::limits
