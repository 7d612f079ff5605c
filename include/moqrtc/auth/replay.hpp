#pragma once

#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/refusal.hpp>

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
    [[nodiscard]] bool used(const grant& one, transport over) const noexcept;
    /// Gives back what was used and led to nothing.
    void release(const entry& one) noexcept;
    /// Drops what has expired; returns how many.
    std::size_t forget(unix_time now) noexcept;

    [[nodiscard]] std::vector<entry> snapshot() const;
    /// Takes stored entries in, beside those that are there; what has expired is left out.
    ///
    /// Errors  limit: more than fit; those that fit are in.
    [[nodiscard]] result<void> restore(const std::vector<entry>& stored, unix_time now);
    [[nodiscard]] std::size_t size() const noexcept { return used_.size(); }

private:
    using key = std::pair<std::string, transport>;

    std::size_t most_;
    std::map<key, unix_time> used_;
    std::multimap<unix_time, const key*> by_expiry_;
};

} // namespace moqrtc::auth
