#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>

/// Namespaces that are published, those who want to hear of them, and tracks offered by PUBLISH.
///
/// Spec    moq-transport, anchor `track-discovery`. That a prefix may not overlap another one of
///         the same session is the session's check.
namespace moqrtc::moqt {

namespace relaying {

/// What SUBSCRIBE_TRACKS says of the subscriptions that it brings; null when that is nothing.
[[nodiscard]] inline std::shared_ptr<const offer_settings> settings_of(const message_params& params,
                                                                       shared_filters filters) {
    offer_settings out{.object_delivery_timeout = params.object_delivery_timeout,
                       .subgroup_delivery_timeout = params.subgroup_delivery_timeout,
                       .subscriber_priority = params.subscriber_priority,
                       .filter = params.subscription_filter,
                       .order = params.group_order,
                       .plain = !params.include_properties.value_or(true),
                       .filters = std::move(filters)};
    if (params.fill.has_value()) {
        const auto inside = params.fill.inside();
        out.fill = offer_settings::past{inside.subscription_filter, inside.group_order,
                                        inside.subscriber_priority, inside.fill_timeout};
    }
    const bool nothing = !out.object_delivery_timeout && !out.subgroup_delivery_timeout &&
                         !out.subscriber_priority && !out.filter && !out.order && !out.plain &&
                         out.filters == nullptr && !out.fill;
    return nothing ? nullptr : std::make_shared<const offer_settings>(std::move(out));
}

} // namespace relaying

MOQRTC_INLINE void relay::on_publish_namespace(instant now, peer& p, event& e) {
    const auto m = e.as<msg::publish_namespace>();
    if (!m) return;
    const track_namespace space{m->track_namespace};
    if (!admit(now, p, e.id, request_kind::publish_namespace, space, {},
               m->params.authorization_tokens))
        return;
    if (!p.info.sibling && p.published.size() >= config_.max_namespaces_per_session)
        return refuse_over(now, p, e.id, relay_limit::namespaces);
    if (!take_seat(now, p, e.id, seat_kind::publisher, space)) return;
    if (!p.session.accept(now, e.id)) return leave_seat(p, e.id);
    touch(p);
    p.published.emplace(e.id, space);
    add_namespace(now, p, e.id, space, false);
}

/// A publisher of a namespace is there: those who wait for its tracks, or hear of it, learn it.
MOQRTC_INLINE void relay::add_namespace(instant now, peer& p, request_id id,
                                        const track_namespace& space, bool upstream) {
    const auto first = tree_.publish(space, {p.key, id, upstream, p.info.sibling});
    if (first.any) report(relay_event::kind::namespace_added, &p).name.space = space;
    if (first.any || first.own)
        tree_.interests_in(space, [&](const auto&, const namespace_tree::interest& who) {
            auto* to = find(who.session);
            if (to == nullptr || !first.concerns(who)) return;
            (void)to->session.announce_namespace(now, who.request, space.suffix(who.asked));
            touch(*to);
        });
    std::vector<std::uint32_t> wanting;
    for (auto at = names_.lower_bound({space, {}});
         at != names_.end() && space.is_prefix_of(at->first.space); ++at)
        if (const auto& t = tracks_[at->second]; t.lane_count != 0 || !t.waiting.empty())
            wanting.push_back(at->second);
    for (const auto index : wanting)
        (void)ask_publishers(now, index, upstream ? nullptr : &p);
}

MOQRTC_INLINE void relay::remove_namespace(instant now, peer& p, request_id id,
                                           const track_namespace& space) {
    const auto gone = space; // the caller's may be what is erased here
    p.published.erase(id);
    leave_seat(p, id);
    const auto last = tree_.withdraw(gone, p.key, id);
    if (!last.any && !last.own) return;
    if (last.any) report(relay_event::kind::namespace_removed, &p).name.space = gone;
    tree_.interests_in(gone, [&](const auto&, const namespace_tree::interest& who) {
        auto* to = find(who.session);
        if (to == nullptr || to->gone || !last.concerns(who)) return;
        (void)to->session.withdraw_namespace(now, who.request, gone.suffix(who.asked));
        touch(*to);
    });
}

MOQRTC_INLINE void relay::on_discovery(instant now, peer& p, event& e) {
    namespace_tree::interest who{.session = p.key, .request = e.id, .sibling = p.info.sibling};
    track_namespace prefix;
    message_params params;
    // The message lives as long as the event, and so do the tokens in its parameters.
    if (e.request == request_kind::subscribe_namespace) {
        const auto m = e.as<msg::subscribe_namespace>();
        if (!m) return;
        // Before there was a choice it meant both, and since there is SUBSCRIBE_TRACKS namespaces.
        const auto& rules = p.session.rules();
        const auto options = rules.subscribe_options || rules.subscribe_tracks
                                 ? m->options
                                 : msg::subscribe_options::both;
        who.namespaces = options != msg::subscribe_options::publish;
        who.tracks = options != msg::subscribe_options::namespaces;
        prefix = track_namespace{m->track_namespace_prefix};
        params = m->params;
    } else {
        const auto m = e.as<msg::subscribe_tracks>();
        if (!m) return;
        who.tracks = true;
        prefix = track_namespace{m->track_namespace_prefix};
        params = m->params;
        who.settings = relaying::settings_of(params, p.session.filters(e.id));
    }
    who.forward = params.forward.value_or(true);
    const auto said = admit(now, p, e.id, e.request, prefix, {}, params.authorization_tokens);
    if (!said) return;
    who.asked = prefix.count();
    if (!p.info.sibling && p.discoveries.size() >= config_.max_namespaces_per_session)
        return refuse_over(now, p, e.id, relay_limit::namespaces);
    if (!p.session.accept(now, e.id)) return;
    touch(p);
    if (said->within) prefix = *said->within;
    // The first thing that a sibling asks is what is published here.
    who.general = p.info.sibling && who.tracks &&
                  std::none_of(p.discoveries.begin(), p.discoveries.end(),
                               [](const auto& one) { return one.second.tracks; });
    const peer::discovery what{prefix, who.namespaces, who.tracks, who.general, who.asked};
    p.discoveries.emplace(e.id, what);
    tree_.add_interest(prefix, who);
    if (who.namespaces) announce_existing(now, p, e.id);
    if (!p.info.upstream) ask_upstream(now, p, what);
    if (!who.tracks) return;
    std::vector<std::uint32_t> offered;
    for (auto at = names_.lower_bound({prefix, {}});
         at != names_.end() && prefix.is_prefix_of(at->first.space); ++at)
        offered.push_back(at->second);
    for (const auto index : offered)
        offer_track_to(now, index, who);
}

MOQRTC_INLINE void relay::announce_existing(instant now, peer& p, request_id id) {
    const auto& wanted = p.discoveries[id];
    tree_.namespaces_under(wanted.prefix, p.info.sibling, [&](const track_namespace& space) {
        (void)p.session.announce_namespace(now, id, space.suffix(wanted.asked));
    });
    touch(p);
}

/// A changed prefix: what the old one brought is withdrawn, then the new one's is told. Spec:
/// anchor `message-request-update`.
MOQRTC_INLINE void relay::update_discovery(instant now, peer& p, event& e, const decision& said) {
    const auto m = e.as<msg::request_update>();
    if (!m) return;
    auto& what = p.discoveries[e.id];
    const auto before = what.prefix;
    const auto asked_before = what.asked;
    const bool moves = m->params.track_namespace_prefix.has_value();
    if (moves) {
        what.prefix = track_namespace{*m->params.track_namespace_prefix};
        what.asked = what.prefix.count();
        if (said.within) what.prefix = *said.within;
    }
    const auto after = what.prefix;
    std::optional<namespace_tree::interest> who;
    tree_.interests_in(before, [&](const auto& prefix, const namespace_tree::interest& i) {
        if (prefix == before && i.session == p.key && i.request == e.id) who = i;
    });
    if (!who) return;
    // What changes holds for tracks to come.
    if (m->params.forward) who->forward = *m->params.forward;
    if (const auto filters = p.session.filters(e.id);
        who->tracks && filters != (who->settings ? who->settings->filters : nullptr)) {
        auto changed = who->settings ? *who->settings : offer_settings{};
        changed.filters = filters;
        who->settings = std::make_shared<const offer_settings>(std::move(changed));
    }
    tree_.remove_interest(before, p.key, e.id);
    if (!moves) {
        (void)p.session.accept_update(now, e.update_id);
        tree_.add_interest(after, *who);
        return touch(p);
    }
    if (who->namespaces)
        tree_.namespaces_under(before, p.info.sibling, [&](const track_namespace& space) {
            (void)p.session.withdraw_namespace(now, e.id, space.suffix(asked_before));
        });
    (void)p.session.accept_update(now, e.update_id);
    who->asked = what.asked;
    tree_.add_interest(after, *who);
    if (who->namespaces) announce_existing(now, p, e.id);
    ask_upstream(now, p, what);
    end_unwanted_upstream(now);
    touch(p);
}

MOQRTC_INLINE void relay::end_discovery(instant now, peer& p, request_id id) {
    const auto at = p.discoveries.find(id);
    if (at == p.discoveries.end()) return;
    tree_.remove_interest(at->second.prefix, p.key, id);
    p.discoveries.erase(at);
    p.blocked.erase(id);
    end_unwanted_upstream(now);
}

/// Offers a track that a publisher has pushed, or that we have from another relay, to all who asked
/// for such offers.
MOQRTC_INLINE void relay::offer_track(instant now, std::uint32_t index) {
    std::vector<namespace_tree::interest> offers;
    tree_.interests_in(tracks_[index].name.space,
                       [&](const auto&, const namespace_tree::interest& who) {
                           if (who.tracks) offers.push_back(who);
                       });
    for (const auto& who : offers)
        offer_track_to(now, index, who);
}

MOQRTC_INLINE void relay::offer_track_to(instant now, std::uint32_t index,
                                         const namespace_tree::interest& who) {
    auto& t = tracks_[index];
    auto* to = find(who.session);
    if (to == nullptr || !to->usable()) return;
    bool pushed = false;
    for (const auto s : t.sources) {
        const auto& from = *sources_[s].from;
        if (&from == to && !to->info.sibling) return; // its own track
        // Siblings hear of a track from the relay that it was pushed to.
        const bool comes =
            sources_[s].by_publish || (from.info.upstream && sources_[s].established);
        pushed = pushed || (comes && !(from.info.sibling && to->info.sibling) &&
                            !(from.info.upstream && who.general));
    }
    if (!pushed) return;
    for (const auto& l : t.lanes)
        if (l.to == to) return;
    for (const auto s : t.waiting)
        if (subscribers_[s].to == to) return;
    // What the prefix was allowed on may say less about its tracks.
    const auto standing = to->holds.find(who.request);
    if (!to->info.sibling &&
        !policy_
             ->decide({.now = now,
                       .session = to->key,
                       .info = to->info,
                       .kind = request_kind::subscribe,
                       .space = t.name.space,
                       .track = t.name.name,
                       .standing = standing == to->holds.end() ? no_credential
                                                               : standing->second.credential,
                       .offered = true})
             .allowed)
        return;
    const auto& rules = to->session.rules();
    const auto* const settings = who.settings.get();
    if (settings != nullptr && settings->filters != nullptr && t.rules != nullptr &&
        !settings->filters->pass_track(*t.rules, as_bytes(t.properties)))
        return;
    const auto properties = settings != nullptr && settings->plain ? std::optional<slice>{slice{}}
                                                                   : properties_for(t, rules);
    if (!properties) return;
    // Anchor `subscribing-to-namespaces`: after PUBLISH_BLOCKED no PUBLISH.
    const auto blocked = to->blocked.find(who.request);
    if (blocked != to->blocked.end() &&
        (blocked->second.size() >= config_.max_tracks || blocked->second.contains(t.name)))
        return;
    message_params params;
    params.largest_object = t.largest;
    if (!who.forward) params.forward = false;
    if (settings != nullptr) {
        const auto say = [&](parameter which, auto& member, const auto& value) {
            if (overlaps(carriers_of(rules, which), carrier::publish)) member = value;
        };
        say(parameter::object_delivery_timeout, params.object_delivery_timeout,
            settings->object_delivery_timeout);
        say(parameter::subgroup_delivery_timeout, params.subgroup_delivery_timeout,
            settings->subgroup_delivery_timeout);
        say(parameter::subscriber_priority, params.subscriber_priority,
            settings->subscriber_priority);
        say(parameter::subscription_filter, params.subscription_filter, settings->filter);
        say(parameter::group_order, params.group_order, settings->order);
    }
    const auto seat = ask_seat(now, *to, seat_kind::subscriber, t.name.space);
    if (!seat.allowed) return;
    const auto id = to->session.can_request()
                        ? to->session.publish(now, t.name, t.alias, params, *properties)
                        : fail(errc::limit, "requests");
    touch(*to);
    if (!id) {
        if (seat.seat != no_seat) policy_->leave(seat.seat);
        if (to->session.publish_blocked(now, who.request, t.name.space.suffix(who.asked),
                                        t.name.name))
            to->blocked[who.request].insert(t.name);
        return;
    }
    const auto subscriber_index = subscribers_.take();
    auto& s = subscribers_[subscriber_index];
    s.to = to;
    s.id = *id;
    s.track = index;
    s.by_publish = true;
    s.forward = who.forward;
    s.joined = t.largest;
    s.filter = params.subscription_filter;
    s.fills = settings != nullptr && settings->fill.has_value();
    to->subscribers.set(*id, subscriber_index);
    if (seat.seat != no_seat) to->seats.set(*id, seat.seat);
    if (standing != to->holds.end()) { // it ends with what brought it
        const auto same = standing->second;
        to->holds[*id] = same;
    }
    if (settings != nullptr && settings->filters != nullptr)
        to->session.keep_filters(*id, settings->filters);
    start_lane(now, subscriber_index);
    update_forward(now, index);
    if (!s.fills || !who.forward || !rules.fill) return;
    const auto& past = *settings->fill;
    const auto wanted = past.filter        ? *past.filter
                        : settings->filter ? *settings->filter
                                           : subscription_filter{filter_type::everything};
    const auto range = wanted.past(tracks_[index].largest);
    if (!range) return;
    const auto* const state = to->session.subscription(*id);
    start_fill(now, *to, *id, index,
               {.id = *id,
                .range = *range,
                .order = past.order.value_or(state->effective_order()),
                .subscriber_priority = past.priority.value_or(state->subscriber_priority),
                .timeout = past.timeout,
                .filters = settings->filters});
}

} // namespace moqrtc::moqt
