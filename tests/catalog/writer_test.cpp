#include <moqrtc/catalog/reader.hpp>
#include <moqrtc/catalog/writer.hpp>

#include <catalog/sampler.hpp>
#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace moqrtc::catalog {
namespace {

/// The catalog of one rendition and its sound, as a publisher builds it.
catalog broadcast() {
    catalog out;
    auto video =
        make_track("video/720p", {codec::media_kind::video, "avc1.42E01F", 1280, 720, 0, 0});
    video.bitrate = 2500000;
    out.tracks = {video, make_track("audio", {codec::media_kind::audio, "opus", 0, 0, 48000, 2})};
    return out;
}

TEST(writer, the_plain_catalog_has_exactly_these_members) {
    EXPECT_EQ(
        *write_plain(broadcast()),
        R"({"version":1,"live":true,"tracks":[)"
        R"({"name":"video/720p","kind":"video","codec":"avc1.42E01F","width":1280,)"
        R"("height":720,"bitrate":2500000},)"
        R"({"name":"audio","kind":"audio","codec":"opus","sampleRate":48000,"channels":2}]})");
}

TEST(writer, the_plain_catalog_carries_headers_and_leaves_out_other_tracks) {
    auto from = broadcast();
    from.tracks[0].is_live = from.tracks[1].is_live = false;
    from.tracks[0].framerate = 30;
    from.tracks[1].channel_config = "F801";
    from.tracks[1].packaging = "loc";
    set_init(from, from.tracks[0], as_bytes("ftyp"));
    track timeline;
    timeline.name = "history";
    timeline.role = "mediatimeline";
    timeline.is_live = false;
    from.tracks.push_back(timeline);
    EXPECT_EQ(*write_plain(from),
              R"({"version":1,"live":false,"tracks":[)"
              R"({"name":"video/720p","kind":"video","codec":"avc1.42E01F","width":1280,)"
              R"("height":720,"bitrate":2500000,"initData":"ZnR5cA=="},)"
              R"({"name":"audio","kind":"audio","packaging":"loc","codec":"opus",)"
              R"("sampleRate":48000,"channelConfig":"F801"}]})");
}

TEST(writer, msf_with_the_initialization_data_behind_the_tracks) {
    auto from = broadcast();
    from.generated_at = 1746104606044;
    from.tracks[0].framerate = 29.97;
    from.tracks[0].render_group = from.tracks[1].render_group = 1;
    from.tracks[1].bitrate = 64000;
    from.custom["com.example-tier"] = "premium";
    set_init(from, from.tracks[0], as_bytes("ftyp"));
    EXPECT_EQ(*write_msf(from),
              R"({"version":"1","generatedAt":1746104606044,"tracks":[)"
              R"({"name":"video/720p","packaging":"cmaf","role":"video","isLive":true,)"
              R"("renderGroup":1,"initRef":"init-video/720p","codec":"avc1.42E01F",)"
              R"("framerate":29.97,"bitrate":2500000,"width":1280,"height":720},)"
              R"({"name":"audio","packaging":"cmaf","role":"audio","isLive":true,"renderGroup":1,)"
              R"("codec":"opus","bitrate":64000,"samplerate":48000,"channelConfig":"2"}],)"
              R"("com.example-tier":"premium",)"
              R"("initDataList":[{"id":"init-video/720p","type":"inline","data":"ZnR5cA=="}]})");
}

TEST(writer, the_end_of_a_broadcast) {
    catalog end;
    end.is_complete = true;
    EXPECT_EQ(*write_msf(end), R"({"version":"1","isComplete":true,"tracks":[]})");
    EXPECT_EQ(*write_plain(end), R"({"version":1,"live":false,"tracks":[]})");
    EXPECT_EQ(*write_plain({}), R"({"version":1,"live":true,"tracks":[]})");
}

TEST(writer, refuses_what_json_cannot_say) {
    const auto code = [](auto change) {
        auto from = broadcast();
        change(from);
        const auto written = write_msf(from);
        return written ? error{} : written.error();
    };
    EXPECT_STREQ(code([](catalog& c) { c.tracks[0].name = "\xff"; }).field, "name");
    EXPECT_STREQ(code([](catalog& c) { c.tracks[0].track_namespace = "\xff"; }).field, "namespace");
    EXPECT_STREQ(code([](catalog& c) { c.tracks[0].depends = {"a", "\xff"}; }).field, "depends");
    EXPECT_STREQ(code([](catalog& c) { c.tracks[0].framerate = -1; }).field, "framerate");
    EXPECT_STREQ(code([](catalog& c) {
                     c.tracks[0].framerate = std::numeric_limits<double>::quiet_NaN();
                 }).field,
                 "framerate");
    EXPECT_STREQ(code([](catalog& c) {
                     c.tracks[0].framerate = std::numeric_limits<double>::infinity();
                 }).field,
                 "framerate");
    EXPECT_STREQ(code([](catalog& c) { c.tracks[0].bitrate = UINT64_MAX; }).field, "bitrate");
    EXPECT_STREQ(code([](catalog& c) { c.generated_at = UINT64_MAX; }).field, "generatedAt");
    EXPECT_STREQ(code([](catalog& c) { c.tracks[0].custom["x"] = {"a", {{"\xff", 1}}}; }).field,
                 "custom");
    EXPECT_STREQ(code([](catalog& c) { c.custom["x"] = "\xff"; }).field, "custom");
    EXPECT_STREQ(code([](catalog& c) {
                     c.publish_tracks.resize(1);
                     c.publish_tracks[0].name = "\xff";
                 }).field,
                 "name");
    EXPECT_STREQ(code([](catalog& c) { c.init_data_list = {{"\xff", "inline", ""}}; }).field, "id");
    auto plain = broadcast();
    plain.tracks[0].name = "\xff";
    EXPECT_EQ(write_plain(plain).error().code, errc::bad_value);
}

TEST(writer, msf_round_trip) {
    EXPECT_TRUE(rc::check("msf round trip", [] {
        const auto from = samples::any();
        const auto text = write_msf(from);
        RC_ASSERT(text.has_value());
        const auto back = read_catalog(as_bytes(*text));
        RC_ASSERT(back.has_value());
        RC_ASSERT(*back == from);
        RC_ASSERT(*write_msf(*back) == *text);
    }));
}

TEST(writer, plain_round_trip) {
    EXPECT_TRUE(rc::check("plain round trip", [] {
        const auto from = samples::any_plain();
        const auto text = write_plain(from);
        RC_ASSERT(text.has_value());
        const auto back = read_catalog(as_bytes(*text));
        RC_ASSERT(back.has_value());
        RC_ASSERT(*back == from);
        RC_ASSERT(*write_plain(*back) == *text);
    }));
}

} // namespace
} // namespace moqrtc::catalog
