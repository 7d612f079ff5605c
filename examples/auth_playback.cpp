// Who may watch: a control plane makes a key, gives a viewer a token for one broadcast, and a
// relay's thread decides from it what each request is allowed, until the key is taken back.
#include <moqrtc/auth/profiles.hpp>
#include <moqrtc/auth/verifier.hpp>
#include <moqrtc/crypto/openssl.hpp>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

using namespace moqrtc;

namespace {

constexpr auth::unix_time now{1'700'000'000}; // time is an argument here too

/// What a door asks for a SUBSCRIBE of `id`'s video.
bool may_watch(auth::verifier& door, const std::string& token, const char* id) {
    const auto got = door.verify(token, now, {{auth::profile::playback}, auth::transport::moq});
    if (!got) {
        std::printf("  %s: refused, %s\n", id, std::string{to_string(got.error().why)}.c_str());
        return false;
    }
    const std::array<std::string_view, 3> space{"stream", "acme", id};
    const bool allowed =
        (*got)->allows(auth::action::subscribe, auth::fields_of{space}, as_bytes("video"));
    std::printf("  %s: %s\n", id, allowed ? "allowed" : "not with this token");
    return allowed;
}

} // namespace

int main() {
    // The control plane: a key of the organisation, and its public half for everybody who checks.
    openssl_crypto crypto;
    const auto key = auth::generate_jwk(crypto, signature_algorithm::eddsa);
    if (!key) return 1;
    const auto signing = crypto.import_key(key->numbers);
    auto keys = std::make_shared<auth::key_set>();
    if (!signing || !keys->add(crypto, *key, "acme", {auth::profile::playback})) return 1;
    std::printf("keys  %s\n", auth::write_jwks({*key}).c_str());

    // A token for an hour, of somebody who asked for a year.
    const auth::minter issuer{signing->get(), signature_algorithm::eddsa, key->id, {}, {}};
    const auto token =
        auth::mint(crypto, issuer, auth::playback_token{"acme", "show"}, now, 365 * 24 * 3600);
    if (!token) return 1;
    std::printf("token lives %lld s\n", static_cast<long long>(token->ttl));

    // A thread of the relay: its own verifier, everybody's keys.
    auth::verifier door{crypto};
    door.use(std::shared_ptr<const auth::key_set>{keys});
    const bool right = may_watch(door, token->token, "show");
    const bool wrong = may_watch(door, token->token, "other");

    // The key is taken back: a new set without it.
    door.use(std::make_shared<const auth::key_set>());
    const bool later = may_watch(door, token->token, "show");
    return right && !wrong && !later ? 0 : 1;
}
