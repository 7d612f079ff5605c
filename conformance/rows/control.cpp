#include "rows.hpp"

#include <array>

// Answers and updates that do not fit what they answer or change.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

/// The peer's SUBSCRIBE for another track of the same publisher, on a feed that runs.
task<const inbound*> second_subscribe(stage& s, const feed* f, const full_track_name* other) {
    if (f->s != nullptr)
        f->s->ask(msg::subscribe{0, other->space.view(), as_bytes(other->name), {}});
    const inbound* m = nullptr;
    const auto wanted = [&](const msg::subscribe& asked, const inbound& in) {
        return (f->s != nullptr ? as_text(asked.track_name) == other->name
                                : asked.request_id != f->id) &&
               in.type != 0;
    };
    co_await s.until([&] {
        m = f->p->find_if<msg::subscribe>(wanted);
        return m != nullptr || f->p->closed;
    });
    if (m == nullptr) throw inconclusive{"the peer subscribes to no second track"};
    co_return m;
}

task<verdict> alias_of_another_track(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    co_await answers(s, f.p);
    const auto other = s.track("other");
    const auto* m = co_await second_subscribe(s, &f, &other);
    const auto asked = parse<msg::subscribe>(s.rules(), m->body);
    f.p->send_message(m->stream, msg::subscribe_ok{asked->request_id, f.alias, {}, {}});
    co_return co_await closes(s, f.p, close_code::duplicate_track_alias);
}
task<verdict> published_alias_of_another_track(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    co_await answers(s, f.p);
    const auto other = s.track("other");
    f.p->ask(msg::publish{0, other.space.view(), as_bytes(other.name), f.alias, {}, {}});
    co_return co_await closes(s, f.p, close_code::duplicate_track_alias);
}

// REQUEST_UPDATE --------------------------------------------------------------------------------

task<verdict> update_of_nothing(stage& s) {
    auto* at = co_await ready(s);
    at->send_message(at->control, msg::request_update{at->next_id(), 4000, {}});
    co_return co_await closes(s, at);
}
task<verdict> update_of_another_kind(stage& s) {
    auto* at = co_await ready(s);
    const auto space = s.space();
    const auto r = at->ask(msg::publish_namespace{0, space.view(), {}});
    co_await granted(s, at, r, "PUBLISH_NAMESPACE");
    message_params params;
    params.subscriber_priority = priority{3};
    at->send_message(r.stream, msg::request_update{at->next_id(), r.id, params});
    co_return co_await closes(s, at);
}

/// An update that no peer can apply: it uses a token that does not exist.
octets hopeless_update(side& at, request_id existing) {
    const auto id = at.next_id();
    raw body{at.rules(), body_before_parameters(at.rules(), msg::request_update{id, existing, {}})};
    body.count(1).data(0x03, token_bytes(at.rules(), {alias_type::use_alias, 91, 0, {}}));
    return body.take();
}
constexpr const char* hopeless = "USE_ALIAS of an alias that is not there";

/// The REQUEST_ERROR to an update that has no other answer on its stream before.
const inbound* refusal(const side& at, stream_id stream, std::size_t since) {
    for (auto i = since; i < at.inbox.size(); ++i)
        if (at.inbox[i].stream == stream && is_error(at, at.inbox[i])) return &at.inbox[i];
    return nullptr;
}
task<verdict> update_of_subscription_fails(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    auto* const at = f.s;
    const auto since = at->inbox.size();
    at->send_body(f.asked.stream, msg::request_update::code(s.rules()),
                  hopeless_update(*at, f.asked.id), hopeless);
    const inbound* done = nullptr;
    co_await s.until([&] {
        done = at->find(msg::publish_done::code(s.rules()), since);
        return at->closed || (done != nullptr && refusal(*at, f.asked.stream, since) != nullptr);
    });
    if (at->closed) co_return co_await goes_on(s, at);
    if (refusal(*at, f.asked.stream, since) == nullptr)
        co_return undecided("the update is not refused");
    if (done == nullptr) {
        send_group(*f.p, f.alias, 5, 1);
        const bool flows = co_await arrives(s, &f, 1);
        co_return flows ? fail("the update is refused, the subscription goes on")
                        : undecided("the update is refused; neither PUBLISH_DONE nor objects");
    }
    const auto m = parse<msg::publish_done>(s.rules(), done->body);
    if (!m || m->status_code != to_wire(s.rules(), publish_done_code::update_failed))
        co_return fail("PUBLISH_DONE with another status than UPDATE_FAILED");
    co_return co_await goes_on(s, at);
}
task<verdict> update_of_namespace_fails(stage& s) {
    auto* at = co_await ready(s);
    const auto space = s.space();
    const auto r = at->ask(msg::publish_namespace{0, space.view(), {}});
    co_await granted(s, at, r, "PUBLISH_NAMESPACE");
    const auto since = at->inbox.size();
    at->send_body(r.stream, msg::request_update::code(s.rules()), hopeless_update(*at, r.id),
                  hopeless);
    const auto over = [&] {
        const auto* back = at->stream(r.stream);
        return back != nullptr && (back->fin || back->reset);
    };
    co_await s.until(
        [&] { return at->closed || (refusal(*at, r.stream, since) != nullptr && over()); });
    if (at->closed) co_return co_await goes_on(s, at);
    if (refusal(*at, r.stream, since) == nullptr) co_return undecided("the update is not refused");
    if (!over()) {
        co_return co_await alive_without(s, at,
                                         "the update is refused, the request's stream stays open");
    }
    co_return co_await goes_on(s, at);
}

