#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>
#include <array>
#include <string>

/// What sessions report, handed to the part that it concerns.
namespace moqrtc::moqt {

MOQRTC_INLINE void relay::dispatch(instant now, peer& p, event& e) {
    switch (e.what) {
    case event::kind::object:
    case event::kind::subgroup_opened:
    case event::kind::fetch_gap:
    case event::kind::stream_finished:
    case event::kind::stream_reset:
    case event::kind::stream_stopped:
        return on_data(now, p, e);
    case event::kind::established:
        if (!enter(now, p, e)) return;
        return on_established(now, p);
    case event::kind::requested:
        return on_request(now, p, e);
    case event::kind::accepted:
        return on_accepted(now, p, e);
    case event::kind::rejected:
        return on_rejected(now, p, e);
    case event::kind::update_requested:
        return on_update(now, p, e);
    case event::kind::update_accepted:
        if (const auto index = p.sources.find(e.id); index != id_map::none) {
            const auto track_index = sources_[index].track;
            if (const auto m = e.as<msg::request_ok>())
                raise_largest(tracks_[track_index], m->params.largest_object);
            // An update may have waited for this answer.
            update_forward(now, track_index);
            ask_new_group(now, sources_[index]);
        }
        return;
    case event::kind::state_notified:
        if (const auto index = p.sources.find(e.id); index != id_map::none) {
            const auto track_index = sources_[index].track;
            const auto m = e.as<msg::publish_state_notify>();
            if (!m) return;
            raise_largest(tracks_[track_index], m->params.largest_object);
            if (m->params.forward) sources_[index].forward = *m->params.forward;
            update_forward(now, track_index);
        }
        return;
    case event::kind::cancelled:
        return on_cancelled(now, p, e);
    case event::kind::publish_done:
        if (const auto index = p.sources.find(e.id); index != id_map::none) {
            const auto m = e.as<msg::publish_done>();
            const std::string reason{m ? as_text(m->reason) : std::string_view{}};
            lose_source(now, index, e.publish_done, {}, reason);
        }
        return;
    case event::kind::namespace_added:
        return on_upstream_namespace(now, p, e, true);
    case event::kind::namespace_removed:
        return on_upstream_namespace(now, p, e, false);
    case event::kind::malformed_track:
        if (const auto index = p.sources.find(e.id); index != id_map::none) {
            lose_source(now, index, publish_done_code::malformed_track, {}, "malformed track");
        } else if (const auto filling = p.fills.find(e.id); filling != id_map::none) {
            malformed(now, fills_[filling].track);
        }
        return;
    case event::kind::publish_blocked:
        return on_publish_blocked(now, p, e);
    case event::kind::goaway:
        if (p.info.upstream) {
            const auto m = e.as<msg::goaway>();
            report(relay_event::kind::upstream_leaving, &p).reason =
                m ? as_text(m->new_session_uri) : std::string_view{};
        }
        return;
    case event::kind::closed: {
        const bool was_up = p.up;
        if (e.close == close_code::too_many_requests) hit(relay_limit::requests);
        close_down(now, p);
        if (!was_up) return;
        auto& told = report(relay_event::kind::session_down, &p);
        told.close = e.close;
        told.reason = as_text(e.message);
        return;
    }
    case event::kind::none:
    case event::kind::update_rejected: // PUBLISH_DONE follows
    case event::kind::request_goaway:
        return;
    }
}

MOQRTC_INLINE void relay::on_data(instant now, peer& p, event& e) {
    // We fetch what we lack, and never ask for a fill.
    if (e.fill && e.what != event::kind::stream_stopped) return;
    const bool fetched = e.request == request_kind::fetch;
    const auto index = fetched ? p.fills.find(e.id) : id_map::none;
    switch (e.what) {
    case event::kind::object:
        if (!fetched) return on_object(now, p, e);
        if (index != id_map::none) on_fill_object(now, p, index, e);
        return;
    case event::kind::subgroup_opened:
        return on_subgroup(now, p, e);
    case event::kind::fetch_gap:
        if (index != id_map::none) on_fill_gap(now, index, e);
        return;
    case event::kind::stream_stopped:
        if (const auto f = p.fetches.find(e.fill ? e.update_id : e.id); f != id_map::none)
            return abandon_fetch(now, f, reset_code::cancelled);
        return on_stopped(p, e);
    default: {
        const bool reset = e.what == event::kind::stream_reset;
        if (!fetched) return on_stream_end(now, p, e, reset);
        if (index != id_map::none)
            on_fill_end(now, index, !reset, request_error_code::internal_error,
                        "the fetch was reset");
    }
    }
}

MOQRTC_INLINE void relay::on_established(instant now, peer& p) {
    p.up = true;
    if (p.info.sibling)
        ask_sibling(now, p);
    else
        ++statistics_.sessions;
    report(relay_event::kind::session_up, &p);
    if (!p.info.upstream) return;
    upstreams_.push_back(p.key);
    // What could not be had so far is asked for now.
    std::vector<std::uint32_t> wanting;
    for (const auto& [name, index] : names_)
        if (const auto& t = tracks_[index];
            t.sources.empty() && (t.lane_count != 0 || !t.waiting.empty()))
            wanting.push_back(index);
    for (const auto index : wanting)
        (void)ask_publishers(now, index);
    for (const auto& other : peers_)
        if (other != nullptr && other.get() != &p)
            for (const auto& [id, what] : other->discoveries)
                ask_upstream(now, *other, what);
}

MOQRTC_INLINE void relay::on_request(instant now, peer& p, event& e) {
    if (p.ending) return refuse(now, p, e.id, request_error_code::unauthorized, auth_failed);
    switch (e.request) {
    case request_kind::subscribe:
        return on_subscribe(now, p, e);
    case request_kind::publish:
        return on_publish(now, p, e);
    case request_kind::fetch:
        return on_fetch(now, p, e);
    case request_kind::track_status:
        return on_track_status(now, p, e);
    case request_kind::publish_namespace:
        return on_publish_namespace(now, p, e);
    case request_kind::subscribe_namespace:
    case request_kind::subscribe_tracks:
        return on_discovery(now, p, e);
    case request_kind::none:
        return;
    }
}

MOQRTC_INLINE void relay::on_accepted(instant now, peer& p, event& e) {
    switch (e.request) {
    case request_kind::subscribe:
        if (const auto index = p.sources.find(e.id); index != id_map::none)
            on_source_ok(now, p, index, e);
        return;
    case request_kind::publish:
        if (const auto index = p.subscribers.find(e.id); index != id_map::none)
            apply_publish_ok(now, index, e.ok_params());
        return;
    case request_kind::fetch:
        if (const auto index = p.fills.find(e.id); index != id_map::none)
            on_fill_ok(now, p, index, e);
        return;
    case request_kind::track_status: {
        const auto at = p.statuses.find(e.id);
        if (at == p.statuses.end()) return;
        const auto question = at->second;
        p.statuses.erase(at);
        if (question.fetch != none) {
            auto& f = fetches_[question.fetch];
            if (f.to == nullptr || f.id != question.id || f.to->key != question.from) return;
            raise_largest(tracks_[f.track], e.ok_params().largest_object);
            return start_relative(now, question.fetch);
        }
        if (auto* from = find(question.from))
            answer_status(now, *from, question.id, e.ok_params(), p.session.rules(),
                          question.plain ? bytes{} : e.track_properties().view());
        return;
    }
    default:
        return;
    }
}

MOQRTC_INLINE void relay::on_rejected(instant now, peer& p, event& e) {
    const auto m = e.as<msg::request_error>();
    const std::string reason{m ? as_text(m->reason) : std::string_view{"no answer"}};
    switch (e.request) {
    case request_kind::subscribe:
        if (const auto index = p.sources.find(e.id); index != id_map::none)
            lose_source(now, index, {}, e.request_error, reason, e.retry_after());
        return;
    case request_kind::publish:
        if (const auto index = p.subscribers.find(e.id); index != id_map::none)
            remove_subscriber(now, index);
        return;
    case request_kind::fetch:
        if (const auto index = p.fills.find(e.id); index != id_map::none) {
            // That there is nothing is an answer, too.
            const bool nothing = e.request_error == request_error_code::no_objects;
            if (nothing) fills_[index].answered = true;
            on_fill_end(now, index, nothing, e.request_error, reason);
        }
        return;
    case request_kind::track_status:
        if (const auto at = p.statuses.find(e.id); at != p.statuses.end()) {
            const auto question = at->second;
            p.statuses.erase(at);
            auto* from = find(question.from);
            if (question.fetch != none && from != nullptr &&
                from->fetches.find(question.id) == question.fetch)
                refuse_fetch(now, question.fetch, e.request_error, reason);
            else if (from != nullptr && question.fetch == none)
                refuse(now, *from, question.id, e.request_error, reason);
        }
        return;
    case request_kind::subscribe_namespace:
    case request_kind::subscribe_tracks:
        return forget_upstream_discovery(now, p, e.id);
    default:
        return;
    }
}

MOQRTC_INLINE void relay::on_update(instant now, peer& p, event& e) {
    const auto said = renew(now, p, e);
    if (!said) return;
    if (const auto index = p.subscribers.find(e.id); index != id_map::none)
        return update_subscriber(now, index, e);
    if (p.discoveries.contains(e.id)) return update_discovery(now, p, e, *said);
    (void)p.session.accept_update(now, e.update_id); // priorities are the session's affair
    touch(p);
}

MOQRTC_INLINE void relay::on_cancelled(instant now, peer& p, event& e) {
    if (const auto s = p.subscribers.find(e.id); s != id_map::none)
        return remove_subscriber(now, s);
    if (const auto s = p.sources.find(e.id); s != id_map::none) {
        // Our own SUBSCRIBE that gave way to a PUBLISH of the track, or a publisher's change of
        // mind.
        if (!e.by_peer) return forget_source(s);
        return lose_source(now, s, {}, {}, "cancelled by the publisher");
    }
    if (const auto f = p.fetches.find(e.id); f != id_map::none) return drop_fetch(now, f);
    if (const auto f = p.fills.find(e.id); f != id_map::none)
        return on_fill_end(now, f, false, request_error_code::internal_error, "cancelled");
    if (const auto at = p.published.find(e.id); at != p.published.end()) {
        const auto space = at->second;
        return remove_namespace(now, p, e.id, space);
    }
    if (p.discoveries.contains(e.id)) return end_discovery(now, p, e.id);
    if (p.asked.contains(e.id)) forget_upstream_discovery(now, p, e.id);
}

MOQRTC_INLINE void relay::refuse(instant now, peer& p, request_id id, request_error_code code,
                                 std::string_view reason, std::optional<duration> retry_after) {
    (void)p.session.reject(now, id, code, reason, retry_after);
    touch(p);
    ++statistics_.refused;
    auto& e = report(relay_event::kind::request_refused, &p);
    e.refused = code;
    e.reason = reason;
}

MOQRTC_INLINE void relay::refuse_over(instant now, peer& p, request_id id, relay_limit limit) {
    constexpr std::array<std::string_view, 6> reasons{
        "too many sessions",      "too many tracks",  "too many publishers of the track",
        "too many subscriptions", "too many fetches", "too many namespaces"};
    hit(limit);
    refuse(now, p, id, request_error_code::excessive_load,
           reasons[static_cast<std::size_t>(limit)]);
}

MOQRTC_INLINE void relay::on_track_status(instant now, peer& p, event& e) {
    const auto m = e.as<msg::track_status>();
    if (!m) return;
    const full_track_name name{track_namespace{m->track_namespace},
                               std::string{as_text(m->track_name)}};
    if (!admit(now, p, e.id, request_kind::track_status, name.space, name.name,
               m->params.authorization_tokens))
        return;
    const bool plain = !m->params.include_properties.value_or(true);
    const auto index = find_track(name);
    if (index != none && tracks_[index].has_established(sources_)) {
        const auto& t = tracks_[index];
        message_params params;
        params.largest_object = t.largest;
        const auto& rules = t.rules != nullptr ? *t.rules : p.session.rules();
        return answer_status(now, p, e.id, params, rules, plain ? bytes{} : as_bytes(t.properties));
    }
    auto* const asked = status_source(name.space, p);
    const auto question = asked == nullptr || asked == &p ? fail(errc::not_found, "publisher")
                                                          : asked->session.track_status(now, name);
    if (!question)
        return refuse(now, p, e.id, request_error_code::does_not_exist, "nobody publishes this");
    asked->statuses[*question] = {.from = p.key, .id = e.id, .plain = plain};
    touch(*asked);
}

/// Who can be asked what a track is, or null.
MOQRTC_INLINE relay::peer* relay::status_source(const track_namespace& space,
                                                const peer& asker) const {
    peer* asked = nullptr;
    tree_.publishers_of(space, [&](const namespace_tree::publisher& who) {
        auto* found = find(who.session);
        if (asked == nullptr && found != nullptr && found->usable() && !is_circle(asker, *found))
            asked = found;
    });
    auto* up = upstream_peer();
    return asked == nullptr && up != nullptr && !is_circle(asker, *up) ? up : asked;
}

MOQRTC_INLINE void relay::answer_status(instant now, peer& p, request_id id,
                                        const message_params& params, const wire_rules& from,
                                        bytes properties) {
    const auto& to = p.session.rules();
    message_params told;
    told.largest_object = params.largest_object;
    // Between the drafts that say it in parameters and those that say it in properties there are
    // two that do not say it at all.
    const bool says = to.request_ok_properties || !to.track_properties;
    const auto moved = says ? track_properties_in(from, to, properties) : std::optional{slice{}};
    if (!moved)
        return refuse(now, p, id, request_error_code::not_supported,
                      "this draft cannot express the track");
    if (!p.session.accept(now, id, told, *moved))
        return refuse(now, p, id, request_error_code::internal_error, "could not be answered");
    touch(p);
}

} // namespace moqrtc::moqt
