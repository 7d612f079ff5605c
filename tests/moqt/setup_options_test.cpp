#include "core/rules.hpp"

#include <moqrtc/moqt/msg/all.hpp>
#include <moqrtc/moqt/setup_options.hpp>

#include <gtest/gtest.h>

namespace moqrtc::moqt {
namespace {

using tests::hex;

setup_options options() {
    setup_options o;
    o.path = as_bytes("/moq?x=1");
    o.max_auth_token_cache_size = 4096;
    o.authority = as_bytes("localhost:4443");
    o.implementation = as_bytes("moqrtc");
    return o;
}

template <class M>
setup_options through(draft d, const setup_options& in) {
    static std::array<std::byte, 256> out;
    const auto size = serialize(rules_for(d), M{in}, out);
    EXPECT_TRUE(size);
    const auto back = parse<M>(rules_for(d), bytes{out}.first(size.value_or(0)));
    EXPECT_TRUE(back);
    return back ? back->options : setup_options{};
}

TEST(setup_options, round_trip_with_and_without_a_count) {
    auto in = options();
    const auto eighteen = through<msg::setup>(draft::d18, in);
    EXPECT_EQ(as_text(*eighteen.path), "/moq?x=1");
    EXPECT_EQ(eighteen.max_auth_token_cache_size, 4096U);
    EXPECT_EQ(as_text(*eighteen.authority), "localhost:4443");
    EXPECT_EQ(as_text(*eighteen.implementation), "moqrtc");
    EXPECT_FALSE(eighteen.max_request_id);
    in.max_request_id = 100;
    const auto sixteen = through<msg::client_setup>(draft::d16, in);
    EXPECT_EQ(sixteen.max_request_id, 100U);
    EXPECT_EQ(as_text(*sixteen.implementation), "moqrtc");
}

TEST(setup_options, absent_is_not_empty) {
    setup_options in;
    in.path = bytes{};
    const auto out = through<msg::setup>(draft::d18, in);
    ASSERT_TRUE(out.path);
    EXPECT_TRUE(out.path->empty());
    EXPECT_FALSE(out.authority);
}

TEST(setup_options, a_draft_without_credit_skips_it) {
    const auto wire = hex("02 05 05 02 2f2f"); // MAX_REQUEST_ID, then IMPLEMENTATION
    const auto got = parse<msg::setup>(rules_for(draft::d18), wire);
    ASSERT_TRUE(got);
    EXPECT_FALSE(got->options.max_request_id);
    EXPECT_TRUE(got->options.implementation);
}

TEST(setup_options, the_count_must_fit) {
    const auto code = [](const char* text) {
        const auto wire = hex(text);
        const auto got = parse<msg::server_setup>(rules_for(draft::d16), wire);
        return got ? errc::ok : got.error().code;
    };
    EXPECT_EQ(code("00"), errc::ok);
    EXPECT_EQ(code("01"), errc::truncated);
    EXPECT_EQ(code("00 02 05"), errc::trailing);
    EXPECT_EQ(code("02 02 05"), errc::truncated);
    EXPECT_EQ(code("ffffffffffffffff 02 05"), errc::truncated);
}

} // namespace
} // namespace moqrtc::moqt
