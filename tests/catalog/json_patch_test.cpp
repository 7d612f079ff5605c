#include <moqrtc/catalog/json_patch.hpp>

#include <gtest/gtest.h>
#include <string>

namespace moqrtc::catalog {
namespace {

json parsed(const char* text) {
    return *parse_json(as_bytes(text));
}

/// The document after a patch, or the name of the error.
std::string patched(const char* document, const char* patch, const limits& bounds = {}) {
    auto value = parsed(document);
    const auto before = value;
    const auto done = apply_patch(value, parsed(patch), bounds);
    if (!done) {
        EXPECT_EQ(value, before) << "changed by a patch that failed";
        return std::string{to_string(done.error().code)};
    }
    return value.dump();
}

TEST(json_patch, examples_of_rfc_6902_appendix_a) {
    EXPECT_EQ(patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])"),
              R"({"baz":"qux","foo":"bar"})");
    EXPECT_EQ(
        patched(R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])"),
        R"({"foo":["bar","qux","baz"]})");
    EXPECT_EQ(patched(R"({"baz":"qux","foo":"bar"})", R"([{"op":"remove","path":"/baz"}])"),
              R"({"foo":"bar"})");
    EXPECT_EQ(patched(R"({"foo":["bar","qux","baz"]})", R"([{"op":"remove","path":"/foo/1"}])"),
              R"({"foo":["bar","baz"]})");
    EXPECT_EQ(patched(R"({"baz":"qux","foo":"bar"})",
                      R"([{"op":"replace","path":"/baz","value":"boo"}])"),
              R"({"baz":"boo","foo":"bar"})");
    EXPECT_EQ(patched(R"({"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}})",
                      R"([{"op":"move","from":"/foo/waldo","path":"/qux/thud"}])"),
              R"({"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}})");
    EXPECT_EQ(patched(R"({"foo":["all","grass","cows","eat"]})",
                      R"([{"op":"move","from":"/foo/1","path":"/foo/3"}])"),
              R"({"foo":["all","cows","eat","grass"]})");
    EXPECT_EQ(patched(R"({"baz":"qux","foo":["a",2,"c"]})",
                      R"([{"op":"test","path":"/baz","value":"qux"},
                          {"op":"test","path":"/foo/1","value":2}])"),
              R"({"baz":"qux","foo":["a",2,"c"]})");
    EXPECT_EQ(patched(R"({"baz":"qux"})", R"([{"op":"test","path":"/baz","value":"bar"}])"),
              "bad value");
    EXPECT_EQ(patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/baz/bat","value":"qux"}])"),
              "not found");
    EXPECT_EQ(patched(R"({"/":9,"~1":10})", R"([{"op":"test","path":"/~01","value":10}])"),
              R"({"/":9,"~1":10})");
    EXPECT_EQ(
        patched(R"({"foo":["bar"]})", R"([{"op":"add","path":"/foo/-","value":["abc","def"]}])"),
        R"({"foo":["bar",["abc","def"]]})");
    EXPECT_EQ(patched(R"({"a":[1]})", R"([{"op":"copy","from":"/a","path":"/b"}])"),
              R"({"a":[1],"b":[1]})");
    EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"replace","path":"","value":[2]}])"), "[2]");
}

TEST(json_patch, broken_operations) {
    for (const auto& [patch, code] : std::vector<std::pair<const char*, const char*>>{
             {R"({"op":"remove","path":"/a"})", "malformed value"},
             {R"([1])", "malformed value"},
             {R"([{"path":"/a"}])", "malformed value"},
             {R"([{"op":"remove"}])", "malformed value"},
             {R"([{"op":1,"path":"/a"}])", "malformed value"},
             {R"([{"op":"remove","path":7}])", "malformed value"},
             {R"([{"op":"erase","path":"/a"}])", "unknown type"},
             {R"([{"op":"add","path":"/a"}])", "not found"},
             {R"([{"op":"move","path":"/a"}])", "malformed value"},
             {R"([{"op":"copy","from":"/x","path":"/a"}])", "not found"},
             {R"([{"op":"remove","path":"a"}])", "bad value"},
             {R"([{"op":"remove","path":"/~2"}])", "bad value"},
             {R"([{"op":"remove","path":"/~"}])", "bad value"},
             {R"([{"op":"remove","path":"/x"}])", "not found"},
             {R"([{"op":"remove","path":"/a/01"}])", "not found"},
             {R"([{"op":"remove","path":"/a/2"}])", "not found"},
             {R"([{"op":"remove","path":"/a/-"}])", "not found"},
             {R"([{"op":"remove","path":"/a/-1"}])", "not found"},
             {R"([{"op":"add","path":"/a/3","value":0}])", "not found"},
             {R"([{"op":"add","path":"/a/99999999999999999999","value":0}])", "not found"},
             {R"([{"op":"add","path":"/b/c","value":0}])", "bad value"},
             {R"([{"op":"add","path":"/b/c/d","value":0}])", "not found"},
             {R"([{"op":"move","from":"/a","path":"/a/0"}])", "not found"},
             {R"([{"op":"remove","path":"/b"},{"op":"remove","path":"/b"}])", "not found"}})
        EXPECT_EQ(patched(R"({"a":[0,1],"b":1})", patch), code) << patch;
}

TEST(json_patch, nothing_grows_without_bound) {
    std::string doubling = "[";
    for (int i = 0; i < 40; ++i)
        doubling += R"({"op":"copy","from":"","path":"/a"},)";
    doubling.back() = ']';
    EXPECT_EQ(patched(R"({"a":1})", doubling.c_str()), "limit exceeded");
    limits bounds;
    bounds.depth = 3;
    EXPECT_EQ(patched(R"({"a":{"b":{}}})", R"([{"op":"add","path":"/a/b/c","value":1}])", bounds),
              R"({"a":{"b":{"c":1}}})");
    EXPECT_EQ(patched(R"({"a":{"b":{}}})", R"([{"op":"add","path":"/a/b/c","value":[]}])", bounds),
              "limit exceeded");
    bounds = {};
    bounds.operations = 1;
    EXPECT_EQ(patched("{}", R"([{"op":"test","path":"","value":{}},
                                {"op":"test","path":"","value":{}}])",
                      bounds),
              "limit exceeded");
    bounds = {};
    bounds.values = 3;
    EXPECT_EQ(patched(R"([1])", R"([{"op":"add","path":"/-","value":2}])", bounds), "[1,2]");
    EXPECT_EQ(patched(R"([1,2])", R"([{"op":"add","path":"/-","value":3}])", bounds),
              "limit exceeded");
}

} // namespace
} // namespace moqrtc::catalog
