#include "raw.hpp"

#include <moqrtc/webtransport/capsule.hpp>
#include <moqrtc/webtransport/codes.hpp>
#include <moqrtc/webtransport/settings.hpp>
#include <moqrtc/webtransport/structured_field.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moqrtc::webtransport::test {
namespace {

using testing::ElementsAre;

TEST(webtransport_codes, map_as_the_draft_says) {
    // The ends that the draft names, and the neighbours of a reserved code point.
    static_assert(to_http_code(0) == 0x52e4a40fa8db);
    static_assert(to_http_code(0xffffffff) == 0x52e5ac983162);
    static_assert(to_http_code(0x1d) + 1 == 0x52e4a40fa8f9);
    static_assert(to_http_code(0x1e) == 0x52e4a40fa8fa);
    static_assert((0x52e4a40fa8f9 - 0x21) % 0x1f == 0);
    static_assert(!to_application_code(0x52e4a40fa8f9));
    static_assert(!to_application_code(0x52e4a40fa8da));
    static_assert(!to_application_code(0x52e5ac983163));
    static_assert(!to_application_code(0x170d7b68));
    static_assert(to_application_code(0x52e5ac983162) == 0xffffffff);
    std::uint64_t previous = 0;
    for (std::uint64_t n = 0; n <= 0xffffffff; n += 1 + n / 7) {
        const auto code = to_http_code(static_cast<std::uint32_t>(n));
        ASSERT_EQ(to_application_code(code), n);
        ASSERT_NE((code - 0x21) % 0x1f, 0u);
        ASSERT_GT(code, previous);
        previous = code;
    }
}

TEST(webtransport_settings, what_is_written_is_read) {
    connection_config config;
    config.self = role::server;
    config.window = {1, 2, 1ull << 40};
    const auto own = settings_of(config);
    std::array<std::byte, settings_size_bound> out{};
    const auto size = serialize_settings(own, out);
    const auto read = parse_settings(bytes{out}.first(size));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, own);
    EXPECT_EQ(read->max_sessions, config.max_sessions);
    for (std::size_t cut = 1; cut < size; ++cut) {
        const auto part = parse_settings(bytes{out}.first(cut));
        EXPECT_TRUE(part || part.error().code == errc::truncated) << cut;
    }
}

TEST(webtransport_settings, a_client_does_not_offer_connect) {
    EXPECT_FALSE(settings_of({}).enable_connect_protocol);
    EXPECT_EQ(settings_of({}).max_sessions, 1u); // no flow control of sessions
}

TEST(webtransport_settings, dialects_can_be_dropped) {
    connection_config config;
    config.dialects.remove(dialect::draft_15);
    config.dialects.remove(dialect::draft_07);
    std::array<std::byte, settings_size_bound> out{};
    const auto read =
        parse_settings(bytes{out}.first(serialize_settings(settings_of(config), out)));
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->dialects.contains(dialect::draft_02));
    EXPECT_TRUE(read->dialects.contains(dialect::draft_13));
    EXPECT_FALSE(read->dialects.contains(dialect::draft_07));
    EXPECT_FALSE(read->dialects.contains(dialect::draft_15));
}

TEST(webtransport_settings, limits) {
    std::string many;
    for (std::uint64_t i = 0; i < 65; ++i)
        many += varint(0x1000 + i) + varint(i);
    EXPECT_EQ(parse_settings(as_bytes(std::string_view{many})).error().code, errc::limit);
    EXPECT_TRUE(parse_settings({}));
    // A value of 0 announces nothing.
    const auto none = varint(0x2b603742) + varint(0);
    EXPECT_TRUE(parse_settings(as_bytes(std::string_view{none}))->dialects.empty());
}

TEST(webtransport_dialects, names) {
    for (const auto each : all_dialects)
        EXPECT_EQ(dialect_named(to_string(each)), each);
    EXPECT_EQ(dialect_named("14"), dialect::draft_13);
    EXPECT_EQ(dialect_named("16"), dialect::draft_15);
    EXPECT_FALSE(dialect_named("none"));
    EXPECT_FALSE(dialect_named("3"));
    EXPECT_EQ(dialect_set::all().newest_common(dialect_set::only(dialect::draft_07)),
              dialect::draft_07);
    EXPECT_EQ(dialect_set{}.newest_common(dialect_set::all()), dialect::none);
}

