#include "shard.hpp"
#include "status_board.hpp"

#include <atomic>
#include <utility>

namespace moqrtc::reference {
namespace {

constexpr std::chrono::milliseconds figures_age{100};
constexpr std::chrono::milliseconds lists_age{500};

} // namespace

/// Answers of the shards, each in its own place; the last one hands them on.
struct status_board::collection {
    std::shared_ptr<server_status> status = std::make_shared<server_status>();
    std::atomic<std::size_t> missing{0};
};

server_facts status_board::facts() const {
    const std::lock_guard lock{guard_};
    return facts_;
}

void status_board::set_phase(server_phase phase) {
    const std::lock_guard lock{guard_};
    facts_.phase = phase;
}

void status_board::set_quic(std::string address) {
    const std::lock_guard lock{guard_};
    facts_.quic = std::move(address);
}

void status_board::set_certificate(certificate_status certificate) {
    const std::lock_guard lock{guard_};
    facts_.certificate = std::move(certificate);
}

void status_board::ask(bool everything, answer to) {
    auto& on = everything ? lists_ : figures_;
    const auto now = std::chrono::steady_clock::now();
    {
        std::unique_lock lock{on.guard};
        if (on.latest && now - on.taken < (everything ? lists_age : figures_age)) {
            const auto found = on.latest;
            lock.unlock();
            return to(found);
        }
        on.waiting.push_back(std::move(to));
        if (on.waiting.size() > 1) return; // somebody asked already
    }
    auto all = std::make_shared<collection>();
    all->status->facts = facts();
    all->status->shards.resize(shards_.size());
    all->missing = shards_.size();
    for (std::size_t i = 0; i < shards_.size(); ++i)
        shards_[i]->post([this, &on, all, everything, i] {
            all->status->shards[i] = shards_[i]->report(everything);
            if (--all->missing != 0) return;
            if (ledger_ != nullptr) all->status->admission = ledger_->count();
            std::vector<answer> waiting;
            {
                const std::lock_guard lock{on.guard};
                on.latest = all->status;
                on.taken = std::chrono::steady_clock::now();
                waiting.swap(on.waiting);
            }
            for (const auto& one : waiting)
                one(all->status);
        });
}

} // namespace moqrtc::reference
