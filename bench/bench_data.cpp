// C2: objects of 120 and 1200 bytes on a subgroup stream, read in place and written with their
// payload. C4: the bytes before the payload alone, as a relay writes them for each subscriber.
// data/stream_reader: the same streams in pieces of 1200 bytes, into objects that own their bytes.
#include "floor/data.hpp"

#include <moqrtc/moqt/data/stream_reader.hpp>

#include <algorithm>
#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace moqrtc;
using namespace moqrtc::moqt;

constexpr std::size_t objects = 256;

[[noreturn]] void refuse(const char* what) {
    std::fprintf(stderr, "%s: library and floor disagree, nothing is measured\n", what);
    std::exit(1);
}
bool ones(const wire_rules& rules) {
    return rules.varint != varint_form::quic;
}
void items(benchmark::State& state) {
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(objects));
}
std::uint64_t mix(std::uint64_t sum, std::uint64_t value) {
    return (sum ^ value) * 0x100000001b3u;
}
std::uint64_t mix(std::uint64_t sum, bytes data) {
    for (const auto b : data)
        sum = mix(sum, std::to_integer<std::uint64_t>(b));
    return sum;
}

/// A subgroup stream behind its header: objects of about `size` bytes, most IDs in sequence.
struct stream_set {
    stream_set(const wire_rules& r, std::size_t size) : rules{&r}, about{size} {
        std::mt19937_64 random{3};
        std::optional<std::uint64_t> previous;
        for (std::size_t i = 0; i < objects; ++i) {
            std::vector<std::byte> payload(size - size / 8 + random() % (size / 4));
            for (auto& b : payload)
                b = static_cast<std::byte>(random() & 0xff);
            object m;
            m.location = {7,
                          previous ? *previous + 1 + (random() % 16 == 0 ? random() % 90 : 0) : 0};
            m.payload = slice::copy(pool, payload);
            previous = m.location.object;
            content.push_back(std::move(m));
        }
        wire.resize(objects * (size * 2 + 32));
        wire.resize(write_ours(wire, true));
        std::vector<std::byte> other(wire.size() + 32);
        const auto same = [&](std::size_t n) {
            return n == wire.size() && std::equal(wire.begin(), wire.end(), other.begin());
        };
        if (!same(ones(r) ? write_floor<true>(other, true) : write_floor<false>(other, true)))
            refuse("C2 encode");
        const auto expected = sum_of_content();
        if (expected != sum_ours() ||
            expected != (ones(r) ? sum_floor<true>() : sum_floor<false>()))
            refuse("C2 decode");
        if (expected != sum_reader(1200) || expected != sum_reader(wire.size()))
            refuse("stream_reader");
    }

