#pragma once

#include <moqrtc/cmaf/file_demuxer.hpp>
#include <moqrtc/cmaf/file_writer.hpp>
#include <moqrtc/cmaf/packager.hpp>
#include <moqrtc/cmaf/stream_demuxer.hpp>

#include <cstdint>
#include <functional>
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

/// A progressive file of one video track with these samples, one chunk per `per_chunk` samples,
/// moov first. Sample bytes are the sample's number modulo 256.
byte_vector progressive_file(const std::vector<table_sample>& samples, std::uint32_t per_chunk,
                             bool with_sync_table = true, bool moov_first = true);

/// Reads a file in pieces as small as the demuxer asks for; calls `use` with each sample.
result<std::vector<track>> demux_file(const byte_vector& file, const file_demuxer::config& settings,
                                      const std::function<void(const media_sample&)>& use);
/// The same for a stream that arrives in pieces of `piece` bytes.
result<std::vector<track>> demux_stream(buffer_pool& pool, const byte_vector& file,
                                        std::size_t piece,
                                        const std::function<void(const media_sample&)>& use);

/// An object as it is received: one stretch of bytes.
struct flat_object {
    media_object what;
    byte_vector data;
};
/// File to objects.
struct packaged {
    std::vector<track> tracks;
    std::vector<byte_vector> inits;
    std::vector<flat_object> objects; ///< ends of tracks included
};
packaged package(const byte_vector& file, packager::config settings, std::size_t stream_piece = 0);
/// Objects from group `from` on to file.
byte_vector write_file(const packaged& media, std::uint64_t from_group = 0,
                       file_writer::config settings = {});

} // namespace moqrtc::cmaf::test
