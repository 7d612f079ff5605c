#include "common/locator.hpp"
#include "control/access_directory.hpp"
#include "status_json.hpp"

#include <moqrtc/moqt/draft.hpp>

#include <nlohmann/json.hpp>
#include <set>

namespace moqrtc::reference {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t longest_list = 10'000;

std::string text(const json& value) {
    return value.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
}

std::int64_t unix_seconds(std::chrono::system_clock::time_point at) {
    return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

/// Adds to a list until it is full; false then.
bool add(json& to, const char* list, json item) {
    if (to[list].size() >= longest_list) {
        to["truncated"] = true;
        return false;
    }
    to[list].push_back(std::move(item));
    return true;
}

} // namespace

std::string info_json(const server_facts& facts) {
    json out;
    out["name"] = "moqrtc-server";
    out["version"] = facts.version;
    out["draining"] = facts.phase == server_phase::draining;
    out["started"] = unix_seconds(facts.started);
    out["quic"] = facts.quic;
    out["drafts"] = facts.drafts;
    out["upstream"] = facts.upstream;
    out["auth"] = "off";
    out["allow_plaintext"] = facts.plaintext_allowed;
    out["media"] = {{"mode", facts.media_mode},
                    {"turn_urls", facts.turn_urls},
                    {"recording", !facts.recording_dir.empty()}};
    json hashes = json::array({facts.certificate.sha256});
    if (!facts.certificate.next_sha256.empty()) hashes.push_back(facts.certificate.next_sha256);
    out["certificate"] = {{"sha256", hashes},
                          {"not_after", unix_seconds(facts.certificate.not_after)}};
    return text(out);
}

std::string streams_json(const server_status& status) {
    json out{{"namespaces", json::array()}, {"tracks", json::array()}, {"truncated", false}};
    std::set<std::string> spaces;
    for (const auto& shard : status.shards)
        for (const auto& space : shard.namespaces)
            spaces.insert(to_text(space));
    for (const auto& space : spaces)
        if (!add(out, "namespaces", space)) break;
    for (std::size_t i = 0; i < status.shards.size(); ++i)
        for (const auto& track : status.shards[i].tracks) {
            json one{{"shard", i},
                     {"namespace", to_text(track.name.space)},
                     {"name", track.name.name},
                     {"largest", nullptr},
                     {"publishers", track.publishers},
                     {"subscribers", track.subscribers},
                     {"cached_groups", track.cached_groups},
                     {"cached_bytes", track.cached_bytes},
                     {"bytes_in", track.bytes_in},
                     {"bytes_out", track.bytes_out}};
            if (track.largest)
                one["largest"] = {{"group", track.largest->group},
                                  {"object", track.largest->object}};
            if (!add(out, "tracks", std::move(one))) return text(out);
        }
    return text(out);
}

std::string sessions_json(const server_status& status) {
    json out{{"sessions", json::array()}, {"truncated", false}};
    for (std::size_t i = 0; i < status.shards.size(); ++i)
        for (std::size_t n = 0; n < status.shards[i].sessions.size(); ++n) {
            const auto& session = status.shards[i].sessions[n];
            json one{{"shard", i},
                     {"id", session_name{static_cast<std::uint32_t>(i), session.key.index,
                                         session.key.generation}
                                .text()},
                     {"session", std::to_string(session.key.index) + "." +
                                     std::to_string(session.key.generation)},
                     {"peer", session.info.peer},
                     // Behind the question mark there are keys and tokens.
                     {"door", session.info.door.substr(0, session.info.door.find('?'))},
                     {"transport", session.info.transport},
                     {"upstream", session.info.upstream},
                     {"draft", moqt::number(session.version)},
                     {"established", session.established},
                     {"subscriptions", session.subscriptions},
                     {"namespaces", session.namespaces},
                     {"unsent_bytes", session.unsent_bytes}};
            // A report that was made by hand may lack it.
            if (n < status.shards[i].traffic.size()) {
                const auto& traffic = status.shards[i].traffic[n];
                one["bytes_received"] = traffic.received;
                one["bytes_sent"] = traffic.sent;
                one["round_trip_ms"] = traffic.round_trip.us / 1000;
            }
            if (!add(out, "sessions", std::move(one))) return text(out);
        }
    return text(out);
}

} // namespace moqrtc::reference
