#include "fetching.hpp"

#include <array>

// What a peer owes to those who make a FETCH to it.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

/// What has come of a FETCH of ours as soon as `enough`, or when the session or patience ends.
template <class Enough>
task<std::optional<seen_fetch>> comes_back(stage& s, side* at, request_id id, Enough enough,
                                           group_order order = group_order::ascending) {
    std::optional<seen_fetch> got;
    co_await s.until([&] {
        got = fetched(*at, id, order);
        return at->closed || (got && enough(*got));
    });
    co_return got;
}
/// A FETCH of ours, served by us on the other side up to its first object.
struct begun {
    fetching f{};
    stream_id stream = 0; ///< on which the object came
};
task<begun> first_object_comes(stage& s) {
    begun out;
    out.f = co_await fetches(s);
    raw data{s.rules()};
    entry(data, 0x1c, 3, 0, std::string(200, 'o'));
    accept_fetch(out.f, data.take(), "one object, more to come", false);
    const auto got =
        co_await comes_back(s, out.f.of.s, out.f.asked.id,
                            [](const seen_fetch& so_far) { return !so_far.objects.empty(); });
    if (!got || got->objects.empty()) throw inconclusive{"no object of the FETCH arrives"};
    out.stream = got->stream;
    co_return out;
}

task<verdict> cancelled_fetch(stage& s) {
    const auto b = co_await first_object_comes(s);
    auto* const at = b.f.of.s;
    cancels(*at, b.f.asked);
    const auto over = [&] {
        const auto* own = at->stream(b.f.asked.stream);
        return at->stream(b.stream)->reset &&
               (!s.rules().request_streams || own == nullptr || own->reset);
    };
    co_await s.until([&] { return at->closed || over(); });
    if (over()) co_return pass("reset");
    auto v = co_await goes_on(s, at);
    if (v.what != verdict::kind::pass) co_return v;
    co_return at->stream(b.stream)->fin
        ? undecided("the FETCH was complete before it was cancelled")
        : fail("the session goes on, and what was cancelled is not reset");
}
task<verdict> update_of_fetch_fails(stage& s) {
    const auto b = co_await first_object_comes(s);
    auto* const at = b.f.of.s;
    const auto since = at->inbox.size();
    const auto id = at->next_id();
    raw body{s.rules(),
             body_before_parameters(s.rules(), msg::request_update{id, b.f.asked.id, {}})};
    body.count(1).data(0x03, token_bytes(s.rules(), {alias_type::use_alias, 91, 0, {}}));
    at->send_body(b.f.asked.stream, msg::request_update::code(s.rules()), body.get(),
                  "USE_ALIAS of an alias that is not there");
    const auto refused = [&] {
        return at->find(msg::request_error::code(s.rules()), since) != nullptr;
    };
    co_await s.until([&] { return at->closed || (refused() && at->stream(b.stream)->reset); });
    if (at->closed) co_return co_await goes_on(s, at);
    if (!refused()) co_return undecided("the update is not refused");
    if (at->stream(b.stream)->reset) co_return co_await goes_on(s, at);
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
    const auto got = co_await comes_back(
        s, at, f.asked.id, [](const seen_fetch& so_far) { return !so_far.objects.empty(); });
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
        const auto* const at = f.s;
        const auto ended = [at](const seen_fetch& so_far) {
            return at->stream(so_far.stream)->fin;
        };
        const auto got = co_await comes_back(s, f.s, r.id, ended, order);
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
    absent(out, 4, 0);
    accept_fetch(f, out.take(), "4:0 does not exist", true);
    const auto* const at = f.of.s;
    co_await comes_back(s, f.of.s, f.asked.id,
                        [at](const seen_fetch& so_far) { return at->stream(so_far.stream)->fin; });
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
    row{"MUST-18-092", fits::relay, update_of_fetch_fails},
    row{"MUST-18-151", fits::relay, cancelled_fetch},
    row{"MUST-18-155", fits::relay, withheld_fetch_ok},
    row{"MUST-18-198", fits::relay, withheld_fetch_ok},
    row{"MUST-18-201", fits::relay, paused_fetch},
    row{"MUST-18-202", fits::relay, no_waiting},
};

} // namespace

std::span<const row> fetched_rows() {
    return table;
}

} // namespace moqrtc::conformance
