#include "json_text.hpp"
#include "limit_table.hpp"
#include "metrics_text.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>

namespace moqrtc::reference {
namespace {

struct metric {
    std::string_view name; ///< counters end in _total
    std::string_view help;
    std::uint64_t (*value)(const shard_report&);
};

// clang-format off
#define OF(...) [](const shard_report& r) -> std::uint64_t { return r.__VA_ARGS__; }
constexpr metric metrics[] = {
    {"sessions", "MoQT sessions that are established.", OF(relay.sessions)},
    {"sessions_total", "MoQT sessions that were begun.", OF(relay.sessions_total)},
    {"sessions_quic", "MoQT sessions on QUIC itself.", OF(sessions_quic)},
    {"sessions_webtransport", "MoQT sessions in WebTransport.", OF(sessions_webtransport)},
    {"webtransport_sessions_total", "WebTransport sessions that were opened.", OF(http3.sessions_total)},
    {"webtransport_sessions_refused_total", "WebTransport sessions that were refused.", OF(http3.sessions_refused)},
    {"http3_requests_total", "Plain requests over HTTP/3.", OF(http3.requests)},
    {"tracks", "Tracks that are known.", OF(relay.tracks)},
    {"namespaces", "Namespaces that are published.", OF(relay.namespaces)},
    {"subscribers", "Subscriptions that are served.", OF(relay.subscribers)},
    {"sources", "Subscriptions to publishers.", OF(relay.sources)},
    {"upstreams", "Upstream relays that are configured.", OF(upstreams)},
    {"upstreams_connected", "Upstream relays with an established session.", OF(upstreams_connected)},
    {"fetches_total", "FETCH requests that were served.", OF(relay.fetches)},
    {"fetches_upstream_total", "FETCH requests to publishers.", OF(relay.fetches_upstream)},
    {"objects_in_total", "Objects received from publishers.", OF(relay.objects_in)},
    {"bytes_in_total", "Payload bytes of objects received.", OF(relay.bytes_in)},
    {"objects_out_total", "Objects given to subscribers.", OF(relay.objects_out)},
    {"bytes_out_total", "Payload bytes of objects given to subscribers.", OF(relay.bytes_out)},
    {"objects_from_siblings_total", "Objects received from other threads of this server.", OF(relay.objects_from_siblings)},
    {"objects_to_siblings_total", "Objects given to other threads of this server.", OF(relay.objects_to_siblings)},
    {"objects_duplicate_total", "Objects received that were known already.", OF(relay.objects_duplicate)},
    {"objects_from_cache_total", "Objects served from the cache.", OF(relay.objects_from_cache)},
    {"streams_behind_total", "Streams reset because a subscriber was too far behind.", OF(relay.streams_behind)},
    {"malformed_tracks_total", "Tracks ended because what came in contradicted itself.", OF(relay.malformed_tracks)},
    {"requests_refused_total", "Requests answered with an error.", OF(relay.refused)},
    {"sessions_turned_away_total", "MoQT sessions closed at their SETUP.", OF(relay.turned_away)},
    {"auth_admitted_total", "MoQT sessions that were let in.", OF(doors.admitted)},
    {"auth_killed_total", "Sessions refused because MoQ is switched off.", OF(doors.killed)},
    {"auth_expired_total", "Requests and sessions ended because their token ran out.", OF(relay.expired)},
    {"auth_revoked_total", "Requests and sessions ended because their credential was taken back.", OF(relay.revoked)},
    {"auth_renewed_total", "Credentials that a newer token replaced in band.", OF(relay.renewed)},
    {"auth_signatures_total", "Signatures of tokens that were checked.", OF(tokens.verified)},
    {"auth_cached_total", "Tokens that were known already.", OF(tokens.cached)},
    {"cache_bytes", "Bytes in the cache.", OF(relay.cache_bytes)},
    {"cache_groups", "Groups in the cache.", OF(relay.cache_groups)},
    {"cache_objects", "Objects in the cache.", OF(relay.cache_objects)},
    {"pool_bytes", "Bytes of buffers in use, cache included.", OF(pool_bytes)},
    {"quic_connections", "QUIC connections.", OF(quic.connections)},
    {"quic_handshakes", "QUIC connections whose handshake is not complete.", OF(quic.handshakes)},
    {"quic_connections_accepted_total", "QUIC connections accepted.", OF(quic.connections_accepted)},
    {"quic_handshakes_completed_total", "QUIC handshakes completed.", OF(quic.handshakes_completed)},
    {"quic_connections_closed_total", "QUIC connections that ended.", OF(quic.connections_closed)},
    {"quic_connections_refused_total", "QUIC connections refused: over a limit or with a bad token.", OF(quic.connections_refused)},
    {"quic_idle_timeouts_total", "QUIC connections that ended in silence.", OF(quic.idle_timeouts)},
    {"quic_datagrams_received_total", "UDP datagrams received.", OF(quic.datagrams_received)},
    {"quic_datagrams_sent_total", "UDP datagrams sent.", OF(quic.datagrams_sent)},
    {"quic_receive_calls_total", "Calls to the kernel that received.", OF(quic.receive_calls)},
    {"quic_send_calls_total", "Calls to the kernel that sent.", OF(quic.send_calls)},
    {"quic_bytes_received_total", "UDP payload bytes received.", OF(quic.bytes_received)},
    {"quic_bytes_sent_total", "UDP payload bytes sent.", OF(quic.bytes_sent)},
    {"quic_packets_lost_total", "QUIC packets that were declared lost.", OF(quic.packets_lost)},
    {"quic_undecodable_total", "UDP datagrams that belong to nothing.", OF(quic.undecodable)},
    {"quic_send_failures_total", "UDP datagrams that the kernel refused.", OF(quic.send_failures)},
    {"quic_send_blocked_total", "Times that the socket's buffer was full.", OF(quic.send_blocked)},
    {"quic_retries_sent_total", "Retry packets.", OF(quic.retries_sent)},
    {"quic_stateless_resets_sent_total", "Stateless resets.", OF(quic.stateless_resets_sent)},
    {"quic_forwarded_total", "UDP datagrams handed to another thread.", OF(quic.forwarded)},
    {"quic_forwarding_dropped_total", "UDP datagrams that another thread had no room for.", OF(quic.forwarding_dropped)},
    {"quic_migrations_total", "Paths validated after the handshake.", OF(quic.migrations)},
    {"quic_key_updates_total", "Key updates.", OF(quic.key_updates)},
};
#undef OF
// clang-format on

void head(std::string& out, std::string_view name, std::string_view help) {
    const auto type = name.ends_with("_total") ? " counter\n" : " gauge\n";
    out.append("# HELP ").append(name).append(" ").append(help).append("\n");
    out.append("# TYPE ").append(name).append(type);
}

void single(std::string& out, std::string_view name, std::string_view help,
            const std::string& value, std::string_view labels = {}) {
    head(out, name, help);
    out.append(name).append(labels).append(" ").append(value).append("\n");
}

std::string unix_seconds(std::chrono::system_clock::time_point at) {
    return std::to_string(
        std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count());
}

/// What Prometheus' own clients tell of every process.
void process(std::string& out, const server_facts& facts) {
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0) {
        const auto us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1'000'000 +
                        used.ru_utime.tv_usec + used.ru_stime.tv_usec;
        auto part = std::to_string(1'000'000 + us % 1'000'000);
        part.front() = '.';
        single(out, "process_cpu_seconds_total", "CPU time of the process.",
               std::to_string(us / 1'000'000) + part);
    }
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    if (std::ifstream{"/proc/self/statm"} >> all >> resident)
        single(out, "process_resident_memory_bytes", "Memory of the process.",
               std::to_string(resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))));
    std::error_code failure;
    std::uint64_t open = 0;
    for (std::filesystem::directory_iterator at{"/proc/self/fd", failure}, end;
         !failure && at != end; at.increment(failure))
        ++open;
    if (!failure) single(out, "process_open_fds", "Open file descriptors.", std::to_string(open));
    single(out, "process_start_time_seconds", "When the process began, Unix time.",
           unix_seconds(facts.started));
}

