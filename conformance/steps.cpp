#include "steps.hpp"

#include <algorithm>

namespace moqrtc::conformance {

using moqt::close_code;

std::string name_of_close(const side& at, std::uint64_t code) {
    const auto known = moqt::from_wire<close_code>(at.rules(), code);
    if (to_wire(at.rules(), known) == code) return std::string{to_string(known)};
    return "code " + std::to_string(code);
}

namespace {

/// Something that every peer has to answer: nothing that it keeps.
request ask_harmless(stage& s, side& at) {
    const auto name = s.track("nothing");
    if (s.target().peer != peer_kind::relay)
        return at.ask(moqt::msg::track_status{0, name.space.view(), as_bytes(name.name), {}});
    static unsigned count = 0; // a namespace of its own each time
    const auto space = s.space("alive" + std::to_string(count++));
    return at.ask(moqt::msg::publish_namespace{0, space.view(), {}});
}

} // namespace

task<side*> connects(stage& s, conditions wanted) {
    auto* at = &s.add_side(wanted);
    co_await s.until([at] { return at->open || at->closed; }, s.target().patience * 2);
    if (at->closed) throw inconclusive{"no connection: " + at->closed->reason};
    if (!at->open) throw inconclusive{"no connection within the time"};
    co_return at;
}

task<side*> meets(stage& s, const moqt::setup_options* options, conditions wanted) {
    auto* at = co_await connects(s, wanted);
    const bool answers_first = !at->client() && at->rules().setup != moqt::setup_form::symmetric;
    if (answers_first) {
        co_await s.until([at] { return at->met || at->closed; });
        if (!at->met) throw inconclusive{"the peer said no CLIENT_SETUP"};
    }
    at->set_up(options != nullptr ? *options : at->usual_options());
    co_await s.until([at] { return at->met || at->closed; });
    if (at->closed) throw inconclusive{"the session ended during SETUP: " + at->closed->reason};
    if (!at->met) throw inconclusive{"no SETUP of the peer within the time"};
    co_return at;
}

task<bool> is_alive(stage& s, side* at) {
    if (at->closed) co_return false;
    const auto r = ask_harmless(s, *at);
    co_await s.until([&] { return at->closed || at->answer(r) != nullptr; });
    co_return !at->closed && at->answer(r) != nullptr;
}

task<side*> answers(stage& s, side* at) {
    const bool alive = co_await is_alive(s, at);
    if (at->closed)
        throw inconclusive{"the session ended before the row's own part: " +
                           name_of_close(*at, at->closed->code) + " " + at->closed->reason};
    if (!alive) throw inconclusive{"a harmless request is not answered"};
    co_return at;
}

task<side*> ready(stage& s, const moqt::setup_options* options) {
    auto* at = co_await meets(s, options);
    co_return co_await answers(s, at);
}

verdict judge_ending(const side& at, codes with) {
    const auto& how = *at.closed;
    if (how.what != ending::how::application || !how.by_peer)
        return undecided("the connection ended without a code of MoQT: " + how.reason);
    if (how.code == to_wire(at.rules(), close_code::no_error))
        return undecided("closed without an error, perhaps for another reason");
    const bool right = with.any
                           ? how.code != to_wire(at.rules(), close_code::no_error)
                           : how.code == to_wire(at.rules(), with.first) ||
                                 (with.second && how.code == to_wire(at.rules(), *with.second));
    if (right) return pass("closed with " + name_of_close(at, how.code));
    auto wanted = with.any ? std::string{"an error"} : std::string{to_string(with.first)};
    if (with.second) wanted += " or " + std::string{to_string(*with.second)};
    return fail("closed with " + name_of_close(at, how.code) + " instead of " + wanted);
}

task<verdict> closes(stage& s, side* at, codes with) {
    // A peer that goes on shows that at once; one that needs longer to close is waited for.
    co_await s.until([at] { return at->closed.has_value(); }, milliseconds(300));
    if (at->closed) co_return judge_ending(*at, with);
    at->note("is the session alive?");
    const bool alive = co_await is_alive(s, at);
    if (at->closed) co_return judge_ending(*at, with);
    if (!alive) co_return undecided("neither closed nor answering");
    co_await s.until([at] { return at->closed.has_value(); }, milliseconds(200));
    if (at->closed) co_return judge_ending(*at, with);
    co_return fail("the session goes on: a later request is answered");
}

task<verdict> should_close(stage& s, side* at, codes with) {
    auto v = co_await closes(s, at, with);
    if (v.what == verdict::kind::fail && !at->closed)
        co_return pass("the session goes on, which a peer may choose");
    co_return v;
}

task<verdict> goes_on(stage& s, side* at) {
    const bool alive = co_await is_alive(s, at);
    if (at->closed) {
        if (at->closed->what == ending::how::application && at->closed->by_peer &&
            at->closed->code != 0)
            co_return fail("closed with " + name_of_close(*at, at->closed->code) + " " +
                           at->closed->reason);
        co_return undecided("the connection ended: " + at->closed->reason);
    }
    if (!alive) co_return undecided("no answer to a harmless request");
    co_return pass("the session goes on");
}

task<verdict> alive_without(stage& s, side* at, const char* what) {
    auto v = co_await goes_on(s, at);
    co_return v.what == verdict::kind::pass ? fail(what) : v;
}

task<const inbound*> answer_to(stage& s, side* at, request r) {
    co_await s.until([&] { return at->closed || at->answer(r) != nullptr; });
    co_return at->answer(r);
}

bool is_error(const side& at, const inbound& m) {
    return moqt::msg::name_of(at.rules(), m.type).ends_with("_ERROR");
}

std::optional<std::uint64_t> error_number(const side& at, const inbound& m) {
    if (!is_error(at, m)) return std::nullopt;
    reader io{at.rules(), bytes{m.body}};
    std::uint64_t number = 0;
    if (!at.rules().request_streams) io.varint("request_id", number);
    io.varint("error_code", number);
    if (!io.ok()) return std::nullopt;
    return number;
}

task<const inbound*> granted(stage& s, side* at, request r, const char* what) {
    const auto* m = co_await answer_to(s, at, r);
    if (m == nullptr)
        throw inconclusive{std::string{what} + (at->closed
                                                    ? ": the session ended: " + at->closed->reason
                                                    : " is not answered")};
    if (is_error(*at, *m))
        throw inconclusive{std::string{what} +
                           " is refused: " + describe_message(at->rules(), m->type, m->body)};
    co_return m;
}

namespace {

/// The registry of codes for the answer to a request of ours, where a draft has several.
moqt::error_registry registry_for(const side& at, const request& r) {
    using namespace moqt;
    const auto asked = std::ranges::find_if(at.asked, [&](const asked_request& a) {
        return a.what.stream == r.stream && a.what.id == r.id;
    });
    if (asked == at.asked.end()) return error_registry::subscribe;
    const auto is = [&](std::uint64_t type) { return asked->type == type; };
    if (is(msg::publish::code(at.rules()))) return error_registry::publish;
    if (is(msg::fetch::code(at.rules()))) return error_registry::fetch;
    if (is(msg::publish_namespace::code(at.rules()))) return error_registry::publish_namespace;
    if (is(msg::subscribe_namespace::code(at.rules()))) return error_registry::subscribe_namespace;
    return error_registry::subscribe;
}

} // namespace

task<verdict> rejects(stage& s, side* at, request r, std::optional<moqt::request_error_code> with) {
    const auto* m = co_await answer_to(s, at, r);
    if (at->closed) {
        if (at->closed->what == ending::how::application && at->closed->by_peer &&
            at->closed->code != 0)
            co_return fail("the session is closed with " + name_of_close(*at, at->closed->code) +
                           " instead of refusing the request");
        co_return undecided("the connection ended: " + at->closed->reason);
    }
    if (m == nullptr) {
        const auto* back = at->stream(r.stream);
        const bool own = at->rules().request_streams && back != nullptr && back->reset;
        co_return undecided(own ? "the request stream is reset without REQUEST_ERROR"
                                : "the request is not answered");
    }
    if (!is_error(*at, *m))
        co_return fail("the request is granted: " +
                       describe_message(at->rules(), m->type, m->body));
    const auto number = error_number(*at, *m);
    const auto registry = registry_for(*at, r);
    if (with && number != moqt::error_number(at->rules(), *with, registry)) {
        const auto is = number ? moqt::error_of(at->rules(), *number, registry)
                               : moqt::request_error_code::internal_error;
        co_return fail("refused with " + std::string{to_string(is)} + " (" +
                       std::to_string(number.value_or(0)) + ") instead of " +
                       std::string{to_string(*with)});
    }
    auto v = co_await goes_on(s, at);
    if (v.what == verdict::kind::pass) v.reason = "refused, and the session goes on";
    co_return v;
}

} // namespace moqrtc::conformance
