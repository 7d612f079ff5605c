#include "rows.hpp"

#include <array>

// Range filters, limits of updates, and what drafts 19 and later add besides.
namespace moqrtc::conformance {
namespace {

using namespace moqt;
using enum request_error_code;

/// The parameters of range filters.
constexpr std::uint64_t subgroups = 0x25;
constexpr std::uint64_t priorities = 0x27;
constexpr std::uint64_t object_properties = 0x28;
constexpr std::uint64_t track_properties_filter = 0x29;

/// A SUBSCRIBE whose parameters are made by hand, to a track that exists.
task<verdict> refuses(stage& s, octets parameters, const char* note) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    auto* const at = co_await meets(s);
    const auto id = at->next_id();
    auto body = subscription(*at, id, f.track);
    body.append(parameters);
    const auto r = at->ask_body<msg::subscribe>(id, body.get(), note);
    co_return co_await rejects(s, at, r, invalid_filter);
}
raw list(stage& s, std::uint64_t count) {
    raw out{s.rules()};
    out.count(count);
    return out;
}

task<verdict> endless_range(stage& s) {
    const auto value = raw{s.rules()}.u8(0).most().v(1).take();
    co_return co_await refuses(s, list(s, 1).data(subgroups, value).take(),
                               "a range beyond 64 bits");
}
task<verdict> repeated_filter(stage& s) {
    const auto value = raw{s.rules()}.u8(3).v(1).v(1).take();
    co_return co_await refuses(s, list(s, 2).data(subgroups, value).data(subgroups, value).take(),
                               "SUBGROUP_FILTER of one set twice");
}
task<verdict> too_many_ranges(stage& s) {
    auto* const at = co_await meets(s);
    const auto most = peer_options(*at).max_filter_ranges.value_or(0);
    if (most > 10'000) throw inconclusive{"the peer's MAX_FILTER_RANGES does not fit a message"};
    raw value{s.rules()};
    value.u8(0);
    for (std::uint64_t i = 0; i <= most; ++i)
        value.v(1).v(0);
    const auto ranges = value.take();
    co_return co_await refuses(s, list(s, 1).data(subgroups, ranges).take(),
                               "one range more than MAX_FILTER_RANGES");
}
task<verdict> large_priority(stage& s) {
    const auto value = raw{s.rules()}.u8(0).v(256).v(1).take();
    co_return co_await refuses(s, list(s, 1).data(priorities, value).take(), "priority 256");
}
task<verdict> odd_property(stage& s) {
    const auto value = raw{s.rules()}.u8(0).v(3).v(0).v(1).take();
    co_return co_await refuses(s, list(s, 1).data(object_properties, value).take(),
                               "a property type that is odd");
}
task<verdict> odd_track_property(stage& s) {
    auto* const at = co_await ready(s);
    const auto id = at->next_id();
    const auto space = s.space();
    const auto value = raw{s.rules()}.u8(0).v(3).v(0).v(1).take();
    raw body{s.rules(),
             body_before_parameters(s.rules(), msg::subscribe_tracks{id, space.view(), {}})};
    body.append(list(s, 1).data(track_properties_filter, value).get());
    const auto r = at->ask_body<msg::subscribe_tracks>(id, body.get(), "an odd property type");
    co_return co_await rejects(s, at, r, invalid_filter);
}

task<verdict> too_many_updates(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    const auto most = peer_options(*f.s).max_request_updates.value_or(0);
    if (most == 0 || most > 500) throw inconclusive{"the peer sets no limit that a row can reach"};
    raw all{s.rules()};
    for (std::uint64_t i = 0; i < most + 20; ++i)
        all.append(framed(s.rules(), msg::request_update::code(s.rules()),
                          body_of(s.rules(), msg::request_update{f.s->next_id(), f.asked.id, {}})));
    f.s->send(f.asked.stream, all.get(), "more updates at once than MAX_REQUEST_UPDATES");
    auto v = co_await closes(s, f.s, close_code::too_many_request_updates);
    if (v.what == verdict::kind::fail && !f.s->closed)
        co_return undecided("each update may be answered before the next is read");
    co_return v;
}
task<verdict> update_of_the_publisher(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    co_await answers(s, f.p);
    f.p->send_message(f.stream, msg::request_update{f.p->next_id(), f.id, {}});
    co_return co_await closes(s, f.p);
}
/// What comes of a SUBSCRIBE that lets subgroup 0 pass alone.
task<verdict> subgroups_are_filtered(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    auto* const at = co_await meets(s);
    if (peer_options(*at).max_filter_ranges.value_or(0) == 0)
        throw inconclusive{"the peer takes no range filters: MAX_FILTER_RANGES"};
    const auto id = at->next_id();
    auto body = subscription(*at, id, f.track);
    const auto value = raw{s.rules()}.u8(0).v(0).v(0).take();
    body.append(list(s, 1).data(subgroups, value).get());
    const auto r = at->ask_body<msg::subscribe>(id, body.get(), "SUBGROUP_FILTER: subgroup 0");
    const auto* m = co_await granted(s, at, r, "SUBSCRIBE with a filter");
    const auto ok = parse<msg::subscribe_ok>(s.rules(), m->body);
    if (!ok) co_return undecided("SUBSCRIBE_OK does not parse");
    const auto alias = ok->track_alias;
    for (const std::uint64_t subgroup : {1u, 0u}) {
        auto data = subgroup_bytes{s.rules(), f.alias, 5, subgroup};
        data.object("of subgroup " + std::to_string(subgroup), subgroup);
        f.p->send(f.p->open_unidirectional(), data.take(),
                  "SUBGROUP " + std::to_string(subgroup) + " of group 5", true);
    }
    const bool everywhere = co_await arrives(s, &f, 2);
    co_await s.until([&] { return !objects_of(*at, alias).empty(); });
    co_await s.rest(milliseconds(200));
    for (const auto& o : objects_of(*at, alias))
        if (o.subgroup != 0) co_return fail("an object of a subgroup outside of the filter comes");
    if (objects_of(*at, alias).empty()) co_return undecided("what passes the filter does not come");
    co_return everywhere ? pass("what passes the filter, and nothing else")
                         : undecided("who filters nothing does not get everything");
}
task<verdict> once_for_each_subscription(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    const auto again =
        f.s->ask(msg::subscribe{0, f.track.space.view(), as_bytes(f.track.name), {}});
    const auto* m = co_await granted(s, f.s, again, "a second SUBSCRIBE to the track");
    const auto ok = parse<msg::subscribe_ok>(s.rules(), m->body);
    if (!ok) co_return undecided("SUBSCRIBE_OK does not parse");
    const auto other = ok->track_alias;
    const bool shared = other == f.heard;
    send_group(*f.p, f.alias, 5, 2);
    const auto of = [&](track_alias alias) { return objects_of(*f.s, alias).size(); };
    const std::size_t each = shared ? 4 : 2;
    co_await s.until([&] { return f.s->closed || (of(f.heard) >= each && of(other) >= each); });
    co_await s.rest(milliseconds(200));
    if (of(f.heard) > each || of(other) > each)
        co_return fail("an object comes more often than there are subscriptions to it");
    co_return of(f.heard) == each&& of(other) == each
        ? pass("once for each subscription")
        : undecided("the objects do not come for each subscription");
}
task<verdict> known_properties(stage& s) {
    feed_options options;
    options.properties = property_of(s.rules(), 0x04, 60'000);
    const auto f = co_await feeds(s, options);
    const auto* m = f.s->answer(f.asked);
    const auto ok = parse<msg::subscribe_ok>(s.rules(), m->body);
    if (!ok) co_return undecided("SUBSCRIBE_OK does not parse");
    co_return equal(ok->properties, options.properties)
        ? pass("MAX_CACHE_DURATION goes on unchanged")
        : fail("a known property is changed on its way");
}
task<verdict> ends_without_an_answer(stage& s) {
    feed_options options;
    options.answered = false;
    const auto f = co_await feeds(s, options);
    f.p->send(f.stream, {}, "the end of the response, which never came", true);
    const auto* m = co_await answer_to(s, f.s, f.asked);
    if (m == nullptr) co_return co_await goes_on(s, f.p);
    co_return is_error(*f.s, *m) ? pass("the request has failed") : fail("the request is granted");
}

// Draft 20 and later ----------------------------------------------------------------------------

task<verdict> subscribe_closes(stage& s, octets parameters, const char* note) {
    auto* const at = co_await ready(s);
    const auto id = at->next_id();
    const auto name = s.track();
    auto body = subscription(*at, id, name);
    body.append(parameters);
    at->ask_body<msg::subscribe>(id, body.get(), note);
    co_return co_await closes(s, at);
}
task<verdict> bad_include_properties(stage& s) {
    co_return co_await subscribe_closes(s, list(s, 1).number(0x35, 2, true).take(),
                                        "INCLUDE_PROPERTIES=2");
}
task<verdict> foreign_fill_parameter(stage& s) {
    const auto inner = raw{s.rules()}.v(0x10).u8(1).take();
    co_return co_await subscribe_closes(s, list(s, 1).data(0x23, inner).take(),
                                        "FORWARD inside FILL_PARAMETERS");
}
task<verdict> undefined_location_filter(stage& s) {
    if (s.rules().location_filter != location_filter_form::untagged)
        throw inconclusive{"filters have no type in this draft"};
    co_return co_await subscribe_closes(s, list(s, 1).key(0x21).v(9).take(),
                                        "Location Filter Type 9");
}
task<verdict> notify_of_no_subscription(stage& s) {
    auto* const at = co_await ready(s);
    const auto space = s.space();
    const auto r = at->ask(msg::publish_namespace{0, space.view(), {}});
    co_await granted(s, at, r, "PUBLISH_NAMESPACE");
    const auto body = raw{s.rules()}.v(0).take();
    at->send_body(r.stream, 0x22, body, "on the stream of a PUBLISH_NAMESPACE");
    co_return co_await closes(s, at);
}
task<verdict> notify_of_the_subscriber(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    const auto body = raw{s.rules()}.v(0).take();
    f.s->send_body(f.asked.stream, 0x22, body, "from the subscriber");
    co_return co_await closes(s, f.s);
}

constexpr std::array table{
    row{"MUST-19-031", fits::relay, too_many_updates},
    row{"MUST-19-045", fits::relay, update_of_the_publisher},
    row{"MUST-19-089", fits::relay, endless_range},
    row{"MUST-19-090", fits::relay, repeated_filter},
    row{"MUST-19-091", fits::relay, too_many_ranges},
    row{"MUST-19-092", fits::relay, large_priority},
    row{"MUST-19-093", fits::relay, odd_property},
    row{"MUST-19-094", fits::relay, odd_track_property},
    row{"MUST-19-149", fits::relay, once_for_each_subscription},
    row{"MUST-19-150", fits::relay, subgroups_are_filtered},
    row{"MUST-19-198", fits::relay, known_properties},
    row{"SHOULD-19-019", fits::relay, ends_without_an_answer},
    row{"MUST-20-038", fits::relay, bad_include_properties},
    row{"MUST-20-039", fits::relay, foreign_fill_parameter},
    row{"MUST-20-040", fits::relay, undefined_location_filter},
    row{"MUST-20-055", fits::relay, notify_of_no_subscription},
    row{"MUST-20-056", fits::relay, notify_of_the_subscriber},
};

} // namespace

std::span<const row> filter_rows() {
    return table;
}

} // namespace moqrtc::conformance
