#include <moqrtc/catalog/track.hpp>

#include <gtest/gtest.h>

namespace moqrtc::catalog {
namespace {

track with(const char* role, const char* codec, const char* mime = "") {
    track out;
    out.role = role;
    out.codec = codec;
    out.mime_type = mime;
    return out;
}

TEST(track, kind_comes_from_role_then_codec_then_type) {
    EXPECT_EQ(kind_of(with("video", "opus")), track_kind::video);
    EXPECT_EQ(kind_of(with("signlanguage", "")), track_kind::video);
    EXPECT_EQ(kind_of(with("audiodescription", "")), track_kind::audio);
    EXPECT_EQ(kind_of(with("subtitle", "")), track_kind::text);
    EXPECT_EQ(kind_of(with("mediatimeline", "avc1.42E01F")), track_kind::other);
    EXPECT_EQ(kind_of(with("", "avc1.42E01F")), track_kind::video);
    EXPECT_EQ(kind_of(with("", "av01")), track_kind::video);
    EXPECT_EQ(kind_of(with("", "mp4a.40.2")), track_kind::audio);
    EXPECT_EQ(kind_of(with("", "", "video/mp4")), track_kind::video);
    EXPECT_EQ(kind_of(with("", "", "audio/mp4")), track_kind::audio);
    track bare;
    EXPECT_EQ(kind_of(bare), track_kind::other);
    bare.samplerate = 48000;
    EXPECT_EQ(kind_of(bare), track_kind::audio);
    bare.height = 720;
    EXPECT_EQ(kind_of(bare), track_kind::video);
}

TEST(track, is_made_from_a_decoder_configuration) {
    const auto video =
        make_track("video/720p", {codec::media_kind::video, "avc1.42E01F", 1280, 720, 0, 0});
    EXPECT_EQ(video.name, "video/720p");
    EXPECT_EQ(video.role, "video");
    EXPECT_EQ(video.packaging, "cmaf");
    EXPECT_EQ(video.width, 1280U);
    EXPECT_EQ(video.height, 720U);
    EXPECT_EQ(video.is_live, true);
    EXPECT_FALSE(video.samplerate);
    const auto audio = make_track("audio", {codec::media_kind::audio, "opus", 0, 0, 48000, 2});
    EXPECT_EQ(audio.role, "audio");
    EXPECT_EQ(audio.samplerate, 48000U);
    EXPECT_EQ(audio.channel_config, "2");
    EXPECT_FALSE(audio.width);
    EXPECT_FALSE(make_track("v", {codec::media_kind::video, "vp09.00.31.08", 0, 0, 0, 0}).width);
}

} // namespace
} // namespace moqrtc::catalog
