#include "stage.hpp"

#include <algorithm>

namespace moqrtc::conformance {

void stage::begin(instant now, play what) {
    now_ = now;
    inside_ = true;
    running_ = what(*this);
    running_.start();
    inside_ = false;
    poke(now);
}

void stage::poke(instant now) {
    now_ = std::max(now_, now);
    if (done_ || inside_) return;
    inside_ = true;
    while (!done_ && waiting_ && ready()) {
        const auto then = std::exchange(waiting_, {});
        then.resume();
    }
    inside_ = false;
    if (done_) return;
    if (running_.done()) {
        try {
            finish(running_.result());
        } catch (const inconclusive& why) {
            finish(undecided(why.reason));
        }
    } else if (lasted() >= target_->row_time) {
        finish(undecided("the row did not end in time"));
    }
}

void stage::give_up(verdict why) {
    if (!done_) finish(std::move(why));
}

void stage::finish(verdict v) {
    if (done_) return;
    done_ = true;
    outcome_ = std::move(v);
    waiting_ = {};
    for (const auto& s : sides_)
        if (s->open && !s->closed) s->close(moqt::close_code::no_error);
}

bool stage::ready() {
    met_ = condition_ && condition_();
    return met_ || now_ >= deadline_;
}

stage::waiter stage::until(std::function<bool()> condition, duration span) {
    condition_ = std::move(condition);
    deadline_ = now_ + span;
    return {this};
}

instant stage::next_timeout() const noexcept {
    if (done_) return never;
    return std::min(waiting_ ? deadline_ : never, began_ + target_->row_time);
}

bool stage::takes(std::size_t size) {
    ++events_;
    bytes_ += size;
    if (done_) return false;
    if (events_ <= target_->most_events && bytes_ <= target_->most_bytes) return true;
    give_up(undecided("the peer sends without end: " + std::to_string(events_) + " events, " +
                      std::to_string(bytes_) + " bytes"));
    return false;
}

side& stage::new_side() {
    sides_.push_back(std::make_unique<side>(*this, static_cast<unsigned>(sides_.size()),
                                            target_->peer == peer_kind::relay));
    return *sides_.back();
}

side& stage::add_side(conditions wanted) {
    auto& fresh = new_side();
    fresh.wanted = wanted;
    network_->connect(*this, fresh);
    return fresh;
}

side& stage::expect_side() {
    auto& fresh = new_side();
    network_->expect(*this, fresh);
    return fresh;
}

} // namespace moqrtc::conformance
