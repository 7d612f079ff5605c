// LOC: what the properties of an object say, in every draft's encoding, and the way from the
// description of a decoder to MP4's configuration and back.
#include <moqrtc/codec/description.hpp>
#include <moqrtc/loc/decoder.hpp>
#include <moqrtc/loc/header.hpp>
#include <moqrtc/loc/properties.hpp>
#include <moqrtc/moqt/draft.hpp>
#include <moqrtc/moqt/properties.hpp>

#include <codec/vectors.hpp>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string>
#include <utility>
#include <vector>

namespace moqrtc::loc {
namespace {

namespace vectors = codec::vectors;

bool same(const header& a, const header& b) {
    return a.timestamp == b.timestamp && a.timescale == b.timescale && a.level == b.level &&
           a.marking == b.marking && equal(a.video_config, b.video_config) &&
           equal(a.audio_config, b.audio_config);
}

std::vector<std::byte> written(const moqt::wire_rules& rules, const header& from) {
    std::vector<std::byte> out(256 + from.video_config.size() + from.audio_config.size());
    moqt::key_value_writer pairs{rules, out};
    from.for_each([&](std::uint64_t type, std::uint64_t number, bytes data) {
        pairs.put({type, number, data});
    });
    const auto size = pairs.size();
    EXPECT_TRUE(size) << size.error().field;
    out.resize(size.value_or(0));
    return out;
}
result<header> read(const moqt::wire_rules& rules, bytes from) {
    return read_header(moqt::key_value_reader{rules, from});
}
std::vector<std::byte> unhex(std::string text) {
    std::erase(text, ' ');
    return *hex_decode(text);
}

TEST(loc_properties, an_audio_level_is_the_last_eight_bits) {
    EXPECT_EQ(audio_level::of(0x00), (audio_level{0, false}));
    EXPECT_EQ(audio_level::of(0x7f), (audio_level{127, false}));
    EXPECT_EQ(audio_level::of(0x80), (audio_level{0, true}));
    EXPECT_EQ(audio_level::of(0xffff'ff9e), (audio_level{30, true}));
    for (std::uint64_t value = 0; value < 256; ++value)
        EXPECT_EQ(audio_level::of(value).number(), value);
}

TEST(loc_properties, a_frame_marking_has_one_to_three_bytes_that_count) {
    for (const auto& [hex, wanted] :
         {std::pair{"e0", frame_marking{.independent = true}},
          {"d3", {.discardable = true, .temporal_id = 3, .size = 1}},
          {"080a", {.start = false, .end = false, .base_layer_sync = true, .layer = 10, .size = 2}},
          {"c002fe", {.layer = 2, .base_index = 254, .size = 3}}}) {
        const auto data = unhex(hex);
        const auto parsed = frame_marking::parse(data);
        ASSERT_TRUE(parsed) << hex;
        EXPECT_EQ(*parsed, wanted) << hex;
        const auto again = parsed->encoded();
        EXPECT_TRUE(equal(bytes{again}.first(parsed->size), data)) << hex;
    }
    EXPECT_EQ(frame_marking::parse(unhex("c002fe07"))->size, 3) << "a fourth has no meaning";
    EXPECT_EQ(frame_marking::parse({}).error().code, errc::bad_value);
    EXPECT_EQ(frame_marking::parse(unhex("c002fe0700")).error().code, errc::bad_value);
}

TEST(loc_header, as_the_draft_numbers_it) {
    // Drafts from 18 on: types as deltas, integers of one to nine bytes.
    const auto data = unhex("08 80bb"
                            "01 01e0"
                            "03 8085"
                            "01 02abcd"
                            "03 2a");
    const auto got = read(moqt::rules_for(moqt::draft::d18), data);
    ASSERT_TRUE(got) << got.error().field;
    EXPECT_EQ(got->timescale, 0xbbU);
    ASSERT_TRUE(got->marking && got->level);
    EXPECT_TRUE(got->marking->independent);
    EXPECT_EQ(*got->level, (audio_level{5, true}));
    EXPECT_EQ(hex_encode(got->video_config), "abcd");
    EXPECT_EQ(got->timestamp, 42U);
    EXPECT_EQ(hex_encode(written(moqt::rules_for(moqt::draft::d18), *got)), hex_encode(data));
}

TEST(loc_header, what_is_written_is_read_again_in_every_draft) {
    EXPECT_TRUE(rc::check("any header", [](std::uint32_t timestamp, std::uint16_t scale, bool level,
                                           std::uint8_t loud, bool marked, std::uint8_t size,
                                           const std::vector<std::uint8_t>& video,
                                           const std::vector<std::uint8_t>& audio) {
        header from;
        if (timestamp % 3 != 0) from.timestamp = timestamp;
        if (scale != 0) from.timescale = scale;
        if (level) from.level = audio_level::of(loud);
        if (marked) {
            const std::byte value[]{std::byte{loud}, std::byte{size}, std::byte{7}};
            from.marking = *frame_marking::parse(bytes{value}.first(1 + size % 3));
        }
        from.video_config = std::as_bytes(std::span{video});
        from.audio_config = std::as_bytes(std::span{audio});
        for (const auto version : moqt::spoken_drafts) {
            const auto& rules = moqt::rules_for(version);
            const auto data = written(rules, from);
            const auto again = read(rules, data);
            RC_ASSERT(again.has_value());
            RC_ASSERT(same(*again, from));
            // Cut anywhere it is an error, or it says less.
            for (std::size_t cut = 0; cut < data.size(); ++cut) {
                const auto less = read(rules, bytes{data}.first(cut));
                if (less) RC_ASSERT(written(rules, *less).size() <= cut);
            }
        }
    }));
    EXPECT_TRUE(rc::check("any bytes", [](const std::vector<std::uint8_t>& data) {
        for (const auto version : {moqt::draft::d16, moqt::draft::d18})
            if (const auto got = read(moqt::rules_for(version), std::as_bytes(std::span{data})))
                (void)written(moqt::rules_for(version), *got);
    }));
}

TEST(loc_header, what_contradicts_itself_is_refused_and_what_is_of_others_passed_over) {
    struct row {
        std::uint64_t type;
        std::uint64_t number;
        const char* data;
        errc code;
        const char* field;
    };
    const row table[] = {
        {property::timestamp, 1, "", errc::duplicate, "timestamp"},
        {property::timescale, 1, "", errc::duplicate, "timescale"},
        {property::audio_level, 1, "", errc::duplicate, "audio_level"},
        {property::video_frame_marking, 0, "e0", errc::duplicate, "video_frame_marking"},
        {property::video_config, 0, "01", errc::duplicate, "video_config"},
        {property::audio_config, 0, "01", errc::duplicate, "audio_config"},
    };
    for (const auto& one : table) {
        header all;
        const auto data = unhex(one.data);
        ASSERT_TRUE(all.take(one.type, one.number, data)) << one.field;
        const auto second = all.take(one.type, one.number, data);
        ASSERT_FALSE(second) << one.field;
        EXPECT_EQ(second.error().code, one.code);
        EXPECT_STREQ(second.error().field, one.field);
    }
    header all;
    EXPECT_EQ(all.take(property::timescale, 0, {}).error().code, errc::bad_value);
    EXPECT_EQ(all.take(property::video_frame_marking, 0, {}).error().code, errc::bad_value);
    EXPECT_TRUE(all.take(0x3c, 5, {}));
    EXPECT_TRUE(all.take(0x0b, 0, unhex("0102")));
    EXPECT_TRUE(same(all, {}));
}

TEST(loc_header, an_object_speaks_before_its_track) {
    const auto a = unhex("0a");
    const auto b = unhex("0b");
    const header track{.timestamp = 1, .timescale = 90000, .video_config = a, .audio_config = a};
    const header object{.timestamp = 7, .level = audio_level{}, .video_config = b};
    const auto both = object.within(track);
    EXPECT_EQ(both.timestamp, 7U);
    EXPECT_EQ(both.timescale, 90000U);
    EXPECT_TRUE(both.level);
    EXPECT_TRUE(equal(both.video_config, b));
    EXPECT_TRUE(equal(both.audio_config, a));
    EXPECT_FALSE(header{}.within(track).timestamp) << "no track has a time";
}

TEST(loc_header, times_are_moved_to_another_scale_or_refused) {
    EXPECT_EQ(rescaled(48000, 48000, 90000), 90000);
    EXPECT_EQ(rescaled(1, 3, 2), 1);
    EXPECT_EQ(rescaled(UINT64_MAX, UINT64_MAX, 1000), 1000);
    EXPECT_EQ(rescaled(INT64_MAX, 1, 1), INT64_MAX);
    EXPECT_EQ(rescaled(std::uint64_t{1} << 63, 1, 1).error().code, errc::overflow);
    EXPECT_EQ(rescaled(UINT64_MAX, 1, UINT64_MAX).error().code, errc::overflow);
    EXPECT_EQ(rescaled(1, 0, 1).error().code, errc::bad_value);
}

TEST(loc_decoder, sample_entries_of_codec_strings) {
    EXPECT_EQ(sample_entry_of("avc1.42E01E"), codec::fourcc("avc1"));
    EXPECT_EQ(sample_entry_of("avc3.42E01E"), codec::fourcc("avc3"));
    EXPECT_EQ(sample_entry_of("opus"), codec::fourcc("Opus"));
    EXPECT_EQ(sample_entry_of("mp4a.40.2"), codec::fourcc("mp4a"));
    EXPECT_EQ(sample_entry_of("vp8"), 0U);
    EXPECT_EQ(sample_entry_of(""), 0U);
}

TEST(loc_decoder, configurations_of_real_files_there_and_back) {
    for (const auto& one : {vectors::h264_baseline, vectors::h264_high, vectors::h265_main,
                            vectors::av1_main, vectors::aac_stereo, vectors::aac_surround,
                            vectors::opus_stereo, vectors::opus_surround}) {
        const auto config = one.data();
        const auto description = description_of(one.sample_entry, config);
        ASSERT_TRUE(description) << one.name;
        const auto box = box_configuration(one.sample_entry, *description);
        ASSERT_TRUE(box) << one.name << ' ' << box.error().field;
        EXPECT_EQ(*description_of(one.sample_entry, *box), *description) << one.name;
        EXPECT_EQ(*codec::codec_string(one.sample_entry, *box), one.codec_string);
        // AAC's descriptor is written anew, without bit rates; the others are what they were.
        EXPECT_TRUE(*box == config || one.sample_entry == codec::fourcc("mp4a")) << one.name;
    }
    EXPECT_EQ(description_of(codec::fourcc("vp09"), {}).error().code, errc::unsupported);
}

TEST(loc_decoder, what_is_missing_is_told) {
    using codec::fourcc;
    for (const auto entry :
         {fourcc("avc1"), fourcc("hev1"), fourcc("av01"), fourcc("mp4a"), fourcc("Opus")})
        EXPECT_EQ(box_configuration(entry, {}).error().code, errc::not_found);
    EXPECT_EQ(box_configuration(fourcc("vp09"), {}).error().code, errc::unsupported);
    EXPECT_EQ(box_configuration(0, {}).error().code, errc::unsupported);
    EXPECT_FALSE(box_configuration(fourcc("mp4a"), unhex("ff")));
    EXPECT_FALSE(box_configuration(fourcc("Opus"), unhex("4f70757348656164")));
    const auto plain = box_configuration(fourcc("Opus"), {}, {2, 48000});
    ASSERT_TRUE(plain);
    const auto config = codec::opus::configuration::parse(*plain);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->channels, 2);
    EXPECT_EQ(config->input_sample_rate, 48000U);
    EXPECT_FALSE(box_configuration(fourcc("Opus"), {}, {6, 48000})) << "who stands where?";
}

TEST(loc_decoder, parameter_sets_in_band_are_a_configuration) {
    const auto record = vectors::h264_baseline.data();
    const auto known = codec::h264::configuration::parse(record);
    ASSERT_TRUE(known);
    const auto sample = [&](bytes between) {
        std::vector<std::byte> out;
        const auto idr = unhex("65b8040f");
        for (const auto unit : {known->sps[0], known->pps[0], bytes{idr}}) {
            if (between.empty()) {
                std::byte length[4];
                store_be<4>(length, unit.size());
                out.insert(out.end(), std::begin(length), std::end(length));
            }
            out.insert(out.end(), between.begin(), between.end());
            out.insert(out.end(), unit.begin(), unit.end());
        }
        return out;
    };
    for (const auto* between : {"", "00000001", "000001"}) {
        const auto payload = sample(unhex(between));
        EXPECT_EQ(has_start_codes(payload, false), *between != '\0') << between;
        // With a configuration three bytes are the beginning of a length.
        EXPECT_EQ(has_start_codes(payload, true), std::string_view{between} == "00000001");
        const auto made = h264_configuration_in(payload);
        ASSERT_TRUE(made) << between << made.error().field;
        EXPECT_EQ(hex_encode(*made), hex_encode(record)) << between;
    }
    EXPECT_EQ(h264_configuration_in(unhex("0000000465b8040f")).error().code, errc::not_found);
    EXPECT_EQ(h264_configuration_in({}).error().code, errc::not_found);
    EXPECT_EQ(h264_configuration_in(unhex("0000ffff65")).error().code, errc::truncated);
    EXPECT_FALSE(has_start_codes(unhex("000001"), false));
}

} // namespace
} // namespace moqrtc::loc
