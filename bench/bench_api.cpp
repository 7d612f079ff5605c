// Calls of the control API as a client of its thread sees them, HTTP and sockets left out: reading,
// making (in memory, and on a disk that is waited for), a device with its token.
#include "control/control_api.hpp"
#include "control/records.hpp"

#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <utility>

namespace {

using namespace moqrtc::reference;

class stage {
public:
    explicit stage(bool on_disk) {
        if (on_disk) {
            data_ = std::filesystem::temp_directory_path() / random_id("moqrtc-bench-");
            std::filesystem::create_directory(data_);
        }
        auto made = control_api::open({data_, true, false, "bench"}, {});
        if (!made) std::abort();
        api_ = std::move(*made);
        api_->start({});
    }
    ~stage() {
        api_.reset();
        std::error_code ignored;
        if (!data_.empty()) std::filesystem::remove_all(data_, ignored);
    }
    stage(const stage&) = delete;
    stage& operator=(const stage&) = delete;

    http_response ask(std::string method, std::string path, std::string body = {},
                      std::string token = {}) {
        http_request request;
        request.method = std::move(method);
        const auto mark = std::min(path.find('?'), path.size());
        request.path = "/api/v1" + path.substr(0, mark);
        request.query = path.substr(std::min(mark + 1, path.size()));
        request.content_type = "application/json";
        request.body = std::move(body);
        if (!token.empty()) request.authorization = "Bearer " + token;
        // A caller of its own each time: what is measured is not the limit of one.
        request.peer = std::to_string(asked_++);
        std::promise<http_response> promise;
        auto answer = promise.get_future();
        api_->handle(request, [&](http_response it) { promise.set_value(std::move(it)); });
        return answer.get();
    }
    api_json made(std::string path, std::string body) {
        return api_json::parse(ask("POST", std::move(path), std::move(body)).body);
    }

private:
    std::filesystem::path data_{};
    std::unique_ptr<control_api> api_{};
    std::uint64_t asked_ = 0;
};

void expect(const http_response& answer, unsigned status) {
    if (answer.status == status) return;
    std::fprintf(stderr, "%u: %s\n", answer.status, answer.body.c_str());
    std::exit(1);
}

void read_one(benchmark::State& state) {
    stage on{false};
    const auto path =
        "/live_inputs/" + on.made("/live_inputs", R"({"name":"a"})")["id"].get<std::string>();
    for (auto _ : state)
        expect(on.ask("GET", path), 200);
    state.SetItemsProcessed(state.iterations());
}

void list_hundred(benchmark::State& state) {
    stage on{false};
    for (int i = 0; i < 100; ++i)
        on.made("/assets", R"({"name":"a"})");
    for (auto _ : state)
        expect(on.ask("GET", "/assets"), 200);
    state.SetItemsProcessed(state.iterations());
}

void make(benchmark::State& state, bool on_disk) {
    stage on{on_disk};
    for (auto _ : state)
        expect(on.ask("POST", "/assets", R"({"name":"a","state":"ready"})"), 201);
    state.SetItemsProcessed(state.iterations());
}

/// One token many times, as devices ask: its signature is checked once.
void device_lists(benchmark::State& state) {
    stage on{false};
    const auto device = on.made("/devices", R"({"name":"d"})");
    const api_json body{{"device", device["id"]}, {"key", device["key"]}};
    const auto token = on.made("/devices/token", body.dump())["token"].get<std::string>();
    std::size_t refused = 0;
    for (auto _ : state) {
        const auto answer = on.ask("GET", "/commands", {}, token);
        // One device alone meets its limit: that is an answer, too, and is told.
        refused += answer.status == 429 ? 1 : 0;
        if (answer.status != 429) expect(answer, 200);
    }
    state.SetItemsProcessed(state.iterations());
    state.counters["too_fast"] = static_cast<double>(refused);
}

} // namespace

BENCHMARK(read_one)->UseRealTime();
BENCHMARK(list_hundred)->UseRealTime();
BENCHMARK_CAPTURE(make, in_memory, false)->UseRealTime()->Iterations(2000);
BENCHMARK_CAPTURE(make, on_disk, true)->UseRealTime()->Iterations(500);
BENCHMARK(device_lists)->UseRealTime()->Iterations(1000);
BENCHMARK_MAIN();
