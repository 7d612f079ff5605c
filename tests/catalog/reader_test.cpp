#include <moqrtc/catalog/reader.hpp>
#include <moqrtc/catalog/writer.hpp>

#include <catalog/sampler.hpp>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace moqrtc::catalog {
namespace {

/// The words for what is wrong with a catalog.
std::string complaint(std::string_view text, const limits& bounds = {}) {
    const auto read = read_catalog(as_bytes(text), bounds);
    return read ? "nothing" : explain(read.error(), as_bytes(text));
}

TEST(reader, the_plain_catalog_in_any_order) {
    constexpr std::string_view source = R"({
  "version": 1,
  "live": true,
  "tracks": [
    { "name": "video/720p", "kind": "video", "codec": "avc1.42E01F",
      "width": 1280, "height": 720, "bitrate": 2500000 },
    { "name": "audio", "kind": "audio", "codec": "opus",
      "sampleRate": 48000, "channels": 2 }
  ]
})";
    constexpr std::string_view shuffled = R"({"tracks":[
    {"bitrate":2500000,"height":720,"width":1280,"codec":"avc1.42E01F","kind":"video",
     "name":"video/720p"},
    {"channels":2,"sampleRate":48000,"codec":"opus","kind":"audio","name":"audio"}],
    "live":true,"version":1})";
    const auto read = read_catalog(as_bytes(source));
    ASSERT_TRUE(read) << complaint(source);
    EXPECT_EQ(read->source, format::plain);
    ASSERT_EQ(read->tracks.size(), 2U);
    const auto& video = read->tracks[0];
    EXPECT_EQ(video.name, "video/720p");
    EXPECT_EQ(video.role, "video");
    EXPECT_EQ(video.packaging, "cmaf");
    EXPECT_EQ(video.codec, "avc1.42E01F");
    EXPECT_EQ(video.width, 1280U);
    EXPECT_EQ(video.height, 720U);
    EXPECT_EQ(video.bitrate, 2500000U);
    EXPECT_EQ(video.is_live, true);
    const auto& audio = read->tracks[1];
    EXPECT_EQ(audio.samplerate, 48000U);
    EXPECT_EQ(audio.channel_config, "2");
    EXPECT_TRUE(audio.custom.empty());
    EXPECT_TRUE(read->custom.empty());
    EXPECT_EQ(*read_catalog(as_bytes(shuffled)), *read);
    EXPECT_EQ(*parse_json(as_bytes(*write_plain(*read))), *parse_json(as_bytes(source)));
}

TEST(reader, initialization_data_inside_tracks_moves_to_the_list) {
    const auto read = read_catalog(as_bytes(
        R"({"version":1,"live":false,"tracks":[
            {"name":"v","kind":"video","initData":"ZnR5cA=="},
            {"name":"w","kind":"video","initData":"ZnR5cA=="}]})"));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->init_data_list.size(), 1U);
    EXPECT_EQ(as_text(*init_bytes(*read, read->tracks[1])), "ftyp");
    EXPECT_TRUE(read->tracks[1].custom.empty());
    EXPECT_EQ(read->tracks[0].is_live, false);
    EXPECT_FALSE(read->is_complete);
    EXPECT_TRUE(read_catalog(as_bytes(R"({"version":1,"live":false,"tracks":[]})"))->is_complete);
}

TEST(reader, tells_the_formats_apart) {
    const auto source = [](std::string_view text) {
        const auto read = read_catalog(as_bytes(text));
        EXPECT_TRUE(read) << complaint(text);
        return read ? read->source : format{};
    };
    EXPECT_EQ(source(R"({"version":"1","tracks":[]})"), format::msf);
    EXPECT_EQ(source(R"({"version":1,"tracks":[]})"), format::msf_editors_copy);
    EXPECT_EQ(source(R"({"version":"draft-01","tracks":[]})"), format::msf_editors_copy);
    EXPECT_EQ(source(R"({"version":1,"live":true,"tracks":[]})"), format::plain);
    EXPECT_EQ(source(R"({"version":1,"tracks":[{"name":"a","kind":"audio"}]})"), format::plain);
    EXPECT_EQ(source(R"({"version":"1","live":true,"tracks":[{"name":"a","kind":"audio"}]})"),
              format::msf);
    EXPECT_EQ(source(R"({"version":1,"streamingFormat":1,"tracks":[]})"), format::catalog_format);
    EXPECT_EQ(source(R"({"version":1,"tracks":[{"name":"a","selectionParams":{}}]})"),
              format::catalog_format);
}

