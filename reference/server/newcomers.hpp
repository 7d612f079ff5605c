#pragma once

#include <moqrtc/core/time.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace moqrtc::reference {

/// Connections that have to show a credential and have not, the oldest first: who takes too long
/// goes, and when there are too many the oldest makes room.
///
/// `Who` says whether somebody `is_settled`, because he has shown something or is gone, and can
/// `send_away` him.
/// Threads one; `all` counts those of every thread.
template <class Who>
class newcomers {
public:
    struct config {
        std::size_t most = 0; ///< on all threads together
        duration time{};
    };
    struct counters {
        std::uint64_t crowded_out = 0;
        std::uint64_t too_late = 0;
    };

    newcomers(config settings, std::atomic<std::size_t>& all) : config_{settings}, all_{&all} {}
    newcomers(const newcomers&) = delete;
    newcomers& operator=(const newcomers&) = delete;
    ~newcomers() { all_->fetch_sub(waiting_.size()); }

    void add(instant now, Who who) {
        waiting_.push_back({now + config_.time, std::move(who)});
        all_->fetch_add(1);
        drop_settled();
        while (all_->load() > config_.most && !waiting_.empty()) {
            // Settled ones in the middle only look like too many.
            if (!waiting_.front().who.is_settled()) {
                ++counters_.crowded_out;
                waiting_.front().who.send_away();
            }
            drop_front();
        }
    }
    /// Call it now and then.
    void sweep(instant now) {
        std::size_t settled = 0;
        for (const auto& one : waiting_)
            settled += one.who.is_settled() ? 1 : 0;
        if (settled * 2 > waiting_.size()) {
            const auto gone =
                std::erase_if(waiting_, [](const entry& one) { return one.who.is_settled(); });
            all_->fetch_sub(gone);
        }
        for (drop_settled(); !waiting_.empty() && waiting_.front().until <= now; drop_settled()) {
            ++counters_.too_late;
            waiting_.front().who.send_away();
            drop_front();
        }
    }
    [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }
    [[nodiscard]] const counters& counted() const noexcept { return counters_; }

private:
    struct entry {
        instant until;
        Who who;
    };
    void drop_front() {
        waiting_.pop_front();
        all_->fetch_sub(1);
    }
    void drop_settled() {
        while (!waiting_.empty() && waiting_.front().who.is_settled())
            drop_front();
    }

    config config_;
    std::atomic<std::size_t>* all_;
    std::deque<entry> waiting_;
    counters counters_;
};

} // namespace moqrtc::reference
