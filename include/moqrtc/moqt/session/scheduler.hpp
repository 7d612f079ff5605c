#pragma once

#include <moqrtc/moqt/types.hpp>

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

namespace moqrtc::moqt {

/// Rank of a stream among those that have something to send; lower goes first.
///
/// Spec    moq-transport, anchor `priorities`: control before data, then subscriber priority,
///         publisher priority, group order, subgroup; equal ranks in the order they became ready.
struct send_rank {
    enum class level : std::uint8_t { control, request, data };

    std::uint32_t priorities = 0; ///< level, subscriber priority, publisher priority
    std::uint64_t group = 0;      ///< complement of the group for descending order
    std::uint64_t subgroup = 0;
    std::uint64_t turn = 0;

    [[nodiscard]] friend constexpr auto operator<=>(const send_rank&,
                                                    const send_rank&) noexcept = default;

    [[nodiscard]] static constexpr send_rank of(level l) noexcept {
        return {static_cast<std::uint32_t>(l) << 16, 0, 0, 0};
    }
    [[nodiscard]] static constexpr send_rank data(priority subscriber, priority publisher,
                                                  group_order order, std::uint64_t group,
                                                  std::uint64_t subgroup) noexcept {
        return {static_cast<std::uint32_t>(level::data) << 16 |
                    static_cast<std::uint32_t>(subscriber) << 8 | publisher,
                order == group_order::ascending ? group : ~group, subgroup, 0};
    }
};

/// The streams that want to send, best first. Entries are never searched: one whose `version` is
/// not its stream's any more is skipped when it comes up.
class send_scheduler {
public:
    struct entry {
        send_rank rank{};
        std::uint32_t stream = 0;
        std::uint32_t version = 0;
    };

    void push(const send_rank& rank, std::uint32_t stream, std::uint32_t version) {
        heap_.push_back({rank, stream, version});
        heap_.back().rank.turn = ++turn_;
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    [[nodiscard]] const entry* top() const noexcept {
        return heap_.empty() ? nullptr : &heap_.front();
    }
    void pop() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        heap_.pop_back();
    }
    [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
    void clear() noexcept { heap_.clear(); }

private:
    static bool later(const entry& a, const entry& b) noexcept { return a.rank > b.rank; }

    std::vector<entry> heap_;
    std::uint64_t turn_ = 0;
};

/// Deadlines of many things, earliest first; what a deadline was for is checked when it fires.
class timer_heap {
public:
    enum class kind : std::uint8_t {
        setup,
        goaway,
        done,
        request_goaway,
        subgroup,
        unknown_alias,
        dependent,
        request_gap
    };
    struct entry {
        instant at{};
        kind what = kind::setup;
        std::uint64_t id = 0;
    };

    void add(instant at, kind what, std::uint64_t id = 0) {
        heap_.push_back({at, what, id});
        std::push_heap(heap_.begin(), heap_.end(), later);
        next_ = heap_.front().at;
    }
    /// The next deadline that has passed at `now`, if any.
    [[nodiscard]] std::optional<entry> due(instant now) {
        if (heap_.empty() || next_ > now) return std::nullopt;
        const auto found = heap_.front();
        std::pop_heap(heap_.begin(), heap_.end(), later);
        heap_.pop_back();
        next_ = heap_.empty() ? never : heap_.front().at;
        return found;
    }
    [[nodiscard]] instant next() const noexcept { return next_; }
    void clear() noexcept {
        heap_.clear();
        next_ = never;
    }

private:
    static bool later(const entry& a, const entry& b) noexcept { return a.at > b.at; }
    instant next_ = never; ///< asked for far more often than the heap changes
    std::vector<entry> heap_;
};

} // namespace moqrtc::moqt
