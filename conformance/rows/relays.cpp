#include "sending.hpp"

#include <array>

// What relays owe: requests and announcements between publishers and subscribers.
namespace moqrtc::conformance {

task<side*> wants_tracks(stage& s, conditions wanted) {
    side* const at = co_await meets(s, nullptr, wanted);
    const auto space = s.space();
    request r;
    if (s.rules().subscribe_tracks)
        r = at->ask(moqt::msg::subscribe_tracks{0, space.view(), {}});
    else
        r = at->ask(moqt::msg::subscribe_namespace{.track_namespace_prefix = space.view(),
                                                   .options = moqt::msg::subscribe_options::both});
    co_await granted(s, at, r, "the request for tracks");
    co_return at;
}

namespace {

using namespace moqt;

const inbound* subscribe_for(const side& at, const full_track_name& name) {
    return at.find_if<msg::subscribe>([&](const msg::subscribe& m, const inbound&) {
        return as_text(m.track_name) == name.name &&
               track_namespace{m.track_namespace} == name.space;
    });
}
/// Accepts a SUBSCRIBE of the peer; returns its Request ID.
request_id accepts(side& at, const inbound& m, track_alias alias, const message_params& told = {}) {
    const auto asked = parse<msg::subscribe>(at.rules(), m.body);
    const auto id = asked ? asked->request_id : 0;
    at.send_message(m.stream, msg::subscribe_ok{id, alias, told, {}});
    return id;
}

task<verdict> ok_only_with_upstream(stage& s) {
    feed_options options;
    options.answered = false;
    const auto f = co_await feeds(s, options);
    co_await s.until([&] { return f.s->answer(f.asked) != nullptr; }, milliseconds(300));
    if (f.s->answer(f.asked) != nullptr && !is_error(*f.s, *f.s->answer(f.asked)))
        co_return fail("granted although the publisher has not answered");
    f.p->refuse(f.stream, msg::subscribe::code(s.rules()), f.id,
                to_wire(s.rules(), request_error_code::uninterested));
    const auto* m = co_await answer_to(s, f.s, f.asked);
    if (m == nullptr) co_return undecided("not answered when the publisher has refused");
    co_return is_error(*f.s, *m) ? pass("refused as the publisher refuses")
                                 : fail("granted although the publisher refused");
}
task<verdict> every_publisher_is_asked(stage& s) {
    auto* a = co_await publishes(s);
    auto* b = co_await publishes(s);
    auto* at = co_await meets(s);
    const auto name = s.track();
    subscribes(*at, name);
    co_await s.until(
        [&] { return subscribe_for(*a, name) != nullptr && subscribe_for(*b, name) != nullptr; });
    if (subscribe_for(*a, name) == nullptr && subscribe_for(*b, name) == nullptr)
        co_return undecided("no publisher is asked");
    if (subscribe_for(*a, name) == nullptr || subscribe_for(*b, name) == nullptr) {
        co_return co_await alive_without(s, at, "one of two publishers is asked");
    }
    co_return pass("both are asked");
}
task<verdict> announced_to_subscribers(stage& s) {
    auto* a = co_await meets(s);
    auto* b = co_await meets(s);
    const auto prefix = s.space();
    const auto ask = [&](side& at) {
        msg::subscribe_namespace m{};
        m.track_namespace_prefix = prefix.view();
        return at.ask(m);
    };
    const auto first = ask(*a);
    const auto second = ask(*b);
    co_await granted(s, a, first, "SUBSCRIBE_NAMESPACE");
    co_await granted(s, b, second, "SUBSCRIBE_NAMESPACE");
    auto* p = co_await meets(s);
    const auto space = s.space("new");
    const auto r = p->ask(msg::publish_namespace{0, space.view(), {}});
    co_await granted(s, p, r, "PUBLISH_NAMESPACE");
    const auto heard = [&](side& at) {
        return at.find(msg::namespace_message::code(s.rules())) != nullptr ||
               at.find(msg::publish_namespace::code(s.rules())) != nullptr;
    };
    co_await s.until([&] { return heard(*a) && heard(*b); });
    if (heard(*a) != heard(*b)) co_return fail("one of two subscribers hears of it");
    if (!heard(*a)) {
        co_return co_await alive_without(s, a, "nobody hears of the namespace");
    }
    co_return pass("both hear of it");
}

task<verdict> only_to_the_interested(stage& s) {
    auto* bystander = co_await ready(s);
    auto* interested = co_await wants_tracks(s);
    auto* p = co_await meets(s);
    const auto name = s.track();
    offers(*p, name);
    const auto code = msg::publish::code(s.rules());
    co_await s.until([&] { return interested->find(code) != nullptr; });
    if (interested->find(code) == nullptr) co_return undecided("nobody is offered the track");
    const bool alive = co_await is_alive(s, bystander);
    if (bystander->find(code) != nullptr) co_return fail("a client that asked for nothing, too");
    co_return alive ? pass("to the one who asked alone") : undecided("the other is not answered");
}
task<verdict> waiting_subscribe_goes_first(stage& s) {
    auto* at = co_await wants_tracks(s);
    const auto name = s.track();
    message_params params;
    params.rendezvous_timeout = 5000;
    const auto r = subscribes(*at, name, params);
    const auto alive = co_await is_alive(s, at);
    if (!alive || at->answer(r) != nullptr)
        co_return undecided("the relay does not hold a SUBSCRIBE with RENDEZVOUS_TIMEOUT");
    auto* p = co_await meets(s);
    const auto offer = offers(*p, name);
    co_await granted(s, p, offer, "PUBLISH");
    const auto* m = co_await answer_to(s, at, r);
    if (m == nullptr) co_return undecided("the SUBSCRIBE is not answered");
    if (is_error(*at, *m)) co_return fail("the held SUBSCRIBE is refused");
    co_await is_alive(s, at);
    co_return at->find(msg::publish::code(s.rules())) == nullptr
        ? pass("SUBSCRIBE_OK, and no PUBLISH")
        : fail("the PUBLISH is forwarded, too");
}
task<verdict> established_track_is_granted(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    auto* at = co_await meets(s);
    const auto r = subscribes(*at, f.track);
    const auto* m = co_await answer_to(s, at, r);
    if (m == nullptr) co_return undecided("not answered");
    co_return is_error(*at, *m) ? fail("refused: " + describe_message(s.rules(), m->type, m->body))
                                : pass("granted");
}
task<verdict> forward_goes_up(stage& s) {
    feed_options options;
    options.asked.forward = false;
    const auto f = co_await feeds(s, options);
    if (f.got.forward.value_or(true))
        co_return pass("the upstream subscription has Forward State 1 from the start");
    auto* at = co_await meets(s);
    subscribes(*at, f.track);
    const auto updated = [&] {
        return f.p->find_if<msg::request_update>([&](const msg::request_update& m, const inbound&) {
            return m.params.forward == true;
        }) != nullptr;
    };
    co_await s.until(updated);
    if (updated()) co_return pass("REQUEST_UPDATE with Forward 1");
    co_return co_await alive_without(s, at,
                                     "the publisher is not told that somebody wants the objects");
}
task<verdict> forward_from_the_start(stage& s) {
    feed_options options;
    options.answered = false;
    const auto f = co_await feeds(s, options);
    co_return f.got.forward.value_or(true) ? pass() : fail("SUBSCRIBE with Forward 0");
}
task<verdict> publish_for_the_waiting(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    auto* p = co_await meets(s);
    const auto r = offers(*p, f.track);
    const auto* m = co_await answer_to(s, p, r);
    if (m == nullptr) co_return undecided("PUBLISH is not answered");
    if (is_error(*p, *m))
        co_return fail("refused: " + describe_message(s.rules(), m->type, m->body));
    std::optional<bool> forward;
    if (s.rules().publish_ok_is_request_ok) {
        if (const auto ok = parse<msg::request_ok>(s.rules(), m->body))
            forward = ok->params.forward;
    } else if (const auto ok = parse<msg::publish_ok>(s.rules(), m->body)) {
        forward = ok->params.forward;
    }
    co_return forward.value_or(true) ? pass("granted with Forward 1")
                                     : fail("granted with Forward 0, although somebody waits");
}
task<verdict> new_publisher_is_asked(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    auto* p = co_await publishes(s);
    co_await s.until([&] { return subscribe_for(*p, f.track) != nullptr; });
    if (subscribe_for(*p, f.track) != nullptr) co_return pass("asked for what others want");
    co_return co_await alive_without(s, p,
                                     "a new publisher of the namespace is not asked for the track");
}
task<verdict> several_publishers(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    auto* p = co_await publishes(s);
    co_await s.until([&] { return subscribe_for(*p, f.track) != nullptr; });
    const auto* m = subscribe_for(*p, f.track);
    if (m == nullptr) co_return undecided("the second publisher is not asked for the track");
    accepts(*p, *m, 11);
    send_group(*f.p, f.alias, 1, 2);
    send_group(*p, 11, 2, 2);
    const bool here = co_await arrives(s, &f, 4);
    if (here) co_return pass("objects of both");
    const auto got = objects_of(*f.s, f.heard);
    bool one = false;
    bool two = false;
    for (const auto& o : got)
        (o.location.group == 1 ? one : two) = true;
    if (!one && !two) co_return undecided("no object arrives");
    co_return one&& two ? undecided("not every object arrives")
                        : fail("objects of one publisher alone");
}
task<verdict> errors_stay_where_they_are(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    send_group(*f.p, f.alias, 1, 1);
    const bool here = co_await arrives(s, &f, 1);
    if (!here) co_return undecided("a legal object does not arrive");
    // Broken for everybody who parses it; a group whose header is fine.
    subgroup_bytes bad{s.rules(), f.alias, 6, 0, true};
    bad.by_hand().v(0).blob(property_of(s.rules(), 0x2a, 1)).v(0).v(3);
    const auto data = bad.take();
    f.p->send(f.p->open_unidirectional(), data, "END_OF_GROUP with properties");
    co_await s.until([&] { return f.p->closed.has_value(); });
    if (!f.p->closed) co_return undecided("the publisher's session is not closed");
    auto v = co_await goes_on(s, f.s);
    if (v.what != verdict::kind::pass) co_return v;
    for (const auto& o : objects_of(*f.s, f.heard))
        if (o.location.group == 6 && !o.properties.empty())
            co_return fail("the object that closed the session was passed on");
    co_return v;
}
task<verdict> every_message(stage& s) {
    feed_options options;
    options.told.largest_object = location{1, 0};
    const auto f = co_await feeds(s, options);
    auto* const at = f.s;
    const auto own = s.space("own");
    const auto prefix = s.space("prefix");
    std::vector<std::pair<const char*, request>> asked;
    msg::subscribe_namespace names{};
    names.track_namespace_prefix = prefix.view();
    asked.emplace_back("SUBSCRIBE_NAMESPACE", at->ask(names));
    // On a stream of its own it may be overtaken, where Request IDs must come in sequence.
    co_await answer_to(s, at, asked.back().second);
    asked.emplace_back("TRACK_STATUS", at->ask(msg::track_status{
                                           0, f.track.space.view(), as_bytes(f.track.name), {}}));
    asked.emplace_back("PUBLISH_NAMESPACE", at->ask(msg::publish_namespace{0, own.view(), {}}));
    const full_track_name mine{own, "mine"};
    asked.emplace_back("PUBLISH", offers(*at, mine, 40));
    if (s.rules().subscribe_tracks)
        asked.emplace_back("SUBSCRIBE_TRACKS",
                           at->ask(msg::subscribe_tracks{0, prefix.view(), {}}));
    asked.emplace_back("FETCH", at->ask(msg::fetch{.track_namespace = f.track.space.view(),
                                                   .track_name = as_bytes(f.track.name),
                                                   .start = {9, 0},
                                                   .end = {10, 0}}));
    const auto since = at->inbox.size();
    message_params params;
    params.subscriber_priority = priority{3};
    at->send_message(f.asked.stream, msg::request_update{at->next_id(), f.asked.id, params});
    const auto missing = [&]() -> std::string {
        for (const auto& [what, r] : asked)
            if (at->answer(r) == nullptr) return what;
        for (auto i = since; i < at->inbox.size(); ++i)
            if (at->inbox[i].type == msg::request_ok::code(s.rules()) ||
                at->inbox[i].type == msg::request_error::code(s.rules()))
                return {};
        return "REQUEST_UPDATE";
    };
    co_await s.until([&] {
        // A relay may ask the publisher before it answers.
        for (const auto& m : f.p->inbox)
            if (m.type == msg::track_status::code(s.rules()) && f.p->outbox.empty()) break;
        return at->closed || missing().empty();
    });
    if (at->closed) co_return co_await goes_on(s, at);
    for (const auto& [what, r] : asked)
        if (const auto* m = at->answer(r))
            if (error_number(*at, *m) == to_wire(s.rules(), request_error_code::not_supported))
                co_return fail(std::string{what} + " is not supported");
    if (!missing().empty()) co_return undecided(missing() + " is not answered");
    co_return pass("each request of the draft is answered");
}
task<verdict> new_group_goes_up(stage& s) {
    feed_options options;
    options.properties = property_of(s.rules(), 0x30, 1);
    const auto f = co_await feeds(s, options);
    send_group(*f.p, f.alias, 5, 1);
    const bool here = co_await arrives(s, &f, 1);
    if (!here) co_return undecided("a legal object does not arrive");
    message_params params;
    params.new_group_request = 9;
    f.s->send_message(f.asked.stream, msg::request_update{f.s->next_id(), f.asked.id, params});
    const auto told = [&] {
        return f.p->find_if<msg::request_update>([](const msg::request_update& m, const inbound&) {
            return m.params.new_group_request.has_value();
        }) != nullptr;
    };
    co_await s.until(told);
    if (told()) co_return pass("the publisher is asked");
    co_return co_await alive_without(s, f.s, "the publisher is not asked for a new group");
}

constexpr std::array table{
    row{"MUST-18-195", fits::relay, several_publishers},
    row{"MUST-18-197", fits::relay, ok_only_with_upstream},
    row{"MUST-18-203", fits::relay, every_publisher_is_asked},
    row{"MUST-18-204", fits::relay, announced_to_subscribers},
    row{"MUST-18-205", fits::relay, waiting_subscribe_goes_first},
    row{"MUST-18-206", fits::relay, established_track_is_granted},
    row{"MUST-18-207", fits::relay, forward_goes_up},
    row{"MUST-18-208", fits::relay, forward_from_the_start},
    row{"MUST-18-209", fits::relay, publish_for_the_waiting},
    row{"MUST-18-210", fits::relay, new_publisher_is_asked},
    row{"MUST-18-211", fits::relay, only_to_the_interested},
    row{"MUST-18-212", fits::relay, errors_stay_where_they_are},
    row{"MUST-18-214", fits::relay, new_group_goes_up},
    row{"MUST-18-215", fits::relay, every_message},
};

} // namespace

std::span<const row> relay_rows() {
    return table;
}

} // namespace moqrtc::conformance