TEST(webtransport_structured, lists_of_strings) {
    EXPECT_THAT(*parse_string_list(R"("moqt-18", "moqt-16")"), ElementsAre("moqt-18", "moqt-16"));
    EXPECT_THAT(*parse_string_list(R"("a","b";q=0.5;x , "c\"\\")"), ElementsAre("a", "b", "c\"\\"));
    EXPECT_THAT(*parse_string_list("  \"a\"\t,\t\"b\"  "), ElementsAre("a", "b"));
    EXPECT_THAT(*parse_string_list(""), ElementsAre());
    EXPECT_THAT(
        *parse_string_list(R"("a";b=?1;c=:AA==:;d=tok/en;e="s";f=-12.5;g=@1659578233;h=%"f%c3")"),
        ElementsAre("a"));
    for (const auto* bad : {"moqt-18",
                            "\"a\", moqt",
                            "1",
                            "?1",
                            "(\"a\")",
                            "\"a",
                            "\"a\",",
                            "\"a\" \"b\"",
                            ",\"a\"",
                            "\"\\n\"",
                            "\"a\\",
                            "\"\x7f\"",
                            "\"\t\"",
                            "\"a\";",
                            "\"a\";=1",
                            "\"a\";A",
                            "\"a\";b=",
                            "\"a\";b=1234567890123456",
                            "\"a\";b=1.",
                            "\"a\";b=1.2345",
                            "\"a\";b=:A",
                            "\"a\";b=?2",
                            "\"a\";b=@1.5",
                            "\"a\";b=%\"f%C3\"",
                            "\"a\";b=%\"f%c\"",
                            "\t\"a\""})
        EXPECT_FALSE(parse_string_list(bad)) << bad;
}

TEST(webtransport_structured, items) {
    EXPECT_EQ(*parse_string_item("\"moqt-16\""), "moqt-16");
    EXPECT_EQ(*parse_string_item(" \"moqt-16\";v=1 "), "moqt-16");
    EXPECT_FALSE(parse_string_item("moqt-16"));
    EXPECT_FALSE(parse_string_item("\"a\", \"b\""));
    EXPECT_FALSE(parse_string_item(""));
    EXPECT_EQ(parse_string_item("\"a\"x").error().offset, 3u);
}

TEST(webtransport_structured, what_is_written_is_read) {
    const std::array<std::string_view, 3> values{"moqt-18", "q\"uo\\te", ""};
    const auto text = serialize_string_list(values);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, R"("moqt-18", "q\"uo\\te", "")");
    EXPECT_THAT(*parse_string_list(*text), ElementsAre("moqt-18", "q\"uo\\te", ""));
    EXPECT_FALSE(serialize_string_item("n\xc3\xa4"));
    EXPECT_FALSE(serialize_string_item("\n"));
}

TEST(webtransport_capsules, are_cut_out_at_every_offset) {
    const auto stream = tlv(0x17, std::string(5000, 'u')) + tlv(capsule_type::drain_session) +
                        tlv(capsule_type::max_data, varint(77)) +
                        tlv(capsule_type::close_session, std::string(1028, 'c'));
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        capsule_reader reader;
        std::vector<std::uint64_t> types;
        std::vector<std::string> values;
        for (const auto part :
             {std::string_view{stream}.substr(0, cut), std::string_view{stream}.substr(cut)}) {
            auto in = as_bytes(part);
            for (;;) {
                const auto item = reader.next(in);
                ASSERT_TRUE(item);
                if (!*item) break;
                types.push_back((*item)->type);
                values.emplace_back(as_text((*item)->value));
            }
            EXPECT_TRUE(in.empty());
        }
        ASSERT_THAT(types, ElementsAre(capsule_type::drain_session, capsule_type::max_data,
                                       capsule_type::close_session));
        ASSERT_EQ(values[1], varint(77));
        ASSERT_EQ(values[2], std::string(1028, 'c'));
        ASSERT_TRUE(reader.between_capsules());
    }
    capsule_reader reader;
    const auto long_one = varint(capsule_type::close_session) + varint(1029);
    auto in = as_bytes(std::string_view{long_one});
    EXPECT_EQ(reader.next(in).error().code, errc::limit);
}

