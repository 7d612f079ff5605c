#pragma once

#include <moqrtc/auth/profiles.hpp>
#include <moqrtc/auth/verifier.hpp>
#include <moqrtc/crypto/openssl.hpp>

#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

namespace moqrtc::auth {

inline void PrintTo(refusal_reason why, std::ostream* out) {
    *out << to_string(why);
}
inline void PrintTo(const refusal& one, std::ostream* out) {
    *out << to_string(one.why) << " (" << one.what.field << ')';
}

namespace test {

/// A JSON file of tests/auth/vectors.
inline nlohmann::json vectors(const std::string& name) {
    std::ifstream file{std::string{MOQRTC_SOURCE_DIR} + "/tests/auth/vectors/" + name};
    return nlohmann::json::parse(file);
}

/// One provider for all tests of a process: making an RSA key takes its time.
inline openssl_crypto& crypto() {
    static openssl_crypto one;
    return one;
}

/// A key that signs, and what of it is trusted.
struct pair {
    jwk key{};
    std::shared_ptr<const crypto_key> handle{};

    [[nodiscard]] signature_algorithm algorithm() const {
        for (const auto one : all_algorithms)
            if (key.algorithms.contains(one)) return one;
        return {};
    }
    [[nodiscard]] minter by() const { return {handle.get(), algorithm(), key.id, {}, {}}; }
};

inline pair make_pair(signature_algorithm algorithm, std::string id = {}) {
    auto key = generate_jwk(crypto(), algorithm);
    if (!key) return {};
    if (!id.empty()) key->id = std::move(id);
    auto handle = crypto().import_key(key->numbers);
    return {std::move(*key), handle ? std::move(*handle) : nullptr};
}

/// The key of an algorithm, made once.
inline const pair& pair_of(signature_algorithm algorithm) {
    static const std::map<signature_algorithm, pair> all = [] {
        std::map<signature_algorithm, pair> out;
        for (const auto one : all_algorithms)
            out.emplace(one, make_pair(one));
        return out;
    }();
    return all.at(algorithm);
}

inline constexpr unix_time now{1'700'000'000};

} // namespace test
} // namespace moqrtc::auth