/// Two figures that have a label more than the rest.
void by_transport(std::string& out, const server_status& status) {
    const auto both = [&](std::string_view name, std::string_view help, auto quic, auto web) {
        head(out, name, help);
        for (std::size_t i = 0; i < status.shards.size(); ++i) {
            const auto line =
                std::string{name} + "{shard=\"" + std::to_string(i) + "\",transport=\"";
            out += line + "quic\"} " + std::to_string(status.shards[i].*quic) + "\n";
            out += line + "webtransport\"} " + std::to_string(status.shards[i].*web) + "\n";
        }
    };
    both("moqrtc_active_sessions", "Sessions by what carries them.", &shard_report::sessions_quic,
         &shard_report::sessions_webtransport);
    both("moqrtc_bytes_sent_total", "UDP payload bytes sent on connections of sessions.",
         &shard_report::sent_quic, &shard_report::sent_webtransport);
}

/// Sessions and requests that were refused, by why.
void refusals(std::string& out, const server_status& status) {
    constexpr std::string_view name = "moqrtc_auth_refused_total";
    head(out, name, "Sessions and requests refused for want of a good token.");
    for (std::size_t i = 0; i < status.shards.size(); ++i)
        for (std::size_t why = 0; why < auth::refusal_reasons; ++why)
            out.append(name)
                .append("{shard=\"" + std::to_string(i) + "\",reason=\"")
                .append(auth::to_string(static_cast<auth::refusal_reason>(why)))
                .append("\"} " + std::to_string(status.shards[i].doors.refused[why]) + "\n");
}

