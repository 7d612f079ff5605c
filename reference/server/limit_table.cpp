#include "limit_table.hpp"
#include "setting_table.hpp"
#include "setting_values.hpp"

#include <moqrtc/auth/token_form.hpp>
#include <moqrtc/moqt/limits.hpp>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace moqrtc::reference {
namespace {

using limit = moqt::relay_limit;
using at = server_limit;

/// The sum over all threads.
template <auto Of>
std::uint64_t sum(const server_status& status) {
    std::uint64_t out = 0;
    for (const auto& one : status.shards)
        out += Of(one);
    return out;
}
/// Hits that the relays count.
template <limit Which>
std::uint64_t of_relays(const server_status& status) {
    return sum<[](const shard_report& r) { return r.relay.hits(Which); }>(status);
}
/// Hits that the ledger counts.
template <at Which>
std::uint64_t of_ledger(const server_status& status) {
    return status.admission.hits[static_cast<std::size_t>(Which)];
}

#define SUM(...) sum<[](const shard_report& r) -> std::uint64_t { return r.__VA_ARGS__; }>
#define NOW(...) [](const server_status& s) -> std::uint64_t { return s.admission.__VA_ARGS__; }
// clang-format off
constexpr std::string_view load = "EXCESSIVE_LOAD";
constexpr std::string_view turned = "429 at WebTransport, CONNECTION_REFUSED on native QUIC";
constexpr std::string_view dropped = "the oldest is dropped";
const std::array table{
    limit_row{"sessions", "limits.sessions", "server", "", "bounds the memory of sessions that have nothing to send", turned, 0, NOW(sessions), of_ledger<at::sessions>},
    limit_row{"sessions_per_address", "limits.sessions-per-address", "address", "", "carriers put thousands of people behind one address; nobody gets more than a tenth of all", turned, 0, NOW(largest_address), of_ledger<at::sessions_per_address>},
    limit_row{"address_session_rate", "limits.address-session-rate", "address", "per second", "a handshake is the dearest thing that somebody without a token can ask for", turned, 0, nullptr, of_ledger<at::address_session_rate>},
    limit_row{"account_session_rate", "limits.account-session-rate", "account", "per second", "an audience that comes at once is let in, one that comes back all the time is not", "TOO_MANY_REQUESTS ends the session", 0, nullptr, of_ledger<at::account_session_rate>},
    limit_row{"publishers", "limits.publishers", "server", "", "each fills a cache and is passed on to every thread", load, 0, NOW(publishers), of_ledger<at::publishers>},
    limit_row{"subscribers", "limits.subscribers", "server", "", "ten broadcasts for each session", load, 0, NOW(subscribers), of_ledger<at::subscribers>},
    limit_row{"subscribers_per_room", "limits.subscribers-per-room", "namespace", "", "each object is written once for everybody: half of all sessions may watch the same", load, 0, NOW(largest_room), of_ledger<at::subscribers_per_room>},
    limit_row{"streams", "limits.streams", "server", "", "as many as there may be publishers", load, 0, NOW(streams), of_ledger<at::streams>},
    limit_row{"account_publishers", "limits.account-publishers", "account", "", "nobody gets more than a tenth of all", load, 0, NOW(largest_account_publishers), of_ledger<at::account_publishers>},
    limit_row{"account_subscribers", "limits.account-subscribers", "account", "", "nobody gets more than a tenth of all", load, 0, NOW(largest_account_subscribers), of_ledger<at::account_subscribers>},
    limit_row{"account_bitrate", "limits.account-bitrate", "account", "bit/s", "what a network card carries", load, 0, NOW(largest_account_bitrate), of_ledger<at::account_bitrate>},
    limit_row{"address_request_rate", "limits.address-request-rate", "address", "per second", "a new token costs a signature check of some 0.1 ms: half a core at most", load, 0, nullptr, of_ledger<at::address_request_rate>},
    limit_row{"account_request_rate", "limits.account-request-rate", "account", "per second", "four addresses' worth", load, 0, nullptr, of_ledger<at::account_request_rate>},
    limit_row{"unauthorized", "limits.unauthorized", "server", "", "bounds the memory that strangers can take: at most 128 KiB each", "the oldest is closed: UNAUTHORIZED, H3_EXCESSIVE_LOAD", 0, NOW(unauthorized), SUM(crowded_out)},
    limit_row{"unauthorized_bytes", "limits.unauthorized-bytes", "connection", "bytes", "room for the largest SETUP or request with tokens", "no flow-control credit; datagrams are dropped", 0, nullptr, SUM(quic.early_budgets_spent)},
    limit_row{"unauthorized_streams", "limits.unauthorized-streams", "connection", "", "HTTP/3 has three of its own, a session two and one for each request", "no credit for streams", 0, nullptr, nullptr},
    limit_row{"unauthorized_time", "limits.unauthorized-time", "session", "s", "a token is there after one round trip, or after somebody has typed", "UNAUTHORIZED, `no credential in time`", 0, nullptr, [](const server_status& s) { return of_relays<limit::silence>(s) + SUM(too_late)(s); }},
    limit_row{"memory", "limits.memory", "server", "bytes", "half of a small machine", "objects are dropped, streams are reset", 0, SUM(pool_bytes), nullptr},
    limit_row{"tracks", "limits.tracks", "server", "", "bounds the memory of tracks that have nothing cached", load, 0, SUM(relay.tracks), of_relays<limit::tracks>},
    limit_row{"publishers_per_track", "limits.publishers-per-track", "track", "", "each brings everything once more", load, 0, nullptr, of_relays<limit::publishers_per_track>},
    limit_row{"subscriptions_per_session", "limits.subscriptions-per-session", "session", "", "another relay takes many, a viewer three", load, 0, nullptr, of_relays<limit::subscriptions>},
    limit_row{"fetches_per_session", "limits.fetches-per-session", "session", "", "each holds a stream and its window", load, 0, nullptr, of_relays<limit::fetches>},
    limit_row{"namespaces_per_session", "limits.namespaces-per-session", "session", "", "each is told to everybody who asked for its prefix", load, 0, nullptr, of_relays<limit::namespaces>},
    limit_row{"requests_per_session", "limits.requests-per-session", "session", "", "more than anybody has in flight", "TOO_MANY_REQUESTS ends the session; without MAX_REQUEST_ID: EXCESSIVE_LOAD", 0, nullptr, of_relays<limit::requests>},
    limit_row{"backlog", "limits.backlog", "subscription", "bytes", "two seconds of 30 Mbit/s", "TOO_FAR_BEHIND resets old groups", 0, nullptr, of_relays<limit::backlog>},
    limit_row{"http_connections", "limits.http-connections", "server", "", "operators and health checks, not an audience", "closed at once", 0, nullptr, nullptr},
    limit_row{"cache_bytes", "cache.bytes", "server", "bytes", "an eighth of the memory", dropped, 0, SUM(relay.cache_bytes), of_relays<limit::cache_bytes>},
    limit_row{"cache_track_bytes", "cache.track-bytes", "track", "bytes", "17 s of 30 Mbit/s", dropped, 0, nullptr, of_relays<limit::cache_track_bytes>},
    limit_row{"cache_groups", "cache.groups", "track", "", "who joins late needs one, who rewinds a few", dropped, 0, nullptr, of_relays<limit::cache_groups>},
    limit_row{"connections", "quic.connections", "server", "", "as many as sessions", "CONNECTION_REFUSED", 0, SUM(quic.connections), SUM(quic.refused_connections)},
    limit_row{"handshakes", "quic.handshakes", "server", "", "bounds the memory of those who begin and never answer", "CONNECTION_REFUSED", 0, SUM(quic.handshakes), SUM(quic.refused_handshakes)},
    limit_row{"retry_rate", "quic.retry-rate", "server", "per second", "above that a packet has to show that its address is real before it gets a handshake", "Retry", 0, nullptr, SUM(quic.retries_for_rate)},
    limit_row{"control_message", "", "message", "bytes", "the length has 16 bits", "PROTOCOL_VIOLATION ends the session", moqt::limits::message_body, nullptr, nullptr},
    limit_row{"namespace_fields", "", "namespace", "", "the drafts' bound", "PROTOCOL_VIOLATION ends the session", moqt::limits::namespace_fields, nullptr, nullptr},
    limit_row{"full_track_name", "", "track", "bytes", "the drafts' bound", "PROTOCOL_VIOLATION ends the session", moqt::limits::full_track_name, nullptr, nullptr},
    limit_row{"object_payload", "", "object", "bytes", "a keyframe of 16 MiB is none", "the stream is stopped", moqt::limits::object_payload, nullptr, nullptr},
    limit_row{"tokens_per_message", "", "message", "", "one is enough, several belong to several services", "the rest is not looked at", moqt::limits::tokens_per_message, nullptr, nullptr},
    limit_row{"token", "", "token", "bytes", "bounds the cost of looking at it", "MALFORMED_AUTH_TOKEN", auth::token_limits{}.token, nullptr, nullptr},
};
// clang-format on
#undef SUM
#undef NOW

/// A setting's value as a number.
std::string number_of(const setting& which, const server_settings& settings) {
    auto text = which.show(settings);
    if (text.starts_with('.')) text.insert(0, "0");
    return text;
}

} // namespace

