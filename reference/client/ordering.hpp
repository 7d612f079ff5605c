#pragma once

#include <moqrtc/core/slice.hpp>
#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/types.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>

namespace moqrtc::reference {

/// Puts the objects of one track in order: they come on several streams, and a late joiner gets the
/// beginning of the current group by FETCH.
///
/// A group is over when a stream that says so has ended, or else when as many streams have ended as
/// groups before had; then the next number follows at once. Where something may be missing, it
/// waits: `patience` when nothing is known to be on its way, `long_patience` without any progress
/// while a stream of the group or a FETCH is open. What is passed over is a gap.
class ordering {
public:
    static constexpr duration patience = milliseconds(500);
    static constexpr duration long_patience = seconds(3);

    struct entry {
        moqt::location at;
        slice payload;
        bool group_starts = false;
        slice properties{};
    };

    /// Takes an object; false when it was there before or lies behind what has been given out.
    bool add(moqt::location at, slice payload, slice properties = {}) {
        if (next_ && at < *next_) {
            too_late(at);
            return false;
        }
        if (!next_) next_ = at; // joining: the first that comes opens the order
        const bool is_new =
            waiting_.try_emplace(at, std::move(payload), std::move(properties)).second;
        if (is_new && (at.group == next_->group || fetching_)) blocked_since_.reset();
        return is_new;
    }
    /// Before the first object: where the order begins, when a FETCH is going to bring it.
    void begin_at(moqt::location at) {
        if (!next_) next_ = at;
    }
    /// A stream with objects of `group` has begun, or ended. Several may carry one group.
    void stream_opened(std::uint64_t group) { ++groups_of_streams_[group].open; }
    void stream_closed(std::uint64_t group, bool complete) {
        auto& known = groups_of_streams_[group];
        if (known.open > 0) --known.open;
        ++known.closed;
        if (!complete) known.broken = true;
    }
    /// `group` has no object from `end` on.
    void group_ends(std::uint64_t group, std::uint64_t end) {
        groups_of_streams_[group].end = end;
        says_ends_ = true;
    }
    /// A FETCH goes on, or is over.
    void set_fetching(bool on) { fetching_ = on; }
    /// Everything that exists of the groups before this one has come.
    void complete_before(std::uint64_t group) { complete_before_ = group; }

    /// The next object in order, if it is there. `drain`: nothing more will come.
    [[nodiscard]] std::optional<entry> next(instant now, bool drain = false) {
        while (!waiting_.empty()) {
            const auto first = waiting_.begin();
            if (first->first == *next_) {
                entry out{first->first, std::move(first->second.payload),
                          !started_ || first->first.group != group_,
                          std::move(first->second.properties)};
                waiting_.erase(first);
                next_->object = out.at.object + 1;
                blocked_since_.reset();
                group_ = out.at.group;
                started_ = true;
                ++objects_;
                if (out.group_starts) ++groups_;
                return out;
            }
            const auto to = first->first;
            if (!follows(to) && !drain) {
                if (!blocked_since_) blocked_since_ = now;
                if (now - *blocked_since_ < patience_now()) return std::nullopt;
            }
            step(to);
        }
        return std::nullopt;
    }
    /// When `next` should be asked again although nothing came.
    [[nodiscard]] instant next_timeout() const noexcept {
        return blocked_since_ && !waiting_.empty() ? *blocked_since_ + patience_now() : never;
    }
    /// A new session: streams of the old one are gone, what was given out stays.
    void restart() {
        groups_of_streams_.clear();
        waiting_.clear();
        blocked_since_.reset();
        fetching_ = false;
        complete_before_ = 0;
    }
    /// The track is numbered anew: nothing that was given out says where it goes on.
    void renumber() {
        restart();
        next_.reset();
        uncounted_.clear();
    }

    [[nodiscard]] std::uint64_t objects() const noexcept { return objects_; }
    [[nodiscard]] std::uint64_t groups() const noexcept { return groups_; }
    [[nodiscard]] std::uint64_t gaps() const noexcept { return gaps_; }
    [[nodiscard]] std::optional<moqt::location> position() const noexcept { return next_; }

private:
    /// After so many jumps in a row a track is taken for one whose groups are not numbered one by
    /// one: they are not waited for any more.
    static constexpr int sparse_after = 3;

    /// Steps without a gap that are remembered, in case what they passed over exists.
    static constexpr std::size_t most_uncounted = 16;

    struct content {
        slice payload;
        slice properties;
    };
    struct group_streams {
        int open = 0;
        int closed = 0;
        bool broken = false;
        std::optional<std::uint64_t> end{};
    };

    [[nodiscard]] group_streams streams_of(std::uint64_t group) const noexcept {
        const auto found = groups_of_streams_.find(group);
        return found == groups_of_streams_.end() ? group_streams{} : found->second;
    }
    /// Something came that was not waited for any longer: it is missing, and where groups are
    /// skipped in numbering they have to be waited for.
    void too_late(moqt::location at) {
        const auto behind = uncounted_.upper_bound(at);
        if (behind == uncounted_.begin()) return; // given out long ago
        const auto step = std::prev(behind);
        if (at >= step->second) return;
        uncounted_.erase(step);
        ++gaps_;
        jumps_ = 0;
    }
    /// Whether nothing can come between the position and `to`.
    [[nodiscard]] bool follows(moqt::location to) const noexcept {
        if (fetching_) return false;
        const auto known = streams_of(next_->group);
        if (to.group == next_->group) return known.broken && known.open == 0;
        const bool over = next_->group < complete_before_ || known.end == next_->object ||
                          (known.open == 0 && known.closed > 0 &&
                           (known.broken || (!says_ends_ && usual_ > 0 && known.closed >= usual_)));
        return over && to.object == 0 && (to.group == next_->group + 1 || jumps_ >= sparse_after);
    }
    [[nodiscard]] duration patience_now() const noexcept {
        return fetching_ || streams_of(next_->group).open > 0 ? long_patience : patience;
    }
    /// Goes on at `to`, which is not the next one.
    void step(moqt::location to) {
        const auto known = streams_of(next_->group);
        bool counts = to.group == next_->group;
        if (to.group != next_->group) {
            const bool jump = to.group > next_->group + 1;
            counts = known.broken || (known.open > 0 && known.end != next_->object) ||
                     to.object != 0 || (jump && started_ && jumps_ < sparse_after);
            usual_ = std::max(usual_, known.closed);
            jumps_ = jump ? jumps_ + 1 : 0;
        }
        if (counts)
            ++gaps_;
        else
            uncounted_.emplace(*next_, to);
        if (uncounted_.size() > most_uncounted) uncounted_.erase(uncounted_.begin());
        next_ = to;
        blocked_since_.reset();
        groups_of_streams_.erase(groups_of_streams_.begin(),
                                 groups_of_streams_.lower_bound(to.group));
    }

    std::map<moqt::location, content> waiting_;
    std::optional<moqt::location> next_;
    std::map<moqt::location, moqt::location> uncounted_; ///< steps, from and to
    std::map<std::uint64_t, group_streams> groups_of_streams_;
    std::optional<instant> blocked_since_;
    std::uint64_t complete_before_ = 0;
    std::uint64_t group_ = 0;
    std::uint64_t objects_ = 0;
    std::uint64_t groups_ = 0;
    std::uint64_t gaps_ = 0;
    int jumps_ = 0;
    int usual_ = 0; ///< streams that a group had so far
    bool started_ = false;
    bool fetching_ = false;
    bool says_ends_ = false; ///< streams of this track say that they end their groups
};

} // namespace moqrtc::reference
