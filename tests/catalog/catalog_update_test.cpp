#include <moqrtc/catalog/catalog_update.hpp>

#include <gtest/gtest.h>
#include <string>

namespace moqrtc::catalog {
namespace {

result<delta> read(std::string_view text) {
    const auto root = parse_json(as_bytes(text));
    return root ? detail::read_delta(*root, text, {}) : std::unexpected(root.error());
}

catalog two_tracks() {
    return *read_catalog(as_bytes(R"({"version":"1","tracks":[
        {"name":"v","role":"video","initRef":"i","width":1920},
        {"name":"a","namespace":"n","role":"audio"}],
        "initDataList":[{"id":"i","type":"inline","data":"AA=="}]})"));
}

/// What applying a delta to the two tracks gives, the catalog being in namespace n.
result<catalog> applied(const char* operations) {
    const auto change = read(R"({"deltaUpdate":)" + std::string{operations} + "}");
    EXPECT_TRUE(change) << operations;
    return change ? apply(two_tracks(), *change, "n") : std::unexpected(change.error());
}

TEST(catalog_update, adds_removes_and_clones_in_order) {
    const auto after = applied(R"([
        {"op":"add","tracks":[{"name":"s","role":"subtitle"}]},
        {"op":"clone","tracks":[{"parentName":"v","name":"w","width":1280,"com.example":1}]},
        {"op":"clone","tracks":[{"parentName":"w","parentNamespace":"n","name":"x","height":720}]},
        {"op":"remove","tracks":[{"name":"a"},{"name":"w","namespace":"n"}]}])");
    ASSERT_TRUE(after) << after.error().field;
    ASSERT_EQ(after->tracks.size(), 3U);
    EXPECT_EQ(after->tracks[1].name, "s");
    const auto& last = after->tracks[2];
    EXPECT_EQ(last.name, "x");
    EXPECT_EQ(last.role, "video");
    EXPECT_EQ(last.width, 1280U);
    EXPECT_EQ(last.height, 720U);
    EXPECT_EQ(last.init_ref, "i");
    EXPECT_EQ(last.custom, (json{{"com.example", 1}}));
}

TEST(catalog_update, update_overrides_and_may_rename) {
    const auto after = applied(R"([{"op":"update","tracks":[
        {"parentName":"v","width":640},{"name":"a","namespace":"n","lang":"de"}]}])");
    ASSERT_TRUE(after);
    EXPECT_EQ(after->tracks[0].width, 640U);
    EXPECT_EQ(after->tracks[1].lang, "de");
    EXPECT_EQ(
        applied(R"([{"op":"update","tracks":[{"parentName":"v","name":"b"}]}])")->tracks[0].name,
        "b");
    EXPECT_EQ(applied(R"([{"op":"update","tracks":[{"parentName":"v","name":"a"}]}])").error().code,
              errc::duplicate);
}

TEST(catalog_update, what_cannot_be_applied) {
    const auto code = [](const char* operations) {
        const auto after = applied(operations);
        return after ? errc::ok : after.error().code;
    };
    EXPECT_EQ(code(R"([{"op":"remove","tracks":[{"name":"x"}]}])"), errc::not_found);
    EXPECT_EQ(code(R"([{"op":"remove","tracks":[{}]}])"), errc::not_found);
    EXPECT_EQ(code(R"([{"op":"remove","tracks":[{"name":"v","namespace":1}]}])"),
              errc::malformed_value);
    EXPECT_EQ(code(R"([{"op":"remove","tracks":[{"name":"v"},{"name":"v"}]}])"), errc::not_found);
    EXPECT_EQ(code(R"([{"op":"add","tracks":[{"name":"v"}]}])"), errc::duplicate);
    EXPECT_EQ(code(R"([{"op":"add","tracks":[{"name":"a"}]}])"), errc::duplicate);
    EXPECT_EQ(code(R"([{"op":"add","tracks":[{"name":"a","namespace":"m"}]}])"), errc::ok);
    EXPECT_EQ(code(R"([{"op":"add","tracks":[{"width":1}]}])"), errc::not_found);
    EXPECT_EQ(code(R"([{"op":"add","tracks":[{"name":"x","width":"1"}]}])"), errc::malformed_value);
    EXPECT_EQ(code(R"([{"op":"clone","tracks":[{"name":"x"}]}])"), errc::not_found);
    EXPECT_EQ(code(R"([{"op":"clone","tracks":[{"parentName":"x","name":"y"}]}])"),
              errc::not_found);
    EXPECT_EQ(code(R"([{"op":"clone","tracks":[{"parentName":"v"}]}])"), errc::duplicate);
    EXPECT_EQ(code(R"([{"op":"clone","tracks":[{"parentName":"v","name":"x","width":[]}]}])"),
              errc::malformed_value);
}

