#include <moqrtc/core/hex.hpp>
#include <moqrtc/moqt/range_filter.hpp>

#include <gtest/gtest.h>

namespace moqrtc::moqt {
namespace {

const auto& rules = rules_for(draft::d20);

/// Filters from pairs of subject and value in hexadecimal.
struct given {
    given(std::initializer_list<std::pair<range_subject, const char*>> all) {
        for (const auto& [subject, text] : all)
            values.push_back(*hex_decode(text));
        std::size_t i = 0;
        for (const auto& [subject, text] : all)
            filters.push_back({subject, values[i++]});
    }
    operator range_filter_list() const { return range_filter_list{filters}; } // NOLINT
    std::vector<std::vector<std::byte>> values;
    std::vector<encoded_filter> filters;
};

TEST(range_filter, the_drafts_own_example) {
    std::array<std::byte, 16> out{};
    const std::array ranges{filter_range{3, 5}, filter_range{10, 15}};
    const auto size = encode_filter(rules, range_subject::subgroup, 0, 0, ranges, out);
    ASSERT_TRUE(size);
    EXPECT_EQ(hex_encode(bytes{out}.first(*size)), "0003020505");
    range_filters all;
    ASSERT_TRUE(all.apply(rules, given{{range_subject::subgroup, "0003020505"}}, 2));
    EXPECT_EQ(all.ranges(), 2u);
    for (std::uint64_t n = 0; n < 20; ++n)
        EXPECT_EQ(all.pass(rules, n, 0, 0, {}), (n >= 3 && n <= 5) || (n >= 10 && n <= 15)) << n;
    const std::array backwards{filter_range{5, 3}};
    EXPECT_FALSE(encode_filter(rules, range_subject::subgroup, 0, 0, backwards, out));
}

TEST(range_filter, sets_are_alternatives_of_filters_that_all_hold) {
    range_filters all;
    EXPECT_TRUE(all.pass(rules, 1, 2, 3, {})) << "no filter, no objection";
    ASSERT_TRUE(all.apply(rules,
                          given{{range_subject::subgroup, "000100"},   // set 0: subgroup 1
                                {range_subject::object_id, "000a"},    // set 0: objects from 10 on
                                {range_subject::object_id, "010300"}}, // set 1: object 3
                          8));
    EXPECT_TRUE(all.pass(rules, 1, 10, 0, {}));
    EXPECT_FALSE(all.pass(rules, 1, 9, 0, {}));
    EXPECT_FALSE(all.pass(rules, 2, 10, 0, {}));
    EXPECT_TRUE(all.pass(rules, 2, 3, 0, {}));
}

TEST(range_filter, properties_count_in_an_immutable_block_too) {
    range_filters all;
    ASSERT_TRUE(all.apply(rules, given{{range_subject::object_property, "00100502"}}, 8));
    EXPECT_FALSE(all.pass(rules, 0, 0, 0, {})) << "an object without the property";
    const auto has = *hex_decode("1006");
    EXPECT_TRUE(all.pass(rules, 0, 0, 0, has));
    const auto other = *hex_decode("1008");
    EXPECT_FALSE(all.pass(rules, 0, 0, 0, other));
    const auto inside = *hex_decode("0b021006");
    EXPECT_TRUE(all.pass(rules, 0, 0, 0, inside));
    EXPECT_TRUE(all.pass_track(rules, {})) << "says nothing of tracks";
    ASSERT_TRUE(all.apply(rules, given{{range_subject::track_property, "00100502"}}, 8));
    EXPECT_FALSE(all.pass_track(rules, {}));
    EXPECT_TRUE(all.pass_track(rules, has));
}

TEST(range_filter, an_update_replaces_what_it_names) {
    range_filters all;
    ASSERT_TRUE(all.apply(
        rules, given{{range_subject::subgroup, "000100"}, {range_subject::object_id, "000100"}},
        2));
    ASSERT_TRUE(all.apply(rules, given{{range_subject::object_id, "000200"}}, 2));
    EXPECT_TRUE(all.pass(rules, 1, 2, 0, {}));
    EXPECT_FALSE(all.pass(rules, 1, 1, 0, {}));
    EXPECT_FALSE(all.pass(rules, 0, 2, 0, {}));
    EXPECT_EQ(all.apply(rules, given{{range_subject::object_id, "0002000100"}}, 2).error().code,
              errc::limit);
    EXPECT_TRUE(all.pass(rules, 1, 2, 0, {})) << "a wrong one changes nothing";
    ASSERT_TRUE(
        all.apply(rules, given{{range_subject::subgroup, ""}, {range_subject::object_id, ""}}, 2));
    EXPECT_TRUE(all.empty());
}

} // namespace
} // namespace moqrtc::moqt
