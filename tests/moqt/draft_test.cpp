#include <moqrtc/moqt/draft.hpp>

#include <gtest/gtest.h>

namespace moqrtc::moqt {
namespace {

static_assert(rules_for(draft::d16).varint == varint_form::quic);
static_assert(rules_for(draft::d17).varint == varint_form::leading_ones_no7);
static_assert(rules_for(draft::d18).varint == varint_form::leading_ones);
static_assert(rules_for(draft::d16).unknown_stream_count == (std::uint64_t{1} << 62) - 1);

TEST(draft, is_found_by_number_and_by_alpn) {
    for (const auto d : all_drafts) {
        const auto& rules = rules_for(d);
        EXPECT_EQ(rules.id, d);
        EXPECT_EQ(draft_of(number(d)), d);
        EXPECT_EQ(draft_of(rules.alpn), d);
        if (d != draft::d14) {
            EXPECT_EQ(rules.alpn, "moqt-" + std::to_string(number(d)));
        }
    }
    EXPECT_EQ(draft_of(13), std::nullopt);
    EXPECT_EQ(draft_of(23), std::nullopt);
    EXPECT_EQ(draft_of("h3"), std::nullopt);
    EXPECT_EQ(rules_for(draft::d14).alpn, "moq-00");
}

TEST(draft, spoken_ones_stand_newest_first) {
    for (std::size_t i = 1; i < spoken_drafts.size(); ++i)
        EXPECT_GT(number(spoken_drafts[i - 1]), number(spoken_drafts[i]));
}

TEST(draft, capabilities_agree_with_each_other) {
    for (const auto d : all_drafts) {
        const auto& rules = rules_for(d);
        EXPECT_EQ(rules.control_pair, rules.setup == setup_form::symmetric);
        EXPECT_NE(rules.request_streams, rules.request_credit);
        EXPECT_EQ(rules.parameters == parameter_form::typed,
                  rules.misplaced_parameters == unknown_parameter::closes);
        if (rules.redirect) {
            EXPECT_TRUE(rules.retry_interval);
        }
        if (rules.request_ok_properties) {
            EXPECT_TRUE(rules.track_properties);
        }
        EXPECT_FALSE(rules.subscribe_options && rules.subscribe_tracks);
    }
}

} // namespace
} // namespace moqrtc::moqt
