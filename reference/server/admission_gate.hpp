#pragma once

#include "admission_ledger.hpp"
#include "token_doors.hpp"

#include <moqrtc/moqt/relay/policy.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace moqrtc::reference {

/// What stands in front of the doors of one shard: rates come before any token is looked at, and
/// what a request will take up is counted behind the decision, in the ledger of the whole server.
///
/// Who has shown nothing where tokens are required is on probation.
/// Threads one: the shard's.
class admission_gate final : public moqt::policy {
public:
    /// `doors` outlives it.
    admission_gate(token_doors& doors, std::shared_ptr<admission_ledger> ledger)
        : doors_{&doors}, ledger_{std::move(ledger)} {}
    ~admission_gate() override;
    admission_gate(const admission_gate&) = delete;
    admission_gate& operator=(const admission_gate&) = delete;

    /// Where a session comes from; before its SETUP. Sessions without are not counted.
    void bind(moqt::session_key session, admission_ledger::party_ptr address) {
        sessions_[session].address = std::move(address);
    }

    [[nodiscard]] moqt::admission admit(const moqt::session_request& asked) override;
    [[nodiscard]] moqt::decision decide(const moqt::access_request& asked) override;
    [[nodiscard]] moqt::seat_answer seat(const moqt::seat_request& asked) override;
    void leave(moqt::seat_id seat) override;
    [[nodiscard]] bool is_gone(moqt::credential_id which) const override {
        return doors_->is_gone(which);
    }
    void forget(moqt::session_key session) override;

    /// The account of a session, null as long as it has shown no credential.
    [[nodiscard]] admission_ledger::party* account_of(moqt::session_key session) const;
    [[nodiscard]] admission_ledger& ledger() noexcept { return *ledger_; }

private:
    struct guest {
        admission_ledger::party_ptr address{};
        admission_ledger::party_ptr account{};
        /// By room: what requests of the session share.
        std::map<std::string, moqt::seat_id, std::less<>> publishes{};
        std::map<std::string, moqt::seat_id, std::less<>> watches{};
    };
    struct taken {
        admission_ledger::seat what{};
        moqt::session_key session{};
        std::size_t holders = 0; ///< requests
    };

    void know(guest& one, moqt::session_key key, instant now);
    [[nodiscard]] admission_ledger::bounds bounds_of(const guest& one) const;

    token_doors* doors_;
    std::shared_ptr<admission_ledger> ledger_;
    std::map<moqt::session_key, guest> sessions_;
    std::vector<taken> seats_;
    std::vector<moqt::seat_id> free_seats_;
};

} // namespace moqrtc::reference