TEST(reader, the_older_format_inherits) {
    const auto read = read_catalog(as_bytes(R"({
      "version": 1, "streamingFormat": 1, "renderGroup": 7,
      "commonTrackFields": {"namespace":"n","packaging":"loc","selectionParams":{"framerate":30}},
      "tracks": [{"name":"a","packaging":"cmaf","selectionParams":{"codec":"opus"}},
                 {"name":"b","initTrack":"i"}]})"));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->tracks[0].packaging, "cmaf");
    EXPECT_EQ(read->tracks[0].codec, "opus");
    EXPECT_EQ(read->tracks[0].framerate, 30);
    EXPECT_EQ(read->tracks[1].packaging, "loc");
    EXPECT_EQ(read->tracks[1].track_namespace, "n");
    EXPECT_EQ(read->tracks[1].render_group, 7);
    EXPECT_EQ(read->tracks[1].init_track, "i");
    EXPECT_EQ(read->custom, (json{{"streamingFormat", 1}}));
}

TEST(reader, catalogs_of_catalogs_become_tracks) {
    const auto read = read_catalog(
        as_bytes(R"({"version":1,"catalogs":[{"name":"c","namespace":"n","streamingFormat":1}]})"));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->tracks.size(), 1U);
    EXPECT_EQ(read->tracks[0].packaging, "catalog");
}

TEST(reader, unknown_fields_are_kept) {
    const auto read = read_catalog(
        as_bytes(R"({"version":"1","com.example":[1],"tracks":[{"name":"a","x":{"y":null}}]})"));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->custom, (json{{"com.example", {1}}}));
    EXPECT_EQ(read->tracks[0].custom, (json{{"x", {{"y", nullptr}}}}));
}

TEST(reader, says_which_field_is_wrong_and_where) {
    EXPECT_EQ(complaint("{\"version\":\"1\",\n "
                        "\"tracks\":[{\"name\":\"a\"},{\"name\":\"b\",\"width\":\"wide\"}]}"),
              "line 2, column 45: width: malformed value (track object, MSF 5.2.26)");
    EXPECT_EQ(complaint(R"({"version":"2","tracks":[]})"),
              "line 1, column 12: version: unsupported (catalog, MSF 5.1.1)");
    EXPECT_EQ(complaint(R"({"version":"draft-1","tracks":[]})"),
              "line 1, column 12: version: unsupported (catalog, MSF 5.1.1)");
    EXPECT_EQ(complaint(R"({"tracks":[]})"),
              "line 1, column 1: version: not found (catalog, MSF 5.1.1)");
    EXPECT_EQ(complaint(R"({"version":"1"})"),
              "line 1, column 1: tracks: not found (catalog, MSF 5.1.4)");
    EXPECT_EQ(complaint(R"({"version":"1","tracks":[{}]})"),
              "line 1, column 26: name: not found (track object, MSF 5.2.3)");
    EXPECT_EQ(complaint(R"({"version":"1","tracks":[{"name":"a"},{"name":"a"}]})"),
              "line 1, column 47: name: duplicate (track object, MSF 5.2.3)");
    EXPECT_EQ(complaint(R"({"version":"1","tracks":[{"name":"a","buffers":{"min":-1}}]})"),
              "line 1, column 48: buffers: bad value (track object, MSF 5.2.9)");
}

