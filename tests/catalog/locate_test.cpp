#include <moqrtc/catalog/locate.hpp>

#include <gtest/gtest.h>
#include <string_view>

namespace moqrtc::catalog {
namespace {

constexpr std::string_view text = R"({ "a,]}\"" : [1, {"x":"}"}, [[],3] ],
  "b" : { "c" : "ä", "d" : true } })";

TEST(locate, finds_members_and_elements) {
    const auto at = [](std::initializer_list<json_step> path) {
        return text.substr(locate(text, path));
    };
    EXPECT_TRUE(at({}).starts_with("{ \"a"));
    EXPECT_TRUE(at({"a,]}\\\""}).starts_with("[1, {"));
    EXPECT_TRUE(at({"a,]}\\\"", std::size_t{1}, "x"}).starts_with("\"}\"}, "));
    EXPECT_TRUE(at({"a,]}\\\"", std::size_t{2}, std::size_t{1}}).starts_with("3] ]"));
    EXPECT_TRUE(at({"b", "d"}).starts_with("true"));
}

TEST(locate, stops_where_a_step_leads_nowhere) {
    const auto at = [](std::initializer_list<json_step> path) {
        return text.substr(locate(text, path));
    };
    EXPECT_TRUE(at({"b", "e", "f"}).starts_with("{ \"c\""));
    EXPECT_TRUE(at({"a,]}\\\"", std::size_t{3}}).starts_with("[1, {"));
    EXPECT_TRUE(at({std::size_t{0}}).starts_with("{ \"a"));
    EXPECT_EQ(locate("", {"a"}), 0U);
    EXPECT_EQ(locate("[", {std::size_t{0}}), 0U);
}

TEST(explain, speaks_to_an_operator) {
    const error what{errc::malformed_value, locate(text, {"b", "d"}), "d", "thing, section 1"};
    EXPECT_EQ(explain(what, as_bytes(text)),
              "line 2, column 28: d: malformed value (thing, section 1)");
    EXPECT_EQ(explain({errc::limit, 0, "", ""}, {}), "line 1, column 1: limit exceeded");
    EXPECT_EQ(explain({errc::limit, 99, "", ""}, as_bytes("\n")),
              "line 2, column 1: limit exceeded");
}

} // namespace
} // namespace moqrtc::catalog
