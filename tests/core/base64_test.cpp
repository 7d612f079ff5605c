#include <moqrtc/core/base64.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string>
#include <string_view>

namespace moqrtc {
namespace {

std::string decoded(std::string_view text, base64_alphabet alphabet = base64_alphabet::standard) {
    const auto data = base64_decode(text, alphabet);
    return data ? std::string{as_text(*data)} : std::string{to_string(data.error().code)};
}

TEST(base64, vectors_of_rfc_4648_section_10) {
    const std::string_view cases[][2] = {{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, text] : cases) {
        EXPECT_EQ(base64_encode(as_bytes(plain)), text);
        EXPECT_EQ(decoded(text), plain);
    }
}

TEST(base64, url_alphabet_has_no_padding_and_its_own_two_characters) {
    EXPECT_EQ(base64_encode(as_bytes("\xfb\xff\xfe\xff"), base64_alphabet::url), "-__-_w");
    EXPECT_EQ(base64_encode(as_bytes("\xfb\xff\xfe\xff")), "+//+/w==");
    EXPECT_EQ(decoded("-__-_w", base64_alphabet::url), "\xfb\xff\xfe\xff");
    EXPECT_EQ(decoded("+//+/w==", base64_alphabet::url), "bad value");
    EXPECT_EQ(decoded("-__-_w"), "bad value");
}

TEST(base64, padding_may_be_missing_but_not_half_there) {
    EXPECT_EQ(decoded("Zg"), "f");
    EXPECT_EQ(decoded("Zm8"), "fo");
    EXPECT_EQ(decoded("Zg="), "truncated");
    EXPECT_EQ(decoded("Zm9v="), "truncated");
    EXPECT_EQ(decoded("Zm9v=="), "truncated");
    EXPECT_EQ(decoded("Zm9v===="), "bad value");
    EXPECT_EQ(decoded("===="), "bad value");
}

TEST(base64, refuses_what_is_no_base64) {
    EXPECT_EQ(decoded("Z"), "truncated");
    EXPECT_EQ(decoded("Zm9vY"), "truncated");
    EXPECT_EQ(decoded("Zh=="), "bad value"); // bits behind the last byte
    EXPECT_EQ(decoded("Zm 9v"), "bad value");
    EXPECT_EQ(decoded("Zm9v\n"), "bad value");
    const auto dots = base64_decode("AAAA...B");
    ASSERT_FALSE(dots);
    EXPECT_EQ(dots.error().offset, 4U);
}

TEST(base64, round_trip_in_both_alphabets) {
    EXPECT_TRUE(rc::check("base64 round trip", [](const std::string& text) {
        for (const auto alphabet : {base64_alphabet::standard, base64_alphabet::url})
            RC_ASSERT(decoded(base64_encode(as_bytes(text), alphabet), alphabet) == text);
    }));
}

} // namespace
} // namespace moqrtc
