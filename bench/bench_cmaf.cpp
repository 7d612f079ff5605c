// M1: one CMAF chunk for each sample, the payload by reference. M2: a progressive file in memory to
// the bytes of a fragmented one.
#include <moqrtc/cmaf/file_demuxer.hpp>
#include <moqrtc/cmaf/file_writer.hpp>
#include <moqrtc/cmaf/packager.hpp>

#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using namespace moqrtc;
using namespace moqrtc::cmaf;

constexpr std::uint32_t samples_per_track = 4000;
constexpr std::uint32_t audio_size = 111; // the mean of an AAC track at 41 kbit/s

[[noreturn]] void refuse(const char* what) {
    std::fprintf(stderr, "%s: the output is wrong, nothing is measured\n", what);
    std::exit(1);
}

/// The boxes of an audio sample entry: what an init segment must hold.
std::vector<std::byte> sample_entry() {
    std::vector<std::byte> out;
    box_writer w{out};
    const auto entry = w.open("mp4a");
    w.zeros(7);
    w.u8(1);
    w.zeros(8);
    w.u16(2);
    w.u16(16);
    w.zeros(4);
    w.u32(44100U << 16);
    w.close(entry);
    return out;
}

track audio_track(const std::vector<std::byte>& entry) {
    track t;
    t.kind = media_kind::audio;
    t.handler = "soun";
    t.timescale = 44100;
    t.sample_entries = entry;
    t.entry_count = 1;
    return t;
}

/// Takes the chunks of a short run apart again and compares.
void check(const track& t, const slice& payload) {
    buffer_pool pool;
    packager::config settings;
    settings.audio_chunk = {};
    packager pack{pool, {&t, 1}, settings};
    std::int64_t next = 0;
    track received = t;
    received.track_id = 1;
    for (std::uint32_t i = 0; i < 100; ++i) {
        media_sample s{{0, audio_size, 0, std::int64_t{i} * 1024, 0, 1024, 1, true}, payload};
        if (!pack.handle_sample(std::move(s))) refuse("M1_cmaf_chunk");
        const auto o = pack.poll_object();
        if (!o || o->payload.size() != 1 || pack.poll_object()) refuse("M1_cmaf_chunk");
        std::vector<std::byte> chunk(o->header.view().begin(), o->header.view().end());
        chunk.insert(chunk.end(), payload.view().begin(), payload.view().end());
        std::vector<media_sample> found;
        if (!parse_chunk(slice::borrowed(chunk), received, next, found) || found.size() != 1 ||
            found[0].decode_time != std::int64_t{i} * 1024 || !equal(found[0].payload, payload))
            refuse("M1_cmaf_chunk");
    }
}

/// A sample in, an object out: header written into a pooled block, payload shared.
void chunk(benchmark::State& state) {
    const auto entry = sample_entry();
    const auto t = audio_track(entry);
    buffer_pool pool;
    const std::vector<std::byte> media(audio_size, std::byte{7});
    const auto payload = slice::copy(pool, media);
    check(t, payload);
    packager::config settings;
    settings.audio_chunk = {};
    for (auto _ : state) {
        packager pack{pool, {&t, 1}, settings};
        for (std::uint32_t i = 0; i < samples_per_track; ++i) {
            media_sample s{{0, audio_size, 0, std::int64_t{i} * 1024, 0, 1024, 1, true}, payload};
            if (!pack.handle_sample(std::move(s))) refuse("M1_cmaf_chunk");
            auto o = pack.poll_object();
            benchmark::DoNotOptimize(o);
        }
    }
    state.SetItemsProcessed(state.iterations() * samples_per_track);
}

/// The header of the chunk alone.
void header(benchmark::State& state) {
    std::array<std::byte, 128> out{};
    std::uint32_t i = 0;
    for (auto _ : state) {
        const chunk_sample one[] = {{1024, audio_size, 0, true}};
        const chunk_header h{++i, 1, 1, std::uint64_t{i} * 1024, one};
        auto size = h.serialize(out);
        benchmark::DoNotOptimize(size);
        benchmark::DoNotOptimize(out);
    }
    state.SetItemsProcessed(state.iterations());
}

