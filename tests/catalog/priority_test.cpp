#include <moqrtc/catalog/priority.hpp>

#include <gtest/gtest.h>
#include <string>

namespace moqrtc::catalog {
namespace {

track layer(const char* name, std::vector<std::string> depends) {
    track out;
    out.name = name;
    out.role = "video";
    out.depends = std::move(depends);
    return out;
}

TEST(priority, catalog_then_audio_then_video_then_the_rest) {
    catalog all;
    track one;
    one.packaging = "catalog";
    EXPECT_EQ(publisher_priority(all, one), priorities::catalog);
    one.packaging = "cmaf";
    one.role = "audio";
    const auto audio = publisher_priority(all, one);
    one.role = "subtitle";
    const auto text = publisher_priority(all, one);
    one.role = "video";
    const auto video = publisher_priority(all, one);
    one.role = "log";
    const auto log = publisher_priority(all, one);
    EXPECT_LT(priorities::catalog, audio);
    EXPECT_LT(audio, text);
    EXPECT_LT(text, video);
    EXPECT_LT(video, log);
}

TEST(priority, base_before_enhancement) {
    catalog all; // the layers of MSF-01 section 5.6.3
    all.tracks = {layer("480p15", {}), layer("480p30", {"480p15"}), layer("1080p15", {"480p15"}),
                  layer("1080p30", {"480p30", "1080p15"})};
    EXPECT_EQ(publisher_priority(all, all.tracks[0]), priorities::video);
    EXPECT_EQ(publisher_priority(all, all.tracks[1]), priorities::video + 1);
    EXPECT_EQ(publisher_priority(all, all.tracks[2]), priorities::video + 1);
    EXPECT_EQ(publisher_priority(all, all.tracks[3]), priorities::video + 2);
    auto by_identifier = layer("s1t2", {});
    by_identifier.spatial_id = 1;
    by_identifier.temporal_id = 2;
    EXPECT_EQ(publisher_priority(all, by_identifier), priorities::video + 3);
    by_identifier.spatial_id = UINT64_MAX;
    by_identifier.temporal_id = UINT64_MAX;
    EXPECT_EQ(publisher_priority(all, by_identifier), priorities::last_video);
}

TEST(priority, circles_and_thickets_of_dependencies_end) {
    catalog all;
    all.tracks = {layer("a", {"b", "a"}), layer("b", {"a"}), layer("c", {"nothing"})};
    EXPECT_LE(publisher_priority(all, all.tracks[0]), priorities::last_video);
    EXPECT_EQ(publisher_priority(all, all.tracks[2]), priorities::video);
    all.tracks.clear();
    std::vector<std::string> names;
    for (int i = 0; i < 200; ++i)
        names.push_back(std::to_string(i));
    for (const auto& name : names)
        all.tracks.push_back(layer(name.c_str(), names));
    EXPECT_LE(publisher_priority(all, all.tracks[7]), priorities::last_video);
}

} // namespace
} // namespace moqrtc::catalog
