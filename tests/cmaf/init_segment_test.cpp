#include "support.hpp"

#include <moqrtc/cmaf/init_segment.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {
namespace {

bool contains(const byte_vector& data, bytes what) {
    return std::search(data.begin(), data.end(), what.begin(), what.end()) != data.end();
}

TEST(init_segment, tells_all_of_a_track) {
    const auto entry = video_entry();
    auto t = video_track(entry);
    t.edit_start = 6000;
    t.language = 0x15c7;                                            // "eng"
    t.matrix = {0, 0x10000, 0, 0xffff0000, 0, 0, 0, 0, 0x40000000}; // turned by 90 degrees
    byte_vector init;
    write_init_segment(init, {&t, 1}, {3});
    const auto m = parse_init_segment(borrow(init));
    ASSERT_TRUE(m) << m.error().field;
    EXPECT_TRUE(m->is_fragmented);
    ASSERT_EQ(m->tracks.size(), 1U);
    const auto& found = m->tracks.front();
    EXPECT_EQ(found.track_id, 3U);
    EXPECT_EQ(found.kind, media_kind::video);
    EXPECT_EQ(found.timescale, 90000U);
    EXPECT_EQ(found.edit_start, 6000);
    EXPECT_EQ(found.start_delay, 0);
    EXPECT_EQ(found.language, 0x15c7);
    EXPECT_EQ(found.matrix, t.matrix);
    EXPECT_EQ(found.display_width, 320U << 16);
    EXPECT_EQ(found.display_height, 240U << 16);
    EXPECT_TRUE(equal(found.sample_entries, entry)) << "verbatim";
    EXPECT_EQ(found.defaults.description, 1U);
    EXPECT_EQ(found.table.sample_count, 0U);
}

TEST(init_segment, has_cmaf_brands) {
    const auto entry = audio_entry();
    auto t = audio_track(entry);
    byte_vector plain, edited;
    write_init_segment(plain, {&t, 1});
    EXPECT_TRUE(equal(bytes{plain}.first(32), hex("00000020 66747970 69736f36 00000000 69736f36"
                                                  "636d6663 636d6632 6d703431")));
    EXPECT_TRUE(contains(plain, as_bytes("cmfc")));
    EXPECT_TRUE(contains(plain, as_bytes("cmf2")));
    t.edit_start = 1024;
    write_init_segment(edited, {&t, 1});
    EXPECT_TRUE(contains(edited, as_bytes("cmfc")));
    EXPECT_FALSE(contains(edited, as_bytes("cmf2"))) << "excludes edit lists";
}

TEST(init_segment, holds_several_tracks) {
    const auto video = video_entry();
    const auto audio = audio_entry();
    const track both[] = {video_track(video), audio_track(audio)};
    byte_vector init;
    write_init_segment(init, both);
    const auto m = parse_init_segment(borrow(init));
    ASSERT_TRUE(m);
    ASSERT_EQ(m->tracks.size(), 2U);
    EXPECT_EQ(m->tracks[0].track_id, 1U);
    EXPECT_EQ(m->tracks[1].track_id, 2U);
    EXPECT_EQ(m->tracks[1].kind, media_kind::audio);
    EXPECT_EQ(m->tracks[1].config_type, fourcc{"esds"});
    EXPECT_EQ(m->tracks[1].sample_rate, 48000U);
}

TEST(init_segment, carries_priming) {
    const auto entry = audio_entry();
    auto t = audio_track(entry);
    t.priming = 2112;
    byte_vector with, without;
    write_init_segment(with, {&t, 1});
    write_init_segment(without, {&t, 1}, {1, false});
    EXPECT_EQ(parse_init_segment(borrow(with))->tracks[0].priming, 2112U);
    EXPECT_EQ(parse_init_segment(borrow(without))->tracks[0].priming, 0U);
}

TEST(init_segment, truncation_at_every_byte_is_an_error) {
    const auto entry = audio_entry();
    auto t = audio_track(entry);
    t.priming = 1024;
    t.edit_start = 1024;
    byte_vector init;
    write_init_segment(init, {&t, 1});
    for (std::size_t size = 0; size < init.size(); ++size)
        EXPECT_FALSE(parse_init_segment(slice::borrowed(bytes{init}.first(size)))) << size;
    const auto none = boxed("ftyp", hex("69736f36 00000000"));
    EXPECT_EQ(parse_init_segment(borrow(none)).error().code, errc::not_found);
}

} // namespace
} // namespace moqrtc::cmaf::test
