#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>
#include <array>

/// The tracks of a relay, from the first who asks to the last who leaves.
namespace moqrtc::moqt {

MOQRTC_INLINE std::uint32_t relay::find_track(const full_track_name& name) const {
    const auto at = names_.find(name);
    return at == names_.end() ? none : at->second;
}

/// The track of a name, made if there is none; `none` at the bound.
MOQRTC_INLINE std::uint32_t relay::open_track(const full_track_name& name) {
    if (const auto found = find_track(name); found != none) return found;
    if (names_.size() >= config_.max_tracks) return none;
    const auto index = tracks_.take();
    auto& t = tracks_[index];
    t.name = name;
    t.alias = next_alias_++;
    t.catalog = std::find(config_.catalog_names.begin(), config_.catalog_names.end(), name.name) !=
                config_.catalog_names.end();
    t.cache = std::make_unique<track_cache>(store_);
    t.cache->retain_newest(t.catalog);
    names_.emplace(name, index);
    return index;
}

/// What a publisher says of the track in SUBSCRIBE_OK, PUBLISH or FETCH_OK.
MOQRTC_INLINE void relay::note_properties(track& t, const wire_rules& rules, bytes properties) {
    const auto known = read_track_properties(rules, properties);
    if (!known) return; // the session has refused it already
    t.rules = &rules;
    t.properties = as_text(properties);
    t.known = *known;
    if (known->max_cache_duration)
        t.cache->set_duration(milliseconds_saturated(*known->max_cache_duration));
}

MOQRTC_INLINE void relay::raise_largest(track& t, const std::optional<location>& to) {
    if (!to || (t.largest && *to <= *t.largest)) return;
    if (t.new_group_asked && (!t.largest || to->group > t.largest->group)) {
        t.new_group_asked.reset();
        for (const auto s : t.sources)
            sources_[s].new_group.reset();
    }
    t.largest = to;
}

/// Sets a timer for the earliest of the track's deadlines, if none is set that fires early enough.
MOQRTC_INLINE void relay::set_timer(std::uint32_t index) {
    auto& t = tracks_[index];
    auto at = std::min({t.linger_at, t.grace_at, t.retry_at, t.update_at});
    for (const auto s : t.waiting)
        at = std::min(at, subscribers_[s].deadline);
    if (at >= t.due) return;
    t.due = at;
    schedule({at, timer::kind::track, index});
}

MOQRTC_INLINE void relay::on_track_timer(instant now, std::uint32_t index) {
    auto& t = tracks_[index];
    if (t.cache == nullptr || t.due > now) return;
    t.due = never;
    if (t.retry_at <= now) {
        t.retry_at = never;
        if (t.lane_count != 0 || !t.waiting.empty()) (void)ask_publishers(now, index);
    }
    if (t.update_at <= now) {
        t.update_at = never;
        update_forward(now, index);
        for (const auto s : t.sources)
            ask_new_group(now, sources_[s]);
    }
    for (std::size_t i = t.waiting.size(); i-- > 0;) {
        if (i >= t.waiting.size() || subscribers_[t.waiting[i]].deadline > now) continue;
        const auto s = t.waiting[i];
        auto& sub = subscribers_[s];
        refuse(now, *sub.to, sub.id, request_error_code::timeout, "no publisher came",
               config_.hold_retry);
        remove_subscriber(now, s);
    }
    if (t.linger_at <= now) {
        t.linger_at = never;
        if (t.lane_count == 0 && t.waiting.empty())
            for (std::size_t i = t.sources.size(); i-- > 0;)
                if (i < t.sources.size() && !sources_[t.sources[i]].by_publish)
                    cancel_source(now, t.sources[i]);
    }
    if (t.grace_at <= now) {
        t.grace_at = never;
        if (!t.has_established(sources_))
            end_track(now, index, publish_done_code::track_ended, "publisher is gone");
    }
    if (t.cache == nullptr) return;
    set_timer(index);
    drop_if_unused(now, index);
}

/// Forgets a track that nobody serves, asks for, or could still get from the cache.
MOQRTC_INLINE void relay::drop_if_unused(instant now, std::uint32_t index) {
    auto& t = tracks_[index];
    if (t.cache == nullptr) return;
    if (!t.sources.empty() || t.lane_count != 0 || !t.waiting.empty() || t.fetches != 0 ||
        !t.fills.empty())
        return;
    if (t.cache->groups() != 0) {
        if (!sweeping_) {
            sweeping_ = true;
            schedule({now + seconds(1), timer::kind::sweep, 0});
        }
        return;
    }
    names_.erase(t.name);
    tracks_.give(index);
}

/// Tells every subscriber of a track that it is over.
MOQRTC_INLINE void relay::end_track(instant now, std::uint32_t index, publish_done_code code,
                                    std::string_view reason) {
    auto& t = tracks_[index];
    t.grace_at = t.linger_at = t.retry_at = t.update_at = never;
    if (t.active) {
        t.active = false;
        auto& e = report(relay_event::kind::track_ended);
        e.name = t.name;
        e.done = code;
        e.reason = reason;
    }
    while (!t.live.empty()) {
        const auto live = t.live.back();
        const bool complete = code == publish_done_code::track_ended;
        reset_live(now, live,
                   code == publish_done_code::malformed_track ? reset_code::malformed_track
                   : complete                                 ? reset_code::session_closed
                                                              : reset_code::cancelled);
    }
    for (std::size_t i = 0; i < t.lanes.size(); ++i)
        if (t.lanes[i].to != nullptr) end_subscriber(now, t.lanes[i].subscriber, code, reason);
    refuse_waiting(now, index,
                   code == publish_done_code::malformed_track ? request_error_code::malformed_track
                                                              : request_error_code::does_not_exist,
                   reason);
    drop_if_unused(now, index);
}

/// A publisher that came back numbers from the beginning again: what subscribers had is over, and
/// they can subscribe to what there is now.
MOQRTC_INLINE void relay::start_anew(instant now, std::uint32_t index) {
    auto& t = tracks_[index];
    t.cache->clear();
    t.largest.reset();
    t.final_object.reset();
    t.returned = t.several = false;
    for (std::size_t i = 0; i < t.lanes.size(); ++i) {
        const auto& l = t.lanes[i];
        if (l.to == nullptr) continue;
        for (const auto live : t.live)
            if (const auto& out = lives_[live].outputs[i]; out.phase == output::state::open)
                (void)l.to->session.reset_stream(now, out.stream, reset_code::cancelled);
        end_subscriber(now, l.subscriber, publish_done_code::track_ended,
                       "the publisher has started anew");
    }
}

/// Two deliveries of one object differ, or an object comes that cannot be: nothing of the track
/// can be relied on. Spec: anchor `malformed-tracks`.
MOQRTC_INLINE void relay::malformed(instant now, std::uint32_t index) {
    ++statistics_.malformed_tracks;
    auto& t = tracks_[index];
    for (std::uint32_t f = 0; f < fetches_.extent(); ++f) {
        auto& fetch = fetches_[f];
        if (fetch.to == nullptr || fetch.track != index) continue;
        if (!fetch.answered) {
            refuse_fetch(now, f, request_error_code::malformed_track, "malformed track");
        } else {
            abandon_fetch(now, f, reset_code::malformed_track);
        }
    }
    while (!t.sources.empty())
        cancel_source(now, t.sources.back(), reset_code::malformed_track);
    t.cache->clear();
    t.largest.reset();
    t.final_object.reset();
    end_track(now, index, publish_done_code::malformed_track, "malformed track");
}

} // namespace moqrtc::moqt
