// C1: SUBSCRIBE, 72 bytes, three namespace fields, four parameters. C3: integers of many lengths.
#include "floor/control.hpp"

#include <moqrtc/moqt/msg/all.hpp>

#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace moqrtc;
using namespace moqrtc::moqt;

constexpr std::size_t messages = 64;
constexpr std::size_t integers = 32768; // more than a branch predictor remembers

[[noreturn]] void refuse(const char* what) {
    std::fprintf(stderr, "%s: library and floor disagree, nothing is measured\n", what);
    std::exit(1);
}
const char* draft_name(const wire_rules& rules) {
    return rules.id == draft::d16 ? "d16" : "d18";
}
bool ones(const wire_rules& rules) {
    return rules.varint != varint_form::quic;
}

// ---- C1 -------------------------------------------------------------------------------------

/// The same message many times, each with numbers of its own, so that nothing can be remembered.
struct subscribe_set {
    explicit subscribe_set(const wire_rules& r) : rules{&r} {
        const track_namespace space{"live.example.com", "conference", "alice"};
        std::mt19937_64 random{1};
        for (std::size_t i = 0; i < messages; ++i) {
            msg::subscribe m;
            m.request_id = 200 + random() % 15000;
            m.track_namespace = space.view();
            m.track_name = as_bytes("camera-1080p-30fps");
            m.params.forward = random() % 2 == 0;
            m.params.subscriber_priority = static_cast<priority>(random() % 64);
            m.params.subscription_filter = {
                filter_type::absolute_start, {1000 + random() % 10000, random() % 64}, 0};
            m.params.group_order =
                random() % 2 == 0 ? group_order::ascending : group_order::descending;
            std::vector<std::byte> wire(200);
            const auto size = serialize_framed(*rules, m, wire);
            if (!size || *size != 72) refuse("C1 size");
            wire.resize(*size);
            wires.push_back(std::move(wire));
        }
        for (const auto& wire : wires) {
            parsed.push_back(*parse<msg::subscribe>(*rules, bytes{wire}.subspan(3)));
            plain.emplace_back();
            if (!decode_floor(bytes{wire}.subspan(3), plain.back())) refuse("C1 floor decode");
            if (sum(parsed.back()) != sum(plain.back())) refuse("C1 decode");
            std::array<std::byte, 512> ours{};
            std::array<std::byte, 512> theirs{};
            const auto a = serialize_framed(*rules, parsed.back(), ours);
            const auto b = encode_floor(plain.back(), theirs);
            if (!a || *a != b || !equal(bytes{ours}.first(*a), wire) ||
                !equal(bytes{theirs}.first(b), wire))
                refuse("C1 encode");
        }
    }
    [[nodiscard]] bool decode_floor(bytes body, floor_code::subscribe& out) const {
        return ones(*rules) ? floor_code::decode_subscribe<true>(body, out)
                            : floor_code::decode_subscribe<false>(body, out);
    }
    [[nodiscard]] std::size_t encode_floor(const floor_code::subscribe& in,
                                           mutable_bytes out) const {
        return ones(*rules) ? floor_code::encode_subscribe<true>(in, out)
                            : floor_code::encode_subscribe<false>(in, out);
    }
    static std::uint64_t mix(std::uint64_t sum, std::uint64_t value) {
        return (sum ^ value) * 0x100000001b3u;
    }
    static std::uint64_t mix(std::uint64_t sum, bytes data) {
        for (const auto b : data)
            sum = mix(sum, std::to_integer<std::uint64_t>(b));
        return sum;
    }
    static std::uint64_t sum(const msg::subscribe& m) {
        std::uint64_t s = mix(0, m.request_id);
        auto at = m.track_namespace.fields();
        while (const auto field = at.next())
            s = mix(s, *field);
        s = mix(s, m.track_name);
        s = mix(s, *m.params.forward);
        s = mix(s, *m.params.subscriber_priority);
        s = mix(s, static_cast<std::uint64_t>(m.params.subscription_filter->type));
        s = mix(s, m.params.subscription_filter->start.group);
        s = mix(s, m.params.subscription_filter->start.object);
        return mix(s, static_cast<std::uint64_t>(*m.params.group_order));
    }
    static std::uint64_t sum(const floor_code::subscribe& m) {
        std::uint64_t s = mix(0, m.request_id);
        for (std::size_t i = 0; i < m.field_count; ++i)
            s = mix(s, m.fields[i]);
        s = mix(s, m.track_name);
        s = mix(s, m.forward);
        s = mix(s, m.priority);
        s = mix(s, m.filter_type);
        s = mix(s, m.start_group);
        s = mix(s, m.start_object);
        return mix(s, m.order);
    }

