#pragma once

#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/jwk.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::auth {

/// A key that tokens are checked with, and what it is trusted for.
struct trusted_key {
    std::string id{}; ///< `kid`
    algorithm_set algorithms{};
    std::shared_ptr<const crypto_key> key{};
    sha256_digest thumbprint{};
    /// Whose key it is: its tokens speak for this organisation only. Empty: the operator's own,
    /// which speaks for all.
    std::string organisation{};
    profile_set profiles = any_profile;
    /// Rotation: a key that has been replaced stays until the last token of it has ended.
    unix_time not_before{};
    unix_time not_after = forever;

    [[nodiscard]] bool usable(unix_time now) const noexcept {
        return now >= not_before && now < not_after;
    }
};

/// Keys by name. Made and filled by one thread, then shared unchanged with all others as a
/// `std::shared_ptr<const key_set>`; a change is a new set.
class key_set {
public:
    /// Units   `keys` counts keys, of one name too.
    struct limits {
        std::size_t keys = 4096;
        std::size_t same_name = 4;
    };
    key_set() = default;
    explicit key_set(const limits& bounds) noexcept : bounds_{bounds} {}

    /// Adds a key. Errors: limit, bad_value (no key, no algorithm, one that does not go with its
    /// kind), duplicate (the same key under the same name).
    [[nodiscard]] result<void> add(trusted_key key);
    /// Imports a JWK and adds it. Errors: those of `crypto_provider::import_key` too.
    [[nodiscard]] result<void> add(crypto_provider& crypto, const jwk& key,
                                   std::string organisation = {},
                                   profile_set profiles = any_profile);
    /// Takes every key of that name out; returns how many.
    std::size_t remove(std::string_view id) noexcept;

    /// The keys of that name; two organisations may use one name.
    [[nodiscard]] std::span<const trusted_key> named(std::string_view id) const noexcept;
    /// The key that signed a grant, or null when it is gone.
    [[nodiscard]] const trusted_key* signer(std::string_view id,
                                            const sha256_digest& thumbprint) const noexcept;
    [[nodiscard]] std::span<const trusted_key> all() const noexcept { return keys_; }
    [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }

private:
    limits bounds_{};
    std::vector<trusted_key> keys_; ///< ordered by name
};

} // namespace moqrtc::auth
