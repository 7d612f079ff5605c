#include <moqrtc/moqt/serialized_name.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <string>
#include <vector>

namespace moqrtc::moqt {
namespace {

TEST(serialized_name, the_draft_s_example) {
    const full_track_name name{track_namespace{"example.net", "team2", "project_x"}, "report"};
    EXPECT_EQ(serialize_name(name), "example.2enet-team2-project_x--report");
    const auto back = parse_serialized_name("example.2enet-team2-project_x--report");
    ASSERT_TRUE(back);
    EXPECT_EQ(back->space, name.space);
    EXPECT_EQ(back->name, name.name);
}

TEST(serialized_name, what_may_be_empty) {
    EXPECT_EQ(serialize_name({track_namespace{"a"}, ""}), "a--");
    ASSERT_TRUE(parse_serialized_name("a--"));
    EXPECT_EQ(parse_serialized_name("a--")->name, "");
    ASSERT_TRUE(parse_serialized_name("--x"));
    EXPECT_TRUE(parse_serialized_name("--x")->space.empty());
}

/// MUST-18-131.
TEST(serialized_name, what_no_writer_puts_there) {
    struct wrong {
        std::string_view text;
        std::uint32_t offset;
    };
    for (const auto& [text, offset] : {
             wrong{"a.2Eb--x", 1}, // upper-case digits
             wrong{"a--.2E", 3},
             wrong{".61--x", 0}, // `a` stands for itself
             wrong{"a--.5f", 3},
             wrong{"a.2--x", 1}, // cut off
             wrong{"a.--x", 1},
             wrong{"a--x.", 4},
             wrong{"a--x.2", 4},
             wrong{"a.2g--x", 1},
             wrong{"a/b--x", 1}, // other characters
             wrong{"a--b-c", 4},
             wrong{"a---x", 3},
             wrong{"-a--x", 0}, // empty fields
             wrong{"a-b", 3},   // no track
             wrong{"", 0},
         }) {
        const auto got = parse_serialized_name(text);
        ASSERT_FALSE(got) << text;
        EXPECT_EQ(got.error().code, errc::bad_value) << text;
        EXPECT_EQ(got.error().offset, offset) << text;
    }
}

TEST(serialized_name, keeps_the_limits_of_names) {
    std::string fields{"a"};
    for (std::size_t i = 1; i < limits::namespace_fields; ++i)
        fields += "-a";
    EXPECT_TRUE(parse_serialized_name(fields + "--x"));
    EXPECT_EQ(parse_serialized_name(fields + "-a--x").error().code, errc::limit);
    const std::string most(limits::full_track_name - 1, 'n');
    EXPECT_TRUE(parse_serialized_name("a--" + most));
    EXPECT_EQ(parse_serialized_name("a--n" + most).error().code, errc::limit);
    EXPECT_EQ(parse_serialized_name("ab" + most + "--").error().code, errc::limit);
}

RC_GTEST_PROP(serialized_name, one_text_for_each_name, ()) {
    full_track_name name;
    for (const auto& field : *rc::gen::container<std::vector<std::string>>(
             rc::gen::nonEmpty(rc::gen::string<std::string>())))
        if (name.space.count() < limits::namespace_fields) name.space.append(as_bytes(field));
    name.name = *rc::gen::string<std::string>();
    const auto text = serialize_name(name);
    const auto back = parse_serialized_name(text);
    RC_ASSERT(back.has_value());
    RC_ASSERT(back->space == name.space);
    RC_ASSERT(back->name == name.name);
}

RC_GTEST_PROP(serialized_name, one_name_for_each_text, ()) {
    const auto text =
        *rc::gen::container<std::string>(rc::gen::element('a', 'Z', '0', '_', '-', '.', '2', 'e'));
    if (const auto name = parse_serialized_name(text)) RC_ASSERT(serialize_name(*name) == text);
}

} // namespace
} // namespace moqrtc::moqt
