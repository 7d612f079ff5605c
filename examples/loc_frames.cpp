// One encoded frame as a LOC object: what is said of it goes into the object's properties, the
// frame alone is the payload. The receiver reads the properties, and makes of them what an MP4 has
// to know. No socket, no codec: the frame is a few bytes made by hand.
#include <moqrtc/cmaf/make_track.hpp>
#include <moqrtc/core/hex.hpp>
#include <moqrtc/loc/decoder.hpp>
#include <moqrtc/loc/header.hpp>
#include <moqrtc/moqt/draft.hpp>
#include <moqrtc/moqt/properties.hpp>

#include <cstdio>
#include <vector>

using namespace moqrtc;

int main() {
    const auto& rules = moqt::rules_for(moqt::draft::d18);
    const auto avcc =
        *hex_decode("0142c01fffe100196742c01fd9005005bb0110000003001000000303c0f183248"
                    "001000568cb83cb20");

    // The publisher: the first frame of a group brings its decoder's configuration.
    loc::header said;
    said.timestamp = 1'700'000'000'000'000; // microseconds since 1970: there is no timescale
    said.marking = loc::frame_marking{.independent = true};
    said.video_config = avcc;
    std::vector<std::byte> properties(128);
    moqt::key_value_writer pairs{rules, properties};
    said.for_each([&](std::uint64_t type, std::uint64_t number, bytes data) {
        pairs.put({type, number, data});
    });
    const auto size = pairs.size();
    if (!size) return 1;
    properties.resize(*size);

    // The subscriber: `event::item` has these bytes, `session::rules` says how to read them.
    const auto read = loc::read_header(moqt::key_value_reader{rules, properties});
    if (!read || !read->timestamp) return 1;
    const auto config =
        loc::box_configuration(loc::sample_entry_of("avc1.42C01F"), read->video_config);
    if (!config) return 1;
    buffer_pool pool;
    const auto track = cmaf::make_track(pool, "avc1", *config, 1'000'000);
    if (!track) return 1;
    std::printf("taken at %llu us, %s, %u x %u pixels, %zu bytes of properties\n",
                static_cast<unsigned long long>(*read->timestamp),
                read->marking && read->marking->independent ? "independent" : "dependent",
                track->width, track->height, properties.size());
    return track->width == 1280 && track->height == 720 ? 0 : 1;
}
