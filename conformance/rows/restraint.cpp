#include "sending.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

// What a sender must not say: each row gives the occasion to say it.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

// Limits that we set ----------------------------------------------------------------------------

/// Several reasons for an update of the subscription to us, where one at a time is allowed.
task<verdict> one_update_at_a_time(stage& s) {
    feed_options options;
    options.publisher.updates = 1;
    options.asked.forward = false;
    options.properties = property_of(s.rules(), 0x30, 1); // groups on demand
    const auto f = co_await feeds(s, options);
    const auto updates = [&] {
        return std::ranges::count(f.p->inbox, msg::request_update::code(s.rules()), &inbound::type);
    };
    std::array<message_params, 3> reasons{};
    reasons[0].forward = true;
    reasons[1].new_group_request = 9;
    reasons[2].new_group_request = 20;
    for (const auto& params : reasons) {
        f.s->send_message(f.asked.stream, msg::request_update{f.s->next_id(), f.asked.id, params});
        co_await s.rest(milliseconds(200));
    }
    if (updates() > 1) co_return fail("a second REQUEST_UPDATE while the first is not answered");
    if (updates() == 0) co_return undecided("the subscription to us is not updated");
    auto v = co_await goes_on(s, f.s);
    if (v.what == verdict::kind::pass) v.reason = "one at a time";
    co_return v;
}
/// A subscriber that filters, and a publisher that has not said that it can.
task<verdict> no_filters_for_others(stage& s) {
    side* const p = co_await publishes(s);
    side* const at = co_await meets(s);
    if (peer_options(*at).max_filter_ranges.value_or(0) == 0)
        throw inconclusive{"the peer takes no range filters: MAX_FILTER_RANGES"};
    const auto id = at->next_id();
    const auto name = s.track();
    auto body = subscription(*at, id, name);
    const auto value = raw{s.rules()}.u8(0).v(0).v(0).take();
    body.append(raw{s.rules()}.count(1).data(0x25, value).get());
    at->ask_body<msg::subscribe>(id, body.get(), "SUBGROUP_FILTER: subgroup 0");
    const inbound* m = nullptr;
    co_await s.until([&] {
        m = p->find(msg::subscribe::code(s.rules()));
        return m != nullptr || p->closed;
    });
    if (m == nullptr) co_return undecided("the SUBSCRIBE is not passed on");
    const auto asked = parse<msg::subscribe>(s.rules(), m->body);
    if (!asked) co_return undecided("the peer's SUBSCRIBE does not parse");
    co_return asked->params.range_filters.empty()
        ? pass("asked for without the filter")
        : fail("a range filter, and we have said no MAX_FILTER_RANGES");
}
/// A range that ends before it starts must not get any further.
task<verdict> no_range_backwards(stage& s) {
    side* const p = co_await publishes(s);
    side* const at = co_await meets(s);
    message_params params;
    params.subscription_filter = subscription_filter{filter_type::absolute_range, {3, 0}, 5};
    const auto name = s.track();
    subscribes(*at, name, params);
    const inbound* m = nullptr;
    co_await s.until([&] {
        m = p->find(msg::subscribe::code(s.rules()));
        return m != nullptr || p->closed;
    });
    if (m == nullptr) co_return undecided("the SUBSCRIBE is not passed on");
    const auto asked = parse<msg::subscribe>(s.rules(), m->body);
    if (!asked)
        co_return asked.error().field == std::string_view{"end_group"}
            ? fail("a range that ends before it starts")
            : undecided("the peer's SUBSCRIBE does not parse");
    const auto& filter = asked->params.subscription_filter;
    co_return pass(filter && filter->type == filter_type::absolute_range
                       ? "a range that ends behind its start"
                       : "asked for without a range");
}

/// Six tracks, and room for the PUBLISH of three.
task<verdict> blocked_stays_blocked(stage& s) {
    side* const at = co_await wants_tracks(s, conditions{.streams = 3});
    side* const p = co_await meets(s);
    std::vector<full_track_name> names;
    for (unsigned i = 0; i < 6; ++i)
        names.push_back(s.track("many" + std::to_string(i)));
    for (unsigned i = 0; i < names.size(); ++i)
        offers(*p, names[i], 50 + i);
    std::set<std::string> blocked;
    std::set<std::string> offered;
    std::vector<const inbound*> open;
    std::size_t seen = 0;
    const auto look = [&] {
        for (; seen < at->inbox.size(); ++seen) {
            const auto& m = at->inbox[seen];
            if (m.type == msg::publish_blocked::code(s.rules())) {
                if (const auto told = parse<msg::publish_blocked>(s.rules(), m.body))
                    blocked.emplace(as_text(told->track_name));
            } else if (m.type == msg::publish::code(s.rules())) {
                if (const auto told = parse<msg::publish>(s.rules(), m.body))
                    offered.emplace(as_text(told->track_name));
                open.push_back(&m);
            }
        }
    };
    co_await s.until([&] {
        look();
        return at->closed || blocked.size() + offered.size() >= names.size();
    });
    if (blocked.empty()) co_return undecided("nothing is said to be blocked");
    // There is room again: who was told that a track is blocked asks for it by SUBSCRIBE.
    for (const auto* m : std::exchange(open, {}))
        if (const auto told = parse<msg::publish>(s.rules(), m->body)) {
            at->refuse(m->stream, m->type, told->request_id,
                       to_wire(s.rules(), request_error_code::uninterested));
            at->send(m->stream, {}, "the end of our half", true);
        }
    co_await s.rest(milliseconds(500));
    look();
    for (const auto& name : blocked)
        if (offered.contains(name)) co_return fail("PUBLISH of " + name + ", which was blocked");
    co_return pass(std::to_string(blocked.size()) + " tracks are blocked, and stay so");
}

