#include "common/locator.hpp"
#include "relay_log.hpp"

namespace moqrtc::reference {
namespace {

using kind = moqt::relay_event::kind;

std::pair<log_level, std::string_view> describe(kind what) {
    switch (what) {
    case kind::none:
        break;
    case kind::session_up:
        return {log_level::info, "session_up"};
    case kind::session_down:
        return {log_level::info, "session_down"};
    case kind::namespace_added:
        return {log_level::info, "namespace_added"};
    case kind::namespace_removed:
        return {log_level::info, "namespace_removed"};
    case kind::track_live:
        return {log_level::info, "track_live"};
    case kind::track_waiting:
        return {log_level::warning, "track_waiting"};
    case kind::track_ended:
        return {log_level::info, "track_ended"};
    case kind::subscriber_added:
        return {log_level::debug, "subscriber_added"};
    case kind::subscriber_removed:
        return {log_level::debug, "subscriber_removed"};
    case kind::subscriber_behind:
        return {log_level::warning, "subscriber_behind"};
    case kind::fetch_upstream:
        return {log_level::debug, "fetch_upstream"};
    case kind::request_refused:
        return {log_level::warning, "request_refused"};
    case kind::upstream_wanted:
        return {log_level::debug, "upstream_wanted"};
    case kind::upstream_leaving:
        return {log_level::warning, "upstream_leaving"};
    }
    return {log_level::debug, "other"};
}

} // namespace

void relay_log::write(instant now, const moqt::relay_event& event, std::string_view peer) {
    std::string who{peer};
    if (event.what == kind::session_up) peers_[event.session.index] = {event.session, who};
    if (const auto known = peers_.find(event.session.index);
        known != peers_.end() && known->second.first == event.session) {
        who = known->second.second;
        if (event.what == kind::session_down) peers_.erase(known);
    }

    const auto passed = limits_[static_cast<std::size_t>(event.what) % kinds].pass(now);
    if (!passed) return;
    const auto [level, what] = describe(event.what);
    log_line line{level, what};
    line.with("shard", shard_);
    if (event.session.valid())
        line.with("session", std::to_string(event.session.index) + "." +
                                 std::to_string(event.session.generation));
    line.maybe("peer", who);
    if (event.name.space.count() != 0) line.with("namespace", to_text(event.name.space));
    line.maybe("track", event.name.name);
    if (event.what == kind::session_down) line.with("close", moqt::to_string(event.close));
    if (event.what == kind::track_ended) line.with("done", moqt::to_string(event.done));
    if (event.what == kind::request_refused) line.with("code", moqt::to_string(event.refused));
    line.maybe("reason", event.reason);
    if (*passed != 0) line.with("held_back", *passed);
}

} // namespace moqrtc::reference
