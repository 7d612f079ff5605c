#include <moqrtc/catalog/catalog_state.hpp>

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace moqrtc::catalog {
namespace {

constexpr const char* first =
    R"({"version":"1","tracks":[{"name":"v","isLive":true,"initRef":"i"},{"name":"a"}],
        "initDataList":[{"id":"i","type":"inline","data":"AA=="}]})";
constexpr const char* add_b = R"({"deltaUpdate":[{"op":"add","tracks":[{"name":"b"}]}]})";
constexpr const char* add_c = R"({"deltaUpdate":[{"op":"add","tracks":[{"name":"c"}]}]})";

/// Changes as text: "+b" added, "-a" removed, "~v" changed, ".v" ended, "!" complete, "=" ignored.
std::string took(catalog_state& state, std::uint64_t group, std::uint64_t object,
                 std::string_view payload) {
    const auto done = state.handle_object(group, object, as_bytes(payload));
    if (!done) return "error: " + std::string{to_string(done.error().code)};
    std::vector<std::string> words;
    for (const auto& one : done->tracks)
        words.push_back(std::string(1, "+-~."[static_cast<int>(one.what)]) + one.value.name);
    std::ranges::sort(words);
    std::string all;
    for (const auto& word : words)
        all += word;
    if (done->completed) all += '!';
    if (done->ignored) all += '=';
    return all;
}

TEST(catalog_state, full_then_deltas_then_full) {
    catalog_state state;
    EXPECT_EQ(state.current(), nullptr);
    const auto start = state.handle_object(10, 0, as_bytes(first));
    ASSERT_TRUE(start);
    EXPECT_TRUE(start->first);
    EXPECT_EQ(start->tracks.size(), 2U);
    EXPECT_EQ(took(state, 10, 1, add_b), "+b");
    EXPECT_EQ(took(state, 10, 2, R"({"deltaUpdate":[{"op":"remove","tracks":[{"name":"a"}]}]})"),
              "-a");
    EXPECT_EQ(state.current()->tracks.size(), 2U);
    EXPECT_EQ(took(state, 11, 0, first), "+a-b");
    EXPECT_FALSE(state.handle_object(12, 0, as_bytes(first))->first);
    EXPECT_EQ(took(state, 13, 0, first), ""); // repeated for those who come late
}

TEST(catalog_state, what_counts_as_a_change) {
    catalog_state state{"n"};
    EXPECT_EQ(took(state, 1, 0, first), "+a+v");
    EXPECT_EQ(took(state, 2, 0,
                   R"({"version":"1","tracks":[{"name":"a","namespace":"n"},
                       {"name":"v","isLive":true,"initRef":"j"}],
                       "initDataList":[{"id":"j","type":"inline","data":"AA=="}]})"),
              ""); // another order, spelling of the namespace and identifier
    EXPECT_EQ(took(state, 3, 0,
                   R"({"version":"1","tracks":[{"name":"a","bitrate":5},
                       {"name":"v","isLive":true,"initRef":"j"}],
                       "initDataList":[{"id":"j","type":"inline","data":"AQ=="}]})"),
              "~a~v"); // the second by its initialization data
    EXPECT_EQ(took(state, 4, 0,
                   R"({"version":"1","tracks":[{"name":"a","bitrate":5},
                       {"name":"v","isLive":false,"trackDuration":9,"initRef":"j"}],
                       "initDataList":[{"id":"j","type":"inline","data":"AQ=="}]})"),
              ".v");
    EXPECT_EQ(took(state, 5, 0, R"({"version":"1","isComplete":true,"tracks":[]})"), "-a-v!");
    EXPECT_EQ(took(state, 6, 0, R"({"version":"1","isComplete":true,"tracks":[]})"), "");
}

TEST(catalog_state, the_past_is_ignored) {
    catalog_state state;
    EXPECT_EQ(took(state, 10, 0, first), "+a+v");
    EXPECT_EQ(took(state, 10, 1, add_b), "+b");
    EXPECT_EQ(took(state, 10, 1, add_b), "=");
    EXPECT_EQ(took(state, 10, 0, first), "=");
    EXPECT_EQ(took(state, 9, 7, "garbage"), "=");
}

