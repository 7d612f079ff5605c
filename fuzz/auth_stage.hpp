#pragma once

#include <moqrtc/auth/verifier.hpp>
#include <moqrtc/crypto/openssl.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <source_location>
#include <string>
#include <utility>

/// What the targets of auth share: a requirement, the time, and a verifier with one key.
namespace moqrtc::fuzz {

inline constexpr auth::unix_time now{1'700'000'000};

inline void require(bool condition, std::source_location here = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "%s: requirement of line %u does not hold\n", here.file_name(),
                 static_cast<unsigned>(here.line()));
    std::abort();
}

/// One key that everything is signed with; HMAC, to spend the time on what is read.
struct auth_stage {
    openssl_crypto crypto;
    std::shared_ptr<const crypto_key> key;
    auth::verifier checks;

    explicit auth_stage(std::string audience)
        : checks{crypto, {.audiences = {std::move(audience)}, .cache = 16}} {
        auth::jwk secret{"k", {signature_algorithm::hs256}, {}};
        secret.numbers.d = secret_bytes{as_bytes("0123456789abcdef0123456789abcdef")};
        key = *crypto.import_key(secret.numbers);
        auto keys = std::make_shared<auth::key_set>();
        require(keys->add(crypto, secret).has_value());
        checks.use(std::shared_ptr<const auth::key_set>{keys});
    }
};

} // namespace moqrtc::fuzz
