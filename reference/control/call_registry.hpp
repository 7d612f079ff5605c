#pragma once

#include "call_coordinator.hpp"
#include "database.hpp"
#include "records.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::reference {

/// The limits of a call of which nobody has said others: those of its organisation.
[[nodiscard]] call_coordinator::limits usual_call(const access_snapshot& now, std::string_view org);

/// Every call of the server: who is admitted, what is kept of it. A call has a record in `calls`
/// and is known by its id (`ca_…`) and, inside its organisation, by the name that tokens carry.
///
/// Threads one: the control thread's.
class call_registry {
public:
    /// Takes in what the database has. `store` outlives it.
    explicit call_registry(database& store);

    struct call {
        std::string name; ///< `call_id` of tokens
        call_coordinator state;
        call_coordinator::limits bounds{};
        wall_seconds created = 0;
    };

    /// Makes a call that nobody is in yet, and returns its record. An empty name is the id.
    /// Errors  `storage_conflict`: there is one of that name.
    api_json make(std::string_view org, std::string name, const call_coordinator::limits& bounds,
                  wall_seconds now);
    /// By id; null: there is none in that organisation. An ended one is there for a while.
    [[nodiscard]] const call* find(std::string_view org, std::string_view id) const;
    /// Uses up a token and lets its owner in, both or neither. `usual` are the limits of a call
    /// that nobody has made yet.
    [[nodiscard]] token_ledger::answer
    redeem(const token_use& one, const call_coordinator::limits& usual, wall_seconds now);
    /// Takes somebody out: what he came in with opens nothing any more. False: he is not in.
    bool leave(const call& from, std::string_view user, wall_seconds now);
    void end(const call& which, wall_seconds now);
    /// Ends what lasted too long and forgets what has ended; true when something was revoked.
    bool sweep(wall_seconds now);

    /// Tokens that were used and could still be shown again.
    [[nodiscard]] std::vector<token_use> used(wall_seconds now) const;

private:
    using key = std::pair<std::string, std::string>; ///< organisation and name

    [[nodiscard]] call* named(const key& name);
    void save(const call& one, wall_seconds now);
    void revoke(const call& one, const call_coordinator::participant& who, wall_seconds now);

    database* store_;
    std::map<key, call> calls_;
    std::map<std::string, key, std::less<>> by_id_;
};

} // namespace moqrtc::reference
