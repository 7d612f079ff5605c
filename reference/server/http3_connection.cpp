#include "common/clock.hpp"
#include "http3_connection.hpp"
#include "log.hpp"

#include <algorithm>
#include <utility>

namespace moqrtc::reference {
namespace {

/// Of an answer's content handed to the machine at a time.
constexpr std::size_t portion = 64 << 10;

struct target {
    std::string_view path;
    std::string_view query;
};

target split(std::string_view path) {
    const auto mark = std::min(path.find('?'), path.size());
    return {path.substr(0, mark), path.substr(std::min(mark + 1, path.size()))};
}

} // namespace

void http3_connection::handle(instant now, const webtransport::event& event) {
    using kind = webtransport::event::kind;
    switch (event.what) {
    case kind::session_requested:
        return decide(now, event);
    case kind::request:
        return serve(now, event);
    case kind::drained:
        return write(now, event.stream);
    case kind::aborted:
    case kind::stopped:
        contents_.erase(event.stream);
        return;
    default:
        return; // the content of requests is not wanted
    }
}

void http3_connection::leave(instant now) {
    machine().goaway(now);
    drain(now);
    transport().wake();
}

void http3_connection::decide(instant now, const webtransport::event& request) {
    const auto from = transport().peer();
    const auto peer = from.to_string();
    const auto [path, query] = split(request.path());
    const door_request asked{
        path, query, request.authority(), request.fields.value("origin"), peer, &request.fields,
        from};
    auto answer = host_->decide(asked);
    const auto offered = webtransport::offered_protocols(request);
    const auto chosen = std::ranges::find_if(host_->drafts, [&](const offered_draft& d) {
        return std::ranges::find(offered, d.protocol) != offered.end();
    });
    std::optional<moqt::draft> version;
    if (chosen != host_->drafts.end())
        version = chosen->version;
    else if (offered.empty())
        version = host_->fallback;
    if (answer.status == 200 && !version)
        answer = {400,
                  offered.empty() ? "no draft of moq-transport was offered" : "no draft in common"};
    if (answer.status != 200) {
        ++host_->statistics.sessions_refused;
        if (const auto held_back = host_->refusals.pass(now))
            log_line{log_level::warning, "door_refused"}
                .with("peer", peer)
                .with("path", path)
                .maybe("origin", asked.origin)
                .with("status", answer.status)
                .maybe("reason", answer.why)
                .with("held_back", *held_back);
        (void)machine().respond(now, request.stream, static_cast<std::uint16_t>(answer.status));
        return;
    }
    const auto protocol =
        chosen == host_->drafts.end() ? std::string_view{} : std::string_view{chosen->protocol};
    // Refused when the client is gone already.
    if (!machine().accept(now, request.stream, protocol)) return;
    ++host_->statistics.sessions_total;
    auto& session = add_session(std::string{path}, host_->make_link);
    name(session, request.stream);
    if (host_->admitted) host_->admitted(session.link(), answer.pass);
    if (!session.link().begin(now, *version))
        (void)machine().close_session(now, request.stream, 0x1, "no room for a session");
}

void http3_connection::serve(instant now, const webtransport::event& request) {
    ++host_->statistics.requests;
    const auto stream = request.stream;
    const bool head = request.method() == "HEAD";
    if (!head && request.method() != "GET")
        return answer(now, stream, false, plain_text(405, "only GET and HEAD"));
    const auto [path, query] = split(request.path());
    const http_request asked{std::string{path}, std::string{query},
                             std::string{request.authority()},
                             std::string{request.fields.value("if-none-match")}};
    host_->answer(asked, [weak = std::weak_ptr{self_}, post = host_->post, stream, head,
                          asked](http_response with) {
        post([weak, stream, head, with = unless_known(asked, std::move(with))] {
            const auto alive = weak.lock();
            if (alive == nullptr) return;
            const auto then = steady_now();
            (*alive)->answer(then, stream, head, with);
            (*alive)->drain(then);
            (*alive)->transport().wake();
        });
    });
}

void http3_connection::answer(instant now, webtransport::stream_id stream, bool head,
                              const http_response& with) {
    const auto values = fields_of(with);
    const auto length = std::to_string(with.content().size());
    std::vector<webtransport::field> fields;
    for (const auto& [name, value] : values)
        fields.push_back({name, value});
    if (with.status != 304) fields.push_back({"content-length", length});
    const bool empty = head || with.content().empty();
    if (!machine().respond(now, stream, static_cast<std::uint16_t>(with.status), fields, empty))
        return; // the client is gone
    if (empty) return;
    // Files of the program need no copy, so that many requests for them cost next to nothing.
    if (with.body.empty())
        (void)machine().write_content(now, stream, slice::borrowed(as_bytes(with.embedded)), true);
    else
        contents_[stream] = {with.body, 0};
    write(now, stream);
}

void http3_connection::write(instant now, webtransport::stream_id stream) {
    const auto found = contents_.find(stream);
    if (found == contents_.end()) return;
    auto& [body, written] = found->second;
    const auto part = as_bytes(std::string_view{body}.substr(written, portion));
    const bool last = written + part.size() == body.size();
    auto data = slice::copy(pool(), part);
    if (data.empty() || !machine().write_content(now, stream, std::move(data), last)) {
        // Out of memory, or gone.
        (void)machine().cancel(now, stream, webtransport::http_code::h3_internal_error);
        contents_.erase(found);
        return;
    }
    written += part.size();
    if (last) contents_.erase(found);
}

} // namespace moqrtc::reference
