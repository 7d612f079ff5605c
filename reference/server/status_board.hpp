#pragma once

#include "server_status.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace moqrtc::reference {

class shard;

/// Where the control plane asks for the server's status: facts at once, figures by messages to the
/// shards. However many ask, the shards answer a few times in a second at most.
///
/// Threads every function may be called from any; answers come on a shard's thread.
class status_board {
public:
    using answer = std::function<void(std::shared_ptr<const server_status>)>;

    explicit status_board(server_facts facts) : facts_{std::move(facts)} {}

    /// Who is asked; call it before the first `ask`.
    void attach(std::vector<shard*> shards, std::shared_ptr<const admission_ledger> ledger) {
        shards_ = std::move(shards);
        ledger_ = std::move(ledger);
    }
    [[nodiscard]] server_facts facts() const;
    void set_phase(server_phase phase);
    void set_quic(std::string address);
    void set_certificate(certificate_status certificate);

    /// With `everything` the lists, too.
    void ask(bool everything, answer to);

private:
    struct sheet {
        std::mutex guard;
        std::shared_ptr<const server_status> latest{};
        std::chrono::steady_clock::time_point taken{};
        std::vector<answer> waiting{};
    };
    struct collection;

    mutable std::mutex guard_;
    server_facts facts_;
    std::vector<shard*> shards_;
    std::shared_ptr<const admission_ledger> ledger_;
    sheet figures_;
    sheet lists_;
};

} // namespace moqrtc::reference
