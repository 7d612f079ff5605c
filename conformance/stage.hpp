#pragma once

#include "side.hpp"
#include "task.hpp"
#include "verdict.hpp"

#include <moqrtc/core/time.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moqrtc::conformance {

/// What stands on the other side.
enum class peer_kind : std::uint8_t {
    relay,      ///< a relay or server, whose client we are, several times over
    publisher,  ///< a client that publishes to us
    subscriber, ///< a client that subscribes to us
};

/// Tokens that the operator knows what the peer says to; those that are empty are not known.
/// Where a good one is given, the peer is one that demands a token of everybody.
struct agreed_tokens {
    std::uint64_t type = 0; ///< Token Type of all of them
    octets good{};          ///< allows everything that rows do
    octets bad{};           ///< well-formed, and otherwise invalid
    octets expired{};       ///< was good once
};

/// Which peer the rows are for, and how long it may take.
struct target_info {
    moqt::draft version = moqt::draft::d18;
    peer_kind peer = peer_kind::relay;
    bool webtransport = false;
    std::string authority{};       ///< of the URL: what AUTHORITY carries on raw QUIC
    std::string path{};            ///< of the URL: what PATH carries on raw QUIC
    std::string track = "catalog"; ///< of a publisher that announces its namespace alone
    std::string nonce{};           ///< makes names unlike those of other runs
    moqt::track_namespace below{}; ///< where a peer has room for us; rows publish below it
    agreed_tokens tokens{};
    bool can_leave = false;                 ///< `connector::make_leave` does something
    duration patience = milliseconds(2500); ///< until no answer counts as silence
    duration row_time = seconds(20);        ///< the longest that a row may take
    std::size_t most_events = 20'000;       ///< more of the peer than any row needs
    std::size_t most_bytes = 64 << 20;
};

/// Where a row's connections come from.
class connector {
public:
    /// Begins a connection; the outcome is told to `fresh`. A client of ours for a server, or the
    /// next connection of the peer where that is the client.
    virtual void connect(stage& owner, side& fresh) = 0;
    /// The next connection of the peer, which comes by itself.
    virtual void expect(stage& owner, side& fresh) = 0;
    /// Brings the peer to leave every session that it has, once in a run.
    virtual void make_leave() {}

protected:
    ~connector() = default;
};

/// One row while it runs: its connections, its trace, what it waits for. No socket, no clock.
///
/// Drain   after every input (`poke` included) send what the sides have in their outboxes.
class stage {
public:
    using play = task<verdict> (*)(stage&);

    stage(const target_info& target, connector& network, std::string name, instant now)
        : target_{&target}, network_{&network}, name_{std::move(name)}, began_{now}, now_{now} {}
    stage(const stage&) = delete;
    stage& operator=(const stage&) = delete;
    ~stage() { running_ = {}; }

    [[nodiscard]] const target_info& target() const noexcept { return *target_; }
    [[nodiscard]] const moqt::wire_rules& rules() const noexcept {
        return moqt::rules_for(target_->version);
    }
    [[nodiscard]] instant now() const noexcept { return now_; }
    [[nodiscard]] duration lasted() const noexcept { return {now_.us - began_.us}; }

    // For the driver ----------------------------------------------------------------------------
    void begin(instant now, play what);
    /// Something came, or time passed: goes on as far as possible.
    void poke(instant now);
    [[nodiscard]] instant next_timeout() const noexcept;
    [[nodiscard]] bool done() const noexcept { return done_; }
    [[nodiscard]] const verdict& outcome() const noexcept { return outcome_; }
    /// Ends a row from outside; the first reason counts.
    void give_up(verdict why);
    [[nodiscard]] const std::vector<std::unique_ptr<side>>& sides() const noexcept {
        return sides_;
    }
    [[nodiscard]] const trace& record() const noexcept { return record_; }
    /// The row waits until the peer leaves; `tell_leaving` when it has been brought to.
    [[nodiscard]] bool wants_leave() const noexcept { return wants_leave_; }
    void tell_leaving() noexcept { leaving_ = true; }

    // For sides ---------------------------------------------------------------------------------
    void log(trace_entry::kind what, unsigned number, std::string text, bytes data) {
        record_.add(what, number, {now_.us - began_.us}, std::move(text), data);
    }
    /// Counts one event of the peer; false when there were too many, which ends the row.
    [[nodiscard]] bool takes(std::size_t size);

    // For rows ----------------------------------------------------------------------------------
    /// A connection that is on its way.
    side& add_side(conditions wanted = {});
    /// One that the peer opens without being told to.
    side& expect_side();
    /// A namespace that no other row uses.
    [[nodiscard]] moqt::track_namespace space(std::string_view more = {}) const {
        auto out = target_->below;
        const auto own = chapter_ == 0 ? name_ : name_ + "." + std::to_string(chapter_);
        for (const std::string_view field :
             {std::string_view{target_->nonce}, std::string_view{own}, more})
            if (!field.empty()) out.append(as_bytes(field));
        return out;
    }
    /// From here on the row uses another namespace.
    void next_chapter() noexcept { ++chapter_; }
    [[nodiscard]] moqt::full_track_name track(std::string_view name = "track") const {
        return {space(), std::string{name}};
    }
    struct waiter {
        stage* of;
        bool await_ready() const { return of->ready(); }
        void await_suspend(std::coroutine_handle<> then) const { of->waiting_ = then; }
        /// Whether it came before the time was over.
        bool await_resume() const { return of->met_; }
    };
    /// Waits until `condition()` holds, at most for `span`.
    [[nodiscard]] waiter until(std::function<bool()> condition, duration span);
    [[nodiscard]] waiter until(std::function<bool()> condition) {
        return until(std::move(condition), target_->patience);
    }
    /// Waits until the peer has been brought to leave, which happens when no row needs it any more.
    [[nodiscard]] waiter peer_leaves() {
        wants_leave_ = true;
        return until([this] { return leaving_; }, target_->row_time);
    }
    /// Lets time pass.
    [[nodiscard]] waiter rest(duration span) {
        return until([] { return false; }, span);
    }

private:
    [[nodiscard]] bool ready();
    void finish(verdict v);
    side& new_side();

    const target_info* target_;
    connector* network_;
    std::string name_;
    instant began_;
    instant now_;
    std::vector<std::unique_ptr<side>> sides_{};
    trace record_{};
    unsigned chapter_ = 0;
    std::size_t events_ = 0;
    std::size_t bytes_ = 0;

    std::function<bool()> condition_{};
    instant deadline_ = never;
    bool met_ = false;
    std::coroutine_handle<> waiting_{};
    bool inside_ = false;
    bool wants_leave_ = false;
    bool leaving_ = false;
    bool done_ = false;
    verdict outcome_{};
    task<verdict> running_{}; ///< last: what it borrows goes after it
};

} // namespace moqrtc::conformance
