#include "fetching.hpp"

#include <array>

// Objects that contradict others: the track is malformed, the session goes on.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

/// Which way an object goes.
struct delivery {
    std::uint64_t group = 1;
    std::uint64_t subgroup = 0;
    std::uint64_t first = 0; ///< ID of the first object
    unsigned objects = 1;
    std::string_view payload = "same";
    bool fin = false;
    unsigned shown = 128; ///< priority
    bool end_of_group = false;
    std::uint64_t status = 0; ///< behind the objects, when not 0
};
void deliver(const feed& f, const delivery& d, const char* note) {
    subgroup_bytes data{f.p->rules(),  f.alias, d.group,
                        d.subgroup,    false,   static_cast<priority>(d.shown),
                        d.end_of_group};
    for (unsigned i = 0; i < d.objects; ++i)
        data.object(d.payload, i == 0 ? d.first : 0);
    if (d.status != 0) data.status(d.status, d.objects == 0 ? d.first : 0);
    f.p->send(f.p->open_unidirectional(), data.take(), note, d.fin);
}
/// A track with its first delivery through.
task<feed> after(stage& s, delivery first, unsigned objects) {
    const feed_options options;
    auto f = co_await feeds(s, options);
    deliver(f, first, "legal");
    const bool here = co_await arrives(s, &f, objects);
    if (!here) throw inconclusive{"a legal object does not arrive"};
    co_return f;
}
task<verdict> contradicts(stage& s, delivery first, unsigned through, delivery second,
                          const char* note) {
    const auto f = co_await after(s, first, through);
    deliver(f, second, note);
    co_return co_await ends_track(s, &f);
}

task<verdict> priority_changes(stage& s) {
    if (s.rules().subgroup_priority != one_priority::everywhere)
        co_return co_await fetched_priority_changes(s);
    co_return co_await contradicts(s, {.objects = 2}, 2, {.first = 2, .shown = 5},
                                   "the same subgroup with another priority");
}
task<verdict> beyond_the_fin(stage& s) {
    co_return co_await contradicts(s, {.objects = 2, .fin = true}, 2, {.first = 2},
                                   "object 2 of a subgroup that ended with object 1");
}
task<verdict> two_ends(stage& s) {
    co_return co_await contradicts(s, {.objects = 2, .fin = true}, 2, {.objects = 1, .fin = true},
                                   "the same subgroup ends with object 0");
}
task<verdict> beyond_the_group(stage& s) {
    auto v = co_await contradicts(s, {.objects = 2, .fin = true, .status = 3}, 3,
                                  {.subgroup = 1, .first = 7},
                                  "object 7 of a group that ended with object 2");
    if (v.what != verdict::kind::pass || !s.rules().end_of_group_bit_binds) co_return v;
    co_return co_await contradicts(s, {.objects = 2, .fin = true, .end_of_group = true}, 2,
                                   {.subgroup = 1, .first = 7},
                                   "object 7 of a group whose last stream ended with object 1");
}
task<verdict> beyond_the_track(stage& s) {
    co_return co_await contradicts(s, {.objects = 1, .fin = true, .status = 4}, 2, {.group = 2},
                                   "group 2 of a track that ended in group 1");
}
task<verdict> other_payload(stage& s) {
    co_return co_await contradicts(s, {.objects = 2}, 2, {.objects = 1, .payload = "other"},
                                   "object 0 again with another payload");
}
task<verdict> other_preference(stage& s) {
    const auto f = co_await after(s, {.objects = 2}, 2);
    const auto data = raw{s.rules()}.v(0x00).v(f.alias).v(1).v(0).u8(128).text("same").take();
    for (int i = 0; i < 3 && !f.p->closed && !f.p->gave_up(f.stream); ++i) {
        f.p->datagram(data, "object 0 again"); // one may be lost, or overtake what is on streams
        co_await s.rest(milliseconds(100));
    }
    co_return co_await ends_track(s, &f);
}
task<verdict> other_subgroup(stage& s) {
    co_return co_await contradicts(s, {.objects = 2}, 2, {.subgroup = 1},
                                   "object 0 again in another subgroup");
}

// Properties of objects -------------------------------------------------------------------------

task<verdict> object_with(stage& s, octets properties, const char* note) {
    const auto f = co_await after(s, {.objects = 1}, 1);
    const auto data =
        subgroup_bytes{s.rules(), f.alias, 5, 0, true}.object("x", 0, properties).take();
    f.p->send(f.p->open_unidirectional(), data, note);
    co_return co_await ends_track(s, &f);
}
task<verdict> mandatory_on_an_object(stage& s) {
    co_return co_await object_with(s, property_of(s.rules(), 0x4002, 1),
                                   "a property of the mandatory range");
}
task<verdict> nested_immutable(stage& s) {
    const auto inner = property_of(s.rules(), 0x0b, bytes{});
    co_return co_await object_with(s, property_of(s.rules(), 0x0b, inner),
                                   "an immutable block in another");
}
task<verdict> broken_immutable(stage& s) {
    const auto inner = raw{s.rules()}.v(0x2b).v(50).text("x").take();
    co_return co_await object_with(s, property_of(s.rules(), 0x0b, inner),
                                   "an immutable block that does not parse");
}

