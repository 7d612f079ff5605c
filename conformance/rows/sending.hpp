#pragma once

#include "rows.hpp"

namespace moqrtc::conformance {

/// A SUBSCRIBE to a track.
inline request subscribes(side& at, const moqt::full_track_name& name,
                          const moqt::message_params& params = {}) {
    return at.ask(moqt::msg::subscribe{0, name.space.view(), as_bytes(name.name), params});
}
/// A whole subgroup of one object.
inline void send_one(const feed& f, std::uint64_t group, std::string_view payload) {
    const auto data = subgroup_bytes{f.p->rules(), f.alias, group}.object(payload).take();
    f.p->send(f.p->open_unidirectional(), data, "SUBGROUP of group " + std::to_string(group), true);
}

} // namespace moqrtc::conformance
