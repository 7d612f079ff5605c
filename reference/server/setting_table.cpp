#include "common/certificate.hpp"
#include "setting_table.hpp"
#include "setting_values.hpp"

#include <algorithm>
#include <array>

namespace moqrtc::reference {
namespace {

using kind = setting_kind;
using verdict = std::expected<void, std::string>;

verdict endpoint(std::string_view text) {
    if (const auto parsed = parse_endpoint(text); !parsed) return std::unexpected(parsed.error());
    return {};
}

verdict endpoint_or_off(std::string_view text) {
    return text == "off" ? verdict{} : endpoint(text);
}

verdict upstream_url(std::string_view text) {
    const auto parsed = parse_locator(text);
    if (!parsed) return std::unexpected(parsed.error());
    return {};
}

verdict fingerprint(std::string_view text) {
    if (parse_sha256(text)) return {};
    return std::unexpected("'" + std::string{text} + "' is not 64 hexadecimal digits");
}

verdict spoken_draft(std::string_view text) {
    const auto parsed = parse_offered_draft(text);
    if (parsed && text == std::to_string(moqt::number(parsed->version))) return {};
    return std::unexpected("draft '" + std::string{text} + "' is not spoken: " + spoken_list() +
                           " are");
}

/// A draft, or a private name for one.
verdict draft_to_offer(std::string_view text) {
    return parse_offered_draft(text) && text.find('=') != text.npos ? verdict{}
                                                                    : spoken_draft(text);
}

verdict dialect_or_off(std::string_view text) {
    if (text == "off" || webtransport::dialect_named(text)) return {};
    return std::unexpected("'" + std::string{text} +
                           "' is no dialect: 02, 07, 13 and 15 are, or off");
}

verdict draft_or_refuse(std::string_view text) {
    return text == "refuse" ? verdict{} : spoken_draft(text);
}

/// A host, or an origin as browsers write it.
verdict origin(std::string_view text) {
    const auto scheme = text.find("://");
    const auto rest = scheme == text.npos ? text : text.substr(scheme + 3);
    if (!rest.empty() && scheme != 0 && rest.find_first_of("/?# ") == rest.npos) return {};
    return std::unexpected("'" + std::string{text} +
                           "' is no origin: write https://host[:port], a host, same or any");
}

/// RFC 7065.
verdict turn_url(std::string_view text) {
    const auto colon = text.find(':');
    const auto scheme = text.substr(0, colon);
    const bool known =
        scheme == "turn" || scheme == "turns" || scheme == "stun" || scheme == "stuns";
    if (known && colon + 1 < text.size() && text[colon + 1] != '/') return {};
    return std::unexpected("'" + std::string{text} +
                           "' is no TURN server: write turn:HOST[:PORT][?transport=udp|tcp], "
                           "turns:…, stun:… or stuns:…");
}

verdict not_empty(std::string_view text) {
    if (!text.empty()) return {};
    return std::unexpected("is empty");
}

using s = server_settings;

// A row: the lambda names the member, its type chooses how it is written.
template <auto Member>
constexpr setting row(std::string_view key, kind what, std::string_view value,
                      std::string_view help) {
    setting out{};
    out.key = key;
    out.kind = what;
    out.value = value;
    out.help = help;
    out.assign = [](s& to, std::span<const std::string> values) { read_value(values, Member(to)); };
    out.show = [](const s& from) {
        auto copy = from;
        return show_value(Member(copy));
    };
    return out;
}

constexpr setting checked(setting what, verdict (*check)(std::string_view)) {
    what.check = check;
    return what;
}
constexpr setting within(setting what, std::uint64_t least, std::uint64_t most = UINT64_MAX) {
    what.least = least;
    what.most = most;
    return what;
}
constexpr setting secret(setting what) {
    what.secret = true;
    return what;
}
constexpr setting reloading(setting what) {
    what.reloads = true;
    return what;
}

// clang-format off
#define MEMBER(...) [](s& x) -> auto& { return x.__VA_ARGS__; }
const std::array table{
    checked(row<MEMBER(listen)>("listen", kind::text, "HOST:PORT", "UDP address of QUIC; port 0 picks a free one, `*` is every address"), endpoint),
    checked(row<MEMBER(http)>("http", kind::text, "HOST:PORT", "TCP address of plain HTTP (health, metrics, status), or `off`"), endpoint_or_off),
    checked(row<MEMBER(https)>("https", kind::text, "HOST:PORT", "TCP address of HTTPS: the same as HTTP, with the certificate of QUIC; or `off`"), endpoint_or_off),
    row<MEMBER(api_keys)>("api-keys", kind::choice, "auto|always", "whether callers of `/api/v1` need a key; auto: unless requests need no token and HTTP and HTTPS are on loopback alone"),
    row<MEMBER(allow_plaintext)>("allow-plaintext", kind::flag, "", "plain HTTP may listen on other addresses than loopback"),
    checked(row<MEMBER(host)>("host", kind::list, "NAME", "further names that browsers call this server by, besides those in its certificate; `*.` before a name stands for one label, `*` alone is any name"), not_empty),
    checked(row<MEMBER(origin)>("origin", kind::list, "ORIGIN", "pages that may open sessions: `https://host[:port]`, a host, `same` (the host that they call) or `any`; default: `any` when requests need tokens, else `same`"), origin),
    checked(row<MEMBER(webtransport_dialects)>("webtransport-dialects", kind::list, "02,07,13,15", "drafts of WebTransport over HTTP/3 that are announced, or `off`"), dialect_or_off),
    checked(row<MEMBER(webtransport_default_draft)>("webtransport-default-draft", kind::text, "N|refuse", "draft of moq-transport for WebTransport clients that offer none, as those of draft 14 do; none if it is not among the drafts"), draft_or_refuse),
    row<MEMBER(web_dir)>("web-dir", kind::text, "DIR", "serve the web client's files from there (for its developers)"),
    checked(row<MEMBER(upstream)>("upstream", kind::list, "URL", "relay to ask for what nobody here publishes, `moqt://host:port[/path]`, or `https://…` for WebTransport"), upstream_url),
    row<MEMBER(upstream_ca)>("upstream-ca", kind::text, "FILE", "certificate authorities of upstream relays (PEM); default: the system's"),
    checked(row<MEMBER(upstream_cert_sha256)>("upstream-cert-sha256", kind::list, "HEX", "SHA-256 of an upstream relay's certificate to believe, whoever signed it"), fingerprint),
    row<MEMBER(insecure_upstream)>("insecure-upstream", kind::flag, "", "believe any certificate of upstream relays"),
    row<MEMBER(data_dir)>("data-dir", kind::text, "DIR", "certificate, keys, records of the control API; default: `moqrtc` in the user's data directory"),
    reloading(row<MEMBER(cert)>("cert", kind::text, "FILE", "certificate chain (PEM); none: one is made and renewed")),
    reloading(row<MEMBER(key)>("key", kind::text, "FILE", "its key (PEM)")),
    checked(row<MEMBER(cert_name)>("cert-name", kind::list, "NAME", "further names or addresses in the certificate that is made"), not_empty),
    row<MEMBER(auth)>("auth", kind::choice, "auto|off|required", "whether requests need tokens; auto: off when every listener is on loopback, required otherwise"),
    checked(row<MEMBER(drafts)>("drafts", kind::list, "18,17,16,15,14", "drafts of moq-transport that are offered, best first; `NAME=18` for a private name"), draft_to_offer),
    within(row<MEMBER(threads)>("threads", kind::number, "N", "network threads, each with a socket and a cache of its own"), 1, 64),
    row<MEMBER(format)>("log-format", kind::choice, "text|json", "lines on standard error"),
    reloading(row<MEMBER(level)>("log-level", kind::choice, "debug|info|warning|error|off", "least level that is written")),
    row<MEMBER(qlog_dir)>("qlog-dir", kind::text, "DIR", "write traces there: a qlog of every connection, an mlog of every session"),
    reloading(within(row<MEMBER(drain)>("drain", kind::time, "S", "longest wait for sessions to leave after SIGTERM"), 0, 3600)),

    within(row<MEMBER(memory)>("limits.memory", kind::size, "SIZE", "buffers of sessions and cache together"), 16u << 20),
    within(row<MEMBER(admission.sessions)>("limits.sessions", kind::number, "N", "sessions"), 1, 1'000'000),
    within(row<MEMBER(admission.sessions_per_address)>("limits.sessions-per-address", kind::number, "N", "sessions from one address (IPv6: its /64)"), 1, 1'000'000),
    within(row<MEMBER(admission.publishers)>("limits.publishers", kind::number, "N", "publishers: sessions that publish, counted once for each namespace"), 0, 10'000'000),
    within(row<MEMBER(admission.subscribers)>("limits.subscribers", kind::number, "N", "subscribers: sessions that are subscribed, counted once for each namespace"), 0, 100'000'000),
    within(row<MEMBER(admission.subscribers_per_room)>("limits.subscribers-per-room", kind::number, "N", "subscribers of one namespace, which is one broadcast or call"), 0, 10'000'000),
    within(row<MEMBER(admission.streams)>("limits.streams", kind::number, "N", "namespaces in which somebody publishes"), 0, 10'000'000),
    within(row<MEMBER(admission.account_publishers)>("limits.account-publishers", kind::number, "N", "publishers with credentials of one organisation"), 0, 10'000'000),
    within(row<MEMBER(admission.account_subscribers)>("limits.account-subscribers", kind::number, "N", "subscribers with credentials of one organisation"), 0, 100'000'000),
    row<MEMBER(admission.account_bitrate)>("limits.account-bitrate", kind::number, "BIT/S", "what sessions of one organisation send and receive, above which it gets no further publisher or subscriber; 0: any"),
    within(row<MEMBER(admission.address_session_rate)>("limits.address-session-rate", kind::number, "N", "new sessions from one address in a second, ten times as many at once; 0: any"), 0, 1'000'000),
    within(row<MEMBER(admission.address_request_rate)>("limits.address-request-rate", kind::number, "N", "requests from one address in a second, ten times as many at once; 0: any"), 0, 1'000'000),
    within(row<MEMBER(admission.account_session_rate)>("limits.account-session-rate", kind::number, "N", "new sessions of one organisation in a second, ten times as many at once; 0: any"), 0, 1'000'000),
    within(row<MEMBER(admission.account_request_rate)>("limits.account-request-rate", kind::number, "N", "requests of one organisation in a second, ten times as many at once; 0: any"), 0, 1'000'000),
    within(row<MEMBER(admission.unauthorized)>("limits.unauthorized", kind::number, "N", "connections that have to show a credential and have not; the oldest makes room"), 1, 1'000'000),
    within(row<MEMBER(admission.unauthorized_bytes)>("limits.unauthorized-bytes", kind::size, "SIZE", "what such a connection may send"), 16u << 10, 16u << 20),
    within(row<MEMBER(admission.unauthorized_streams)>("limits.unauthorized-streams", kind::number, "N", "streams that it may have open in each direction"), 8, 1u << 20),
    within(row<MEMBER(admission.unauthorized_time)>("limits.unauthorized-time", kind::time, "S", "how long it may take to show one"), 1, 3600),
    within(row<MEMBER(relay.max_tracks)>("limits.tracks", kind::number, "N", "tracks"), 1, 10'000'000),
    within(row<MEMBER(relay.max_sources_per_track)>("limits.publishers-per-track", kind::number, "N", "publishers of one track"), 1, 1'000),
    within(row<MEMBER(requests_per_session)>("limits.requests-per-session", kind::number, "N", "requests of one session that are open at one time"), 1, 1'000'000),
    within(row<MEMBER(relay.max_subscriptions_per_session)>("limits.subscriptions-per-session", kind::number, "N", "subscriptions of one session"), 1, 1'000'000),
    within(row<MEMBER(relay.max_fetches_per_session)>("limits.fetches-per-session", kind::number, "N", "fetches of one session at one time"), 1, 1'000'000),
    within(row<MEMBER(relay.max_namespaces_per_session)>("limits.namespaces-per-session", kind::number, "N", "namespaces that one session publishes, and those it asks for"), 1, 1'000'000),
    within(row<MEMBER(relay.backlog_bytes)>("limits.backlog", kind::size, "SIZE", "unsent bytes of a subscription before old groups are dropped for it"), 64u << 10),
    within(row<MEMBER(relay.backlog_age)>("limits.backlog-age", kind::time, "S", "age of what is unsent before old groups are dropped"), 0, 3600),
    within(row<MEMBER(relay.hold_subscribe)>("limits.hold-subscribe", kind::time, "S", "how long a subscription waits for a publisher where the draft leaves it open"), 0, 3600),
    within(row<MEMBER(relay.publisher_grace)>("limits.publisher-grace", kind::time, "S", "how long subscribers wait for a publisher that is gone"), 0, 86400),
    within(row<MEMBER(relay.linger)>("limits.linger", kind::time, "S", "how long a subscription to a publisher outlives its last subscriber"), 0, 3600),
    within(row<MEMBER(http_connections)>("limits.http-connections", kind::number, "N", "connections to HTTP and HTTPS at one time"), 1, 100'000),

    row<MEMBER(mode)>("media.mode", kind::choice, "p2p|single_server_sfu|moq|auto", "which way calls take, as clients are told; `single_server_sfu` is a prototype of interfaces, with nothing behind them"),

    row<MEMBER(features.moq)>("features.moq", kind::flag, "", "sessions of Media over QUIC"),
    row<MEMBER(features.webhooks)>("features.webhooks", kind::flag, "", "delivery of webhooks"),
    row<MEMBER(features.sfu)>("features.sfu", kind::flag, "", "interfaces of a single-server SFU; nothing is behind them yet"),

    checked(row<MEMBER(turn.urls)>("turn.urls", kind::list, "URL", "TURN and STUN servers that clients are told of"), turn_url),
    row<MEMBER(turn.username)>("turn.username", kind::text, "NAME", "user at the TURN servers"),
    secret(row<MEMBER(turn.credential)>("turn.credential", kind::text, "SECRET", "that user's password; never shown again")),

    row<MEMBER(recording_dir)>("recording.dir", kind::text, "DIR", "where recordings go; it has to be there and writable"),

    row<MEMBER(relay.cache_bytes)>("cache.bytes", kind::size, "SIZE", "all tracks together"),
    row<MEMBER(relay.cache_track_bytes)>("cache.track-bytes", kind::size, "SIZE", "one track"),
    within(row<MEMBER(relay.cache_groups)>("cache.groups", kind::number, "N", "groups of one track"), 1, 1'000'000),
    within(row<MEMBER(relay.cache_age)>("cache.age", kind::time, "S", "of an object; the newest group stays while its track lives"), 0, 86400),
    row<MEMBER(relay.receive_unwatched)>("cache.receive-unwatched", kind::flag, "", "take in tracks that are offered before anybody subscribes"),
    row<MEMBER(relay.replay)>("cache.replay", kind::flag, "", "serve a start in the past from the newest group on"),

    within(row<MEMBER(quic.idle_timeout)>("quic.idle-timeout", kind::time, "S", "silence that ends a connection"), 1, 3600),
    within(row<MEMBER(quic.handshake_timeout)>("quic.handshake-timeout", kind::time, "S", "longest handshake"), 1, 3600),
    row<MEMBER(quic.congestion)>("quic.congestion", kind::choice, "cubic|bbr|reno", "congestion control"),
    row<MEMBER(quic.retry)>("quic.retry", kind::choice, "never|under-load|always", "when clients prove their address before any state is kept"),
    within(row<MEMBER(quic.connections)>("quic.connections", kind::number, "N", "connections"), 1, 10'000'000),
    within(row<MEMBER(quic.handshakes)>("quic.handshakes", kind::number, "N", "connections whose handshake is not complete"), 1, 10'000'000),
    within(row<MEMBER(quic.retry_rate)>("quic.retry-rate", kind::number, "N", "new connections in a second without proof of their address, above which `under-load` asks for Retry; 0: any"), 0, 1'000'000),
    within(row<MEMBER(quic.loaded_handshakes)>("quic.loaded-handshakes", kind::number, "N", "incomplete handshakes from which on `under-load` asks for Retry"), 0, 10'000'000),
    within(row<MEMBER(quic.connection_window)>("quic.connection-window", kind::size, "SIZE", "flow control window of a connection, to begin with"), 64u << 10, 1u << 30),
    within(row<MEMBER(quic.stream_window)>("quic.stream-window", kind::size, "SIZE", "flow control window of a stream, to begin with"), 16u << 10, 1u << 30),
    within(row<MEMBER(quic.bidirectional_streams)>("quic.bidirectional-streams", kind::number, "N", "streams that a peer may have open"), 1, 1u << 20),
    within(row<MEMBER(quic.unidirectional_streams)>("quic.unidirectional-streams", kind::number, "N", "streams that a peer may have open"), 3, 1u << 20),
    within(row<MEMBER(quic.udp_payload)>("quic.udp-payload", kind::number, "BYTES", "largest UDP payload that path MTU discovery tries"), 1200, 65527),
    row<MEMBER(quic.path_mtu_discovery)>("quic.path-mtu-discovery", kind::flag, "", "look for the largest packet that the path carries"),
    row<MEMBER(quic.segmentation_offload)>("quic.segmentation-offload", kind::flag, "", "let the kernel cut and join datagrams"),
};
#undef MEMBER
// clang-format on

} // namespace

std::span<const setting> setting_table() {
    return table;
}

const setting* find_setting(std::string_view key) {
    const auto found = std::ranges::find(table, key, &setting::key);
    return found == table.end() ? nullptr : &*found;
}

} // namespace moqrtc::reference
