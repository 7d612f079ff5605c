#include <moqrtc/moqt/data/stream_reader.hpp>

#include <gtest/gtest.h>
#include <vector>

using namespace moqrtc;
using namespace moqrtc::moqt;
using kind = stream_item::kind;

namespace {

std::vector<std::byte> hex(std::string_view text) {
    std::vector<std::byte> out;
    unsigned value = 0;
    int digits = 0;
    for (const char c : text) {
        if (c == ' ') continue;
        value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
        if (++digits % 2 == 0) out.push_back(static_cast<std::byte>(value & 0xff));
    }
    return out;
}

} // namespace

TEST(stream_reader, reads_the_example_of_the_drafts) {
    for (const auto d : spoken_drafts) {
        buffer_pool pool;
        auto reader = stream_reader::create(rules_for(d), 0x14);
        ASSERT_TRUE(reader.has_value());
        const auto data = hex("02 00 00 00 00 04 61626364 00 04 65666768");
        bytes in{data};
        auto item = reader->next(in, pool);
        ASSERT_TRUE(item && *item);
        EXPECT_EQ((*item)->what, kind::subgroup_header);
        EXPECT_EQ(reader->header().track_alias, 2U);
        item = reader->next(in, pool);
        ASSERT_TRUE(item && *item);
        EXPECT_EQ((*item)->object.location, (location{0, 0}));
        EXPECT_EQ(as_text((*item)->object.payload), "abcd");
        item = reader->next(in, pool);
        ASSERT_TRUE(item && *item);
        EXPECT_EQ((*item)->object.location, (location{0, 1}));
        EXPECT_EQ(as_text((*item)->object.payload), "efgh");
        EXPECT_TRUE(in.empty());
        item = reader->next(in, pool);
        ASSERT_TRUE(item && !*item);
        EXPECT_TRUE(reader->finish().has_value());
    }
}
