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
constexpr std::array table{
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
};

} // namespace

task<verdict> fetched_priority_changes(stage& s) {
    co_return co_await priority_changes(s);
}

std::span<const row> fetch_rows() {
    return table;
}

} // namespace moqrtc::conformance