    const wire_rules* rules;
    std::vector<std::vector<std::byte>> wires;
    std::vector<msg::subscribe> parsed;
    std::vector<floor_code::subscribe> plain;
};

void items(benchmark::State& state, std::size_t per_iteration) {
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(per_iteration));
}

void register_subscribe(const subscribe_set& set) {
    const std::string d = draft_name(*set.rules);
    benchmark::RegisterBenchmark(
        ("C1/subscribe_decode_" + d + "/ours").c_str(), [&set](benchmark::State& state) {
            const auto* rules = set.rules;
            for (auto _ : state)
                for (const auto& wire : set.wires) {
                    benchmark::DoNotOptimize(rules);
                    auto m = parse<msg::subscribe>(*rules, bytes{wire}.subspan(3));
                    benchmark::DoNotOptimize(m);
                }
            items(state, messages);
        });
    const auto decode = [&set]<bool Ones>(benchmark::State& state) {
        for (auto _ : state)
            for (const auto& wire : set.wires) {
                floor_code::subscribe m;
                auto good = floor_code::decode_subscribe<Ones>(bytes{wire}.subspan(3), m);
                benchmark::DoNotOptimize(good);
                benchmark::DoNotOptimize(m);
            }
        items(state, messages);
    };
    const auto encode = [&set]<bool Ones>(benchmark::State& state) {
        std::array<std::byte, 512> out{};
        for (auto _ : state)
            for (const auto& m : set.plain) {
                auto size = floor_code::encode_subscribe<Ones>(m, out);
                benchmark::DoNotOptimize(size);
                benchmark::ClobberMemory();
            }
        items(state, messages);
    };
    const bool leading = ones(*set.rules);
    benchmark::RegisterBenchmark(
        ("C1/subscribe_decode_" + d + "/floor").c_str(), [=](benchmark::State& state) {
            leading ? decode.operator()<true>(state) : decode.operator()<false>(state);
        });
    benchmark::RegisterBenchmark(("C1/subscribe_encode_" + d + "/ours").c_str(),
                                 [&set](benchmark::State& state) {
                                     const auto* rules = set.rules;
                                     std::array<std::byte, 512> out{};
                                     for (auto _ : state)
                                         for (const auto& m : set.parsed) {
                                             benchmark::DoNotOptimize(rules);
                                             auto size = serialize_framed(*rules, m, out);
                                             benchmark::DoNotOptimize(size);
                                             benchmark::ClobberMemory();
                                         }
                                     items(state, messages);
                                 });
    benchmark::RegisterBenchmark(
        ("C1/subscribe_encode_" + d + "/floor").c_str(), [=](benchmark::State& state) {
            leading ? encode.operator()<true>(state) : encode.operator()<false>(state);
        });
}

// ---- C3 -------------------------------------------------------------------------------------

/// Integers in one buffer. `media`: 70, 25, 4 and 1 % of 6, 14, 30 and 62 bits; else every length
/// of the form equally often.
struct integer_set {
    integer_set(varint_form f, bool media) : form{f} {
        std::mt19937_64 random{2};
        constexpr std::array<unsigned, 4> quic_bits{6, 14, 30, 62};
        for (std::size_t i = 0; i < integers; ++i) {
            const auto dice = random() % 100;
            unsigned bits = 0;
            if (media)
                bits = quic_bits[dice < 70 ? 0 : dice < 95 ? 1 : dice < 99 ? 2 : 3];
            else if (form == varint_form::quic)
                bits = quic_bits[random() % 4];
            else
                bits = std::min(64u, 7 * (1 + static_cast<unsigned>(random() % 9)));
            const auto top = std::uint64_t{1} << (bits - 1); // exactly so many bits
            values.push_back(top | (random() & (top - 1)));
        }
        std::array<std::byte, 16> one{};
        for (const auto value : values) {
            const auto size = encode_varint(form, value, one.data());
            wire.insert(wire.end(), one.begin(), one.begin() + static_cast<long>(size));
        }
        if (sum(true) != sum(false)) refuse("C3 decode");
        std::vector<std::byte> ours(integers * 9 + 16);
        auto theirs = ours;
        if (encode(ours.data(), true) != wire.size() || encode(theirs.data(), false) != wire.size())
            refuse("C3 encode size");
        if (!equal(bytes{ours}.first(wire.size()), wire) ||
            !equal(bytes{theirs}.first(wire.size()), wire))
            refuse("C3 encode");
    }
    [[nodiscard]] std::uint64_t sum(bool library) const {
        std::uint64_t total = 0;
        for (std::size_t at = 0; at < wire.size();) {
            if (library) {
                const auto got = decode_varint(form, wire.data() + at, wire.size() - at);
                total = total * 31 + got.value;
                at += got.size;
            } else {
                const auto got = form == varint_form::quic
                                     ? floor_code::decode_quic(wire.data() + at, wire.size() - at)
                                     : floor_code::decode_ones(wire.data() + at, wire.size() - at);
                total = total * 31 + got.value;
                at += got.size;
            }
        }
        return total;
    }
    std::size_t encode(std::byte* out, bool library) const {
        auto* at = out;
        for (const auto value : values)
            at += library                     ? encode_varint(form, value, at, 16)
                  : form == varint_form::quic ? floor_code::encode_quic(at, value)
                                              : floor_code::encode_ones(at, value);
        return static_cast<std::size_t>(at - out);
    }

