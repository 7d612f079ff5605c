#include "support.hpp"

#include <moqrtc/cmaf/init_segment.hpp>
#include <moqrtc/cmaf/make_track.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {
namespace {

namespace vectors = codec::vectors;

TEST(make_track, of_every_configuration_has_an_init_segment_that_says_the_same) {
    buffer_pool pool;
    for (const auto& one : vectors::all) {
        const auto config = one.data();
        const auto made =
            make_track(pool, fourcc{one.sample_entry}, config, 48000, {640, 360, 2, 44100});
        ASSERT_TRUE(made) << one.name << ' ' << made.error().field;
        const auto copy = *made; // shares what it borrows from
        byte_vector init;
        write_init_segment(init, {&copy, 1}, {copy.track_id});
        const auto read = parse_init_segment(borrow(init));
        ASSERT_TRUE(read) << one.name << ' ' << read.error().field;
        const auto& found = read->tracks.at(0);
        EXPECT_EQ(found.kind, made->kind) << one.name;
        EXPECT_EQ(found.track_id, 1U);
        EXPECT_EQ(found.timescale, 48000U);
        EXPECT_EQ(found.codec.value, one.sample_entry) << one.name;
        EXPECT_EQ(found.config_type, made->config_type) << one.name;
        EXPECT_TRUE(equal(found.codec_config, config)) << one.name;
        EXPECT_TRUE(equal(made->codec_config, config)) << one.name;
        EXPECT_EQ(*codec::codec_string(found.codec.value, found.codec_config), one.codec_string);
        if (found.kind == media_kind::video) {
            // What the configuration says goes before what the caller does.
            EXPECT_EQ(found.width, one.width != 0 && found.config_type != "vpcC" ? one.width : 640)
                << one.name;
            EXPECT_EQ(found.display_height >> 16, found.height);
        } else {
            EXPECT_EQ(found.channels, one.channels != 0 ? one.channels : 2) << one.name;
        }
    }
}

TEST(make_track, refuses_what_no_sample_entry_can_say) {
    buffer_pool pool;
    const auto vp9 = vectors::vp9_profile_0.data();
    const auto h264 = vectors::h264_baseline.data();
    EXPECT_EQ(make_track(pool, "vp09", vp9, 90000).error().code, errc::bad_value) << "no size";
    EXPECT_EQ(make_track(pool, "vp09", vp9, 90000, {70000, 10}).error().code, errc::limit);
    EXPECT_EQ(make_track(pool, "avc1", h264, 0).error().code, errc::bad_value);
    EXPECT_EQ(make_track(pool, "text", h264, 1000).error().code, errc::unknown_type);
    EXPECT_FALSE(make_track(pool, "avc1", bytes{h264}.first(9), 90000));
}

} // namespace
} // namespace moqrtc::cmaf::test
