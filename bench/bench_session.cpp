// S1: a session receives subgroup streams, whole or in pieces of 1200 bytes, up to the events that
// its application polls; floor: the stream reader alone. S2: a session sends a subgroup of 100
// objects from `open_subgroup` to the last acknowledgement; floor: headers encoded into a bare
// queue. S3: the cost of one object on a session with 4,096 subscriptions; floor: the same with 64.
#include "floor/session.hpp"

#include <moqrtc/testing/raw_peer.hpp>

#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

std::uint64_t allocations = 0;

} // namespace

// Counts what the lanes allocate; memory itself comes from where it always does.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (void* p = std::malloc(size)) return p;
    std::abort();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
    std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept {
    std::free(p);
}

namespace {

using namespace moqrtc;
using namespace moqrtc::moqt;
using moqrtc::testing::raw_peer;

constexpr std::uint64_t objects = 100;

[[noreturn]] void refuse(const char* what) {
    std::fprintf(stderr, "%s: not what was sent, nothing is measured\n", what);
    std::exit(1);
}
void count(benchmark::State& state, std::uint64_t before, std::uint64_t per_iteration = objects) {
    const auto items =
        static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(per_iteration);
    state.SetItemsProcessed(items);
    state.counters["allocations"] =
        static_cast<double>(allocations - before) / static_cast<double>(items);
}

/// One side of an established session with subscriptions to tracks `0`, `1`, ….
struct world {
    world(draft version, role self, std::size_t subscriptions) : rules{&rules_for(version)} {
        session_config config;
        config.version = version;
        config.self = self;
        config.webtransport = true;
        config.max_requests = 10'000;
        inner = std::make_unique<session>(instant{}, config, pool);
        raw_peer peer{*inner};
        setup_options options;
        if (rules->request_credit) options.max_request_id = 20'000;
        peer.set_up(options);
        for (std::size_t i = 0; i < subscriptions; ++i)
            self == role::server ? publish(peer, i) : subscribe(peer, i);
        peer.pump();
        if (peer.closed || ids.size() != subscriptions) refuse("set-up");
        next_stream = peer.open_unidirectional();
        inner->handle_stream_credit(1 << 30, 1 << 30);
    }
    static full_track_name track(std::size_t i) {
        return {track_namespace{"live"}, std::to_string(i)};
    }
    void publish(raw_peer& peer, std::size_t i) {
        const auto name = track(i);
        const auto id = peer.next_request();
        peer.send_message(peer.request_stream(),
                          msg::subscribe{id, name.space.view(), as_bytes(name.name), {}});
        if (!inner->accept_subscribe(instant{}, id, i)) refuse("accept");
        peer.pump();
        ids.push_back(id);
    }
    void subscribe(raw_peer& peer, std::size_t i) {
        const auto id = inner->subscribe(instant{}, track(i));
        if (!id) refuse("subscribe");
        peer.pump();
        const auto stream = rules->request_streams ? *id * 2 : 0;
        peer.send_message(stream, msg::subscribe_ok{*id, i, {}, {}});
        ids.push_back(*id);
    }
    /// Takes everything that wants to be sent; returns its bytes.
    std::size_t drain() {
        std::size_t total = 0;
        while (const auto offer = inner->poll_send(instant{})) {
            const auto size = offer->size();
            total += size;
            inner->handle_sent(instant{}, offer->stream, size, offer->fin);
            inner->handle_acked(instant{}, offer->stream, size, offer->fin);
        }
        while (inner->poll_event()) {
        }
        return total;
    }

