#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>

/// Subscriptions of the relay to publishers: one per track and publisher, however many subscribers.
///
/// Spec    moq-transport, anchors `multiple-publishers` and `publisher-interactions`.
namespace moqrtc::moqt {

/// Another relay that can be asked, or null.
MOQRTC_INLINE relay::peer* relay::upstream_peer() const noexcept {
    for (const auto key : upstreams_)
        if (auto* p = find(key); p != nullptr && p->usable() && !p->session.going_away()) return p;
    return nullptr;
}

MOQRTC_INLINE bool relay::has_publisher(const full_track_name& name) const {
    bool any = false;
    tree_.publishers_of(name.space, [&](const auto& who) { any = any || find(who.session); });
    return any;
}

/// Subscribes at every publisher of the track's namespace, or, when there is none here, at one
/// other relay. Returns how many publishers serve the track or have been asked.
MOQRTC_INLINE std::size_t relay::ask_publishers(instant now, std::uint32_t index,
                                                const peer* only) {
    auto& t = tracks_[index];
    std::vector<std::pair<session_key, bool>> candidates;
    tree_.publishers_of(t.name.space, [&](const namespace_tree::publisher& who) {
        candidates.emplace_back(who.session, who.upstream);
    });
    for (const auto& [key, upstream] : candidates)
        if (auto* p = find(key); p != nullptr && !upstream && (only == nullptr || p == only))
            (void)subscribe_at(now, index, *p, false);
    if (!t.sources.empty() || only != nullptr) return t.sources.size();
    for (const auto& [key, upstream] : candidates)
        if (auto* p = find(key); p != nullptr && upstream && t.sources.empty())
            (void)subscribe_at(now, index, *p, true);
    if (auto* p = upstream_peer(); p != nullptr && t.sources.empty())
        (void)subscribe_at(now, index, *p, true);
    return t.sources.size();
}

MOQRTC_INLINE bool relay::subscribe_at(instant now, std::uint32_t index, peer& p, bool upstream) {
    auto& t = tracks_[index];
    if (!p.usable()) return false;
    for (const auto s : t.sources)
        if (sources_[s].from == &p) return true;
    if (t.sources.size() >= config_.max_sources_per_track) return false;
    message_params params;
    // Who asks without a filter wants what the publisher still has, too: a track that was written
    // once, or, of another relay, a catalog. For others the largest object is where they begin.
    const bool everything =
        t.catalog || std::any_of(t.waiting.begin(), t.waiting.end(),
                                 [&](auto waiting) { return !subscribers_[waiting].filter; });
    if (!everything) params.subscription_filter = subscription_filter{};
    auto hold = instant{};
    bool somebody_else = t.lane_count == 0 && t.waiting.empty();
    for (const auto& l : t.lanes)
        somebody_else = somebody_else || (l.to != nullptr && l.to != &p && !is_circle(*l.to, p));
    for (const auto s : t.waiting) {
        const auto& waiting = subscribers_[s];
        somebody_else = somebody_else || (waiting.to != &p && !is_circle(*waiting.to, p));
        hold = std::max(hold, waiting.hold_until);
        if (waiting.new_group &&
            overlaps(carriers_of(p.session.rules(), parameter::new_group_request),
                     carrier::subscribe))
            params.new_group_request =
                std::max(params.new_group_request.value_or(0), *waiting.new_group);
    }
    // What another relay asks us for is not to be had from that relay, nor from its siblings.
    if ((upstream || p.info.sibling) && !somebody_else) return false;
    const auto& rules = p.session.rules();
    if (upstream && hold > now &&
        overlaps(carriers_of(rules, parameter::rendezvous_timeout), carrier::subscribe))
        params.rendezvous_timeout = static_cast<std::uint64_t>((hold - now).ms());
    const auto id = p.session.subscribe(now, t.name, params);
    if (!id) {
        t.retry_at = std::min(t.retry_at, now + milliseconds(500));
        set_timer(index);
        return false;
    }
    touch(p);
    if (params.new_group_request) t.new_group_asked = params.new_group_request;
    const auto source_index = sources_.take();
    auto& s = sources_[source_index];
    s.from = &p;
    s.id = *id;
    s.track = index;
    s.upstream = upstream || p.info.sibling;
    s.checker = std::make_unique<track_checker>(rules);
    p.sources.set(*id, source_index);
    t.sources.push_back(source_index);
    return true;
}

MOQRTC_INLINE void relay::on_source_ok(instant now, peer& p, std::uint32_t index, event& e) {
    const auto m = e.as<msg::subscribe_ok>();
    auto& s = sources_[index];
    if (!m) return;
    const auto known = read_track_properties(p.session.rules(), e.track_properties());
    if (known && known->unknown_mandatory) {
        const auto track_index = s.track;
        cancel_source(now, index);
        if (tracks_[track_index].sources.empty())
            refuse_waiting(now, track_index, request_error_code::unsupported_extension,
                           "unknown mandatory track property");
        return;
    }
    auto& t = tracks_[s.track];
    note_properties(t, p.session.rules(), e.track_properties());
    raise_largest(t, m->params.largest_object);
    source_established(now, index);
}

MOQRTC_INLINE void relay::source_established(instant now, std::uint32_t index) {
    auto& s = sources_[index];
    const auto track_index = s.track;
    auto& t = tracks_[track_index];
    s.established = true;
    t.several = t.several || t.active;
    t.returned = t.active && t.sources.size() == 1;
    t.grace_at = t.retry_at = never;
    if (!t.active) {
        t.active = true;
        // Its last life may have ended with a last object; this one goes on behind it.
        t.final_object.reset();
        report(relay_event::kind::track_live, s.from).name = t.name;
    }
    const auto waiting = t.waiting;
    for (const auto w : waiting)
        accept_subscriber(now, w);
    if (s.from->info.upstream && !s.by_publish) offer_track(now, track_index);
    update_forward(now, track_index);
    watch_linger(now, track_index);
}

MOQRTC_INLINE void relay::on_publish(instant now, peer& p, event& e) {
    const auto m = e.as<msg::publish>();
    if (!m) return;
    const full_track_name name{track_namespace{m->track_namespace},
                               std::string{as_text(m->track_name)}};
    // What another relay pushes is what we asked it for.
    if (!p.info.upstream && !admit(now, p, e.id, request_kind::publish, name.space, name.name,
                                   m->params.authorization_tokens))
        return;
    const auto known = read_track_properties(p.session.rules(), e.track_properties());
    if (known && known->unknown_mandatory)
        return refuse(now, p, e.id, request_error_code::unsupported_extension,
                      "unknown mandatory track property");
    if (!take_seat(now, p, e.id, seat_kind::publisher, name.space)) return;
    const auto track_index = open_track(name);
    if (track_index == none ||
        tracks_[track_index].sources.size() >= config_.max_sources_per_track) {
        leave_seat(p, e.id);
        return refuse_over(now, p, e.id,
                           track_index == none ? relay_limit::tracks
                                               : relay_limit::publishers_per_track);
    }
    prefer_publish(now, track_index, p);
    auto& t = tracks_[track_index];
    const bool unwatched = p.info.upstream ? is_offered(name.space) : config_.receive_unwatched;
    bool wanted = wants_forward(t) || unwatched || p.info.sibling;
    for (const auto s : t.waiting)
        wanted = wanted || subscribers_[s].forward;
    wanted = wanted && !is_second(t, p);
    message_params params;
    params.forward = wanted;
    if (!p.session.accept_publish(now, e.id, params)) return leave_seat(p, e.id);
    touch(p);
    const auto index = sources_.take();
    auto& s = sources_[index];
    s.from = &p;
    s.id = e.id;
    s.track = track_index;
    s.by_publish = true;
    s.forward = wanted;
    s.checker = std::make_unique<track_checker>(p.session.rules());
    p.sources.set(e.id, index);
    t.sources.push_back(index);
    note_properties(t, p.session.rules(), e.track_properties());
    raise_largest(t, m->params.largest_object);
    source_established(now, index);
    offer_track(now, track_index);
}

/// A publisher does not serve the track any more. With another one all goes on; otherwise
/// subscribers wait, unless the publisher said that this was all.
MOQRTC_INLINE void relay::lose_source(instant now, std::uint32_t index,
                                      std::optional<publish_done_code> code,
                                      std::optional<request_error_code> refused,
                                      std::string_view reason,
                                      std::optional<duration> retry_after) {
    end_ingests_of(now, index, reset_code::session_closed);
    const bool upstream = sources_[index].upstream;
    const auto* from = sources_[index].from;
    const auto track_index = sources_[index].track;
    forget_source(index);
    auto& t = tracks_[track_index];
    if (code == publish_done_code::malformed_track) return malformed(now, track_index);
    if (!t.sources.empty()) return update_forward(now, track_index);
    if (code == publish_done_code::track_ended || code == publish_done_code::subscription_ended ||
        code == publish_done_code::unauthorized)
        return end_track(now, track_index, *code, reason);
    end_siblings(now, track_index);
    if (t.lane_count == 0 && t.waiting.empty()) {
        t.active = false;
        return drop_if_unused(now, track_index);
    }
    if (refused && t.lane_count == 0) {
        const auto waiting = t.waiting;
        for (const auto w : waiting) {
            auto& s = subscribers_[w];
            if (upstream && s.hold_until > now) {
                s.deadline = s.hold_until; // a publisher may still come to us, or to the other
                if (retry_after)
                    t.retry_at =
                        std::min(t.retry_at, now + std::max(*retry_after, config_.hold_retry));
                continue;
            }
            refuse(now, *s.to, s.id, *refused, reason, retry_after);
            remove_subscriber(now, w);
        }
        return set_timer(track_index);
    }
    report(relay_event::kind::track_waiting, from).name = t.name;
    if (t.grace_at == never) t.grace_at = now + config_.publisher_grace;
    if (code || refused)
        t.retry_at = now + config_.resubscribe_after;
    else
        (void)ask_publishers(now, track_index);
    set_timer(track_index);
}

MOQRTC_INLINE void relay::cancel_source(instant now, std::uint32_t index, reset_code code) {
    auto& s = sources_[index];
    end_ingests_of(now, index, reset_code::cancelled);
    (void)s.from->session.cancel(now, s.id, code_for(*s.from, code));
    touch(*s.from);
    forget_source(index);
}

MOQRTC_INLINE void relay::forget_source(std::uint32_t index) {
    auto& s = sources_[index];
    auto& t = tracks_[s.track];
    std::erase(t.sources, index);
    // What is published of the newest group from now on does not come to us.
    if (!t.has_established(sources_))
        if (auto* group = t.cache->newest()) group->torn = true;
    s.from->sources.erase(s.id);
    leave_seat(*s.from, s.id);
    sources_.give(index);
}

MOQRTC_INLINE bool relay::wants_forward(const track& t) const {
    return std::any_of(t.lanes.begin(), t.lanes.end(),
                       [](const lane& l) { return l.to != nullptr && l.active; });
}

/// A PUBLISH has crossed our SUBSCRIBE of the same track, which the namespace in front of it had
/// brought about: where a session may have both, the SUBSCRIBE goes while it has no answer.
MOQRTC_INLINE void relay::prefer_publish(instant now, std::uint32_t index, const peer& p) {
    if (!p.session.rules().several_subscriptions) return;
    const auto all = tracks_[index].sources;
    for (const auto i : all)
        if (sources_[i].from == &p && !sources_[i].by_publish && !sources_[i].established)
            cancel_source(now, i, reset_code::cancelled);
}

/// Whether a PUBLISH comes behind a SUBSCRIBE of ours that was answered before: it stays, but would
/// bring everything twice.
MOQRTC_INLINE bool relay::is_second(const track& t, const peer& p) const {
    return p.session.rules().several_subscriptions &&
           std::any_of(t.sources.begin(), t.sources.end(), [&](std::uint32_t i) {
               return sources_[i].from == &p && !sources_[i].by_publish;
           });
}

/// Forward State upstream follows what subscribers want. Spec: anchor `publisher-interactions`.
MOQRTC_INLINE void relay::update_forward(instant now, std::uint32_t index) {
    auto& t = tracks_[index];
    if (t.sources.empty()) return;
    const bool wanted = wants_forward(t);
    for (const auto i : t.sources) {
        auto& s = sources_[i];
        const bool unwatched = s.by_publish ? s.from->info.sibling || (config_.receive_unwatched &&
                                                                       !s.from->info.upstream)
                                            : t.lane_count == 0;
        const bool forward = (wanted || unwatched) && !(s.by_publish && is_second(t, *s.from));
        if (!s.established || s.forward == forward) continue;
        message_params params;
        params.forward = forward;
        if (!update_source(now, s, params)) continue;
        s.forward = forward;
        if (auto* group = t.cache->newest(); group != nullptr && !forward) group->torn = true;
    }
}

/// Updates our subscription to a publisher. What it takes no more of now is tried again: when it
/// has answered another update, or after a while.
MOQRTC_INLINE bool relay::update_source(instant now, source& s, const message_params& params) {
    const auto sent = s.from->session.update(now, s.id, params);
    if (sent) {
        touch(*s.from);
    } else if (sent.error().code == errc::limit) {
        auto& t = tracks_[s.track];
        t.update_at = std::min(t.update_at, now + milliseconds(500));
        set_timer(s.track);
    }
    return sent.has_value();
}

/// Spec: anchor `new-group-request`.
MOQRTC_INLINE void relay::pass_new_group(instant now, std::uint32_t index, std::uint64_t group) {
    auto& t = tracks_[index];
    if (!t.known.dynamic_groups) return;
    if (group != 0 && t.largest && group <= t.largest->group) return;
    if (t.new_group_asked && *t.new_group_asked >= group) return;
    for (const auto i : t.sources) {
        auto& s = sources_[i];
        if (!s.established) continue;
        s.new_group = group;
        t.new_group_asked = group;
        ask_new_group(now, s);
    }
}

/// Tells a publisher what it has not been told yet of new groups that are wanted.
MOQRTC_INLINE void relay::ask_new_group(instant now, source& s) {
    if (!s.new_group) return;
    message_params params;
    params.new_group_request = s.new_group;
    const bool sent = update_source(now, s, params);
    if (sent || tracks_[s.track].update_at == never) s.new_group.reset();
}

/// Without subscribers the subscriptions upstream end after a while.
MOQRTC_INLINE void relay::watch_linger(instant now, std::uint32_t index) {
    auto& t = tracks_[index];
    if (t.cache == nullptr || t.lane_count != 0 || !t.waiting.empty()) return;
    if (t.sources.empty()) {
        t.grace_at = t.retry_at = never;
        t.active = false;
        return drop_if_unused(now, index);
    }
    if (t.linger_at == never) t.linger_at = now + config_.linger;
    set_timer(index);
}

} // namespace moqrtc::moqt
