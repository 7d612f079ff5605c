// Any bytes as MP4: as a file, as a stream in two cuts, as an init segment, as a chunk. What parses
// must account for itself: payloads lie where the boxes say, both demuxers agree, what is packaged
// comes back from the chunks, and what the file writer takes the demuxer reads again.
#include <moqrtc/cmaf/file_demuxer.hpp>
#include <moqrtc/cmaf/file_writer.hpp>
#include <moqrtc/cmaf/packager.hpp>
#include <moqrtc/cmaf/stream_demuxer.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <vector>

namespace {

using namespace moqrtc;
using namespace moqrtc::cmaf;

/// A short box may announce a million samples: more of them tell nothing new.
constexpr std::size_t most_samples = 300;

void require(bool condition, std::source_location here = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "fuzz_cmaf: requirement of line %u does not hold\n",
                 static_cast<unsigned>(here.line()));
    std::abort();
}

struct demuxed {
    std::vector<track> tracks{};
    std::vector<media_sample> samples{};
    bool whole = false; ///< read to the end without an error
};

demuxed as_file(bytes data) {
    demuxed out;
    file_demuxer::config settings;
    settings.read_size = 64;
    settings.scan_size = 48;
    settings.windows = 2;
    file_demuxer in{data.size(), settings};
    while (!in.finished() && out.samples.size() < most_samples) {
        if (const auto wanted = in.next_read()) {
            require(wanted->offset <= data.size() && wanted->size <= data.size() - wanted->offset);
            const auto part = data.subspan(static_cast<std::size_t>(wanted->offset),
                                           static_cast<std::size_t>(wanted->size));
            if (!in.handle_read(wanted->offset, slice::borrowed(part))) return out;
            continue;
        }
        auto s = in.poll_sample();
        if (!s) return out;
        if (!*s) continue;
        require((*s)->track < in.tracks().size());
        require(
            equal((*s)->payload, data.subspan(static_cast<std::size_t>((*s)->offset), (*s)->size)));
        out.samples.push_back(std::move(**s));
    }
    out.whole = in.finished();
    out.tracks.assign(in.tracks().begin(), in.tracks().end());
    return out;
}

/// The samples of a stream that arrives in pieces of `piece` bytes.
demuxed as_stream(buffer_pool& pool, bytes data, std::size_t piece) {
    demuxed out;
    stream_demuxer in{pool};
    bool failed = false;
    for (std::size_t at = 0; at < data.size() && !failed;) {
        const auto part = data.subspan(at, std::min(piece, data.size() - at));
        const auto used = in.handle_input(slice::borrowed(part));
        failed = !used;
        require(failed || *used <= part.size());
        bool progress = failed || *used != 0;
        while (auto s = in.poll_sample()) { // what came before an error is good
            progress = true;
            require(equal(s->payload, data.subspan(static_cast<std::size_t>(s->offset), s->size)));
            if (out.samples.size() < most_samples) out.samples.push_back(std::move(*s));
        }
        require(progress);
        if (out.samples.size() == most_samples) return out;
        at += failed ? 0 : *used;
    }
    out.whole = !failed && in.handle_end().has_value();
    out.tracks.assign(in.tracks().begin(), in.tracks().end());
    return out;
}

void require_same(const demuxed& a, const demuxed& b) {
    require(a.whole == b.whole);
    require(a.samples.size() == b.samples.size());
    for (std::size_t i = 0; i < a.samples.size(); ++i) {
        require(a.samples[i].offset == b.samples[i].offset);
        require(a.samples[i].decode_time == b.samples[i].decode_time);
        require(a.samples[i].composition_offset == b.samples[i].composition_offset);
        require(equal(a.samples[i].payload, b.samples[i].payload));
    }
}

std::vector<std::byte> joined(const media_object& o) {
    std::vector<std::byte> out(o.header.view().begin(), o.header.view().end());
    for (std::size_t i = 0; i < o.payload.size(); ++i)
        out.insert(out.end(), o.payload[i].view().begin(), o.payload[i].view().end());
    return out;
}

