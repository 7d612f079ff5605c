#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

/// Relays of one server, each on a thread of its own, joined in pairs by sessions in memory.
///
/// Each tells its siblings what is published at itself, never what it has from a sibling, and asks
/// no sibling for what only a sibling wants: whatever the number of relays, an object takes at most
/// one step from the relay that it came to.
namespace moqrtc::moqt {

/// Whether asking `to` for what `asker` wants would lead from sibling to sibling.
MOQRTC_INLINE bool relay::is_circle(const peer& asker, const peer& to) noexcept {
    return asker.info.sibling && to.info.sibling;
}

/// Asks for all that is published at the sibling: namespaces, and tracks that were pushed to it.
MOQRTC_INLINE void relay::ask_sibling(instant now, peer& p) {
    if (const auto id = p.session.subscribe_namespace(now, {}))
        p.asked.emplace(*id, peer::upstream_discovery{{.namespaces = true, .general = true}, {}});
    (void)p.session.subscribe_tracks(now, {});
    touch(p);
}

/// A track has lost its publisher: siblings hear of it at once, and each waits for its own
/// subscribers. The publisher may come back at another of them.
MOQRTC_INLINE void relay::end_siblings(instant now, std::uint32_t index) {
    auto& t = tracks_[index];
    for (std::size_t i = 0; i < t.lanes.size(); ++i)
        if (const auto& l = t.lanes[i]; l.to != nullptr && l.to->info.sibling)
            end_subscriber(now, l.subscriber, publish_done_code::internal_error,
                           "publisher is gone");
}

MOQRTC_INLINE void relay::count_in(const peer& from, std::size_t payload, track* of) noexcept {
    if (from.info.sibling) {
        ++statistics_.objects_from_siblings;
        return;
    }
    ++statistics_.objects_in;
    statistics_.bytes_in += payload;
    if (of != nullptr) of->bytes_in += payload;
}

MOQRTC_INLINE void relay::count_out(const peer& to, std::size_t payload, track* of) noexcept {
    if (to.is_sibling) {
        ++statistics_.objects_to_siblings;
        return;
    }
    ++statistics_.objects_out;
    statistics_.bytes_out += payload;
    if (of != nullptr) of->bytes_out += payload;
}

} // namespace moqrtc::moqt
