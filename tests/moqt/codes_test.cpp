#include <moqrtc/moqt/codes.hpp>

#include <gtest/gtest.h>

namespace moqrtc::moqt {
namespace {

const auto& d16 = rules_for(draft::d16);
const auto& d18 = rules_for(draft::d18);

static_assert(to_wire(rules_for(draft::d18), close_code::protocol_violation) == 0x3);

template <class Code>
void check(std::size_t count) {
    for (const auto d : all_drafts) {
        const auto& rules = rules_for(d);
        for (std::size_t i = 0; i < count; ++i) {
            const auto code = static_cast<Code>(i);
            EXPECT_FALSE(to_string(code).empty());
            if (in_draft(rules, code)) {
                EXPECT_EQ(from_wire<Code>(rules, to_wire(rules, code)), code);
            }
        }
        EXPECT_EQ(from_wire<Code>(rules, 0x9d), Code::internal_error); // MUST-18-129, grease
        EXPECT_EQ(from_wire<Code>(rules, 0xff), Code::internal_error);
        EXPECT_EQ(from_wire<Code>(rules, UINT64_MAX), Code::internal_error);
    }
}

TEST(codes, go_to_the_wire_and_back_in_every_draft) {
    check<close_code>(detail::close_rows.size());
    check<request_error_code>(detail::request_error_rows.size());
    check<publish_done_code>(detail::publish_done_rows.size());
    check<reset_code>(detail::reset_rows.size());
}

TEST(codes, numbers_that_changed_their_meaning) {
    EXPECT_EQ(to_wire(d16, publish_done_code::expired), 0x5U);
    EXPECT_EQ(to_wire(d18, publish_done_code::expired), 0x6U);
    EXPECT_EQ(to_wire(d16, publish_done_code::too_far_behind), 0x6U);
    EXPECT_EQ(to_wire(d18, publish_done_code::too_far_behind), 0x5U);
    EXPECT_EQ(from_wire<reset_code>(d16, 0x4), reset_code::unknown_object_status);
    EXPECT_EQ(from_wire<reset_code>(d18, 0x4), reset_code::going_away);
    EXPECT_EQ(to_wire(d18, reset_code::unknown_object_status), 0x6U);
    EXPECT_EQ(to_wire(d18, request_error_code::redirect), 0x34U);
}

TEST(codes, what_a_draft_lacks_becomes_its_nearest) {
    EXPECT_FALSE(in_draft(d16, request_error_code::going_away));
    EXPECT_EQ(to_wire(d16, request_error_code::going_away), 0x0U);
    EXPECT_FALSE(in_draft(d18, close_code::too_many_requests));
    EXPECT_EQ(to_wire(d18, close_code::too_many_requests), 0x3U);
    EXPECT_EQ(to_wire(d16, publish_done_code::excessive_load), 0x0U);
}

TEST(codes, failures_of_a_codec_close_as_the_drafts_say) {
    using enum errc;
    for (const auto code :
         {truncated, trailing, bad_value, limit, overflow, duplicate, unknown_type})
        EXPECT_EQ(close_code_for(code), close_code::protocol_violation);
    EXPECT_EQ(close_code_for(malformed_value), close_code::key_value_formatting_error);
    for (const auto code : {out_of_memory, no_space, bad_state})
        EXPECT_EQ(close_code_for(code), close_code::internal_error);
}

} // namespace
} // namespace moqrtc::moqt
