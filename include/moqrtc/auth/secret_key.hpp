#pragma once

#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/profiles.hpp>
#include <moqrtc/auth/refusal.hpp>
#include <moqrtc/core/base64.hpp>
#include <moqrtc/core/crypto.hpp>
#include <moqrtc/core/inline.hpp>

#include <string>
#include <string_view>

namespace moqrtc::auth {

/// The longest text that is looked at. Units: bytes.
inline constexpr std::size_t secret_key_size = 256;

/// A stream key or API key when it is made: the one time that its text exists on our side.
///
/// Fields  `text` is "<prefix>_" and 32 random bytes in base64url; `shown` its first characters,
///         enough to tell keys apart and useless to guess the rest; `hash` is what is stored.
struct secret_key {
    std::string text{};
    std::string shown{};
    sha256_digest hash{};
};

/// Makes one. `pepper` is a secret of the server that is not in its database.
///
/// Errors  those of `crypto_provider::random`.
[[nodiscard]] result<secret_key> make_secret_key(crypto_provider& crypto, bytes pepper,
                                                 std::string_view prefix);

/// The hash by which a key is stored and found: HMAC-SHA-256 under `pepper`. The keys have 256
/// random bits, so that a slow hash would add nothing.
[[nodiscard]] sha256_digest hash_secret_key(crypto_provider& crypto, bytes pepper,
                                            std::string_view text);

/// A live input as the control plane stores it, to check a stream key against.
///
/// Fields  `previous` is good until `previous_until`, after a rotation with grace.
struct stream_input {
    std::string organisation{};
    std::string input{};
    sha256_digest hash{};
    sha256_digest previous{};
    unix_time previous_until{};
    bool enabled = true;
};

/// Whether `text` is the stream key of an input: publishing, that one namespace, no end. The
/// grant's `token_hash` is the hash that was met, so that a rotation finds the sessions it ends.
///
/// Refuses missing, too_large, bad_signature (another key), revoked (the input is disabled).
[[nodiscard]] verdict<grant> verify_stream_key(crypto_provider& crypto, bytes pepper,
                                               const stream_input& input, std::string_view text,
                                               unix_time now);

#if MOQRTC_DEFINITIONS
MOQRTC_INLINE sha256_digest hash_secret_key(crypto_provider& crypto, bytes pepper,
                                            std::string_view text) {
    return crypto.hmac_sha256(pepper, as_bytes(text));
}

MOQRTC_INLINE result<secret_key> make_secret_key(crypto_provider& crypto, bytes pepper,
                                                 std::string_view prefix) {
    constexpr std::size_t shown = 4; // of 43 characters: 232 bits stay unknown
    secret_bytes random{std::size_t{32}};
    if (const auto done = crypto.random(random.writable()); !done)
        return std::unexpected(done.error());
    secret_key out;
    out.text = std::string{prefix} + '_' + base64_encode(random.view(), base64_alphabet::url);
    out.shown = out.text.substr(0, prefix.size() + 1 + shown);
    out.hash = hash_secret_key(crypto, pepper, out.text);
    return out;
}

MOQRTC_INLINE verdict<grant> verify_stream_key(crypto_provider& crypto, bytes pepper,
                                               const stream_input& input, std::string_view text,
                                               unix_time now) {
    if (text.empty()) return refuse(refusal_reason::missing, "sk");
    if (text.size() > secret_key_size) return refuse(refusal_reason::too_large, "sk");
    const auto hash = hash_secret_key(crypto, pepper, text);
    const bool is_current = equal_in_constant_time(hash, input.hash);
    const bool is_previous = equal_in_constant_time(hash, input.previous);
    if (!is_current && !(is_previous && now < input.previous_until))
        return refuse(refusal_reason::bad_signature, "sk");
    if (!input.enabled) return refuse(refusal_reason::revoked, "sk");
    grant out;
    out.kind = profile::stream_key;
    out.subject = input.input;
    out.organisation = input.organisation;
    out.resource = input.input;
    out.token_id = "sk/" + input.input;
    out.token_hash = hash;
    out.expires = is_current ? forever : input.previous_until;
    out.who = role::publisher;
    out.capabilities = {std::string{media_broadcast}};
    out.scopes = publish_scopes(input.organisation, input.input);
    return out;
}
#endif

} // namespace moqrtc::auth
