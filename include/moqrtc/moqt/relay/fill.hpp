#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>

/// FETCH of the relay: what the cache lacks is fetched once for all who need it now.
namespace moqrtc::moqt {

/// Whom to ask for past objects of a track: who serves it, who publishes its namespace, another
/// relay; null when there is nobody.
MOQRTC_INLINE relay::peer* relay::fill_source(const track& t, const peer* asker) const {
    const auto usable = [&](const peer* p) {
        return p != nullptr && p->usable() && p->session.can_request() &&
               !(p == asker && p->info.upstream) && !(asker != nullptr && is_circle(*asker, *p));
    };
    for (const auto s : t.sources)
        if (sources_[s].established && usable(sources_[s].from)) return sources_[s].from;
    peer* found = nullptr;
    bool upstream = true;
    tree_.publishers_of(t.name.space, [&](const namespace_tree::publisher& who) {
        auto* p = find(who.session);
        if (!usable(p) || (found != nullptr && (!upstream || who.upstream))) return;
        found = p;
        upstream = who.upstream;
    });
    if (found == nullptr && usable(upstream_peer())) found = upstream_peer();
    return found;
}

/// Makes a fetch wait for upstream from where it stands to `until`, on a FETCH that is under way
/// or on a new one; false when nobody can be asked.
MOQRTC_INLINE bool relay::attach_fill(instant now, std::uint32_t index, location until) {
    auto& f = fetches_[index];
    auto& t = tracks_[f.track];
    const auto wait_on = [&](std::uint32_t filling) {
        f.fill = filling;
        fills_[filling].waiters.push_back(index);
        schedule({f.deadline, timer::kind::fetch, index});
        return true;
    };
    for (const auto i : t.fills) {
        const auto& other = fills_[i];
        if (other.walk.order == f.walk.order && other.at && other.walk.contains(*f.at) &&
            !other.walk.precedes(*f.at, *other.at) &&
            (!f.ask_end || (!other.answered && other.walk.highest >= f.walk.highest)))
            return wait_on(i);
    }
    auto* from = fill_source(t, f.to);
    if (from == nullptr) return false;
    const auto& rules = from->session.rules();
    auto part = f.walk.part(*f.at, until);
    const auto most = varint_max(rules.varint);
    if (part.lowest.group > most || part.lowest.object > most) return false;
    if (part.highest.group > most) part.highest = {most, UINT64_MAX};
    message_params params;
    if (part.order == group_order::descending) params.group_order = part.order;
    if (overlaps(carriers_of(rules, parameter::fill_timeout), carrier::fetch))
        params.fill_timeout =
            static_cast<std::uint64_t>(std::max<std::int64_t>(1, (f.deadline - now).ms()));
    const auto id = from->session.fetch(now, t.name, part.lowest, part.end(), params);
    if (!id) return false;
    touch(*from);
    ++statistics_.fetches_upstream;
    report(relay_event::kind::fetch_upstream, from).name = t.name;
    const auto filling = fills_.take();
    auto& g = fills_[filling];
    g.from = from;
    g.id = *id;
    g.track = f.track;
    g.walk = part;
    g.at = part.first();
    g.checker = std::make_unique<track_checker>(rules, track_checker::delivery::fetch, part.order);
    from->fills.set(*id, filling);
    t.fills.push_back(filling);
    return wait_on(filling);
}

MOQRTC_INLINE void relay::on_fill_ok(instant now, peer& p, std::uint32_t index, event& e) {
    const auto m = e.as<msg::fetch_ok>();
    auto& g = fills_[index];
    auto& t = tracks_[g.track];
    if (!m) return;
    const auto known = read_track_properties(p.session.rules(), e.track_properties());
    if (known && known->unknown_mandatory)
        return on_fill_end(now, index, false, request_error_code::unsupported_extension,
                           "unknown mandatory track property");
    if (t.rules == nullptr) note_properties(t, p.session.rules(), e.track_properties());
    g.answered = true;
    const auto reached = location_range::of(g.walk.lowest, m->end, g.walk.order);
    if (reached.highest < g.walk.highest) g.walk.highest = reached.highest;
    if (m->end_of_track != 0 && m->end.object != 0) t.final_object = reached.highest;
    const auto waiters = g.waiters;
    for (const auto w : waiters) {
        auto& f = fetches_[w];
        if (f.answered) continue;
        const auto range = location_range::of(f.walk.lowest, m->end, f.walk.order);
        const auto wanted = f.walk.highest;
        if (range.highest < f.walk.highest) f.walk.highest = range.highest;
        if (f.stream == no_stream) f.at = f.walk.first();
        if (f.walk.highest < f.walk.lowest) {
            refuse_fetch(now, w, request_error_code::invalid_range, "nothing there");
            continue;
        }
        answer_fetch(now, w, wanted <= range.highest ? f.walk.end() : m->end,
                     m->end_of_track != 0 && f.walk.highest >= reached.highest);
    }
    if (g.from == nullptr || !g.answered) return; // the last waiter has gone meanwhile
    if (g.streamed) on_fill_end(now, index, true, request_error_code::internal_error, {});
}

MOQRTC_INLINE void relay::on_fill_object(instant now, peer& p, std::uint32_t index, event& e) {
    auto& g = fills_[index];
    const auto& item = e.item;
    const auto at = item.location;
    count_in(p, item.payload.size());
    auto& t = tracks_[g.track];
    // Before anything is left out: an object out of order is malformed, not late.
    if (!check(now, p, *g.checker, g.track, item)) return;
    if (!g.at || !g.walk.contains(at) || g.walk.precedes(at, *g.at)) return;
    t.cache->learn(g.walk, *g.at, at);
    if (t.cache->add(now, p.session.rules(), item, false) == track_cache::outcome::conflict)
        return malformed(now, g.track);
    g.at = g.walk.after(at);
    const auto waiters = g.waiters;
    for (const auto w : waiters) {
        auto& f = fetches_[w];
        if (f.to == nullptr || !f.at || f.walk.precedes(at, *f.at)) continue;
        if (!f.walk.contains(at)) {
            f.at.reset(); // the walk has passed its end
        } else {
            if (!write_fetched(now, w, item, p.session.rules())) continue;
            f.at = f.walk.after(at);
        }
        if (f.at || !f.answered) continue;
        finish_fetch(now, w);
        if (g.from == nullptr) return; // it was the last who waited
    }
}

MOQRTC_INLINE void relay::on_fill_gap(instant now, std::uint32_t index, event& e) {
    auto& g = fills_[index];
    auto until = e.item.location;
    if (!g.at || g.walk.precedes(until, *g.at)) return;
    if (g.walk.precedes(g.walk.last(), until)) until = g.walk.last();
    auto& t = tracks_[g.track];
    if (!e.gap_unknown) t.cache->learn(g.walk, *g.at, until);
    g.at = g.walk.after(until);
    const auto waiters = g.waiters;
    for (const auto w : waiters) {
        auto& f = fetches_[w];
        if (f.to == nullptr || !f.at || f.walk.precedes(until, *f.at)) continue;
        if (e.gap_unknown)
            skip_unknown(now, w, until,
                         e.gap_timed_out ? range_end::timed_out : range_end::unknown);
        else
            f.at = f.walk.after(f.walk.precedes(f.walk.last(), until) ? f.walk.last() : until);
        if (f.to == nullptr || f.at || !f.answered) continue;
        finish_fetch(now, w);
        if (g.from == nullptr) return;
    }
}

/// The FETCH upstream is over. After FIN all of its range is known; otherwise those who waited get
/// what a subscription has brought meanwhile, and are told that the rest is unknown.
MOQRTC_INLINE void relay::on_fill_end(instant now, std::uint32_t index, bool complete,
                                      request_error_code code, std::string_view reason) {
    auto& g = fills_[index];
    auto& t = tracks_[g.track];
    if (complete && !g.answered) { // FIN has overtaken FETCH_OK
        g.streamed = true;
        return;
    }
    const auto walk = g.walk;
    const auto last = walk.last();
    if (complete && g.at && !walk.precedes(last, *g.at)) t.cache->learn(walk, *g.at, last);
    const auto waiters = g.waiters;
    for (const auto w : waiters)
        fetches_[w].fill = none;
    const bool over = complete || code != request_error_code::internal_error;
    forget_fill(now, index, !over);
    for (const auto w : waiters) {
        auto& f = fetches_[w];
        if (f.to == nullptr) continue;
        if (!f.answered && complete) answer_fetch(now, w, f.walk.end(), false);
        if (f.to == nullptr) continue;
        if (!f.answered) {
            refuse_fetch(now, w, code, reason);
            continue;
        }
        if (f.at && !f.walk.precedes(last, *f.at)) {
            const auto end = f.walk.precedes(f.walk.last(), last) ? f.walk.last() : last;
            if (complete)
                f.at = f.walk.after(end);
            else
                f.asked = end;
        }
        if (f.to != nullptr) pump(now, w);
    }
}

/// Forgets a FETCH of ours; `cancel`: the publisher may not be through with it.
MOQRTC_INLINE void relay::forget_fill(instant now, std::uint32_t index, bool cancel) {
    auto& g = fills_[index];
    if (cancel) {
        (void)g.from->session.cancel(now, g.id);
        touch(*g.from);
    }
    g.from->fills.erase(g.id);
    std::erase(tracks_[g.track].fills, index);
    const auto track_index = g.track;
    fills_.give(index);
    drop_if_unused(now, track_index);
}

} // namespace moqrtc::moqt
