#include "support.hpp"

#include <moqrtc/cmaf/stream_demuxer.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {
namespace {

const auto video_bytes = video_entry();
const auto audio_bytes = audio_entry();

/// A fragmented file: two tracks, `count` fragments of one sample each.
byte_vector fragmented_file(std::size_t count) {
    const track both[] = {video_track(video_bytes), audio_track(audio_bytes)};
    byte_vector out;
    write_init_segment(out, both);
    for (std::size_t i = 0; i < count; ++i) {
        const chunk_sample one[] = {{1000, static_cast<std::uint32_t>(10 + i), 0, i % 4 == 0}};
        const chunk_header header{1, 1 + static_cast<std::uint32_t>(i % 2), 1, i / 2 * 1000, one};
        byte_vector chunk(header.wire_size());
        EXPECT_TRUE(header.serialize(chunk));
        chunk.insert(chunk.end(), 10 + i, static_cast<std::byte>(i));
        append(out, chunk);
    }
    return out;
}

TEST(stream_demuxer, pieces_of_any_size_give_the_same) {
    const auto file = fragmented_file(9);
    buffer_pool pool;
    for (std::size_t piece = 1; piece <= file.size(); piece += 1 + piece / 8) {
        std::size_t i = 0;
        const auto tracks = demux_stream(pool, file, piece, [&](const media_sample& s) {
            EXPECT_EQ(s.track, i % 2);
            EXPECT_EQ(s.decode_time, static_cast<std::int64_t>(i / 2 * 1000));
            ASSERT_EQ(s.payload.size(), 10 + i);
            EXPECT_EQ(s.payload.view().front(), static_cast<std::byte>(i));
            EXPECT_EQ(s.payload.view().back(), static_cast<std::byte>(i));
            ++i;
        });
        ASSERT_TRUE(tracks) << piece << tracks.error().field;
        EXPECT_EQ(tracks->size(), 2U);
        EXPECT_EQ(i, 9U) << piece;
    }
}

TEST(stream_demuxer, a_sample_comes_out_with_its_last_byte) {
    const auto file = fragmented_file(1);
    buffer_pool pool;
    stream_demuxer in{pool};
    const auto all_but_one = slice::borrowed(bytes{file}.first(file.size() - 1));
    ASSERT_EQ(in.handle_input(all_but_one), file.size() - 1);
    EXPECT_TRUE(in.ready());
    EXPECT_FALSE(in.poll_sample());
    ASSERT_TRUE(in.handle_input(slice::borrowed(bytes{file}.last(1))));
    EXPECT_TRUE(in.poll_sample());
    EXPECT_TRUE(in.handle_end());
}

TEST(stream_demuxer, stops_consuming_while_samples_wait) {
    const auto file = fragmented_file(9);
    buffer_pool pool;
    stream_demuxer::config settings;
    settings.queue = 4;
    stream_demuxer in{pool, settings};
    std::size_t at = 0;
    std::size_t samples = 0;
    while (at < file.size()) {
        const auto used = in.handle_input(slice::borrowed(bytes{file}.subspan(at)));
        ASSERT_TRUE(used);
        at += *used;
        std::size_t waiting = 0;
        while (in.poll_sample())
            ++waiting;
        EXPECT_LE(waiting, 4U);
        samples += waiting;
    }
    EXPECT_EQ(samples, 9U);
}

TEST(stream_demuxer, samples_in_one_piece_are_not_copied) {
    const auto file = fragmented_file(2);
    buffer_pool pool;
    stream_demuxer in{pool};
    ASSERT_TRUE(in.handle_input(borrow(file)));
    const auto s = in.poll_sample();
    ASSERT_TRUE(s);
    EXPECT_EQ(s->payload.data(), file.data() + s->offset);
    EXPECT_EQ(pool.used(), 0U);
}

TEST(stream_demuxer, says_what_is_wrong) {
    buffer_pool pool;
    const auto code = [&](const byte_vector& data, bool end = true) {
        stream_demuxer in{pool};
        const auto used = in.handle_input(borrow(data));
        if (!used) {
            EXPECT_FALSE(in.handle_input(borrow(data))); // nothing is read afterwards
            return used.error().code;
        }
        while (in.poll_sample()) {
        }
        if (!end) return errc::ok;
        const auto done = in.handle_end();
        return done ? errc::ok : done.error().code;
    };
    EXPECT_EQ(code({}), errc::not_found);
    EXPECT_EQ(code(boxed("mdat", hex("00"))), errc::unsupported);
    EXPECT_EQ(code(hex("00000004 66726565")), errc::bad_value);
    EXPECT_EQ(code(boxed("moof", hex(""))), errc::bad_state);
    EXPECT_EQ(code(hex("7fffffff 6d6f6f76")), errc::limit);
    EXPECT_EQ(code(hex("00000000 6d6f6f76")), errc::limit);
    const auto file = fragmented_file(2);
    auto twice = file;
    append(twice, file);
    EXPECT_EQ(code(twice), errc::duplicate);
    // The second fragment says that its samples lie before it.
    auto backwards = fragmented_file(1);
    const auto first = backwards.size();
    const auto more = fragmented_file(2);
    backwards.insert(backwards.end(), more.begin() + static_cast<std::ptrdiff_t>(first),
                     more.end());
    backwards[first + 8 + 16 + 8 + 16 + 20 + 8 + 8] = std::byte{0xff};
    EXPECT_NE(code(backwards), errc::ok);
}

TEST(stream_demuxer, truncation_at_every_byte_is_an_error_or_a_shorter_stream) {
    const auto file = fragmented_file(4);
    buffer_pool pool;
    std::size_t whole = 0;
    for (std::size_t size = 0; size < file.size(); ++size) {
        const byte_vector cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
        whole += demux_stream(pool, cut, 50, [](const media_sample&) {}).has_value();
    }
    EXPECT_EQ(whole, 4U); // between boxes: after moov and after each fragment but the last
}

TEST(stream_demuxer, an_exhausted_pool_is_an_error) {
    const auto file = fragmented_file(1);
    buffer_pool pool{64};
    EXPECT_EQ(demux_stream(pool, file, 30, [](const media_sample&) {}).error().code,
              errc::out_of_memory);
}

} // namespace
} // namespace moqrtc::cmaf::test
