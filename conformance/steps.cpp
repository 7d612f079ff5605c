#include "steps.hpp"

#include <algorithm>

namespace moqrtc::conformance {

using moqt::close_code;

namespace {

std::string words(const side& at, std::uint64_t code) {
    const auto known = moqt::from_wire<close_code>(at.rules(), code);
    if (to_wire(at.rules(), known) == code) return std::string{to_string(known)};
    return "code " + std::to_string(code);
}

/// Something that every peer has to answer: nothing that it keeps.
request ask_harmless(stage& s, side& at) {
    const auto name = s.track("nothing");
    if (s.target().peer != peer_kind::relay)
        return at.ask(moqt::msg::track_status{0, name.space.view(), as_bytes(name.name), {}});
    static unsigned count = 0; // a namespace of its own each time
    const auto space = s.space("alive" + std::to_string(count++));
    return at.ask(moqt::msg::publish_namespace{0, space.view(), {}});
}

} // namespace

task<side*> connects(stage& s) {
    auto* at = &s.add_side();
    co_await s.until([at] { return at->open || at->closed; }, s.target().patience * 2);
    if (at->closed) throw inconclusive{"no connection: " + at->closed->reason};
    if (!at->open) throw inconclusive{"no connection within the time"};
    co_return at;
}

task<side*> meets(stage& s, const moqt::setup_options* options) {
    auto* at = co_await connects(s);
    const bool answers_first = !at->client() && at->rules().setup != moqt::setup_form::symmetric;
    if (answers_first) {
        co_await s.until([at] { return at->met || at->closed; });
        if (!at->met) throw inconclusive{"the peer said no CLIENT_SETUP"};
    }
    at->set_up(options != nullptr ? *options : at->usual_options());
    co_await s.until([at] { return at->met || at->closed; });
    if (at->closed) throw inconclusive{"the session ended during SETUP: " + at->closed->reason};
    if (!at->met) throw inconclusive{"no SETUP of the peer within the time"};
    co_return at;
}

task<bool> is_alive(stage& s, side* at) {
    if (at->closed) co_return false;
    const auto r = ask_harmless(s, *at);
    co_await s.until([&] { return at->closed || at->answer(r) != nullptr; });
    co_return !at->closed && at->answer(r) != nullptr;
}

task<side*> answers(stage& s, side* at) {
    const bool alive = co_await is_alive(s, at);
    if (at->closed)
        throw inconclusive{"the session ended before the row's own part: " +
                           words(*at, at->closed->code) + " " + at->closed->reason};
    if (!alive) throw inconclusive{"a harmless request is not answered"};
    co_return at;
}

task<side*> ready(stage& s, const moqt::setup_options* options) {
    auto* at = co_await meets(s, options);
    co_return co_await answers(s, at);
}

verdict judge_ending(const side& at, codes with) {
    const auto& how = *at.closed;
    if (how.what != ending::how::application || !how.by_peer)
        return undecided("the connection ended without a code of MoQT: " + how.reason);
    if (how.code == to_wire(at.rules(), close_code::no_error))
        return undecided("closed without an error, perhaps for another reason");
    const bool right = with.any
                           ? how.code != to_wire(at.rules(), close_code::no_error)
                           : how.code == to_wire(at.rules(), with.first) ||
                                 (with.second && how.code == to_wire(at.rules(), *with.second));
    if (right) return pass("closed with " + words(at, how.code));
    auto wanted = with.any ? std::string{"an error"} : std::string{to_string(with.first)};
    if (with.second) wanted += " or " + std::string{to_string(*with.second)};
    return fail("closed with " + words(at, how.code) + " instead of " + wanted);
}

task<verdict> closes(stage& s, side* at, codes with) {
    // A peer that goes on shows that at once; one that needs longer to close is waited for.
    co_await s.until([at] { return at->closed.has_value(); }, milliseconds(300));
    if (at->closed) co_return judge_ending(*at, with);
    at->note("is the session alive?");
    const bool alive = co_await is_alive(s, at);
    if (at->closed) co_return judge_ending(*at, with);
    if (!alive) co_return undecided("neither closed nor answering");
    co_await s.until([at] { return at->closed.has_value(); }, milliseconds(200));
    if (at->closed) co_return judge_ending(*at, with);
    co_return fail("the session goes on: a later request is answered");
}

task<verdict> should_close(stage& s, side* at, codes with) {
    auto v = co_await closes(s, at, with);
    if (v.what == verdict::kind::fail && !at->closed)
        co_return pass("the session goes on, which a peer may choose");
    co_return v;
}

task<verdict> goes_on(stage& s, side* at) {
    const bool alive = co_await is_alive(s, at);
    if (at->closed) {
        if (at->closed->what == ending::how::application && at->closed->by_peer &&
            at->closed->code != 0)
            co_return fail("closed with " + words(*at, at->closed->code) + " " +
                           at->closed->reason);
        co_return undecided("the connection ended: " + at->closed->reason);
    }
    if (!alive) co_return undecided("no answer to a harmless request");
    co_return pass("the session goes on");
}

task<const inbound*> answer_to(stage& s, side* at, request r) {
    co_await s.until([&] { return at->closed || at->answer(r) != nullptr; });
    co_return at->answer(r);
}

bool is_error(const side& at, const inbound& m) {
    return moqt::msg::name_of(at.rules(), m.type).ends_with("_ERROR");
}

std::optional<std::uint64_t> error_number(const side& at, const inbound& m) {
    if (!is_error(at, m)) return std::nullopt;
    reader io{at.rules(), bytes{m.body}};
    std::uint64_t number = 0;
    if (!at.rules().request_streams) io.varint("request_id", number);
    io.varint("error_code", number);
    if (!io.ok()) return std::nullopt;
    return number;
}

task<const inbound*> granted(stage& s, side* at, request r, const char* what) {
    const auto* m = co_await answer_to(s, at, r);
    if (m == nullptr)
        throw inconclusive{std::string{what} + (at->closed
                                                    ? ": the session ended: " + at->closed->reason
                                                    : " is not answered")};
    if (is_error(*at, *m))
        throw inconclusive{std::string{what} +
                           " is refused: " + describe_message(at->rules(), m->type, m->body)};
    co_return m;
}

namespace {

/// The registry of codes for the answer to a request of ours, where a draft has several.
moqt::error_registry registry_for(const side& at, const request& r) {
    using namespace moqt;
    const auto asked = std::ranges::find_if(at.asked, [&](const asked_request& a) {
        return a.what.stream == r.stream && a.what.id == r.id;
    });
    if (asked == at.asked.end()) return error_registry::subscribe;
    const auto is = [&](std::uint64_t type) { return asked->type == type; };
    if (is(msg::publish::code(at.rules()))) return error_registry::publish;
    if (is(msg::fetch::code(at.rules()))) return error_registry::fetch;
    if (is(msg::publish_namespace::code(at.rules()))) return error_registry::publish_namespace;
    if (is(msg::subscribe_namespace::code(at.rules()))) return error_registry::subscribe_namespace;
    return error_registry::subscribe;
}

} // namespace

task<verdict> rejects(stage& s, side* at, request r, std::optional<moqt::request_error_code> with) {
    const auto* m = co_await answer_to(s, at, r);
    if (at->closed) {
        if (at->closed->what == ending::how::application && at->closed->by_peer &&
            at->closed->code != 0)
            co_return fail("the session is closed with " + words(*at, at->closed->code) +
                           " instead of refusing the request");
        co_return undecided("the connection ended: " + at->closed->reason);
    }
    if (m == nullptr) {
        const auto* back = at->stream(r.stream);
        const bool own = at->rules().request_streams && back != nullptr && back->reset;
        co_return undecided(own ? "the request stream is reset without REQUEST_ERROR"
                                : "the request is not answered");
    }
    if (!is_error(*at, *m))
        co_return fail("the request is granted: " +
                       describe_message(at->rules(), m->type, m->body));
    const auto number = error_number(*at, *m);
    const auto registry = registry_for(*at, r);
    if (with && number != moqt::error_number(at->rules(), *with, registry)) {
        const auto is = number ? moqt::error_of(at->rules(), *number, registry)
                               : moqt::request_error_code::internal_error;
        co_return fail("refused with " + std::string{to_string(is)} + " (" +
                       std::to_string(number.value_or(0)) + ") instead of " +
                       std::string{to_string(*with)});
    }
    auto v = co_await goes_on(s, at);
    if (v.what == verdict::kind::pass) v.reason = "refused, and the session goes on";
    co_return v;
}

task<side*> publishes(stage& s) {
    auto* at = co_await meets(s);
    const auto space = s.space();
    const auto r = at->ask(moqt::msg::publish_namespace{0, space.view(), {}});
    co_await granted(s, at, r, "PUBLISH_NAMESPACE");
    co_return at;
}

namespace {

/// What of a SUBSCRIBE's parameters does not borrow.
moqt::message_params numbers_of(const moqt::message_params& all) {
    auto out = all;
    out.authorization_tokens = {};
    out.track_namespace_prefix.reset();
    return out;
}

} // namespace

task<feed> feeds(stage& s, const feed_options& options) {
    feed out;
    const auto& rules = s.rules();
    if (s.target().peer == peer_kind::subscriber) {
        out.p = co_await meets(s);
        // Some subscribers look for the namespace first: whatever they ask, they are told yes.
        const inbound* m = nullptr;
        std::size_t seen = 0;
        co_await s.until(
            [&] {
                for (; seen < out.p->inbox.size(); ++seen) {
                    const auto& one = out.p->inbox[seen];
                    if (one.type != moqt::msg::subscribe_namespace::code(rules)) continue;
                    const auto asked = moqt::parse<moqt::msg::subscribe_namespace>(rules, one.body);
                    if (asked) out.p->grant(one, asked->request_id);
                }
                m = out.p->find(moqt::msg::subscribe::code(rules));
                return m != nullptr || out.p->closed;
            },
            s.target().patience * 2);
        if (m == nullptr) throw inconclusive{"the peer subscribes to nothing"};
        const auto asked = moqt::parse<moqt::msg::subscribe>(rules, m->body);
        if (!asked) throw inconclusive{"the peer's SUBSCRIBE does not parse"};
        out.stream = m->stream;
        out.id = asked->request_id;
        out.track = {moqt::track_namespace{asked->track_namespace},
                     std::string{as_text(asked->track_name)}};
        out.got = numbers_of(asked->params);
        if (options.answered)
            out.p->send_message(out.stream, moqt::msg::subscribe_ok{out.id, out.alias, options.told,
                                                                    options.properties});
        co_return out;
    }
    if (s.target().peer != peer_kind::relay) throw inconclusive{"the peer does not subscribe"};

    s.next_chapter();
    out.track = s.track(options.name);
    out.p = co_await publishes(s);
    if (options.by_publish) {
        const auto r =
            out.p->ask(moqt::msg::publish{0, out.track.space.view(), as_bytes(out.track.name),
                                          out.alias, options.told, options.properties});
        co_await granted(s, out.p, r, "PUBLISH");
        out.stream = r.stream;
        out.id = r.id;
    }
    out.s = co_await meets(s);
    out.asked = out.s->ask(
        moqt::msg::subscribe{0, out.track.space.view(), as_bytes(out.track.name), options.asked});
    if (!options.by_publish) {
        const inbound* m = nullptr;
        co_await s.until([&] {
            m = out.p->find_if<moqt::msg::subscribe>([&](const auto& asked, const auto&) {
                return as_text(asked.track_name) == out.track.name &&
                       moqt::track_namespace{asked.track_namespace} == out.track.space;
            });
            return m != nullptr || out.p->closed || out.s->closed;
        });
        if (m == nullptr) throw inconclusive{"the peer does not pass a SUBSCRIBE on"};
        const auto asked = moqt::parse<moqt::msg::subscribe>(rules, m->body);
        out.stream = m->stream;
        out.id = asked->request_id;
        out.got = numbers_of(asked->params);
        if (!options.answered) co_return out;
        out.p->send_message(out.stream, moqt::msg::subscribe_ok{out.id, out.alias, options.told,
                                                                options.properties});
    }
    const auto* ok = co_await granted(s, out.s, out.asked, "SUBSCRIBE");
    if (const auto parsed = moqt::parse<moqt::msg::subscribe_ok>(rules, ok->body))
        out.heard = parsed->track_alias;
    co_return out;
}

subgroup_bytes::subgroup_bytes(const moqt::wire_rules& rules, moqt::track_alias alias,
                               std::uint64_t group, std::uint64_t subgroup, bool properties,
                               std::optional<moqt::priority> priority, bool end_of_group)
    : bytes_{rules}, properties_{properties} {
    moqt::subgroup_header header;
    header.track_alias = alias;
    header.group_id = group;
    header.subgroup_id = subgroup;
    header.id_mode = subgroup == 0 ? moqt::subgroup_id_mode::zero : moqt::subgroup_id_mode::present;
    header.publisher_priority = priority;
    if (!rules.default_priority_bit && !priority) header.publisher_priority = moqt::priority{128};
    header.properties = properties;
    header.end_of_group = end_of_group;
    octets out(64);
    out.resize(moqt::encode_subgroup_header(rules, header, out).value_or(0));
    bytes_.append(out);
}

subgroup_bytes& subgroup_bytes::object(std::string_view payload, std::uint64_t skip,
                                       bytes properties) {
    bytes_.v(skip);
    if (properties_) bytes_.blob(properties);
    bytes_.blob(payload);
    if (payload.empty()) bytes_.v(0);
    return *this;
}

subgroup_bytes& subgroup_bytes::status(std::uint64_t number, std::uint64_t skip, bytes properties) {
    bytes_.v(skip);
    if (properties_) bytes_.blob(properties);
    bytes_.v(0).v(number);
    return *this;
}

void send_group(side& at, moqt::track_alias alias, std::uint64_t group, unsigned objects,
                bool fin) {
    subgroup_bytes data{at.rules(), alias, group};
    for (unsigned i = 0; i < objects; ++i)
        data.object("object " + std::to_string(group) + ":" + std::to_string(i));
    at.send(at.open_unidirectional(), data.take(),
            "SUBGROUP alias=" + std::to_string(alias) + " group=" + std::to_string(group) + ", " +
                std::to_string(objects) + " objects",
            fin);
}

octets property_of(const moqt::wire_rules& rules, std::uint64_t type, std::uint64_t number) {
    return raw{rules}.v(type).v(number).take();
}
octets property_of(const moqt::wire_rules& rules, std::uint64_t type, bytes data) {
    return raw{rules}.v(type).blob(data).take();
}

task<bool> arrives(stage& s, const feed* of, std::size_t objects) {
    if (of->s == nullptr) co_return true;
    co_await s.until(
        [&] { return of->s->closed || objects_of(*of->s, of->heard).size() >= objects; });
    co_return !of->s->closed && objects_of(*of->s, of->heard).size() >= objects;
}

task<verdict> ends_track(stage& s, const feed* of) {
    auto* const p = of->p;
    const auto& rules = s.rules();
    const auto left = [&] {
        if (rules.request_streams) return p->gave_up(of->stream);
        return p->find_if<moqt::msg::unsubscribe>(
                   [&](const auto& m, const auto&) { return m.request_id == of->id; }) != nullptr;
    };
    const inbound* done = nullptr;
    const auto told = [&] {
        if (of->s == nullptr) return true;
        done = of->s->find_if<moqt::msg::publish_done>([&](const auto& m, const inbound& in) {
            return rules.request_streams ? in.stream == of->asked.stream
                                         : m.request_id == of->asked.id;
        });
        return done != nullptr;
    };
    // Something that may pass if the track goes on: a group of its own, far away.
    constexpr std::uint64_t later = 1'000'000;
    co_await s.until([&] { return p->closed || (left() && told()); }, milliseconds(400));
    const auto went_on = [&] {
        if (of->s == nullptr) return false;
        for (const auto& o : objects_of(*of->s, of->heard))
            if (o.location.group == later) return true;
        return false;
    };
    if (!p->closed && !(left() && told())) {
        send_group(*p, of->alias, later, 1);
        co_await s.until([&] { return p->closed || (left() && told()) || went_on(); });
        if (went_on()) co_await s.until([&] { return left() && told(); }, milliseconds(300));
    }
    if (p->closed && p->closed->what == ending::how::application && p->closed->by_peer &&
        p->closed->code != 0)
        co_return fail("the session is closed with " + words(*p, p->closed->code) +
                       " instead of ending the track");
    // A subscriber of one track that ends it may leave then, without an error.
    if (p->closed && !(left() && told()))
        co_return undecided("the connection ended: " + p->closed->reason);
    if (of->s != nullptr && of->s->closed)
        co_return fail("the subscriber's session is closed because of the publisher's object");
    if (left() && told()) {
        if (done != nullptr) {
            const auto m = moqt::parse<moqt::msg::publish_done>(rules, done->body);
            const auto wanted = to_wire(rules, moqt::publish_done_code::malformed_track);
            if (!m || m->status_code != wanted)
                co_return fail("the subscription ends with status " +
                               std::to_string(m ? m->status_code : 0) +
                               " instead of MALFORMED_TRACK (" + std::to_string(wanted) + ")");
        }
        co_return pass(of->s != nullptr ? "the track is ended towards both sides"
                                        : "the subscription is ended");
    }
    if (went_on()) co_return fail("the track goes on: a later object is delivered");
    if (left()) co_return fail("the subscription to us is ended, our subscriber is not told");
    if (of->s != nullptr && told())
        co_return fail("our subscriber is told, the subscription to us goes on");
    co_return undecided("neither ended nor delivered");
}

} // namespace moqrtc::conformance
