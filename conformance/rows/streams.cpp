#include "sending.hpp"

#include <algorithm>
#include <array>

// What a sender owes on its streams: subgroups, their ends, what they carry.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

task<verdict> preference_is_kept(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    send_one(f, 1, "on a stream");
    bool here = co_await arrives(s, &f, 1);
    if (!here) co_return undecided("the object of a stream does not arrive");
    // One track may have both; in older drafts it may not, so that the datagram has its own.
    auto g = f;
    if (s.rules().one_forwarding_preference) {
        const feed_options other{.name = "datagrams"};
        g = co_await feeds(s, other);
    }
    const auto before = objects_of(*g.s, g.heard).size();
    const auto data = raw{s.rules()}.v(0x00).v(g.alias).v(4).v(2).u8(128).text("d").take();
    here = false;
    for (int i = 0; i < 3 && !here; ++i) {
        g.p->datagram(data, "an object");
        here = co_await arrives(s, &g, before + 1);
    }
    if (!here) co_return undecided("no datagram comes through");
    for (const auto& o : objects_of(*g.s, g.heard)) {
        if (o.location.group == 4 && !o.is_datagram)
            co_return fail("a datagram's object comes on a stream");
        if (o.location.group == 1 && o.is_datagram)
            co_return fail("a stream's object comes in a datagram");
    }
    co_return pass("both as they were sent");
}
task<verdict> first_object_bit(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    subgroup_header header;
    header.track_alias = f.alias;
    header.group_id = 2;
    header.publisher_priority = priority{128};
    header.first_object = true;
    octets start(64);
    start.resize(encode_subgroup_header(s.rules(), header, start).value_or(0));
    raw data{s.rules(), start};
    data.v(0).blob("first");
    const auto open = f.p->open_unidirectional();
    f.p->send(open, data.get(), "SUBGROUP with FIRST_OBJECT");
    const bool here = co_await arrives(s, &f, 1);
    if (!here) co_return undecided("the object does not arrive");
    const auto bit = [&](const side& at, track_alias alias) -> std::optional<bool> {
        for (const auto& [id, stream] : at.streams)
            if (is_unidirectional(id) && id != at.their_control)
                if (const auto one = read_subgroup(s.rules(), id, stream.data);
                    one && one->alias == alias && !one->objects.empty())
                    return one->first_object;
        return std::nullopt;
    };
    if (bit(*f.s, f.heard) == false)
        co_return fail("the first object ever published comes without FIRST_OBJECT");
    // Who joins now gets what comes later: no first object.
    auto* const at = co_await meets(s);
    const auto r = subscribes(*at, f.track);
    const auto* m = co_await granted(s, at, r, "SUBSCRIBE");
    const auto ok = parse<msg::subscribe_ok>(s.rules(), m->body);
    if (!ok) co_return undecided("SUBSCRIBE_OK does not parse");
    f.p->send(open, raw{s.rules()}.v(0).blob("second").get(), "the next object");
    co_await s.until([&] { return bit(*at, ok->track_alias).has_value(); });
    const auto late = bit(*at, ok->track_alias);
    if (!late) co_return pass("set for the first object; a late subscriber gets no stream");
    for (const auto& o : objects_of(*at, ok->track_alias))
        if (o.location.object == 0) co_return pass("set for the first object");
    co_return *late ? fail("FIRST_OBJECT on a stream that starts with a later object")
                    : pass("set for the first object alone");
}
task<verdict> complete_ends_with_fin(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    send_one(f, 1, "whole");
    const auto stream = co_await stream_of(s, &f, 1);
    co_await s.until([&] { return f.s->stream(stream)->fin || f.s->stream(stream)->reset; });
    if (f.s->stream(stream)->fin) co_return pass("FIN");
    co_return f.s->stream(stream)->reset ? fail("a complete subgroup is reset")
                                         : undecided("the stream stays open");
}
task<verdict> incomplete_is_reset(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    send_group(*f.p, f.alias, 1, 2, false);
    const auto stream = co_await stream_of(s, &f, 2);
    message_params off;
    off.forward = false;
    f.s->send_message(f.asked.stream, msg::request_update{f.s->next_id(), f.asked.id, off});
    co_await s.until([&] { return f.s->stream(stream)->fin || f.s->stream(stream)->reset; });
    if (f.s->stream(stream)->reset) co_return pass("reset");
    if (f.s->stream(stream)->fin) co_return fail("FIN, as if the subgroup were complete");
    co_return undecided("the stream stays open");
}
task<verdict> contents_do_not_change(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    send_one(f, 6, "once and for ever");
    const bool here = co_await arrives(s, &f, 1);
    if (!here) co_return undecided("the object does not arrive");
    const auto r = f.s->ask(msg::fetch{.track_namespace = f.track.space.view(),
                                       .track_name = as_bytes(f.track.name),
                                       .start = {6, 0},
                                       .end = {6, 1}});
    co_await granted(s, f.s, r, "FETCH");
    std::optional<seen_fetch> got;
    co_await s.until([&] {
        got = fetched(*f.s, r.id);
        return got && !got->objects.empty();
    });
    if (!got || got->objects.empty()) co_return undecided("a FETCH brings no object back");
    co_return got->objects[0].payload == objects_of(*f.s, f.heard)[0].payload
        ? pass("the same bytes later")
        : fail("another payload later");
}
task<verdict> stopped_subgroup(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    send_group(*f.p, f.alias, 1, 1, false);
    const auto stream = co_await stream_of(s, &f, 1);
    f.s->stop(stream, to_wire(s.rules(), reset_code::cancelled));
    co_await s.until([&] { return f.s->closed || f.s->stream(stream)->reset; });
    if (f.s->stream(stream)->reset) co_return pass("reset");
    co_return co_await goes_on(s, f.s);
}

constexpr std::array table{
    row{"MUST-18-168", fits::relay, preference_is_kept},
    row{"MUST-18-170", fits::relay, first_object_bit},
    row{"MUST-18-171", fits::relay, complete_ends_with_fin},
    row{"MUST-18-172", fits::relay, incomplete_is_reset},
    row{"MUST-18-187", fits::relay, contents_do_not_change},
    row{"SHOULD-18-021", fits::relay, stopped_subgroup},
};

} // namespace

std::span<const row> stream_rows() {
    return table;
}

} // namespace moqrtc::conformance
