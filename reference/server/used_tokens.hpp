#pragma once

#include "control/access_directory.hpp"

#include <moqrtc/auth/replay.hpp>

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace moqrtc::reference {

/// Which tokens that admit once have been used, for all shards of a server.
///
/// The answer comes at once, from memory; the ledger on the disk, which also knows what was used
/// before the server started, is asked behind it, and what it contradicts is taken back.
///
/// Threads every function may be called from any.
class used_tokens {
public:
    /// `ledger` outlives this; null keeps everything in memory.
    explicit used_tokens(token_ledger* ledger) : ledger_{ledger} {}

    /// Uses a token. `taken_back` comes on another thread, when it had been used before after all
    /// or cannot be written down.
    [[nodiscard]] auth::verdict<void> use(const auth::grant& one, auth::transport over,
                                          auth::unix_time now, std::function<void()> taken_back) {
        {
            const std::lock_guard lock{guard_};
            if (auto done = memory_.use(one, over, now); !done)
                return std::unexpected(done.error());
        }
        if (ledger_ == nullptr) return {};
        token_use what{.jti = one.key_id + '/' + one.token_id,
                       .transport = std::string{auth::to_string(over)},
                       .expires = one.expires.seconds};
        if (one.kind == auth::profile::call) {
            what.org = one.organisation;
            what.call = one.resource;
            what.user = one.subject;
            what.publishes = one.who == auth::role::publisher;
        }
        ledger_->redeem(std::move(what), [then = std::move(taken_back)](token_ledger::answer said) {
            if (said != token_ledger::answer::fresh) then();
        });
        return {};
    }
    /// What the ledger knows from before: it is refused at once.
    void restore(const std::vector<token_use>& all, auth::unix_time now) {
        std::vector<auth::replay_registry::entry> out;
        for (const auto& one : all)
            out.push_back({one.jti,
                           one.transport == to_string(auth::transport::moq)
                               ? auth::transport::moq
                               : auth::transport::webrtc,
                           {one.expires}});
        const std::lock_guard lock{guard_};
        // What does not fit is found in the ledger.
        (void)memory_.restore(out, now);
    }

private:
    std::mutex guard_;
    auth::replay_registry memory_;
    token_ledger* ledger_;
};

} // namespace moqrtc::reference
