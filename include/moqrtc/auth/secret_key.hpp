#pragma once

#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/refusal.hpp>
#include <moqrtc/core/crypto.hpp>

#include <string>
#include <string_view>

namespace moqrtc::auth {

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

/// Whether `text` is the stream key of an input: publishing, that one namespace, no end.
///
/// Refuses missing, too_large, bad_signature (another key), revoked (the input is disabled).
[[nodiscard]] verdict<grant> verify_stream_key(crypto_provider& crypto, bytes pepper,
                                               const stream_input& input, std::string_view text,
                                               unix_time now);

} // namespace moqrtc::auth
