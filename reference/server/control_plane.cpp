#include "control_plane.hpp"
#include "host_names.hpp"
#include "metrics_text.hpp"
#include "status_page.hpp"

#include <string>
#include <utility>

namespace moqrtc::reference {
namespace {

http_response of_type(std::string_view type, std::string text) {
    http_response out;
    out.content_type = type;
    out.body = std::move(text);
    return out;
}

http_response page() {
    auto out = of_type("text/html; charset=utf-8", std::string{status_page});
    out.policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                 "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";
    return out;
}

/// What tells names of tracks, sessions and addresses.
bool is_private(std::string_view path) {
    return path.starts_with("/api/") || path == "/status" || control_api::is_ours(path);
}

http_response ready(const server_facts& facts) {
    switch (facts.phase) {
    case server_phase::serving:
        return plain_text(200, "ready");
    case server_phase::draining:
        return plain_text(503, "draining");
    case server_phase::starting:
        break;
    }
    return plain_text(503, "starting");
}

http_response certificate(const server_facts& facts) {
    auto text = facts.certificate.sha256;
    if (!facts.certificate.next_sha256.empty()) text += "\n" + facts.certificate.next_sha256;
    auto out = plain_text(200, text);
    out.any_origin = true;
    return out;
}

/// What WebTransport would answer to a session at `?path=`: pages are not told by their browser.
http_response door(const door_policy& doors, const http_request& request) {
    const auto wanted = query_value(request.query, "path");
    const auto mark = std::min(wanted.find('?'), wanted.size());
    const std::string_view whole = wanted;
    door_request asked;
    asked.path = whole.substr(0, mark);
    asked.query = whole.substr(std::min(mark + 1, whole.size()));
    asked.authority = request.host;
    const auto answer = doors.decide(asked);
    auto out = plain_text(answer.status, answer.why.empty() ? "open" : answer.why);
    out.is_door = true;
    return out;
}

} // namespace

http_server::handler control_handler(status_board& board, std::shared_ptr<const web_files> web,
                                     std::shared_ptr<const door_policy> doors, control_api& api) {
    return [&board, web, doors, &api](const http_request& request, http_server::reply reply) {
        const auto with = [&](bool everything, auto render) {
            board.ask(everything, [reply, render](const auto& status) { reply(render(*status)); });
        };
        const std::string_view path = request.path;
        const auto facts = board.facts();
        if (is_private(path) && !request.host.empty() &&
            !is_own_host(host_of(request.host), facts.names()))
            return reply(plain_text(403, "this server has another name (see --host)"));
        if (path == "/healthz") return reply(plain_text(200, "ok"));
        if (path == "/readyz") return reply(ready(facts));
        if (path == "/certificate.sha256") return reply(certificate(facts));
        if (path == "/status") return reply(page());
        if (path == "/api/v1/door") return reply(door(*doors, request));
        if (control_api::is_ours(path)) return api.handle(request, std::move(reply));
        if (request.method != "GET") return reply(plain_text(405, "only GET and HEAD"));
        if (path == "/metrics")
            return with(false, [&api](const server_status& now) {
                return of_type("text/plain; version=0.0.4; charset=utf-8",
                               metrics_text(now) + api_metrics_text(api.counters()));
            });
        if (auto file = web->find(request, facts.quic)) return reply(std::move(*file));
        reply(plain_text(404, "nothing is here"));
    };
}

http_server::body_rule control_bodies() {
    return [](const http_request& head) -> std::optional<std::size_t> {
        if (!control_api::is_ours(head.path)) return std::nullopt;
        return control_api::largest_body;
    };
}

http_server::handler public_handler(status_board& board, std::shared_ptr<const web_files> web) {
    return [&board, web](const http_request& request, http_server::reply reply) {
        const auto facts = board.facts();
        if (request.path == "/healthz") return reply(plain_text(200, "ok"));
        if (request.path == "/certificate.sha256") return reply(certificate(facts));
        if (auto file = web->find(request, facts.quic)) return reply(std::move(*file));
        reply(plain_text(404, "nothing is here"));
    };
}

http_server::handler certificate_handler(status_board& board) {
    return [&board](const http_request& request, http_server::reply reply) {
        reply(request.path == "/certificate.sha256" ? certificate(board.facts())
                                                    : plain_text(404, "nothing is here"));
    };
}

} // namespace moqrtc::reference
