#pragma once

#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/refusal.hpp>
#include <moqrtc/core/inline.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::auth {

/// Which tokens have been used, over which transport: a call token admits once over each.
///
/// One for the whole server, for a token that one thread has seen is used for all others too. It
/// never forgets a token that could still be used: when it is full it refuses.
class replay_registry {
public:
    /// What is stored, to come back after a crash.
    ///
    /// Fields  `id` is `grant::token_id` behind its issuer's key name.
    struct entry {
        std::string id{};
        transport over = transport::moq;
        unix_time expires{};

        [[nodiscard]] friend bool operator==(const entry&, const entry&) noexcept = default;
    };

    explicit replay_registry(std::size_t most = std::size_t{1} << 16) noexcept : most_{most} {}

    /// Uses a grant over a transport; what is returned is to be stored before anything is admitted.
    ///
    /// Refuses expired, wrong_transport, replayed, overloaded.
    [[nodiscard]] verdict<entry> use(const grant& one, transport over, unix_time now);
    /// Whether `use` would refuse it as replayed.
    [[nodiscard]] bool used(const grant& one, transport over) const;
    /// Gives back what was used and led to nothing.
    void release(const entry& one);
    /// Drops what has expired; returns how many.
    std::size_t forget(unix_time now);

    [[nodiscard]] std::vector<entry> snapshot() const;
    /// Takes stored entries in, beside those that are there; what has expired is left out.
    ///
    /// Errors  limit: more than fit; those that fit are in.
    [[nodiscard]] result<void> restore(const std::vector<entry>& stored, unix_time now);
    [[nodiscard]] std::size_t size() const noexcept { return used_.size(); }

private:
    using key = std::pair<std::string, transport>;

    void insert(const entry& one);

    std::size_t most_;
    std::map<key, unix_time> used_;
    std::multimap<unix_time, const key*> by_expiry_;
};

#if MOQRTC_DEFINITIONS
namespace detail {

[[nodiscard]] MOQRTC_INLINE std::string replay_id(const grant& one) {
    return one.key_id + '/' + one.token_id;
}

} // namespace detail

MOQRTC_INLINE verdict<replay_registry::entry> replay_registry::use(const grant& one, transport over,
                                                                   unix_time now) {
    if (!one.holds(now)) return refuse(refusal_reason::expired, "exp");
    if (!one.transports.contains(over)) return refuse(refusal_reason::wrong_transport, "transport");
    entry out{detail::replay_id(one), over, one.expires};
    if (used_.contains({out.id, over})) return refuse(refusal_reason::replayed, "jti");
    if (used_.size() >= most_) (void)forget(now);
    if (used_.size() >= most_)
        return refuse(refusal_reason::overloaded, "used tokens", errc::limit);
    insert(out);
    return out;
}

MOQRTC_INLINE void replay_registry::insert(const entry& one) {
    const auto [place, is_new] = used_.try_emplace(key{one.id, one.over}, one.expires);
    if (is_new) by_expiry_.emplace(one.expires, &place->first);
}

MOQRTC_INLINE bool replay_registry::used(const grant& one, transport over) const {
    return used_.contains({detail::replay_id(one), over});
}

MOQRTC_INLINE void replay_registry::release(const entry& one) {
    const auto found = used_.find({one.id, one.over});
    if (found == used_.end()) return;
    const auto [first, last] = by_expiry_.equal_range(found->second);
    for (auto at = first; at != last; ++at)
        if (at->second == &found->first) {
            by_expiry_.erase(at);
            break;
        }
    used_.erase(found);
}

MOQRTC_INLINE std::size_t replay_registry::forget(unix_time now) {
    std::size_t count = 0;
    for (; !by_expiry_.empty() && by_expiry_.begin()->first <= now; ++count) {
        used_.erase(used_.find(*by_expiry_.begin()->second));
        by_expiry_.erase(by_expiry_.begin());
    }
    return count;
}

MOQRTC_INLINE std::vector<replay_registry::entry> replay_registry::snapshot() const {
    std::vector<entry> out;
    out.reserve(used_.size());
    for (const auto& [id, expires] : used_)
        out.push_back({id.first, id.second, expires});
    return out;
}

MOQRTC_INLINE result<void> replay_registry::restore(const std::vector<entry>& stored,
                                                    unix_time now) {
    for (const auto& one : stored) {
        if (one.expires <= now) continue;
        if (used_.size() >= most_) return fail(errc::limit, "used tokens", 0, "replay registry");
        insert(one);
    }
    return {};
}
#endif

} // namespace moqrtc::auth
