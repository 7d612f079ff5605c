#include "rules.hpp"

#include <moqrtc/core/printer.hpp>

#include <array>
#include <gtest/gtest.h>

namespace moqrtc {
namespace {

using namespace tests;

template <class Print>
std::string printed(Print&& print) {
    std::string out;
    string_sink sink{out};
    printer io{ones, sink};
    print(io);
    return out;
}

struct pair {
    std::uint64_t first = 1;
    std::uint64_t second = 2;
    static constexpr void describe(auto& io, auto& m) {
        io.varint("first", m.first);
        io.varint("second", m.second);
    }
};

TEST(printer, names_every_field_once) {
    using optional = std::optional<std::uint64_t>;
    EXPECT_EQ(printed([](auto& io) {
                  io.open();
                  io.u8("a", 1);
                  io.u16("b", 2);
                  io.varint("c", UINT64_MAX);
                  io.varint_if(false, "d", std::uint64_t{0});
                  io.varint_if(true, "e", optional{});
                  io.tail_if(true, "f", optional{});
                  io.tail_if(true, "g", optional{7});
                  io.word("h", "ascending");
                  io.nested("i", pair{});
                  io.blob("j", as_bytes("text"), 9);
                  io.close();
              }),
              "{a=1, b=2, c=18446744073709551615, e=0, g=7, h=ascending, "
              "i={first=1, second=2}, j=\"text\"}");
}

TEST(printer, groups_and_lists) {
    EXPECT_EQ(printed([](auto& io) {
                  io.open();
                  io.list("empty");
                  io.end_list();
                  io.list("names");
                  io.item(as_bytes("a"));
                  io.item(as_bytes(std::string_view{"\0\xff", 2}));
                  io.end_list();
                  io.begin("none");
                  io.end();
                  io.begin("box");
                  io.u8("n", 1);
                  io.end();
                  io.u8("after", 2);
                  io.close();
              }),
              "{empty=[], names=[\"a\", 0x00ff], none={}, box={n=1}, after=2}");
}

TEST(printer, shows_bytes_as_text_when_they_are) {
    const auto shown = [](std::string_view data, std::size_t most = 64) {
        std::string out;
        string_sink sink{out, most};
        sink.data(as_bytes(data));
        return out;
    };
    EXPECT_EQ(shown(""), "\"\"");
    EXPECT_EQ(shown("live/video"), "\"live/video\"");
    EXPECT_EQ(shown("say \"x\""), "0x736179202278"
                                  "22");
    EXPECT_EQ(shown("\x1f"), "0x1f");
    EXPECT_EQ(shown("\x7f"), "0x7f");
    EXPECT_EQ(shown("abcdef", 4), "\"abcd\"...(6 bytes)");
    EXPECT_EQ(shown("\x01\x02\x03", 2), "0x0102...(3 bytes)");
}

TEST(printer, prints_what_a_writer_would_refuse) {
    EXPECT_EQ(printed([](auto& io) {
                  io.check(false, "x");
                  io.blob("b", as_bytes("abc"), 1);
              }),
              "b=\"abc\"");
}

} // namespace
} // namespace moqrtc
