#include "fetching.hpp"
#include "sending.hpp"

#include <algorithm>
#include <array>

// What a sender owes, where it takes a scene of its own to see it.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

const inbound* done_for(const feed& f) {
    return f.s->find_if<msg::publish_done>([&](const auto& m, const inbound& in) {
        return f.s->rules().request_streams ? in.stream == f.asked.stream
                                            : m.request_id == f.asked.id;
    });
}
task<verdict> updates_are_answered(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    auto* const at = f.s;
    const auto since = at->inbox.size();
    constexpr std::size_t count = 3;
    for (std::size_t i = 0; i < count; ++i) {
        message_params params;
        params.subscriber_priority = static_cast<priority>(10 + i);
        at->send_message(f.asked.stream, msg::request_update{at->next_id(), f.asked.id, params});
    }
    const auto answers = [&] {
        std::size_t n = 0;
        for (auto i = since; i < at->inbox.size(); ++i)
            n += at->inbox[i].stream == f.asked.stream &&
                         (at->inbox[i].type == msg::request_ok::code(s.rules()) ||
                          is_error(*at, at->inbox[i]))
                     ? 1
                     : 0;
        return n;
    };
    co_await s.until([&] { return at->closed || answers() >= count; });
    if (at->closed) co_return co_await goes_on(s, at);
    const auto alive = co_await is_alive(s, at);
    // On one control stream the harmless request is answered there, too.
    const auto own = s.rules().request_streams ? count : count + 1;
    if (answers() == own) co_return pass("each update has its answer");
    if (answers() > own) co_return fail("more answers than updates");
    co_return alive ? fail(std::to_string(answers()) + " answers to 3 updates")
                    : undecided("not every update is answered");
}
task<verdict> range_is_kept(stage& s) {
    feed_options options;
    options.asked.subscription_filter = subscription_filter{filter_type::absolute_range, {3, 1}, 4};
    const auto f = co_await feeds(s, options);
    for (const std::uint64_t group : {2u, 3u, 4u, 5u})
        send_group(*f.p, f.alias, group, 2);
    const bool here = co_await arrives(s, &f, 3);
    co_await s.rest(milliseconds(200));
    const auto got = objects_of(*f.s, f.heard);
    for (const auto& o : got)
        if (o.location < location{3, 1} || o.location.group > 4)
            co_return fail("object " + std::to_string(o.location.group) + ":" +
                           std::to_string(o.location.object) + " is outside 3:1 to group 4");
    co_return here ? pass("nothing outside the filter")
                   : undecided("the objects inside the filter do not arrive");
}
task<verdict> done_comes_last(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    const auto open = f.p->open_unidirectional();
    const auto start = subgroup_bytes{s.rules(), f.alias, 1}.object("first").take();
    f.p->send(open, start, "SUBGROUP, open");
    const bool here = co_await arrives(s, &f, 1);
    if (!here) co_return undecided("the object does not arrive");
    f.p->send_message(f.stream, msg::publish_done{f.id, 2, 1, {}});
    co_await s.until([&] { return done_for(f) != nullptr; }, milliseconds(300));
    const auto stream = objects_of(*f.s, f.heard).front().stream;
    const bool over = f.s->stream(stream)->fin || f.s->stream(stream)->reset;
    if (done_for(f) != nullptr && !over) co_return fail("PUBLISH_DONE, and the stream is open");
    f.p->send(open, {}, "the end of the stream", true);
    co_await s.until([&] { return done_for(f) != nullptr; });
    co_return done_for(f) != nullptr ? pass("PUBLISH_DONE when the stream was over")
                                     : undecided("PUBLISH_DONE does not come");
}
task<verdict> streams_are_counted(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    for (const std::uint64_t group : {1u, 2u, 3u})
        send_one(f, group, "x");
    const bool here = co_await arrives(s, &f, 3);
    if (!here) co_return undecided("the objects do not arrive");
    f.p->send_message(f.stream, msg::publish_done{f.id, 2, 3, {}});
    co_await s.until([&] { return done_for(f) != nullptr; });
    if (done_for(f) == nullptr) co_return undecided("PUBLISH_DONE does not come");
    const auto m = parse<msg::publish_done>(s.rules(), done_for(f)->body);
    if (!m) co_return undecided("PUBLISH_DONE does not parse");
    if (m->stream_count == s.rules().unknown_stream_count) co_return pass("said to be unknown");
    if (m->stream_count != 3)
        co_return fail("Stream Count " + std::to_string(m->stream_count) +
                       " where 3 streams were opened");
    // A track that only had datagrams, or nothing.
    const feed_options other{.name = "silent"};
    const auto g = co_await feeds(s, other);
    g.p->send_message(g.stream, msg::publish_done{g.id, 2, 0, {}});
    co_await s.until([&] { return done_for(g) != nullptr; });
    if (done_for(g) == nullptr) co_return undecided("the second PUBLISH_DONE does not come");
    const auto none = parse<msg::publish_done>(s.rules(), done_for(g)->body);
    co_return none && none->stream_count == 0
        ? pass("3, and 0")
        : fail("no stream was opened, another number is said");
}
task<verdict> fetch_is_cancelled_upstream(stage& s) {
    const auto f = co_await fetches(s);
    cancels(*f.of.s, f.asked);
    const auto told = [&] {
        const auto* own = f.of.p->stream(f.stream);
        return s.rules().request_streams
                   ? own != nullptr && own->stopped.has_value()
                   : f.of.p->find(msg::fetch_cancel::code(s.rules())) != nullptr;
    };
    co_await s.until([&] { return f.of.p->closed || told(); });
    if (told()) co_return pass("cancelled as the draft says");
    const auto* own = f.of.p->stream(f.stream);
    if (s.rules().request_streams && own != nullptr && own->reset)
        co_return fail("RESET_STREAM alone, without STOP_SENDING");
    co_return undecided("the peer goes on with its FETCH, which it may");
}
task<verdict> largest_is_told(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    send_group(*f.p, f.alias, 4, 2);
    const bool here = co_await arrives(s, &f, 2);
    if (!here) co_return undecided("the objects do not arrive");
    auto* const at = co_await meets(s);
    const auto r = subscribes(*at, f.track);
    const auto* m = co_await granted(s, at, r, "SUBSCRIBE");
    const auto ok = parse<msg::subscribe_ok>(s.rules(), m->body);
    if (!ok) co_return undecided("SUBSCRIBE_OK does not parse");
    co_return ok->params.largest_object ? pass() : fail("SUBSCRIBE_OK without LARGEST_OBJECT");
}
task<verdict> no_new_group_where_unsupported(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    message_params params;
    params.new_group_request = 9;
    f.s->send_message(f.asked.stream, msg::request_update{f.s->next_id(), f.asked.id, params});
    co_await answers(s, f.s);
    co_await answers(s, f.p);
    const auto* told =
        f.p->find_if<msg::request_update>([](const msg::request_update& m, const inbound&) {
            return m.params.new_group_request.has_value();
        });
    co_return told == nullptr ? pass("not passed on to a publisher without DYNAMIC_GROUPS")
                              : fail("NEW_GROUP_REQUEST to a publisher without DYNAMIC_GROUPS");
}

