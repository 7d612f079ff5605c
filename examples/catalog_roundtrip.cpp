// A broadcast describes itself: the publisher derives each track from its decoder configuration and
// writes the catalog; a rendition joins while it is live; the subscriber sees what changed. Nothing
// here touches a socket: what `publish` is given would be the objects of the track "catalog".
#include <moqrtc/catalog/catalog_diff.hpp>
#include <moqrtc/catalog/catalog_state.hpp>
#include <moqrtc/catalog/priority.hpp>
#include <moqrtc/catalog/writer.hpp>
#include <moqrtc/codec/description.hpp>
#include <moqrtc/core/hex.hpp>

#include <cstdio>
#include <string>

using namespace moqrtc;
namespace cat = moqrtc::catalog;

namespace {

/// The subscriber: every object of the catalog track goes in, changes come out.
bool publish(cat::catalog_state& viewer, std::uint64_t group, std::uint64_t object,
             const std::string& payload) {
    std::printf("object %llu:%llu  %s\n", static_cast<unsigned long long>(group),
                static_cast<unsigned long long>(object), payload.c_str());
    const auto changed = viewer.handle_object(group, object, as_bytes(payload));
    if (!changed) {
        std::printf("  %s\n", cat::explain(changed.error(), as_bytes(payload)).c_str());
        return false;
    }
    for (const auto& one : changed->tracks)
        std::printf("  %s %s, %s, priority %u\n",
                    one.what == cat::changes::kind::added ? "new" : "changed",
                    one.value.name.c_str(), one.value.codec.c_str(),
                    cat::publisher_priority(*viewer.current(), one.value));
    return true;
}

} // namespace

int main() {
    // What the avcC and dOps boxes of a file contain.
    const auto avcc = hex_decode("0142c01fffe100196742c01fd9005005bb0110000003001000000303c0f18324"
                                 "8001000568cb83cb20");
    const auto dops = hex_decode("000201380000bb80000000");
    if (!avcc || !dops) return 1;
    const auto video = codec::describe(codec::fourcc("avc1"), *avcc);
    const auto audio = codec::describe(codec::fourcc("Opus"), *dops);
    if (!video || !audio) return 1;

    cat::catalog offer;
    offer.tracks = {cat::make_track("video/720p", *video), cat::make_track("audio", *audio)};
    offer.tracks[0].bitrate = 2'500'000;
    offer.tracks[0].alt_group = 1;
    offer.tracks[1].bitrate = 64'000;
    cat::set_init(offer, offer.tracks[0], as_bytes("header of the video"));
    cat::set_init(offer, offer.tracks[1], as_bytes("header of the audio"));
    const auto complete = cat::write_msf(offer);
    cat::catalog_state viewer;
    if (!complete || !publish(viewer, 1746104606044, 0, *complete)) return 1;

    // A smaller rendition joins: said as a delta where the rules allow it, else as a new group.
    auto more = offer;
    auto small = offer.tracks[0];
    small.name = "video/360p";
    small.width = 640;
    small.height = 360;
    small.bitrate = 800'000;
    cat::set_init(more, small, as_bytes("header of the small video"));
    more.tracks.push_back(small);
    const auto delta = cat::make_delta(offer, more);
    if (!delta) return 1;
    const auto update = cat::write_delta(*delta);
    if (!update || !publish(viewer, 1746104606044, 1, *update)) return 1;
    if (!cat::same_content(*viewer.current(), more)) return 1;

    // For players that read the plain catalog, on the track ".catalog".
    const auto plain = cat::write_plain(more);
    if (!plain) return 1;
    std::printf("plain  %s\n", plain->c_str());
    return 0;
}
