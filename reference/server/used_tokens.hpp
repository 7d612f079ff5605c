#pragma once

#include "control/access_directory.hpp"

#include <moqrtc/auth/replay.hpp>

#include <functional>
#include <mutex>

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
        if (ledger_ != nullptr)
            ledger_->redeem(one.key_id + '/' + one.token_id, std::string{auth::to_string(over)},
                            one.expires.seconds,
                            [then = std::move(taken_back)](token_ledger::answer said) {
                                if (said != token_ledger::answer::fresh) then();
                            });
        return {};
    }

private:
    std::mutex guard_;
    auth::replay_registry memory_;
    token_ledger* ledger_;
};

} // namespace moqrtc::reference
