#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>

/// Subscriptions that the relay serves.
namespace moqrtc::moqt {

MOQRTC_INLINE void relay::on_subscribe(instant now, peer& p, event& e) {
    const auto m = e.as<msg::subscribe>();
    if (!m) return;
    const full_track_name name{track_namespace{m->track_namespace},
                               std::string{as_text(m->track_name)}};
    if (!admit(now, p, e.id, request_kind::subscribe, name.space, name.name,
               m->params.authorization_tokens))
        return;
    if (!p.info.sibling && p.subscribers.size() >= config_.max_subscriptions_per_session)
        return refuse_over(now, p, e.id, relay_limit::subscriptions);
    if (!take_seat(now, p, e.id, seat_kind::subscriber, name.space)) return;
    const auto track_index = open_track(name);
    if (track_index == none) {
        leave_seat(p, e.id);
        return refuse_over(now, p, e.id, relay_limit::tracks);
    }
    const auto index = subscribers_.take();
    auto& s = subscribers_[index];
    s.to = &p;
    s.id = e.id;
    s.track = track_index;
    s.forward = m->params.forward.value_or(true);
    s.filter = m->params.subscription_filter;
    s.new_group = m->params.new_group_request;
    s.fills = m->params.fill.has_value();
    s.plain = !m->params.include_properties.value_or(true);
    // Drafts without the parameter leave waiting to the relay; with it, absent means not at all.
    const bool says =
        overlaps(carriers_of(p.session.rules(), parameter::rendezvous_timeout), carrier::subscribe);
    const auto hold =
        says ? std::min(milliseconds_saturated(m->params.rendezvous_timeout.value_or(0)),
                        config_.max_rendezvous)
             : config_.hold_subscribe;
    // A sibling waits for publishers itself; only another server may know more.
    s.hold_until = p.info.sibling && !config_.expects_upstream ? now : now + hold;
    p.subscribers.set(e.id, index);
    tracks_[track_index].waiting.push_back(index);
    tracks_[track_index].linger_at = never;
    if (tracks_[track_index].has_established(sources_))
        accept_subscriber(now, index);
    else
        wait_for_publisher(now, index);
}

/// Nobody serves the track yet: publishers are asked, or awaited.
MOQRTC_INLINE void relay::wait_for_publisher(instant now, std::uint32_t index) {
    const auto track_index = subscribers_[index].track;
    const bool asked = ask_publishers(now, track_index) != 0;
    auto& s = subscribers_[index];
    if (s.to == nullptr) return;
    s.deadline = s.hold_until;
    if (asked) {
        s.deadline = std::max(s.deadline, now + seconds(10)); // the publisher's time to answer
    } else {
        const bool hoping = config_.expects_upstream && upstream_peer() == nullptr;
        if (hoping) {
            report(relay_event::kind::upstream_wanted).name = tracks_[track_index].name;
            s.deadline = std::max(s.deadline, now + seconds(3));
        }
        if (s.deadline <= now) {
            refuse(now, *s.to, s.id, request_error_code::does_not_exist, "nobody publishes this");
            return remove_subscriber(now, index);
        }
    }
    set_timer(track_index);
}

MOQRTC_INLINE void relay::accept_subscriber(instant now, std::uint32_t index) {
    auto& s = subscribers_[index];
    auto& t = tracks_[s.track];
    auto& to = *s.to;
    const auto& rules = to.session.rules();
    const auto give_up = [&](request_error_code code, std::string_view reason) {
        refuse(now, to, s.id, code, reason);
        remove_subscriber(now, index);
    };
    const auto properties = s.plain ? std::optional<slice>{slice{}} : properties_for(t, rules);
    const auto most = varint_max(rules.varint);
    if (!properties || (t.largest && (t.largest->group > most || t.largest->object > most)))
        return give_up(request_error_code::not_supported, "this draft cannot express the track");
    if (rules.past_filter_refused && s.filter && s.filter->has_end() && t.largest &&
        s.filter->end_group < t.largest->group)
        return give_up(request_error_code::invalid_range, "the range has been published");
    message_params params;
    params.largest_object = t.largest;
    say_expiry(now, to, s.id, carrier::subscribe_ok, params);
    // A second subscription of a session to a track gets an alias of its own, so that the
    // subscriber can tell their streams apart.
    auto alias = t.alias;
    if (rules.several_subscriptions)
        for (const auto& l : t.lanes)
            if (l.to == &to) alias = next_alias_++;
    if (!to.session.accept_subscribe(now, s.id, alias, params, *properties))
        return give_up(request_error_code::internal_error, "could not be accepted");
    touch(to);
    s.joined = t.largest;
    std::erase(t.waiting, index);
    start_lane(now, index);
    if (s.new_group) pass_new_group(now, s.track, *s.new_group);
    update_forward(now, s.track);
    const auto waiting = std::move(s.waiting_fetches);
    s.waiting_fetches.clear();
    for (const auto f : waiting)
        start_joining(now, f, s);
    if (s.fills) start_fills(now, index);
    const auto id = s.id;
    auto updates = std::move(s.waiting_updates);
    for (auto& update : updates)
        if (to.subscribers.find(id) == index) update_subscriber(now, index, update);
}

/// Gives an accepted subscriber its lane, and what the cache has for it.
MOQRTC_INLINE void relay::start_lane(instant now, std::uint32_t index) {
    auto& s = subscribers_[index];
    auto& t = tracks_[s.track];
    if (t.free_lanes.empty()) {
        s.place = static_cast<std::uint32_t>(t.lanes.size());
        t.lanes.emplace_back();
        for (const auto live : t.live)
            lives_[live].outputs.resize(t.lanes.size());
    } else {
        s.place = t.free_lanes.back();
        t.free_lanes.pop_back();
    }
    ++t.lane_count;
    t.linger_at = never;
    auto& l = t.lanes[s.place];
    l.to = s.to;
    l.id = s.id;
    l.subscriber = index;
    l.column = s.to->column;
    set_range(l, s);
    report(relay_event::kind::subscriber_added, s.to).name = t.name;
    // Anchor `subscription-filters`: without a filter every object passes, as with an absolute
    // start at {0, 0}. What we have pushed ourselves begins with what comes, but for catalogs; who
    // fills gets the past there.
    const bool past = s.filter ? s.filter->reaches_back() : !s.by_publish || t.catalog;
    if (config_.replay && t.largest && l.active && past && !s.fills) replay(now, t, s.place);
}

MOQRTC_INLINE void relay::set_range(lane& l, const subscriber& s) const {
    const auto* state = s.to->session.subscription(s.id);
    l.active = s.forward;
    if (state == nullptr) {
        l.active = false;
        return;
    }
    l.start = state->first_wanted;
    l.end_group = state->last_wanted_group;
    l.end_object = state->last_wanted_object;
    l.filters = state->filters;
}

MOQRTC_INLINE void relay::refuse_waiting(instant now, std::uint32_t index, request_error_code code,
                                         std::string_view reason) {
    const auto waiting = tracks_[index].waiting;
    for (const auto s : waiting) {
        refuse(now, *subscribers_[s].to, subscribers_[s].id, code, reason);
        remove_subscriber(now, s);
    }
}

/// Forgets a subscription that is over, whoever ended it.
MOQRTC_INLINE void relay::remove_subscriber(instant now, std::uint32_t index, bool fills_go_on) {
    auto& s = subscribers_[index];
    const auto track_index = s.track;
    auto& t = tracks_[track_index];
    if (!fills_go_on) drop_fills(now, *s.to, s.id);
    s.to->subscribers.erase(s.id);
    leave_seat(*s.to, s.id);
    std::erase(t.waiting, index);
    if (s.place != none) {
        for (const auto live : t.live)
            lives_[live].outputs[s.place] = {};
        t.lanes[s.place] = lane{};
        t.free_lanes.push_back(s.place);
        --t.lane_count;
        report(relay_event::kind::subscriber_removed, s.to).name = t.name;
    }
    const auto fetches = std::move(s.waiting_fetches);
    s.waiting_fetches.clear();
    subscribers_.give(index);
    for (const auto f : fetches)
        refuse_fetch(now, f, request_error_code::invalid_joining_request_id,
                     "the subscription is over");
    update_forward(now, track_index);
    watch_linger(now, track_index);
}

/// Ends a subscription from our side.
MOQRTC_INLINE void relay::end_subscriber(instant now, std::uint32_t index, publish_done_code code,
                                         std::string_view reason) {
    auto& s = subscribers_[index];
    (void)s.to->session.publish_done(now, s.id, code, reason);
    touch(*s.to);
    // PUBLISH_DONE waits for fills that can still be served.
    remove_subscriber(now, index, code == publish_done_code::track_ended);
}

MOQRTC_INLINE void relay::update_subscriber(instant now, std::uint32_t index, event& e) {
    const auto m = e.as<msg::request_update>();
    auto& s = subscribers_[index];
    auto& t = tracks_[s.track];
    auto& to = *s.to;
    if (!m) return;
    if (s.place == none && to.session.rules().request_streams) {
        s.waiting_updates.push_back(std::move(e));
        return;
    }
    const bool resumes = m->params.forward.value_or(s.forward) && !s.forward;
    s.forward = m->params.forward.value_or(s.forward);
    // Where the filter is a field it is there also when it stays the same; the session knows.
    const auto* state = to.session.subscription(s.id);
    const bool refiltered = m->params.subscription_filter && state != nullptr &&
                            !(to.session.rules().fixed_request_fields && state->filter == s.filter);
    if (refiltered) s.filter = m->params.subscription_filter;
    if (s.filter && s.filter->type == filter_type::everything) s.filter.reset();
    message_params params;
    if (m->params.fill.has_value()) params.largest_object = t.largest;
    if (resumes || refiltered) {
        s.joined = t.largest;
        params.largest_object = t.largest;
    }
    say_expiry(now, to, s.id, carrier::update_ok, params);
    (void)to.session.accept_update(now, e.update_id, params);
    touch(to);
    if (s.place == none) {
        if (m->params.new_group_request) s.new_group = m->params.new_group_request;
        return;
    }
    auto& l = t.lanes[s.place];
    set_range(l, s);
    for (const auto index_of_live : t.live) {
        auto& live = lives_[index_of_live];
        auto& out = live.outputs[s.place];
        const bool outside = live.group < l.start.group || live.group > l.end_group ||
                             (live.group == l.end_group && live.last && *live.last > l.end_object);
        if (out.phase == output::state::open && (!l.active || outside)) {
            // Anchor `closing-subgroup-streams`: what is left out resets the stream.
            (void)to.session.reset_stream(now, out.stream, reset_code::cancelled);
            out.phase = output::state::closed;
        }
        if (resumes && out.phase == output::state::closed) out = {};
    }
    if (m->params.new_group_request) pass_new_group(now, s.track, *m->params.new_group_request);
    update_forward(now, s.track);
    if (m->params.fill.has_value()) start_fills(now, index);
}

/// The answer to a PUBLISH of ours carries what a SUBSCRIBE would have.
MOQRTC_INLINE void relay::apply_publish_ok(instant now, std::uint32_t index,
                                           const message_params& params) {
    auto& s = subscribers_[index];
    s.forward = params.forward.value_or(s.forward);
    if (params.subscription_filter) s.filter = params.subscription_filter;
    auto& t = tracks_[s.track];
    auto& l = t.lanes[s.place];
    set_range(l, s);
    if (!l.active)
        for (const auto live : t.live) {
            auto& out = lives_[live].outputs[s.place];
            if (out.phase == output::state::open)
                (void)s.to->session.reset_stream(now, out.stream, reset_code::cancelled);
            out = {};
        }
    if (params.new_group_request) pass_new_group(now, s.track, *params.new_group_request);
    update_forward(now, s.track);
}

} // namespace moqrtc::moqt
