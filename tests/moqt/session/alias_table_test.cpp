#include <moqrtc/moqt/session/alias_table.hpp>

#include <gtest/gtest.h>
#include <vector>

namespace moqrtc::moqt::detail {
namespace {

std::vector<std::uint32_t> all(const alias_table& table, track_alias alias) {
    std::vector<std::uint32_t> found;
    table.for_each(alias, [&](std::uint32_t slot) { found.push_back(slot); });
    return found;
}

} // namespace

TEST(alias_table, the_oldest_stands_for_all) {
    alias_table table;
    EXPECT_EQ(table.find(7), alias_table::none);
    table.add(7, 3);
    EXPECT_FALSE(table.has_shared());
    table.add(7, 1);
    table.add(8, 1); // one slot may have several aliases
    table.add(7, 2);
    table.add(7, 1);
    table.add(7, 3); // again: nothing changes
    EXPECT_TRUE(table.has_shared());
    EXPECT_EQ(table.find(7), 3u);
    EXPECT_EQ(all(table, 7), (std::vector<std::uint32_t>{3, 1, 2}));
    EXPECT_EQ(all(table, 8), (std::vector<std::uint32_t>{1}));
}

TEST(alias_table, who_leaves_makes_room_for_the_next) {
    alias_table table;
    for (const auto slot : {3u, 1u, 2u})
        table.add(7, slot);
    table.add(8, 9);
    table.erase(7, 1); // beside
    EXPECT_EQ(all(table, 7), (std::vector<std::uint32_t>{3, 2}));
    table.erase(7, 3); // in front
    EXPECT_EQ(table.find(7), 2u);
    EXPECT_FALSE(table.has_shared());
    table.erase(7, 5); // never had it
    EXPECT_EQ(table.find(7), 2u);
    table.erase(7, 2);
    EXPECT_EQ(table.find(7), alias_table::none);
    EXPECT_EQ(table.find(8), 9u);
}

} // namespace moqrtc::moqt::detail
