#pragma once

#include <moqrtc/auth/cat.hpp>
#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/key_set.hpp>
#include <moqrtc/auth/profiles.hpp>
#include <moqrtc/auth/refusal.hpp>
#include <moqrtc/auth/revocations.hpp>
#include <moqrtc/auth/token_form.hpp>
#include <moqrtc/core/hex.hpp>
#include <moqrtc/core/inline.hpp>

#include <algorithm>
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
    [[nodiscard]] static verdict<grant> signed_by(const trusted_key& key, verdict<grant> made);
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

#if MOQRTC_DEFINITIONS
namespace detail {

/// Why a structure that could not be read is refused.
[[nodiscard]] MOQRTC_INLINE std::unexpected<refusal> refuse_token(const error& what) noexcept {
    if (what.code != errc::unsupported) return refuse(what);
    const bool algorithm = std::string_view{what.field} == "alg";
    return std::unexpected(
        refusal{algorithm ? refusal_reason::wrong_algorithm : refusal_reason::unsupported, what});
}

/// Whether a token is for us, and from somebody we listen to.
[[nodiscard]] MOQRTC_INLINE verdict<void> check_names(const verifier_config& config,
                                                      const std::vector<std::string>& audience,
                                                      const std::optional<std::string>& issuer) {
    const auto is_in = [](const std::vector<std::string>& all, const std::string& one) {
        return std::find(all.begin(), all.end(), one) != all.end();
    };
    if (audience.empty() && config.need_audience)
        return refuse(refusal_reason::wrong_audience, "aud");
    if (!audience.empty() &&
        std::none_of(audience.begin(), audience.end(),
                     [&](const std::string& one) { return is_in(config.audiences, one); }))
        return refuse(refusal_reason::wrong_audience, "aud");
    if (!config.issuers.empty() && (!issuer || !is_in(config.issuers, *issuer)))
        return refuse(refusal_reason::wrong_audience, "iss");
    return {};
}

} // namespace detail

MOQRTC_INLINE std::size_t
verifier::digest_hash::operator()(const sha256_digest& digest) const noexcept {
    return static_cast<std::size_t>(load_be<8>(bytes{digest}.first(8)));
}

MOQRTC_INLINE verifier::verifier(crypto_provider& crypto, verifier_config config)
    : crypto_{&crypto},
      config_{std::move(config)},
      keys_{std::make_shared<const key_set>()},
      revoked_{std::make_shared<const revocations>()} {}

MOQRTC_INLINE void verifier::use(std::shared_ptr<const key_set> keys) {
    if (keys == nullptr) keys = std::make_shared<const key_set>();
    keys_ = std::move(keys);
    ++generation_;
}

MOQRTC_INLINE void verifier::use(std::shared_ptr<const revocations> list) {
    if (list == nullptr) list = std::make_shared<const revocations>();
    revoked_ = std::move(list);
    ++generation_;
}

MOQRTC_INLINE void verifier::use(verifier_config config) {
    config_ = std::move(config);
    cache_.clear();
    order_.clear();
}

MOQRTC_INLINE verdict<grant_ptr> verifier::verify(bytes token, unix_time now,
                                                  const expectation& door) {
    auto out = decide(token, form_of(token), now, door);
    if (!out) ++counters_.refused[static_cast<std::size_t>(out.error().why)];
    return out;
}

MOQRTC_INLINE verdict<grant_ptr> verifier::verify(std::uint64_t token_type, bytes token,
                                                  unix_time now, const expectation& door) {
    auto out = token_type == token_type_out_of_band || token_type == token_type_cat
                   ? decide(token, form_of(token_type, token), now, door)
                   : verdict<grant_ptr>{
                         refuse(refusal_reason::unsupported, "token type", errc::unknown_type)};
    if (!out) ++counters_.refused[static_cast<std::size_t>(out.error().why)];
    return out;
}

MOQRTC_INLINE verdict<void> verifier::still_holds(const grant& one, unix_time now) const {
    if (now >= one.expires) return refuse(refusal_reason::expired, "exp");
    if (now < one.not_before) return refuse(refusal_reason::not_yet_valid, "nbf");
    if (revoked_->covers(one)) return refuse(refusal_reason::revoked);
    if (one.kind == profile::stream_key) return {}; // no key of ours signed it
    const auto* key = keys_->signer(one.key_id, one.key_thumbprint);
    if (key == nullptr || !key->usable(now) || !key->profiles.contains(one.kind))
        return refuse(refusal_reason::revoked, "kid");
    return {};
}