TEST(reader, values_of_wrong_types) {
    const auto field = [](const char* member) {
        const auto text = R"({"version":"1","tracks":[{"name":"a",)" + std::string{member} + "}]}";
        const auto read = read_catalog(as_bytes(text));
        return read ? std::string{"nothing"}
                    : std::string{to_string(read.error().code)} + ' ' + read.error().field;
    };
    EXPECT_EQ(field(R"("isLive":"true")"), "malformed value isLive");
    EXPECT_EQ(field(R"("codec":null)"), "malformed value codec");
    EXPECT_EQ(field(R"("namespace":["a"])"), "malformed value namespace");
    EXPECT_EQ(field(R"("depends":"a")"), "malformed value depends");
    EXPECT_EQ(field(R"("depends":[1])"), "malformed value depends");
    EXPECT_EQ(field(R"("buffers":1)"), "malformed value buffers");
    EXPECT_EQ(field(R"("width":-1)"), "bad value width");
    EXPECT_EQ(field(R"("width":1.5)"), "bad value width");
    EXPECT_EQ(field(R"("width":1920.0)"), "nothing");
    EXPECT_EQ(field(R"("width":9007199254740991)"), "nothing");
    EXPECT_EQ(field(R"("width":9007199254740993)"), "limit exceeded width");
    EXPECT_EQ(field(R"("width":18446744073709551615)"), "limit exceeded width");
    EXPECT_EQ(field(R"("width":1e300)"), "limit exceeded width");
    EXPECT_EQ(field(R"("framerate":-1)"), "bad value framerate");
    EXPECT_EQ(field(R"("framerate":23.976)"), "nothing");
    EXPECT_EQ(field(R"("altGroup":-3)"), "nothing");
    EXPECT_EQ(field(R"("altGroup":-1e300)"), "limit exceeded altGroup");
    EXPECT_EQ(field(R"("channelConfig":2)"), "nothing");
    EXPECT_EQ(field(R"("channelConfig":-2)"), "malformed value channelConfig");
    EXPECT_EQ(field(R"("initData":7)"), "malformed value initData");
    for (const auto* root : {"1", "\"x\"", "null", "[]", "true"})
        EXPECT_FALSE(read_catalog(as_bytes(root)).has_value()) << root;
    for (const auto* text :
         {R"({"version":"1","tracks":{}})", R"({"version":"1","tracks":[1]})",
          R"({"version":"1","tracks":[],"isComplete":1})", R"({"version":true,"tracks":[]})",
          R"({"version":"1","tracks":[],"generatedAt":"now"})",
          R"({"version":"1","tracks":[],"contentProtections":{}})",
          R"({"version":"1","tracks":[],"publishTracks":1})",
          R"({"version":"1","tracks":[],"initDataList":{}})",
          R"({"version":"1","tracks":[],"initDataList":[1]})",
          R"({"version":"1","tracks":[],"initDataList":[{"type":"inline","data":""}]})",
          R"({"version":"1","tracks":[],"initDataList":[{"id":"a"},{"id":"a"}]})",
          R"({"version":1,"live":"yes","tracks":[]})", R"({"version":1,"catalogs":[7]})",
          R"({"version":1,"commonTrackFields":3,"tracks":[3]})"})
        EXPECT_FALSE(read_catalog(as_bytes(text)).has_value()) << text;
}

TEST(reader, lists_are_bounded) {
    limits bounds;
    bounds.tracks = 1;
    EXPECT_TRUE(read_catalog(as_bytes(R"({"version":"1","tracks":[{"name":"a"}]})"), bounds));
    EXPECT_EQ(complaint(R"({"version":"1","tracks":[{"name":"a"},{"name":"b"}]})", bounds),
              "line 1, column 25: tracks: limit exceeded (catalog, MSF 5.1.4)");
    EXPECT_EQ(
        complaint(R"({"version":"1","tracks":[],"initDataList":[{"id":"a"},{"id":"b"}]})", bounds),
        "line 1, column 43: initDataList: limit exceeded (initialization data list, MSF 5.1.7)");
}

TEST(reader, every_truncation_is_an_error) {
    const auto text = *write_msf(*read_catalog(as_bytes(
        R"({"version":"1","tracks":[{"name":"a","codec":"opus","buffers":{"target":1},
            "depends":["b"],"initRef":"i"}],"initDataList":[{"id":"i","type":"inline","data":"AA=="}]})")));
    for (std::size_t n = 0; n < text.size(); ++n) {
        const std::string prefix = text.substr(0, n);
        const auto read = read_catalog(as_bytes(prefix));
        ASSERT_FALSE(read) << prefix;
        EXPECT_EQ(read.error().code, errc::truncated) << prefix;
        EXPECT_LE(read.error().offset, n);
    }
}

TEST(reader, damaged_catalogs_are_read_or_refused) {
    EXPECT_TRUE(rc::check("damage", [] {
        auto text = *write_msf(samples::any());
        const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
        text[at] = *rc::gen::arbitrary<char>();
        const auto read = read_catalog(as_bytes(text));
        if (!read) {
            RC_ASSERT(read.error().offset <= text.size());
            RC_ASSERT(!explain(read.error(), as_bytes(text)).empty());
        } else {
            RC_ASSERT(write_msf(*read).has_value());
        }
    }));
}

} // namespace
} // namespace moqrtc::catalog