    std::size_t write_ours(mutable_bytes out, bool payload) const {
        std::size_t at = 0;
        std::optional<std::uint64_t> previous;
        for (const auto& m : content) {
            const auto size =
                encode_subgroup_object_header(*rules, header, previous, m, out.subspan(at));
            if (!size) refuse("C2 encode");
            at += *size;
            if (payload) std::memcpy(out.data() + at, m.payload.data(), m.payload.size());
            if (payload) at += m.payload.size();
            previous = m.location.object;
        }
        return at;
    }
    template <bool Ones>
    std::size_t write_floor(mutable_bytes out, bool payload) const {
        auto* at = out.data();
        std::uint64_t next = 0;
        for (const auto& m : content) {
            if (out.data() + out.size() - at < 32) refuse("C2 floor encode");
            at += floor_code::encode_subgroup_object<Ones>(at, next, m.location.object,
                                                           m.payload.size());
            if (payload) std::memcpy(at, m.payload.data(), m.payload.size());
            if (payload) at += m.payload.size();
            next = m.location.object + 1;
        }
        return static_cast<std::size_t>(at - out.data());
    }
    std::uint64_t sum_of_content() const {
        std::uint64_t sum = 0;
        for (const auto& m : content)
            sum = mix(mix(sum, m.location.object), m.payload);
        return sum;
    }
    std::uint64_t sum_ours() const {
        std::uint64_t sum = 0;
        std::optional<std::uint64_t> previous;
        for (bytes in{wire}; !in.empty();) {
            const auto m = parse_subgroup_object(*rules, header, previous, in);
            if (!m) refuse("C2 decode");
            sum = mix(mix(sum, m->object_id), m->payload);
            previous = m->object_id;
        }
        return sum;
    }
    template <bool Ones>
    std::uint64_t sum_floor() const {
        std::uint64_t sum = 0;
        std::uint64_t next = 0;
        for (bytes in{wire}; !in.empty();) {
            floor_code::subgroup_object m;
            if (!floor_code::decode_subgroup_object<Ones>(in, next, m)) refuse("C2 floor decode");
            sum = mix(mix(sum, m.id), m.payload);
            next = m.id + 1;
        }
        return sum;
    }
    std::uint64_t sum_reader(std::size_t piece) const {
        buffer_pool own;
        std::uint64_t sum = 0;
        read_in_pieces(piece, own,
                       [&](const object& m) { sum = mix(mix(sum, m.location.object), m.payload); });
        return sum;
    }
    template <class Visit>
    void read_in_pieces(std::size_t piece, buffer_pool& own, Visit&& visit) const {
        auto reader = stream_reader::create(*rules, 0x30);
        const std::byte head[]{std::byte{1}, std::byte{7}};
        bytes in{head};
        if (!reader->next(in, own).value_or(std::nullopt)) refuse("stream_reader");
        for (bytes left{wire}; !left.empty();) {
            in = left.first(std::min(piece, left.size()));
            left = left.subspan(in.size());
            for (;;) {
                const auto item = reader->next(in, own);
                if (!item) refuse("stream_reader");
                if (!*item) break;
                visit((*item)->object);
            }
        }
    }

    const wire_rules* rules;
    std::size_t about;
    subgroup_header header{};
    buffer_pool pool;
    std::vector<object> content;
    std::vector<std::byte> wire;
};

template <bool Ones>
void decode_floor(benchmark::State& state, const stream_set& set) {
    for (auto _ : state) {
        std::uint64_t next = 0;
        for (bytes in{set.wire}; !in.empty();) {
            floor_code::subgroup_object m;
            if (!floor_code::decode_subgroup_object<Ones>(in, next, m)) refuse("C2 floor decode");
            benchmark::DoNotOptimize(m);
            next = m.id + 1;
        }
    }
    items(state);
}
void decode_ours(benchmark::State& state, const stream_set& set) {
    const auto* rules = set.rules;
    for (auto _ : state) {
        std::optional<std::uint64_t> previous;
        for (bytes in{set.wire}; !in.empty();) {
            benchmark::DoNotOptimize(rules);
            auto m = parse_subgroup_object(*rules, set.header, previous, in);
            if (!m) refuse("C2 decode");
            benchmark::DoNotOptimize(*m);
            previous = m->object_id;
        }
    }
    items(state);
}
template <bool Ones>
void encode_floor(benchmark::State& state, const stream_set& set, bool payload) {
    std::vector<std::byte> out(set.wire.size() + 64);
    for (auto _ : state) {
        std::uint64_t next = 0;
        auto* at = out.data();
        for (const auto& m : set.content) {
            at += floor_code::encode_subgroup_object<Ones>(at, next, m.location.object,
                                                           m.payload.size());
            if (payload) {
                std::memcpy(at, m.payload.data(), m.payload.size());
                at += m.payload.size();
            }
            benchmark::ClobberMemory();
            next = m.location.object + 1;
        }
        benchmark::DoNotOptimize(at);
    }
    items(state);
}
void encode_ours(benchmark::State& state, const stream_set& set, bool payload) {
    std::vector<std::byte> out(set.wire.size() + 64);
    const auto* rules = set.rules;
    for (auto _ : state) {
        std::optional<std::uint64_t> previous;
        auto* at = out.data();
        auto* const end = at + out.size();
        for (const auto& m : set.content) {
            benchmark::DoNotOptimize(rules);
            const auto size =
                encode_subgroup_object_header(*rules, set.header, previous, m, {at, end});
            if (!size) refuse("C2 encode");
            at += *size;
            if (payload) {
                std::memcpy(at, m.payload.data(), m.payload.size());
                at += m.payload.size();
            }
            benchmark::ClobberMemory();
            previous = m.location.object;
        }
        benchmark::DoNotOptimize(at);
    }
    items(state);
}
/// One copy of each piece and the objects in it found again, nothing owned or counted.
template <bool Ones>
void reader_floor(benchmark::State& state, const stream_set& set) {
    std::vector<std::byte> copy(set.wire.size() + 64);
    for (auto _ : state) {
        for (std::size_t at = 0; at < set.wire.size(); at += 1200)
            std::memcpy(copy.data() + at, set.wire.data() + at,
                        std::min<std::size_t>(1200, set.wire.size() - at));
        benchmark::ClobberMemory();
        std::uint64_t next = 0;
        for (auto in = bytes{copy}.first(set.wire.size()); !in.empty();) {
            floor_code::subgroup_object m;
            if (!floor_code::decode_subgroup_object<Ones>(in, next, m)) refuse("reader floor");
            benchmark::DoNotOptimize(m);
            next = m.id + 1;
        }
    }
    items(state);
}
void reader_ours(benchmark::State& state, const stream_set& set, std::size_t piece) {
    buffer_pool own;
    for (auto _ : state)
        set.read_in_pieces(piece, own, [](const object& m) {
            auto* seen = &m;
            benchmark::DoNotOptimize(seen);
            benchmark::ClobberMemory();
        });
    items(state);
}

