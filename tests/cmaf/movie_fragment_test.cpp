#include "support.hpp"

#include <moqrtc/cmaf/movie_fragment.hpp>

#include <gtest/gtest.h>

namespace moqrtc::cmaf::test {
namespace {

/// A full box of 32-bit fields.
byte_vector words(fourcc type, std::uint32_t flags, const std::vector<std::uint32_t>& values) {
    byte_vector out;
    box_writer w{out};
    const auto at = w.open(type, 0, flags);
    for (const auto v : values)
        w.u32(v);
    w.close(at);
    return out;
}
byte_vector moof_of(const std::vector<byte_vector>& trafs) {
    byte_vector body = words("mfhd", 0, {1});
    for (const auto& t : trafs)
        append(body, boxed("traf", t));
    return boxed("moof", body);
}
byte_vector joined(std::initializer_list<byte_vector> parts) {
    byte_vector out;
    for (const auto& p : parts)
        append(out, p);
    return out;
}

class movie_fragment : public testing::Test {
protected:
    movie_fragment() {
        tracks_[0].track_id = 5;
        tracks_[0].defaults = {3, 100, 1000, non_sync_sample_flags};
        tracks_[1].track_id = 6;
    }
    [[nodiscard]] result<void> parse(const byte_vector& moof, std::uint64_t offset = 10000) {
        kept_.push_back(moof);
        runs_.clear();
        return parse_movie_fragment(borrow(kept_.back()), offset, tracks_, next_, runs_);
    }
    [[nodiscard]] std::vector<sample> samples(std::int32_t shift = 0) const {
        std::vector<sample> out;
        for (const auto& r : runs_) {
            run_iterator it{r, shift};
            while (const auto s = it.next())
                out.push_back(*s);
        }
        return out;
    }
    std::vector<byte_vector> kept_{};
    std::vector<track> tracks_ = std::vector<track>(2);
    std::vector<std::int64_t> next_ = {0, 0};
    std::vector<fragment_run> runs_{};
};

constexpr auto based = fragment_flags::default_base_is_moof;

TEST_F(movie_fragment, reads_every_combination_of_flags) {
    namespace has = fragment_flags;
    for (std::uint32_t bits = 0; bits < 64; ++bits) {
        const std::uint32_t flags =
            (bits & 1 ? has::data_offset : 0) | (bits & 2 ? has::first_sample_flags : 0) |
            (bits & 4 ? has::sample_duration : 0) | (bits & 8 ? has::sample_size : 0) |
            (bits & 16 ? has::sample_flags : 0) | (bits & 32 ? has::sample_composition_offset : 0);
        std::vector<std::uint32_t> fields{3};
        if (flags & has::data_offset) fields.push_back(500);
        if (flags & has::first_sample_flags) fields.push_back(sync_sample_flags);
        for (std::uint32_t i = 0; i < 3; ++i) {
            if (flags & has::sample_duration) fields.push_back(10 + i);
            if (flags & has::sample_size) fields.push_back(20 + i);
            if (flags & has::sample_flags)
                fields.push_back(i == 1 ? sync_sample_flags : non_sync_sample_flags);
            if (flags & has::sample_composition_offset)
                fields.push_back(static_cast<std::uint32_t>(-5 + static_cast<int>(i)));
        }
        const auto moof = moof_of({joined(
            {words("tfhd", based, {5}), words("tfdt", 0, {7000}), words("trun", flags, fields)})});
        ASSERT_TRUE(parse(moof)) << bits;
        const auto found = samples();
        ASSERT_EQ(found.size(), 3U);
        std::int64_t time = 7000;
        std::uint64_t offset = 10000 + (bits & 1 ? 500U : 0U);
        for (std::uint32_t i = 0; i < 3; ++i) {
            const auto& s = found[i];
            EXPECT_EQ(s.track, 0U);
            EXPECT_EQ(s.description, 3U);
            EXPECT_EQ(s.duration, bits & 4 ? 10 + i : 100);
            EXPECT_EQ(s.size, bits & 8 ? 20 + i : 1000);
            EXPECT_EQ(s.composition_offset, bits & 32 ? -5 + static_cast<int>(i) : 0);
            EXPECT_EQ(s.is_sync, bits & 16 ? i == 1 : (bits & 2 ? i == 0 : false)) << bits;
            EXPECT_EQ(s.decode_time, time);
            EXPECT_EQ(s.offset, offset);
            time += s.duration;
            offset += s.size;
        }
        EXPECT_EQ(next_[0], time);
        EXPECT_EQ(runs_[0].least_composition_offset, bits & 32 ? -5 : 0);
    }
}

TEST_F(movie_fragment, finds_the_data) {
    const auto run = words("trun", fragment_flags::sample_size, {1, 10});
    const auto placed =
        words("trun", fragment_flags::data_offset | fragment_flags::sample_size, {1, 64, 10});
    // Neither base: the first traf starts at the moof, the second where the first one ended.
    ASSERT_TRUE(parse(moof_of(
        {joined({words("tfhd", 0, {5}), placed, run}), joined({words("tfhd", 0, {6}), run})})));
    auto found = samples();
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].offset, 10064U);
    EXPECT_EQ(found[1].offset, 10074U); // several runs: one after the other
    EXPECT_EQ(found[2].offset, 10084U);
    EXPECT_EQ(found[2].track, 1U);
    // An absolute base.
    ASSERT_TRUE(parse(
        moof_of({joined({words("tfhd", fragment_flags::base_data_offset, {5, 0, 77}), placed})})));
    EXPECT_EQ(samples()[0].offset, 77U + 64U);
    // Each at the moof.
    ASSERT_TRUE(parse(moof_of({joined({words("tfhd", based, {5}), placed}),
                               joined({words("tfhd", based, {6}), placed})})));
    EXPECT_EQ(samples()[1].offset, 10064U);
    // Negative: before the moof.
    ASSERT_TRUE(parse(moof_of(
        {joined({words("tfhd", based, {5}), words("trun", fragment_flags::data_offset,
                                                  {1, static_cast<std::uint32_t>(-8)})})})));
    EXPECT_EQ(samples()[0].offset, 9992U);
    EXPECT_EQ(parse(moof_of({joined(
                        {words("tfhd", based, {5}), words("trun", fragment_flags::data_offset,
                                                          {1, static_cast<std::uint32_t>(-8)})})}),
                    0)
                  .error()
                  .code,
              errc::overflow);
}

