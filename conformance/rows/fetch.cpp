#include "fetching.hpp"
#include "rows.hpp"

#include <array>

// What comes back on a FETCH that the peer makes: a relay whose cache lacks the range asks us.
namespace moqrtc::conformance {

namespace {

task<fetching> asks_for_the_past(stage& s, fetching out, moqt::message_params asked) {
    using namespace moqt;
    auto& f = out.of;
    const auto since = f.p->inbox.size();
    if (f.s != nullptr)
        out.asked = f.s->ask(msg::fetch{.track_namespace = f.track.space.view(),
                                        .track_name = as_bytes(f.track.name),
                                        .start = {3, 0},
                                        .end = {5, 0},
                                        .params = asked});
    const inbound* m = nullptr;
    co_await s.until([&] {
        m = f.p->find(msg::fetch::code(s.rules()), since);
        // A yes may come before the question to us: the two travel on different connections.
        const auto* told = f.s != nullptr ? f.s->answer(out.asked) : nullptr;
        return m != nullptr || f.p->closed || (told != nullptr && is_error(*f.s, *told));
    });
    if (m == nullptr) throw inconclusive{"the peer makes no FETCH to us"};
    const auto parsed = parse<msg::fetch>(s.rules(), m->body);
    if (!parsed) throw inconclusive{"the peer's FETCH does not parse"};
    out.stream = m->stream;
    out.id = parsed->request_id;
    out.start = parsed->wanted(s.rules()).start;
    out.descending = parsed->params.group_order == group_order::descending;
    co_return out;
}

} // namespace

task<fetching> fetches(stage& s, feed_options options, moqt::message_params asked) {
    using namespace moqt;
    fetching out;
    if (!options.told.largest_object) options.told.largest_object = location{10, 5};
    out.of = co_await feeds(s, options);
    co_return co_await asks_for_the_past(s, out, asked);
}

task<fetching> fetches_the_unknown(stage& s) {
    fetching out;
    out.of.track = s.track();
    out.of.p = co_await publishes(s);
    out.of.s = co_await meets(s);
    const moqt::message_params none;
    co_return co_await asks_for_the_past(s, out, none);
}

void accept_fetch(const fetching& f, octets objects, const char* note, bool fin) {
    using namespace moqt;
    auto& p = *f.of.p;
    p.send_message(f.stream, msg::fetch_ok{f.id, 0, {5, 0}, {}, {}});
    raw data{p.rules()};
    data.v(stream_type::fetch).v(f.id).append(objects);
    p.send(p.open_unidirectional(), data.get(), std::string{"FETCH stream: "} + note, fin);
}

namespace {

using namespace moqt;

/// One entry of a fetch stream by its flags: the fields that they announce.
raw& entry(raw& out, std::uint64_t flags, std::uint64_t group, std::uint64_t object,
           std::string_view payload = "x") {
    out.v(flags);
    if ((flags & 0x08) != 0) out.v(group);
    if ((flags & 0x03) == 0x03) out.v(0);
    if ((flags & 0x04) != 0) out.v(object);
    if ((flags & 0x10) != 0) out.u8(128);
    return out.blob(payload);
}
task<verdict> fetch_closes(stage& s, octets objects, const char* note) {
    const auto f = co_await fetches(s);
    co_await answers(s, f.of.p);
    accept_fetch(f, std::move(objects), note, false);
    co_return co_await closes(s, f.of.p);
}

task<verdict> end_before_the_start(stage& s) {
    const auto f = co_await fetches(s);
    co_await answers(s, f.of.p);
    f.of.p->send_message(f.stream, msg::fetch_ok{f.id, 0, {1, 1}, {}, {}});
    co_return co_await closes(s, f.of.p);
}
task<verdict> unknown_flags(stage& s) {
    raw out{s.rules()};
    out.v(0x9c).v(3).v(0).u8(128).blob("x");
    co_return co_await fetch_closes(s, out.take(), "flags 0x9c");
}
task<verdict> first_refers_back(stage& s) {
    for (const std::uint64_t flags : {0x1du, 0x1eu, 0x0cu}) {
        raw out{s.rules()};
        entry(out, flags, 3, 0);
        auto v = co_await fetch_closes(s, out.take(), "a first object that refers to a prior one");
        if (v.what != verdict::kind::pass) co_return v;
    }
    co_return pass();
}
task<verdict> first_without_location(stage& s) {
    for (const std::uint64_t flags : {0x14u, 0x18u}) {
        raw out{s.rules()};
        entry(out, flags, 3, 0);
        auto v = co_await fetch_closes(s, out.take(),
                                       flags == 0x14 ? "a first object without group"
                                                     : "a first object without ID");
        if (v.what != verdict::kind::pass) co_return v;
    }
    co_return pass();
}
task<verdict> group_out_of_range(stage& s) {
    raw out{s.rules()};
    entry(out, 0x1c, varint_max(s.rules().varint), 0);
    entry(out, 0x1c, 0, 0);
    co_return co_await fetch_closes(s, out.take(), "a group beyond 64 bits");
}
task<verdict> object_out_of_range(stage& s) {
    raw out{s.rules()};
    entry(out, 0x1c, 3, varint_max(s.rules().varint));
    entry(out, 0x10, 0, 0);
    co_return co_await fetch_closes(s, out.take(), "an object beyond 64 bits");
}
task<verdict> subgroup_behind_a_range(stage& s) {
    raw out{s.rules()};
    out.v(0x10c).v(3).v(2);
    entry(out, 0x1d, s.rules().fetch_objects == fetch_form::deltas ? 0 : 4, 0);
    co_return co_await fetch_closes(s, out.take(), "prior subgroup behind the end of a range");
}
task<verdict> priority_behind_a_range(stage& s) {
    raw out{s.rules()};
    out.v(0x10c).v(3).v(2);
    entry(out, 0x0c, s.rules().fetch_objects == fetch_form::deltas ? 0 : 4, 0);
    co_return co_await fetch_closes(s, out.take(), "prior priority behind the end of a range");
}

// Malformed tracks ------------------------------------------------------------------------------

/// After entries that make the track malformed: the peer ends what it has of the track.
task<verdict> fetch_ends_track(stage& s, octets objects, const char* note,
                               message_params asked = {}) {
    const feed_options options;
    const auto f = co_await fetches(s, options, asked);
    accept_fetch(f, std::move(objects), note, false);
    co_return co_await ends_track(s, &f.of);
}
task<verdict> object_not_larger(stage& s) {
    raw out{s.rules()};
    entry(out, 0x1c, 3, 4);
    entry(out, 0x14, 3, 2);
    co_return co_await fetch_ends_track(s, out.take(), "object 2 behind object 4");
}
task<verdict> priority_changes(stage& s) {
    raw out{s.rules()};
    entry(out, 0x1c, 3, 0);
    out.v(0x10).u8(5).blob("y");
    co_return co_await fetch_ends_track(s, out.take(), "another priority in the same subgroup");
}
task<verdict> group_smaller(stage& s) {
    raw out{s.rules()};
    entry(out, 0x1c, 4, 0);
    entry(out, 0x1c, 3, 0);
    co_return co_await fetch_ends_track(s, out.take(), "group 3 behind group 4, ascending");
}
task<verdict> group_larger(stage& s) {
    message_params asked;
    asked.group_order = group_order::descending;
    const feed_options options;
    const auto f = co_await fetches(s, options, asked);
    if (!f.descending) throw inconclusive{"the peer's FETCH to us is not descending"};
    raw out{s.rules()};
    entry(out, 0x1c, 3, 0);
    entry(out, 0x1c, 4, 0);
    accept_fetch(f, out.take(), "group 4 behind group 3, descending", false);
    co_return co_await ends_track(s, &f.of);
}

task<verdict> fetch_ok_with_mandatory_property(stage& s) {
    const auto f = co_await fetches_the_unknown(s);
    raw body{s.rules(), body_of(s.rules(), msg::fetch_ok{f.id, 0, {5, 0}, {}, {}})};
    body.append(property_of(s.rules(), 0x4002, 1));
    f.of.p->send_body(f.stream, msg::fetch_ok::code(s.rules()), body.get(),
                      "an unknown mandatory property");
    auto* const p = f.of.p;
    co_await s.until([&] { return p->closed || p->gave_up(f.stream); });
    if (p->closed || !p->gave_up(f.stream)) {
        auto v = co_await goes_on(s, p);
        if (v.what != verdict::kind::pass) co_return v;
        co_return undecided("the FETCH is not cancelled");
    }
    if (f.of.s == nullptr) co_return pass("cancelled");
    co_return co_await rejects(s, f.of.s, f.asked, request_error_code::unsupported_extension);
}
task<verdict> cancelled_fetch(stage& s) {
    const auto f = co_await fetches(s);
    raw out{s.rules()};
    entry(out, 0x1c, 3, 0, std::string(200, 'o'));
    accept_fetch(f, out.take(), "one object, more to come", false);
    auto* const at = f.of.s;
    std::optional<seen_fetch> got;
    co_await s.until([&] {
        got = fetched(*at, f.asked.id);
        return at->closed || (got && !got->objects.empty());
    });
    if (!got || got->objects.empty()) co_return undecided("no object of the FETCH arrives");
    if (s.rules().request_streams) {
        at->stop(f.asked.stream, to_wire(s.rules(), reset_code::cancelled));
        at->reset(f.asked.stream, to_wire(s.rules(), reset_code::cancelled));
    } else {
        at->send_message(at->control, msg::fetch_cancel{f.asked.id});
    }
    const auto over = [&] {
        const auto* data = at->stream(got->stream);
        const auto* own = at->stream(f.asked.stream);
        return data->reset && (!s.rules().request_streams || own == nullptr || own->reset);
    };
    co_await s.until([&] { return at->closed || over(); });
    if (over()) co_return pass("reset");
    auto v = co_await goes_on(s, at);
    if (v.what != verdict::kind::pass) co_return v;
    co_return at->stream(got->stream)->fin
        ? undecided("the FETCH was complete before it was cancelled")
        : fail("the session goes on, and what was cancelled is not reset");
}
task<verdict> update_of_fetch_fails(stage& s) {
    const auto f = co_await fetches(s);
    raw out{s.rules()};
    entry(out, 0x1c, 3, 0, std::string(200, 'o'));
    accept_fetch(f, out.take(), "one object, more to come", false);
    auto* const at = f.of.s;
    std::optional<seen_fetch> got;
    co_await s.until([&] {
        got = fetched(*at, f.asked.id);
        return at->closed || (got && !got->objects.empty());
    });
    if (!got || got->objects.empty()) co_return undecided("no object of the FETCH arrives");
    const auto since = at->inbox.size();
    const auto id = at->next_id();
    raw body{s.rules(), body_before_parameters(s.rules(), msg::request_update{id, f.asked.id, {}})};
    body.count(1).data(0x03, token_bytes(s.rules(), {alias_type::use_alias, 91, 0, {}}));
    at->send_body(f.asked.stream, msg::request_update::code(s.rules()), body.get(),
                  "USE_ALIAS of an alias that is not there");
    const auto refused = [&] {
        return at->find(msg::request_error::code(s.rules()), since) != nullptr;
    };
    co_await s.until([&] { return at->closed || (refused() && at->stream(got->stream)->reset); });
    if (at->closed) co_return co_await goes_on(s, at);
    if (!refused()) co_return undecided("the update is not refused");
    if (at->stream(got->stream)->reset) co_return co_await goes_on(s, at);
    auto v = co_await goes_on(s, at);
    if (v.what == verdict::kind::pass) co_return fail("the update is refused, the FETCH goes on");
    co_return v;
}
task<verdict> withheld_fetch_ok(stage& s) {
    const auto f = co_await fetches_the_unknown(s);
    auto* const at = f.of.s;
    co_await s.until([&] { return at->answer(f.asked) != nullptr; }, milliseconds(400));
    if (at->answer(f.asked) != nullptr)
        co_return fail("answered although the publisher has not said where the range ends");
    raw out{s.rules()};
    entry(out, 0x1c, 3, 0);
    accept_fetch(f, out.take(), "one object", true);
    const auto* m = co_await answer_to(s, at, f.asked);
    if (m == nullptr || is_error(*at, *m)) co_return undecided("no FETCH_OK afterwards either");
    co_return pass("FETCH_OK came when the publisher had answered");
}
task<verdict> paused_fetch(stage& s) {
    const auto f = co_await fetches(s);
    auto* const at = f.of.s;
    co_await s.rest(milliseconds(300));
    if (const auto early = fetched(*at, f.asked.id); early && early->ends != 0)
        co_return fail("objects of unknown status are reported without waiting for upstream");
    raw out{s.rules()};
    entry(out, 0x1c, 3, 0, "late");
    accept_fetch(f, out.take(), "the missing object", true);
    std::optional<seen_fetch> got;
    co_await s.until([&] {
        got = fetched(*at, f.asked.id);
        return at->closed || (got && !got->objects.empty());
    });
    if (!got || got->objects.empty()) co_return undecided("the object does not arrive");
    co_return pass("it waited for upstream");
}
task<verdict> no_waiting(stage& s) {
    message_params asked;
    asked.fill_timeout = 0;
    feed_options options;
    options.told.largest_object = location{10, 5};
    const auto f = co_await feeds(s, options);
    const auto r = f.s->ask(msg::fetch{.track_namespace = f.track.space.view(),
                                       .track_name = as_bytes(f.track.name),
                                       .start = {3, 0},
                                       .end = {5, 0},
                                       .params = asked});
    // Nobody answers upstream: whoever waits for that does not come to an end.
    std::optional<seen_fetch> got;
    const auto over = [&] {
        got = fetched(*f.s, r.id);
        const auto* m = f.s->answer(r);
        return f.s->closed || (m != nullptr && is_error(*f.s, *m)) ||
               (got && f.s->stream(got->stream)->fin);
    };
    co_await s.until(over);
    if (f.s->closed) co_return co_await goes_on(s, f.s);
    if (got && f.s->stream(got->stream)->fin)
        co_return got->ends != 0 || got->objects.empty()
            ? pass("ended at once")
            : undecided("ended without saying what is unknown");
    if (f.s->answer(r) != nullptr && is_error(*f.s, *f.s->answer(r)))
        co_return undecided("the FETCH is refused");
    auto v = co_await goes_on(s, f.s);
    if (v.what != verdict::kind::pass) co_return v;
    co_return f.p->find(msg::fetch::code(s.rules())) != nullptr
        ? fail("it asked upstream and waits for the answer")
        : undecided("the FETCH has no end");
}

task<verdict> groups_in_order(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    for (const std::uint64_t group : {3u, 4u, 5u})
        send_group(*f.p, f.alias, group, 3);
    const bool here = co_await arrives(s, &f, 9);
    if (!here) co_return undecided("the objects do not arrive");
    for (const auto order : {group_order::ascending, group_order::descending}) {
        message_params asked;
        asked.group_order = order;
        const auto r = f.s->ask(msg::fetch{.track_namespace = f.track.space.view(),
                                           .track_name = as_bytes(f.track.name),
                                           .start = {3, 0},
                                           .end = {5, 0},
                                           .params = asked});
        co_await granted(s, f.s, r, "FETCH");
        std::optional<seen_fetch> got;
        co_await s.until([&] {
            got = fetched(*f.s, r.id, order);
            return f.s->closed || (got && f.s->stream(got->stream)->fin);
        });
        if (!got || !f.s->stream(got->stream)->fin) co_return undecided("the FETCH has no end");
        if (got->broken) co_return fail("the stream of the FETCH does not parse");
        const auto& o = got->objects;
        for (std::size_t i = 1; i < o.size(); ++i) {
            const bool same = o[i].location.group == o[i - 1].location.group;
            if (same ? o[i].location.object <= o[i - 1].location.object
                     : (o[i].location.group > o[i - 1].location.group) !=
                           (order == group_order::ascending))
                co_return fail("objects out of order");
        }
        if (o.size() != 9) co_return undecided("not every object comes back");
    }
    co_return pass("ascending, and descending");
}
task<verdict> publisher_is_asked(stage& s) {
    const auto f = co_await fetches_the_unknown(s);
    co_return f.start == location{3, 0} ? pass("asked for the same start")
                                        : pass("asked for more than was wanted");
}
task<verdict> comes_after_all(stage& s) {
    const auto f = co_await fetches(s);
    raw out{s.rules()};
    out.v(0x8c).v(4).v(9);
    accept_fetch(f, out.take(), "nothing exists up to 4:9", true);
    std::optional<seen_fetch> got;
    co_await s.until([&] {
        got = fetched(*f.of.s, f.asked.id);
        return got && f.of.s->stream(got->stream)->fin;
    });
    send_group(*f.of.p, f.of.alias, 4, 1);
    auto v = co_await goes_on(s, f.of.p);
    if (v.what != verdict::kind::pass) co_return v;
    send_group(*f.of.p, f.of.alias, 12, 1);
    const auto there = [&] {
        for (const auto& o : objects_of(*f.of.s, f.of.heard))
            if (o.location.group == 12) return true;
        return false;
    };
    co_await s.until(there);
    co_return there() ? pass("the track goes on") : undecided("a later object does not arrive");
}

constexpr std::array table{
    row{"MUST-18-154", fits::relay, groups_in_order},
    row{"MUST-20-229", fits::relay, publisher_is_asked},
    row{"SHOULD-18-020", fits::relay, comes_after_all},
    row{"MUST-18-046", fits::relay, end_before_the_start},
    row{"MUST-18-061", fits::relay, unknown_flags},
    row{"MUST-18-062", fits::relay, first_refers_back},
    row{"MUST-18-063", fits::relay, first_without_location},
    row{"MUST-18-064", fits::relay, group_out_of_range},
    row{"MUST-18-065", fits::relay, object_out_of_range},
    row{"MUST-18-066", fits::relay, subgroup_behind_a_range},
    row{"MUST-18-067", fits::relay, priority_behind_a_range},
    row{"MUST-16-074", fits::relay, object_not_larger},
    row{"MUST-16-076", fits::relay, group_smaller},
    row{"MUST-16-077", fits::relay, group_larger},
    row{"MUST-18-088", fits::relay, fetch_ok_with_mandatory_property},
    row{"MUST-18-092", fits::relay, update_of_fetch_fails},
    row{"MUST-18-151", fits::relay, cancelled_fetch},
    row{"MUST-18-155", fits::relay, withheld_fetch_ok},
    row{"MUST-18-198", fits::relay, withheld_fetch_ok},
    row{"MUST-18-201", fits::relay, paused_fetch},
    row{"MUST-18-202", fits::relay, no_waiting},
};

} // namespace

task<verdict> fetched_priority_changes(stage& s) {
    co_return co_await priority_changes(s);
}

std::span<const row> fetch_rows() {
    return table;
}

} // namespace moqrtc::conformance
