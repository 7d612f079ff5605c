// MP4 to MoQ objects and back: a file is taken apart into samples, these become objects (one CMAF
// chunk each, a keyframe opens a group), and objects become a file again. Nothing here touches a
// disk or a socket: bytes go in, bytes come out. The input is a tiny MP4 made in memory.
#include <moqrtc/cmaf/file_demuxer.hpp>
#include <moqrtc/cmaf/file_writer.hpp>
#include <moqrtc/cmaf/packager.hpp>

#include <cstdio>
#include <vector>

using namespace moqrtc;
using namespace moqrtc::cmaf;

namespace {

/// Ten frames of "video", two groups of five, in a fragmented MP4.
std::vector<std::byte> tiny_mp4() {
    std::vector<std::byte> entry;
    box_writer w{entry};
    const auto avc1 = w.open("avc1"); // a visual sample entry, ISO/IEC 14496-12 12.1.3
    w.zeros(7);
    w.u8(1); // data_reference_index
    w.zeros(16);
    w.u16(320);
    w.u16(180);
    w.zeros(50);
    w.close(avc1);

    track video;
    video.kind = media_kind::video;
    video.handler = "vide";
    video.timescale = 25;
    video.sample_entries = entry;
    video.entry_count = 1;

    std::vector<std::byte> file;
    write_init_segment(file, {&video, 1});
    for (std::uint32_t i = 0; i < 10; ++i) {
        const chunk_sample frame[] = {{1, 100 + i, 0, i % 5 == 0}};
        const chunk_header header{i + 1, 1, 1, i, frame};
        std::vector<std::byte> bytes_of_header(header.wire_size());
        if (!header.serialize(bytes_of_header)) return {};
        file.insert(file.end(), bytes_of_header.begin(), bytes_of_header.end());
        file.insert(file.end(), 100 + i, static_cast<std::byte>(i));
    }
    return file;
}

/// The library's errors say what, where and in which field.
int failed(const error& e) {
    std::fprintf(stderr, "%s at byte %u: %s (%s)\n", to_string(e.code).data(), e.offset, e.field,
                 e.where);
    return 1;
}

} // namespace

int main() {
    const auto input = tiny_mp4();
    buffer_pool pool;

    // Publisher: answer what the demuxer wants to read until it knows the tracks.
    file_demuxer demuxer{input.size()};
    while (!demuxer.ready() && !demuxer.finished())
        if (const auto wanted = demuxer.next_read()) {
            const auto part = bytes{input}.subspan(static_cast<std::size_t>(wanted->offset),
                                                   static_cast<std::size_t>(wanted->size));
            if (const auto done = demuxer.handle_read(wanted->offset, slice::borrowed(part)); !done)
                return failed(done.error());
        }
    packager::config settings;
    settings.first_group = 1000; // a publisher takes Unix time in milliseconds
    packager packager{pool, demuxer.tracks(), settings};

    // Subscriber: the init segment travels in the catalog.
    std::vector<std::byte> init;
    packager.write_init(0, init);
    file_writer writer{pool};
    if (const auto added = writer.add_track(slice::borrowed(init)); !added)
        return failed(added.error());

    std::size_t written = 0;
    const auto deliver = [&]() -> result<void> {
        while (const auto object = packager.poll_object()) {
            if (object->end_of_track) {
                std::puts("end of track");
                continue;
            }
            std::printf("group %llu object %llu: %zu bytes%s\n",
                        static_cast<unsigned long long>(object->group_id),
                        static_cast<unsigned long long>(object->object_id), object->size(),
                        object->is_sync ? ", keyframe" : "");
            if (const auto done = writer.handle_chunk(0, object->header, object->payload); !done)
                return done;
            while (const auto piece = writer.poll_output())
                written += piece->size();
        }
        return {};
    };
    while (!demuxer.finished()) {
        if (const auto wanted = demuxer.next_read()) {
            const auto part = bytes{input}.subspan(static_cast<std::size_t>(wanted->offset),
                                                   static_cast<std::size_t>(wanted->size));
            if (const auto done = demuxer.handle_read(wanted->offset, slice::borrowed(part)); !done)
                return failed(done.error());
            continue;
        }
        auto sample = demuxer.poll_sample();
        if (!sample) return failed(sample.error());
        if (!*sample) continue;
        if (const auto done = packager.handle_sample(std::move(**sample)); !done)
            return failed(done.error());
        if (const auto done = deliver(); !done) return failed(done.error());
    }
    if (const auto done = packager.handle_end(); !done) return failed(done.error());
    if (const auto done = deliver(); !done) return failed(done.error());
    std::printf("%zu bytes of MP4 in, %zu out\n", input.size(), written);
    return written == 0 ? 1 : 0;
}
