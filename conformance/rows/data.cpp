#include "rows.hpp"

#include <array>

// Subgroup streams and datagrams that close the session, and those that must not.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

constexpr std::uint64_t unknown_even = 0x2a; // a property that nobody knows

/// A track that runs: one group went through.
task<feed> running(stage& s) {
    const feed_options options;
    auto f = co_await feeds(s, options);
    send_group(*f.p, f.alias, 1, 1);
    const bool here = co_await arrives(s, &f, 1);
    if (!here) throw inconclusive{"a legal object does not arrive"};
    co_await answers(s, f.p);
    co_return f;
}
task<verdict> stream_closes(stage& s, octets (*make)(const wire_rules&, track_alias),
                            const char* note, codes with = {}) {
    const auto f = co_await running(s);
    const auto data = make(s.rules(), f.alias);
    f.p->send(f.p->open_unidirectional(), data, note);
    co_return co_await closes(s, f.p, with);
}
task<verdict> datagram_closes(stage& s, octets (*make)(const wire_rules&, track_alias),
                              const char* note) {
    const auto f = co_await running(s);
    const auto data = make(s.rules(), f.alias);
    f.p->datagram(data, note);
    co_return co_await closes(s, f.p);
}
/// A datagram's fields up to the priority.
raw front(const wire_rules& rules, std::uint64_t type, track_alias alias) {
    raw out{rules};
    out.v(type).v(alias).v(5).v(3).u8(128);
    return out;
}