// What belongs to one hop -----------------------------------------------------------------------

/// The publisher says that it has paused: the subscriber asked for nothing of the kind.
task<verdict> nothing_is_changed_unasked(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    send_group(*f.p, f.alias, 2, 1);
    const bool here = co_await arrives(s, &f, 1);
    if (!here) co_return undecided("the object does not arrive");
    message_params paused;
    paused.forward = false;
    f.p->send_message(f.stream, msg::publish_state_notify{paused});
    const auto alive = co_await is_alive(s, f.p);
    co_await s.rest(milliseconds(300));
    const auto* m = f.s->find(msg::publish_state_notify::code(s.rules()));
    if (m == nullptr)
        co_return alive ? pass("the subscriber's parameters are left alone")
                        : undecided("the publisher is not answered any more");
    const auto told = parse<msg::publish_state_notify>(s.rules(), m->body);
    if (!told) co_return undecided("PUBLISH_STATE_NOTIFY does not parse");
    co_return told->params.forward || told->params.subscription_filter
        ? fail("PUBLISH_STATE_NOTIFY changes what the subscriber has chosen")
        : pass("told without changing what the subscriber has chosen");
}
task<verdict> token_is_not_copied(stage& s) {
    side* const at = co_await meets(s);
    const auto space = s.space();
    const std::string_view text = "for one hop alone";
    const bool known = !s.target().tokens.good.empty();
    const std::array token{
        authorization_token{alias_type::use_value, 0, s.target().tokens.type,
                            known ? bytes{s.target().tokens.good} : as_bytes(text)}};
    message_params params;
    params.authorization_tokens = token_list{token};
    const auto r = at->ask(msg::subscribe_tracks{0, space.view(), params});
    co_await granted(s, at, r, "SUBSCRIBE_TRACKS with a token");
    side* const p = co_await meets(s);
    const auto name = s.track();
    offers(*p, name);
    const inbound* m = nullptr;
    co_await s.until([&] {
        m = at->find(msg::publish::code(s.rules()));
        return m != nullptr || at->closed;
    });
    if (m == nullptr) co_return undecided("the track is not offered");
    const auto told = parse<msg::publish>(s.rules(), m->body);
    if (!told) co_return undecided("the peer's PUBLISH does not parse");
    co_return told->params.authorization_tokens.empty() ? pass("PUBLISH without the token")
                                                        : fail("PUBLISH with a token in it");
}

/// More subscriptions than a player has. Each track is there, so that what is refused is too much.
task<verdict> many_requests(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    constexpr std::size_t count = 100;
    std::vector<request> asked;
    std::size_t seen = 0;
    track_alias next = 1000;
    const auto serve = [&] {
        for (; seen < f.p->inbox.size(); ++seen) {
            const auto& m = f.p->inbox[seen];
            if (m.type != msg::subscribe::code(s.rules())) continue;
            const auto wanted = parse<msg::subscribe>(s.rules(), m.body);
            if (wanted && wanted->request_id != f.id)
                f.p->send_message(m.stream, msg::subscribe_ok{wanted->request_id, next++, {}, {}});
        }
    };
    for (std::size_t i = 0; i < count; ++i) {
        const auto name = s.track("one of many " + std::to_string(i));
        asked.push_back(subscribes(*f.s, name));
    }
    const auto answered = [&] {
        serve();
        return std::ranges::all_of(asked,
                                   [&](const request& r) { return f.s->answer(r) != nullptr; });
    };
    co_await s.until([&] { return f.s->closed || f.p->closed || answered(); }, seconds(6));
    if (f.s->closed) co_return co_await goes_on(s, f.s);
    std::size_t refused = 0;
    for (const auto& r : asked) {
        const auto* m = f.s->answer(r);
        if (m == nullptr) co_return undecided("not every SUBSCRIBE is answered");
        if (!is_error(*f.s, *m)) continue;
        ++refused;
        if (error_number(*f.s, *m) != to_wire(s.rules(), request_error_code::excessive_load))
            co_return fail("too much is refused with another code: " +
                           describe_message(s.rules(), m->type, m->body));
    }
    co_return pass(refused == 0 ? "all are granted" : "some are refused with EXCESSIVE_LOAD");
}

constexpr std::array table{
    row{"MUST-19-135", fits::relay, one_update_at_a_time},
    row{"MUST-19-136", fits::relay, no_filters_for_others},
    row{"MUST-16-123", fits::relay, no_range_backwards},
    row{"MUST-18-159", fits::relay, blocked_stays_blocked},
    row{"MUST-20-175", fits::relay, nothing_is_changed_unasked},
    row{"MUST-20-176", fits::relay, token_is_not_copied},
    row{"SHOULD-18-015", fits::relay, many_requests},
};

} // namespace

std::span<const row> restraint_rows() {
    return table;
}

} // namespace moqrtc::conformance