MOQRTC_INLINE verdict<grant_ptr> verifier::decide(bytes token, std::optional<token_form> form,
                                                  unix_time now, const expectation& door) {
    if (token.empty()) return refuse(refusal_reason::missing);
    if (token.size() > config_.limits.token)
        return refuse(refusal_reason::too_large, "token", errc::limit);
    if (!form) return refuse(refusal_reason::malformed, "token");

    const auto digest = crypto_->sha256(token);
    grant_ptr found;
    if (const auto known = cache_.find(digest); known != cache_.end()) {
        auto& entry = *known->second;
        // Time is always looked at; key and revocation when they may have changed.
        if (entry.generation != generation_ || !entry.value->holds(now)) {
            if (const auto good = still_holds(*entry.value, now); !good) {
                order_.erase(known->second);
                cache_.erase(known);
                return std::unexpected(good.error());
            }
            entry.generation = generation_;
        }
        order_.splice(order_.begin(), order_, known->second);
        ++counters_.cached;
        found = entry.value;
    } else {
        auto made = *form == token_form::jwt ? examine_jwt(token, now) : examine_cat(token, now);
        if (!made) return std::unexpected(made.error());
        made->token_hash = digest;
        if (made->token_id.empty()) made->token_id = hex_encode(digest);
        if (revoked_->covers(*made)) return refuse(refusal_reason::revoked);
        found = std::make_shared<const grant>(std::move(*made));
        remember(found);
    }
    if (!door.accept.contains(found->kind)) return refuse(refusal_reason::wrong_profile);
    if (door.over && !found->transports.contains(*door.over))
        return refuse(refusal_reason::wrong_transport, "transport");
    return found;
}

MOQRTC_INLINE verdict<const trusted_key*> verifier::signer(std::string_view key_id,
                                                           signature_algorithm algorithm,
                                                           bytes message, bytes signature,
                                                           unix_time now) {
    auto candidates = keys_->named(key_id);
    // A token that names no key can only mean the one there is.
    if (key_id.empty() && candidates.empty() && keys_->size() == 1) candidates = keys_->all();
    auto why = refusal_reason::unknown_key;
    for (const auto& one : candidates) {
        if (!one.usable(now)) continue;
        if (!one.algorithms.contains(algorithm)) {
            if (why == refusal_reason::unknown_key) why = refusal_reason::wrong_algorithm;
            continue;
        }
        ++counters_.verified;
        if (crypto_->verify(*one.key, algorithm, message, signature)) return &one;
        why = refusal_reason::bad_signature;
    }
    return refuse(why, why == refusal_reason::unknown_key ? "kid" : "signature");
}

MOQRTC_INLINE verdict<grant> verifier::examine_jwt(bytes token, unix_time now) {
    auto parsed = read_jws(as_text(token), config_.limits);
    if (!parsed) return detail::refuse_token(parsed.error());
    if (parsed->key_id.empty()) { // a signaling token may name its key among the claims
        const auto claimed = read_claims(parsed->payload, config_.limits);
        if (!claimed) return refuse(claimed.error());
        parsed->key_id = claimed->key_id.value_or(std::string{});
    }
    const auto key =
        signer(parsed->key_id, parsed->algorithm, parsed->signed_part, parsed->signature, now);
    if (!key) return std::unexpected(key.error());
    const auto all = read_claims(parsed->payload, config_.limits);
    if (!all) return refuse(all.error());
    if (const auto good = detail::check_names(config_, all->audience, all->issuer); !good)
        return std::unexpected(good.error());
    return signed_by(**key, to_grant(*all, now, (*key)->organisation, config_.leeway));
}

MOQRTC_INLINE verdict<grant> verifier::examine_cat(bytes token, unix_time now) {
    const auto parsed = read_cose(token, config_.limits);
    if (!parsed) return detail::refuse_token(parsed.error());
    const auto key =
        signer(parsed->key_id, parsed->algorithm, parsed->signed_part, parsed->signature, now);
    if (!key) return std::unexpected(key.error());
    const auto all = read_cat_claims(parsed->payload, config_.limits);
    if (!all) return refuse(all.error());
    if (const auto good = detail::check_names(config_, all->audience, all->issuer); !good)
        return std::unexpected(good.error());
    if (all->revalidate.value_or(0) > 0 && !config_.revalidates)
        return refuse(refusal_reason::unsupported, "moqt-reval", errc::unsupported);
    return signed_by(**key, to_grant(*all, now, (*key)->organisation, config_.leeway,
                                     config_.least_revalidation));
}

MOQRTC_INLINE verdict<grant> verifier::signed_by(const trusted_key& key, verdict<grant> made) {
    if (!made) return made;
    if (!key.profiles.contains(made->kind)) return refuse(refusal_reason::wrong_profile, "kid");
    made->key_id = key.id;
    made->key_thumbprint = key.thumbprint;
    return made;
}

MOQRTC_INLINE void verifier::remember(const grant_ptr& one) {
    if (config_.cache == 0) return;
    if (order_.size() >= config_.cache) {
        cache_.erase(order_.back().value->token_hash);
        order_.pop_back();
        ++counters_.evicted;
    }
    order_.push_front({one, generation_});
    cache_.emplace(one->token_hash, order_.begin());
}
#endif

} // namespace moqrtc::auth