// FETCH -----------------------------------------------------------------------------------------

task<verdict> unknown_fetch_type(stage& s) {
    auto* at = co_await ready(s);
    const auto id = at->next_id();
    const auto name = s.track();
    auto body = head(at->rules(), id);
    if (at->rules().fixed_request_fields) body.u8(128).u8(1);
    body.v(7).v(1).blob("a").blob(name.name).v(0).v(0).v(1).v(0).v(0);
    at->ask_body<msg::fetch>(id, body.get(), "Fetch Type 7");
    co_return co_await closes(s, at);
}
task<verdict> joins_another_filter(stage& s) {
    feed_options options;
    options.asked.subscription_filter = subscription_filter{filter_type::next_group_start, {}, 0};
    options.told.largest_object = location{1, 1};
    const auto f = co_await feeds(s, options);
    f.s->ask(msg::fetch{.type = msg::fetch_type::relative_joining,
                        .joining_request_id = f.asked.id,
                        .joining_start = 1});
    co_return co_await closes(s, f.s);
}

// Namespaces, asked for by the peer -------------------------------------------------------------

/// A request of type `M` that the peer makes by itself.
template <class M>
task<const inbound*> asked_for(stage& s, side* at) {
    const inbound* m = nullptr;
    co_await s.until([&] {
        m = at->find(M::code(s.rules()));
        return m != nullptr || at->closed;
    });
    if (m == nullptr) throw inconclusive{"the peer sends no " + std::string{M::name}};
    co_return m;
}
template <class M>
request_id id_of(const side& at, const inbound& m) {
    const auto parsed = parse<M>(at.rules(), m.body);
    if (!parsed) throw inconclusive{"the peer's request does not parse"};
    return parsed->request_id;
}
task<verdict> done_without_namespace(stage& s) {
    auto* at = co_await ready(s);
    const auto* m = co_await asked_for<msg::subscribe_namespace>(s, at);
    at->grant(*m, id_of<msg::subscribe_namespace>(*at, *m));
    const auto suffix = space_of("never");
    at->send_message(m->stream, msg::namespace_done{suffix.view()});
    co_return co_await closes(s, at);
}
task<verdict> namespace_before_the_answer(stage& s) {
    auto* at = co_await ready(s);
    const auto* m = co_await asked_for<msg::subscribe_namespace>(s, at);
    const auto suffix = space_of("early");
    at->send_message(m->stream, msg::namespace_message{suffix.view()});
    co_return co_await closes(s, at);
}
task<verdict> blocked_before_the_answer(stage& s) {
    auto* at = co_await ready(s);
    const auto* m = co_await asked_for<msg::subscribe_tracks>(s, at);
    const auto suffix = space_of("early");
    at->send_message(m->stream, msg::publish_blocked{suffix.view(), as_bytes("track")});
    co_return co_await closes(s, at);
}

