#include <moqrtc/core/utf8.hpp>

#include <gtest/gtest.h>
#include <string>

using namespace std::string_view_literals;

namespace moqrtc {

static_assert(is_utf8("") && is_utf8("a\x7f") && !is_utf8("\x80"));

TEST(utf8, first_and_last_of_each_length) {
    for (const auto good :
         {"\0"sv, "\x7f"sv, "\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv, "\xed\x9f\xbf"sv,
          "\xee\x80\x80"sv, "\xef\xbf\xbf"sv, "\xf0\x90\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv}) {
        EXPECT_TRUE(is_utf8(good));
        EXPECT_TRUE(is_utf8(std::string{good} + "a" + std::string{good}));
        // What is cut short is none, at the end as before more.
        for (std::size_t size = 1; size < good.size(); ++size) {
            EXPECT_FALSE(is_utf8(good.substr(0, size)));
            EXPECT_FALSE(is_utf8(std::string{good.substr(0, size)} + "aaaa"));
        }
    }
}

TEST(utf8, overlong_surrogates_and_beyond) {
    for (const auto bad : {"\xc0\x80"sv, "\xc1\xbf"sv, "\xe0\x9f\xbf"sv, "\xed\xa0\x80"sv,
                           "\xed\xbf\xbf"sv, "\xf0\x8f\xbf\xbf"sv, "\xf4\x90\x80\x80"sv,
                           "\xf5\x80\x80\x80"sv, "\xff"sv, "\xbf"sv, "a\x80"sv, "\xc2\xc2\x80"sv})
        EXPECT_FALSE(is_utf8(bad));
}

} // namespace moqrtc
