#include "rows.hpp"

#include <array>

// Bytes that no endpoint may accept: key-value pairs, names, streams and frames.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

/// Sends track properties: in a PUBLISH to a relay, in the SUBSCRIBE_OK to a subscriber.
task<side*> tells_properties(stage& s, octets properties, const char* note) {
    if (s.target().peer == peer_kind::relay) {
        auto* at = co_await ready(s);
        const auto id = at->next_id();
        const auto name = s.track();
        raw body{at->rules(),
                 body_of(at->rules(),
                         msg::publish{id, name.space.view(), as_bytes(name.name), 7, {}, {}})};
        body.append(properties);
        at->ask_body<msg::publish>(id, body.get(), note);
        co_return at;
    }
    feed_options options;
    options.answered = false;
    const auto f = co_await feeds(s, options);
    raw body{s.rules(), body_of(s.rules(), msg::subscribe_ok{f.id, f.alias, {}, {}})};
    body.append(properties);
    f.p->send_body(f.stream, msg::subscribe_ok::code(s.rules()), body.get(), note);
    co_return f.p;
}

/// Pairs whose types add up to more than 64 bits.
octets endless_types(const wire_rules& rules) {
    raw out{rules};
    const auto step = varint_max(rules.varint);
    std::uint64_t type = 0;
    for (bool over = false; !over;) {
        over = step > UINT64_MAX - type;
        type += step;
        out.most().v(0); // the number 0, or no bytes
        if (step == UINT64_MAX && !over) {
            out.v(2).v(0);
            over = true;
        }
    }
    return out.take();
}

task<verdict> types_overflow(stage& s) {
    auto* at = co_await tells_properties(s, endless_types(s.rules()), "types beyond 64 bits");
    co_return co_await closes(s, at);
}
task<verdict> long_value(stage& s) {
    raw pairs{s.rules()};
    pairs.v(0x7d).v(65536).zeros(2000);
    auto* at = co_await tells_properties(s, pairs.take(), "a value of 65536 bytes");
    co_return co_await closes(s, at);
}
task<verdict> group_order_property(stage& s) {
    auto* at = co_await tells_properties(s, property_of(s.rules(), 0x22, 3),
                                         "DEFAULT_PUBLISHER_GROUP_ORDER=3");
    co_return co_await closes(s, at);
}
task<verdict> dynamic_groups_property(stage& s) {
    auto* at = co_await tells_properties(s, property_of(s.rules(), 0x30, 2), "DYNAMIC_GROUPS=2");
    co_return co_await closes(s, at);
}
task<verdict> zero_timeout_property(stage& s) {
    auto* at = co_await tells_properties(s, property_of(s.rules(), 0x02, 0), "DELIVERY_TIMEOUT=0");
    co_return co_await closes(s, at);
}
task<verdict> property_in_immutable_block(stage& s) {
    const auto inner = property_of(s.rules(), 0x30, 2);
    auto* at = co_await tells_properties(s, property_of(s.rules(), 0x0b, inner),
                                         "DYNAMIC_GROUPS=2 in an immutable block");
    co_return co_await closes(s, at);
}

task<verdict> long_reason(stage& s) {
    feed_options options;
    options.answered = false;
    const auto f = co_await feeds(s, options);
    co_await answers(s, f.p);
    raw body{s.rules()};
    if (!s.rules().request_streams) body.v(f.id);
    body.v(0x10);
    if (s.rules().retry_interval) body.v(0);
    body.blob(std::string(1025, 'r'));
    f.p->send_body(f.stream, 0x5, body.get(), "reason of 1025 bytes");
    co_return co_await closes(s, f.p);
}

// Names -----------------------------------------------------------------------------------------

/// A PUBLISH_NAMESPACE, or a request of another type with the same front, with a namespace made of
/// `count` times `field`, `last` in the last place.
template <class M>
task<verdict> namespace_of(stage& s, std::size_t count, std::string_view field,
                           std::string_view last, const char* note) {
    side* const at = co_await ready(s);
    const auto id = at->next_id();
    auto body = head(at->rules(), id);
    body.v(count);
    for (std::size_t i = 0; i < count; ++i)
        body.blob(i + 1 == count ? last : field);
    if (std::is_same_v<M, msg::subscribe_namespace> && at->rules().subscribe_options) body.v(1);
    body.v(0);
    at->ask_body<M>(id, body.get(), note);
    co_return co_await closes(s, at);
}

task<verdict> empty_field(stage& s) {
    co_return co_await namespace_of<msg::publish_namespace>(s, 2, "a", "", "an empty field");
}
task<verdict> no_field(stage& s) {
    co_return co_await namespace_of<msg::publish_namespace>(s, 0, "a", "", "no field");
}
task<verdict> many_fields(stage& s) {
    co_return co_await namespace_of<msg::publish_namespace>(s, 33, "a", "a", "33 fields");
}
task<verdict> many_prefix_fields(stage& s) {
    co_return co_await namespace_of<msg::subscribe_namespace>(s, 33, "a", "a", "33 fields");
}
task<verdict> many_tracks_fields(stage& s) {
    co_return co_await namespace_of<msg::subscribe_tracks>(s, 33, "a", "a", "33 fields");
}
task<verdict> long_names(stage& s) {
    const std::string half(2048, 'n');
    const std::string more(2049, 'n');
    auto v = co_await namespace_of<msg::publish_namespace>(s, 2, half, more, "4097 bytes");
    if (v.what != verdict::kind::pass) co_return v;
    auto* at = co_await ready(s);
    const auto id = at->next_id();
    auto body = head(at->rules(), id);
    body.v(1).blob(half).blob(more).v(0);
    at->ask_body<msg::track_status>(id, body.get(), "4097 bytes of names");
    co_return co_await closes(s, at);
}

