#include "checkers.hpp"
#include "suite.hpp"

#include <algorithm>
#include <array>

namespace moqrtc::conformance {
namespace {

task<verdict> reach(stage& s) {
    co_await ready(s);
    co_return pass();
}

bool wanted(const suite_options& options, std::string_view id) {
    return options.filters.empty() || std::ranges::any_of(options.filters, [&](const auto& f) {
               return id.find(f) != id.npos;
           });
}

constexpr std::string_view other_peer(unsigned peers) {
    if ((peers & fits::relay) != 0) return "a rule for relays and servers";
    if (peers == fits::clients) return "a rule for clients: --listen with --peer";
    return peers == fits::publisher ? "a rule for publishers: --listen --peer publisher"
                                    : "a rule for subscribers: --listen --peer subscriber";
}

} // namespace

/// What every row of a run adds to.
struct suite::passive {
    explicit passive(const target_info& target) : all{make_checkers(target)} {}
    std::vector<std::unique_ptr<checker>> all;
};

const row* row_of(std::string_view key, unsigned peer) {
    static const auto all = [] {
        std::vector<row> out;
        for (const auto rows :
             {encoding_rows(),   setup_rows(),     token_rows(),  policy_rows(),
              parameter_rows(),  control_rows(),   data_rows(),   fetch_rows(),
              fetched_rows(),    malformed_rows(), gap_rows(),    request_rows(),
              state_rows(),      relay_rows(),     cache_rows(),  sender_rows(),
              stream_rows(),     published_rows(), choice_rows(), filter_rows(),
              leaving_rows(),    late_rows(),      fill_rows(),   restraint_rows(),
              unreachable_rows()})
            out.insert(out.end(), rows.begin(), rows.end());
        return out;
    }();
    const row* found = nullptr;
    for (const auto& r : all) {
        if (r.key != key) continue;
        if ((r.peers & peer) != 0) return &r;
        if (found == nullptr) found = &r;
    }
    return found;
}

suite::suite(target_info target, suite_options options, connector& network)
    : target_{std::move(target)},
      options_{std::move(options)},
      network_{&network},
      passive_{std::make_unique<passive>(target_)} {
    for (const auto& rule : requirements()) {
        const auto name = rule.in(target_.version);
        if (name.id.empty()) continue;
        if (!wanted(options_, name.id) && !wanted(options_, rule.key())) continue;
        outcomes_.push_back({&rule, name, undecided("not begun"), {}, {}});
    }
    settled_.resize(outcomes_.size());
    for (const bool last : {false, true}) {
        if (last) last_ = order_.size();
        for (std::size_t i = 0; i < outcomes_.size(); ++i) {
            const auto* r = row_of(outcomes_[i].rule->key(), fit_of(target_.peer));
            if ((r != nullptr && r->last) == last) order_.push_back(i);
        }
    }
}

suite::~suite() = default;

void suite::begin(instant now) {
    began_ = start_next_ = now;
    first_ = std::make_unique<stage>(target_, *network_, "reach", now);
    first_->begin(now, reach);
    poke(now);
}

std::vector<stage*> suite::running() const {
    std::vector<stage*> out;
    if (first_) out.push_back(first_.get());
    for (const auto& e : running_)
        out.push_back(e.on.get());
    for (const auto& s : leaving_)
        out.push_back(s.get());
    return out;
}

instant suite::next_timeout() const noexcept {
    if (done_) return never;
    auto next = first_ ? first_->next_timeout() : never;
    for (const auto& e : running_)
        next = std::min(next, e.on->next_timeout());
    if (!first_ && may_start()) next = std::min(next, start_next_);
    if (!first_) next = std::min(next, began_ + options_.run_time);
    return next;
}

void suite::poke(instant now, stage& of) {
    of.poke(now);
    collect(now);
}

void suite::poke(instant now) {
    if (first_) first_->poke(now);
    for (std::size_t i = 0; i < running_.size(); ++i)
        running_[i].on->poke(now);
    collect(now);
}

void suite::settle(std::size_t index, verdict v, stage* on) {
    auto& o = outcomes_[index];
    if (std::exchange(settled_[index], char{1}) != 0) return;
    ++finished_;
    o.result = std::move(v);
    if (on != nullptr) {
        o.record = on->record();
        o.lasted = on->lasted();
        for (const auto& c : passive_->all)
            for (const auto& s : on->sides())
                c->look(*s, o.name.id);
    }
    if (on_outcome) on_outcome(o, on);
}

void suite::collect(instant now) {
    if (done_) return;
    if (first_ && first_->done()) {
        reached_ = first_->outcome().what == verdict::kind::pass;
        why_not_ = first_->outcome().reason;
        for (const auto& c : passive_->all)
            for (const auto& s : first_->sides())
                c->look(*s, "SETUP");
        leaving_.push_back(std::move(first_));
        if (!reached_) {
            for (std::size_t i = 0; i < outcomes_.size(); ++i)
                settle(i, undecided("no session with the peer: " + why_not_), nullptr);
            done_ = true;
            return;
        }
    }
    if (first_) return;
    for (std::size_t i = 0; i < running_.size();) {
        if (!running_[i].on->done()) {
            ++i;
            continue;
        }
        auto ended = std::move(running_[i]);
        running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
        settle(ended.index, ended.on->outcome(), ended.on.get());
        leaving_.push_back(std::move(ended.on));
        if (leaving_.size() > 64) leaving_.erase(leaving_.begin());
    }
    if (now >= began_ + options_.run_time) {
        for (auto& e : running_)
            e.on->give_up(undecided("the time of the whole run is over"));
        next_ = order_.size();
        if (!running_.empty()) return collect(now);
    }
    start_rows(now);
    leave_if_wanted(now);
    if (running_.empty() && next_ == order_.size()) finish(now);
}

/// Those that bring the peer to leave start together, when all others have ended.
bool suite::may_start() const noexcept {
    if (next_ == order_.size() || (next_ == last_ && !running_.empty())) return false;
    return next_ > last_ || running_.size() < options_.at_once;
}

void suite::leave_if_wanted(instant now) {
    const auto wants = [](const entry& e) { return e.on->wants_leave(); };
    if (asked_to_leave_ || next_ != order_.size() || running_.empty() ||
        !std::ranges::all_of(running_, wants))
        return;
    asked_to_leave_ = true;
    network_->make_leave();
    for (const auto& e : running_)
        e.on->tell_leaving();
    for (std::size_t i = 0; i < running_.size(); ++i)
        running_[i].on->poke(now);
    collect(now);
}

void suite::start_rows(instant now) {
    while (may_start()) {
        const auto index = order_[next_];
        const auto& rule = *outcomes_[index].rule;
        const auto* r = row_of(rule.key(), fit_of(target_.peer));
        const bool plays = r != nullptr && r->play != nullptr;
        if (!plays || (r->peers & fit_of(target_.peer)) == 0) {
            ++next_;
            if (r != nullptr && (r->peers & fit_of(target_.peer)) == 0)
                settle(index, elsewhere(std::string{other_peer(r->peers)}), nullptr);
            else if (r != nullptr && !r->why.empty())
                settle(index, undecided("not reachable from outside: " + std::string{r->why}),
                       nullptr);
            // The rest is judged when everything has been seen.
            continue;
        }
        if (now < start_next_) return;
        start_next_ = now + options_.start_every;
        ++next_;
        // The name stands in namespaces: short, and unlike every other.
        running_.push_back(
            {std::make_unique<stage>(target_, *network_, "row" + std::to_string(index), now),
             index});
        auto& on = *running_.back().on;
        on.begin(now, r->play);
        if (on.done()) return collect(now);
    }
}

void suite::finish(instant) {
    if (std::exchange(done_, true)) return;
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
        if (settled_[i] != 0) continue;
        const auto key = outcomes_[i].rule->key();
        const auto at =
            std::ranges::find_if(passive_->all, [&](const auto& c) { return c->key() == key; });
        if (at != passive_->all.end() && ((*at)->peers() & fit_of(target_.peer)) == 0)
            settle(i, elsewhere(std::string{other_peer((*at)->peers())}), nullptr);
        else if (at != passive_->all.end())
            settle(i, (*at)->judge(), nullptr);
        else if ((senders_of(key) & fit_of(target_.peer)) == 0)
            settle(i, elsewhere(std::string{other_peer(senders_of(key))}), nullptr);
        else if (outcomes_[i].rule->kind == 'A')
            settle(i, elsewhere("a rule for applications: " + std::string{outcomes_[i].rule->test}),
                   nullptr);
        else
            settle(i, undecided("no occasion: " + std::string{why_no_occasion(key)}), nullptr);
    }
}

} // namespace moqrtc::conformance
