#include "client/init_tracks.hpp"

#include <gtest/gtest.h>
#include <string>

using namespace moqrtc;

namespace {

cmaf::track video(cmaf::fourcc codec, std::uint16_t width, std::uint32_t id) {
    cmaf::track out;
    out.kind = cmaf::media_kind::video;
    out.codec = codec;
    out.width = width;
    out.height = static_cast<std::uint16_t>(width / 2);
    out.track_id = id;
    return out;
}

cmaf::movie segment() {
    cmaf::movie out;
    out.tracks = {video("avc1", 640, 1), video("avc1", 320, 2), video("hvc1", 640, 3)};
    out.tracks.emplace_back().kind = cmaf::media_kind::audio;
    out.tracks.back().codec = "mp4a";
    out.tracks.back().track_id = 4;
    return out;
}

/// The track_ID that is chosen, or the error.
std::string chosen(const catalog::track& wanted, cmaf::movie of = segment()) {
    const auto found = reference::track_of(std::move(of), wanted);
    return found ? std::to_string(found->track_id) : std::string{to_string(found.error().code)};
}

} // namespace

TEST(init_tracks, the_track_of_a_segment_for_all) {
    catalog::track wanted;
    wanted.codec = "mp4a.40.2";
    EXPECT_EQ(chosen(wanted), "4");
    wanted.codec = "hvc1.1.6.L93.90";
    EXPECT_EQ(chosen(wanted), "3");
    wanted.codec = "avc1.42c01e";
    EXPECT_EQ(chosen(wanted), to_string(errc::unsupported)) << "two of this codec";
    wanted.width = 320;
    EXPECT_EQ(chosen(wanted), "2");
    wanted.height = 240;
    EXPECT_EQ(chosen(wanted), to_string(errc::not_found)) << "none of this size";
    wanted = {};
    wanted.role = "audio"; // without a codec
    EXPECT_EQ(chosen(wanted), "4");
}

TEST(init_tracks, a_segment_of_one_track_is_taken_as_it_is) {
    auto one = segment();
    one.tracks.resize(1);
    catalog::track wanted;
    wanted.codec = "av01.0.04M.08";
    EXPECT_EQ(chosen(wanted, std::move(one)), "1");
}
