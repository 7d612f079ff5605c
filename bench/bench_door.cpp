// D1: SUBSCRIBE with a token that has not been seen, from its bytes to SUBSCRIBE_OK, through
// session, relay, gate and doors, beside the bare check of the signature. D2: the same with a known
// token, beside the hash that it is found by. Every SUBSCRIBE has a session of its own. CPU time of
// the thread, per SUBSCRIBE; no sockets.
#include <moqrtc/auth/profiles.hpp>
#include <moqrtc/moqt/relay/relay.hpp>

#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <server/admission_gate.hpp>
#include <string>
#include <vector>

namespace {

using namespace moqrtc;
using namespace moqrtc::moqt;
using namespace moqrtc::reference;

constexpr std::size_t sessions = 512;
constexpr auth::unix_time wall{1'700'000'000};
constexpr std::string_view stream_key = "sk_0123456789012345678901234567890123456789012";

[[noreturn]] void refuse_to_measure(const char* what) {
    std::fprintf(stderr, "bench_door: %s, nothing is measured\n", what);
    std::exit(1);
}

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// An issuer, and its tokens for one input; the last one is what `known` uses.
struct issuer {
    issuer() {
        const auto made = auth::generate_jwk(crypto, signature_algorithm::eddsa);
        if (!made) refuse_to_measure("no key");
        key = *made;
        signs = *crypto.import_key(key.numbers);
        auto keys = std::make_shared<auth::key_set>();
        if (!keys->add(crypto, key, "acme")) refuse_to_measure("the key is not taken");
        access_snapshot state;
        state.keys = keys;
        state.required = true;
        state.secrets = std::make_shared<const secret_keeper>(key_digest{});
        auto& input = state.inputs["lv_1"];
        input.kind = input_kind::moq;
        input.key.organisation = "acme";
        input.key.input = "lv_1";
        input.key.hash = auth::hash_secret_key(crypto, state.pepper(), stream_key);
        snapshot = std::make_shared<const access_snapshot>(std::move(state));
    }
    [[nodiscard]] std::string token() {
        auto made = auth::mint(crypto, {signs.get(), signature_algorithm::eddsa, key.id, {}, {}},
                               auth::playback_token{.organisation = "acme",
                                                    .resource = "lv_1",
                                                    .subject = "viewer",
                                                    .token_id = std::to_string(++count)},
                               wall, 3600);
        if (!made) refuse_to_measure("no token");
        return made->token;
    }

    openssl_crypto crypto;
    auth::jwk key;
    std::shared_ptr<const crypto_key> signs;
    std::shared_ptr<const access_snapshot> snapshot;
    std::uint64_t count = 0;
};

/// A relay behind its doors, a publisher, and sessions that are about to subscribe.
class stage {
public:
    stage(issuer& by, draft version, bool fresh) : version_{version} {
        token_doors::config config;
        config.wall = [] { return wall + 1; };
        doors_ = std::make_unique<token_doors>(std::move(config));
        doors_->use(by.snapshot);
        gate_ = std::make_unique<admission_gate>(
            *doors_, std::make_shared<admission_ledger>(admission_limits{}));
        relay_ = std::make_unique<relay>(now_, relay_config{}, pool_, *gate_);
        add("/publish/lv_1?sk=" + std::string{stream_key});
        if (!clients_[0]->publish(now_, {space_, "video"}, 7)) refuse_to_measure("no PUBLISH");
        exchange(0);
        if (relay_->statistics().sources != 1) refuse_to_measure("PUBLISH was refused");
        const auto known = by.token();
        if (!fresh) {
            add("/");
            subscribe(1, known);
            exchange(1);
            if (relay_->statistics().subscribers != 1) refuse_to_measure("the token was refused");
        }
        first_ = clients_.size();
        for (std::size_t i = 0; i < sessions; ++i) {
            add("/");
            subscribe(first_ + i, fresh ? by.token() : known);
            take(*clients_.back());
        }
    }
    ~stage() {
        for (const auto key : keys_)
            relay_->remove_session(now_, key);
    }
    /// All of them subscribe; the CPU time that took.
    [[nodiscard]] double run() {
        const auto before = relay_->statistics().subscribers;
        const auto verified = doors_->verified().verified;
        const auto began = cpu_seconds();
        for (std::size_t i = 0; i < sessions; ++i) {
            const auto key = keys_[first_ + i];
            auto& s = relay_->at(key);
            const auto& [stream, data, fin] = said_[i];
            (void)s.handle_stream(now_, stream, data, fin);
            relay_->handle_ready(now_, key);
            while (const auto ready = relay_->poll_ready())
                drain(relay_->at(*ready));
        }
        const auto took = cpu_seconds() - began;
        if (relay_->statistics().subscribers - before != sessions)
            refuse_to_measure("not every SUBSCRIBE was accepted");
        signatures_ = doors_->verified().verified - verified;
        return took;
    }
    [[nodiscard]] std::uint64_t signatures() const { return signatures_; }

private:
    struct packet {
        stream_id stream;
        std::vector<std::byte> data;
        bool fin;
    };
    void add(std::string path) {
        session_config config;
        config.version = version_;
        config.self = role::client;
        config.authority = "relay.example";
        config.path = std::move(path);
        clients_.push_back(std::make_unique<session>(now_, config, pool_));
        config.self = role::server;
        config.authority.clear();
        config.path.clear();
        keys_.push_back(*relay_->add_session(now_, config, {}));
        clients_.back()->handle_stream_credit(1000, 1000);
        relay_->at(keys_.back()).handle_stream_credit(1000, 1000);
        exchange(clients_.size() - 1);
    }
    void subscribe(std::size_t i, std::string_view text) {
        const authorization_token token{.value = as_bytes(text)};
        message_params params;
        params.authorization_tokens = token_list{std::span{&token, 1}};
        if (!clients_[i]->subscribe(now_, {space_, "video"}, params))
            refuse_to_measure("no SUBSCRIBE");
    }
    static packet copy(const auto& out) {
        packet made{out.stream, {}, out.fin};
        for (std::size_t i = 0; i < out.count; ++i)
            made.data.insert(made.data.end(), out.chunks[i].begin(), out.chunks[i].end());
        return made;
    }
    /// Notes what a client says, for later.
    void take(session& from) {
        const auto out = from.poll_send(now_);
        if (!out) refuse_to_measure("nothing is said");
        said_.push_back(copy(*out));
        from.handle_sent(now_, said_.back().stream, said_.back().data.size(), said_.back().fin);
        if (from.poll_send(now_)) refuse_to_measure("a SUBSCRIBE takes several packets");
    }
    void drain(session& s) {
        while (const auto out = s.poll_send(now_)) {
            const auto size = out->size();
            s.handle_sent(now_, out->stream, size, out->fin);
            s.handle_acked(now_, out->stream, size, out->fin);
        }
        while (s.poll_transmit()) {
        }
    }
    bool move(session& from, session& to) {
        bool moved = false;
        while (const auto out = from.poll_send(now_)) {
            const auto made = copy(*out);
            if (to.handle_stream(now_, made.stream, made.data, made.fin) != made.data.size())
                refuse_to_measure("events wait");
            from.handle_sent(now_, made.stream, made.data.size(), made.fin);
            from.handle_acked(now_, made.stream, made.data.size(), made.fin);
            moved = true;
        }
        return moved;
    }
    void exchange(std::size_t i) {
        for (bool moved = true; moved;) {
            moved = move(*clients_[i], relay_->at(keys_[i]));
            relay_->handle_ready(now_, keys_[i]);
            moved = move(relay_->at(keys_[i]), *clients_[i]) || moved;
            while (clients_[i]->poll_event()) {
            }
        }
        while (const auto ready = relay_->poll_ready())
            if (*ready != keys_[i]) drain(relay_->at(*ready));
    }

    draft version_;
    track_namespace space_{"stream", "acme", "lv_1"};
    instant now_{1};
    buffer_pool pool_{};
    std::unique_ptr<token_doors> doors_;
    std::unique_ptr<admission_gate> gate_;
    std::unique_ptr<relay> relay_;
    std::vector<std::unique_ptr<session>> clients_{};
    std::vector<session_key> keys_{};
    std::vector<packet> said_{};
    std::size_t first_ = 0;
    std::uint64_t signatures_ = 0;
};

/// One iteration is all sessions of a stage, its making not counted.
void ours(benchmark::State& state, issuer& by, draft version, bool fresh) {
    for (auto _ : state) {
        stage all{by, version, fresh};
        state.SetIterationTime(all.run());
        if (all.signatures() != (fresh ? sessions : 0)) refuse_to_measure("the cache interferes");
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * sessions));
}

/// What cannot be had for less: the signature, or the hash of the token.
void bare(benchmark::State& state, issuer& by, bool fresh) {
    std::vector<std::string> tokens;
    std::vector<auth::jws> parsed;
    for (std::size_t i = 0; i < sessions; ++i)
        tokens.push_back(by.token());
    for (const auto& one : tokens)
        parsed.push_back(*auth::read_jws(one));
    for (auto _ : state) {
        const auto began = cpu_seconds();
        for (std::size_t i = 0; i < sessions; ++i) {
            if (fresh) {
                if (!by.crypto.verify(*by.signs, signature_algorithm::eddsa, parsed[i].signed_part,
                                      parsed[i].signature))
                    refuse_to_measure("a signature is wrong");
            } else {
                benchmark::DoNotOptimize(by.crypto.sha256(as_bytes(tokens[i])));
            }
        }
        state.SetIterationTime(cpu_seconds() - began);
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * sessions));
}

} // namespace

int main(int argc, char** argv) {
    issuer by;
    for (const bool fresh : {true, false})
        for (const auto version : {draft::d16, draft::d18}) {
            const auto name = std::string{fresh ? "D1/subscribe_fresh_d" : "D2/subscribe_known_d"} +
                              std::to_string(number(version));
            benchmark::RegisterBenchmark((name + "/ours").c_str(), [&by, version, fresh](
                                                                       benchmark::State& state) {
                ours(state, by, version, fresh);
            })->UseManualTime();
            benchmark::RegisterBenchmark((name + "/floor").c_str(), [&by, fresh](
                                                                        benchmark::State& state) {
                bare(state, by, fresh);
            })->UseManualTime();
        }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