TEST(webtransport_capsules, integers) {
    const auto value = [](std::string_view text) { return capsule_integer(as_bytes(text)); };
    EXPECT_EQ(*value(varint(1ull << 50)), 1ull << 50);
    EXPECT_EQ(value("").error().code, errc::truncated);
    EXPECT_EQ(value("\x40").error().code, errc::truncated);
    EXPECT_EQ(value("\x01\x01").error().code, errc::trailing);
}

TEST(webtransport_capsules, reasons_are_utf8) {
    for (const auto* good : {"", "plain", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                             "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
        EXPECT_TRUE(is_utf8(good)) << good;
    for (const auto* bad : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xff", "\xe2\x82", "\xc3("})
        EXPECT_FALSE(is_utf8(bad)) << bad;
    const std::string euros = [] {
        std::string text;
        for (int i = 0; i < 400; ++i)
            text += "\xe2\x82\xac";
        return text;
    }();
    const auto cut = fit_close_message(euros);
    EXPECT_EQ(cut.size(), 1023u);
    EXPECT_TRUE(is_utf8(cut));
    EXPECT_EQ(fit_close_message(std::string_view{euros}.substr(0, 1023)).size(), 1023u);
}

TEST(webtransport_qpack, sections_travel_whole) {
    buffer_pool pool;
    qpack_coder coder;
    const std::vector<field> fields{{":method", "GET"},
                                    {":path", "/"},
                                    {"authorization", "Bearer x"},
                                    {"x-empty", ""},
                                    {"x-long", std::string_view{"0123456789012345678901234567"}}};
    const auto frame = coder.encode(pool, 4, fields);
    ASSERT_TRUE(frame);
    auto in = frame->view();
    frame_reader reader;
    const auto piece = reader.next(in);
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->type, frame_type::headers);
    EXPECT_TRUE(piece->last);
    const auto list = coder.decode(pool, 4, piece->payload, 1000);
    ASSERT_TRUE(list);
    std::vector<field> read;
    for (const auto each : *list)
        read.push_back(each);
    EXPECT_EQ(read, fields);
    for (std::size_t cut = 0; cut < piece->payload.size(); ++cut) {
        const auto part = coder.decode(pool, 4, piece->payload.first(cut), 1000);
        // A failure in one section is nothing to the next.
        ASSERT_TRUE(coder.decode(pool, 4, piece->payload, 1000)) << cut;
        EXPECT_TRUE(part || part.error().code == errc::bad_value) << cut;
    }
    EXPECT_EQ(coder.decode(pool, 4, piece->payload, 60).error().code, errc::limit);
    buffer_pool empty{0};
    EXPECT_EQ(coder.decode(empty, 4, piece->payload, 1000).error().code, errc::out_of_memory);
    EXPECT_EQ(coder.encode(empty, 4, fields).error().code, errc::out_of_memory);
}

TEST(webtransport_fields, several_lines_are_one_list) {
    buffer_pool pool;
    field_list_builder builder{pool};
    ASSERT_TRUE(builder.add("wt-available-protocols", "\"moqt-18\""));
    ASSERT_TRUE(builder.add("other", "x"));
    ASSERT_TRUE(builder.add("wt-available-protocols", "\"moqt-16\""));
    event e;
    e.fields = builder.finish();
    EXPECT_EQ(e.fields.combined("wt-available-protocols"), "\"moqt-18\", \"moqt-16\"");
    EXPECT_THAT(offered_protocols(e), ElementsAre("moqt-18", "moqt-16"));
    EXPECT_EQ(e.fields.value("nothing"), "");
    EXPECT_FALSE(e.fields.contains("nothing"));
    EXPECT_TRUE(field_list{}.empty());
    EXPECT_EQ(field_list{}.begin(), field_list{}.end());
}

} // namespace
} // namespace moqrtc::webtransport::test
