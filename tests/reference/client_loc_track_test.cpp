#include "client/loc_track.hpp"
#include "client/media_file.hpp"

#include <moqrtc/cmaf/fragment.hpp>
#include <moqrtc/core/hex.hpp>

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

using namespace moqrtc;
using reference::loc_track;

namespace {

/// avcC of 1280x720, baseline.
const auto avcc = *hex_decode(
    "0142c01fffe100196742c01fd9005005bb0110000003001000000303c0f183248001000568cb83cb20");

catalog::track video(std::string codec = "avc1.42C01F") {
    catalog::track out;
    out.name = "video";
    out.packaging = "loc";
    out.role = "video";
    out.codec = std::move(codec);
    return out;
}

/// One track, frame by frame; what comes out, sample by sample.
class stage {
public:
    explicit stage(const catalog::track& entry, std::vector<std::byte> description = {})
        : track{pool, entry, std::move(description)} {}

    errc frame(moqt::location at, std::uint64_t time, const char* payload = "0000000265b8",
               loc::header media = {}) {
        media.timestamp = time;
        const auto done = track.handle(at, media, slice::copy(pool, *hex_decode(payload)));
        return done ? errc::ok : done.error().code;
    }
    /// Decode time, presentation time, duration of each sample so far; `|` between chunks.
    std::string samples() {
        std::string out;
        while (const auto chunk = track.poll()) {
            std::vector<cmaf::media_sample> all;
            std::int64_t next = 0;
            EXPECT_TRUE(cmaf::parse_chunk(*chunk, *track.known(), next, all));
            for (const auto& s : all)
                out += (out.empty() || out.back() == '|' ? "" : " ") +
                       std::to_string(s.decode_time) + "/" +
                       std::to_string(s.decode_time + s.composition_offset) + "+" +
                       std::to_string(s.duration) + (s.is_sync ? "*" : "");
            last = all.back().payload;
            out += "|";
        }
        return out;
    }

    buffer_pool pool;
    loc_track track;
    slice last;
};

} // namespace

TEST(loc_track, a_group_is_written_when_it_is_over) {
    stage s{video(), avcc};
    EXPECT_EQ(s.frame({7, 1}, 900), errc::ok) << "before a keyframe nothing is of use";
    EXPECT_EQ(s.track.known(), nullptr);
    EXPECT_EQ(s.frame({7, 0}, 1000), errc::ok);
    ASSERT_NE(s.track.known(), nullptr);
    EXPECT_EQ(s.track.known()->width, 1280);
    EXPECT_EQ(s.track.known()->timescale, 1'000'000u);
    EXPECT_EQ(s.frame({7, 1}, 1040), errc::ok);
    EXPECT_EQ(s.samples(), "");
    EXPECT_EQ(s.frame({8, 0}, 1080), errc::ok);
    EXPECT_EQ(s.samples(), "1000/1000+40* 1040/1040+40|");
    ASSERT_TRUE(s.track.finish());
    EXPECT_EQ(s.samples(), "1080/1080+40*|") << "as long as the one before";
    ASSERT_TRUE(s.track.finish());
    EXPECT_EQ(s.samples(), "");
}

TEST(loc_track, frames_that_are_shown_in_another_order_are_decoded_in_theirs) {
    stage s{video(), avcc};
    for (const auto& [object, time] : {std::pair{0, 0}, {1, 120}, {2, 40}, {3, 80}})
        EXPECT_EQ(s.frame({1, static_cast<std::uint64_t>(object)},
                          static_cast<std::uint64_t>(1000 + time)),
                  errc::ok);
    EXPECT_EQ(s.frame({2, 0}, 1160), errc::ok);
    EXPECT_EQ(s.samples(), "960/1000+40* 1000/1120+40 1040/1040+40 1080/1080+40|");
    // A gap is no long frame, and what overlaps does not go back in decoding.
    EXPECT_EQ(s.frame({3, 0}, 9'000'000), errc::ok);
    EXPECT_EQ(s.samples(), "1120/1160+40*|");
    EXPECT_EQ(s.frame({4, 0}, 8'999'990), errc::ok);
    EXPECT_EQ(s.samples(), "8999960/9000000+40*|");
    ASSERT_TRUE(s.track.finish());
    EXPECT_EQ(s.samples(), "9000000/8999990+40*|");
    // A publisher that began anew is not held to where the old one was.
    EXPECT_EQ(s.frame({5, 0}, 50), errc::ok);
    ASSERT_TRUE(s.track.finish());
    EXPECT_EQ(s.samples(), "10/50+40*|");
}

