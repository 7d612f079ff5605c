#pragma once

#include <moqrtc/cmaf/file_demuxer.hpp>
#include <moqrtc/cmaf/file_writer.hpp>
#include <moqrtc/cmaf/packager.hpp>
#include <moqrtc/cmaf/stream_demuxer.hpp>

#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::cmaf::test {

using byte_vector = std::vector<std::byte>;

inline slice borrow(const byte_vector& data) {
    return slice::borrowed(data);
}
inline void append(byte_vector& to, bytes data) {
    to.insert(to.end(), data.begin(), data.end());
}
inline byte_vector hex(std::string_view text) {
    byte_vector out;
    unsigned value = 0;
    int digits = 0;
    for (const char c : text) {
        if (c == ' ') continue;
        value = value * 16 + static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
        if (++digits == 2) {
            out.push_back(static_cast<std::byte>(value));
            value = 0;
            digits = 0;
        }
    }
    return out;
}
/// A box around `body`.
inline byte_vector boxed(fourcc type, bytes body) {
    byte_vector out;
    box_writer w{out};
    const auto at = w.open(type);
    w.blob(body);
    w.close(at);
    return out;
}
inline byte_vector boxed(fourcc type, std::initializer_list<byte_vector> parts) {
    byte_vector body;
    for (const auto& p : parts)
        append(body, p);
    return boxed(type, body);
}

/// A sample entry of a video or audio track, without decoder configuration worth the name.
inline byte_vector video_entry() {
    return boxed("avc1", {hex("000000000000 0001"), byte_vector(16), hex("0140 00f0"),
                          byte_vector(50), boxed("avcC", hex("0164001f ffe1"))});
}
inline byte_vector audio_entry() {
    return boxed("mp4a", {hex("000000000000 0001"), byte_vector(8), hex("0002 0010 00000000"),
                          hex("bb800000"), boxed("esds", hex("00000000 0319"))});
}

/// Tracks for tests that need no file: video in 1/90000 s, audio in 1/48000 s.
inline track video_track(const byte_vector& entry) {
    track t;
    t.track_id = 1;
    t.kind = media_kind::video;
    t.handler = "vide";
    t.timescale = 90000;
    t.codec = "avc1";
    t.sample_entries = entry;
    t.entry_count = 1;
    t.display_width = 320U << 16;
    t.display_height = 240U << 16;
    return t;
}
inline track audio_track(const byte_vector& entry) {
    track t;
    t.track_id = 2;
    t.kind = media_kind::audio;
    t.handler = "soun";
    t.timescale = 48000;
    t.codec = "mp4a";
    t.sample_entries = entry;
    t.entry_count = 1;
    return t;
}

/// What a table test wants in a progressive track.
struct table_sample {
    std::uint32_t duration = 0;
    std::int32_t composition_offset = 0;
    std::uint32_t size = 0;
    bool is_sync = true;
};

/// An object as it is received: one stretch of bytes.
struct flat_object {
    media_object what;
    byte_vector data;
};
struct packaged {
    std::vector<track> tracks;
    std::vector<byte_vector> inits;
    std::vector<flat_object> objects; ///< ends of tracks included
};
namespace detail {

inline byte_vector table(fourcc type, std::vector<std::uint32_t> values,
                         std::uint32_t version = 0) {
    byte_vector out;
    box_writer w{out};
    const auto at = w.open(type);
    w.u32(version << 24);
    for (const auto v : values)
        w.u32(v);
    w.close(at);
    return out;
}

inline byte_vector tables(const std::vector<table_sample>& samples, std::uint32_t per_chunk,
                          bool with_sync_table, std::uint32_t data_at) {
    const auto count = static_cast<std::uint32_t>(samples.size());
    std::vector<std::uint32_t> stts{count}, ctts{count}, stsz{0, count}, stco{0}, stss{0};
    auto offset = data_at;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto& s = samples[i];
        stts.insert(stts.end(), {1, s.duration});
        ctts.insert(ctts.end(), {1, static_cast<std::uint32_t>(s.composition_offset)});
        stsz.push_back(s.size);
        if (i % per_chunk == 0) stco.push_back(offset);
        offset += s.size;
        if (s.is_sync) stss.push_back(i + 1);
    }
    stco[0] = static_cast<std::uint32_t>(stco.size() - 1);
    stss[0] = static_cast<std::uint32_t>(stss.size() - 1);
    const auto last = count % per_chunk == 0 ? per_chunk : count % per_chunk;
    std::vector<std::uint32_t> stsc{1, 1, per_chunk, 1};
    if (last != per_chunk && stco[0] > 1) {
        stsc[0] = 2;
        stsc.insert(stsc.end(), {stco[0], last, 1});
    } else if (last != per_chunk) {
        stsc[2] = last;
    }
    byte_vector out;
    append(out, table("stts", stts));
    append(out, table("ctts", ctts, 1));
    append(out, table("stsc", stsc));
    append(out, table("stsz", stsz));
    append(out, table("stco", stco));
    if (with_sync_table) append(out, table("stss", stss));
    return out;
}

} // namespace detail

