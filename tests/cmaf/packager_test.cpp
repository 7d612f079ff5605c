#include "support.hpp"

#include <moqrtc/cmaf/packager.hpp>

#include <gtest/gtest.h>
#include <map>
#include <rapidcheck.h>

namespace moqrtc::cmaf::test {
namespace {

const auto video_bytes = video_entry();
const auto audio_bytes = audio_entry();

/// A packager of one video track (25 frames per second) and one audio track (AAC), by default.
class bench {
public:
    explicit bench(packager::config settings = {},
                   std::vector<track> tracks = {video_track(video_bytes), audio_track(audio_bytes)})
        : tracks_{std::move(tracks)}, pack_{pool_, tracks_, settings} {}

    [[nodiscard]] static media_sample sample_at(std::uint32_t track, std::int64_t time,
                                                std::uint32_t duration, bool sync,
                                                std::int32_t offset = 0) {
        media_sample s;
        s.track = track;
        s.decode_time = time;
        s.duration = duration;
        s.composition_offset = offset;
        s.is_sync = sync;
        s.size = 5;
        s.payload = slice::borrowed(as_bytes("media"));
        return s;
    }
    void video(int frame, bool sync, std::int32_t offset = 0) {
        EXPECT_TRUE(pack_.handle_sample(sample_at(0, frame * 3600, 3600, sync, offset)));
    }
    void audio(int frame) {
        EXPECT_TRUE(pack_.handle_sample(sample_at(1, frame * 1024, 1024, true)));
    }
    [[nodiscard]] std::vector<media_object> drain() {
        std::vector<media_object> out;
        while (auto o = pack_.poll_object())
            out.push_back(std::move(*o));
        return out;
    }
    buffer_pool pool_{};
    std::vector<track> tracks_;
    packager pack_;
};

packager::config from_group(std::uint64_t first) {
    packager::config settings;
    settings.first_group = first;
    return settings;
}

TEST(packager, one_video_frame_is_one_object_and_a_keyframe_opens_a_group) {
    bench b{from_group(1'790'000'000'000)};
    for (int i = 0; i < 60; ++i)
        b.video(i, i % 25 == 0);
    const auto objects = b.drain();
    ASSERT_EQ(objects.size(), 60U);
    for (std::size_t i = 0; i < 60; ++i) {
        const auto& o = objects[i];
        EXPECT_EQ(o.group_id, 1'790'000'000'000 + i / 25);
        EXPECT_EQ(o.object_id, i % 25);
        EXPECT_EQ(o.is_sync, i % 25 == 0);
        EXPECT_EQ(o.decode_time, (media_time{static_cast<std::int64_t>(i) * 3600, 90000}));
        EXPECT_EQ(o.length, (media_time{1, 25}));
        EXPECT_EQ(o.size(), 112U + 5);
        EXPECT_TRUE(equal(o.payload[0], as_bytes("media"))) << "by reference";
        EXPECT_EQ(o.payload[0].data(), objects[0].payload[0].data());
    }
}

TEST(packager, audio_merges_up_to_the_limit_and_no_frame_waits_in_vain) {
    bench b{};
    b.video(0, true);
    EXPECT_EQ(b.drain().size(), 1U);
    b.audio(0);
    EXPECT_TRUE(b.drain().empty());
    b.audio(1); // 42.7 ms: a third frame would pass 50 ms
    const auto objects = b.drain();
    ASSERT_EQ(objects.size(), 1U);
    EXPECT_EQ(objects[0].payload.size(), 2U);
    EXPECT_EQ(objects[0].length, (media_time{2048, 48000}));
}

TEST(packager, audio_belongs_to_the_group_of_its_first_presentation_time) {
    bench b{};
    for (int i = 0, a = 0; i < 75; ++i) { // in decode order
        for (; a * 1024 * 25 < i * 48000; ++a)
            b.audio(a);
        b.video(i, i % 25 == 0);
    }
    ASSERT_TRUE(b.pack_.handle_end());
    std::map<std::uint64_t, std::uint64_t> next;
    for (const auto& o : b.drain()) {
        if (o.track != 1 || o.end_of_track) continue;
        const auto second = static_cast<std::uint64_t>(o.presentation_time.ticks / 48000);
        EXPECT_EQ(o.group_id, second);
        EXPECT_EQ(o.object_id, next[o.group_id]++);
        // No chunk reaches into the next group with more than its last frame.
        EXPECT_LT(o.presentation_time.ticks + o.length.ticks,
                  static_cast<std::int64_t>(second + 1) * 48000 + 1024);
    }
    EXPECT_EQ(next.size(), 3U);
}

TEST(packager, keyframes_count_by_presentation_time) {
    // Two frames of reordering: the keyframe of the second group is decoded at 23 / 25 s.
    auto t = video_track(video_bytes);
    t.edit_start = 7200;
    bench b{{}, {t, audio_track(audio_bytes)}};
    for (int i = 0; i <= 25; ++i)
        b.video(i, i % 25 == 0, 7200);
    (void)b.drain();
    b.audio(46); // 0.981 s: after the keyframe in decode order, before it in presentation
    b.audio(47); // 1.003 s
    ASSERT_TRUE(b.pack_.handle_end());
    const auto objects = b.drain();
    EXPECT_EQ(objects[0].group_id, 0U);
    EXPECT_EQ(objects[1].group_id, 1U);
    EXPECT_EQ(objects[0].payload.size(), 1U) << "a chunk does not span groups";
}

TEST(packager, audio_alone_has_groups_of_a_second) {
    bench b{from_group(50), {audio_track(audio_bytes)}};
    for (int i = 0; i < 142; ++i)
        ASSERT_TRUE(b.pack_.handle_sample(bench::sample_at(0, i * 1024, 1024, true)));
    ASSERT_TRUE(b.pack_.handle_end());
    const auto objects = b.drain();
    std::map<std::uint64_t, std::size_t> sizes;
    for (const auto& o : objects)
        if (!o.end_of_track) ++sizes[o.group_id];
    ASSERT_EQ(sizes.size(), 4U); // 3.029 s
    EXPECT_EQ(sizes.begin()->first, 50U);
    EXPECT_EQ(sizes[51], 24U);
    EXPECT_TRUE(objects.back().end_of_track);
    EXPECT_EQ(objects.back().group_id, 53U);
    EXPECT_EQ(objects.back().object_id, sizes[53]);
}

TEST(packager, other_video_tracks_follow_the_lead_at_their_own_keyframes) {
    auto second = video_track(video_bytes);
    bench b{{}, {video_track(video_bytes), second}};
    std::vector<std::uint64_t> groups;
    for (int i = 0; i < 60; ++i) {
        b.video(i, i % 20 == 0);
        // Keyframes twice as often as the lead, but its first one is late.
        ASSERT_TRUE(b.pack_.handle_sample(bench::sample_at(1, i * 3600, 3600, i % 10 == 5)));
        for (const auto& o : b.drain())
            if (o.track == 1) groups.push_back(o.group_id);
    }
    EXPECT_EQ(b.pack_.dropped(), 5U);
    ASSERT_EQ(groups.size(), 55U);
    EXPECT_EQ(groups[19], 0U); // frame 24: the lead is in group 1 since 20
    EXPECT_EQ(groups[20], 1U); // frame 25: its first keyframe there
    EXPECT_EQ(groups[39], 1U);
    EXPECT_EQ(groups[40], 2U);
}

TEST(packager, waits_for_video_when_tracks_come_one_after_the_other) {
    packager::config settings;
    settings.is_interleaved = false;
    bench b{settings};
    for (int a = 0; a < 46; ++a) // audio of a second, before any video
        b.audio(a);
    EXPECT_TRUE(b.drain().empty());
    for (int i = 0; i < 50; ++i)
        b.video(i, i % 10 == 0);
    ASSERT_TRUE(b.pack_.handle_end());
    for (const auto& o : b.drain())
        if (o.track == 1 && !o.end_of_track) {
            EXPECT_EQ(o.group_id,
                      static_cast<std::uint64_t>(o.presentation_time.ticks * 10 / 4 / 48000));
        }
}

TEST(packager, holds_within_bounds) {
    packager::config settings;
    settings.is_interleaved = false;
    settings.max_hold = milliseconds(500);
    bench b{settings};
    b.video(0, true);
    (void)b.drain();
    for (int a = 0; a < 100; ++a)
        b.audio(a);
    const auto early = b.drain();
    ASSERT_FALSE(early.empty());
    const auto last = early.back().presentation_time.ticks;
    EXPECT_GE(last, 99 * 1024 - 24000 - 3 * 1024);
    settings.max_hold = seconds(1000);
    settings.max_held = 10;
    bench few{settings};
    few.video(0, true);
    (void)few.drain();
    for (int a = 0; a < 100; ++a)
        few.audio(a);
    EXPECT_GE(few.drain().size(), 44U);
}

TEST(packager, a_gap_starts_a_chunk) {
    bench b{{}, {audio_track(audio_bytes)}};
    for (const int i : {0, 5, 6})
        ASSERT_TRUE(b.pack_.handle_sample(bench::sample_at(0, i * 1024, 1024, true)));
    const auto objects = b.drain();
    ASSERT_EQ(objects.size(), 2U);
    EXPECT_EQ(objects[0].payload.size(), 1U);
    EXPECT_EQ(objects[1].payload.size(), 2U);
    EXPECT_EQ(objects[1].decode_time.ticks, 5 * 1024);
}

TEST(packager, video_chunks_merge_when_asked_to_and_stay_in_their_group) {
    packager::config settings;
    settings.video_chunk = milliseconds(200);
    bench b{settings};
    for (int i = 0; i < 24; ++i)
        b.video(i, i % 12 == 0);
    ASSERT_TRUE(b.pack_.handle_end_of_track(0));
    std::vector<std::size_t> sizes;
    for (const auto& o : b.drain())
        sizes.push_back(o.payload.size());
    EXPECT_EQ(sizes, (std::vector<std::size_t>{5, 5, 2, 5, 5, 2, 0}));
}

TEST(packager, laps_follow_one_another) {
    auto t = video_track(video_bytes);
    t.edit_start = 7200;
    bench b{{}, {t, audio_track(audio_bytes)}};
    std::array<std::int64_t, 2> end{};
    std::array<std::uint64_t, 2> last_group{};
    for (int lap = 0; lap < 3; ++lap) {
        for (int i = 0, a = 0; i < 50; ++i) {
            for (; a * 1024 * 25 < i * 48000; ++a)
                b.audio(a);
            b.video(i, i % 25 == 0, 7200);
        }
        ASSERT_TRUE(b.pack_.handle_lap());
        const auto objects = b.drain();
        std::array<media_time, 2> first{};
        for (const auto& o : objects) {
            if (o.track == 0 && o.object_id == 0 && o.group_id % 2 == 0)
                first[0] = o.presentation_time;
            EXPECT_GE(o.decode_time.ticks, end[o.track] - (o.track == 0 && lap == 0 ? 7200 : 0));
            EXPECT_GE(o.group_id, last_group[o.track]);
            end[o.track] = o.decode_time.ticks + o.length.ticks;
            last_group[o.track] = o.group_id;
        }
        EXPECT_EQ(last_group[0], static_cast<std::uint64_t>(lap) * 2 + 1);
        EXPECT_EQ(last_group[1], last_group[0]);
    }
    EXPECT_NEAR(static_cast<double>(end[0]) / 90000, 6 - 0.08, 0.001);
}

TEST(packager, encrypted_and_other_tracks_are_left_out) {
    auto hidden = video_track(video_bytes);
    hidden.is_protected = true;
    track text;
    bench b{{}, {hidden, text, audio_track(audio_bytes)}};
    EXPECT_FALSE(packager::carries(hidden));
    EXPECT_FALSE(packager::carries(text));
    b.video(0, true);
    ASSERT_TRUE(b.pack_.handle_sample(bench::sample_at(1, 0, 1, true)));
    EXPECT_TRUE(b.drain().empty());
    ASSERT_TRUE(b.pack_.handle_sample(bench::sample_at(2, 0, 48000, true)));
    EXPECT_EQ(b.drain().size(), 1U); // audio leads itself
}

TEST(packager, refuses_misuse_and_survives_an_exhausted_pool) {
    bench b{};
    EXPECT_EQ(b.pack_.handle_sample(bench::sample_at(9, 0, 1, true)).error().code, errc::not_found);
    EXPECT_EQ(b.pack_.handle_sample(bench::sample_at(0, -1, 1, true)).error().code, errc::overflow);
    b.pool_.set_limit(0);
    EXPECT_EQ(b.pack_.handle_sample(bench::sample_at(0, 0, 1, true)).error().code,
              errc::out_of_memory);
    b.pool_.set_limit(SIZE_MAX);
    ASSERT_TRUE(b.pack_.handle_end_of_track(0));
    EXPECT_EQ(b.pack_.handle_sample(bench::sample_at(0, 9, 1, true)).error().code, errc::bad_state);
}

TEST(packager, every_group_starts_with_a_keyframe_and_nothing_is_lost) {
    const auto held = rc::check([] {
        bench b{from_group(1000)};
        const auto frames = *rc::gen::container<std::vector<bool>>(rc::gen::arbitrary<bool>());
        std::size_t expected = 0;
        bool started = false;
        std::size_t audio = 0;
        for (std::size_t i = 0; i < frames.size(); ++i) {
            started = started || frames[i];
            expected += started;
            b.video(static_cast<int>(i), frames[i]);
            for (; audio * 1024 * 25 <= i * 48000; ++audio)
                b.audio(static_cast<int>(audio));
        }
        RC_ASSERT(b.pack_.handle_end().has_value());
        std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> next;
        std::size_t found[2] = {0, 0};
        for (const auto& o : b.drain()) {
            const auto object = next[{o.track, o.group_id}]++;
            RC_ASSERT(o.object_id == object);
            if (o.end_of_track) continue;
            found[o.track] += o.payload.size();
            if (o.track == 0) RC_ASSERT(o.is_sync == (object == 0));
        }
        RC_ASSERT(found[0] == expected);
        RC_ASSERT(found[1] == audio);
        RC_ASSERT(b.pack_.dropped() == frames.size() - expected);
    });
    EXPECT_TRUE(held);
}

} // namespace
} // namespace moqrtc::cmaf::test