// Streams and frames ----------------------------------------------------------------------------

task<verdict> wrong_first_message(stage& s) {
    for (const std::uint64_t type : {0x4u, 0x10u}) {
        auto* at = co_await ready(s);
        const auto body = type == 0x10 ? body_of(at->rules(), msg::goaway{})
                                       : body_of(at->rules(), msg::subscribe_ok{});
        at->send_body(at->open_bidirectional(), type, body, "first on a new stream");
        auto v = co_await closes(s, at);
        if (v.what != verdict::kind::pass) co_return v;
    }
    co_return pass();
}
task<verdict> second_first_message(stage& s) {
    auto* at = co_await ready(s);
    const auto space = s.space("one");
    const auto r = at->ask(msg::publish_namespace{0, space.view(), {}});
    co_await answer_to(s, at, r);
    const auto other = s.space("two");
    at->send_message(r.stream, msg::publish_namespace{at->next_id(), other.view(), {}});
    auto v = co_await closes(s, at, codes::any_error());
    if (v.what == verdict::kind::fail && !at->closed)
        co_return undecided("the session goes on, and the draft names no reaction");
    co_return v;
}
task<verdict> control_stream_ends(stage& s) {
    auto* at = co_await ready(s);
    at->send(at->control, {}, "end of the control stream", true);
    auto v = co_await closes(s, at);
    if (v.what != verdict::kind::pass) co_return v;
    at = co_await ready(s);
    at->reset(at->control, 0);
    co_return co_await closes(s, at);
}
task<verdict> unknown_stream(stage& s) {
    auto* at = co_await ready(s);
    at->send(at->open_unidirectional(), raw{s.rules()}.v(0x6).zeros(8).get(), "stream of type 6");
    co_return co_await closes(s, at, codes::any_error());
}
task<verdict> unknown_datagram(stage& s) {
    auto* at = co_await ready(s);
    at->datagram(raw{s.rules()}.v(0x1234).zeros(8).get(), "type 0x1234");
    co_return co_await closes(s, at, codes::any_error());
}
task<verdict> unknown_message(stage& s) {
    auto* at = co_await ready(s);
    at->send_body(at->control, 0x3f, {}, "no such type");
    auto v = co_await closes(s, at, codes::any_error());
    if (v.what != verdict::kind::pass || !s.rules().request_streams) co_return v;
    at = co_await ready(s);
    stream_id own = 0;
    if (s.target().peer == peer_kind::relay) {
        const auto space = s.space("own");
        own = at->ask(msg::publish_namespace{0, space.view(), {}}).stream;
    } else {
        // A client may have refused ours by then: its own request is open as long as we like.
        co_await s.until([at] { return at->own_request() != nullptr || at->closed; });
        if (at->own_request() == nullptr) co_return undecided("the peer makes no request");
        own = at->own_request()->stream;
    }
    at->send_body(own, 0x3f, {}, "no such type");
    co_return co_await closes(s, at, codes::any_error());
}
task<verdict> wrong_length(stage& s) {
    for (const bool longer : {true, false}) {
        auto* at = co_await ready(s);
        const auto space = s.space("length");
        const auto id = at->next_id();
        auto body = body_of(at->rules(), msg::publish_namespace{id, space.view(), {}});
        if (longer)
            body.push_back(std::byte{0});
        else
            body.pop_back();
        at->ask_body<msg::publish_namespace>(id, body, longer ? "a byte too many" : "a byte less");
        auto v = co_await closes(s, at);
        if (v.what != verdict::kind::pass) co_return v;
    }
    co_return pass();
}

constexpr std::array table{
    row{"MUST-18-001", fits::receivers, types_overflow},
    row{"MUST-18-002", fits::receivers, long_value},
    row{"MUST-18-004", fits::receivers, long_reason},
    row{"MUST-18-005", fits::all, empty_field},
    row{"MUST-16-006", fits::all, no_field},
    row{"MUST-18-006", fits::all, many_fields},
    row{"MUST-18-007", fits::all, long_names},
    row{"MUST-18-008", fits::all, many_prefix_fields},
    row{"MUST-18-009", fits::all, many_tracks_fields},
    row{"MUST-18-010", fits::all, wrong_first_message},
    row{"MUST-18-011", fits::all, second_first_message},
    row{"MUST-18-012", fits::all, control_stream_ends},
    row{"MUST-18-013", fits::all, unknown_stream},
    row{"MUST-18-014", fits::all, unknown_datagram},
    row{"MUST-18-015", fits::all, unknown_message},
    row{"MUST-18-016", fits::all, wrong_length},
    row{"MUST-16-061", fits::receivers, zero_timeout_property},
    row{"MUST-18-068", fits::receivers, group_order_property},
    row{"MUST-18-069", fits::receivers, dynamic_groups_property},
    row{"MUST-18-184", fits::receivers, property_in_immutable_block},
};

} // namespace

std::span<const row> encoding_rows() {
    return table;
}

} // namespace moqrtc::conformance
