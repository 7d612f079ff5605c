#pragma once

#include <moqrtc/cmaf/box_fields.hpp>
#include <moqrtc/cmaf/track.hpp>

namespace moqrtc::cmaf {

namespace detail {

/// Whether a box inside a sample entry configures its decoder.
[[nodiscard]] constexpr bool is_codec_config(fourcc type) noexcept {
    return type == "avcC" || type == "hvcC" || type == "vpcC" || type == "av1C" || type == "esds" ||
           type == "dOps" || type == "dac3" || type == "dec3" || type == "dfLa" || type == "vvcC";
}

/// Finds the decoder configuration among the boxes of a sample entry, also inside the "wave" box
/// of QuickTime files. What does not parse as boxes ends the search: some writers pad there.
inline void find_codec_config(track& t, box_cursor boxes) noexcept {
    while (true) {
        const auto child = boxes.next();
        if (!child || !*child) return;
        if (t.config_type == fourcc{} && is_codec_config((*child)->type)) {
            t.config_type = (*child)->type;
            t.codec_config = (*child)->body;
        }
        if ((*child)->type == "wave") find_codec_config(t, box_cursor{**child});
    }
}

} // namespace detail

/// Reads the sample entries of a track: codec, size or rate, decoder configuration.
///
/// Spec    ISO/IEC 14496-12 sections 8.5.2 (stsd), 12.1.3 (video), 12.2.3 (audio).
/// Errors  truncated, bad_value.
[[nodiscard]] inline result<void> parse_sample_description(track& t, const box& stsd) noexcept {
    box_fields in{stsd, "stsd, ISO/IEC 14496-12 8.5.2"};
    in.skip(4, "version_and_flags");
    t.entry_count = in.u32("entry_count");
    if (t.entry_count == 0) in.set(errc::bad_value, "entry_count");
    if (in.failed()) return in.failure();
    t.sample_entries = in.rest();

    box_cursor entries{stsd, 8};
    std::uint32_t count = 0;
    while (true) {
        const auto entry = entries.next();
        if (!entry) return std::unexpected(entry.error());
        if (!*entry) break;
        if (++count != 1) continue;
        const box& first = **entry;
        t.codec = first.type;
        t.is_protected = t.codec == "encv" || t.codec == "enca";
        box_fields fields{first, "sample entry, ISO/IEC 14496-12 8.5.2"};
        fields.skip(8, "data_reference_index");
        std::size_t skip = 8;
        if (t.kind == media_kind::video) {
            fields.skip(16, "pre_defined");
            t.width = fields.u16("width");
            t.height = fields.u16("height");
            fields.skip(50, "compressorname");
            skip = 78;
        } else if (t.kind == media_kind::audio) {
            const auto version = fields.u16("entry_version");
            fields.skip(6, "reserved");
            t.channels = fields.u16("channelcount");
            fields.skip(6, "samplesize");
            t.sample_rate = fields.u32("samplerate") >> 16;
            // Versions 1 and 2 exist in QuickTime files only: more fields before the boxes.
            const std::size_t extra = version == 1 ? 16 : version == 2 ? 36 : 0;
            fields.skip(extra, "quicktime fields");
            skip = 28 + extra;
        }
        if (fields.failed()) return fields.failure();
        detail::find_codec_config(t, box_cursor{first, skip});
    }
    if (count != t.entry_count) {
        in.set(errc::bad_value, "entry_count");
        return in.failure();
    }
    return {};
}

} // namespace moqrtc::cmaf
