// In the place of Google Benchmark where instructions are counted: a lane runs as often as it is
// told to, and nothing else happens. usage: PROGRAM (prints the lanes) | PROGRAM LANE TIMES
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace benchmark {

class State {
public:
    explicit State(std::int64_t times) : left_{times}, times_{times} {}

    struct iterator {
        std::int64_t left;
        struct [[maybe_unused]] nothing {};
        bool operator!=(iterator other) const { return left != other.left; }
        void operator++() { --left; }
        nothing operator*() const { return {}; }
    };
    [[nodiscard]] iterator begin() const { return {left_}; }
    [[nodiscard]] iterator end() const { return {0}; }
    [[nodiscard]] std::int64_t iterations() const { return times_; }
    void SetItemsProcessed(std::int64_t items) { items_ = items; }
    [[nodiscard]] std::int64_t items() const { return items_; }

private:
    std::int64_t left_;
    std::int64_t times_;
    std::int64_t items_ = 0;
};

struct lane {
    std::string name;
    std::function<void(State&)> run;
};
struct request {
    std::string lane{};
    std::int64_t times = 0;
};
inline std::vector<lane> lanes;
inline request wanted;

template <class Run>
void RegisterBenchmark(const char* name, Run&& run) {
    lanes.push_back({name, std::forward<Run>(run)});
}
inline void Initialize(int* count, char** arguments) {
    if (*count == 3) wanted = {arguments[1], std::atoll(arguments[2])};
    *count = 1;
}
inline bool ReportUnrecognizedArguments(int, char**) {
    return false;
}
/// Standard output: the lanes; or items of each time that the lane runs.
inline void RunSpecifiedBenchmarks() {
    for (const auto& l : lanes) {
        if (wanted.lane.empty()) {
            std::printf("%s\n", l.name.c_str());
        } else if (l.name == wanted.lane) {
            State state{wanted.times};
            l.run(state);
            std::printf("%lld\n", static_cast<long long>(state.items() / wanted.times));
        }
    }
}
inline void Shutdown() {}

template <class T>
inline __attribute__((always_inline)) void DoNotOptimize(T& value) {
    if constexpr (sizeof(T) <= sizeof(T*) && std::is_trivially_copyable_v<T>)
        asm volatile("" : "+r"(value) : : "memory");
    else
        asm volatile("" : "+m"(value) : : "memory");
}
inline void ClobberMemory() {
    asm volatile("" : : : "memory");
}

} // namespace benchmark
