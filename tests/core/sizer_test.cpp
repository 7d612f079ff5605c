#include "rules.hpp"

#include <moqrtc/core/sizer.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string>

namespace moqrtc {
namespace {

using namespace tests;

/// A structure with every kind of field.
struct everything {
    std::uint8_t small = 0;
    std::uint16_t wide = 0;
    std::uint64_t number = 0;
    std::uint64_t sometimes = 0;
    std::optional<std::uint64_t> maybe{};
    std::optional<std::uint64_t> last{};
    bytes data{};
    bytes end{};

    struct inner {
        std::uint64_t one = 0;
        static constexpr void describe(auto& io, auto& m) { io.varint("one", m.one); }
    } nested{};

    static constexpr void describe(auto& io, auto& m) {
        io.u8("small", m.small);
        io.u16("wide", m.wide);
        io.varint("number", m.number);
        io.varint_if((m.wide & 1) != 0, "sometimes", m.sometimes);
        io.varint_if((m.wide & 2) != 0, "maybe", m.maybe);
        io.nested("nested", m.nested);
        io.blob("data", m.data, 64);
        io.tail_if(m.end.empty(), "last", m.last);
        io.rest("end", m.end);
    }
};

TEST(sizer, counts_what_the_writer_writes) {
    EXPECT_TRUE(rc::check("sizer and writer agree", [](std::string data, std::string end) {
        data.resize(std::min<std::size_t>(data.size(), 64));
        for (const auto& rules : {quic, ones, no7}) {
            everything m;
            m.small = *rc::gen::arbitrary<std::uint8_t>();
            m.wide = *rc::gen::arbitrary<std::uint16_t>();
            const auto any = [&] {
                return (*rc::gen::arbitrary<std::uint64_t>() & varint_max(rules.varint)) >>
                       *rc::gen::inRange(0, 64);
            };
            m.number = any();
            m.nested.one = any();
            if ((m.wide & 1) != 0) m.sometimes = any();
            if ((m.wide & 2) != 0) m.maybe = any();
            m.data = as_bytes(data);
            m.end = as_bytes(end);
            if (end.empty() && (m.small & 1) != 0) m.last = any();
            sizer count{rules};
            everything::describe(count, m);
            std::vector<std::byte> out(count.position());
            writer io{rules, out};
            everything::describe(io, m);
            RC_ASSERT(io.ok());
            RC_ASSERT(io.position() == count.position());
        }
    }));
}

TEST(sizer, ignores_the_limits_that_the_writer_holds) {
    sizer count{ones};
    count.blob("b", as_bytes("abc"), 2);
    count.check(false, "b");
    EXPECT_EQ(count.position(), 4U);
    EXPECT_EQ(count.failure().code, errc::bad_value);
}

} // namespace
} // namespace moqrtc