/// A progressive file with one audio track, moov first.
std::vector<std::byte> progressive(std::uint32_t sample_size) {
    const auto entry = sample_entry();
    const auto movie_box = [&](std::uint32_t data_at) {
        std::vector<std::byte> out;
        // The init segment of the track, with its tables filled in.
        const auto t = audio_track(entry);
        box_writer w{out};
        const auto moov = w.open("moov");
        const auto mvhd = w.open("mvhd", 0, 0);
        w.zeros(8);
        w.u32(1000);
        w.zeros(84);
        w.close(mvhd);
        const auto trak = w.open("trak");
        const auto tkhd = w.open("tkhd", 0, 3);
        w.zeros(8);
        w.u32(1);
        w.zeros(68);
        w.close(tkhd);
        const auto mdia = w.open("mdia");
        const auto mdhd = w.open("mdhd", 0, 0);
        w.zeros(8);
        w.u32(t.timescale);
        w.zeros(8);
        w.close(mdhd);
        const auto hdlr = w.open("hdlr", 0, 0);
        w.zeros(4);
        w.code("soun");
        w.zeros(13);
        w.close(hdlr);
        const auto minf = w.open("minf");
        const auto stbl = w.open("stbl");
        const auto table = [&w](fourcc type, std::initializer_list<std::uint32_t> fields) {
            const auto at = w.open(type, 0, 0);
            for (const auto f : fields)
                w.u32(f);
            w.close(at);
        };
        const auto stsd = w.open("stsd", 0, 0);
        w.u32(1);
        w.blob(entry);
        w.close(stsd);
        table("stts", {1, samples_per_track, 1024});
        table("stsc", {1, 1, samples_per_track, 1});
        const auto stsz = w.open("stsz", 0, 0);
        w.u32(0);
        w.u32(samples_per_track);
        for (std::uint32_t i = 0; i < samples_per_track; ++i)
            w.u32(sample_size);
        w.close(stsz);
        table("stco", {1, data_at});
        w.close(stbl);
        w.close(minf);
        w.close(mdia);
        w.close(trak);
        w.close(moov);
        return out;
    };
    auto out = movie_box(0);
    out = movie_box(static_cast<std::uint32_t>(out.size()) + 8);
    box_writer w{out};
    const auto mdat = w.open("mdat");
    w.zeros(std::size_t{samples_per_track} * sample_size);
    w.close(mdat);
    return out;
}

/// Demuxer, packager and file writer in a row, over a file that is mapped.
void package(benchmark::State& state) {
    const auto file = progressive(static_cast<std::uint32_t>(state.range(0)));
    buffer_pool pool;
    for (auto _ : state) {
        file_demuxer in{file.size()};
        if (!in.handle_read(0, slice::borrowed(file)) || !in.ready()) refuse("M2_cmaf_package");
        packager::config settings;
        settings.audio_chunk = {};
        packager pack{pool, in.tracks(), settings};
        std::vector<std::byte> init;
        pack.write_init(0, init);
        file_writer writer{pool};
        if (!writer.add_track(slice::borrowed(init))) refuse("M2_cmaf_package");
        std::size_t written = 0;
        std::uint32_t objects = 0;
        while (!in.finished()) {
            auto s = in.poll_sample();
            if (!s || (*s && !pack.handle_sample(std::move(**s)))) refuse("M2_cmaf_package");
            while (const auto o = pack.poll_object()) {
                if (!writer.handle_chunk(0, o->header, o->payload)) refuse("M2_cmaf_package");
                ++objects;
                while (const auto piece = writer.poll_output())
                    written += piece->size();
            }
        }
        if (objects != samples_per_track || written < file.size()) refuse("M2_cmaf_package");
    }
    state.SetItemsProcessed(state.iterations() * samples_per_track);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(file.size()));
}

} // namespace

BENCHMARK(chunk)->Name("M1_cmaf_chunk/ours");
BENCHMARK(header)->Name("M1_cmaf_header/ours");
BENCHMARK(package)->Name("M2_cmaf_package/ours")->Arg(111)->Arg(16384);

BENCHMARK_MAIN();