/// Packages samples and takes the chunks apart again.
void package(buffer_pool& pool, const demuxed& media, bool interleaved) {
    packager::config settings;
    settings.first_group = 1000;
    settings.is_interleaved = interleaved;
    packager pack{pool, media.tracks, settings};
    file_writer writer{pool};
    std::vector<std::size_t> index(media.tracks.size());
    std::vector<track> received(media.tracks.size());
    std::vector<std::vector<media_sample>> expected(media.tracks.size());
    for (std::size_t i = 0; i < media.tracks.size(); ++i) {
        if (!packager::carries(media.tracks[i])) continue;
        std::vector<std::byte> init;
        pack.write_init(i, init);
        const auto held = slice::copy(pool, init);
        auto m = parse_init_segment(held);
        require(m && m->tracks.size() == 1);
        require(equal(m->tracks[0].sample_entries, media.tracks[i].sample_entries));
        require(m->tracks[0].edit_start == media.tracks[i].edit_start);
        received[i] = m->tracks[0];
        const auto added = writer.add_track(held);
        require(added.has_value());
        index[i] = *added;
    }
    bool failed = false;
    std::vector<std::size_t> counted(media.tracks.size());
    std::vector<std::int64_t> next(media.tracks.size());
    std::vector<std::uint64_t> group(media.tracks.size());
    const auto drain = [&] {
        while (const auto o = pack.poll_object()) {
            require(o->group_id >= std::max<std::uint64_t>(1000, group[o->track]));
            group[o->track] = o->group_id;
            if (o->end_of_track) continue;
            const auto chunk = joined(*o);
            require(chunk.size() == o->size());
            std::vector<media_sample> found;
            require(parse_chunk(slice::borrowed(chunk), received[o->track], next[o->track], found)
                        .has_value());
            require(found.size() == o->payload.size());
            for (std::size_t i = 0; i < found.size(); ++i)
                require(equal(found[i].payload, o->payload[i]));
            require(found[0].decode_time - received[o->track].edit_start == o->decode_time.ticks);
            counted[o->track] += found.size();
            require(writer.handle_chunk(index[o->track], slice::borrowed(chunk)).has_value());
            while (writer.poll_output()) {
            }
        }
    };
    std::size_t given = 0;
    for (const auto& s : media.samples) {
        if (!pack.handle_sample(s)) failed = true;
        given += !failed && packager::carries(media.tracks[s.track]);
        drain();
        if (failed) return;
    }
    if (!pack.handle_end()) return;
    drain();
    std::size_t all = 0;
    for (const auto count : counted)
        all += count;
    require(all + pack.dropped() == given);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* raw, std::size_t size) {
    const auto data = std::as_bytes(std::span{raw, size});
    buffer_pool pool{64U << 20};

    const auto file = as_file(data);
    const auto stream = as_stream(pool, data, SIZE_MAX);
    require_same(stream, as_stream(pool, data, 1 + size % 61));
    package(pool, file, true);
    package(pool, stream, false);

    const auto input = slice::borrowed(data);
    const auto init = parse_init_segment(input);
    track any;
    any.track_id = 1;
    std::int64_t next = 0;
    std::vector<media_sample> samples;
    (void)parse_chunk(input, init && !init->tracks.empty() ? init->tracks[0] : any, next, samples);

    // The chunk as a receiver meets it: after an init segment that was good.
    track t;
    t.kind = media_kind::video;
    t.handler = "vide";
    t.timescale = 90000;
    const auto entry = std::as_bytes(std::span{"\0\0\0\x10"
                                               "avc1\0\0\0\0\0\0\0\1",
                                               16});
    // A sample entry needs all its fields: 8 bytes of header, 78 of fields.
    std::vector<std::byte> whole(86);
    std::copy(entry.begin(), entry.end(), whole.begin());
    whole[3] = std::byte{86};
    t.sample_entries = whole;
    t.entry_count = 1;
    std::vector<std::byte> good;
    write_init_segment(good, {&t, 1});
    file_writer writer{pool};
    require(writer.add_track(slice::borrowed(good)).has_value());
    if (writer.handle_chunk(0, input)) {
        std::vector<std::byte> out;
        while (const auto piece = writer.poll_output())
            out.insert(out.end(), piece->view().begin(), piece->view().end());
        file_demuxer again{out.size()};
        require(again.handle_read(0, slice::borrowed(out)).has_value() || again.finished());
    } else {
        require(!writer.poll_output());
    }
    return 0;
}
