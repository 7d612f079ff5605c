#pragma once

#include "rows.hpp"

namespace moqrtc::conformance {

/// A SUBSCRIBE to a track.
inline request subscribes(side& at, const moqt::full_track_name& name,
                          const moqt::message_params& params = {}) {
    return at.ask(moqt::msg::subscribe{0, name.space.view(), as_bytes(name.name), params});
}
/// A PUBLISH of a track.
inline request offers(side& at, const moqt::full_track_name& name, moqt::track_alias alias = 3) {
    return at.ask(moqt::msg::publish{0, name.space.view(), as_bytes(name.name), alias, {}, {}});
}
/// A subscriber to every track of the row's namespace, where the draft has a request for that.
[[nodiscard]] task<side*> wants_tracks(stage& s, conditions wanted = {});
/// Ends a request that has a stream of its own.
inline void unsubscribes(side& at, moqt::stream_id stream) {
    const auto code = to_wire(at.rules(), moqt::reset_code::cancelled);
    at.stop(stream, code);
    at.reset(stream, code);
}
/// A whole subgroup of one object.
inline void send_one(const feed& f, std::uint64_t group, std::string_view payload) {
    const auto data = subgroup_bytes{f.p->rules(), f.alias, group}.object(payload).take();
    f.p->send(f.p->open_unidirectional(), data, "SUBGROUP of group " + std::to_string(group), true);
}

} // namespace moqrtc::conformance
