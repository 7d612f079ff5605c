#pragma once

#include "requirement.hpp"
#include "rows/rows.hpp"
#include "stage.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moqrtc::conformance {

/// What came of one requirement.
struct outcome {
    const requirement* rule = nullptr;
    requirement::name name{}; ///< in the draft that was spoken
    verdict result{};
    trace record{};
    duration lasted{};
};

/// What to run, and how much of it at a time.
struct suite_options {
    std::vector<std::string> filters{};     ///< parts of identifiers; none: everything
    unsigned at_once = 16;                  ///< rows that run concurrently
    duration run_time = seconds(110);       ///< rows that did not begin by then are undecided
    duration start_every = milliseconds(0); ///< between two rows
};

/// Every requirement of a draft against one peer, without a socket or a clock.
///
/// Drain   the driver is the `connector` of the rows; after each input it calls `poke` and sends
///         what the sides of `running()` have in their outboxes.
class suite {
public:
    suite(target_info target, suite_options options, connector& network);
    suite(const suite&) = delete;
    suite& operator=(const suite&) = delete;
    ~suite();

    /// One connection with SETUP and an answered request; everything else needs that.
    void begin(instant now);
    /// Time passed, or something came for a side of `of`.
    void poke(instant now);
    void poke(instant now, stage& of);
    [[nodiscard]] instant next_timeout() const noexcept;
    [[nodiscard]] bool done() const noexcept { return done_; }
    /// There is a session with the peer: known when the first row began.
    [[nodiscard]] bool reached() const noexcept { return reached_; }
    [[nodiscard]] const std::string& why_not() const noexcept { return why_not_; }

    [[nodiscard]] const target_info& target() const noexcept { return target_; }
    /// In the order of the drafts; those that have not ended are `undecided`.
    [[nodiscard]] const std::vector<outcome>& outcomes() const noexcept { return outcomes_; }
    [[nodiscard]] std::size_t finished() const noexcept { return finished_; }
    [[nodiscard]] std::size_t planned() const noexcept { return outcomes_.size(); }
    [[nodiscard]] std::vector<stage*> running() const;
    /// Called when a row ends, before its connections are forgotten.
    std::function<void(const outcome&, stage*)> on_outcome{};

private:
    struct entry {
        std::unique_ptr<stage> on;
        std::size_t index = 0; ///< of its outcome
    };
    void start_rows(instant now);
    [[nodiscard]] bool may_start() const noexcept;
    void leave_if_wanted(instant now);
    void collect(instant now);
    void settle(std::size_t index, verdict v, stage* on);
    void finish(instant now);

    target_info target_;
    suite_options options_;
    connector* network_;
    std::vector<outcome> outcomes_{};
    std::vector<std::size_t> order_{}; ///< of the outcomes' rows; those behind `last_` go last
    std::size_t last_ = 0;
    std::vector<char> settled_{};
    std::vector<entry> running_{};
    std::vector<std::unique_ptr<stage>> leaving_{}; ///< ended, their close is on its way
    std::unique_ptr<stage> first_{};
    std::size_t next_ = 0; ///< in `order_`
    std::size_t finished_ = 0;
    instant began_{};
    instant start_next_{};
    bool reached_ = false;
    bool asked_to_leave_ = false;
    bool done_ = false;
    std::string why_not_{};
    struct passive;
    std::unique_ptr<passive> passive_;
};

/// Which bit of `fits` a kind of peer is.
[[nodiscard]] constexpr unsigned fit_of(peer_kind kind) noexcept {
    switch (kind) {
    case peer_kind::relay:
        return fits::relay;
    case peer_kind::publisher:
        return fits::publisher;
    case peer_kind::subscriber:
        return fits::subscriber;
    }
    return 0;
}

} // namespace moqrtc::conformance
