#include <moqrtc/catalog/catalog.hpp>

#include <gtest/gtest.h>

namespace moqrtc::catalog {
namespace {

TEST(catalog, finds_tracks_by_their_effective_namespace) {
    catalog all;
    all.tracks.resize(2);
    all.tracks[0].name = all.tracks[1].name = "video";
    all.tracks[1].track_namespace = "other";
    EXPECT_EQ(find_track(all, "video"), &all.tracks[0]);
    EXPECT_EQ(find_track(all, "here", "video", "here"), &all.tracks[0]);
    EXPECT_EQ(find_track(all, "other", "video", "here"), &all.tracks[1]);
    EXPECT_EQ(find_track(all, "nowhere", "video", "here"), nullptr);
    EXPECT_EQ(find_track(all, "audio"), nullptr);
}

TEST(catalog, tracks_with_the_same_header_share_an_entry) {
    catalog all;
    all.tracks.resize(3);
    all.tracks[0].name = "a";
    all.tracks[1].name = "b";
    all.tracks[2].name = "a";
    set_init(all, all.tracks[0], as_bytes("ftypmoov"));
    set_init(all, all.tracks[1], as_bytes("ftypmoov"));
    set_init(all, all.tracks[2], as_bytes("another"));
    EXPECT_EQ(all.init_data_list.size(), 2U);
    EXPECT_EQ(all.tracks[0].init_ref, "init-a");
    EXPECT_EQ(all.tracks[1].init_ref, "init-a");
    EXPECT_NE(all.tracks[2].init_ref, "init-a");
    EXPECT_EQ(as_text(*init_bytes(all, all.tracks[1])), "ftypmoov");
    EXPECT_EQ(as_text(*init_bytes(all, all.tracks[2])), "another");
}

TEST(catalog, initialization_data_that_is_not_to_be_had) {
    catalog all;
    track one;
    EXPECT_EQ(init_bytes(all, one).error().code, errc::not_found);
    one.init_ref = "x";
    EXPECT_EQ(init_bytes(all, one).error().code, errc::not_found);
    all.init_data_list = {{"x", "track-property", "0x79"}, {"y", "inline", "AAAA...B"}};
    EXPECT_EQ(init_bytes(all, one).error().code, errc::unsupported);
    one.init_ref = "y";
    const auto dots = init_bytes(all, one);
    EXPECT_EQ(dots.error().code, errc::bad_value);
    EXPECT_EQ(dots.error().offset, 4U);
}

} // namespace
} // namespace moqrtc::catalog
