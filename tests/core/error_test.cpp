#include <moqrtc/core/error.hpp>

#include <gtest/gtest.h>
#include <set>
#include <type_traits>

namespace moqrtc {
namespace {

static_assert(std::is_trivially_copyable_v<error>);
static_assert(error{}.code == errc::ok);

TEST(error, every_code_has_a_name_of_its_own) {
    std::set<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(errc::not_found); ++i)
        EXPECT_TRUE(names.insert(to_string(static_cast<errc>(i))).second) << i;
    EXPECT_FALSE(names.contains("unknown"));
    EXPECT_EQ(to_string(static_cast<errc>(200)), "unknown");
}

TEST(error, a_failure_carries_what_it_was_given) {
    const result<int> failed = fail(errc::limit, "field", 7, "STRUCTURE, anchor");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, errc::limit);
    EXPECT_EQ(failed.error().offset, 7U);
    EXPECT_STREQ(failed.error().field, "field");
    EXPECT_STREQ(failed.error().where, "STRUCTURE, anchor");
}

} // namespace
} // namespace moqrtc
