#include "rows.hpp"

#include <algorithm>
#include <array>

// What relays owe to the objects that pass through them and stay with them.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

constexpr std::uint64_t unknown_even = 0x2a;

/// An object with properties and a subgroup, as the publisher sends it.
struct original {
    location where{3, 2};
    std::uint64_t subgroup = 2;
    priority shown = 77;
    octets properties{};
    std::string payload = std::string(3000, 'p') + "end";
};
void send_original(const feed& f, const original& o) {
    subgroup_bytes data{f.p->rules(), f.alias, o.where.group, o.subgroup, true, o.shown};
    data.object(o.payload, o.where.object, o.properties);
    f.p->send(f.p->open_unidirectional(), data.take(), "SUBGROUP with one object", true);
}
/// What is different, or nothing.
std::string difference(const original& o, const seen_object& got, bool priority_known) {
    if (as_text(bytes{got.payload}) != o.payload) return "payload";
    if (!equal(got.properties, o.properties)) return "properties";
    if (got.location != o.where) return "location";
    if (got.subgroup != o.subgroup) return "subgroup";
    if (priority_known && got.priority && *got.priority != o.shown) return "priority";
    return {};
}
task<std::optional<seen_fetch>> fetched_back(stage& s, side* at, const full_track_name* name,
                                             location start, location end) {
    const auto r = at->ask(msg::fetch{.track_namespace = name->space.view(),
                                      .track_name = as_bytes(name->name),
                                      .start = start,
                                      .end = end});
    co_await granted(s, at, r, "FETCH");
    std::optional<seen_fetch> got;
    co_await s.until([&] {
        got = fetched(*at, r.id);
        return at->closed || (got && at->stream(got->stream)->fin);
    });
    co_return got;
}
task<verdict> comes_through(stage& s, octets properties, bool by_fetch) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    original o;
    o.properties = std::move(properties);
    send_original(f, o);
    const bool here = co_await arrives(s, &f, 1);
    if (!here) {
        if (f.p->closed || f.s->closed) co_return co_await goes_on(s, f.p);
        co_return undecided("the object does not arrive");
    }
    auto wrong = difference(o, objects_of(*f.s, f.heard).front(), true);
    if (!wrong.empty()) co_return fail("another " + wrong + " than was sent");
    if (!by_fetch) co_return pass("the same bytes");
    const auto got = co_await fetched_back(s, f.s, &f.track, o.where, {o.where.group, 0});
    if (!got || got->objects.empty()) co_return undecided("a FETCH brings no object back");
    wrong = difference(o, got->objects.front(), true);
    co_return wrong.empty() ? pass("the same bytes, from the cache, too")
                            : fail("from the cache another " + wrong + " than was sent");
}