    varint_form form;
    std::vector<std::uint64_t> values;
    std::vector<std::byte> wire;
};

template <class Decode>
void run_decode(benchmark::State& state, const integer_set& set, Decode decode) {
    for (auto _ : state) {
        std::uint64_t total = 0;
        const auto* at = set.wire.data();
        const auto* const end = at + set.wire.size();
        while (at != end) {
            const auto got = decode(at, static_cast<std::size_t>(end - at));
            total += got.value;
            at += got.size;
        }
        benchmark::DoNotOptimize(total);
    }
    items(state, integers);
}
template <class Encode>
void run_encode(benchmark::State& state, const integer_set& set, Encode encode) {
    std::vector<std::byte> out(integers * 9 + 16);
    for (auto _ : state) {
        auto* at = out.data();
        auto* const end = at + out.size();
        for (const auto value : set.values)
            at += encode(at, value, static_cast<std::size_t>(end - at));
        benchmark::DoNotOptimize(at);
        benchmark::ClobberMemory();
    }
    items(state, integers);
}

void register_integers(const integer_set& set, const std::string& mix) {
    const bool quic = set.form == varint_form::quic;
    const std::string d = quic ? "d16" : "d18";
    // As in the archives: the form is known at run time only.
    benchmark::RegisterBenchmark(
        ("C3/varint_decode_" + mix + "_" + d + "/ours").c_str(), [&set](benchmark::State& state) {
            auto form = set.form;
            benchmark::DoNotOptimize(form);
            run_decode(state, set,
                       [form](const auto* at, auto left) { return decode_varint(form, at, left); });
        });
    benchmark::RegisterBenchmark(("C3/varint_decode_" + mix + "_" + d + "/floor").c_str(),
                                 [&set, quic](benchmark::State& state) {
                                     const auto a = [](const auto* at, auto left) {
                                         return floor_code::decode_quic(at, left);
                                     };
                                     const auto b = [](const auto* at, auto left) {
                                         return floor_code::decode_ones(at, left);
                                     };
                                     quic ? run_decode(state, set, a) : run_decode(state, set, b);
                                 });
    benchmark::RegisterBenchmark(
        ("C3/varint_encode_" + mix + "_" + d + "/ours").c_str(), [&set](benchmark::State& state) {
            auto form = set.form;
            benchmark::DoNotOptimize(form);
            run_encode(state, set, [form](auto* at, auto value, auto room) {
                return encode_varint(form, value, at, room);
            });
        });
    benchmark::RegisterBenchmark(("C3/varint_encode_" + mix + "_" + d + "/floor").c_str(),
                                 [&set, quic](benchmark::State& state) {
                                     const auto a = [](auto* at, auto value, auto) {
                                         return floor_code::encode_quic(at, value);
                                     };
                                     const auto b = [](auto* at, auto value, auto) {
                                         return floor_code::encode_ones(at, value);
                                     };
                                     quic ? run_encode(state, set, a) : run_encode(state, set, b);
                                 });
}

} // namespace

int main(int argc, char** argv) {
    const subscribe_set sixteen{rules_for(draft::d16)};
    const subscribe_set eighteen{rules_for(draft::d18)};
    register_subscribe(sixteen);
    register_subscribe(eighteen);
    const integer_set media_quic{varint_form::quic, true};
    const integer_set media_ones{varint_form::leading_ones, true};
    const integer_set uniform_quic{varint_form::quic, false};
    const integer_set uniform_ones{varint_form::leading_ones, false};
    register_integers(media_quic, "media");
    register_integers(media_ones, "media");
    register_integers(uniform_quic, "uniform");
    register_integers(uniform_ones, "uniform");
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