constexpr std::array table{
    row{"MUST-18-094", fits::receivers, priority_changes},
    row{"MUST-18-095", fits::receivers, beyond_the_fin},
    row{"MUST-18-096", fits::receivers, two_ends},
    row{"MUST-18-097", fits::receivers, beyond_the_group},
    row{"MUST-18-098", fits::receivers, beyond_the_track},
    row{"MUST-18-099", fits::receivers, other_payload},
    row{"MUST-18-100", fits::receivers, other_preference},
    row{"MUST-18-101", fits::receivers, other_subgroup},
    row{"MUST-18-102", fits::receivers, mandatory_on_an_object},
    row{"MUST-18-103", fits::receivers, nested_immutable},
    row{"MUST-18-104", fits::receivers, broken_immutable},
};

} // namespace

std::span<const row> malformed_rows() {
    return table;
}

// Gaps ------------------------------------------------------------------------------------------

namespace {

constexpr std::uint64_t group_gap = 0x3c;
constexpr std::uint64_t object_gap = 0x3e;

/// One object with properties, on a stream of its own.
void send_with(const feed& f, location where, octets properties, const char* note,
               std::uint64_t subgroup = 0) {
    const auto data = subgroup_bytes{f.p->rules(), f.alias, where.group, subgroup, true}
                          .object("x", where.object, properties)
                          .take();
    f.p->send(f.p->open_unidirectional(), data, note);
}
octets gap(const wire_rules& rules, std::uint64_t type, std::uint64_t number) {
    return property_of(rules, type, number);
}
/// The same type twice: the second as difference 0 where types are differences.
octets gap_twice(const wire_rules& rules, std::uint64_t type) {
    return raw{rules}.v(type).v(1).v(rules.keys == key_form::delta ? 0 : type).v(1).take();
}

task<verdict> two_group_gaps(stage& s) {
    const auto f = co_await after(s, {.objects = 1}, 1);
    send_with(f, {5, 0}, gap_twice(s.rules(), group_gap), "Prior Group ID Gap twice");
    co_return co_await ends_track(s, &f);
}
task<verdict> different_group_gaps(stage& s) {
    const auto f = co_await after(s, {.objects = 1}, 1);
    send_with(f, {9, 0}, gap(s.rules(), group_gap, 2), "Prior Group ID Gap 2");
    co_await arrives(s, &f, 2);
    send_with(f, {9, 1}, gap(s.rules(), group_gap, 3), "Prior Group ID Gap 3, same group", 1);
    co_return co_await ends_track(s, &f);
}
task<verdict> group_gap_too_large(stage& s) {
    const auto f = co_await after(s, {.objects = 1}, 1);
    send_with(f, {5, 0}, gap(s.rules(), group_gap, 6), "Prior Group ID Gap 6 in group 5");
    co_return co_await ends_track(s, &f);
}
task<verdict> group_gap_over_a_group(stage& s) {
    const auto f = co_await after(s, {.group = 4, .objects = 1}, 1);
    send_with(f, {6, 0}, gap(s.rules(), group_gap, 3), "a gap over group 4, which was there");
    co_return co_await ends_track(s, &f);
}
task<verdict> group_in_the_gap(stage& s) {
    const auto f = co_await after(s, {.objects = 1}, 1);
    send_with(f, {9, 0}, gap(s.rules(), group_gap, 3), "groups 6 to 8 do not exist");
    co_await arrives(s, &f, 2);
    deliver(f, {.group = 7}, "an object of group 7");
    co_return co_await ends_track(s, &f);
}
task<verdict> two_object_gaps(stage& s) {
    const auto f = co_await after(s, {.objects = 1}, 1);
    send_with(f, {5, 4}, gap_twice(s.rules(), object_gap), "Prior Object ID Gap twice");
    co_return co_await ends_track(s, &f);
}
task<verdict> object_gap_too_large(stage& s) {
    const auto f = co_await after(s, {.objects = 1}, 1);
    send_with(f, {5, 2}, gap(s.rules(), object_gap, 3), "Prior Object ID Gap 3 on object 2");
    co_return co_await ends_track(s, &f);
}
task<verdict> object_gap_over_an_object(stage& s) {
    const auto f = co_await after(s, {.group = 4, .objects = 3}, 3);
    send_with(f, {4, 5}, gap(s.rules(), object_gap, 4), "a gap over object 2, which was there", 1);
    co_return co_await ends_track(s, &f);
}
task<verdict> object_in_the_gap(stage& s) {
    const auto f = co_await after(s, {.objects = 1}, 1);
    send_with(f, {5, 6}, gap(s.rules(), object_gap, 3), "objects 3 to 5 do not exist");
    co_await arrives(s, &f, 2);
    deliver(f, {.group = 5, .subgroup = 1, .first = 4}, "object 4");
    co_return co_await ends_track(s, &f);
}

constexpr std::array gaps{
    row{"MUST-18-105", fits::receivers, two_group_gaps},
    row{"MUST-18-106", fits::receivers, different_group_gaps},
    row{"MUST-18-107", fits::receivers, group_gap_too_large},
    row{"MUST-18-108", fits::receivers, group_gap_over_a_group},
    row{"MUST-18-109", fits::receivers, group_in_the_gap},
    row{"MUST-18-110", fits::receivers, two_object_gaps},
    row{"MUST-18-111", fits::receivers, object_gap_too_large},
    row{"MUST-18-112", fits::receivers, object_gap_over_an_object},
    row{"MUST-18-113", fits::receivers, object_in_the_gap},
};

} // namespace

std::span<const row> gap_rows() {
    return gaps;
}

} // namespace moqrtc::conformance
