#pragma once

#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/key_set.hpp>
#include <moqrtc/auth/refusal.hpp>
#include <moqrtc/auth/revocations.hpp>
#include <moqrtc/auth/token_form.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace moqrtc::auth {

/// What a verifier expects of every token, and what it may hold.
///
/// Fields  `audiences`: names by which we are meant; a token with `aud` names one of them, and one
///         without is taken unless `need_audience`. `issuers`: empty is any, as the keys decide.
/// Units   `leeway` in seconds; `cache` counts tokens.
struct verifier_config {
    token_limits limits{};
    std::vector<std::string> audiences{};
    std::vector<std::string> issuers{};
    bool need_audience = false;
    std::int64_t leeway = 0;
    std::size_t cache = 8192;
    /// Whether a CAT with `moqt-reval` is taken: whoever sets it calls `still_holds` that often.
    bool revalidates = true;
    /// The shortest interval of `moqt-reval` that is kept. Units: seconds.
    std::int64_t least_revalidation = 1;
};

/// What a door asks for. Fields: `over` is empty where no medium travels (an API).
struct expectation {
    profile_set accept = any_profile;
    std::optional<transport> over{};
};

/// How often what happened, for metrics.
struct verifier_counters {
    std::uint64_t verified = 0; ///< signatures checked, good or not
    std::uint64_t cached = 0;   ///< answered without cryptography but the hash
    std::uint64_t evicted = 0;  ///< left the cache for want of room
    std::array<std::uint64_t, refusal_reasons> refused{};
};

/// Says what a token allows: JWT of every profile and C4M, one decision.
///
/// One for each thread. Keys and revocations are snapshots, shared and never changed: a change is a
/// new snapshot given to `use`, after which the cache answers only for tokens whose key is still
/// there. The cost of a token that is not known is bounded by `config.limits` and by one signature
/// check for each key of its name (at most `key_set::limits::same_name`).
///
/// Replay is not decided here, because it must be decided once for all threads: `replay_registry`.
class verifier {
public:
    /// `crypto` outlives the verifier and belongs to the same thread.
    explicit verifier(crypto_provider& crypto, verifier_config config = {});
    verifier(const verifier&) = delete;
    verifier& operator=(const verifier&) = delete;

    void use(std::shared_ptr<const key_set> keys);
    void use(std::shared_ptr<const revocations> list);
    /// Takes another set of expectations; the cache is emptied.
    void use(verifier_config config);

    /// Everything but the request itself: signature, claims, time, audience, profile, transport,
    /// revocation. The request is asked of the grant.
    [[nodiscard]] verdict<grant_ptr> verify(bytes token, unix_time now,
                                            const expectation& door = {});
    [[nodiscard]] verdict<grant_ptr> verify(std::string_view token, unix_time now,
                                            const expectation& door = {}) {
        return verify(as_bytes(token), now, door);
    }
    /// The same for a token of an AUTHORIZATION_TOKEN of that type.
    [[nodiscard]] verdict<grant_ptr> verify(std::uint64_t token_type, bytes token, unix_time now,
                                            const expectation& door = {});

    /// Whether what was granted still is: time, key, revocation. What live sessions are asked after
    /// a change, and at their expiry.
    [[nodiscard]] verdict<void> still_holds(const grant& one, unix_time now) const;

    [[nodiscard]] const verifier_counters& counters() const noexcept { return counters_; }
    [[nodiscard]] std::size_t cached() const noexcept { return order_.size(); }

private:
    struct cached_grant {
        grant_ptr value;
        std::uint64_t generation = 0; ///< of keys and revocations that it was last checked with
    };
    struct digest_hash {
        std::size_t operator()(const sha256_digest& digest) const noexcept;
    };
    using cache_list = std::list<cached_grant>;

    [[nodiscard]] verdict<grant_ptr> decide(bytes token, std::optional<token_form> form,
                                            unix_time now, const expectation& door);
    [[nodiscard]] verdict<grant> examine_jwt(bytes token, unix_time now);
    [[nodiscard]] verdict<grant> examine_cat(bytes token, unix_time now);
    /// The key that signed, out of those of that name.
    [[nodiscard]] verdict<const trusted_key*> signer(std::string_view key_id,
                                                     signature_algorithm algorithm, bytes message,
                                                     bytes signature, unix_time now);
    void remember(const grant_ptr& one);

    crypto_provider* crypto_;
    verifier_config config_;
    std::shared_ptr<const key_set> keys_;
    std::shared_ptr<const revocations> revoked_;
    std::uint64_t generation_ = 1;
    cache_list order_; ///< the one used last first
    std::unordered_map<sha256_digest, cache_list::iterator, digest_hash> cache_;
    verifier_counters counters_{};
};

} // namespace moqrtc::auth
