#include "support.hpp"

#include <moqrtc/cmaf/file_writer.hpp>
#include <moqrtc/cmaf/fragment.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {
namespace {

const auto video_bytes = video_entry();
const auto audio_bytes = audio_entry();

byte_vector init_of(const track& t, std::uint32_t track_id) {
    byte_vector out;
    write_init_segment(out, {&t, 1}, {track_id});
    return out;
}
byte_vector chunk_at(std::uint32_t track_id, std::uint64_t time, std::string_view payload) {
    const chunk_sample one[] = {{1000, static_cast<std::uint32_t>(payload.size()), 0, true}};
    const chunk_header header{42, track_id, 1, time, one};
    byte_vector out(header.wire_size());
    EXPECT_TRUE(header.serialize(out));
    append(out, as_bytes(payload));
    return out;
}

class file_writer_test : public testing::Test {
protected:
    void add(const track& t, std::uint32_t track_id) {
        kept_.push_back(init_of(t, track_id));
        const auto added = writer_.add_track(borrow(kept_.back()));
        ASSERT_TRUE(added);
    }
    void drain() {
        while (const auto piece = writer_.poll_output())
            append(file_, *piece);
    }
    [[nodiscard]] std::vector<media_sample> samples() {
        std::vector<media_sample> out;
        tracks_.clear();
        const auto tracks = demux_file(file_, {}, [&](const media_sample& s) { out.push_back(s); });
        EXPECT_TRUE(tracks);
        if (tracks) tracks_ = *tracks;
        return out;
    }
    buffer_pool pool_{};
    file_writer writer_{pool_};
    std::vector<byte_vector> kept_{};
    byte_vector file_{};
    std::vector<track> tracks_{};
};

TEST_F(file_writer_test, joins_tracks_of_one_id) {
    add(video_track(video_bytes), 1);
    add(audio_track(audio_bytes), 1);
    const auto v = chunk_at(1, 90000, "video");
    const auto a = chunk_at(1, 48000, "audio");
    ASSERT_TRUE(writer_.handle_chunk(0, borrow(v)));
    ASSERT_TRUE(writer_.handle_chunk(1, borrow(a)));
    drain();
    const auto found = samples();
    ASSERT_EQ(tracks_.size(), 2U);
    EXPECT_EQ(tracks_[0].track_id, 1U);
    EXPECT_EQ(tracks_[1].track_id, 2U);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].track, 0U);
    EXPECT_EQ(found[0].decode_time, 90000);
    EXPECT_EQ(as_text(found[0].payload), "video");
    EXPECT_EQ(found[1].track, 1U);
    EXPECT_EQ(as_text(found[1].payload), "audio");
}

TEST_F(file_writer_test, numbers_fragments) {
    add(video_track(video_bytes), 1);
    for (std::uint64_t i = 0; i < 3; ++i) {
        kept_.push_back(chunk_at(1, i * 1000, "x"));
        ASSERT_TRUE(writer_.handle_chunk(0, borrow(kept_.back())));
    }
    drain();
    std::vector<std::uint32_t> numbers;
    box_cursor boxes{file_};
    while (const auto next = *boxes.next()) {
        if (next->type != "moof") continue;
        const auto mfhd = **box_cursor{*next}.next();
        numbers.push_back(static_cast<std::uint32_t>(load_be<4>(mfhd.body.subspan(4))));
    }
    EXPECT_EQ(numbers, (std::vector<std::uint32_t>{1, 2, 3}));
}

TEST_F(file_writer_test, passes_payload_on_by_reference) {
    add(video_track(video_bytes), 1);
    const auto chunk = chunk_at(1, 0, "payload");
    slice_list rest;
    rest.push_back(slice::borrowed(bytes{chunk}.subspan(112, 3)));
    rest.push_back(slice::borrowed(bytes{chunk}.subspan(115)));
    ASSERT_TRUE(writer_.handle_chunk(0, slice::borrowed(bytes{chunk}.first(112)), rest));
    bool seen = false;
    while (const auto piece = writer_.poll_output()) {
        append(file_, *piece);
        seen = seen || piece->data() == chunk.data() + 115;
    }
    EXPECT_TRUE(seen);
    EXPECT_EQ(as_text(samples()[0].payload), "payload");
}

TEST_F(file_writer_test, drops_boxes_between_fragments_only) {
    add(video_track(video_bytes), 1);
    byte_vector data = boxed("styp", hex("6d736468 00000000"));
    append(data, chunk_at(1, 0, "one"));
    append(data, boxed("free", hex("00")));
    append(data, chunk_at(1, 1000, "two"));
    ASSERT_TRUE(writer_.handle_chunk(0, borrow(data)));
    drain();
    const auto found = samples();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(as_text(found[1].payload), "two");
    EXPECT_EQ(found[1].decode_time, 1000);
}

