#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

/// Media with as little around it as can be: one encoded frame is one object, what describes it are
/// properties of the object.
///
/// Spec    draft-ietf-moq-loc.
namespace moqrtc::loc {

/// Types of properties. Spec: draft-ietf-moq-loc, anchor `iana`.
namespace property {
inline constexpr std::uint64_t timescale = 0x08;
inline constexpr std::uint64_t video_frame_marking = 0x09;
inline constexpr std::uint64_t audio_level = 0x0c;
inline constexpr std::uint64_t video_config = 0x0d;
inline constexpr std::uint64_t audio_config = 0x0f;
inline constexpr std::uint64_t timestamp = 0x10;
} // namespace property

/// How loud the frame is, and whether somebody speaks.
///
/// Spec    draft-ietf-moq-loc, "Audio Level"; RFC 6464 section 3.
/// Units   `level` in -dBov: 0 is the loudest, 127 is silence.
struct audio_level {
    std::uint8_t level = 127;
    bool voice = false;

    /// Of the least significant eight bits; others have no meaning and are passed over.
    [[nodiscard]] static constexpr audio_level of(std::uint64_t value) noexcept {
        return {static_cast<std::uint8_t>(value & 0x7f), (value & 0x80) != 0};
    }
    [[nodiscard]] constexpr std::uint64_t number() const noexcept {
        return (level & 0x7fU) | (voice ? 0x80U : 0U);
    }
    [[nodiscard]] friend constexpr bool operator==(const audio_level&,
                                                   const audio_level&) noexcept = default;
};

/// What a frame of video means to the others, for whoever forwards what it cannot decode.
///
/// Spec    draft-ietf-moq-loc, "Video Frame Marking"; RFC 9626 sections 3.1 and 3.2: one byte, two
///         with a layer, three with a picture index.
/// Fields  `layer` is LID, `base_index` TL0PICIDX; `size` says how many of them were there, 1 to 3.
struct frame_marking {
    static constexpr std::size_t most = 4; ///< bytes that the property may have

    bool start = true;
    bool end = true;
    bool independent = false;
    bool discardable = false;
    bool base_layer_sync = false;
    std::uint8_t temporal_id = 0;
    std::uint8_t layer = 0;
    std::uint8_t base_index = 0;
    std::uint8_t size = 1;

    /// Errors  bad_value: no byte, or more than four. A fourth has no meaning yet.
    [[nodiscard]] static constexpr result<frame_marking> parse(bytes value) noexcept {
        if (value.empty() || value.size() > most)
            return fail(errc::bad_value, "video_frame_marking", 0, "Video Frame Marking, LOC");
        const auto first = byte_at(value, 0);
        frame_marking out;
        out.start = (first & 0x80) != 0;
        out.end = (first & 0x40) != 0;
        out.independent = (first & 0x20) != 0;
        out.discardable = (first & 0x10) != 0;
        out.base_layer_sync = (first & 0x08) != 0;
        out.temporal_id = first & 0x07;
        if (value.size() > 1) out.layer = static_cast<std::uint8_t>(byte_at(value, 1));
        if (value.size() > 2) out.base_index = static_cast<std::uint8_t>(byte_at(value, 2));
        out.size = static_cast<std::uint8_t>(value.size() < 3 ? value.size() : 3);
        return out;
    }
    /// The three bytes, of which the first `size` are the value.
    [[nodiscard]] constexpr std::array<std::byte, 3> encoded() const noexcept {
        const unsigned first = (start ? 0x80U : 0U) | (end ? 0x40U : 0U) |
                               (independent ? 0x20U : 0U) | (discardable ? 0x10U : 0U) |
                               (base_layer_sync ? 0x08U : 0U) | (temporal_id & 0x07U);
        return {static_cast<std::byte>(first), std::byte{layer}, std::byte{base_index}};
    }
    [[nodiscard]] friend constexpr bool operator==(const frame_marking&,
                                                   const frame_marking&) noexcept = default;
};

} // namespace moqrtc::loc