std::span<const limit_row> limit_table() {
    return table;
}

std::vector<std::string> limit_bounds(const server_settings& settings) {
    std::vector<std::string> out;
    for (const auto& row : table)
        out.push_back(row.setting.empty() ? std::to_string(row.fixed)
                                          : number_of(*find_setting(row.setting), settings));
    return out;
}

std::string limits_json(const server_status& status) {
    using json = nlohmann::ordered_json;
    json out{{"limits", json::array()}};
    const auto counted = [&](auto function) {
        return function == nullptr ? json(nullptr) : json(function(status));
    };
    for (std::size_t i = 0; i < table.size(); ++i) {
        const auto& row = table[i];
        out["limits"].push_back(
            {{"name", row.name},
             {"each", row.each},
             {"unit", row.unit},
             {"setting", row.setting.empty() ? json(nullptr) : json(row.setting)},
             {"maximum", json::parse(status.facts.limits[i])},
             {"current", counted(row.current)},
             {"hits", counted(row.hits)},
             {"why", row.why},
             {"answer", row.answer}});
    }
    return out.dump() + "\n";
}

std::string limits_metrics(const server_status& status) {
    std::string out;
    const auto family = [&](std::string_view name, std::string_view type, std::string_view help,
                            auto value) {
        out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
        out.append(name).append(" ").append(type).append("\n");
        for (std::size_t i = 0; i < table.size(); ++i)
            if (const std::optional<std::string> text = value(i))
                out.append(name).append("{limit=\"").append(table[i].name).append("\"} ") +=
                    *text + "\n";
    };
    const auto counted = [&](auto function) -> std::optional<std::string> {
        if (function == nullptr) return std::nullopt;
        return std::to_string(function(status));
    };
    family("moqrtc_limit_hits_total", "counter", "How often a limit was met.",
           [&](std::size_t i) { return counted(table[i].hits); });
    family("moqrtc_limit_current", "gauge",
           "What there is of what is limited; of the largest where there are several.",
           [&](std::size_t i) { return counted(table[i].current); });
    family("moqrtc_limit_maximum", "gauge", "The limit in force.",
           [&](std::size_t i) -> std::optional<std::string> {
               if (i >= status.facts.limits.size()) return std::nullopt;
               return status.facts.limits[i];
           });
    return out;
}

std::string limits_reference() {
    std::string out = "| limit | of each | setting | default | why | who meets it | counted |\n"
                      "|---|---|---|---|---|---|---|\n";
    const server_settings defaults;
    const auto bounds = limit_bounds(defaults);
    for (std::size_t i = 0; i < table.size(); ++i) {
        const auto& row = table[i];
        auto value = bounds[i];
        if (row.unit == "bytes")
            value = show_size(*parse_size(value));
        else if (!row.unit.empty())
            value += " " + std::string{row.unit};
        const auto which = [&] {
            if (row.setting.empty()) return std::string{};
            return "`" + std::string{row.setting} + "`";
        }();
        const std::string_view counts = row.hits != nullptr && row.current != nullptr ? "hits, now"
                                        : row.hits != nullptr                         ? "hits"
                                        : row.current != nullptr                      ? "now"
                                                                                      : "";
        out.append("| ").append(row.name).append(" | ").append(row.each).append(" | ");
        out.append(which).append(" | ").append(value).append(" | ").append(row.why);
        out.append(" | ").append(row.answer).append(" | ").append(counts).append(" |\n");
    }
    return out;
}

} // namespace moqrtc::reference