octets unknown_pairs(const wire_rules& rules) {
    raw out{rules};
    out.v(unknown_even).v(77);
    out.v(rules.keys == key_form::delta ? 3 : unknown_even + 3).blob("kept");
    return out.take();
}
task<verdict> opaque_payload(stage& s) {
    co_return co_await comes_through(s, {}, false);
}
task<verdict> unknown_properties(stage& s) {
    co_return co_await comes_through(s, unknown_pairs(s.rules()), true);
}
task<verdict> immutable_block(stage& s) {
    // Not the shortest encoding of its number, and an odd type: whoever writes it anew changes it.
    raw inner{s.rules()};
    inner.v(unknown_even);
    if (s.rules().varint == varint_form::quic)
        inner.u8(0x40).u8(0x05);
    else
        inner.u8(0x80).u8(0x05);
    inner.v(s.rules().keys == key_form::delta ? 3 : unknown_even + 3).blob("odd");
    const auto block = inner.take();
    co_return co_await comes_through(s, property_of(s.rules(), 0x0b, block), true);
}
task<verdict> every_field_is_cached(stage& s) {
    co_return co_await comes_through(s, property_of(s.rules(), unknown_even, 3), true);
}
task<verdict> gaps_are_left_alone(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    const auto gap = property_of(s.rules(), 0x3c, 2);
    const auto first = subgroup_bytes{s.rules(), f.alias, 5, 0, true}.object("a", 0, gap).take();
    f.p->send(f.p->open_unidirectional(), first, "Prior Group ID Gap 2", true);
    const bool here = co_await arrives(s, &f, 1);
    if (!here) co_return undecided("the object does not arrive");
    const auto second = subgroup_bytes{s.rules(), f.alias, 9}.object("b").take();
    f.p->send(f.p->open_unidirectional(), second, "a group further on, without a gap", true);
    const bool both = co_await arrives(s, &f, 2);
    if (!both) co_return undecided("the second object does not arrive");
    for (const auto& o : objects_of(*f.s, f.heard)) {
        if (o.location.group == 5 && !equal(o.properties, gap))
            co_return fail("the gap is gone or changed");
        if (o.location.group == 9 && !o.properties.empty()) co_return fail("a property was added");
    }
    co_return pass("neither added nor removed");
}
task<verdict> cache_grows_old(stage& s) {
    feed_options options;
    options.properties = property_of(s.rules(), 0x04, 250); // MAX_CACHE_DURATION, milliseconds
    const auto f = co_await feeds(s, options);
    send_group(*f.p, f.alias, 1, 2);
    const bool here = co_await arrives(s, &f, 2);
    if (!here) co_return undecided("the objects do not arrive");
    send_group(*f.p, f.alias, 2, 1);
    co_await s.rest(milliseconds(900));
    const auto since = f.p->inbox.size();
    const auto r = f.s->ask(msg::fetch{.track_namespace = f.track.space.view(),
                                       .track_name = as_bytes(f.track.name),
                                       .start = {1, 0},
                                       .end = {1, 0}});
    std::optional<seen_fetch> got;
    const auto over = [&] {
        got = fetched(*f.s, r.id);
        const auto* m = f.s->answer(r);
        return f.s->closed || (m != nullptr && is_error(*f.s, *m)) ||
               (got && f.s->stream(got->stream)->fin) ||
               f.p->find(msg::fetch::code(s.rules()), since) != nullptr;
    };
    co_await s.until(over);
    if (got && !got->objects.empty() && f.p->find(msg::fetch::code(s.rules()), since) == nullptr)
        co_return fail("objects older than MAX_CACHE_DURATION are served from the cache");
    if (f.p->find(msg::fetch::code(s.rules()), since) != nullptr)
        co_return pass("the publisher is asked again");
    if (const auto* m = f.s->answer(r); m != nullptr)
        co_return pass("nothing is served from the cache");
    co_return undecided("the FETCH is not answered");
}
task<verdict> track_properties_everywhere(stage& s) {
    raw all{s.rules()};
    all.v(unknown_even).v(9);
    all.v(s.rules().keys == key_form::delta ? 3 : unknown_even + 3).blob("of the track");
    feed_options options;
    options.properties = all.take();
    options.told.largest_object = location{2, 0};
    const auto f = co_await feeds(s, options);
    const auto& rules = s.rules();
    const auto same = [&](bytes got) { return equal(got, options.properties); };
    const auto ok = parse<msg::subscribe_ok>(rules, f.s->answer(f.asked)->body);
    if (!ok || !same(ok->properties)) co_return fail("not in SUBSCRIBE_OK as they were");
    send_group(*f.p, f.alias, 3, 1);
    const bool here = co_await arrives(s, &f, 1);
    if (!here) co_return undecided("the object does not arrive");
    const auto fetch = f.s->ask(msg::fetch{.track_namespace = f.track.space.view(),
                                           .track_name = as_bytes(f.track.name),
                                           .start = {3, 0},
                                           .end = {3, 1}});
    const auto* m = co_await granted(s, f.s, fetch, "FETCH");
    const auto fetch_ok = parse<msg::fetch_ok>(rules, m->body);
    if (!fetch_ok || !same(fetch_ok->properties)) co_return fail("not in FETCH_OK as they were");
    if (rules.request_ok_properties) {
        const auto status =
            f.s->ask(msg::track_status{0, f.track.space.view(), as_bytes(f.track.name), {}});
        const auto* answered = co_await granted(s, f.s, status, "TRACK_STATUS");
        const auto status_ok = parse<msg::request_ok>(rules, answered->body);
        if (!status_ok || !same(status_ok->properties))
            co_return fail("not in the answer to TRACK_STATUS as they were");
    }
    co_return pass("in every answer, unchanged");
}
task<verdict> order_on_a_stream(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    constexpr unsigned count = 40;
    send_group(*f.p, f.alias, 1, count);
    const bool here = co_await arrives(s, &f, count);
    const auto got = objects_of(*f.s, f.heard);
    if (!here && got.empty()) co_return undecided("no object arrives");
    for (std::size_t i = 0; i < got.size(); ++i) {
        if (got[i].stream != got[0].stream) co_return fail("on several streams");
        if (got[i].location.object != i) co_return fail("another order, or objects left out");
    }
    co_return here ? pass("the same order, none left out") : undecided("not every object arrives");
}
task<verdict> appended_only_if_next(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    const auto first = f.p->open_unidirectional();
    const auto start = subgroup_bytes{s.rules(), f.alias, 1}.object("0").object("1").take();
    f.p->send(first, start, "objects 0 and 1, more to come");
    const bool here = co_await arrives(s, &f, 2);
    if (!here) co_return undecided("the first objects do not arrive");
    // The stream is cut and goes on with a later object: a hole that everybody can see.
    f.p->reset(first, to_wire(s.rules(), reset_code::internal_error));
    co_await s.rest(milliseconds(100));
    const auto rest = subgroup_bytes{s.rules(), f.alias, 1}.object("5", 5).take();
    f.p->send(f.p->open_unidirectional(), rest, "object 5 of the same subgroup", true);
    co_await arrives(s, &f, 3);
    const auto got = objects_of(*f.s, f.heard);
    const seen_object* last = nullptr;
    for (const auto& o : got)
        if (o.location.object == 5) last = &o;
    if (last == nullptr) co_return undecided("the later object does not arrive");
    if (last->stream == got.front().stream)
        co_return fail("appended to a stream on which objects are missing");
    co_await s.until([&] { return f.s->stream(got.front().stream)->reset.has_value(); });
    co_return f.s->stream(got.front().stream)->reset
        ? pass("the old stream is reset, a new one opened")
        : fail("on a new stream, but the old one is not reset");
}
task<verdict> datagram_flag(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    const auto data = raw{s.rules()}.v(0x00).v(f.alias).v(4).v(2).u8(128).text("d").take();
    bool here = false;
    for (int i = 0; i < 3 && !here; ++i) {
        f.p->datagram(data, "an object");
        here = co_await arrives(s, &f, 1);
    }
    if (!here) co_return undecided("no datagram comes through");
    const auto got = co_await fetched_back(s, f.s, &f.track, {4, 2}, {4, 3});
    if (!got || got->objects.empty()) co_return undecided("a FETCH brings no object back");
    co_return (got->first_flags & 0x40) != 0 ? pass("flag 0x40") : fail("the flag 0x40 is missing");
}
task<verdict> largest_of_both(stage& s) {
    feed_options options;
    options.told.largest_object = location{5, 0};
    const auto f = co_await feeds(s, options);
    const auto largest = [&](const inbound& m) -> std::optional<location> {
        const auto ok = parse<msg::subscribe_ok>(s.rules(), m.body);
        return ok ? ok->params.largest_object : std::nullopt;
    };
    const auto told = largest(*f.s->answer(f.asked));
    if (told != location{5, 0}) co_return fail("the publisher's LARGEST_OBJECT is not passed on");
    send_group(*f.p, f.alias, 7, 2);
    const bool here = co_await arrives(s, &f, 2);
    if (!here) co_return undecided("the objects do not arrive");
    auto* at = co_await meets(s);
    const auto r = at->ask(msg::subscribe{0, f.track.space.view(), as_bytes(f.track.name), {}});
    const auto* m = co_await granted(s, at, r, "SUBSCRIBE");
    co_return largest(*m) == location{7, 1} ? pass("the larger of both")
                                            : fail("LARGEST_OBJECT is not the larger of both");
}