task<verdict> properties_on_a_status(stage& s) {
    co_return co_await stream_closes(
        s,
        [](const wire_rules& r, track_alias alias) {
            const auto property = property_of(r, unknown_even, 1);
            return subgroup_bytes{r, alias, 5, 0, true}.status(3, 0, property).take();
        },
        "END_OF_GROUP with properties");
}
task<verdict> empty_datagram_properties(stage& s) {
    co_return co_await datagram_closes(
        s,
        [](const wire_rules& r, track_alias alias) {
            return front(r, 0x01, alias).v(0).text("payload").take();
        },
        "properties of 0 bytes");
}
task<verdict> status_and_end_of_group(stage& s) {
    co_return co_await datagram_closes(
        s, [](const wire_rules& r, track_alias alias) { return front(r, 0x22, alias).v(3).take(); },
        "type 0x22");
}
task<verdict> datagram_of_no_form(stage& s) {
    for (const bool second : {false, true}) {
        auto v = co_await datagram_closes(
            s,
            second ? [](const wire_rules& r,
                        track_alias alias) { return front(r, 0x40, alias).text("x").take(); }
                   : [](const wire_rules& r,
                        track_alias alias) { return front(r, 0x10, alias).text("x").take(); },
            second ? "type 0x40" : "type 0x10");
        if (v.what != verdict::kind::pass) co_return v;
    }
    co_return pass();
}
task<verdict> datagram_status_with_properties(stage& s) {
    co_return co_await datagram_closes(
        s,
        [](const wire_rules& r, track_alias alias) {
            return front(r, 0x21, alias).blob(property_of(r, unknown_even, 1)).v(3).take();
        },
        "type 0x21, END_OF_GROUP");
}
task<verdict> reserved_subgroup_mode(stage& s) {
    co_return co_await stream_closes(
        s,
        [](const wire_rules& r, track_alias alias) {
            return raw{r}.v(0x16).v(alias).v(5).v(0).u8(128).v(0).blob("x").take();
        },
        "SUBGROUP_ID_MODE 0b11");
}
task<verdict> stream_of_no_form(stage& s) {
    co_return co_await stream_closes(
        s,
        [](const wire_rules& r, track_alias alias) {
            // The first bit above those that the draft defines.
            const auto type = r.first_object_bit ? 0x90u : 0x50u;
            return raw{r}.v(type).v(alias).v(5).u8(128).v(0).blob("x").take();
        },
        "a type beyond the defined bits");
}
task<verdict> endless_object_id(stage& s) {
    co_return co_await stream_closes(
        s,
        [](const wire_rules& r, track_alias alias) {
            subgroup_bytes out{r, alias, 5};
            out.by_hand().most().blob("x").v(0).blob("y");
            return out.take();
        },
        "an object behind the last possible one");
}
task<verdict> unknown_status(stage& s) {
    const auto f = co_await running(s);
    const auto data = subgroup_bytes{s.rules(), f.alias, 5}.status(0x2).take();
    f.p->send(f.p->open_unidirectional(), data, "Object Status 2");
    co_return co_await should_close(s, f.p);
}
task<verdict> fin_inside_an_object(stage& s) {
    const auto f = co_await running(s);
    subgroup_bytes data{s.rules(), f.alias, 5};
    data.by_hand().v(0).v(20).text("half");
    const auto all = data.take();
    f.p->send(f.p->open_unidirectional(), all, "4 bytes of 20", true);
    co_return co_await should_close(s, f.p);
}
task<verdict> status_with_payload(stage& s) {
    const auto f = co_await running(s);
    const auto data = front(s.rules(), 0x20, f.alias).v(3).text("payload").take();
    f.p->datagram(data, "END_OF_GROUP with a payload");
    auto v = co_await closes(s, f.p, codes::any_error());
    if (v.what != verdict::kind::fail || f.p->closed || f.s == nullptr) co_return v;
    for (const auto& o : objects_of(*f.s, f.heard))
        if (o.location.group == 5 && !o.payload.empty())
            co_return fail("the object goes on with its payload");
    co_return pass("dropped");
}
task<verdict> unknown_alias(stage& s) {
    const auto f = co_await running(s);
    send_group(*f.p, f.alias + 500, 1, 1, true);
    co_return co_await goes_on(s, f.p);
}
task<verdict> padding(stage& s) {
    const auto f = co_await running(s);
    const auto data = raw{s.rules()}.v(stream_type::padding).zeros(3000).take();
    f.p->send(f.p->open_unidirectional(), data, "padding", true);
    const auto more = raw{s.rules()}.v(stream_type::padding_datagram).zeros(600).take();
    f.p->datagram(more, "padding");
    auto v = co_await goes_on(s, f.p);
    if (v.what != verdict::kind::pass) co_return v;
    send_group(*f.p, f.alias, 2, 1);
    const bool here = co_await arrives(s, &f, 2);
    co_return here ? pass("thrown away") : undecided("no object arrives behind the padding");
}
task<verdict> datagrams_pass(stage& s) {
    const auto f = co_await running(s);
    const auto data = front(s.rules(), 0x00, f.alias).text("in a datagram").take();
    for (int i = 0; i < 3; ++i) { // one may be lost
        f.p->datagram(data, "an object");
        const bool here = co_await arrives(s, &f, 2);
        if (here) break;
    }
    if (f.s == nullptr) co_return co_await goes_on(s, f.p);
    for (const auto& o : objects_of(*f.s, f.heard))
        if (o.is_datagram) co_return pass("an object goes through in a datagram");
    co_return undecided("no datagram comes through");
}
task<verdict> unknown_properties(stage& s) {
    const auto f = co_await running(s);
    // An even and an odd one, in the order of their types.
    raw properties{s.rules()};
    properties.v(unknown_even).v(77);
    properties.v(s.rules().keys == key_form::delta ? 3 : unknown_even + 3).blob("kept");
    const auto all = properties.take();
    const auto data = subgroup_bytes{s.rules(), f.alias, 5, 0, true}.object("with", 0, all).take();
    f.p->send(f.p->open_unidirectional(), data, "unknown properties", true);
    const bool here = co_await arrives(s, &f, 2);
    if (f.s == nullptr) co_return co_await goes_on(s, f.p);
    if (!here) {
        if (f.s->closed || f.p->closed) co_return co_await goes_on(s, f.p);
        co_return undecided("the object does not arrive");
    }
    for (const auto& o : objects_of(*f.s, f.heard))
        if (o.location.group == 5)
            co_return equal(o.properties, all) ? pass("unchanged")
                                               : fail("the properties are not the same bytes");
    co_return undecided("the object does not arrive");
}
task<verdict> more_streams_than_counted(stage& s) {
    const auto f = co_await running(s);
    f.p->send_message(f.stream, msg::publish_done{f.id, 2, 1, {}});
    send_group(*f.p, f.alias, 8, 1);
    send_group(*f.p, f.alias, 9, 1);
    co_return co_await should_close(s, f.p);
}

constexpr std::array table{
    row{"MUST-18-053", fits::receivers, properties_on_a_status},
    row{"MUST-18-054", fits::receivers, empty_datagram_properties},
    row{"MUST-18-055", fits::receivers, status_and_end_of_group},
    row{"MUST-18-056", fits::receivers, datagram_of_no_form},
    row{"MUST-18-057", fits::receivers, datagram_status_with_properties},
    row{"MUST-18-058", fits::receivers, reserved_subgroup_mode},
    row{"MUST-18-059", fits::receivers, stream_of_no_form},
    row{"MUST-18-060", fits::receivers, endless_object_id},
    row{"MUST-18-114", fits::receivers, datagrams_pass},
    row{"MUST-18-169", fits::receivers, status_with_payload},
    row{"MUST-18-181", fits::receivers, padding},
    row{"MUST-18-186", fits::receivers, unknown_properties},
    row{"SHOULD-18-004", fits::receivers, unknown_status},
    row{"SHOULD-18-005", fits::receivers, fin_inside_an_object},
    row{"SHOULD-18-006", fits::receivers, more_streams_than_counted},
    row{"SHOULD-18-016", fits::receivers, unknown_alias},
};

} // namespace

std::span<const row> data_rows() {
    return table;
}

} // namespace moqrtc::conformance
