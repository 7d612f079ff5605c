#include <moqrtc/moqt/msg/all.hpp>

#include <array>
#include <gtest/gtest.h>
#include <vector>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

constexpr auto pool = [] {
    std::array<std::byte, 96> out{};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::byte>(i * 7 + 1);
    return out;
}();

/// Runs `test` for every message type, draft of `drafts` that has it, and seed.
template <class Test>
void for_all(std::uint64_t seeds, Test&& test) {
    msg::all::for_each([&]<class M> {
        for (const auto d : spoken_drafts) {
            const auto& rules = rules_for(d);
            if (M::code(rules) == no_code) continue;
            for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
                SCOPED_TRACE(std::string{M::name} + " draft " + std::to_string(number(d)) +
                             " seed " + std::to_string(seed));
                test.template operator()<M>(rules, sample<M>(rules, seed, pool));
                if (testing::Test::HasFatalFailure()) return;
            }
        }
    });
}

std::vector<std::byte> bytes_of(const wire_rules& rules, const auto& message) {
    std::vector<std::byte> out(70000);
    const auto size = serialize(rules, message, out);
    EXPECT_TRUE(size.has_value()) << (size ? "" : size.error().field);
    out.resize(size.value_or(0));
    return out;
}

} // namespace

TEST(messages, every_sampled_message_round_trips) {
    for_all(300, []<class M>(const wire_rules& rules, const M& message) {
        const auto wire = bytes_of(rules, message);
        ASSERT_EQ(wire.size(), wire_size(rules, message));
        const auto parsed = parse<M>(rules, wire);
        ASSERT_TRUE(parsed.has_value())
            << to_string(parsed.error().code) << " " << parsed.error().field;
        ASSERT_EQ(bytes_of(rules, *parsed), wire);
        ASSERT_EQ(to_text(rules, *parsed), to_text(rules, message));
    });
}

TEST(messages, truncation_at_every_byte_is_an_error_or_a_shorter_message) {
    for_all(60, []<class M>(const wire_rules& rules, const M& message) {
        const auto wire = bytes_of(rules, message);
        for (std::size_t n = 0; n < wire.size(); ++n) {
            // An exact-size copy, so that a read past the end is seen by AddressSanitizer.
            const std::vector<std::byte> cut(wire.begin(), wire.begin() + static_cast<long>(n));
            const auto parsed = parse<M>(rules, cut);
            if (!parsed) {
                ASSERT_LE(parsed.error().offset, cut.size());
                ASSERT_STREQ(parsed.error().where, M::where);
                continue;
            }
            ASSERT_EQ(bytes_of(rules, *parsed), cut); // fields at the end are optional
        }
    });
}
