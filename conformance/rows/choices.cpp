#include "rows.hpp"

#include <array>

// SHOULD and MAY: each of the ways that the draft leaves open is right, others are not.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

task<verdict> unanswered_request(stage& s) {
    feed_options options;
    options.answered = false;
    const auto f = co_await feeds(s, options);
    co_await s.until([&] { return f.p->closed.has_value(); }, seconds(5));
    if (f.p->closed) co_return judge_ending(*f.p, moqt::close_code::control_message_timeout);
    co_return co_await goes_on(s, f.p);
}
task<verdict> unwanted_publish(stage& s) {
    auto* const at = co_await ready(s);
    const auto name = s.track("unwanted");
    const auto r = at->ask(msg::publish{0, name.space.view(), as_bytes(name.name), 3, {}, {}});
    const auto* m = co_await answer_to(s, at, r);
    if (at->closed) co_return co_await goes_on(s, at);
    if (m == nullptr) co_return undecided("not answered");
    if (!is_error(*at, *m)) co_return pass("wanted");
    co_return co_await rejects(s, at, r, request_error_code::uninterested);
}
task<verdict> supported_requests(stage& s) {
    auto* const at = co_await ready(s);
    const auto name = s.track("asked");
    std::vector<request> asked;
    asked.push_back(at->ask(msg::track_status{0, name.space.view(), as_bytes(name.name), {}}));
    msg::subscribe_namespace names{};
    names.track_namespace_prefix = name.space.view();
    asked.push_back(at->ask(names));
    co_await answer_to(s, at, asked.back()); // on another stream it may be overtaken
    if (s.rules().subscribe_tracks)
        asked.push_back(at->ask(msg::subscribe_tracks{0, name.space.view(), {}}));
    for (const auto& r : asked) {
        const auto* m = co_await answer_to(s, at, r);
        if (at->closed) co_return co_await goes_on(s, at);
        if (m == nullptr) co_return undecided("a request is not answered");
    }
    co_return pass("every request is answered, NOT_SUPPORTED or otherwise");
}
task<verdict> request_after_goaway(stage& s) {
    auto* const at = co_await ready(s);
    at->send_message(at->control, goodbye(*at));
    const auto space = s.space("late");
    const auto r = at->ask(msg::publish_namespace{0, space.view(), {}});
    const auto* m = co_await answer_to(s, at, r);
    if (at->closed) co_return co_await goes_on(s, at);
    if (m == nullptr) co_return undecided("not answered");
    if (!is_error(*at, *m)) co_return pass("granted, which a peer may choose");
    co_return error_number(*at, *m) == to_wire(s.rules(), request_error_code::going_away)
        ? pass("refused with GOING_AWAY")
        : fail("refused with another code than GOING_AWAY");
}
task<verdict> discovery_ends(stage& s) {
    auto* const at = co_await ready(s);
    const inbound* m = nullptr;
    co_await s.until([&] {
        m = at->find(msg::subscribe_namespace::code(s.rules()));
        return m != nullptr || at->closed;
    });
    if (m == nullptr) throw inconclusive{"the peer sends no SUBSCRIBE_NAMESPACE"};
    const auto asked = parse<msg::subscribe_namespace>(s.rules(), m->body);
    if (!asked) throw inconclusive{"the peer's SUBSCRIBE_NAMESPACE does not parse"};
    at->grant(*m, asked->request_id);
    const auto suffix = space_of("here");
    at->send_message(m->stream, msg::namespace_message{suffix.view()}, true);
    co_return co_await goes_on(s, at);
}

/// A client that is sent elsewhere; that is where we are, under another path.
task<verdict> goes_where_it_is_sent(stage& s) {
    auto* const at = co_await ready(s);
    if (at->webtransport)
        throw inconclusive{"a path shows in SETUP on raw QUIC alone: without --webtransport"};
    auto* const next = &s.expect_side();
    constexpr std::string_view path = "/moved";
    next->place = (at->place.empty() ? s.target().authority : at->place) + std::string{path};
    at->send_message(at->control, goodbye(*at, "moqt://" + next->place));
    co_await s.until([&] { return next->met || next->closed; }, s.target().patience * 2);
    if (!next->open) co_return undecided("the client opens no other session, which it may");
    if (!next->met && s.rules().setup == setup_form::symmetric)
        co_return undecided("the client says no SETUP in its new session");
    const auto said = peer_options(*next).path;
    if (said && as_text(*said) == path) co_return pass("the new session is for the new URI");
    co_return fail("the new session is for " + (said ? std::string{as_text(*said)} : "no path") +
                   " instead of " + std::string{path});
}

constexpr std::array table{
    row{"MUST-18-128", fits::clients, goes_where_it_is_sent},
    row{"SHOULD-18-009", fits::receivers, unanswered_request},
    row{"SHOULD-18-011", fits::relay, unwanted_publish},
    row{"SHOULD-18-012", fits::relay, supported_requests},
    row{"SHOULD-18-013", fits::relay, request_after_goaway},
    row{"SHOULD-18-018", fits::subscriber, discovery_ends},
};

} // namespace

std::span<const row> choice_rows() {
    return table;
}

} // namespace moqrtc::conformance