template <class Floor, class Ours>
void lane(const std::string& name, const stream_set& set, Floor floor_of, Ours ours) {
    benchmark::RegisterBenchmark((name + "/ours").c_str(), ours);
    benchmark::RegisterBenchmark((name + "/floor").c_str(), [&set, floor_of](benchmark::State& s) {
        ones(*set.rules) ? floor_of.template operator()<true>(s)
                         : floor_of.template operator()<false>(s);
    });
}

void register_lanes(const stream_set& set) {
    const auto size = std::to_string(set.about);
    const std::string d = set.rules->id == draft::d16 ? "_d16" : "_d18";
    lane(
        "C2/subgroup_decode_" + size + d, set,
        [&set]<bool Ones>(benchmark::State& s) { decode_floor<Ones>(s, set); },
        [&set](benchmark::State& s) { decode_ours(s, set); });
    lane(
        "C2/subgroup_encode_" + size + d, set,
        [&set]<bool Ones>(benchmark::State& s) { encode_floor<Ones>(s, set, true); },
        [&set](benchmark::State& s) { encode_ours(s, set, true); });
    if (set.about == 1200)
        lane(
            "C4/subgroup_framing_1200" + d, set,
            [&set]<bool Ones>(benchmark::State& s) { encode_floor<Ones>(s, set, false); },
            [&set](benchmark::State& s) { encode_ours(s, set, false); });
    for (const std::size_t piece : {std::size_t{1200}, std::size_t{16384}})
        lane(
            "data/stream_reader_" + size + "_in_" + std::to_string(piece) + d, set,
            [&set]<bool Ones>(benchmark::State& s) { reader_floor<Ones>(s, set); },
            [&set, piece](benchmark::State& s) { reader_ours(s, set, piece); });
}

} // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    const stream_set small_16{rules_for(draft::d16), 120};
    const stream_set small_18{rules_for(draft::d18), 120};
    const stream_set large_16{rules_for(draft::d16), 1200};
    const stream_set large_18{rules_for(draft::d18), 1200};
    for (const auto* set : {&small_16, &small_18, &large_16, &large_18})
        register_lanes(*set);
    benchmark::RunSpecifiedBenchmarks();
}