/// A subscriber of the row's namespace, and a publisher of one under it.
task<verdict> namespaces_come_and_go(stage& s, bool withdraw) {
    auto* const p = co_await meets(s);
    const auto space = s.space("under");
    const auto r = p->ask(msg::publish_namespace{0, space.view(), {}});
    co_await granted(s, p, r, "PUBLISH_NAMESPACE");
    auto* const at = co_await meets(s);
    const auto prefix = s.space();
    msg::subscribe_namespace m{};
    m.track_namespace_prefix = prefix.view();
    const auto asked = at->ask(m);
    co_await granted(s, at, asked, "SUBSCRIBE_NAMESPACE");
    // Before NAMESPACE there was, PUBLISH_NAMESPACE said it to subscribers as well.
    const auto name = s.rules().namespace_messages ? msg::namespace_message::code(s.rules())
                                                   : msg::publish_namespace::code(s.rules());
    const auto named = [&] { return at->find(name) != nullptr; };
    co_await s.until(named);
    if (!named()) {
        co_return co_await alive_without(s, at,
                                         "SUBSCRIBE_NAMESPACE is granted, NAMESPACE does not come");
    }
    if (!withdraw) co_return pass("told of what was announced before");
    if (s.rules().request_streams)
        unsubscribes(*p, r.stream);
    else
        p->send_message(p->control, msg::publish_namespace_done{.request_id = r.id});
    const auto gone = [&] { return at->find(msg::namespace_done::code(s.rules())) != nullptr; };
    co_await s.until(gone);
    if (!gone()) co_return undecided("NAMESPACE_DONE does not come");
    for (const auto& one : at->inbox) {
        if (one.type == msg::namespace_message::code(s.rules())) co_return pass("in this order");
        if (one.type == msg::namespace_done::code(s.rules())) break;
    }
    co_return fail("NAMESPACE_DONE before NAMESPACE");
}
task<verdict> namespace_before_done(stage& s) {
    co_return co_await namespaces_come_and_go(s, true);
}
task<verdict> known_namespaces_are_told(stage& s) {
    co_return co_await namespaces_come_and_go(s, false);
}
task<verdict> one_alias_a_track(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    const auto other = s.track("other");
    const auto r = subscribes(*f.s, other);
    const inbound* m = nullptr;
    co_await s.until([&] {
        m = f.p->find_if<msg::subscribe>([&](const msg::subscribe& asked, const inbound&) {
            return as_text(asked.track_name) == "other";
        });
        return m != nullptr || f.p->closed;
    });
    if (m == nullptr) co_return undecided("the second track is not asked for");
    const auto asked = parse<msg::subscribe>(s.rules(), m->body);
    f.p->send_message(m->stream, msg::subscribe_ok{asked->request_id, f.alias + 1, {}, {}});
    const auto* answered = co_await granted(s, f.s, r, "the second SUBSCRIBE");
    const auto ok = parse<msg::subscribe_ok>(s.rules(), answered->body);
    co_return ok && ok->track_alias != f.heard ? pass("two tracks, two aliases")
                                               : fail("two tracks with one alias");
}
task<verdict> parameters_change_no_payload(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    auto* const at = co_await meets(s);
    message_params params;
    params.subscriber_priority = priority{7};
    params.group_order = group_order::descending;
    const auto r = subscribes(*at, f.track, params);
    const auto* m = co_await granted(s, at, r, "SUBSCRIBE");
    const auto ok = parse<msg::subscribe_ok>(s.rules(), m->body);
    if (!ok) co_return undecided("SUBSCRIBE_OK does not parse");
    send_one(f, 3, "the same for all");
    const auto alias = ok->track_alias;
    co_await arrives(s, &f, 1);
    co_await s.until([&] { return !objects_of(*at, alias).empty(); });
    const auto a = objects_of(*f.s, f.heard);
    const auto b = objects_of(*at, alias);
    if (a.empty() || b.empty()) co_return undecided("the object does not arrive everywhere");
    co_return a[0].payload == b[0].payload ? pass("the same payload with other parameters")
                                           : fail("another payload with other parameters");
}
/// So many requests that their number has to be raised.
task<verdict> limit_grows(stage& s) {
    auto* const at = co_await ready(s);
    const auto granted_first = peer_options(*at).max_request_id.value_or(0);
    if (granted_first > 10'000) throw inconclusive{"the peer's first MAX_REQUEST_ID is very large"};
    const auto name = s.track("nothing");
    auto limit = granted_first;
    std::size_t seen = 0;
    std::size_t raised = 0;
    request_id last = 0;
    while (raised < 2 && last < granted_first + 2000) {
        request r;
        for (int i = 0; i < 20 && last + 4 < limit; ++i) {
            r = at->ask(msg::track_status{0, name.space.view(), as_bytes(name.name), {}});
            last = r.id;
        }
        const auto* m = co_await answer_to(s, at, r);
        if (at->closed) co_return co_await goes_on(s, at);
        if (m == nullptr) co_return undecided("requests are not answered");
        for (; seen < at->inbox.size(); ++seen) {
            if (at->inbox[seen].type != msg::max_request_id::code(s.rules())) continue;
            const auto more = parse<msg::max_request_id>(s.rules(), at->inbox[seen].body);
            if (!more) co_return undecided("MAX_REQUEST_ID does not parse");
            if (more->limit <= limit)
                co_return fail("MAX_REQUEST_ID " + std::to_string(more->limit) + " after " +
                               std::to_string(limit));
            limit = more->limit;
            ++raised;
        }
        if (last + 4 >= limit) break;
    }
    co_return raised != 0 ? pass("raised " + std::to_string(raised) + " times")
                          : undecided("the limit is not raised");
}

constexpr std::array table{
    row{"MUST-16-104", fits::relay, limit_grows},
    row{"MUST-18-118", fits::clients, nullptr},
    row{"MUST-18-119", fits::clients, nullptr},
    row{"MUST-18-127", fits::clients, nullptr},
    row{"MUST-18-140", fits::relay, updates_are_answered},
    row{"MUST-18-141", fits::relay, updates_are_answered},
    row{"MUST-18-144", fits::relay, range_is_kept},
    row{"MUST-18-147", fits::relay, done_comes_last},
    row{"MUST-18-149", fits::relay, streams_are_counted},
    row{"MUST-18-150", fits::relay, fetch_is_cancelled_upstream},
    row{"MUST-18-156", fits::relay, largest_is_told},
    row{"MUST-18-157", fits::relay, no_new_group_where_unsupported},
    row{"MUST-18-158", fits::relay, namespace_before_done},
    row{"MUST-18-160", fits::relay, known_namespaces_are_told},
    row{"MUST-18-161", fits::relay, one_alias_a_track},
    row{"MUST-18-162", fits::relay, parameters_change_no_payload},
};

} // namespace

std::span<const row> sender_rows() {
    return table;
}

} // namespace moqrtc::conformance
