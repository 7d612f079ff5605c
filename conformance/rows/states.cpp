#include "rows.hpp"

#include <array>

// What an endpoint owes during the life of a subscription.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

task<verdict> joining_location_is_kept(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    send_group(*f.p, f.alias, 1, 2);
    const bool here = co_await arrives(s, &f, 2);
    if (!here) co_return undecided("the first objects do not arrive");
    // A second subscriber starts behind 1:1; what comes later is not part of what it joins.
    auto* at = co_await meets(s);
    const auto sub = at->ask(msg::subscribe{0, f.track.space.view(), as_bytes(f.track.name), {}});
    const auto* ok = co_await granted(s, at, sub, "the second SUBSCRIBE");
    const auto told = parse<msg::subscribe_ok>(s.rules(), ok->body);
    if (!told || !told->params.largest_object)
        co_return undecided("SUBSCRIBE_OK says no LARGEST_OBJECT");
    const auto largest = *told->params.largest_object;
    send_group(*f.p, f.alias, 2, 2);
    co_await arrives(s, &f, 4);
    const auto join = at->ask(msg::fetch{.type = msg::fetch_type::relative_joining,
                                         .joining_request_id = sub.id,
                                         .joining_start = 1});
    const auto* m = co_await granted(s, at, join, "the joining FETCH");
    const auto answered = parse<msg::fetch_ok>(s.rules(), m->body);
    if (!answered) co_return undecided("FETCH_OK does not parse");
    // One past the last object, or 0 for the whole group.
    const location end = answered->end;
    const bool same =
        end == location{largest.group, largest.object + 1} || end == location{largest.group, 0};
    co_return same ? pass("the FETCH ends where the subscription began")
                   : fail("the joining FETCH ends at " + std::to_string(end.group) + ":" +
                          std::to_string(end.object) + ", the subscription began behind " +
                          std::to_string(largest.group) + ":" + std::to_string(largest.object));
}

task<verdict> publish_meets_own_subscribe(stage& s) {
    feed_options options;
    options.answered = false;
    const auto f = co_await feeds(s, options);
    auto* const p = f.p;
    const auto since = p->inbox.size();
    const auto r =
        p->ask(msg::publish{0, f.track.space.view(), as_bytes(f.track.name), 21, {}, {}});
    const auto left = [&]() -> bool {
        if (s.rules().request_streams) return p->gave_up(f.stream);
        return p->find(msg::unsubscribe::code(s.rules()), since) != nullptr;
    };
    const auto* m = co_await answer_to(s, p, r);
    if (m == nullptr) co_return undecided("PUBLISH is not answered");
    if (is_error(*p, *m)) co_return undecided("PUBLISH is refused");
    if (!left()) {
        // On streams of their own the two may arrive in another order than they were sent.
        co_await s.until([&] { return left() || p->closed; }, milliseconds(500));
        if (left()) co_return pass("terminated");
        co_return fail("PUBLISH is granted, its own SUBSCRIBE stays");
    }
    if (!s.rules().request_streams) {
        for (auto i = since; i < p->inbox.size(); ++i) {
            if (p->inbox[i].type == msg::unsubscribe::code(s.rules())) break;
            if (&p->inbox[i] == m) co_return fail("UNSUBSCRIBE comes behind the answer");
        }
    }
    co_return pass("terminated");
}

void unsubscribes(side& at, const request& r) {
    if (at.rules().request_streams) {
        at.stop(r.stream, to_wire(at.rules(), reset_code::cancelled));
        at.reset(r.stream, to_wire(at.rules(), reset_code::cancelled));
    } else {
        at.send_message(at.control, msg::unsubscribe{r.id});
    }
}
task<verdict> cancelled_subscription(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    send_group(*f.p, f.alias, 1, 1, false); // the subgroup stays open
    const bool here = co_await arrives(s, &f, 1);
    if (!here) co_return undecided("the object does not arrive");
    auto* const at = f.s;
    const auto stream = objects_of(*at, f.heard).front().stream;
    if (at->stream(stream)->fin) co_return undecided("the stream is over before it is cancelled");
    unsubscribes(*at, f.asked);
    co_await s.until([&] { return at->closed || at->stream(stream)->reset; });
    if (at->stream(stream)->reset) co_return pass("reset");
    auto v = co_await goes_on(s, at);
    if (v.what != verdict::kind::pass) co_return v;
    co_return fail(at->stream(stream)->fin ? "the stream ends with FIN"
                                           : "the session goes on, and the stream stays open");
}
task<verdict> kept_until_done(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    const auto open = f.p->open_unidirectional();
    const auto start = subgroup_bytes{s.rules(), f.alias, 1}.object("first").take();
    f.p->send(open, start, "SUBGROUP, open");
    const bool here = co_await arrives(s, &f, 1);
    if (!here) co_return undecided("the object does not arrive");
    // The track ends while the stream is open: what is left of it still has to come.
    f.p->send_message(f.stream, msg::publish_done{f.id, 2, 1, {}});
    co_await s.rest(milliseconds(100));
    f.p->send(open, raw{s.rules()}.v(0).blob("second").get(), "the rest", true);
    auto* const at = f.s;
    const auto done = [&] {
        return at->find_if<msg::publish_done>([&](const auto& m, const inbound& in) {
            return s.rules().request_streams ? in.stream == f.asked.stream
                                             : m.request_id == f.asked.id;
        });
    };
    co_await s.until([&] { return at->closed || done() != nullptr; });
    if (done() == nullptr) co_return undecided("PUBLISH_DONE does not come");
    const auto got = objects_of(*at, f.heard);
    co_return got.size() == 2 ? pass("every object, then PUBLISH_DONE")
                              : fail("PUBLISH_DONE came, an object of an open stream was lost");
}
task<verdict> updates_before_joining(stage& s) {
    feed_options options;
    options.asked.forward = false;
    options.told.largest_object = location{3, 3};
    const auto f = co_await feeds(s, options);
    message_params on;
    on.forward = true;
    auto* const at = f.s;
    at->send_message(f.asked.stream, msg::request_update{at->next_id(), f.asked.id, on});
    const auto r = at->ask(msg::fetch{.type = msg::fetch_type::relative_joining,
                                      .joining_request_id = f.asked.id,
                                      .joining_start = 0});
    const inbound* m = nullptr;
    co_await s.until([&] {
        m = f.p->find(msg::fetch::code(s.rules()));
        return m != nullptr || at->closed || at->answer(r) != nullptr;
    });
    if (m != nullptr && at->answer(r) == nullptr) co_return pass("the FETCH is served");
    const auto* answered = co_await answer_to(s, at, r);
    if (answered == nullptr) co_return undecided("the FETCH is not answered");
    if (!is_error(*at, *answered)) co_return pass("the FETCH is granted");
    if (error_number(*at, *answered) == to_wire(s.rules(), request_error_code::invalid_range))
        co_return fail("refused as if Forward State were still 0");
    co_return undecided("the FETCH is refused with another code");
}

constexpr std::array table{
    row{"MUST-18-142", fits::relay, joining_location_is_kept},
    row{"MUST-18-143", fits::relay, publish_meets_own_subscribe},
    row{"MUST-18-146", fits::relay, cancelled_subscription},
    row{"MUST-18-148", fits::relay, kept_until_done},
    row{"MUST-18-152", fits::relay, updates_before_joining},
};

} // namespace

std::span<const row> state_rows() {
    return table;
}

} // namespace moqrtc::conformance
