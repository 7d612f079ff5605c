#include "settings.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace moqrtc::reference {

namespace {

/// Every address: of both families, where the system has the newer one.
std::string_view every_host() {
    static const bool both = [] {
        const int probe = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (probe < 0) return errno != EAFNOSUPPORT;
        ::close(probe);
        return true;
    }();
    return both ? "::" : "0.0.0.0";
}

} // namespace

std::expected<socket_address, std::string> parse_endpoint(std::string_view text) {
    const auto wrong = [&] {
        return std::unexpected("'" + std::string{text} +
                               "' is not HOST:PORT with a numeric address, localhost or *");
    };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return wrong();
    auto host = text.substr(0, colon);
    const auto digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, failure] = std::from_chars(digits.begin(), digits.end(), port);
    if (failure != std::errc{} || end != digits.end()) return wrong();
    const bool bracketed = host.starts_with('[');
    if (bracketed != host.ends_with(']')) return wrong();
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (!bracketed && host.find(':') != std::string_view::npos) return wrong();
    if (host == "localhost") host = "127.0.0.1";
    if (!bracketed && (host.empty() || host == "*")) host = every_host();
    auto found = socket_address::parse(host, port);
    if (!found) return wrong();
    return *found;
}

std::vector<std::string> default_drafts() {
    std::vector<std::string> out;
    for (const auto d : moqt::spoken_drafts)
        if (d <= moqt::newest_offered) out.push_back(std::to_string(moqt::number(d)));
    return out;
}

offered_drafts_list offered_drafts(const server_settings& settings) {
    offered_drafts_list out;
    for (const auto& text : settings.drafts)
        if (auto one = parse_offered_draft(text)) out.push_back(std::move(*one));
    return out;
}

webtransport::dialect_set offered_dialects(const server_settings& settings) {
    webtransport::dialect_set out;
    for (const auto& text : settings.webtransport_dialects)
        if (const auto one = webtransport::dialect_named(text)) out.add(*one);
    return out;
}

std::optional<moqt::draft> fallback_draft(const server_settings& settings) {
    for (const auto& d : offered_drafts(settings))
        if (settings.webtransport_default_draft == std::to_string(moqt::number(d.version)))
            return d.version;
    return std::nullopt;
}

bool wants_tokens(const server_settings& settings) {
    const auto is_local = [](const std::string& text) {
        return text == "off" || parse_endpoint(text)->is_loopback();
    };
    if (settings.auth != auth_mode::automatic) return settings.auth == auth_mode::required;
    return !is_local(settings.listen) || !is_local(settings.http) || !is_local(settings.https);
}

std::vector<std::string> allowed_origins(const server_settings& settings) {
    if (!settings.origin.empty()) return settings.origin;
    return {wants_tokens(settings) ? "any" : "same"};
}

bool wants_api_keys(const server_settings& settings) {
    const auto is_local = [](const std::string& text) {
        return text == "off" || parse_endpoint(text)->is_loopback();
    };
    return settings.api_keys == api_key_mode::always || wants_tokens(settings) ||
           !is_local(settings.http) || !is_local(settings.https);
}

std::expected<void, std::string> check_recording_dir(const server_settings& settings) {
    if (settings.recording_dir.empty()) return {};
    // Asking for permissions says nothing about read-only file systems, and nothing to root.
    auto name = settings.recording_dir + "/.moqrtc-XXXXXX";
    const int made = ::mkstemp(name.data());
    if (made < 0)
        return std::unexpected("recording.dir: " + settings.recording_dir +
                               " cannot be written: " + std::strerror(errno));
    ::close(made);
    ::unlink(name.c_str());
    return {};
}

std::expected<void, setting_conflict> check_together(const server_settings& s) {
    const auto fail = [](std::string_view key, std::string what) {
        return std::unexpected(setting_conflict{key, std::move(what)});
    };
    if (s.cert.empty() != s.key.empty())
        return fail(s.cert.empty() ? "cert" : "key", "cert and key are given together");
    if (s.webtransport_dialects.size() > 1 && std::ranges::count(s.webtransport_dialects, "off"))
        return fail("webtransport-dialects", "off stands alone");
    if (s.insecure_upstream && (!s.upstream_ca.empty() || !s.upstream_cert_sha256.empty()))
        return fail("insecure-upstream", "contradicts upstream-ca and upstream-cert-sha256");
    if (!s.upstream_ca.empty() && !s.upstream_cert_sha256.empty())
        return fail("upstream-ca", "contradicts upstream-cert-sha256");
    if (s.turn.urls.empty() && !(s.turn.username.empty() && s.turn.credential.empty()))
        return fail(s.turn.username.empty() ? "turn.credential" : "turn.username",
                    "turn.urls names no server");
    const auto is_local = [](const std::string& text) {
        return text == "off" || parse_endpoint(text)->is_loopback();
    };
    if (!is_local(s.http) && !s.allow_plaintext)
        return fail("http", "plain HTTP is for loopback; allow-plaintext lifts that");
    return {};
}

} // namespace moqrtc::reference
