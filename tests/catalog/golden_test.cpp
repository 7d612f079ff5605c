// The examples that the specifications print, read one by one.
#include <moqrtc/catalog/catalog_state.hpp>
#include <moqrtc/catalog/check.hpp>
#include <moqrtc/catalog/reader.hpp>
#include <moqrtc/catalog/writer.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace moqrtc::catalog {
namespace {

const std::filesystem::path folder{MOQRTC_SOURCE_DIR "/tests/catalog/golden"};

std::string contents(const std::string& name) {
    std::ifstream file{folder / (name + ".json"), std::ios::binary};
    EXPECT_TRUE(file) << name;
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator{folder})
        if (entry.path().extension() == ".json") all.push_back(entry.path().stem().string());
    std::ranges::sort(all);
    return all;
}

/// Examples that are not JSON: a comma behind the last element or member.
const std::set<std::string> no_json{"catalogformat-3.4.6", "catalogformat-3.4.11"};
/// Examples that change a catalog and are none.
const std::set<std::string> updates{"msf-01-5.6.4",   "msf-01-5.6.5",        "msf-copy-5.6.4",
                                    "msf-copy-5.6.5", "catalogformat-3.4.4", "catalogformat-3.4.5"};

/// Where an example breaks the text of its own draft: field, then the section that it breaks.
const std::map<std::string, std::set<std::string>> contradictions{
    // isLive is required of every track (5.2.7).
    {"msf-01-5.6.9", {"isLive 5.2.7"}},
    // A codec string must be complete; av01 alone is a sample entry (5.2.18).
    {"msf-01-5.6.2", {"codec 5.2.18"}},
    // packaging moqmetrics and so on aside, codec and bitrate are required of video (5.2.18,
    // 5.2.22), isLive of every track.
    {"msf-01-5.6.14", {"isLive 5.2.7", "codec 5.2.18", "bitrate 5.2.22"}},
    {"msf-01-5.6.14-2", {"isLive 5.2.7", "codec 5.2.18", "bitrate 5.2.22"}},
    // The header is cut off with dots and is no base64 (5.1.7).
    {"cmsf-01-5.1", {"initDataList 5.1.7"}},
    {"cmsf-01-5.2", {"initDataList 5.1.7"}},
    {"cmsf-01-5.3", {"initDataList 5.1.7"}},
    {"cmsf-copy-4.1", {"initDataList 5.1.7"}},
    {"msf-copy-5.6.2", {"codec 5.2.18"}},
    {"msf-copy-5.6.9", {"isLive 5.2.7"}},
    {"msf-copy-5.6.14", {"isLive 5.2.7", "codec 5.2.18", "bitrate 5.2.22"}},
    {"msf-copy-5.6.14-2", {"isLive 5.2.7", "codec 5.2.18", "bitrate 5.2.22"}},
    {"msf-copy-5.6.16", {"isLive 5.2.7"}},
};

TEST(golden, all_examples_are_there) {
    EXPECT_EQ(names().size(), 50U);
}

TEST(golden, each_is_read_as_the_format_of_its_draft) {
    for (const auto& name : names()) {
        if (no_json.contains(name) || updates.contains(name)) continue;
        const auto text = contents(name);
        const auto read = read_catalog(as_bytes(text));
        ASSERT_TRUE(read) << name << ": " << explain(read.error(), as_bytes(text));
        const auto expected = name.starts_with("catalogformat") ? format::catalog_format
                              : text.find(R"("version": "1")") != std::string::npos
                                  ? format::msf
                                  : format::msf_editors_copy;
        EXPECT_EQ(read->source, expected) << name;
        EXPECT_EQ(read->tracks.empty(), name.ends_with("5.6.13")) << name;
        EXPECT_EQ(read->is_complete, name.ends_with("5.6.13")) << name;
    }
}

TEST(golden, each_keeps_all_it_says_when_written_again) {
    for (const auto& name : names()) {
        if (no_json.contains(name) || updates.contains(name)) continue;
        const auto text = contents(name);
        const auto read = read_catalog(as_bytes(text));
        auto before = *parse_json(as_bytes(text));
        const auto written = write_msf(*read);
        ASSERT_TRUE(written) << name;
        auto again = *read_catalog(as_bytes(*written));
        again.source = read->source;
        again.version = read->version;
        EXPECT_EQ(again, *read) << name;
        if (!name.starts_with("msf-01") && !name.starts_with("cmsf-01")) continue;
        // Nothing is lost or added: mimetype is the one name that the text spells otherwise.
        for (auto& one : before["tracks"])
            if (one.contains("mimetype")) {
                one["mimeType"] = one["mimetype"];
                one.erase("mimetype");
            }
        EXPECT_EQ(*parse_json(as_bytes(*written)), before) << name;
    }
}