    const wire_rules* rules;
    buffer_pool pool;
    std::unique_ptr<session> inner;
    std::vector<request_id> ids;
    stream_id next_stream = 0;
};

/// A whole subgroup stream.
std::vector<std::byte> stream_of(const wire_rules& rules, track_alias alias, std::size_t size,
                                 std::uint64_t items) {
    std::vector<std::byte> out(64 + items * (size + 32));
    const subgroup_header header{.track_alias = alias, .group_id = 1};
    std::size_t at = *encode_subgroup_header(rules, header, out);
    buffer_pool pool;
    object item;
    const std::vector<std::byte> payload(size, std::byte{0x5a});
    item.payload = slice::copy(pool, payload);
    std::optional<std::uint64_t> previous;
    for (std::uint64_t id = 0; id < items; ++id) {
        item.location = {1, id};
        at += *encode_subgroup_object_header(rules, header, previous, item,
                                             mutable_bytes{out}.subspan(at));
        std::copy(payload.begin(), payload.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
        at += size;
        previous = id;
    }
    out.resize(at);
    return out;
}

void receive(benchmark::State& state, draft version, std::size_t size, std::size_t piece) {
    world w{version, role::client, 1};
    const auto wire = stream_of(*w.rules, 0, size, objects);
    const auto take = [&] {
        std::uint64_t got = 0;
        for (std::size_t at = 0; at < wire.size(); at += piece) {
            auto in = bytes{wire}.subspan(at, std::min(piece, wire.size() - at));
            const bool fin = at + in.size() == wire.size();
            if (w.inner->handle_stream(instant{}, w.next_stream, in, fin) != in.size())
                refuse("S1");
            while (const auto e = w.inner->poll_event())
                got += e->what == event::kind::object ? 1 : 0;
        }
        w.next_stream += 4;
        return got;
    };
    if (take() != objects) refuse("S1");
    const auto before = allocations;
    for (auto _ : state)
        benchmark::DoNotOptimize(take());
    count(state, before);
}
void receive_floor(benchmark::State& state, draft version, std::size_t size, std::size_t piece) {
    const auto& rules = rules_for(version);
    const auto wire = stream_of(rules, 0, size, objects);
    buffer_pool pool;
    ring<object> out;
    if (floor_code::receive(rules, wire, piece, pool, out) != objects) refuse("S1 floor");
    const auto before = allocations;
    for (auto _ : state)
        benchmark::DoNotOptimize(floor_code::receive(rules, wire, piece, pool, out));
    count(state, before);
}

void send(benchmark::State& state, draft version, std::size_t size) {
    world w{version, role::server, 1};
    const std::vector<std::byte> content(size);
    const auto payload = slice::copy(w.pool, content);
    const auto one = [&] {
        const auto stream = w.inner->open_subgroup(instant{}, w.ids[0], {.group = 1});
        if (!stream) refuse("S2");
        for (std::uint64_t id = 0; id < objects; ++id)
            if (!w.inner->write_object(instant{}, *stream, id, {}, payload)) refuse("S2");
        if (!w.inner->finish_stream(instant{}, *stream)) refuse("S2");
        return w.drain();
    };
    const auto expected = stream_of(*w.rules, 0, size, objects).size();
    if (one() != expected) refuse("S2");
    const auto before = allocations;
    for (auto _ : state)
        if (one() != expected) refuse("S2");
    count(state, before);
}
void send_floor(benchmark::State& state, draft version, std::size_t size) {
    buffer_pool pool;
    ring<slice> queue;
    {
        const std::vector<std::byte> content(size);
        const auto payload = slice::copy(pool, content);
        const auto& rules = rules_for(version);
        (void)floor_code::send(rules, payload, objects, pool, queue);
        const auto before = allocations;
        for (auto _ : state)
            benchmark::DoNotOptimize(floor_code::send(rules, payload, objects, pool, queue));
        count(state, before);
    }
}

// S3. Sixty-four of the subscriptions are busy, however many there are, so that what grows is the
// session's work and not the memory that the objects themselves touch.
constexpr std::size_t busy = 64;

void send_among(benchmark::State& state, draft version, std::size_t subscriptions) {
    world w{version, role::server, subscriptions};
    const std::vector<std::byte> content(120);
    const auto payload = slice::copy(w.pool, content);
    std::vector<data_stream> streams;
    for (const auto id : w.ids) {
        const auto stream = w.inner->open_subgroup(instant{}, id, {.group = 1});
        if (!stream) refuse("S3");
        streams.push_back(*stream);
    }
    (void)w.drain();
    const auto step = subscriptions / busy;
    std::uint64_t id = 0;
    const auto round = [&] {
        std::size_t sent = 0;
        for (std::size_t i = 0; i < busy; ++i) {
            if (!w.inner->write_object(instant{}, streams[i * step], id, {}, payload)) refuse("S3");
            sent += w.drain();
        }
        ++id;
        return sent;
    };
    if (round() < busy * 120) refuse("S3");
    const auto before = allocations;
    for (auto _ : state)
        benchmark::DoNotOptimize(round());
    count(state, before, busy);
}
void receive_among(benchmark::State& state, draft version, std::size_t subscriptions) {
    world w{version, role::client, subscriptions};
    const auto step = subscriptions / busy;
    std::vector<stream_id> streams;
    for (std::size_t i = 0; i < busy; ++i) {
        const auto wire = stream_of(*w.rules, i * step, 120, 1);
        (void)w.inner->handle_stream(instant{}, w.next_stream, wire, false);
        streams.push_back(w.next_stream);
        w.next_stream += 4;
    }
    (void)w.drain();
    const auto one = stream_of(*w.rules, 0, 120, 2);
    const auto first = stream_of(*w.rules, 0, 120, 1);
    const auto next = bytes{one}.subspan(first.size());
    const auto round = [&] {
        std::size_t got = 0;
        for (const auto stream : streams) {
            (void)w.inner->handle_stream(instant{}, stream, next, false);
            while (const auto e = w.inner->poll_event())
                got += e->what == event::kind::object ? 1 : 0;
        }
        return got;
    };
    if (round() != busy) refuse("S3");
    const auto before = allocations;
    for (auto _ : state)
        benchmark::DoNotOptimize(round());
    count(state, before, busy);
}

template <class Ours, class Floor>
void lane(const std::string& name, Ours ours, Floor floor) {
    benchmark::RegisterBenchmark((name + "/ours").c_str(), ours);
    benchmark::RegisterBenchmark((name + "/floor").c_str(), floor);
}

} // namespace

int main(int argc, char** argv) {
    using state = benchmark::State;
    benchmark::Initialize(&argc, argv);
    for (const auto d : {draft::d16, draft::d18}) {
        const std::string suffix = "_d" + std::to_string(number(d));
        for (const std::size_t size : {std::size_t{120}, std::size_t{1200}}) {
            const auto bytes = std::to_string(size);
            for (const auto& [piece, how] : {std::pair{std::size_t{1} << 30, "_whole"},
                                             std::pair{std::size_t{1200}, "_in_1200"}})
                lane(
                    "S1/receive_" + bytes + how + suffix,
                    [d, size, piece](state& s) { receive(s, d, size, piece); },
                    [d, size, piece](state& s) { receive_floor(s, d, size, piece); });
            lane(
                "S2/send_" + bytes + suffix, [d, size](state& s) { send(s, d, size); },
                [d, size](state& s) { send_floor(s, d, size); });
        }
        lane(
            "S3/send_among_4096" + suffix, [d](state& s) { send_among(s, d, 4096); },
            [d](state& s) { send_among(s, d, 64); });
        lane(
            "S3/receive_among_4096" + suffix, [d](state& s) { receive_among(s, d, 4096); },
            [d](state& s) { receive_among(s, d, 64); });
    }
    benchmark::RunSpecifiedBenchmarks();
}
