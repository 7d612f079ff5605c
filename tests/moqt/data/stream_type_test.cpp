#include <moqrtc/moqt/data/stream_type.hpp>

#include <gtest/gtest.h>
#include <set>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

/// The subgroup types of draft 16 section 10.4.2 and draft 18 section 11.4.2, written out.
std::set<std::uint64_t> subgroup_types(draft d) {
    std::set<std::uint64_t> out;
    for (const std::uint64_t row : {0x10U, 0x30U, 0x50U, 0x70U})
        for (std::uint64_t low = 0; low < 16; ++low) {
            const bool in_table = low <= 0x5 || (low >= 0x8 && low <= 0xd);
            const bool in_draft = row < 0x20 || (row == 0x30 && d >= draft::d15) || d >= draft::d18;
            if (in_table && in_draft) out.insert(row + low);
        }
    return out;
}

} // namespace

TEST(stream_type, every_value_of_every_draft_is_classified_as_in_its_table) {
    for (const auto d : all_drafts) {
        const auto& rules = rules_for(d);
        const auto subgroups = subgroup_types(d);
        for (std::uint64_t type = 0; type < 0x3000; ++type) {
            const auto expected = subgroups.contains(type)            ? stream_kind::subgroup
                                  : type == 0x05                      ? stream_kind::fetch
                                  : type == 0x2f00 && number(d) >= 17 ? stream_kind::control
                                                                      : stream_kind::invalid;
            EXPECT_EQ(classify_stream(rules, type), expected)
                << "draft " << number(d) << " type " << type;
        }
    }
}

TEST(stream_type, draft_16_has_24_subgroup_types_and_draft_18_has_48) {
    EXPECT_EQ(subgroup_types(draft::d16).size(), 24U);
    EXPECT_EQ(subgroup_types(draft::d18).size(), 48U);
}

TEST(stream_type, padding_exists_from_draft_18_on) {
    EXPECT_EQ(classify_stream(rules_for(draft::d16), 0x132b3e28), stream_kind::invalid);
    EXPECT_EQ(classify_stream(rules_for(draft::d17), 0x132b3e28), stream_kind::invalid);
    EXPECT_EQ(classify_stream(rules_for(draft::d18), 0x132b3e28), stream_kind::padding);
    EXPECT_EQ(classify_stream(rules_for(draft::d18), 0x132b3e29), stream_kind::invalid);
}

TEST(stream_type, MUST_16_012_MUST_18_013_unknown_types_are_invalid) {
    for (const auto d : spoken_drafts)
        for (const std::uint64_t type :
             {0ULL, 0x04ULL, 0x06ULL, 0x80ULL, 0x94ULL, 0x110ULL, 0x4000000000000014ULL, ~0ULL})
            EXPECT_EQ(classify_stream(rules_for(d), type), stream_kind::invalid) << type;
}
