#include "support.hpp"

#include <moqrtc/moqt/data/subgroup.hpp>
#include <moqrtc/moqt/message.hpp>

#include <gtest/gtest.h>

using namespace moqrtc;
using namespace moqrtc::moqt;
using namespace moqrtc::moqt::data_test;

namespace {

constexpr std::array<std::byte, 64> pool_bytes{};

octets written(const wire_rules& rules, const subgroup_header& header) {
    octets out(64);
    const auto size = encode_subgroup_header(rules, header, out);
    EXPECT_TRUE(size.has_value());
    out.resize(size.value_or(0));
    return out;
}
object plain(std::uint64_t id, std::string_view payload) {
    object m;
    m.location.object = id;
    m.payload = slice::borrowed(as_bytes(payload));
    return m;
}

} // namespace

TEST(subgroup, header_examples_checked_by_hand) {
    subgroup_header header;
    header.track_alias = 2;
    header.group_id = 300;
    header.id_mode = subgroup_id_mode::present;
    header.subgroup_id = 5;
    header.publisher_priority = priority{7};
    EXPECT_EQ(written(rules_for(draft::d16), header), hex("14 02 412c 05 07"));
    EXPECT_EQ(written(rules_for(draft::d18), header), hex("14 02 812c 05 07"));

    header.id_mode = subgroup_id_mode::first_object;
    header.publisher_priority.reset();
    header.properties = header.end_of_group = true;
    EXPECT_EQ(written(rules_for(draft::d16), header), hex("3b 02 412c"));

    header.first_object = true;
    EXPECT_EQ(written(rules_for(draft::d18), header), hex("7b 02 812c"));
}

TEST(subgroup, object_header_examples_checked_by_hand) {
    std::byte out[64];
    const auto encode = [&](draft d, const subgroup_header& header,
                            std::optional<std::uint64_t> previous, const object& m) {
        const auto size = encode_subgroup_object_header(rules_for(d), header, previous, m, out);
        EXPECT_TRUE(size.has_value());
        return octets(out, out + size.value_or(0));
    };
    const std::string payload(1200, 'x');
    EXPECT_EQ(encode(draft::d16, {}, {}, plain(0, payload)), hex("00 44b0"));
    EXPECT_EQ(encode(draft::d18, {}, {}, plain(0, payload)), hex("00 84b0"));
    EXPECT_EQ(encode(draft::d18, {}, 3, plain(4, "abcd")), hex("00 04"));
    EXPECT_EQ(encode(draft::d18, {}, 3, plain(204, "abcd")), hex("80c8 04"));
    EXPECT_EQ(encode(draft::d16, {}, 3, plain(5, "")), hex("01 00 00"));

    auto end = plain(9, "");
    end.status = object_status::end_of_group;
    EXPECT_EQ(encode(draft::d16, {}, 8, end), hex("00 00 03"));

    const auto pairs = hex("08 0a");
    auto with = plain(0, "abcd");
    with.properties = slice::borrowed(pairs);
    EXPECT_EQ(encode(draft::d16, {.properties = true}, {}, with), hex("00 02 080a 04"));
    EXPECT_EQ(encode(draft::d16, {.properties = true}, 0, plain(1, "abcd")), hex("00 00 04"));
}

TEST(subgroup, a_header_the_draft_cannot_express_is_refused) {
    std::byte out[64];
    const auto code = [&](draft d, const subgroup_header& header) {
        const auto size = encode_subgroup_header(rules_for(d), header, out);
        return size ? errc::ok : size.error().code;
    };
    EXPECT_EQ(code(draft::d14, {}), errc::not_in_draft); // no default priority
    EXPECT_EQ(code(draft::d16, {}), errc::ok);
    EXPECT_EQ(code(draft::d16, {.first_object = true}), errc::not_in_draft);
    EXPECT_EQ(code(draft::d18, {.first_object = true}), errc::ok);
    EXPECT_EQ(code(draft::d16, {.track_alias = std::uint64_t{1} << 62}), errc::bad_value);
    EXPECT_EQ(code(draft::d18, {.track_alias = std::uint64_t{1} << 62}), errc::ok);
}

TEST(subgroup, every_sampled_header_round_trips) {
    for (const auto d : all_drafts)
        for (std::uint64_t seed = 1; seed < 300; ++seed) {
            const auto& rules = rules_for(d);
            const auto header = sample<subgroup_header>(rules, seed, pool_bytes);
            const auto wire = written(rules, header);
            const auto type = decode_varint(rules.varint, wire.data(), wire.size());
            ASSERT_EQ(classify_stream(rules, type.value), stream_kind::subgroup);
            auto back = subgroup_header::of_type(type.value);
            reader io{rules, bytes{wire}.subspan(type.size)};
            subgroup_header::describe(io, back);
            ASSERT_TRUE(io.ok() && io.left() == 0);
            ASSERT_EQ(written(rules, back), wire);
            ASSERT_EQ(to_text(rules, back), to_text(rules, header));
            ASSERT_EQ(wire_size(rules, header) + type.size, wire.size());
        }
}

TEST(subgroup, every_sampled_object_header_round_trips) {
    for (const auto d : all_drafts)
        for (std::uint64_t seed = 1; seed < 300; ++seed) {
            const auto& rules = rules_for(d);
            const auto fields = sample<subgroup_object_header>(rules, seed, pool_bytes);
            std::byte wire[100];
            const auto size = serialize(rules, fields, wire);
            ASSERT_TRUE(size.has_value());
            ASSERT_EQ(wire_size(rules, fields), *size);
            ASSERT_LE(*size, subgroup_object_header::max_size + fields.properties.size());
            subgroup_object_header back;
            back.has_properties = fields.has_properties;
            reader io{rules, bytes{wire}.first(*size)};
            subgroup_object_header::describe(io, back);
            ASSERT_TRUE(io.ok() && io.left() == 0);
            ASSERT_EQ(to_text(rules, back), to_text(rules, fields));
        }
}

TEST(subgroup, the_sender_refuses_what_a_receiver_must_refuse) {
    std::byte out[64];
    const auto code = [&](const object& m, std::optional<std::uint64_t> previous,
                          bool properties = true, std::size_t room = sizeof out) {
        const auto size =
            encode_subgroup_object_header(rules_for(draft::d18), {.properties = properties},
                                          previous, m, mutable_bytes{out}.first(room));
        return size ? errc::ok : size.error().code;
    };
    EXPECT_EQ(code(plain(5, "a"), 5), errc::bad_value);
    EXPECT_EQ(code(plain(4, "a"), 5), errc::bad_value);
    EXPECT_EQ(code(plain(6, "a"), 5), errc::ok);
    EXPECT_EQ(code(plain(6, "a"), 5, true, 2), errc::no_space);
    auto end = plain(6, "a");
    end.status = object_status::end_of_track;
    EXPECT_EQ(code(end, 5), errc::bad_value); // MUST-18-169: no payload
    end.payload = {};
    EXPECT_EQ(code(end, 5), errc::ok);
    const auto pairs = hex("080a");
    end.properties = slice::borrowed(pairs);
    EXPECT_EQ(code(end, 5), errc::bad_value); // MUST-18-053
    end.status = object_status::does_not_exist;
    end.properties = {};
    EXPECT_EQ(code(end, 5), errc::bad_value);
    auto with = plain(6, "a");
    with.properties = slice::borrowed(pairs);
    EXPECT_EQ(code(with, 5, false), errc::not_in_draft);
}
