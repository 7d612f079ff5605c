#include "core/rules.hpp"

#include <moqrtc/moqt/name.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <vector>

namespace moqrtc::moqt {
namespace {

using namespace tests;

/// Parses a namespace of at least `least` fields.
result<track_namespace> parsed(const form_rules& rules, bytes wire, std::size_t least = 0) {
    reader io{rules, wire};
    namespace_view view;
    describe_namespace(io, "track_namespace", view, least);
    if (!io.ok()) return std::unexpected(io.failure());
    return track_namespace{view};
}
std::vector<std::byte> written(const form_rules& rules, const namespace_view& view) {
    std::vector<std::byte> out(8192);
    writer io{rules, out};
    describe_namespace(io, "track_namespace", view, 0);
    EXPECT_TRUE(io.ok()) << io.failure().field;
    out.resize(io.position());
    return out;
}
errc code(const result<track_namespace>& got) {
    return got ? errc::ok : got.error().code;
}

TEST(track_namespace, is_read_and_written_in_both_forms) {
    const track_namespace space{"live", "room"};
    const auto wire = hex("02 04 6c697665 04 726f6f6d");
    EXPECT_EQ(written(quic, space.view()), wire);
    EXPECT_EQ(written(ones, space.view()), wire);
    EXPECT_EQ(parsed(quic, wire).value(), space);
    EXPECT_EQ(parsed(ones, wire, 2).value(), space);
    EXPECT_EQ(code(parsed(ones, wire, 3)), errc::bad_value);
    EXPECT_EQ(code(parsed(ones, hex("00"), 1)), errc::bad_value);
    EXPECT_TRUE(parsed(ones, hex("00"))->empty());
}

TEST(track_namespace, moves_between_forms_of_integers) {
    const std::string wide(100, 'x'); // a length of 2 bytes in one form, of 1 in the other
    const track_namespace space{"a", wide};
    const auto there = written(quic, space.view());
    reader io{quic, there};
    namespace_view view;
    describe_namespace(io, "track_namespace", view, 0);
    EXPECT_EQ(view.form(), namespace_view::lengths::quic);
    EXPECT_EQ(view.content_size(), 101U);
    EXPECT_EQ(written(quic, view), there);
    EXPECT_EQ(written(ones, view), written(ones, space.view()));
    EXPECT_EQ(written(ones, view).size() + 1, there.size());
}

TEST(track_namespace, fails_with_the_draft_s_limits) {
    EXPECT_EQ(code(parsed(ones, hex("21"))), errc::limit);
    EXPECT_EQ(code(parsed(ones, hex("01 00"))), errc::bad_value);
    EXPECT_EQ(code(parsed(ones, hex("01"))), errc::truncated);
    EXPECT_EQ(code(parsed(ones, hex("01 02 61"))), errc::truncated);
    EXPECT_EQ(code(parsed(ones, hex("01 ffffffffffffffffff"))), errc::limit);
    EXPECT_EQ(code(parsed(ones, hex("ffffffffffffffffff"))), errc::limit);
}

TEST(track_namespace, what_cannot_be_written_is_refused) {
    const auto refused = [](const track_namespace& space, std::size_t least = 0) {
        std::vector<std::byte> out(80000);
        writer io{ones, out};
        const auto view = space.view();
        describe_namespace(io, "track_namespace", view, least);
        return io.failure().code;
    };
    track_namespace many;
    for (int i = 0; i < 400; ++i) { // more than the counter holds
        many.append(as_bytes("x"));
        if (i == 31) {
            EXPECT_EQ(refused(many), errc::ok);
        }
        if (i >= 32) {
            ASSERT_EQ(refused(many), errc::limit) << i;
        }
    }
    const std::string huge(70000, 'x'); // more than the stored length holds
    track_namespace wide;
    wide.append(as_bytes(huge));
    EXPECT_EQ(refused(wide), errc::limit);
    EXPECT_EQ(refused(track_namespace{""}), errc::bad_value);
    EXPECT_EQ(refused(track_namespace{}), errc::ok);
    EXPECT_EQ(refused(track_namespace{}, 1), errc::not_in_draft);
}

TEST(track_namespace, prefixes_follow_fields_and_not_bytes) {
    const track_namespace whole{"example.com", "meeting=123", "participant=100"};
    EXPECT_TRUE((track_namespace{"example.com", "meeting=123"}).is_prefix_of(whole));
    EXPECT_TRUE(track_namespace{}.is_prefix_of(whole));
    EXPECT_TRUE(whole.is_prefix_of(whole));
    EXPECT_FALSE((track_namespace{"example.com", "meeting=12"}).is_prefix_of(whole));
    EXPECT_FALSE((track_namespace{"example", ".com"}).is_prefix_of(whole));
    EXPECT_FALSE(whole.is_prefix_of(track_namespace{"example.com"}));
    EXPECT_EQ(whole.suffix(2), (track_namespace{"participant=100"}));
    EXPECT_EQ(whole.suffix(9), track_namespace{});
    EXPECT_EQ((track_namespace{"example.com"}).joined(whole.suffix(1).view()), whole);
}

TEST(track_namespace, equal_exactly_when_the_fields_are) {
    EXPECT_NE((track_namespace{"ab", "c"}), (track_namespace{"a", "bc"}));
    EXPECT_NE((track_namespace{"a"}), (track_namespace{"a", "a"}));
    EXPECT_EQ((full_track_name{{"a"}, "b"}), (full_track_name{{"a"}, "b"}));
    EXPECT_LT((full_track_name{{"a"}, "b"}), (full_track_name{{"a"}, "c"}));
}

TEST(track_namespace, round_trip) {
    EXPECT_TRUE(rc::check("namespace round trip", [](const std::vector<std::string>& fields) {
        track_namespace space;
        for (const auto& field : fields)
            if (!field.empty() && space.count() < 32) space.append(as_bytes(field));
        for (const auto& rules : {quic, ones, no7}) {
            const auto wire = written(rules, space.view());
            RC_ASSERT(parsed(rules, wire).value() == space);
        }
    }));
}

} // namespace
} // namespace moqrtc::moqt
