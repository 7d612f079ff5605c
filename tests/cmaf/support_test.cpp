#include "support.hpp"

#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {

namespace {

byte_vector table(fourcc type, std::vector<std::uint32_t> values, std::uint32_t version = 0) {
    byte_vector out;
    box_writer w{out};
    const auto at = w.open(type);
    w.u32(version << 24);
    for (const auto v : values)
        w.u32(v);
    w.close(at);
    return out;
}

byte_vector tables(const std::vector<table_sample>& samples, std::uint32_t per_chunk,
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

} // namespace

byte_vector progressive_file(const std::vector<table_sample>& samples, std::uint32_t per_chunk,
                             bool with_sync_table, bool moov_first) {
    byte_vector data;
    for (std::size_t i = 0; i < samples.size(); ++i)
        data.insert(data.end(), samples[i].size, static_cast<std::byte>(i));
    const auto movie_box = [&](std::uint32_t data_at) {
        byte_vector stbl = table("stsd", {1});
        append(stbl, video_entry());
        // The entry goes inside stsd: patch its size.
        box_writer{mutable_bytes{stbl}.first(4)}.u32(stbl.size());
        append(stbl, tables(samples, per_chunk, with_sync_table, data_at));
        byte_vector tkhd_body(84);
        tkhd_body[15] = std::byte{7}; // track_ID
        const auto mdhd = table("mdhd", {0, 0, 90000, 0, 0x55c40000});
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

result<std::vector<track>> demux_file(const byte_vector& file, const file_demuxer::config& settings,
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

result<std::vector<track>> demux_stream(buffer_pool& pool, const byte_vector& file,
                                        std::size_t piece,
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

packaged package(const byte_vector& file, packager::config settings, std::size_t stream_piece) {
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

byte_vector write_file(const packaged& media, std::uint64_t from_group,
                       file_writer::config settings) {
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