/// A request of the peer whose answer is a REQUEST_OK without properties.
task<const inbound*> plain_request(stage& s, side** at) {
    const auto& rules = s.rules();
    if (s.target().peer != peer_kind::relay) {
        *at = co_await ready(s);
        const inbound* m = nullptr;
        side* const p = *at;
        co_await s.until([&] {
            for (const auto type : {msg::publish::code(rules), msg::publish_namespace::code(rules),
                                    msg::subscribe_namespace::code(rules)})
                if (m == nullptr) m = p->find(type);
            return m != nullptr || p->closed;
        });
        if (m == nullptr) throw inconclusive{"the peer asks for nothing of that kind"};
        co_return m;
    }
    auto* const reader = co_await ready(s);
    *at = reader;
    const auto space = s.space();
    const auto r = reader->ask(msg::subscribe_tracks{0, space.view(), {}});
    co_await granted(s, reader, r, "SUBSCRIBE_TRACKS");
    auto* const writer = co_await meets(s);
    const auto name = s.track();
    writer->ask(msg::publish{0, name.space.view(), as_bytes(name.name), 3, {}, {}});
    co_return co_await asked_for<msg::publish>(s, reader);
}
task<verdict> ok_with_properties(stage& s) {
    side* at = nullptr;
    const auto* m = co_await plain_request(s, &at);
    raw body{s.rules(), body_of(s.rules(), msg::request_ok{})};
    body.append(property_of(s.rules(), 0x04, 5));
    at->send_body(m->stream, msg::request_ok::code(s.rules()), body.get(), "with Track Properties");
    co_return co_await closes(s, at);
}
task<verdict> redirect_to_a_server(stage& s) {
    feed_options options;
    options.answered = false;
    const auto f = co_await feeds(s, options);
    co_await answers(s, f.p);
    msg::request_error error{f.id, to_wire(s.rules(), request_error_code::redirect)};
    error.target = msg::redirect{as_bytes("moqt://elsewhere.invalid/"), {}, {}};
    f.p->send_message(f.stream, error);
    co_return co_await closes(s, f.p);
}
task<verdict> redirect_of_a_namespace(stage& s) {
    auto* at = co_await ready(s);
    const inbound* m = nullptr;
    co_await s.until([&] {
        m = at->find(msg::publish_namespace::code(s.rules()));
        if (m == nullptr) m = at->find(msg::subscribe_namespace::code(s.rules()));
        return m != nullptr || at->closed;
    });
    if (m == nullptr) throw inconclusive{"the peer asks for no namespace"};
    msg::request_error error{0, to_wire(s.rules(), request_error_code::redirect)};
    error.target = msg::redirect{{}, {}, as_bytes("track")};
    at->send_message(m->stream, error);
    co_return co_await closes(s, at);
}

// Second answers --------------------------------------------------------------------------------

task<verdict> second_ok(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    co_await answers(s, f.p);
    f.p->send_message(f.stream, msg::subscribe_ok{f.id, f.alias, {}, {}});
    co_return co_await should_close(s, f.p);
}
task<verdict> second_namespace_ok(stage& s) {
    auto* at = co_await ready(s);
    const auto* m = co_await asked_for<msg::publish_namespace>(s, at);
    const auto id = id_of<msg::publish_namespace>(*at, *m);
    at->grant(*m, id);
    at->grant(*m, id);
    co_return co_await should_close(s, at);
}
task<verdict> second_discovery_ok(stage& s) {
    auto* at = co_await ready(s);
    const auto* m = co_await asked_for<msg::subscribe_namespace>(s, at);
    const auto id = id_of<msg::subscribe_namespace>(*at, *m);
    at->grant(*m, id);
    at->grant(*m, id);
    co_return co_await should_close(s, at);
}
task<verdict> unknown_codes(stage& s) {
    feed_options options;
    options.answered = false;
    const auto f = co_await feeds(s, options);
    f.p->refuse(f.stream, msg::subscribe::code(s.rules()), f.id, 0x3f21);
    auto v = co_await goes_on(s, f.p);
    if (v.what != verdict::kind::pass) co_return v;
    const feed_options more{.name = "second"};
    const auto g = co_await feeds(s, more);
    const auto stream = g.p->open_unidirectional();
    g.p->send(stream, subgroup_bytes{s.rules(), g.alias, 1}.object("x").take(), "SUBGROUP");
    co_await arrives(s, &g, 1);
    g.p->reset(stream, 0x3f22);
    g.p->send_message(g.stream, msg::publish_done{g.id, 0x3f23, 1, {}});
    co_return co_await goes_on(s, g.p);
}

constexpr std::array table{
    row{"MUST-18-042", fits::receivers, alias_of_another_track},
    row{"MUST-18-043", fits::receivers, published_alias_of_another_track},
    row{"MUST-16-046", fits::all, update_of_nothing},
    row{"MUST-18-044", fits::relay, update_of_another_kind},
    row{"MUST-18-091", fits::relay, update_of_subscription_fails},
    row{"MUST-18-093", fits::relay, update_of_namespace_fails},
    row{"MUST-18-045", fits::relay | fits::publisher, unknown_fetch_type},
    row{"MUST-16-049", fits::relay, joins_another_filter},
    row{"MUST-18-047", fits::subscriber, done_without_namespace},
    row{"MUST-18-048", fits::subscriber, namespace_before_the_answer},
    row{"MUST-18-049", fits::subscriber, blocked_before_the_answer},
    row{"MUST-18-050", fits::all, ok_with_properties},
    row{"MUST-18-051", fits::relay, redirect_to_a_server},
    row{"MUST-18-052", fits::clients, redirect_of_a_namespace},
    row{"MUST-18-129", fits::receivers, unknown_codes},
    row{"SHOULD-18-001", fits::receivers, second_ok},
    row{"SHOULD-16-002", fits::subscriber, second_discovery_ok},
    row{"SHOULD-18-002", fits::publisher, second_namespace_ok},
};

} // namespace

std::span<const row> control_rows() {
    return table;
}

} // namespace moqrtc::conformance
