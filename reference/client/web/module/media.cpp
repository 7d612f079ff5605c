// CMAF for the player and the publisher page: init segments and chunks, both ways.
#include "exports.hpp"

#include <moqrtc/cmaf/fragment.hpp>
#include <moqrtc/cmaf/init_segment.hpp>
#include <moqrtc/cmaf/make_track.hpp>
#include <moqrtc/codec/description.hpp>
#include <moqrtc/codec/h264.hpp>
#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/core/slice.hpp>
#include <moqrtc/loc/decoder.hpp>

#include <string>
#include <vector>

namespace moqrtc::web {

namespace {

buffer_pool& pool() {
    static buffer_pool shared;
    return shared;
}

/// An init segment that was read, and where its tracks' decoding stands.
struct presentation {
    cmaf::movie movie{};
    std::vector<std::int64_t> next_decode_time{};
    std::vector<cmaf::media_sample> samples{};
    std::vector<sample_record> records{};
    track_record track{};
    std::string codec{};
    std::vector<std::byte> description{};
};

double microseconds_of(std::int64_t ticks, std::uint32_t timescale) noexcept {
    return static_cast<double>(ticks) * 1e6 / timescale;
}

/// Writes the init segment of a track that is known by its decoder's configuration.
double write_init(cmaf::fourcc sample_entry, std::uint32_t timescale, bytes config,
                  const cmaf::track_shape& shape) {
    const auto made = cmaf::make_track(pool(), sample_entry, config, timescale, shape);
    if (!made) return failed(made.error());
    output().clear();
    cmaf::write_init_segment(output(), {&*made, 1}, {.with_priming = false});
    return static_cast<double>(output().size());
}

} // namespace

/// Reads an init segment; null when it is none (`last_error`). `delete_init` it.
MOQRTC_WEB_EXPORT(read_init) presentation* read_init(const std::byte* data, std::uint32_t size) {
    auto parsed = cmaf::parse_init_segment(slice::copy(pool(), view(data, size)));
    if (!parsed) return failed(parsed.error()), nullptr;
    auto* made = new presentation;
    made->movie = std::move(*parsed);
    made->next_decode_time.resize(made->movie.tracks.size());
    return made;
}
MOQRTC_WEB_EXPORT(delete_init) void delete_init(presentation* of) {
    delete of;
}

/// The number of tracks.
MOQRTC_WEB_EXPORT(track_count) std::uint32_t track_count(const presentation* of) {
    return static_cast<std::uint32_t>(of->movie.tracks.size());
}

/// A track; valid until the next call for the same init segment.
MOQRTC_WEB_EXPORT(track_at) const track_record* track_at(presentation* of, std::uint32_t index) {
    const auto& from = of->movie.tracks[index];
    const auto known = codec::describe(from.codec.value, from.codec_config);
    of->codec = known ? known->codec_string : std::string{};
    of->description =
        loc::description_of(from.codec.value, from.codec_config).value_or(std::vector<std::byte>{});
    auto& to = of->track;
    to.timescale = from.timescale;
    to.kind = static_cast<std::uint32_t>(from.kind);
    to.track_id = from.track_id;
    to.width = known && known->width != 0 ? known->width : from.width;
    to.height = known && known->height != 0 ? known->height : from.height;
    to.channels = known && known->channels != 0 ? known->channels : from.channels;
    to.sample_rate = known && known->sample_rate != 0 ? known->sample_rate : from.sample_rate;
    to.codec = record_of(as_bytes(of->codec));
    to.description = record_of(of->description);
    return &to;
}

/// Takes a chunk of a track apart; the number of its samples, which `samples_of` has, or an error.
MOQRTC_WEB_EXPORT(read_chunk)
double read_chunk(presentation* of, std::uint32_t index, const std::byte* data,
                  std::uint32_t size) {
    const auto whole = slice::borrowed(view(data, size));
    const auto& track = of->movie.tracks[index];
    of->samples.clear();
    of->records.clear();
    const auto done = cmaf::parse_chunk(whole, track, of->next_decode_time[index], of->samples);
    if (!done) return failed(done.error());
    for (const auto& s : of->samples) {
        sample_record& to = of->records.emplace_back();
        to.timestamp = microseconds_of(track.presentation_time(s).ticks, track.timescale);
        to.decode_time = microseconds_of(track.decode_time(s).ticks, track.timescale);
        to.duration = microseconds_of(s.duration, track.timescale);
        to.offset = static_cast<std::uint32_t>(s.payload.data() - data);
        to.size = static_cast<std::uint32_t>(s.payload.size());
        to.is_sync = s.is_sync ? 1 : 0;
    }
    of->samples.clear(); // they borrow from the caller
    return static_cast<double>(of->records.size());
}
MOQRTC_WEB_EXPORT(samples_of) const sample_record* samples_of(const presentation* of) {
    return of->records.data();
}

/// Writes the init segment of an H.264 track (`last_output`); `record` is the content of avcC.
MOQRTC_WEB_EXPORT(write_video_init)
double write_video_init(std::uint32_t timescale, std::uint32_t width, std::uint32_t height,
                        const std::byte* record, std::uint32_t size) {
    return write_init("avc1", timescale, view(record, size), {width, height});
}

/// Writes the init segment of an Opus track (`last_output`); `head` is what the encoder says of
/// itself, or empty.
MOQRTC_WEB_EXPORT(write_audio_init)
double write_audio_init(std::uint32_t timescale, std::uint32_t channels, std::uint32_t sample_rate,
                        const std::byte* head, std::uint32_t size) {
    const auto entry = codec::fourcc("Opus");
    auto config = loc::box_configuration(entry, view(head, size), {channels, sample_rate});
    if (!config) config = loc::box_configuration(entry, {}, {channels, sample_rate});
    if (!config) return failed(config.error());
    return write_init("Opus", timescale, *config, {.channels = channels});
}

/// Writes a chunk of one sample (`last_output`); times in ticks of the track's timescale.
MOQRTC_WEB_EXPORT(write_chunk)
double write_chunk(std::uint32_t sequence_number, double decode_time, std::uint32_t duration,
                   std::int32_t composition_offset, std::uint32_t is_sync, const std::byte* data,
                   std::uint32_t size) {
    const cmaf::chunk_sample one{duration, size, composition_offset, is_sync != 0};
    const cmaf::chunk_header header{sequence_number, 1, 1, integer(decode_time), {&one, 1}};
    auto& out = output();
    out.resize(header.wire_size());
    const auto written = header.serialize(out);
    if (!written) return failed(written.error());
    const auto payload = view(data, size);
    out.insert(out.end(), payload.begin(), payload.end());
    return static_cast<double>(out.size());
}

/// Whether decoding can start at an H.264 sample with units behind lengths of `length_size` bytes.
MOQRTC_WEB_EXPORT(is_idr)
std::uint32_t is_idr(const std::byte* data, std::uint32_t size, std::uint32_t length_size) {
    const auto found = codec::h264::is_idr(view(data, size), length_size);
    return found && *found ? 1 : 0;
}

} // namespace moqrtc::web
