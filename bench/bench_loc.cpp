// L1: the properties of a LOC frame, from their bytes to what they say, beside straight-line code
// that knows their order: a timestamp alone, and the first frame of a group with all there is. Time
// is per frame.
#include "floor/varint.hpp"

#include <moqrtc/loc/header.hpp>
#include <moqrtc/moqt/draft.hpp>
#include <moqrtc/moqt/properties.hpp>

#include <benchmark/benchmark.h>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace moqrtc;

const auto& rules = moqt::rules_for(moqt::draft::d18);

std::vector<std::byte> frame(bool is_first, bytes config) {
    loc::header from;
    from.timestamp = 1'700'000'000'123'456;
    if (is_first) {
        from.timescale = 90000;
        from.marking = loc::frame_marking{.independent = true};
        from.video_config = config;
    }
    std::vector<std::byte> out(256);
    moqt::key_value_writer pairs{rules, out};
    from.for_each([&](std::uint64_t type, std::uint64_t number, bytes data) {
        pairs.put({type, number, data});
    });
    out.resize(pairs.size().value_or(0));
    return out;
}

std::uint64_t ours(bytes data) {
    const auto got = loc::read_header(moqt::key_value_reader{rules, data});
    return got && got->timestamp ? *got->timestamp + got->video_config.size() : 0;
}
/// Delta types of draft 18; nothing is remembered but what counts.
std::uint64_t floor_of(bytes data) {
    std::uint64_t type = 0;
    std::uint64_t timestamp = 0;
    std::uint64_t config = 0;
    for (std::size_t at = 0; at < data.size();) {
        const auto key = floor_code::decode_ones(data.data() + at, data.size() - at);
        at += key.size;
        type += key.value;
        const auto value = floor_code::decode_ones(data.data() + at, data.size() - at);
        at += value.size;
        if (type % 2 != 0) at += value.value;
        if (type == loc::property::timestamp) timestamp = value.value;
        if (type == loc::property::video_config) config = value.value;
    }
    return timestamp + config;
}

template <class Read>
void run(benchmark::State& state, const std::vector<std::byte>& data, Read read) {
    for (auto _ : state) {
        const auto* from = data.data();
        benchmark::DoNotOptimize(from);
        benchmark::DoNotOptimize(read(bytes{from, data.size()}));
    }
}

} // namespace

int main(int argc, char** argv) {
    static const std::vector<std::byte> config(40, std::byte{7});
    static const std::vector<std::byte> frames[] = {frame(false, config), frame(true, config)};
    constexpr const char* names[] = {"L1/later_frame", "L1/first_frame"};
    for (std::size_t i = 0; i < 2; ++i) {
        const auto& data = frames[i];
        if (ours(data) != 1'700'000'000'123'456 + 40 * i || ours(data) != floor_of(data)) {
            std::fprintf(stderr, "bench_loc: a frame is read wrongly, nothing is measured\n");
            return 1;
        }
        const std::string name = names[i];
        benchmark::RegisterBenchmark((name + "/ours").c_str(),
                                     [&data](benchmark::State& s) { run(s, data, ours); });
        benchmark::RegisterBenchmark((name + "/floor").c_str(),
                                     [&data](benchmark::State& s) { run(s, data, floor_of); });
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