TEST_F(file_writer_test, moves_an_initial_delay_into_decode_times) {
    auto late = video_track(video_bytes);
    // An init segment of someone else, with an empty edit of half a second.
    auto init = init_of(late, 1);
    const auto elst =
        boxed("edts", {boxed("elst", hex("00000000 00000002 000001f4 ffffffff 00010000"
                                         "00000000 00000000 00010000"))});
    byte_vector changed;
    box_cursor outer{init};
    while (const auto next = *outer.next()) {
        if (next->type != "moov") {
            append(changed, next->whole);
            continue;
        }
        byte_vector body;
        box_cursor inner{*next};
        while (const auto child = *inner.next()) {
            if (child->type == "trak") {
                byte_vector trak(child->body.begin(), child->body.end());
                append(trak, elst);
                append(body, boxed("trak", trak));
            } else {
                append(body, child->whole);
            }
        }
        append(changed, boxed("moov", body));
    }
    ASSERT_TRUE(writer_.add_track(borrow(changed)));
    const auto chunk = chunk_at(1, 100, "x");
    ASSERT_TRUE(writer_.handle_chunk(0, borrow(chunk)));
    drain();
    EXPECT_EQ(samples()[0].decode_time, 45100);
    EXPECT_EQ(tracks_[0].start_delay, 0);
}

TEST_F(file_writer_test, rebase_keeps_tracks_in_step) {
    file_writer rebased{pool_, {true}};
    const auto video = init_of(video_track(video_bytes), 1);
    const auto audio = init_of(audio_track(audio_bytes), 1);
    ASSERT_TRUE(rebased.add_track(borrow(video)));
    ASSERT_TRUE(rebased.add_track(borrow(audio)));
    const auto v = chunk_at(1, 90000 * 1000 + 7, "v");
    const auto a = chunk_at(1, 48000 * 1000 - 5, "a"); // a little earlier
    const auto old = chunk_at(1, 48000 * 900, "o");
    ASSERT_TRUE(rebased.handle_chunk(0, borrow(v)));
    ASSERT_TRUE(rebased.handle_chunk(1, borrow(a)));
    const auto refused = rebased.handle_chunk(1, borrow(old));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::bad_value);
    while (const auto piece = rebased.poll_output())
        append(file_, *piece);
    const auto found = samples();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].decode_time, 48000 - 5);
    EXPECT_EQ(found[1].decode_time, 90000 + 7);
}

TEST_F(file_writer_test, says_how_much_audio_to_drop_only_at_the_start) {
    auto t = audio_track(audio_bytes);
    t.edit_start = t.priming = 1024;
    const auto init = init_of(t, 1);
    for (const std::uint64_t time : {0U, 48000U}) {
        file_writer w{pool_};
        ASSERT_TRUE(w.add_track(borrow(init)));
        const auto chunk = chunk_at(1, time, "x");
        ASSERT_TRUE(w.handle_chunk(0, borrow(chunk)));
        file_.clear();
        while (const auto piece = w.poll_output())
            append(file_, *piece);
        (void)samples();
        ASSERT_EQ(tracks_.size(), 1U);
        EXPECT_EQ(tracks_[0].priming, time == 0 ? 1024U : 0U);
        EXPECT_EQ(tracks_[0].edit_start, 1024);
    }
}

TEST_F(file_writer_test, a_refused_chunk_leaves_no_trace) {
    add(video_track(video_bytes), 1);
    const auto good = chunk_at(1, 0, "good");
    for (std::size_t size = 0; size < good.size(); ++size) {
        const byte_vector cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
        const auto done = writer_.handle_chunk(0, borrow(cut));
        ASSERT_FALSE(done) << size;
        EXPECT_EQ(done.error().code, errc::truncated);
    }
    const auto foreign = chunk_at(9, 0, "x");
    EXPECT_EQ(writer_.handle_chunk(0, borrow(foreign)).error().code, errc::bad_value);
    EXPECT_EQ(writer_.handle_chunk(1, borrow(good)).error().code, errc::not_found);
    slice_list more;
    more.push_back(slice::borrowed(as_bytes("tail")));
    EXPECT_EQ(writer_.handle_chunk(0, borrow(good), more).error().code, errc::trailing);
    EXPECT_FALSE(writer_.poll_output());
    ASSERT_TRUE(writer_.handle_chunk(0, borrow(good)));
    drain();
    EXPECT_EQ(samples().size(), 1U);
    const auto init = init_of(video_track(video_bytes), 1);
    EXPECT_EQ(writer_.add_track(borrow(init)).error().code, errc::bad_state);
}

} // namespace
} // namespace moqrtc::cmaf::test