/// A progressive file of one video track with these samples, `per_chunk` of them in a chunk.
/// Sample bytes are the number of the sample modulo 256.
inline byte_vector progressive_file(const std::vector<table_sample>& samples,
                                    std::uint32_t per_chunk, bool with_sync_table = true,
                                    bool moov_first = true) {
    byte_vector data;
    for (std::size_t i = 0; i < samples.size(); ++i)
        data.insert(data.end(), samples[i].size, static_cast<std::byte>(i));
    const auto movie_box = [&](std::uint32_t data_at) {
        byte_vector stbl = detail::table("stsd", {1});
        append(stbl, video_entry());
        // The entry goes inside stsd: patch its size.
        box_writer{mutable_bytes{stbl}.first(4)}.u32(stbl.size());
        append(stbl, detail::tables(samples, per_chunk, with_sync_table, data_at));
        byte_vector tkhd_body(84);
        tkhd_body[15] = std::byte{7}; // track_ID
        const auto mdhd = detail::table("mdhd", {0, 0, 90000, 0, 0x55c40000});
        const auto hdlr = boxed("hdlr", {byte_vector(8), hex("76696465"), byte_vector(13)});
        const auto mvhd = boxed("mvhd", {byte_vector(12), hex("000003e8"), byte_vector(84)});
        return boxed(
            "moov",
            {mvhd,
             boxed("trak", {boxed("tkhd", tkhd_body),
                            boxed("mdia", {mdhd, hdlr, boxed("minf", {boxed("stbl", stbl)})})})});
    };
    const auto ftyp = boxed("ftyp", hex("69736f6d 00000200 69736f6d"));
    const auto moov_size = movie_box(0).size();
    const auto at = ftyp.size() + (moov_first ? moov_size : 0) + 8;
    byte_vector out = ftyp;
    if (moov_first) append(out, movie_box(static_cast<std::uint32_t>(at)));
    append(out, boxed("mdat", data));
    if (!moov_first) append(out, movie_box(static_cast<std::uint32_t>(at)));
    return out;
}

/// Reads a file in pieces as small as the demuxer asks for; calls `use` with each sample.
inline result<std::vector<track>> demux_file(const byte_vector& file,
                                             const file_demuxer::config& settings,
                                             const std::function<void(const media_sample&)>& use) {
    file_demuxer in{file.size(), settings};
    while (!in.finished()) {
        if (const auto wanted = in.next_read()) {
            const auto part = bytes{file}.subspan(static_cast<std::size_t>(wanted->offset),
                                                  static_cast<std::size_t>(wanted->size));
            if (const auto done = in.handle_read(wanted->offset, slice::borrowed(part)); !done)
                return std::unexpected(done.error());
            continue;
        }
        const auto s = in.poll_sample();
        if (!s) return std::unexpected(s.error());
        if (*s) use(**s);
    }
    return std::vector<track>(in.tracks().begin(), in.tracks().end());
}

/// The same for a stream that arrives in pieces of `piece` bytes.
inline result<std::vector<track>>
demux_stream(buffer_pool& pool, const byte_vector& file, std::size_t piece,
             const std::function<void(const media_sample&)>& use) {
    stream_demuxer in{pool};
    std::size_t at = 0;
    while (at < file.size()) {
        const auto part = bytes{file}.subspan(at, std::min(piece, file.size() - at));
        const auto used = in.handle_input(slice::borrowed(part));
        if (!used) return std::unexpected(used.error());
        at += *used;
        while (const auto s = in.poll_sample())
            use(*s);
    }
    if (const auto done = in.handle_end(); !done) return std::unexpected(done.error());
    return std::vector<track>(in.tracks().begin(), in.tracks().end());
}

/// File to objects.
inline packaged package(const byte_vector& file, packager::config settings,
                        std::size_t stream_piece = 0) {
    packaged out;
    static buffer_pool pool;
    std::vector<media_sample> samples;
    settings.is_interleaved = stream_piece == 0;
    const auto keep = [&](const media_sample& s) { samples.push_back(s); };
    const auto tracks = stream_piece == 0 ? demux_file(file, {}, keep)
                                          : demux_stream(pool, file, stream_piece, keep);
    EXPECT_TRUE(tracks) << tracks.error().field << " " << tracks.error().where << " "
                        << tracks.error().offset;
    if (!tracks) return out;
    out.tracks = *tracks;
    packager pack{pool, out.tracks, settings};
    const auto drain = [&] {
        while (auto o = pack.poll_object()) {
            flat_object flat{std::move(*o), {}};
            append(flat.data, flat.what.header);
            for (std::size_t i = 0; i < flat.what.payload.size(); ++i)
                append(flat.data, flat.what.payload[i]);
            out.objects.push_back(std::move(flat));
        }
    };
    for (auto& s : samples) {
        EXPECT_TRUE(pack.handle_sample(std::move(s)));
        drain();
    }
    EXPECT_TRUE(pack.handle_end());
    drain();
    for (std::size_t i = 0; i < out.tracks.size(); ++i) {
        out.inits.emplace_back();
        pack.write_init(i, out.inits.back());
    }
    return out;
}

/// Objects from group `from_group` on to file.
inline byte_vector write_file(const packaged& media, std::uint64_t from_group = 0,
                              file_writer::config settings = {}) {
    byte_vector out;
    buffer_pool pool;
    file_writer writer{pool, settings};
    std::vector<std::size_t> index(media.tracks.size());
    for (std::size_t i = 0; i < media.tracks.size(); ++i) {
        if (!packager::carries(media.tracks[i])) continue;
        const auto added = writer.add_track(borrow(media.inits[i]));
        EXPECT_TRUE(added);
        if (added) index[i] = *added;
    }
    for (const auto& o : media.objects) {
        if (o.what.end_of_track || o.what.group_id < from_group) continue;
        const auto done = writer.handle_chunk(index[o.what.track], borrow(o.data));
        EXPECT_TRUE(done) << (done ? "" : done.error().field);
        while (const auto piece = writer.poll_output())
            append(out, *piece);
    }
    return out;
}

} // namespace moqrtc::cmaf::test
