// S4: one publisher, a relay, 64 subscribers, without a transport. An object enters as bytes of the
// publisher's stream and leaves as bytes of 64 streams that are sent and acknowledged at once.
// Time is per delivered object. Not measured: TLS, packets, sockets, other tracks.
#include "floor/relay.hpp"

#include <moqrtc/moqt/data/subgroup.hpp>
#include <moqrtc/moqt/relay/relay.hpp>

#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

std::size_t allocations = 0;

} // namespace

// Counts what the heap is asked for, to show that a steady relay asks nothing.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    std::abort();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace {

using namespace moqrtc;
using namespace moqrtc::moqt;

constexpr std::size_t subscribers = 64;

[[noreturn]] void refuse(const char* what) {
    std::fprintf(stderr, "bench_relay: %s, nothing is measured\n", what);
    std::exit(1);
}

/// A relay with one publisher and its subscribers, set up through real sessions.
class topology {
public:
    topology(draft version, std::size_t payload)
        : rules_{&rules_for(version)}, relay_{now_, bounds(), pool_, open_} {
        connect(version);
        const auto publisher = keys_[0];
        (void)clients_[0]->publish_namespace(now_, {"live"});
        exchange();
        for (std::size_t i = 1; i <= subscribers; ++i)
            (void)clients_[i]->subscribe(now_, {{"live"}, "video"});
        exchange();
        if (accepted_ != subscribers) refuse("not all subscriptions were accepted");
        publisher_ = publisher;
        begin_stream();
        std::array<std::byte, 16> head{};
        const auto form = rules_->varint;
        auto size = encode_varint(form, 0, head.data());
        size += encode_varint(form, payload, head.data() + size);
        object_.assign(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(size));
        object_.resize(size + payload, std::byte{0x55});
        expected_ = subscribers * object_.size();
    }
    ~topology() {
        for (const auto key : keys_)
            relay_.remove_session(now_, key);
        clients_.clear();
    }
    /// Delivers one object to all subscribers; returns the bytes that left.
    std::size_t deliver() {
        now_ = now_ + milliseconds(1);
        auto& from = relay_.at(publisher_);
        if (from.handle_stream(now_, stream_, object_, false) != object_.size())
            refuse("the publisher's session held bytes back");
        relay_.handle_ready(now_, publisher_);
        std::size_t total = 0;
        while (const auto key = relay_.poll_ready()) {
            auto& s = relay_.at(*key);
            while (const auto out = s.poll_send(now_)) {
                const auto size = out->size();
                total += size;
                s.handle_sent(now_, out->stream, size, out->fin);
                s.handle_acked(now_, out->stream, size, out->fin);
            }
            while (s.poll_transmit()) {
            }
        }
        return total;
    }
    [[nodiscard]] std::size_t expected() const noexcept { return expected_; }
    [[nodiscard]] bytes object_bytes() const noexcept { return object_; }
    [[nodiscard]] varint_form form() const noexcept { return rules_->varint; }

private:
    static relay_config bounds() {
        relay_config config;
        config.cache_track_bytes = 256 << 10; // full, and dropping, after a few hundred objects
        config.cache_objects_per_group = 128;
        return config;
    }
    void connect(draft version) {
        for (std::size_t i = 0; i <= subscribers; ++i) {
            session_config config;
            config.version = version;
            config.self = role::client;
            config.authority = "relay.example";
            config.path = "/";
            clients_.push_back(std::make_unique<session>(now_, config, pool_));
            config.self = role::server;
            config.authority.clear();
            config.path.clear();
            keys_.push_back(*relay_.add_session(now_, config, {}));
            clients_.back()->handle_stream_credit(1000, 1000);
            relay_.at(keys_.back()).handle_stream_credit(1000, 1000);
        }
        exchange();
    }
    bool move(session& from, session& to) {
        bool moved = false;
        while (const auto out = from.poll_send(now_)) {
            std::vector<std::byte> data;
            for (std::size_t i = 0; i < out->count; ++i)
                data.insert(data.end(), out->chunks[i].begin(), out->chunks[i].end());
            const auto id = out->stream;
            const bool fin = out->fin;
            if (to.handle_stream(now_, id, data, fin) != data.size()) refuse("events wait");
            from.handle_sent(now_, id, data.size(), fin);
            from.handle_acked(now_, id, data.size(), fin);
            moved = true;
        }
        return moved;
    }
    /// Lets both sides talk until they have nothing more to say.
    void exchange() {
        for (bool moved = true; moved;) {
            moved = false;
            for (std::size_t i = 0; i < clients_.size(); ++i) {
                moved = move(*clients_[i], relay_.at(keys_[i])) || moved;
                relay_.handle_ready(now_, keys_[i]);
                moved = move(relay_.at(keys_[i]), *clients_[i]) || moved;
                while (const auto e = clients_[i]->poll_event())
                    answer(*clients_[i], *e);
            }
        }
        while (relay_.poll_ready()) {
        }
    }
    void answer(session& s, const event& e) {
        if (e.what == event::kind::requested) {
            if (!s.accept_subscribe(now_, e.id, alias)) refuse("SUBSCRIBE was not accepted");
            subscription_ = e.id;
        } else if (e.what == event::kind::accepted && e.request == request_kind::subscribe) {
            ++accepted_;
        }
    }
    /// The header of the one stream that all objects come on.
    void begin_stream() {
        auto& from = *clients_[0];
        const auto stream = from.open_subgroup(now_, subscription_, {.group = 1});
        if (!stream) refuse("no stream");
        stream_ = *stream;
        move(from, relay_.at(publisher_));
        relay_.handle_ready(now_, publisher_);
    }