constexpr std::array table{
    row{"MUST-18-174", fits::relay, datagram_flag},
    row{"MUST-18-188", fits::relay, opaque_payload},
    row{"MUST-18-189", fits::relay, unknown_properties},
    row{"MUST-18-190", fits::relay, immutable_block},
    row{"MUST-18-191", fits::relay, gaps_are_left_alone},
    row{"MUST-18-192", fits::relay, cache_grows_old},
    row{"MUST-18-193", fits::relay, track_properties_everywhere},
    row{"MUST-18-194", fits::relay, every_field_is_cached},
    row{"MUST-18-199", fits::relay, order_on_a_stream},
    row{"MUST-18-200", fits::relay, appended_only_if_next},
    row{"MUST-18-213", fits::relay, largest_of_both},
};

// Not from outside ------------------------------------------------------------------------------

constexpr std::array beyond{
    row{"MUST-18-173", fits::all, nullptr,
        "how a sender divides its flow control among its streams does not show outside"},
    row{"MUST-18-179", fits::relay | fits::publisher, nullptr,
        "a datagram that is late may have waited in the transport, whose queue the draft leaves "
        "open"},
};

} // namespace

std::span<const row> cache_rows() {
    return table;
}
std::span<const row> unreachable_rows() {
    return beyond;
}

} // namespace moqrtc::conformance
