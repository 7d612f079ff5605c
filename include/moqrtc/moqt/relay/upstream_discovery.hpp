#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <vector>

/// What those who are served here want to hear of, asked of another relay: its namespaces, and its
/// tracks as PUBLISH.
///
/// Spec    moq-transport, anchors `track-discovery` and `publisher-interactions`.
namespace moqrtc::moqt {

/// Asks another relay for what lies under a prefix, once for all who want to know.
MOQRTC_INLINE void relay::ask_upstream(instant now, const peer& asker,
                                       const peer::discovery& what) {
    auto* const p = upstream_peer();
    if (p == nullptr || p == &asker || is_circle(asker, *p)) return;
    const bool tracks = what.tracks && !what.general;
    if (!p->session.rules().subscribe_tracks)
        return ask_upstream_once(now, *p, {what.prefix, what.namespaces, tracks});
    if (what.namespaces) ask_upstream_once(now, *p, {what.prefix, true, false});
    if (tracks) ask_upstream_once(now, *p, {what.prefix, false, true});
}

/// One request, unless one that is there covers it; those that it covers end. Within a session
/// prefixes may not overlap.
MOQRTC_INLINE void relay::ask_upstream_once(instant now, peer& p, peer::discovery what) {
    const auto& rules = p.session.rules();
    const bool chooses = rules.subscribe_tracks || rules.subscribe_options;
    std::vector<request_id> covered;
    for (const auto& [id, asked] : p.asked) {
        const auto& other = asked.what;
        if (other.general || (rules.subscribe_tracks && other.tracks != what.tracks)) continue;
        const bool wider = other.prefix.is_prefix_of(what.prefix);
        if (!wider && !what.prefix.is_prefix_of(other.prefix)) continue;
        if (wider && (!chooses ||
                      ((other.namespaces || !what.namespaces) && (other.tracks || !what.tracks))))
            return;
        covered.push_back(id);
    }
    for (const auto id : covered) {
        const auto& other = p.asked[id].what;
        if (other.prefix.is_prefix_of(what.prefix)) what.prefix = other.prefix;
        what.namespaces = what.namespaces || other.namespaces;
        what.tracks = what.tracks || other.tracks;
    }
    for (const auto id : covered) {
        (void)p.session.cancel(now, id);
        forget_upstream_discovery(now, p, id);
    }
    using enum msg::subscribe_options;
    const auto options = !what.tracks || !rules.subscribe_options ? namespaces
                         : what.namespaces                        ? both
                                                                  : publish;
    const auto id = what.tracks && rules.subscribe_tracks
                        ? p.session.subscribe_tracks(now, what.prefix)
                        : p.session.subscribe_namespace(now, what.prefix, options);
    if (id) p.asked.emplace(*id, peer::upstream_discovery{what, {}});
    touch(p);
}

/// Whether somebody wants the tracks of a namespace pushed, who is not a sibling that hears of our
/// own only.
MOQRTC_INLINE bool relay::is_offered(const track_namespace& space) const {
    bool any = false;
    tree_.interests_in(space, [&](const auto&, const namespace_tree::interest& who) {
        any = any || (who.tracks && who.forward && !who.general);
    });
    return any;
}

/// Tracks that nobody here wants pushed any more are not asked for any more; namespaces stay.
MOQRTC_INLINE void relay::end_unwanted_upstream(instant now) {
    auto* const up = upstream_peer();
    if (up == nullptr || !up->session.rules().subscribe_tracks) return;
    std::vector<request_id> unwanted;
    for (const auto& [id, asked] : up->asked) {
        if (!asked.what.tracks || asked.what.general) continue;
        bool wanted = false;
        for (const auto& other : peers_) {
            if (other == nullptr || other.get() == up) continue;
            for (const auto& [request, what] : other->discoveries)
                wanted = wanted || (what.tracks && !what.general &&
                                    asked.what.prefix.is_prefix_of(what.prefix));
        }
        if (!wanted) unwanted.push_back(id);
    }
    for (const auto id : unwanted) {
        (void)up->session.cancel(now, id);
        up->asked.erase(id);
        touch(*up);
    }
}

MOQRTC_INLINE void relay::forget_upstream_discovery(instant now, peer& p, request_id id) {
    const auto at = p.asked.find(id);
    if (at == p.asked.end()) return;
    const auto found = std::move(at->second.found);
    p.asked.erase(at);
    for (const auto& space : found)
        remove_namespace(now, p, id, space);
}

MOQRTC_INLINE void relay::on_upstream_namespace(instant now, peer& p, event& e, bool added) {
    const auto at = p.asked.find(e.id);
    if (at == p.asked.end()) return;
    auto& asked = at->second;
    const auto whole = [&](const auto& m) -> std::optional<track_namespace> {
        if (!m) return std::nullopt;
        return asked.what.prefix.joined(m->track_namespace_suffix);
    };
    const auto space =
        added ? whole(e.as<msg::namespace_message>()) : whole(e.as<msg::namespace_done>());
    if (!space) return;
    if (!added) {
        asked.found.erase(*space);
        return remove_namespace(now, p, e.id, *space);
    }
    if (asked.found.size() >= config_.max_tracks) return;
    asked.found.insert(*space);
    add_namespace(now, p, e.id, *space, !p.info.sibling);
}

/// The other relay has a track that it cannot push for want of a stream: we subscribe to it, as
/// soon as it can be had.
MOQRTC_INLINE void relay::on_publish_blocked(instant now, peer& p, event& e) {
    const auto at = p.asked.find(e.id);
    const auto m = e.as<msg::publish_blocked>();
    if (at == p.asked.end() || !m || !p.info.upstream) return;
    const full_track_name name{at->second.what.prefix.joined(m->track_namespace_suffix),
                               std::string{as_text(m->track_name)}};
    if (!is_offered(name.space)) return;
    const auto index = open_track(name);
    if (index == none) return;
    (void)subscribe_at(now, index, p, true);
    drop_if_unused(now, index);
}

} // namespace moqrtc::moqt