    static constexpr track_alias alias = 7;
    const wire_rules* rules_;
    buffer_pool pool_{};
    allow_all open_{};
    instant now_{1};
    relay relay_;
    std::vector<std::unique_ptr<session>> clients_{};
    std::vector<session_key> keys_{};
    session_key publisher_{};
    request_id subscription_ = 0;
    stream_id stream_ = 0;
    std::size_t accepted_ = 0;
    std::vector<std::byte> object_{};
    std::size_t expected_ = 0;
};

void per_delivered(benchmark::State& state) {
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(subscribers));
}

void ours(benchmark::State& state, draft version, std::size_t payload) {
    topology all{version, payload};
    for (int i = 0; i < 4000; ++i) {
        const auto left = all.deliver();
        if (i > 0 && left != all.expected()) refuse("a subscriber did not get all");
    }
    const auto before = allocations;
    std::size_t delivered = 0;
    for (auto _ : state)
        delivered += all.deliver();
    benchmark::DoNotOptimize(delivered);
    const auto made = allocations - before;
    state.counters["allocations"] = static_cast<double>(made);
    if (made > 8) refuse("the steady state allocates"); // the loop itself may
    per_delivered(state);
}

void straight(benchmark::State& state, draft version, std::size_t payload) {
    const topology shape{version, payload};
    floor_code::fan_out all{shape.form(), subscribers};
    if (all.deliver(shape.object_bytes()) != shape.expected()) refuse("the floor delivers less");
    std::size_t delivered = 0;
    for (auto _ : state)
        delivered += all.deliver(shape.object_bytes());
    benchmark::DoNotOptimize(delivered);
    per_delivered(state);
}

} // namespace

int main(int argc, char** argv) {
    for (const auto version : spoken_drafts)
        for (const std::size_t payload : {120u, 1200u}) {
            const auto name =
                "S4/fanout64_" + std::to_string(payload) + "_d" + std::to_string(number(version));
            benchmark::RegisterBenchmark((name + "/ours").c_str(), ours, version, payload);
            benchmark::RegisterBenchmark((name + "/floor").c_str(), straight, version, payload);
        }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
