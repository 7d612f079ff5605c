#include "support.hpp"

#include <moqrtc/cmaf/movie.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {
namespace {

/// The moov box of a tiny progressive file.
byte_vector small_moov() {
    const auto file = progressive_file({{10, 0, 3, true}, {10, 0, 4, false}}, 2);
    box_cursor boxes{file};
    while (const auto next = boxes.next()) {
        if (!*next) break;
        if ((*next)->type == "moov") return {(*next)->whole.begin(), (*next)->whole.end()};
    }
    return {};
}

/// Replaces the first occurrence of `from`.
byte_vector replaced(byte_vector data, bytes from, bytes to) {
    const auto at = std::search(data.begin(), data.end(), from.begin(), from.end());
    EXPECT_NE(at, data.end());
    std::copy(to.begin(), to.end(), at);
    return data;
}

TEST(movie, tells_the_tracks) {
    const auto moov = small_moov();
    const auto m = parse_movie(borrow(moov));
    ASSERT_TRUE(m) << m.error().field << m.error().where;
    EXPECT_EQ(m->timescale, 1000U);
    EXPECT_FALSE(m->is_fragmented);
    ASSERT_EQ(m->tracks.size(), 1U);
    const auto& t = m->tracks.front();
    EXPECT_EQ(t.track_id, 7U);
    EXPECT_EQ(t.kind, media_kind::video);
    EXPECT_EQ(t.timescale, 90000U);
    EXPECT_EQ(t.codec, fourcc{"avc1"});
    EXPECT_EQ(t.config_type, fourcc{"avcC"});
    EXPECT_TRUE(equal(t.codec_config, hex("0164001fffe1")));
    EXPECT_TRUE(equal(t.sample_entries, video_entry()));
    EXPECT_EQ(t.width, 320);
    EXPECT_EQ(t.height, 240);
    EXPECT_EQ(t.language, 0x55c4);
    EXPECT_EQ(t.table.sample_count, 2U);
}

TEST(movie, audio_entries_of_all_versions) {
    for (const auto& [version, extra] : {std::pair{0, 0U}, {1, 16U}, {2, 36U}}) {
        byte_vector entry =
            boxed("mp4a", {hex("000000000000 0001"),
                           byte_vector{std::byte{0}, static_cast<std::byte>(version)},
                           byte_vector(6), hex("0002 0010 00000000 ac440000"), byte_vector(extra),
                           boxed("wave", {boxed("esds", hex("00000000 03"))})});
        const auto stsd_bytes = boxed("stsd", {hex("00000000 00000001"), entry});
        const auto stsd = **box_cursor{stsd_bytes}.next();
        track t;
        t.kind = media_kind::audio;
        ASSERT_TRUE(parse_sample_description(t, stsd));
        EXPECT_EQ(t.channels, 2);
        EXPECT_EQ(t.sample_rate, 44100U);
        EXPECT_EQ(t.config_type, fourcc{"esds"}) << version;
        EXPECT_TRUE(equal(t.codec_config, hex("00000000 03")));
    }
}

TEST(movie, truncation_at_every_byte_is_an_error) {
    const auto moov = small_moov();
    for (std::size_t size = 0; size < moov.size(); ++size) {
        const auto m = parse_movie(slice::borrowed(bytes{moov}.first(size)));
        ASSERT_FALSE(m) << size;
        EXPECT_EQ(m.error().code, errc::truncated);
    }
    // The same with the outer sizes corrected, so that inner boxes meet their end.
    for (std::size_t size = 8; size < moov.size(); ++size) {
        byte_vector cut(moov.begin(), moov.begin() + static_cast<std::ptrdiff_t>(size));
        store_be<4>(mutable_bytes{cut}, size);
        const auto m = parse_movie(borrow(cut));
        ASSERT_FALSE(m) << size;
        EXPECT_LE(m.error().offset, size);
    }
}

TEST(movie, says_what_is_wrong_and_where) {
    const auto moov = small_moov();
    const auto name = [](fourcc code) {
        byte_vector out(4);
        store_be<4>(mutable_bytes{out}, code.value);
        return out;
    };
    struct {
        byte_vector from, to;
        errc code;
        const char* field;
    } const cases[] = {
        {name("mvhd"), name("free"), errc::bad_value, "mvhd"},
        {name("mdhd"), name("free"), errc::bad_value, "mandatory box missing"},
        {name("stsd"), name("free"), errc::bad_value, "mandatory box missing"},
        {name("moov"), name("meta"), errc::unknown_type, "moov"},
        {hex("00015f90"), hex("00000000"), errc::bad_value, "timescale"},
        {hex("000003e8"), hex("00000000"), errc::bad_value, "timescale"},
    };
    for (const auto& c : cases) {
        const auto changed = replaced(moov, c.from, c.to);
        const auto m = parse_movie(borrow(changed));
        ASSERT_FALSE(m) << c.field;
        EXPECT_EQ(m.error().code, c.code) << c.field;
        EXPECT_STREQ(m.error().field, c.field);
        EXPECT_NE(std::string{m.error().where}.find("ISO/IEC 14496-12"), std::string::npos);
    }
}

TEST(movie, refuses_two_tracks_of_one_id_and_too_many_tracks) {
    const auto moov = small_moov();
    const auto outer = **box_cursor{moov}.next();
    byte_vector header, trak;
    box_cursor boxes{outer};
    while (const auto next = *boxes.next()) {
        auto& to = next->type == "trak" ? trak : header;
        append(to, next->whole);
    }
    const auto twice = boxed("moov", {header, trak, trak});
    EXPECT_EQ(parse_movie(borrow(twice)).error().code, errc::duplicate);

    byte_vector many = header;
    for (std::size_t i = 0; i <= movie::max_tracks; ++i) {
        auto one = trak;
        one[8 + 8 + 15] = static_cast<std::byte>(i + 1); // track_ID
        append(many, one);
    }
    const auto crowd = boxed("moov", many);
    EXPECT_EQ(parse_movie(borrow(crowd)).error().code, errc::limit);
}

track edited(const char* elst_body) {
    const auto moov = small_moov();
    const auto outer = **box_cursor{moov}.next();
    byte_vector body;
    box_cursor boxes{outer};
    while (const auto next = *boxes.next()) {
        if (next->type != "trak") {
            append(body, next->whole);
            continue;
        }
        append(body, boxed("trak", {byte_vector(next->body.begin(), next->body.end()),
                                    boxed("edts", {boxed("elst", hex(elst_body))})}));
    }
    const auto whole = boxed("moov", body);
    auto m = parse_movie(borrow(whole));
    EXPECT_TRUE(m);
    if (!m) return {};
    // What points into `whole` must not leave here.
    track t = m->tracks.front();
    t.storage = {};
    t.sample_entries = t.codec_config = {};
    t.table = {};
    return t;
}

TEST(movie, edit_lists_say_where_a_track_starts) {
    const auto one = edited("00000000 00000001 00000064 00000400 00010000");
    EXPECT_EQ(one.edit_start, 1024);
    EXPECT_EQ(one.start_delay, 0);
    EXPECT_FALSE(one.has_more_edits);
    // An empty edit of 500 / 1000 s first, both in 64 bits.
    const auto delayed = edited("01000000 00000002 00000000000001f4 ffffffffffffffff 00010000"
                                "0000000000000064 0000000000000400 00010000");
    EXPECT_EQ(delayed.start_delay, 45000);
    EXPECT_EQ(delayed.edit_start, 1024);
    const auto more = edited("00000000 00000002 00000064 00000000 00010000"
                             "00000064 00000800 00010000");
    EXPECT_EQ(more.edit_start, 0);
    EXPECT_TRUE(more.has_more_edits);
    EXPECT_EQ(edited("00000000 00000000").edit_start, 0);
}

} // namespace
} // namespace moqrtc::cmaf::test
