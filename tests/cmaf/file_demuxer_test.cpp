#include "support.hpp"

#include <moqrtc/cmaf/file_demuxer.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {
namespace {

const std::vector<table_sample> some{{10, 0, 3, true}, {10, 0, 4, false}, {10, 0, 5, false}};

TEST(file_demuxer, asks_for_what_it_needs_and_no_more) {
    const auto file = progressive_file({{10, 0, 100}, {10, 0, 200}, {10, 0, 300}}, 2, true, false);
    file_demuxer::config settings;
    settings.scan_size = 32;
    settings.read_size = 1;
    file_demuxer in{file.size(), settings};
    std::vector<read_request> asked;
    std::size_t samples = 0;
    while (!in.finished()) {
        if (const auto wanted = in.next_read()) {
            ASSERT_LE(wanted->offset + wanted->size, file.size());
            asked.push_back(*wanted);
            const auto part = bytes{file}.subspan(static_cast<std::size_t>(wanted->offset),
                                                  static_cast<std::size_t>(wanted->size));
            ASSERT_TRUE(in.handle_read(wanted->offset, slice::borrowed(part)));
            continue;
        }
        const auto s = in.poll_sample();
        ASSERT_TRUE(s);
        samples += s->has_value();
    }
    EXPECT_EQ(samples, 3U);
    // ftyp; mdat header; moov header; moov; three samples.
    EXPECT_EQ(asked.size(), 7U);
}

TEST(file_demuxer, a_mapped_file_is_one_read_and_no_copy) {
    const auto file = progressive_file(some, 3);
    file_demuxer in{file.size()};
    ASSERT_TRUE(in.next_read());
    ASSERT_TRUE(in.handle_read(0, borrow(file)));
    ASSERT_TRUE(in.ready());
    std::size_t samples = 0;
    while (!in.finished()) {
        EXPECT_FALSE(in.next_read());
        const auto s = in.poll_sample();
        ASSERT_TRUE(s);
        if (!*s) continue;
        EXPECT_EQ((*s)->payload.data(), file.data() + (*s)->offset);
        ++samples;
    }
    EXPECT_EQ(samples, 3U);
}

TEST(file_demuxer, refuses_a_read_that_is_too_short_or_elsewhere) {
    const auto file = progressive_file(some, 3);
    for (const auto& [offset, size] : {std::pair{0U, 3U}, {8U, 40U}}) {
        file_demuxer in{file.size()};
        const auto part = slice::borrowed(bytes{file}.subspan(offset, size));
        const auto done = in.handle_read(offset, part);
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, errc::truncated);
        EXPECT_TRUE(in.finished());
    }
}

TEST(file_demuxer, garbage_and_nothing_are_errors) {
    const auto code = [](const byte_vector& data) {
        const auto done = demux_file(data, {}, [](const media_sample&) {});
        return done ? errc::ok : done.error().code;
    };
    EXPECT_EQ(code({}), errc::not_found);
    EXPECT_EQ(code(hex("00")), errc::truncated);
    EXPECT_EQ(code(boxed("free", hex("00"))), errc::not_found);
    EXPECT_EQ(code(boxed("moof", hex("00"))), errc::bad_state);
    EXPECT_EQ(code(hex("00000003 66726565")), errc::bad_value);
    EXPECT_EQ(code(hex("0000ffff 66726565")), errc::truncated);
    file_demuxer::config settings;
    settings.max_box = 64;
    EXPECT_EQ(
        demux_file(progressive_file(some, 1), settings, [](const media_sample&) {}).error().code,
        errc::limit);
}

TEST(file_demuxer, truncation_at_every_byte_is_an_error) {
    for (const bool moov_first : {true, false}) {
        const auto file = progressive_file(some, 2, true, moov_first);
        for (std::size_t size = 0; size < file.size(); ++size) {
            const byte_vector cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(demux_file(cut, {}, [](const media_sample&) {})) << size;
        }
    }
}

TEST(file_demuxer, one_changed_byte_never_crashes) {
    const auto file = progressive_file(some, 2);
    for (std::size_t at = 0; at < file.size(); ++at)
        for (const unsigned flip : {0x01U, 0x80U, 0xffU}) {
            auto changed = file;
            changed[at] ^= static_cast<std::byte>(flip);
            std::size_t left = 1000; // a changed count may promise very many samples
            file_demuxer in{changed.size()};
            if (!in.handle_read(0, borrow(changed))) continue;
            while (!in.finished() && left-- > 0) {
                const auto s = in.poll_sample();
                if (!s) break;
                if (!*s) continue;
                EXPECT_EQ((*s)->payload.size(), (*s)->size);
            }
        }
}

} // namespace
} // namespace moqrtc::cmaf::test
