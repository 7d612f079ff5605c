#include <moqrtc/catalog/check.hpp>

#include <gtest/gtest.h>
#include <set>
#include <string>

namespace moqrtc::catalog {
namespace {

track sound() {
    track out = make_track("audio", {codec::media_kind::audio, "opus", 0, 0, 48000, 2});
    out.packaging = "loc";
    out.bitrate = 32000;
    return out;
}

/// Fields that are found wrong after a change of a track without fault.
std::set<std::string> found(auto change) {
    catalog all;
    all.tracks = {sound()};
    change(all, all.tracks[0]);
    std::set<std::string> fields;
    for (const auto& one : check(all))
        fields.emplace(one.field);
    return fields;
}
using fields = std::set<std::string>;

TEST(check, a_track_without_fault) {
    EXPECT_EQ(found([](auto&, auto&) {}), fields{});
    EXPECT_TRUE(check(catalog{}).empty());
}

TEST(check, each_rule) {
    EXPECT_EQ(found([](auto&, track& t) { t.packaging.clear(); }), fields{"packaging"});
    EXPECT_EQ(found([](auto&, track& t) { t.is_live.reset(); }), fields{"isLive"});
    EXPECT_EQ(found([](auto&, track& t) { t.codec.clear(); }), fields{"codec"});
    EXPECT_EQ(found([](auto&, track& t) { t.codec = "av01"; }), fields{"codec"});
    EXPECT_EQ(found([](auto&, track& t) { t.codec = "ec-3"; }), fields{});
    EXPECT_EQ(found([](auto&, track& t) { t.bitrate.reset(); }), fields{"bitrate"});
    EXPECT_EQ(found([](auto&, track& t) { t.samplerate.reset(); }), fields{"samplerate"});
    EXPECT_EQ(found([](auto&, track& t) { t.channel_config.clear(); }), fields{"channelConfig"});
    EXPECT_EQ(found([](auto&, track& t) { t.event_type = "x"; }), fields{"eventType"});
    EXPECT_EQ(found([](auto&, track& t) { t.packaging = "eventtimeline"; }), fields{"eventType"});
    EXPECT_EQ(found([](auto&, track& t) { t.encryption_scheme = "x"; }), fields{"cipherSuite"});
    EXPECT_EQ(found([](auto&, track& t) {
                  t.target_latency = 1;
                  t.target_buffers.emplace();
              }),
              fields{"targetLatency"});
    EXPECT_EQ(found([](auto&, track& t) { t.track_duration = 1; }), fields{"trackDuration"});
    EXPECT_EQ(found([](catalog& c, auto&) { c.is_complete = true; }), fields{"isLive"});
    EXPECT_EQ(found([](auto&, track& t) { t.custom["parentName"] = "x"; }), fields{"parentName"});
    EXPECT_EQ(found([](auto&, track& t) { t.depends = {"x"}; }), fields{"depends"});
    EXPECT_EQ(found([](auto&, track& t) { t.init_ref = "x"; }), fields{"initRef"});
    EXPECT_EQ(found([](auto&, track& t) { t.packaging = "cmaf"; }), fields{"initRef"});
    EXPECT_EQ(found([](catalog& c, track& t) {
                  t.init_ref = "x";
                  c.init_data_list = {{"x", "inline", "AAA...A"}};
              }),
              fields{"initDataList"});
}

TEST(check, groups_agree_on_their_latency) {
    catalog all;
    all.tracks = {sound(), sound()};
    all.tracks[1].name = "other";
    all.tracks[0].render_group = all.tracks[1].render_group = 1;
    all.tracks[0].alt_group = all.tracks[1].alt_group = 1;
    EXPECT_TRUE(check(all).empty());
    all.tracks[1].target_latency = 2000;
    const auto findings = check(all);
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].track, 1U);
    EXPECT_EQ(findings[0].section, "5.2.8");
    all.tracks[1].is_live = false;
    EXPECT_TRUE(check(all).empty());
}

} // namespace
} // namespace moqrtc::catalog
