#include <moqrtc/catalog/json.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string>
#include <string_view>

namespace moqrtc::catalog {
namespace {

error failure(std::string_view text, const limits& bounds = {}) {
    const auto parsed = parse_json(as_bytes(text), bounds);
    EXPECT_FALSE(parsed) << text.substr(0, 40);
    return parsed ? error{} : parsed.error();
}

TEST(json, reads_what_the_grammar_allows) {
    const auto parsed =
        parse_json(as_bytes(R"( {"a":[1,-2,2.5e3,true,false,null,"\u20ac"],"b":{}} )"));
    ASSERT_TRUE(parsed);
    EXPECT_EQ((*parsed)["a"][6], "€");
    EXPECT_EQ((*parsed)["a"].size(), 7U);
    EXPECT_EQ(*parse_json(as_bytes("3")), 3);
}

TEST(json, syntax_errors_say_where) {
    EXPECT_EQ(failure("").code, errc::truncated);
    EXPECT_EQ(failure("{\"a\":").code, errc::truncated);
    EXPECT_EQ(failure("{\"a\":1").code, errc::truncated);
    EXPECT_EQ(failure("[\"abc").code, errc::truncated);
    const auto comma = failure("{\"a\":1,}");
    EXPECT_EQ(comma.code, errc::bad_value);
    EXPECT_EQ(comma.offset, 7U);
    EXPECT_STREQ(comma.field, "syntax");
    EXPECT_EQ(failure("{\"a\":1} x").offset, 8U);
    for (const auto* bad : {"NaN ", "[NaN]", "[Infinity]", "[-Infinity]", "[01]", "[1.]", "[.5]",
                            "[+1]", "{'a':1}", "{a:1}", "[1 2]", "[tru]", "// x\n{}", "[\"\x01\"]",
                            "[\"\\x\"]", "[\"\\ud800\"]", "\xef\xbb[]", "}", "[}"})
        EXPECT_FALSE(parse_json(as_bytes(bad)).has_value()) << bad;
}

TEST(json, text_that_is_no_utf8) {
    for (const auto* bad : {"[\"\xff\"]", "[\"\xc0\xaf\"]", "[\"\xed\xa0\x80\"]",
                            "[\"\xf4\x90\x80\x80\"]", "[\"\xe2\x82\"]", "{\"\x80\":1}"}) {
        EXPECT_EQ(failure(bad).code, errc::bad_value) << bad;
        EXPECT_FALSE(is_utf8(bad));
    }
    EXPECT_TRUE(is_utf8("aä€😀\xf4\x8f\xbf\xbf"));
    EXPECT_FALSE(is_utf8("\xe2\x82"));
}

TEST(json, a_name_that_stands_twice_is_refused) {
    const auto twice = failure(R"({"a":1,"b":{"a":2},"a":3})");
    EXPECT_EQ(twice.code, errc::duplicate);
    EXPECT_GE(twice.offset, 19U);
    EXPECT_LE(twice.offset, 23U);
    EXPECT_EQ(failure(R"({"a":1,"\u0061":2})").code, errc::duplicate);
    EXPECT_TRUE(parse_json(as_bytes(R"([{"a":1},{"a":1}])")));
}

TEST(json, depth_is_bounded) {
    limits bounds;
    bounds.depth = 3;
    EXPECT_TRUE(parse_json(as_bytes("[[[]]]"), bounds));
    const auto deep = failure("[[[[]]]]", bounds);
    EXPECT_EQ(deep.code, errc::limit);
    EXPECT_STREQ(deep.field, "depth");
    EXPECT_EQ(deep.offset, 3U);
    EXPECT_TRUE(parse_json(as_bytes(R"(["[[[[[[[["])"), bounds));
    EXPECT_EQ(failure(std::string(500000, '[')).code, errc::limit);
    std::string objects;
    for (int i = 0; i < 100000; ++i)
        objects += "{\"a\":";
    EXPECT_EQ(failure(objects).code, errc::limit);
}

TEST(json, size_and_number_of_values_are_bounded) {
    limits bounds;
    bounds.size = 8;
    EXPECT_TRUE(parse_json(as_bytes("[1,2,3]"), bounds));
    EXPECT_EQ(failure("[1,2,3,4]", bounds).code, errc::limit);
    bounds = {};
    bounds.values = 4;
    EXPECT_TRUE(parse_json(as_bytes("[1,2,3]"), bounds));
    EXPECT_STREQ(failure("[1,2,3,4]", bounds).field, "number of values");
    std::string many = "[";
    for (int i = 0; i < 100000; ++i)
        many += "0,";
    EXPECT_EQ(failure(many + "0]").code, errc::limit);
    EXPECT_EQ(failure(std::string((1U << 20) + 1, ' ')).code, errc::limit);
}

TEST(json, numbers_out_of_range) {
    EXPECT_EQ(failure("[1e999]").code, errc::limit);
    EXPECT_EQ(failure("[-1e999]").code, errc::limit);
    EXPECT_TRUE(parse_json(as_bytes("[123456789012345678901234567890]")));
    EXPECT_TRUE(parse_json(as_bytes("[1e-999]")));
}

TEST(json, compressed_objects_are_named_as_such) {
    const auto gzip = failure("\x1f\x8b\x08");
    EXPECT_EQ(gzip.code, errc::unsupported);
    EXPECT_STREQ(gzip.field, "GZIP");
}

TEST(json, any_bytes_are_a_value_or_an_error_inside_them) {
    EXPECT_TRUE(rc::check("any bytes", [](const std::string& text) {
        const auto parsed = parse_json(as_bytes(text));
        if (!parsed) {
            RC_ASSERT(parsed.error().code != errc::ok);
            RC_ASSERT(parsed.error().offset <= text.size());
        }
    }));
}

} // namespace
} // namespace moqrtc::catalog
