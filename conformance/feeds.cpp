#include "steps.hpp"

// A track that goes through the peer, and what comes of it.
namespace moqrtc::conformance {

task<side*> publishes(stage& s, conditions wanted) {
    auto* at = co_await meets(s, nullptr, wanted);
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
    out.p = co_await publishes(s, options.publisher);
    if (options.by_publish) {
        const auto r =
            out.p->ask(moqt::msg::publish{0, out.track.space.view(), as_bytes(out.track.name),
                                          out.alias, options.told, options.properties});
        co_await granted(s, out.p, r, "PUBLISH");
        out.stream = r.stream;
        out.id = r.id;
    }
    out.s = co_await meets(s, nullptr, options.subscriber);
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

task<moqt::stream_id> stream_of(stage& s, const feed* of, std::size_t objects) {
    const bool here = co_await arrives(s, of, objects);
    if (!here) throw inconclusive{"what we publish does not arrive"};
    co_return objects_of(*of->s, of->heard).front().stream;
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
        co_return fail("the session is closed with " + name_of_close(*p, p->closed->code) +
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
