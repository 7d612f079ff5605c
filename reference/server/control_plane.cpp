#include "control_plane.hpp"
#include "metrics_text.hpp"
#include "status_json.hpp"
#include "status_page.hpp"

#include <string>
#include <utility>

namespace moqrtc::reference {
namespace {

http_response plain(unsigned status, std::string text) {
    return {status, "text/plain; charset=utf-8", std::move(text) + "\n"};
}

http_response json(std::string text) {
    return {200, "application/json", std::move(text)};
}

http_response ready(const server_facts& facts) {
    switch (facts.phase) {
    case server_phase::serving:
        return plain(200, "ready");
    case server_phase::draining:
        return plain(503, "draining");
    case server_phase::starting:
        break;
    }
    return plain(503, "starting");
}

http_response certificate(const server_facts& facts) {
    auto text = facts.certificate.sha256;
    if (!facts.certificate.next_sha256.empty()) text += "\n" + facts.certificate.next_sha256;
    auto out = plain(200, std::move(text));
    out.any_origin = true;
    return out;
}

} // namespace

http_server::handler control_handler(status_board& board) {
    return [&board](const std::string& path, http_server::reply reply) {
        const auto with = [&](bool everything, auto render) {
            board.ask(everything, [reply, render](const auto& status) { reply(render(*status)); });
        };
        if (path == "/healthz") return reply(plain(200, "ok"));
        if (path == "/readyz") return reply(ready(board.facts()));
        if (path == "/certificate.sha256") return reply(certificate(board.facts()));
        if (path == "/") return reply({200, "text/html; charset=utf-8", std::string{status_page}});
        if (path == "/metrics")
            return with(false, [](const server_status& now) {
                return http_response{200, "text/plain; version=0.0.4; charset=utf-8",
                                     metrics_text(now)};
            });
        if (path == "/api/v1/info") return reply(json(info_json(board.facts())));
        if (path == "/api/v1/streams")
            return with(true, [](const server_status& now) { return json(streams_json(now)); });
        if (path == "/api/v1/sessions")
            return with(true, [](const server_status& now) { return json(sessions_json(now)); });
        reply(plain(404, "nothing is here"));
    };
}

http_server::handler certificate_handler(status_board& board) {
    return [&board](const std::string& path, http_server::reply reply) {
        reply(path == "/certificate.sha256" ? certificate(board.facts())
                                            : plain(404, "nothing is here"));
    };
}

} // namespace moqrtc::reference
