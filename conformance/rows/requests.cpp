#include "rows.hpp"

#include <array>

// Requests that have to be refused while the session goes on.
namespace moqrtc::conformance {
namespace {

using namespace moqt;
using enum request_error_code;

task<verdict> second_subscription(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    const auto r = f.s->ask(msg::subscribe{0, f.track.space.view(), as_bytes(f.track.name), {}});
    co_return co_await rejects(s, f.s, r, duplicate_subscription);
}

/// Makes the relay offer us a track by PUBLISH; returns the end that is offered it.
struct offer {
    side* to = nullptr;
    side* p = nullptr;
    const inbound* m = nullptr;
    full_track_name track{};
};
task<offer> offered(stage& s) {
    offer out;
    out.track = s.track();
    const auto space = s.space();
    out.to = co_await ready(s);
    const auto& rules = s.rules();
    request r;
    if (rules.subscribe_tracks)
        r = out.to->ask(msg::subscribe_tracks{0, space.view(), {}});
    else
        r = out.to->ask(msg::subscribe_namespace{.track_namespace_prefix = space.view(),
                                                 .options = msg::subscribe_options::both});
    co_await granted(s, out.to, r, "the request for tracks");
    out.p = co_await meets(s);
    out.p->ask(msg::publish{0, out.track.space.view(), as_bytes(out.track.name), 3, {}, {}});
    side* const to = out.to;
    co_await s.until([&] {
        out.m = to->find(msg::publish::code(rules));
        return out.m != nullptr || to->closed;
    });
    if (out.m == nullptr) throw inconclusive{"the peer offers us no track by PUBLISH"};
    co_return out;
}
task<verdict> subscribe_while_publish_waits(stage& s) {
    const auto o = co_await offered(s);
    const auto r = o.to->ask(msg::subscribe{0, o.track.space.view(), as_bytes(o.track.name), {}});
    co_return co_await rejects(s, o.to, r, duplicate_subscription);
}

// FETCH -----------------------------------------------------------------------------------------

request joins(side& at, request_id joined, std::uint64_t start = 0) {
    return at.ask(msg::fetch{.type = msg::fetch_type::relative_joining,
                             .joining_request_id = joined,
                             .joining_start = start});
}
task<verdict> joins_nothing(stage& s) {
    auto* at = co_await ready(s);
    const auto r = joins(*at, at->client() ? 4000 : 4001);
    co_return co_await rejects(s, at, r, invalid_joining_request_id);
}
task<verdict> joins_an_empty_track(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    const auto r = joins(*f.s, f.asked.id);
    co_return co_await rejects(s, f.s, r, invalid_range);
}
task<verdict> joins_without_forward(stage& s) {
    feed_options options;
    options.asked.forward = false;
    options.told.largest_object = location{3, 3};
    const auto f = co_await feeds(s, options);
    const auto r = joins(*f.s, f.asked.id, 1);
    co_return co_await rejects(s, f.s, r, invalid_range);
}
task<verdict> fetch_of(stage& s, std::optional<location> largest, location start, location end) {
    feed_options options;
    options.told.largest_object = largest;
    const auto f = co_await feeds(s, options);
    const auto r = f.s->ask(msg::fetch{.track_namespace = f.track.space.view(),
                                       .track_name = as_bytes(f.track.name),
                                       .start = start,
                                       .end = end});
    // A relay may leave the question to us: then we say what a publisher has to say.
    const inbound* m = nullptr;
    co_await s.until([&] {
        m = f.p->find(msg::fetch::code(s.rules()));
        return m != nullptr || f.s->closed || f.s->answer(r) != nullptr;
    });
    if (m != nullptr)
        if (const auto asked = parse<msg::fetch>(s.rules(), m->body))
            f.p->refuse(m->stream, m->type, asked->request_id,
                        moqt::error_number(s.rules(), invalid_range, error_registry::fetch));
    co_return co_await rejects(s, f.s, r, invalid_range);
}
task<verdict> fetch_beyond_the_largest(stage& s) {
    co_return co_await fetch_of(s, location{1, 1}, {5, 0}, {6, 0});
}
task<verdict> fetch_of_an_empty_track(stage& s) {
    co_return co_await fetch_of(s, std::nullopt, {0, 0}, {1, 0});
}

// Prefixes --------------------------------------------------------------------------------------

template <class M>
request asks_for(side& at, const track_namespace& prefix) {
    M m{};
    m.track_namespace_prefix = prefix.view();
    return at.ask(m);
}
template <class M>
task<verdict> overlaps_another(stage& s) {
    side* const at = co_await ready(s);
    const auto whole = s.space();
    const auto part = s.space("more");
    const auto first = asks_for<M>(*at, whole);
    co_await granted(s, at, first, "the first request");
    const auto second = asks_for<M>(*at, part);
    auto v = co_await rejects(s, at, second, prefix_overlap);
    if (v.what != verdict::kind::pass) co_return v;
    const auto same = asks_for<M>(*at, whole);
    co_return co_await rejects(s, at, same, prefix_overlap);
}
task<verdict> overlapping_namespaces(stage& s) {
    co_return co_await overlaps_another<msg::subscribe_namespace>(s);
}
task<verdict> overlapping_tracks(stage& s) {
    auto v = co_await overlaps_another<msg::subscribe_tracks>(s);
    if (v.what != verdict::kind::pass) co_return v;
    // The two kinds are independent of each other.
    auto* at = co_await ready(s);
    const auto space = s.space("both");
    const auto first = asks_for<msg::subscribe_namespace>(*at, space);
    co_await granted(s, at, first, "SUBSCRIBE_NAMESPACE");
    const auto second = asks_for<msg::subscribe_tracks>(*at, space);
    const auto* m = co_await answer_to(s, at, second);
    if (m == nullptr) co_return undecided("SUBSCRIBE_TRACKS is not answered");
    if (error_number(*at, *m) == to_wire(s.rules(), prefix_overlap))
        co_return fail("refused because of a SUBSCRIBE_NAMESPACE, which is independent");
    co_return pass();
}
task<verdict> update_to_an_overlap(stage& s) {
    auto* at = co_await ready(s);
    const auto a = s.space("a");
    const auto b = s.space("b");
    const auto first = asks_for<msg::subscribe_namespace>(*at, a);
    co_await granted(s, at, first, "the first request");
    const auto second = asks_for<msg::subscribe_namespace>(*at, b);
    co_await granted(s, at, second, "the second request");
    message_params params;
    params.track_namespace_prefix = a.view();
    request update{second.stream, at->next_id(), at->inbox.size()};
    at->send_message(second.stream, msg::request_update{update.id, second.id, params});
    co_return co_await rejects(s, at, update, prefix_overlap);
}

// Names of the session --------------------------------------------------------------------------

task<verdict> refused_name(stage& s, track_namespace space, std::string_view name) {
    auto* at = co_await ready(s);
    const auto r = at->ask(msg::subscribe{0, space.view(), as_bytes(name), {}});
    auto v = co_await rejects(s, at, r, does_not_exist);
    if (v.what != verdict::kind::pass) co_return v;
    const auto status = at->ask(msg::track_status{0, space.view(), as_bytes(name), {}});
    co_return co_await rejects(s, at, status, does_not_exist);
}
task<verdict> namespace_dot(stage& s) {
    auto v = co_await refused_name(s, space_of(".", "x"), "track");
    if (v.what != verdict::kind::pass) co_return v;
    auto* at = co_await ready(s);
    const auto dot = space_of(".");
    const auto r = at->ask(msg::publish_namespace{0, dot.view(), {}});
    co_return co_await rejects(s, at, r, does_not_exist);
}
task<verdict> session_without_name(stage& s) {
    co_return co_await refused_name(s, space_of(".session"), "");
}
task<verdict> unknown_session_track(stage& s) {
    auto v = co_await refused_name(s, space_of(".session"), "no such track");
    if (v.what != verdict::kind::pass) co_return v;
    co_return co_await refused_name(s, space_of(".session", "no such space"), "track");
}
task<verdict> other_reserved_name(stage& s) {
    auto* p = co_await meets(s);
    const auto space = space_of(".other", s.target().nonce, "x");
    const auto announced = p->ask(msg::publish_namespace{0, space.view(), {}});
    co_await granted(s, p, announced, "PUBLISH_NAMESPACE under a reserved name");
    auto* at = co_await meets(s);
    const auto r = at->ask(msg::subscribe{0, space.view(), as_bytes("track"), {}});
    const inbound* m = nullptr;
    co_await s.until([&] {
        m = p->find(msg::subscribe::code(s.rules()));
        return m != nullptr || p->closed || at->answer(r) != nullptr;
    });
    if (m == nullptr) co_return undecided("the application takes it, and passes nothing on");
    co_return pass("passed to the application like every other name");
}

// Mandatory properties --------------------------------------------------------------------------

task<verdict> publish_with_mandatory_property(stage& s) {
    auto* at = co_await ready(s);
    const auto id = at->next_id();
    const auto name = s.track();
    raw body{
        s.rules(),
        body_of(s.rules(), msg::publish{id, name.space.view(), as_bytes(name.name), 3, {}, {}})};
    body.append(property_of(s.rules(), 0x4002, 1));
    const auto r = at->ask_body<msg::publish>(id, body.get(), "an unknown mandatory property");
    co_return co_await rejects(s, at, r, unsupported_extension);
}
task<verdict> subscribe_ok_with_mandatory_property(stage& s) {
    feed_options options;
    options.answered = false;
    const auto f = co_await feeds(s, options);
    raw body{s.rules(), body_of(s.rules(), msg::subscribe_ok{f.id, f.alias, {}, {}})};
    body.append(property_of(s.rules(), 0x4002, 1));
    f.p->send_body(f.stream, msg::subscribe_ok::code(s.rules()), body.get(),
                   "an unknown mandatory property");
    auto* const p = f.p;
    co_await s.until([&] { return p->closed || p->gave_up(f.stream); });
    if (!p->gave_up(f.stream)) {
        auto v = co_await goes_on(s, p);
        if (v.what != verdict::kind::pass) co_return v;
        co_return f.s != nullptr&& f.s->answer(f.asked) != nullptr &&
                !is_error(*f.s, *f.s->answer(f.asked))
            ? fail("the subscription is granted all the same")
            : undecided("the subscription is not cancelled");
    }
    if (f.s == nullptr) co_return pass("cancelled");
    co_return co_await rejects(s, f.s, f.asked, unsupported_extension);
}

task<verdict> no_publisher(stage& s) {
    auto* at = co_await ready(s);
    const auto name = s.track();
    const auto r = at->ask(msg::subscribe{0, name.space.view(), as_bytes(name.name), {}});
    co_await s.until([&] { return at->closed || at->answer(r) != nullptr; }, milliseconds(1000));
    if (!at->closed && at->answer(r) == nullptr) {
        auto v = co_await goes_on(s, at);
        if (v.what != verdict::kind::pass) co_return v;
        co_return at->answer(r) == nullptr
            ? fail("others are answered, this SUBSCRIBE waits for a publisher")
            : fail("answered late");
    }
    auto v = co_await rejects(s, at, r, does_not_exist);
    if (v.what != verdict::kind::pass) co_return v;
    message_params params;
    params.rendezvous_timeout = 0;
    const auto zero = at->ask(msg::subscribe{0, name.space.view(), as_bytes(name.name), params});
    co_return co_await rejects(s, at, zero, does_not_exist);
}
task<verdict> rendezvous_over(stage& s) {
    auto* at = co_await ready(s);
    const auto name = s.track();
    message_params params;
    params.rendezvous_timeout = 300;
    const auto r = at->ask(msg::subscribe{0, name.space.view(), as_bytes(name.name), params});
    const auto* m = co_await answer_to(s, at, r);
    if (m == nullptr) co_return undecided("not answered");
    if (!is_error(*at, *m)) co_return fail("granted without a publisher");
    co_return pass(error_number(*at, *m) == to_wire(s.rules(), timeout)
                       ? "refused with TIMEOUT"
                       : "refused with another code, which a peer may choose");
}
task<verdict> range_that_is_over(stage& s) {
    feed_options options;
    options.told.largest_object = location{9, 0};
    const auto f = co_await feeds(s, options);
    auto* at = co_await meets(s);
    message_params params;
    params.subscription_filter = subscription_filter{filter_type::absolute_range, {1, 0}, 2};
    const auto r = at->ask(msg::subscribe{0, f.track.space.view(), as_bytes(f.track.name), params});
    const auto* m = co_await answer_to(s, at, r);
    if (m == nullptr) co_return undecided("not answered");
    if (error_number(*at, *m) == to_wire(s.rules(), invalid_range))
        co_return pass("refused with INVALID_RANGE");
    co_return pass("granted or refused otherwise, which a peer may choose");
}

constexpr std::array table{
    row{"MUST-18-070", fits::relay, second_subscription},
    row{"MUST-18-071", fits::relay, subscribe_while_publish_waits},
    row{"MUST-18-072", fits::relay | fits::publisher, joins_nothing},
    row{"MUST-18-073", fits::relay, joins_an_empty_track},
    row{"MUST-18-074", fits::relay, joins_without_forward},
    row{"MUST-18-075", fits::relay, fetch_beyond_the_largest},
    row{"MUST-18-076", fits::relay, fetch_of_an_empty_track},
    row{"MUST-18-077", fits::relay, overlapping_namespaces},
    row{"MUST-18-078", fits::relay, overlapping_tracks},
    row{"MUST-18-079", fits::relay, update_to_an_overlap},
    row{"MUST-18-083", fits::relay, namespace_dot},
    row{"MUST-18-084", fits::relay, session_without_name},
    row{"MUST-18-085", fits::relay, unknown_session_track},
    row{"MUST-18-086", fits::relay, publish_with_mandatory_property},
    row{"MUST-18-087", fits::receivers, subscribe_ok_with_mandatory_property},
    row{"MUST-18-089", fits::relay, no_publisher},
    row{"MUST-18-164", fits::relay, other_reserved_name},
    row{"SHOULD-18-010", fits::relay, range_that_is_over},
    row{"SHOULD-18-014", fits::relay, rendezvous_over},
};

} // namespace

std::span<const row> request_rows() {
    return table;
}

} // namespace moqrtc::conformance
