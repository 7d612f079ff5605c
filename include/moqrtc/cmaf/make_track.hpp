#pragma once

#include <moqrtc/cmaf/box_writer.hpp>
#include <moqrtc/cmaf/track.hpp>
#include <moqrtc/codec/description.hpp>
#include <moqrtc/core/slice.hpp>

#include <cstdint>
#include <vector>

namespace moqrtc::cmaf {

/// What is known of a track besides its decoder configuration, which has the last word.
///
/// Units   pixels, samples per second.
struct track_shape {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t channels = 0;
    std::uint32_t sample_rate = 0;
};

namespace detail {

/// The box that configures the decoder of a sample entry. Spec: ISO/IEC 14496-15 sections 5.3.3 and
/// 8.3.3, ISO/IEC 14496-14 section 5.6, the bindings of VP9, AV1 and Opus to MP4.
[[nodiscard]] constexpr fourcc config_box_of(fourcc sample_entry) noexcept {
    if (sample_entry == "avc1" || sample_entry == "avc3") return "avcC";
    if (sample_entry == "hvc1" || sample_entry == "hev1") return "hvcC";
    if (sample_entry == "vp09") return "vpcC";
    if (sample_entry == "av01") return "av1C";
    return sample_entry == "mp4a" ? fourcc{"esds"} : fourcc{"dOps"};
}

/// Spec    ISO/IEC 14496-12 sections 12.1.3 (VisualSampleEntry) and 12.2.3 (AudioSampleEntry).
inline void write_sample_entry(box_writer& out, const track& of, bytes config) {
    const auto entry = out.open(of.codec);
    out.zeros(6);
    out.u16(1); // data_reference_index
    if (of.kind == media_kind::video) {
        out.zeros(16);
        out.u16(of.width);
        out.u16(of.height);
        out.u32(0x00480000); // 72 dpi
        out.u32(0x00480000);
        out.zeros(4);
        out.u16(1); // frame_count
        out.zeros(32);
        out.u16(0x18);   // depth
        out.u16(0xffff); // pre_defined
    } else {
        out.zeros(8);
        out.u16(of.channels);
        out.u16(16); // samplesize
        out.zeros(4);
        out.u32(std::uint64_t{of.sample_rate} << 16);
    }
    const auto box = out.open(of.config_type);
    out.blob(config);
    out.close(box);
    out.close(entry);
}

} // namespace detail

/// A track for media that comes without an init segment, made of its decoder configuration.
///
/// `config` is the content of the configuration box, `sample_entry` one that `codec::describe`
/// knows. The track has track_ID 1 and no edits.
/// Errors  those of `codec::describe`; bad_value (a timescale of 0, video whose size nobody knows),
///         limit (more pixels or channels than a sample entry can say), out_of_memory.
[[nodiscard]] inline result<track> make_track(buffer_pool& pool, fourcc sample_entry, bytes config,
                                              std::uint32_t timescale,
                                              const track_shape& shape = {}) {
    constexpr auto where = "sample entry, ISO/IEC 14496-12 8.5.2";
    const auto known = codec::describe(sample_entry.value, config);
    if (!known) return std::unexpected(known.error());
    if (timescale == 0) return fail(errc::bad_value, "timescale", 0, where);
    const auto better = [](std::uint32_t a, std::uint32_t b) { return a != 0 ? a : b; };
    track made;
    made.track_id = 1;
    made.timescale = timescale;
    made.codec = sample_entry;
    made.config_type = detail::config_box_of(sample_entry);
    made.entry_count = 1;
    if (known->kind == codec::media_kind::video) {
        const auto width = better(known->width, shape.width);
        const auto height = better(known->height, shape.height);
        if (width == 0 || height == 0) return fail(errc::bad_value, "width", 0, where);
        if (width > UINT16_MAX || height > UINT16_MAX) return fail(errc::limit, "width", 0, where);
        made.kind = media_kind::video;
        made.handler = "vide";
        made.width = static_cast<std::uint16_t>(width);
        made.height = static_cast<std::uint16_t>(height);
        made.display_width = width << 16;
        made.display_height = height << 16;
    } else {
        const auto channels = better(known->channels, shape.channels);
        const auto rate = better(known->sample_rate, shape.sample_rate);
        if (channels > UINT16_MAX) return fail(errc::limit, "channelcount", 0, where);
        made.kind = media_kind::audio;
        made.handler = "soun";
        made.channels = static_cast<std::uint16_t>(channels);
        made.sample_rate = rate > UINT16_MAX ? 0 : rate; // 16 bits: the configuration says it
    }
    std::vector<std::byte> entry;
    box_writer out{entry};
    detail::write_sample_entry(out, made, config);
    made.storage = slice::copy(pool, entry);
    if (made.storage.empty()) return fail(errc::out_of_memory, "pool", 0, where);
    made.sample_entries = made.storage.view();
    made.codec_config = made.sample_entries.last(config.size());
    return made;
}

} // namespace moqrtc::cmaf
