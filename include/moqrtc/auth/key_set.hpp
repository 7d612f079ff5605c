#pragma once

#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/jwk.hpp>
#include <moqrtc/core/inline.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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

#if MOQRTC_DEFINITIONS
MOQRTC_INLINE result<void> key_set::add(trusted_key key) {
    constexpr const char* where = "key set";
    if (key.key == nullptr || key.algorithms.empty()) return fail(errc::bad_value, "key", 0, where);
    for (const auto one : all_algorithms)
        if (key.algorithms.contains(one) && kind_for(one) != key.key->kind())
            return fail(errc::bad_value, "alg", 0, where);
    const auto same = named(key.id);
    for (const auto& one : same)
        if (one.thumbprint == key.thumbprint) return fail(errc::duplicate, "kid", 0, where);
    if (keys_.size() >= bounds_.keys || same.size() >= bounds_.same_name)
        return fail(errc::limit, "keys", 0, where);
    const auto place =
        std::upper_bound(keys_.begin(), keys_.end(), key.id,
                         [](const std::string& id, const trusted_key& one) { return id < one.id; });
    keys_.insert(place, std::move(key));
    return {};
}

MOQRTC_INLINE result<void> key_set::add(crypto_provider& crypto, const jwk& key,
                                        std::string organisation, profile_set allowed) {
    // To verify takes the public part; a private one has no business in a key set.
    key_numbers numbers;
    numbers.kind = key.numbers.kind;
    numbers.x = key.numbers.x;
    numbers.y = key.numbers.y;
    numbers.n = key.numbers.n;
    numbers.e = key.numbers.e;
    if (numbers.kind == key_kind::secret) numbers.d = key.numbers.d;
    auto imported = crypto.import_key(numbers);
    if (!imported) return std::unexpected(imported.error());
    trusted_key out;
    out.id = key.id;
    out.algorithms = key.algorithms;
    out.key = std::move(*imported);
    out.thumbprint = auth::thumbprint(crypto, numbers);
    out.organisation = std::move(organisation);
    out.profiles = allowed;
    return add(std::move(out));
}

MOQRTC_INLINE std::size_t key_set::remove(std::string_view id) noexcept {
    return std::erase_if(keys_, [id](const trusted_key& one) { return one.id == id; });
}

MOQRTC_INLINE std::span<const trusted_key> key_set::named(std::string_view id) const noexcept {
    struct by_name {
        bool operator()(const trusted_key& one, std::string_view name) const noexcept {
            return one.id < name;
        }
        bool operator()(std::string_view name, const trusted_key& one) const noexcept {
            return name < one.id;
        }
    };
    const auto [first, last] = std::equal_range(keys_.begin(), keys_.end(), id, by_name{});
    return {first, last};
}

MOQRTC_INLINE const trusted_key* key_set::signer(std::string_view id,
                                                 const sha256_digest& thumbprint) const noexcept {
    for (const auto& one : named(id))
        if (one.thumbprint == thumbprint) return &one;
    return nullptr;
}
#endif

} // namespace moqrtc::auth