TEST(catalog_state, updates_need_the_catalog_they_build_on) {
    catalog_state state;
    EXPECT_EQ(took(state, 10, 1, add_b), "error: bad state");
    EXPECT_EQ(took(state, 10, 0, add_b), "error: unknown type");
    EXPECT_EQ(took(state, 10, 0, first), "+a+v");
    EXPECT_EQ(took(state, 10, 2, add_c), "error: bad state"); // object 1 is missing
    EXPECT_EQ(took(state, 10, 3, add_b), "error: bad state"); // and stays so for this group
    EXPECT_EQ(state.current()->tracks.size(), 2U);
    EXPECT_EQ(took(state, 11, 1, add_b), "error: bad state"); // of a catalog not seen
    EXPECT_EQ(took(state, 12, 0, first), "");
    EXPECT_EQ(took(state, 12, 1, add_b), "+b");
}

TEST(catalog_state, what_cannot_be_read_changes_nothing) {
    catalog_state state;
    EXPECT_EQ(took(state, 1, 0, "{"), "error: truncated");
    EXPECT_EQ(took(state, 1, 0, first), "+a+v");
    EXPECT_EQ(took(state, 1, 1, add_b + std::string{"x"}), "error: bad value");
    EXPECT_EQ(took(state, 1, 2, add_c), "error: bad state");
    EXPECT_EQ(took(state, 2, 0, R"({"version":"9","tracks":[]})"), "error: unsupported");
    EXPECT_EQ(took(state, 2, 1, add_c), "error: bad state");
    EXPECT_EQ(state.current()->tracks.size(), 2U);
    // A complete catalog behind object 0, as older formats publish it, mends the chain.
    EXPECT_EQ(took(state, 2, 2, first), "");
    EXPECT_EQ(took(state, 2, 3, add_c), "+c");
    EXPECT_EQ(took(state, 2, 4, R"({"deltaUpdate":[{"op":"remove","tracks":[{"name":"x"}]}]})"),
              "error: not found");
}

TEST(catalog_state, patches_apply_to_documents_of_the_older_format) {
    catalog_state state;
    EXPECT_EQ(took(state, 1, 0,
                   R"({"version":1,"streamingFormat":1,"commonTrackFields":{"packaging":"loc"},
                       "tracks":[{"name":"v","selectionParams":{"width":1}}]})"),
              "+v");
    EXPECT_EQ(took(state, 1, 1,
                   R"([{"op":"add","path":"/tracks/-","value":{"name":"w"}},
                       {"op":"replace","path":"/tracks/0/selectionParams/width","value":2}])"),
              "+w~v");
    EXPECT_EQ(state.current()->tracks[1].packaging, "loc");
    EXPECT_EQ(took(state, 1, 2, R"([{"op":"remove","path":"/tracks/0"}])"), "-v");
    EXPECT_EQ(took(state, 1, 3, R"([{"op":"remove","path":"/tracks/7"}])"), "error: not found");
    EXPECT_EQ(took(state, 2, 0, first), "+a+v-w");
    EXPECT_EQ(took(state, 2, 1, R"([{"op":"remove","path":"/tracks/0"}])"), "error: bad state");
}

TEST(catalog_state, the_plain_catalog_is_complete_each_time) {
    catalog_state state;
    EXPECT_EQ(took(state, 1, 0,
                   R"({"version":1,"live":true,"tracks":[{"name":"audio","kind":"audio"}]})"),
              "+audio");
    EXPECT_EQ(took(state, 2, 0,
                   R"({"version":1,"live":true,"tracks":[{"name":"audio","kind":"audio"},
                       {"name":"video/720p","kind":"video"}]})"),
              "+video/720p");
    EXPECT_EQ(took(state, 3, 0,
                   R"({"version":1,"live":false,"tracks":[{"name":"audio","kind":"audio"},
                       {"name":"video/720p","kind":"video"}]})"),
              ".audio.video/720p");
    EXPECT_EQ(took(state, 4, 0, R"({"version":1,"live":false,"tracks":[]})"), "-audio-video/720p!");
}

TEST(catalog_state, identifiers_at_their_end) {
    catalog_state state;
    EXPECT_EQ(took(state, UINT64_MAX, 0, first), "+a+v");
    EXPECT_EQ(took(state, UINT64_MAX, UINT64_MAX, "{"), "error: truncated");
    EXPECT_EQ(took(state, UINT64_MAX, 5, first), "=");
}

} // namespace
} // namespace moqrtc::catalog