TEST(catalog_update, deltas_that_break_the_rules) {
    const auto failure = [](const char* text) {
        const auto change = read(text);
        EXPECT_FALSE(change) << text;
        return change ? error{} : change.error();
    };
    EXPECT_EQ(failure(R"({"deltaUpdate":[]})").code, errc::bad_value);
    EXPECT_EQ(failure(R"({"deltaUpdate":true})").code, errc::malformed_value);
    EXPECT_EQ(failure(R"({"deltaUpdate":[1]})").code, errc::malformed_value);
    EXPECT_STREQ(failure(R"({"deltaUpdate":[{"tracks":[]}]})").field, "op");
    EXPECT_STREQ(failure(R"({"deltaUpdate":[{"op":"add"}]})").field, "tracks");
    EXPECT_EQ(failure(R"({"deltaUpdate":[{"op":"add","tracks":1}]})").code, errc::malformed_value);
    EXPECT_EQ(failure(R"({"deltaUpdate":[{"op":"add","tracks":[1]}]})").code,
              errc::malformed_value);
    const auto op =
        failure(R"({"deltaUpdate":[{"op":"add","tracks":[]},{"op":"move","tracks":[]}]})");
    EXPECT_EQ(op.code, errc::unknown_type);
    EXPECT_EQ(op.offset, 47U);
    EXPECT_STREQ(failure(R"({"version":"1","deltaUpdate":[{"op":"add","tracks":[]}]})").field,
                 "version");
    EXPECT_STREQ(failure(R"({"tracks":[],"deltaUpdate":[{"op":"add","tracks":[]}]})").field,
                 "tracks");
    EXPECT_STREQ(failure(R"({"generatedAt":-1,"deltaUpdate":[{"op":"add","tracks":[]}]})").field,
                 "generatedAt");
}

TEST(catalog_update, initialization_data_comes_and_goes_with_tracks) {
    const auto change = read(R"({"deltaUpdate":[
        {"op":"remove","tracks":[{"name":"v"}]},
        {"op":"add","tracks":[{"name":"w","initRef":"j"}]}],
        "initDataList":[{"id":"j","type":"inline","data":"AQ=="}]})");
    ASSERT_TRUE(change);
    const auto after = apply(two_tracks(), *change, "n");
    ASSERT_TRUE(after);
    ASSERT_EQ(after->init_data_list.size(), 1U);
    EXPECT_EQ(after->init_data_list[0].id, "j");
    const auto again = read(R"({"deltaUpdate":[{"op":"add","tracks":[{"name":"w"}]}],
        "initDataList":[{"id":"i","type":"inline","data":"AQ=="}]})");
    EXPECT_EQ(apply(two_tracks(), *again, "n").error().code, errc::duplicate);
}

TEST(catalog_update, clones_of_something_large_are_bounded) {
    auto from = two_tracks();
    from.tracks[0].label = std::string(100000, 'x');
    std::string clones = R"({"deltaUpdate":[{"op":"clone","tracks":[)";
    for (int i = 0; i < 100; ++i)
        clones += R"({"parentName":"v","name":"c)" + std::to_string(i) + R"("},)";
    clones.back() = ']';
    const auto change = read(clones + "}]}");
    ASSERT_TRUE(change);
    EXPECT_EQ(apply(from, *change, "n").error().code, errc::limit);
    EXPECT_TRUE(apply(two_tracks(), *change, "n").has_value());
}

TEST(catalog_update, writes_what_it_reads) {
    const std::string text = R"({"generatedAt":7,"deltaUpdate":[)"
                             R"({"op":"add","tracks":[{"name":"x"}]},)"
                             R"({"op":"remove","tracks":[{"name":"v"}]}],)"
                             R"("initDataList":[{"id":"j","type":"inline","data":"AQ=="}]})";
    const auto change = read(text);
    ASSERT_TRUE(change);
    EXPECT_EQ(*write_delta(*change), text);
    EXPECT_EQ(write_delta({}).error().code, errc::bad_state);
    delta bad{.operations = {{operation::kind::add, {json{{"name", "\xff"}}}}}};
    EXPECT_EQ(write_delta(bad).error().code, errc::bad_value);
    bad.operations[0] = {operation::kind::clone, {json{{"parentName", "v"}, {"name", "\xff"}}}};
    EXPECT_TRUE(apply(two_tracks(), bad, "n").has_value()); // said in memory, refused on the wire
}

} // namespace
} // namespace moqrtc::catalog
