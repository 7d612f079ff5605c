#pragma once

#include <moqrtc/cmaf/fourcc.hpp>
#include <moqrtc/cmaf/sample.hpp>
#include <moqrtc/cmaf/sample_table.hpp>
#include <moqrtc/cmaf/timescale.hpp>
#include <moqrtc/core/slice.hpp>

#include <array>
#include <cstdint>

namespace moqrtc::cmaf {

/// What a track carries, by its handler.
///
/// Spec    ISO/IEC 14496-12 section 8.4.3.
enum class media_kind : std::uint8_t { video, audio, other };

/// What holds for the samples of a track until a fragment says otherwise.
///
/// Spec    ISO/IEC 14496-12 section 8.8.3 (`trex`).
struct sample_defaults {
    std::uint32_t description = 1;
    std::uint32_t duration = 0;
    std::uint32_t size = 0;
    std::uint32_t flags = 0;
};

/// A track of a movie: everything that an init segment must tell.
///
/// Borrows `sample_entries`, `codec_config` and `table` point into `storage`, which the track
///         shares with its movie; a copy of a track is therefore cheap and safe.
/// Units   `timescale` ticks per second; `duration`, `start_delay` and `edit_start` in ticks.
struct track {
    std::uint32_t track_id = 0;
    media_kind kind = media_kind::other;
    fourcc handler{};
    std::uint32_t timescale = 1;
    std::int64_t duration = 0;       ///< 0 when not known
    std::uint16_t language = 0x55c4; ///< three letters of 5 bits, "und"; section 8.4.2
    std::array<std::uint32_t, 9> matrix{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    std::uint32_t display_width = 0; ///< 16.16 fixed point, section 8.3.2
    std::uint32_t display_height = 0;
    std::uint16_t width = 0; ///< pixels as coded
    std::uint16_t height = 0;
    std::uint16_t channels = 0;
    std::uint32_t sample_rate = 0;

    fourcc codec{};         ///< type of the first sample entry, e.g. "avc1"
    fourcc config_type{};   ///< type of the decoder configuration box, e.g. "avcC"
    bytes codec_config{};   ///< body of that box
    bytes sample_entries{}; ///< all boxes inside `stsd`, verbatim
    std::uint32_t entry_count = 0;
    bool is_protected = false; ///< the samples are encrypted ("encv", "enca")

    /// Empty edits at the start: how much later than the presentation the track begins.
    std::int64_t start_delay = 0;
    /// Composition time of the first edit: what is presented at the start of the track. A track
    /// whose composition offsets were negative has them and this raised by `composition_shift`.
    std::int64_t edit_start = 0;
    std::int32_t composition_shift = 0;
    bool has_more_edits = false; ///< edits after the first one exist and are not followed

    std::uint32_t priming = 0; ///< samples at `sample_rate` that AAC decoding starts too early

    sample_defaults defaults{}; ///< of fragments
    sample_table table{};       ///< of a progressive file; empty in a fragmented one
    slice storage{};

    /// When decoding of `s` falls on the presentation's time line; negative before its start.
    [[nodiscard]] media_time decode_time(const sample& s) const noexcept {
        return {s.decode_time + start_delay - edit_start, timescale};
    }
    /// When `s` is presented; negative for what a player decodes without showing it.
    [[nodiscard]] media_time presentation_time(const sample& s) const noexcept {
        return {s.decode_time + s.composition_offset + start_delay - edit_start, timescale};
    }
};

} // namespace moqrtc::cmaf
