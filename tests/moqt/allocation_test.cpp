#include <moqrtc/moqt/msg/all.hpp>

#include <array>
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>
#include <vector>

// Every allocation of this program is counted.
namespace {
std::size_t allocations = 0;

void* counted(std::size_t size) noexcept {
    ++allocations;
    return std::malloc(size == 0 ? 1 : size);
}
} // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
    if (void* memory = counted(size)) return memory;
    std::abort();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return counted(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace moqrtc::moqt {
namespace {

constexpr std::array<std::byte, 300> source{std::byte{1}};

TEST(allocation, the_counter_counts) {
    const auto before = allocations;
    const std::vector<int> some(100);
    EXPECT_GT(allocations, before);
}

TEST(allocation, codecs_never_allocate) {
    std::vector<std::byte> wire(70000);
    std::vector<std::byte> again(70000);
    std::size_t messages = 0;
    msg::all::for_each([&]<class M> {
        for (const auto d : spoken_drafts) {
            const auto& rules = rules_for(d);
            if (M::code(rules) == no_code) continue;
            for (std::uint64_t seed = 1; seed <= 50; ++seed) {
                const auto before = allocations;
                const auto message = sample<M>(rules, seed, source);
                const auto size = serialize(rules, message, wire);
                const auto expected = wire_size(rules, message);
                const auto parsed = parse<M>(rules, bytes{wire}.first(size.value_or(0)));
                const auto whole = serialize_framed(rules, message, again);
                // Failures do not allocate either.
                const auto cut = parse<M>(rules, bytes{wire}.first(size.value_or(1) / 2));
                const auto tight = serialize(rules, message, mutable_bytes{wire}.first(1));
                const auto after = allocations;
                ASSERT_EQ(after, before) << M::name << " draft " << number(d);
                ASSERT_TRUE(size && parsed && whole);
                ASSERT_EQ(*size, expected);
                messages += cut || tight ? 0U : 1U;
            }
        }
    });
    EXPECT_GT(messages, 500U);
}

TEST(allocation, walking_names_and_tokens_does_not_allocate) {
    const auto& rules = rules_for(draft::d18);
    std::vector<std::byte> wire(70000);
    std::size_t walked = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const auto size = serialize(rules, sample<msg::subscribe>(rules, seed, source), wire);
        const auto before = allocations;
        const auto parsed = parse<msg::subscribe>(rules, bytes{wire}.first(*size));
        auto fields = parsed->track_namespace.fields();
        while (fields.next())
            ++walked;
        auto tokens = parsed->params.authorization_tokens.tokens();
        while (tokens.next())
            ++walked;
        ASSERT_EQ(allocations, before);
    }
    EXPECT_GT(walked, 200U);
}

} // namespace
} // namespace moqrtc::moqt