TEST(loc_track, the_decoder_may_be_told_by_the_first_frame) {
    stage by_property{video()};
    EXPECT_EQ(by_property.frame({1, 0}, 0), errc::not_found)
        << "no parameter sets, no Video Config";
    EXPECT_EQ(by_property.frame({2, 0}, 0, "0000000265b8", {.video_config = avcc}), errc::ok);
    ASSERT_NE(by_property.track.known(), nullptr);
    EXPECT_EQ(by_property.track.known()->codec, cmaf::fourcc{"avc1"});
    EXPECT_EQ(by_property.frame({3, 0}, 40, "0000000265b8", {.video_config = avcc}), errc::ok);
    auto other = avcc;
    other[3] = std::byte{0x20};
    EXPECT_EQ(by_property.frame({4, 0}, 80, "0000000265b8", {.video_config = other}),
              errc::unsupported);
    EXPECT_EQ(by_property.frame({4, 1}, 120), errc::ok) << "passed over, as its keyframe was";
    EXPECT_EQ(by_property.frame({5, 0}, 160, "0000000265b8", {.video_config = avcc}), errc::ok);
    ASSERT_TRUE(by_property.track.finish());
    EXPECT_EQ(by_property.samples(), "0/0+40*|40/40+120*|160/160+120*|");

    // Parameter sets in band, behind start codes: they stay, and lengths take their place.
    stage in_band{video("avc3.42C01F")};
    const std::string sets =
        "000000016742c01fd9005005bb0110000003001000000303c0f18324800000000168cb83"
        "cb20";
    EXPECT_EQ(in_band.frame({1, 0}, 0, (sets + "0000000165b8").c_str()), errc::ok);
    ASSERT_NE(in_band.track.known(), nullptr);
    EXPECT_EQ(in_band.track.known()->codec, cmaf::fourcc{"avc3"});
    EXPECT_EQ(in_band.track.known()->height, 720);
    ASSERT_TRUE(in_band.track.finish());
    EXPECT_EQ(in_band.samples(), "0/0+20000*|");
    EXPECT_EQ(hex_encode(in_band.last.view()).substr(0, 10), "0000001967");
    EXPECT_EQ(hex_encode(in_band.last.view().last(6)), "0000000265b8");
}

TEST(loc_track, sound_needs_no_configuration_where_the_catalog_says_enough) {
    catalog::track entry;
    entry.role = "audio";
    entry.codec = "opus";
    entry.samplerate = 48000;
    entry.channel_config = "2";
    stage s{entry};
    const loc::header scale{.timescale = 48000};
    EXPECT_EQ(s.frame({3, 4}, 960, "fcff", scale), errc::ok) << "each frame of sound is a start";
    EXPECT_EQ(s.frame({3, 5}, 1920, "fcff", scale), errc::ok);
    EXPECT_EQ(s.track.known()->timescale, 48000u);
    EXPECT_EQ(s.track.known()->channels, 2);
    ASSERT_TRUE(s.track.finish());
    EXPECT_EQ(s.samples(), "960/960+960* 1920/1920+960*|");
    // Another scale later is moved to the first.
    EXPECT_EQ(s.frame({4, 0}, 60'000, "fcff"), errc::ok);
    ASSERT_TRUE(s.track.finish());
    EXPECT_EQ(s.samples(), "2880/2880+960*|");
    stage unknown{video("vp8")};
    EXPECT_EQ(unknown.frame({1, 0}, 0), errc::unsupported);
}

TEST(loc_track, objects_that_say_too_little_or_too_much_are_left_out) {
    stage s{video(), avcc};
    EXPECT_TRUE(s.track.handle({1, 0}, {}, {})) << "an empty object says nothing";
    EXPECT_EQ(s.track.handle({1, 0}, {}, slice::copy(s.pool, avcc)).error().code, errc::not_found);
    EXPECT_EQ(s.frame({1, 0}, UINT64_MAX), errc::overflow);
    EXPECT_EQ(s.frame({1, 0}, std::uint64_t{1} << 62), errc::overflow);
    EXPECT_EQ(s.frame({1, 0}, 1000), errc::ok);
    EXPECT_EQ(s.frame({1, 1}, 1040, "00000001"), errc::bad_value) << "nothing behind it";
    ASSERT_TRUE(s.track.finish());
}

TEST(loc_track, a_group_without_end_is_cut) {
    stage s{video(), avcc};
    for (std::uint64_t i = 0; i < 1300; ++i)
        ASSERT_EQ(s.frame({1, i}, 1000 + 40 * i), errc::ok);
    ASSERT_TRUE(s.track.finish());
    const auto all = s.samples();
    EXPECT_EQ(std::count(all.begin(), all.end(), '|'), 3);
    EXPECT_EQ(std::count(all.begin(), all.end(), '+'), 1300);
    EXPECT_EQ(all.find("+0"), std::string::npos);
}