TEST(golden, examples_that_are_not_json) {
    for (const auto& name : no_json)
        EXPECT_EQ(parse_json(as_bytes(contents(name))).error().code, errc::bad_value) << name;
}

TEST(golden, examples_that_contradict_their_draft) {
    for (const auto& name : names()) {
        if (no_json.contains(name) || updates.contains(name) || name.starts_with("catalogformat"))
            continue;
        std::set<std::string> found;
        for (const auto& one : check(*read_catalog(as_bytes(contents(name)))))
            found.insert(std::string{one.field} + ' ' + std::string{one.section});
        const auto expected = contradictions.find(name);
        EXPECT_EQ(found,
                  expected == contradictions.end() ? std::set<std::string>{} : expected->second)
            << name;
    }
}

/// A state whose catalog has these tracks.
catalog_state state_with(std::vector<std::pair<std::string, std::string>> tracks) {
    catalog all;
    for (auto& [name, track_namespace] : tracks) {
        track one;
        one.name = name;
        if (!track_namespace.empty()) one.track_namespace = track_namespace;
        one.codec = "avc1.640028";
        one.height = 1080;
        all.tracks.push_back(one);
    }
    catalog_state state;
    EXPECT_TRUE(state.handle_object(1, 0, as_bytes(*write_msf(all))));
    return state;
}

TEST(golden, delta_update_adding_two_tracks) {
    auto state = state_with({{"video-1080", "example.com/custom"}});
    const auto done = state.handle_object(1, 1, as_bytes(contents("msf-01-5.6.4")));
    ASSERT_TRUE(done);
    EXPECT_EQ(done->tracks.size(), 2U);
    const auto* clone = find_track(*state.current(), "example.com/custom", "video-720");
    ASSERT_NE(clone, nullptr);
    EXPECT_EQ(clone->codec, "avc1.640028"); // of the parent
    EXPECT_EQ(clone->height, 720U);
    EXPECT_EQ(clone->bitrate, 600000U);
    const auto* slides = find_track(*state.current(), "slides");
    ASSERT_NE(slides, nullptr);
    EXPECT_TRUE(slides->packaging.empty()); // required by 5.2.4, and missing in the example
}

TEST(golden, delta_update_of_the_editors_copy) {
    // The example names the track to update by its name, where the text demands a parent name; and
    // clones a track of another namespace that has the same name.
    auto state = state_with({{"video-1080", ""}, {"video-1080", "example.com/custom"}});
    const auto done = state.handle_object(1, 1, as_bytes(contents("msf-copy-5.6.4")));
    ASSERT_TRUE(done) << done.error().field;
    EXPECT_EQ(find_track(*state.current(), "video-1080")->bitrate, 4000000U);
    EXPECT_EQ(done->tracks.size(), 3U);
}

TEST(golden, delta_update_removing_tracks) {
    for (const auto* name : {"msf-01-5.6.5", "msf-copy-5.6.5"}) {
        auto state = state_with({{"video", ""}, {"slides", ""}, {"audio", ""}});
        const auto done = state.handle_object(1, 1, as_bytes(contents(name)));
        ASSERT_TRUE(done) << name;
        EXPECT_EQ(done->tracks.size(), 2U);
        EXPECT_EQ(state.current()->tracks.size(), 1U);
    }
}

TEST(golden, patches_of_the_older_format) {
    catalog_state state;
    ASSERT_TRUE(state.handle_object(1, 0, as_bytes(contents("catalogformat-3.4.2"))));
    ASSERT_EQ(state.current()->tracks.size(), 4U);
    auto done = state.handle_object(1, 1, as_bytes(contents("catalogformat-3.4.4")));
    ASSERT_TRUE(done);
    ASSERT_EQ(done->tracks.size(), 1U);
    EXPECT_EQ(done->tracks[0].value.name, "slides");
    EXPECT_EQ(done->tracks[0].value.packaging, "loc"); // inherited
    done = state.handle_object(1, 2, as_bytes(contents("catalogformat-3.4.5")));
    ASSERT_TRUE(done);
    ASSERT_EQ(done->tracks.size(), 1U);
    EXPECT_EQ(done->tracks[0].what, changes::kind::removed);
    EXPECT_EQ(done->tracks[0].value.name, "sd");
}

} // namespace
} // namespace moqrtc::catalog
