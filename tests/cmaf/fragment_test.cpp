#include "support.hpp"

#include <moqrtc/cmaf/fragment.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace moqrtc::cmaf::test {
namespace {

byte_vector chunk_of(const chunk_header& header) {
    byte_vector out(header.wire_size());
    const auto size = header.serialize(out);
    EXPECT_TRUE(size);
    for (std::size_t i = 0; i < header.samples.size(); ++i)
        out.insert(out.end(), header.samples[i].size, static_cast<std::byte>(i));
    return out;
}

TEST(chunk_header, is_written_as_the_standard_says) {
    const chunk_sample one[] = {{512, 3, -2, true}};
    const chunk_header header{9, 2, 1, 0x100000000, one};
    EXPECT_EQ(header.wire_size(), 112U);
    EXPECT_EQ(chunk_of(header), hex("00000068 6d6f6f66 00000010 6d666864 00000000 00000009"
                                    "00000050 74726166 00000010 74666864 00020000 00000002"
                                    "00000014 74666474 01000000 0000000100000000"
                                    "00000024 7472756e 01000f01 00000001 00000070"
                                    "00000200 00000003 02000000 fffffffe"
                                    "0000000b 6d646174 000000"));
}

TEST(chunk_header, any_samples_come_back) {
    const auto held = rc::check([] {
        const auto count = *rc::gen::inRange<std::size_t>(1, 30);
        const auto list = *rc::gen::container<std::vector<chunk_sample>>(
            count, rc::gen::apply(
                       [](std::uint32_t duration, std::uint32_t size, std::int32_t offset,
                          bool sync) { return chunk_sample{duration, size, offset, sync}; },
                       rc::gen::arbitrary<std::uint32_t>(), rc::gen::inRange<std::uint32_t>(0, 90),
                       rc::gen::arbitrary<std::int32_t>(), rc::gen::arbitrary<bool>()));
        track t;
        t.track_id = *rc::gen::inRange<std::uint32_t>(1, 1000);
        chunk_header header;
        header.track_id = t.track_id;
        header.description = *rc::gen::inRange<std::uint32_t>(1, 3);
        header.decode_time = *rc::gen::inRange<std::uint64_t>(0, latest_time / 2);
        header.samples = list;
        const auto chunk = chunk_of(header);
        std::vector<media_sample> found;
        std::int64_t next = 0;
        RC_ASSERT(parse_chunk(borrow(chunk), t, next, found));
        RC_ASSERT(found.size() == list.size());
        auto time = static_cast<std::int64_t>(header.decode_time);
        for (std::size_t i = 0; i < count; ++i) {
            RC_ASSERT(found[i].decode_time == time);
            RC_ASSERT(found[i].duration == list[i].duration);
            RC_ASSERT(found[i].composition_offset == list[i].composition_offset);
            RC_ASSERT(found[i].is_sync == list[i].is_sync);
            RC_ASSERT(found[i].description == header.description);
            RC_ASSERT(found[i].payload.size() == list[i].size);
            for (const auto b : found[i].payload.view())
                RC_ASSERT(b == static_cast<std::byte>(i));
            time += list[i].duration;
        }
        RC_ASSERT(next == time);
    });
    EXPECT_TRUE(held);
}

TEST(chunk_header, needs_room_and_a_payload_that_fits) {
    const chunk_sample big[] = {{1, UINT32_MAX, 0, true}};
    byte_vector out(200);
    EXPECT_EQ((chunk_header{1, 1, 1, 0, big}.serialize(out).error().code), errc::limit);
    const chunk_sample small[] = {{1, 1, 0, true}};
    for (std::size_t size = 0; size < 112; ++size) {
        const auto done = chunk_header{1, 1, 1, 0, small}.serialize(mutable_bytes{out}.first(size));
        EXPECT_EQ(done.error().code, errc::no_space);
    }
}

class parse_chunk_test : public testing::Test {
protected:
    parse_chunk_test() { track_.track_id = 2; }
    [[nodiscard]] errc code_of(const byte_vector& chunk) {
        std::vector<media_sample> found;
        std::int64_t next = 0;
        const auto done = parse_chunk(borrow(chunk), track_, next, found);
        return done ? errc::ok : done.error().code;
    }
    static constexpr chunk_sample samples_[] = {{512, 3, 0, true}, {512, 4, 0, false}};
    byte_vector chunk_ = chunk_of({1, 2, 1, 77, samples_});
    track track_{};
};

TEST_F(parse_chunk_test, takes_several_chunks_and_other_boxes) {
    byte_vector data = boxed("styp", hex("6d736468 00000000"));
    append(data, chunk_);
    append(data, boxed("free", hex("00")));
    append(data, chunk_of({2, 2, 1, 77 + 1024, samples_}));
    std::vector<media_sample> found;
    std::int64_t next = 0;
    ASSERT_TRUE(parse_chunk(borrow(data), track_, next, found));
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[3].decode_time, 77 + 1024 + 512);
    EXPECT_EQ(found[3].payload.size(), 4U);
    EXPECT_EQ(next, 77 + 2048);
}

TEST_F(parse_chunk_test, truncation_at_every_byte_is_an_error) {
    for (std::size_t size = 1; size < chunk_.size(); ++size) {
        const byte_vector cut(chunk_.begin(), chunk_.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_EQ(code_of(cut), errc::truncated) << size;
    }
    EXPECT_EQ(code_of({}), errc::bad_value);
}

TEST_F(parse_chunk_test, refuses_another_track_and_samples_outside) {
    EXPECT_EQ(code_of(chunk_of({1, 3, 1, 77, samples_})), errc::bad_value);
    auto outside = chunk_;
    outside[8 + 16 + 8 + 16 + 20 + 8 + 8 + 3] = std::byte{0x60}; // data_offset: inside the moof
    EXPECT_EQ(code_of(outside), errc::truncated);
    outside[8 + 16 + 8 + 16 + 20 + 8 + 8 + 3] = std::byte{0x90}; // beyond the mdat
    EXPECT_EQ(code_of(outside), errc::truncated);
}

} // namespace
} // namespace moqrtc::cmaf::test