TEST_F(movie_fragment, goes_on_in_time_without_tfdt) {
    const auto run = words("trun", fragment_flags::sample_duration, {2, 30, 40});
    const auto traf = joined({words("tfhd", based, {5}), run});
    ASSERT_TRUE(parse(moof_of({joined({words("tfhd", based, {5}), words("tfdt", 0, {90}), run})})));
    ASSERT_TRUE(parse(moof_of({traf})));
    EXPECT_EQ(samples()[0].decode_time, 160);
    EXPECT_EQ(samples()[1].decode_time, 190);
    EXPECT_EQ(next_[1], 0);
}

TEST_F(movie_fragment, defaults_come_from_tfhd_then_trex) {
    const auto tfhd =
        words("tfhd",
              based | fragment_flags::sample_description_index | fragment_flags::default_duration |
                  fragment_flags::default_size | fragment_flags::default_flags,
              {5, 2, 11, 12, sync_sample_flags});
    ASSERT_TRUE(parse(moof_of({joined({tfhd, words("trun", 0, {1})})})));
    const auto s = samples(4)[0];
    EXPECT_EQ(s.description, 2U);
    EXPECT_EQ(s.duration, 11U);
    EXPECT_EQ(s.size, 12U);
    EXPECT_TRUE(s.is_sync);
    EXPECT_EQ(s.composition_offset, 4);
}

TEST_F(movie_fragment, passes_over_unknown_tracks) {
    ASSERT_TRUE(parse(moof_of({joined({words("tfhd", based, {99}), words("trun", 0, {7})})})));
    EXPECT_TRUE(runs_.empty());
}

TEST_F(movie_fragment, refuses_what_cannot_be) {
    const auto tfhd = words("tfhd", based, {5});
    const auto run = words("trun", 0, {1});
    struct {
        byte_vector traf;
        errc code;
    } const cases[] = {
        {run, errc::bad_value},                                            // no tfhd before
        {words("tfdt", 0, {1}), errc::bad_value},                          // nor here
        {joined({tfhd, tfhd}), errc::duplicate},                           //
        {hex(""), errc::bad_value},                                        //
        {joined({tfhd, words("trun", 0, {(1U << 20) + 1})}), errc::limit}, // takes no bytes
        {joined({tfhd, words("trun", 0x100, {2, 1})}), errc::truncated},   //
        {joined({tfhd, boxed("tfdt", hex("01000000 ffffffff 00000000"))}), errc::overflow},
    };
    for (const auto& c : cases) {
        const auto done = parse(moof_of({c.traf}));
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, c.code) << done.error().where;
    }
}

TEST_F(movie_fragment, truncation_at_every_byte_is_an_error) {
    const auto moof =
        moof_of({joined({words("tfhd", based, {5}), words("tfdt", 0, {90}),
                         words("trun", fragment_flags::sample_size | fragment_flags::data_offset,
                               {3, 100, 1, 2, 3})})});
    for (std::size_t size = 0; size < moof.size(); ++size) {
        const byte_vector cut(moof.begin(), moof.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_EQ(parse(cut).error().code, errc::truncated) << size;
    }
}

} // namespace
} // namespace moqrtc::cmaf::test
