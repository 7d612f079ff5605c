// A1: a token that has not been seen, from its bytes to what it allows, beside the bare check of
// its signature. A2: a token that is known, with the question that a SUBSCRIBE asks, beside the
// hash that it is found by. One thread, no sockets; time is per decision.
#include <moqrtc/auth/profiles.hpp>
#include <moqrtc/auth/verifier.hpp>
#include <moqrtc/crypto/openssl.hpp>
#include <moqrtc/moqt/name.hpp>

#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace moqrtc;
using namespace moqrtc::auth;

constexpr unix_time now{1'700'000'000};

[[noreturn]] void refuse_to_measure(const char* what) {
    std::fprintf(stderr, "bench_auth: %s, nothing is measured\n", what);
    std::exit(1);
}

/// An issuer, a verifier that trusts it, and tokens of it.
class lane {
public:
    lane(signature_algorithm algorithm, std::size_t tokens, std::size_t cache)
        : algorithm_{algorithm}, checks_{crypto_, {.cache = cache}} {
        const auto key = generate_jwk(crypto_, algorithm);
        if (!key) refuse_to_measure("no key");
        key_ = *crypto_.import_key(key->numbers);
        auto keys = std::make_shared<key_set>();
        if (!keys->add(crypto_, *key)) refuse_to_measure("the key is not taken");
        checks_.use(std::shared_ptr<const key_set>{keys});
        for (std::size_t i = 0; i < tokens; ++i) {
            const playback_token what{"acme", "show-" + std::to_string(i), "viewer"};
            auto made = mint(crypto_, {key_.get(), algorithm, key->id, "control", {}}, what, now);
            if (!made) refuse_to_measure("no token");
            tokens_.push_back(std::move(made->token));
            names_.push_back(moqt::track_namespace{"stream", "acme", what.resource});
            const auto parsed = read_jws(tokens_.back());
            parsed_.push_back(
                {tokens_.back().substr(0, parsed->signed_part.size()), parsed->signature});
        }
        for (std::size_t i = 0; i < tokens; ++i)
            if (!ours(i) || !floor(i) || ours(i, action::publish))
                refuse_to_measure("a decision is wrong");
    }
    /// What a relay asks for a SUBSCRIBE: the token, then whether it allows this track.
    bool ours(std::size_t i, action what = action::subscribe) {
        const auto got = checks_.verify(token_type_out_of_band, as_bytes(tokens_[i]), now + 1,
                                        {{profile::playback}, transport::moq});
        return got && (*got)->allows(what, names_[i].view(), as_bytes("video"));
    }
    /// The signature alone, taken out of the token before.
    bool floor(std::size_t i) {
        return crypto_.verify(*key_, algorithm_, as_bytes(parsed_[i].covered),
                              parsed_[i].signature);
    }
    /// The hash alone.
    std::byte hash(std::size_t i) { return crypto_.sha256(as_bytes(tokens_[i]))[0]; }
    [[nodiscard]] std::size_t tokens() const { return tokens_.size(); }
    [[nodiscard]] const verifier_counters& counters() const { return checks_.counters(); }

private:
    struct taken_apart {
        std::string covered;
        std::vector<std::byte> signature;
    };
    openssl_crypto crypto_;
    signature_algorithm algorithm_;
    std::shared_ptr<const crypto_key> key_;
    verifier checks_;
    std::vector<std::string> tokens_;
    std::vector<moqt::track_namespace> names_;
    std::vector<taken_apart> parsed_;
};

template <class Step>
void run(benchmark::State& state, lane& of, Step step) {
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(step(i));
        if (++i == of.tokens()) i = 0;
    }
    state.SetItemsProcessed(state.iterations());
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::unique_ptr<lane>> lanes;
    for (const auto algorithm : {signature_algorithm::eddsa, signature_algorithm::es256,
                                 signature_algorithm::rs256, signature_algorithm::hs256}) {
        lanes.push_back(std::make_unique<lane>(algorithm, 64, 0)); // nothing is kept
        auto& of = *lanes.back();
        const auto name = "A1/fresh_" + std::string{to_string(algorithm)};
        benchmark::RegisterBenchmark((name + "/ours").c_str(), [&of](benchmark::State& state) {
            run(state, of, [&of](std::size_t i) { return of.ours(i); });
        });
        benchmark::RegisterBenchmark((name + "/floor").c_str(), [&of](benchmark::State& state) {
            run(state, of, [&of](std::size_t i) { return of.floor(i); });
        });
    }
    for (const std::size_t count : {1, 1000}) {
        lanes.push_back(std::make_unique<lane>(signature_algorithm::eddsa, count, 8192));
        auto& of = *lanes.back();
        const auto name = "A2/cached_" + std::to_string(count);
        benchmark::RegisterBenchmark((name + "/ours").c_str(), [&of](benchmark::State& state) {
            const auto before = of.counters().verified;
            run(state, of, [&of](std::size_t i) { return of.ours(i); });
            if (of.counters().verified != before) state.SkipWithError("a token was not known");
        });
        benchmark::RegisterBenchmark((name + "/floor").c_str(), [&of](benchmark::State& state) {
            run(state, of, [&of](std::size_t i) { return of.hash(i); });
        });
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
