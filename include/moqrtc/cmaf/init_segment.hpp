#pragma once

#include <moqrtc/cmaf/box_writer.hpp>
#include <moqrtc/cmaf/movie.hpp>
#include <moqrtc/cmaf/priming.hpp>
#include <moqrtc/cmaf/track.hpp>

#include <span>
#include <string_view>
#include <vector>

namespace moqrtc::cmaf {

/// How to write an init segment.
struct init_options {
    std::uint32_t first_track_id = 1;
    /// The file may start at the first sample of each track: say how much audio to drop there.
    bool with_priming = true;
};

namespace detail {

inline void write_matrix(box_writer& out, const std::array<std::uint32_t, 9>& matrix) {
    for (const auto value : matrix)
        out.u32(value);
}

inline void write_track(box_writer& out, const track& t, std::uint32_t track_id,
                        bool with_priming) {
    const auto trak = out.open("trak");

    const auto tkhd = out.open("tkhd", 0, 0x3); // enabled, in movie; 8.3.2
    out.zeros(8);                               // creation, modification time
    out.u32(track_id);
    out.zeros(4 + 4 + 8 + 4); // reserved, duration, reserved, layer and alternate_group
    out.u16(t.kind == media_kind::audio ? 0x0100 : 0); // volume
    out.zeros(2);
    write_matrix(out, t.matrix);
    out.u32(t.display_width);
    out.u32(t.display_height);
    out.close(tkhd);

    if (t.edit_start != 0) {
        const auto edts = out.open("edts");
        const auto elst = out.open("elst", 1, 0); // 8.6.6
        out.u32(1);
        out.u64(0); // segment_duration: to the end of all fragments
        out.u64(static_cast<std::uint64_t>(t.edit_start));
        out.u32(0x00010000); // media_rate 1
        out.close(elst);
        out.close(edts);
    }

    const auto mdia = out.open("mdia");
    const auto mdhd = out.open("mdhd", 0, 0); // 8.4.2
    out.zeros(8);
    out.u32(t.timescale);
    out.zeros(4); // duration: in fragments
    out.u16(t.language);
    out.zeros(2);
    out.close(mdhd);
    const auto hdlr = out.open("hdlr", 0, 0); // 8.4.3
    out.zeros(4);
    out.code(t.handler);
    out.zeros(12);
    out.blob(as_bytes(std::string_view{t.kind == media_kind::video   ? "VideoHandler"
                                       : t.kind == media_kind::audio ? "SoundHandler"
                                                                     : "DataHandler"}));
    out.u8(0);
    out.close(hdlr);

    const auto minf = out.open("minf");
    if (t.kind == media_kind::video) {
        const auto vmhd = out.open("vmhd", 0, 1); // 12.1.2
        out.zeros(8);
        out.close(vmhd);
    } else if (t.kind == media_kind::audio) {
        const auto smhd = out.open("smhd", 0, 0); // 12.2.2
        out.zeros(4);
        out.close(smhd);
    } else {
        out.close(out.open("nmhd", 0, 0)); // 8.4.5.2
    }
    const auto dinf = out.open("dinf");
    const auto dref = out.open("dref", 0, 0); // 8.7.2
    out.u32(1);
    out.close(out.open("url ", 0, 1)); // the data is in this file
    out.close(dref);
    out.close(dinf);

    const auto stbl = out.open("stbl");
    const auto stsd = out.open("stsd", 0, 0);
    out.u32(t.entry_count);
    out.blob(t.sample_entries);
    out.close(stsd);
    for (const fourcc empty : {fourcc{"stts"}, fourcc{"stsc"}, fourcc{"stsz"}, fourcc{"stco"}}) {
        const auto table = out.open(empty, 0, 0);
        out.zeros(empty == "stsz" ? 8 : 4);
        out.close(table);
    }
    out.close(stbl);
    out.close(minf);
    out.close(mdia);
    if (with_priming && t.priming != 0) write_priming(out, t.priming);
    out.close(trak);
}

} // namespace detail

/// The track_ID that a track has in what this library writes: its place in the list, from 1.
[[nodiscard]] constexpr std::uint32_t written_track_id(std::size_t index) noexcept {
    return static_cast<std::uint32_t>(index + 1);
}

/// Appends an init segment (CMAF header) for `tracks` to `out`; they get the track_IDs from
/// `options.first_track_id` on.
///
/// Sample entries are kept byte for byte. A track that does not start at its first composition
/// time gets one edit that says where it does, which is all that CMAF allows; an initial delay is
/// in the decode times of its fragments instead.
/// Spec    ISO/IEC 23000-19 section 7.3.1 (CMAF header), 7.5.13 (edit list); the structural brand
///         `cmf2` excludes edit lists and is left out when there is one.
inline void write_init_segment(std::vector<std::byte>& out_bytes, std::span<const track> tracks,
                               const init_options& options = {}) {
    box_writer out{out_bytes};
    bool has_edit = false;
    for (const auto& t : tracks)
        has_edit = has_edit || t.edit_start != 0;
    const auto ftyp = out.open("ftyp"); // ISO/IEC 14496-12 4.3
    out.code("iso6");
    out.u32(0);
    out.code("iso6");
    out.code("cmfc");
    if (!has_edit) out.code("cmf2");
    out.code("mp41");
    out.close(ftyp);

    const auto moov = out.open("moov");
    const auto mvhd = out.open("mvhd", 0, 0); // 8.2.2
    out.zeros(8);
    out.u32(1000);       // timescale
    out.zeros(4);        // duration: in fragments
    out.u32(0x00010000); // rate 1
    out.u16(0x0100);     // volume 1
    out.zeros(10);
    detail::write_matrix(out, track{}.matrix);
    out.zeros(24);
    out.u32(options.first_track_id + tracks.size()); // next_track_ID
    out.close(mvhd);
    auto track_id = options.first_track_id;
    for (const auto& t : tracks)
        detail::write_track(out, t, track_id++, options.with_priming);

    const auto mvex = out.open("mvex");
    track_id = options.first_track_id;
    for (std::size_t i = 0; i < tracks.size(); ++i) {
        const auto trex = out.open("trex", 0, 0); // 8.8.3
        out.u32(track_id++);
        out.u32(1); // default_sample_description_index
        out.zeros(12);
        out.close(trex);
    }
    out.close(mvex);
    out.close(moov);
}

/// Reads an init segment: boxes up to and with one moov.
///
/// Errors  not_found without a moov; those of `parse_movie`, with offsets from the start of `data`.
[[nodiscard]] inline result<movie> parse_init_segment(const slice& data) {
    box_cursor boxes{data.view()};
    while (true) {
        const auto next = boxes.next();
        if (!next) return std::unexpected(next.error());
        if (!*next) return fail(errc::not_found, "moov", 0, "init segment, ISO/IEC 23000-19 7.3.1");
        if ((*next)->type != "moov") continue;
        auto parsed = parse_movie(data.sub((*next)->offset, (*next)->whole.size()));
        if (!parsed) return std::unexpected(displaced(parsed.error(), (*next)->offset));
        return parsed;
    }
}

} // namespace moqrtc::cmaf
