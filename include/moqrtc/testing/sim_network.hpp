#pragma once

#include <moqrtc/testing/virtual_transport.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace moqrtc::testing {

/// Any number of links under one virtual clock: publishers, relays and subscribers in one process,
/// each run the same for the same seeds.
///
/// Every step costs the logarithm of what is under way, however many links there are.
/// Borrows the endpoints, which outlive it.
template <class Endpoint>
class sim_network {
public:
    /// Names one end of a link.
    struct end_id {
        std::uint32_t link = 0;
        int side = 0; ///< 0 client, 1 server
    };

    [[nodiscard]] instant now() const noexcept { return time_.now(); }
    [[nodiscard]] std::size_t links() const noexcept { return links_.size(); }
    [[nodiscard]] virtual_transport<Endpoint>& link(std::uint32_t number) noexcept {
        return *links_[number].transport;
    }

    /// Connects two endpoints whose sessions were made at `now()`; both speak at the next step.
    std::uint32_t connect(const link_config& config, Endpoint& client, Endpoint& server) {
        const auto number = static_cast<std::uint32_t>(links_.size());
        links_.push_back(
            {std::make_unique<virtual_transport<Endpoint>>(time_, number, config, client, server)});
        links_.back().transport->start();
        wake({number, 0});
        wake({number, 1});
        return number;
    }
    /// The session at `end` was given commands from outside: moves what it has to send, at the
    /// latest before time goes on.
    void wake(end_id end) {
        auto& woken = links_[end.link].woken[static_cast<std::size_t>(end.side)];
        if (!woken) awake_.push_back(end);
        woken = true;
    }

    /// Lets the next thing happen, or returns false when nothing ever will. `latest` bounds it.
    bool step(instant latest = instant{INT64_MAX - 1}) {
        settle();
        if (time_.next() > latest) return false;
        auto packet = time_.take();
        const auto number = packet.link;
        const bool travels = packet.travels();
        links_[number].transport->handle(std::move(packet));
        if (travels) last_travel_ = now();
        ++steps_;
        settle();
        return true;
    }
    /// Runs to `until`, which is then the time.
    void run_until(instant until) {
        while (step(until)) {
        }
        time_.advance(until);
    }
    void run_for(duration span) { run_until(now() + span); }
    /// Runs while `keep_going()` says so, at most to `until`; returns whether it says so no more.
    template <class Predicate>
    bool run_while(Predicate&& keep_going, instant until) {
        settle();
        while (keep_going())
            if (!step(until)) return !keep_going();
        return true;
    }
    /// Things that happened so far.
    [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
    /// When something other than a timer happened last.
    [[nodiscard]] instant last_travel() const noexcept { return last_travel_; }

private:
    struct link_state {
        std::unique_ptr<virtual_transport<Endpoint>> transport;
        bool woken[2] = {false, false};
    };
    void settle() {
        while (!awake_.empty()) {
            const auto end = awake_.back();
            awake_.pop_back();
            links_[end.link].woken[static_cast<std::size_t>(end.side)] = false;
            links_[end.link].transport->pump(end.side);
        }
    }

    timeline<virtual_packet> time_;
    std::vector<link_state> links_;
    std::vector<end_id> awake_;
    std::uint64_t steps_ = 0;
    instant last_travel_{};
};

} // namespace moqrtc::testing
