#pragma once

#include <moqrtc/core/slice.hpp>
#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/types.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>

namespace moqrtc::reference {

/// Puts the objects of one track in order: they come on several streams, and a late joiner gets the
/// beginning of the current group by FETCH.
///
/// A group ends when its stream has finished; what is missing then is a gap. A group whose end
/// cannot be seen is left after `patience` once a later one has begun.
class ordering {
public:
    static constexpr duration patience = milliseconds(500);

    struct entry {
        moqt::location at;
        slice payload;
        bool group_starts = false;
    };

    /// Takes an object; false when it was there before or lies behind what has been given out.
    bool add(instant now, moqt::location at, slice payload) {
        if (next_ && at < *next_) return false;
        if (!next_) next_ = at; // joining: the first that comes opens the order
        waiting_.try_emplace(at, std::move(payload));
        if (at.group > next_->group && !later_since_) later_since_ = now;
        return true;
    }
    /// Before the first object: where the order begins, when a FETCH is going to bring it.
    void begin_at(moqt::location at) {
        if (!next_ || at < *next_) next_ = at;
    }
    /// A stream with objects of `group` has begun, or ended. Several may carry one group.
    void stream_opened(std::uint64_t group) { ++open_[group]; }
    void stream_closed(std::uint64_t group, bool complete) {
        if (auto found = open_.find(group); found != open_.end() && --found->second <= 0)
            open_.erase(found);
        ended_.insert(group);
        if (!complete) broken_.insert(group);
    }
    /// A FETCH for the beginning of a group goes on, or is over.
    void set_fetching(bool on) { fetching_ = on; }

    /// The next object in order, if it is there. `drain`: nothing more will come.
    [[nodiscard]] std::optional<entry> next(instant now, bool drain = false) {
        while (!waiting_.empty()) {
            const auto first = waiting_.begin();
            if (first->first == *next_) {
                entry out{first->first, std::move(first->second),
                          !started_ || first->first.group != group_};
                waiting_.erase(first);
                next_->object = out.at.object + 1;
                group_ = out.at.group;
                started_ = true;
                ++objects_;
                if (out.group_starts) ++groups_;
                return out;
            }
            const bool same_group = first->first.group == next_->group;
            const auto group = next_->group;
            const bool group_over =
                !fetching_ && !open_.contains(group) && (ended_.contains(group) || drain);
            const bool impatient = later_since_ && now - *later_since_ > patience && !fetching_;
            if (!group_over && !impatient && !drain) return std::nullopt;
            if (same_group) {
                ++gaps_; // objects inside the group are missing for good
                next_ = first->first;
                continue;
            }
            if (broken_.contains(group)) ++gaps_;
            if (started_ && first->first.group > group + 1) ++gaps_;
            if (first->first.object != 0) ++gaps_;
            next_ = first->first;
            later_since_.reset();
            if (waiting_.rbegin()->first.group > next_->group) later_since_ = now;
            ended_.erase(ended_.begin(), ended_.lower_bound(next_->group));
            broken_.erase(broken_.begin(), broken_.lower_bound(next_->group));
        }
        return std::nullopt;
    }
    /// When `next` should be asked again although nothing came.
    [[nodiscard]] instant next_timeout() const noexcept {
        return later_since_ && !waiting_.empty() ? *later_since_ + patience + milliseconds(1)
                                                 : never;
    }
    /// A new session: streams of the old one are gone, what was given out stays.
    void restart() {
        open_.clear();
        ended_.clear();
        broken_.clear();
        waiting_.clear();
        later_since_.reset();
        fetching_ = false;
    }

    [[nodiscard]] std::uint64_t objects() const noexcept { return objects_; }
    [[nodiscard]] std::uint64_t groups() const noexcept { return groups_; }
    [[nodiscard]] std::uint64_t gaps() const noexcept { return gaps_; }
    [[nodiscard]] std::optional<moqt::location> position() const noexcept { return next_; }

private:
    std::map<moqt::location, slice> waiting_;
    std::optional<moqt::location> next_;
    std::map<std::uint64_t, int> open_;
    std::set<std::uint64_t> ended_;
    std::set<std::uint64_t> broken_;
    std::optional<instant> later_since_;
    std::uint64_t group_ = 0;
    std::uint64_t objects_ = 0;
    std::uint64_t groups_ = 0;
    std::uint64_t gaps_ = 0;
    bool started_ = false;
    bool fetching_ = false;
};

} // namespace moqrtc::reference
