// Any bytes as a compact JWS, as a JWK, as a set of them, and as the claims of a token whose
// signature is good. What parses has one spelling and says the same when it is written again;
// whatever is granted ends within its profile's bounds and opens only what the profile may.
#include <moqrtc/auth/verifier.hpp>
#include <moqrtc/core/base64.hpp>
#include <moqrtc/crypto/openssl.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>

namespace {

using namespace moqrtc;
using namespace moqrtc::auth;

constexpr unix_time now{1'700'000'000};

void require(bool condition, std::source_location here = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "fuzz_auth_jose: requirement of line %u does not hold\n",
                 static_cast<unsigned>(here.line()));
    std::abort();
}

/// One key that everything is signed with; HMAC, to spend the time on what is read.
struct stage {
    openssl_crypto crypto;
    std::shared_ptr<const crypto_key> key;
    verifier checks{crypto, {.audiences = {"relay"}, .cache = 16}};

    stage() {
        jwk secret{"k", {signature_algorithm::hs256}, {}};
        secret.numbers.d = secret_bytes{as_bytes("0123456789abcdef0123456789abcdef")};
        key = *crypto.import_key(secret.numbers);
        auto keys = std::make_shared<key_set>();
        require(keys->add(crypto, secret).has_value());
        checks.use(std::shared_ptr<const key_set>{keys});
    }
};

void token(std::string_view text, stage& on) {
    const auto parsed = read_jws(text);
    const auto got = on.checks.verify(text, now);
    if (!parsed) return require(!got);
    const auto again = base64_encode(parsed->header, base64_alphabet::url) + '.' +
                       base64_encode(parsed->payload, base64_alphabet::url) + '.' +
                       base64_encode(parsed->signature, base64_alphabet::url);
    require(again == text);
}

void key(std::string_view text, stage& on) {
    if (const auto one = read_jwk(text)) {
        const auto written = write_jwk(*one, key_part::private_part);
        const auto again = read_jwk(written);
        require(again.has_value() && write_jwk(*again, key_part::private_part) == written);
        require(!one->algorithms.empty());
        auto open = *one;
        if (open.numbers.kind != key_kind::secret) {
            open.numbers.d = {};
            (void)on.crypto.import_key(open.numbers);
        }
        (void)thumbprint(on.crypto, one->numbers);
    }
    if (const auto all = read_jwks(text)) require(all->size() <= jwk_limits{}.keys);
}

void signed_claims(std::string_view text, stage& on) {
    const auto read = read_claims(as_bytes(text));
    if (read) {
        const auto written = write_claims(*read);
        const auto again = read_claims(as_bytes(written));
        require(again.has_value() && write_claims(*again) == written);
    }
    const auto made =
        write_jws(on.crypto, *on.key, signature_algorithm::hs256, "k", as_bytes(text));
    require(made.has_value());
    const auto got = on.checks.verify(*made, now);
    if (!got) return;
    require(read.has_value());
    const auto& one = **got;
    require(one.holds(now) && on.checks.still_holds(one, now).has_value());
    const auto& bounds = one.kind == profile::call        ? call_ttl
                         : one.kind == profile::signaling ? signaling_ttl
                                                          : playback_ttl;
    require(one.expires - now <= bounds.most);
    require(!one.transports.empty() && !one.scopes.empty() && !one.token_id.empty());
    require(one.allows_somewhere(action::publish) ==
            (one.kind == profile::call && one.who == role::publisher));
    for (const auto& each : one.scopes)
        require(each.fields.size() >= 3);
    require(on.checks.verify(*made, now)->get() == got->get()); // out of the cache
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static stage on;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    token(text, on);
    key(text, on);
    if (size <= 3000) signed_claims(text, on);
    return 0;
}
