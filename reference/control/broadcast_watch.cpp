#include "broadcast_watch.hpp"
#include "common/locator.hpp"

#include <algorithm>
#include <set>

namespace moqrtc::reference {
namespace {

constexpr std::int64_t gone_after = 3;      ///< seconds without a publisher
constexpr std::int64_t write_interval = 10; ///< seconds
constexpr std::size_t most = 10'000;

/// `stream/<org>/…` is that organisation's; the rest belongs to the first one.
std::string org_of(std::string_view space, const std::string& first) {
    constexpr std::string_view prefix = "stream/";
    if (!space.starts_with(prefix)) return first;
    space.remove_prefix(prefix.size());
    const auto end = space.find('/');
    return end == space.npos ? first : std::string{space.substr(0, end)};
}

struct seen_now {
    std::size_t tracks = 0;
    std::size_t viewers = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
};

} // namespace

void broadcast_watch::close_stale() {
    of_->store.run("UPDATE analytics SET ended = updated WHERE ended IS NULL");
}

bool broadcast_watch::is_due(wall_seconds at) {
    if (at < next_) return false;
    next_ = at + interval_;
    return true;
}

void broadcast_watch::look(const server_status& now, wall_seconds at) {
    std::size_t listed = 0;
    for (const auto& shard : now.shards)
        listed += shard.tracks.size() + shard.sessions.size();
    interval_ = std::clamp<std::int64_t>(static_cast<std::int64_t>(listed / 1000), 1, 60);
    std::map<std::string, seen_now> there;
    for (const auto& shard : now.shards) {
        std::map<std::string, std::size_t> viewers; // of the track that most watch
        for (const auto& track : shard.tracks) {
            if (track.publishers == 0) continue;
            const auto space = to_text(track.name.space);
            auto& one = there[space];
            ++one.tracks;
            one.bytes_in += track.bytes_in;
            one.bytes_out += track.bytes_out;
            auto& most_here = viewers[space];
            most_here = std::max(most_here, track.subscribers);
        }
        for (const auto& [space, count] : viewers)
            there[space].viewers += count;
    }
    std::set<std::string, std::less<>> published;
    for (const auto& [space, what] : there)
        published.insert(space);
    of_->streams.look(published, at);
    for (const auto& [space, what] : there) {
        const bool known = live_.contains(space);
        if (!known && live_.size() >= most) continue;
        auto& one = live_[space];
        if (!known) begin(space, one, at);
        one.tracks = std::max(one.tracks, what.tracks);
        one.viewers_peak = std::max(one.viewers_peak, what.viewers);
        one.viewer_seconds += what.viewers * static_cast<std::uint64_t>(at - one.seen);
        // Counters of a track begin anew with a new publisher: never backwards here.
        one.bytes_in = std::max(one.bytes_in, what.bytes_in);
        one.bytes_out = std::max(one.bytes_out, what.bytes_out);
        one.seen = at;
        if (at - one.written < write_interval) continue;
        write(one, at, false);
        one.written = at;
    }
    for (auto it = live_.begin(); it != live_.end();) {
        if (at - it->second.seen < gone_after) {
            ++it;
            continue;
        }
        write(it->second, at, true);
        tell("stream:ended", it->first, it->second, at);
        it = live_.erase(it);
    }
}

void broadcast_watch::begin(const std::string& space, broadcast& one, wall_seconds at) {
    one.org = org_of(space, of_->first_org);
    one.started = one.seen = one.written = at;
    record_values values;
    values["tag"] = std::string{"media.broadcast"};
    values["broadcast"] = space;
    values["started"] = at;
    for (const char* name : {"tracks", "viewers_peak", "viewer_seconds", "bytes_in", "bytes_out"})
        values[name] = std::int64_t{0};
    values["updated"] = at;
    const auto made =
        make_record(of_->store, resource_at("analytics"), one.org, std::move(values), at);
    one.id = made["id"].get<std::string>();
    tell("stream:started", space, one, at);
}

void broadcast_watch::write(const broadcast& one, wall_seconds at, bool ended) {
    const auto number = [](auto value) {
        return static_cast<std::int64_t>(
            std::min<std::uint64_t>(static_cast<std::uint64_t>(value), INT64_MAX));
    };
    of_->store.run("UPDATE analytics SET tracks = ?, viewers_peak = ?, viewer_seconds = ?, "
                   "bytes_in = ?, bytes_out = ?, updated = ?, ended = ? WHERE id = ?",
                   number(one.tracks), number(one.viewers_peak), number(one.viewer_seconds),
                   number(one.bytes_in), number(one.bytes_out), at,
                   ended ? stored_value{one.seen} : stored_value{nullptr},
                   std::string_view{one.id});
}

void broadcast_watch::tell(std::string_view event, const std::string& space, const broadcast& one,
                           wall_seconds at) {
    const api_json body{{"event", event},     {"time", at},          {"org", one.org},
                        {"namespace", space}, {"broadcast", one.id}, {"started", one.started}};
    const auto text = body.dump(-1, ' ', true, api_json::error_handler_t::replace);
    of_->events->tell(one.org, of_->streams.device_of(space), event, text);
    if (of_->directory->current()->has_feature("webhooks"))
        of_->hooks.add(one.org, event, text, at);
}

} // namespace moqrtc::reference
