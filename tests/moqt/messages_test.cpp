#include <moqrtc/moqt/msg/all.hpp>

#include <array>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <vector>

namespace moqrtc::moqt {
namespace {

constexpr auto source = [] {
    std::array<std::byte, 300> out{};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::byte>(i * 7 + 1);
    return out;
}();

/// Runs `test` for every message type and every draft that has it.
template <class Test>
void for_all_messages(Test&& test) {
    msg::all::for_each([&]<class M> {
        for (const auto d : all_drafts) {
            const auto& rules = rules_for(d);
            if (M::code(rules) != no_code) test.template operator()<M>(rules);
        }
    });
}
/// The same with a message for each seed.
template <class Test>
void for_all(std::uint64_t seeds, Test&& test) {
    for_all_messages([&]<class M>(const wire_rules& rules) {
        for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
            SCOPED_TRACE(::testing::Message()
                         << M::name << " draft " << number(rules.id) << " seed " << seed);
            test.template operator()<M>(rules, sample<M>(rules, seed, source));
            if (::testing::Test::HasFatalFailure()) return;
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

TEST(messages, no_room_is_an_error_at_every_size) {
    for_all(20, []<class M>(const wire_rules& rules, const M& message) {
        const auto wire = bytes_of(rules, message);
        for (std::size_t n = 0; n <= wire.size(); ++n) {
            std::vector<std::byte> out(n);
            const auto size = serialize(rules, message, out);
            ASSERT_EQ(size.has_value(), n == wire.size());
            if (size) continue;
            ASSERT_EQ(size.error().code, errc::no_space);
        }
    });
}

TEST(messages, framing_adds_type_and_length) {
    for_all(20, []<class M>(const wire_rules& rules, const M& message) {
        const auto body = bytes_of(rules, message);
        std::vector<std::byte> out(framed_size(rules, message));
        const auto size = serialize_framed(rules, message, out);
        ASSERT_TRUE(size);
        ASSERT_EQ(*size, out.size());
        const auto type = decode_varint(rules.varint, out.data(), out.size());
        ASSERT_EQ(type.value, M::code(rules));
        ASSERT_EQ(load_be<2>(bytes{out}.subspan(type.size)), body.size());
        ASSERT_TRUE(equal(bytes{out}.subspan(type.size + 2), body));
        bool dispatched = false;
        EXPECT_TRUE(msg::all::dispatch(
            rules, type.value, [&]<class Found> { dispatched = std::is_same_v<Found, M>; }));
        ASSERT_TRUE(dispatched);
        ASSERT_EQ(msg::name_of(rules, type.value), M::name);
    });
}

TEST(messages, a_body_beyond_16_bits_is_refused) {
    const std::vector<std::byte> value(60000, std::byte{1});
    const std::array tokens{authorization_token{alias_type::use_value, 0, 0, value},
                            authorization_token{alias_type::use_value, 0, 1, value}};
    msg::track_status message;
    const track_namespace space{"a"};
    message.track_namespace = space.view();
    message.params.authorization_tokens = token_list{tokens};
    std::vector<std::byte> out(200000);
    for (const auto d : all_drafts) {
        const auto size = serialize_framed(rules_for(d), message, out);
        ASSERT_FALSE(size);
        EXPECT_EQ(size.error().code, errc::limit);
    }
}

TEST(messages, types_that_a_draft_lacks_are_not_written) {
    std::array<std::byte, 64> out{};
    const auto code = [&](draft d, const auto& message) {
        const auto size = serialize_framed(rules_for(d), message, out);
        return size ? errc::ok : size.error().code;
    };
    EXPECT_EQ(code(draft::d18, msg::unsubscribe{}), errc::not_in_draft);
    EXPECT_EQ(code(draft::d18, msg::publish_ok{}), errc::not_in_draft);
    EXPECT_EQ(code(draft::d16, msg::subscribe_tracks{}), errc::not_in_draft);
    EXPECT_EQ(code(draft::d16, msg::setup{}), errc::not_in_draft);
    EXPECT_EQ(msg::name_of(rules_for(draft::d18), 0x1e), "unknown");
    EXPECT_EQ(msg::name_of(rules_for(draft::d16), 0x50), "unknown");
}

TEST(messages, fields_that_a_draft_lacks_are_not_dropped) {
    std::array<std::byte, 64> out{};
    const auto code = [&](draft d, const auto& message) {
        const auto size = serialize(rules_for(d), message, out);
        return size ? errc::ok : size.error().code;
    };
    constexpr std::array property{std::byte{4}, std::byte{1}};
    EXPECT_EQ(code(draft::d16, msg::request_ok{.properties = property}), errc::not_in_draft);
    EXPECT_EQ(code(draft::d18, msg::request_ok{.properties = property}), errc::ok);
    EXPECT_EQ(code(draft::d16, msg::goaway{.timeout = 1}), errc::not_in_draft);
    EXPECT_EQ(code(draft::d16, msg::goaway{.request_id = 0}), errc::not_in_draft);
    EXPECT_EQ(code(draft::d16, msg::request_error{.target = msg::redirect{}}), errc::not_in_draft);
    EXPECT_EQ(code(draft::d18, msg::request_error{.target = msg::redirect{}}), errc::bad_value);
    EXPECT_EQ(code(draft::d18, msg::request_error{.error_code = 0x34}), errc::bad_value);
    EXPECT_EQ(code(draft::d18, msg::subscribe_namespace{.options = msg::subscribe_options::both}),
              errc::not_in_draft);
    EXPECT_EQ(code(draft::d18, msg::setup{.options = {.max_request_id = 1}}), errc::not_in_draft);
    EXPECT_EQ(code(draft::d18, msg::setup{.options = {.max_filter_ranges = 1}}),
              errc::not_in_draft);
    EXPECT_EQ(code(draft::d19, msg::setup{.options = {.max_filter_ranges = 1}}), errc::ok);
    EXPECT_EQ(code(draft::d20, msg::fetch{.type = msg::fetch_type::relative_joining}),
              errc::not_in_draft);
    EXPECT_EQ(code(draft::d20, msg::fetch{.end = {3, 0}}), errc::not_in_draft);
    msg::subscribe relative;
    relative.params.subscription_filter = {filter_type::relative_start, {1, 0}};
    EXPECT_EQ(code(draft::d19, relative), errc::not_in_draft);
    EXPECT_EQ(code(draft::d20, relative), errc::ok);
    const message_params nothing;
    msg::subscribe fill;
    fill.params.fill = fill_parameters{nothing};
    EXPECT_EQ(code(draft::d19, fill), errc::not_in_draft);
    EXPECT_EQ(code(draft::d20, fill), errc::ok);
}

TEST(messages, any_bytes_parse_or_fail_and_what_parses_is_stable) {
    const auto stable = []<class M>(const wire_rules& rules, bytes body) {
        const auto parsed = parse<M>(rules, body);
        if (!parsed) return RC_ASSERT(parsed.error().offset <= body.size());
        std::vector<std::byte> out(70000);
        const auto size = serialize(rules, *parsed, out);
        if (!size) return RC_ASSERT(M::name == "FETCH"); // its range may be backwards
        RC_ASSERT(*size == wire_size(rules, *parsed));
        const auto again = parse<M>(rules, bytes{out}.first(*size));
        RC_ASSERT(again.has_value());
        RC_ASSERT(to_text(rules, *again) == to_text(rules, *parsed));
    };
    EXPECT_TRUE(rc::check("random bodies", [&](const std::vector<std::uint8_t>& raw) {
        for_all_messages([&]<class M>(const wire_rules& rules) {
            stable.template operator()<M>(rules, std::as_bytes(std::span{raw}));
        });
    }));
    EXPECT_TRUE(rc::check("changed bodies", [&](std::uint32_t seed, std::uint8_t change) {
        for_all_messages([&]<class M>(const wire_rules& rules) {
            auto wire = bytes_of(rules, sample<M>(rules, seed, source));
            if (!wire.empty()) wire[seed % wire.size()] ^= static_cast<std::byte>(change);
            stable.template operator()<M>(rules, wire);
        });
    }));
}

TEST(messages, one_structure_speaks_all_drafts) {
    std::size_t carried = 0;
    std::size_t refused = 0;
    for_all(200, [&]<class M>(const wire_rules& rules, const M& message) {
        for (const auto d : all_drafts) {
            const auto& other = rules_for(d);
            if (d == rules.id || M::code(other) == no_code) continue;
            const auto wire = bytes_of(rules, message);
            const auto parsed = parse<M>(rules, wire);
            ASSERT_TRUE(parsed);
            std::vector<std::byte> out(70000);
            const auto size = serialize(other, *parsed, out);
            if (!size) {
                ASSERT_TRUE(size.error().code == errc::not_in_draft ||
                            size.error().code == errc::bad_value)
                    << size.error().field;
                ++refused;
                continue;
            }
            ++carried;
            const auto there = parse<M>(other, bytes{out}.first(*size));
            ASSERT_TRUE(there) << to_string(there.error().code) << " " << there.error().field;
            ASSERT_EQ(to_text(other, *there), to_text(other, *parsed));
        }
    });
    EXPECT_GT(carried, 3000U);
    EXPECT_GT(refused, 100U);
}

} // namespace
} // namespace moqrtc::moqt
