// Any bytes as a compact JWS, as a JWK, as a set of them, and as the claims of a token whose
// signature is good. What parses has one spelling and says the same when it is written again;
// whatever is granted ends within its profile's bounds and opens only what the profile may.
#include "auth_stage.hpp"

#include <moqrtc/core/base64.hpp>

#include <cstdint>
#include <string_view>

namespace {

using namespace moqrtc;
using namespace moqrtc::auth;
using fuzz::now;
using fuzz::require;
using stage = fuzz::auth_stage;

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
    static stage on{"relay"};
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    token(text, on);
    key(text, on);
    if (size <= 3000) signed_claims(text, on);
    return 0;
}