void lag(std::string& out, const server_status& status) {
    constexpr std::string_view name = "moqrtc_event_loop_lag_seconds";
    out.append("# HELP ").append(name).append(" How late a network thread came to a timer.\n");
    out.append("# TYPE ").append(name).append(" histogram\n");
    const auto seconds = [](std::int64_t us) {
        auto part = std::to_string(1'000'000 + us % 1'000'000);
        part.front() = '.';
        while (part.size() > 2 && part.back() == '0')
            part.pop_back();
        return std::to_string(us / 1'000'000) + part;
    };
    for (std::size_t i = 0; i < status.shards.size(); ++i) {
        const auto& one = status.shards[i].lag;
        const auto shard = "{shard=\"" + std::to_string(i) + "\"";
        std::uint64_t all = 0;
        for (std::size_t k = 0; k < one.counts.size(); ++k) {
            all += one.counts[k];
            const auto bound = k < loop_lag::bounds.size() ? seconds(loop_lag::bounds[k]) : "+Inf";
            out.append(name).append("_bucket").append(shard).append(",le=\"").append(bound);
            out += "\"} " + std::to_string(all) + "\n";
        }
        out.append(name).append("_sum").append(shard).append("} ") += seconds(one.sum) + "\n";
        out.append(name).append("_count").append(shard).append("} ") += std::to_string(all) + "\n";
    }
}

} // namespace

std::string api_metrics_text(const api_counters& counted) {
    std::string out;
    const auto one = [&](std::string_view name, std::string_view help, std::uint64_t value) {
        single(out, name, help, std::to_string(value));
    };
    one("moqrtc_api_requests_total", "Requests of the control API.", counted.requests);
    one("moqrtc_api_refused_total", "Requests without a key that opens this.", counted.refused);
    one("moqrtc_api_limited_total", "Requests over a limit.", counted.limited);
    one("moqrtc_api_failed_total", "Requests that the server could not do.", counted.failed);
    one("moqrtc_webhooks_waiting", "Events that wait to be delivered.", counted.webhooks_waiting);
    one("moqrtc_webhooks_delivered_total", "Events delivered.", counted.webhooks_delivered);
    one("moqrtc_webhooks_failed_total", "Attempts to deliver that failed.",
        counted.webhooks_failed);
    return out;
}

std::string metrics_text(const server_status& status) {
    std::string out;
    out.reserve(16 << 10);
    for (const auto& one : metrics) {
        const auto name = "moqrtc_" + std::string{one.name};
        head(out, name, one.help);
        for (std::size_t i = 0; i < status.shards.size(); ++i)
            out += name + "{shard=\"" + std::to_string(i) + "\"} " +
                   std::to_string(one.value(status.shards[i])) + "\n";
    }
    std::string version;
    append_json(version, status.facts.version);
    single(out, "moqrtc_build_info", "The version, as a label.", "1", "{version=" + version + "}");
    by_transport(out, status);
    refusals(out, status);
    out += limits_metrics(status);
    lag(out, status);
    single(out, "moqrtc_memory_limit_bytes", "What limits.memory allows.",
           std::to_string(status.facts.memory_limit));
    single(out, "moqrtc_draining", "1 while sessions are asked to leave.",
           status.facts.phase == server_phase::draining ? "1" : "0");
    single(out, "moqrtc_certificate_not_after_seconds", "When the certificate ends, Unix time.",
           unix_seconds(status.facts.certificate.not_after));
    process(out, status.facts);
    return out;
}

} // namespace moqrtc::reference
