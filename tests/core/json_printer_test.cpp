#include "rules.hpp"

#include <moqrtc/core/json_printer.hpp>

#include <gtest/gtest.h>

namespace moqrtc {
namespace {

using namespace tests;

struct pair {
    std::uint64_t first = 1;
    std::uint64_t second = 2;
    static constexpr void describe(auto& io, auto& m) {
        io.varint("first", m.first);
        io.varint("second", m.second);
    }
};

TEST(json_printer, writes_members_of_an_object) {
    std::string out;
    json_printer io{ones, out};
    io.open();
    io.u8("a", 1);
    io.varint_if(false, "b", std::uint64_t{0});
    io.tail_if(true, "c", std::optional<std::uint64_t>{});
    io.word("d", "x\"\\\n\x01y");
    io.boolean("e", true);
    io.nested("f", pair{});
    io.blob("g", as_bytes("text"), 9);
    io.blob("h", as_bytes("\xff\x01"), 9);
    io.rest("i", as_bytes("secret"));
    io.list("j");
    io.item(as_bytes("n"));
    io.item(as_bytes("\xc3("));
    io.end_list();
    io.list("k");
    io.element(true);
    io.varint("l", 5);
    io.end();
    io.element(false);
    io.end();
    io.end_list();
    io.close();
    EXPECT_EQ(out, R"({"a":1,"d":"x\"\\\u000a\u0001y","e":true,"f":{"first":1,"second":2},)"
                   R"("g":"text","h_bytes":"ff01","i_length":6,)"
                   R"("j":[{"value":"n"},{"value_bytes":"c328"}],"k":[{"l":5},{}]})");
}

TEST(json_printer, numbers_that_doubles_cannot_hold_are_strings) {
    std::string out;
    json_printer io{ones, out};
    io.varint("a", (std::uint64_t{1} << 53) - 1);
    io.varint("b", std::uint64_t{1} << 53);
    io.varint("c", UINT64_MAX);
    EXPECT_EQ(out, R"("a":9007199254740991,"b":"9007199254740992","c":"18446744073709551615")");
}

TEST(json_printer, fields_that_come_again_have_names_of_their_own) {
    std::string out;
    json_printer io{ones, out};
    for (int i = 0; i < 3; ++i) {
        io.begin("token");
        io.varint("kind", 3);
        io.end();
    }
    io.varint("kind", 1);
    EXPECT_EQ(out, R"("token":{"kind":3},"token_2":{"kind":3},"token_3":{"kind":3},"kind":1)");
}

} // namespace
} // namespace moqrtc
