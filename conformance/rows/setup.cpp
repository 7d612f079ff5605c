#include "rows.hpp"

#include <array>
#include <map>

// SETUP, Request IDs and GOAWAY.
namespace moqrtc::conformance {

moqt::setup_options peer_options(const side& at) {
    for (const auto& m : at.inbox) {
        const auto take = [&]<class M>(M*) -> std::optional<moqt::setup_options> {
            if (m.type != M::code(at.rules())) return std::nullopt;
            const auto parsed = moqt::parse<M>(at.rules(), m.body);
            return parsed ? std::optional{parsed->options} : std::nullopt;
        };
        for (const auto& found : {take(static_cast<moqt::msg::setup*>(nullptr)),
                                  take(static_cast<moqt::msg::client_setup*>(nullptr)),
                                  take(static_cast<moqt::msg::server_setup*>(nullptr))})
            if (found) return *found;
    }
    return {};
}

namespace {

using namespace moqt;

/// The usual options as bytes, in any number and order that a row wants.
using option_list = std::multimap<std::uint64_t, octets>;
option_list usual(const side& at) {
    const auto o = at.usual_options();
    option_list out;
    const auto text = [&](std::uint64_t type, const std::optional<bytes>& value) {
        if (value) out.emplace(type, raw{at.rules()}.blob(*value).take());
    };
    const auto number = [&](std::uint64_t type, const std::optional<std::uint64_t>& value) {
        if (value) out.emplace(type, raw{at.rules()}.v(*value).take());
    };
    text(0x1, o.path);
    number(0x2, o.max_request_id);
    number(0x4, o.max_auth_token_cache_size);
    text(0x5, o.authority);
    return out;
}
octets encode(const wire_rules& rules, const option_list& options) {
    raw out{rules};
    if (rules.setup == setup_form::symmetric)
        out.append({});
    else
        out.count(options.size());
    for (const auto& [type, value] : options)
        out.key(type).append(value);
    return out.take();
}
void put(option_list& to, const wire_rules& rules, std::uint64_t type, std::string_view value) {
    to.erase(type);
    to.emplace(type, raw{rules}.blob(value).take());
}

/// Connects and says a SETUP that `change` has spoilt; before that it is seen that a good one
/// works.
task<side*> says(stage& s, void (*change)(option_list&, const wire_rules&), const char* note) {
    co_await ready(s);
    auto* at = co_await connects(s);
    if (!at->client() && at->rules().setup != setup_form::symmetric)
        co_await s.until([at] { return at->met || at->closed; });
    auto options = usual(*at);
    change(options, at->rules());
    at->set_up_body(encode(at->rules(), options), note);
    co_return at;
}
constexpr const char* same_on_webtransport = "this URL is WebTransport: use moqt:// for this row";

task<verdict> authority_from_server(stage& s) {
    auto* at = co_await says(
        s, [](option_list& o, const wire_rules& r) { put(o, r, 5, "example.org"); },
        "AUTHORITY from a server");
    co_return co_await closes(s, at, close_code::invalid_authority);
}
task<verdict> path_from_server(stage& s) {
    auto* at = co_await says(
        s, [](option_list& o, const wire_rules& r) { put(o, r, 1, "/path"); },
        "PATH from a server");
    co_return co_await closes(s, at, close_code::invalid_path);
}
task<verdict> foreign_authority(stage& s) {
    if (s.target().webtransport) throw inconclusive{same_on_webtransport};
    auto* at = co_await says(
        s, [](option_list& o, const wire_rules& r) { put(o, r, 5, "not-served.invalid"); },
        "an authority that nobody serves");
    auto v = co_await closes(s, at, close_code::invalid_authority);
    if (v.what == verdict::kind::fail && !at->closed)
        co_return undecided("the session goes on: the server may serve every authority");
    co_return v;
}
task<verdict> foreign_path(stage& s) {
    if (s.target().webtransport) throw inconclusive{same_on_webtransport};
    auto* at = co_await says(
        s, [](option_list& o, const wire_rules& r) { put(o, r, 1, "/no/such/place"); },
        "a path that nobody serves");
    auto v = co_await closes(s, at, close_code::invalid_path);
    if (v.what == verdict::kind::fail && !at->closed)
        co_return undecided("the session goes on: the server may serve every path");
    co_return v;
}
task<verdict> malformed_authority(stage& s) {
    if (s.target().webtransport) throw inconclusive{same_on_webtransport};
    auto* at = co_await says(
        s, [](option_list& o, const wire_rules& r) { put(o, r, 5, "a b[:x"); },
        "no authority by RFC 3986");
    co_return co_await closes(s, at, close_code::malformed_authority);
}
task<verdict> malformed_path(stage& s) {
    if (s.target().webtransport) throw inconclusive{same_on_webtransport};
    auto* at = co_await says(
        s, [](option_list& o, const wire_rules& r) { put(o, r, 1, "/a b%zz#x"); },
        "no path by RFC 3986");
    co_return co_await closes(s, at, close_code::malformed_path);
}
task<verdict> authority_on_webtransport(stage& s) {
    if (!s.target().webtransport)
        throw inconclusive{"needs WebTransport: run it with an https:// URL"};
    auto* at = co_await says(
        s, [](option_list& o, const wire_rules& r) { put(o, r, 5, "example.org"); },
        "AUTHORITY on WebTransport");
    co_return co_await closes(s, at, close_code::invalid_authority);
}
task<verdict> path_on_webtransport(stage& s) {
    if (!s.target().webtransport)
        throw inconclusive{"needs WebTransport: run it with an https:// URL"};
    auto* at = co_await says(
        s, [](option_list& o, const wire_rules& r) { put(o, r, 1, "/moq"); },
        "PATH on WebTransport");
    co_return co_await closes(s, at, close_code::invalid_path);
}
task<verdict> alias_in_setup(stage& s) {
    for (const bool remove : {true, false}) {
        auto* at = co_await says(
            s,
            remove ? [](option_list& o,
                        const wire_rules&
                            r) { o.emplace(3, raw{r}.blob(raw{r}.v(0).v(1).get()).take()); }
                   : [](option_list& o,
                        const wire_rules&
                            r) { o.emplace(3, raw{r}.blob(raw{r}.v(2).v(1).get()).take()); },
            remove ? "token DELETE in SETUP" : "token USE_ALIAS in SETUP");
        auto v = co_await closes(s, at);
        if (v.what != verdict::kind::pass) co_return v;
    }
    co_return pass();
}
task<verdict> value_that_does_not_fit(stage& s) {
    auto* at = co_await says(
        s,
        [](option_list& o, const wire_rules& r) {
            o.emplace(3, raw{r}.blob(raw{r}.v(1).get()).take());
        },
        "AUTHORIZATION_TOKEN: REGISTER without an alias");
    co_return co_await closes(s, at, close_code::key_value_formatting_error);
}
task<verdict> unknown_options(stage& s) {
    auto* at = co_await says(
        s,
        [](option_list& o, const wire_rules& r) {
            o.emplace(0x3ffe, raw{r}.v(5).take());
            o.emplace(0x3fff, raw{r}.blob("one").take());
            o.emplace(0x3fff, raw{r}.blob("two").take());
        },
        "unknown options, one twice");
    co_await s.until([at] { return at->met || at->closed; });
    co_return co_await goes_on(s, at);
}
task<verdict> grease(stage& s) {
    auto* at = co_await says(
        s,
        [](option_list& o, const wire_rules& r) {
            o.emplace(0x7f * 4 + 0x9d, raw{r}.blob("grease").take());
        },
        "a grease option");
    co_await s.until([at] { return at->met || at->closed; });
    auto v = co_await goes_on(s, at);
    if (v.what != verdict::kind::pass || s.target().peer != peer_kind::relay) co_return v;
    const auto name = s.track("greased");
    const auto property = property_of(s.rules(), 0x7f * 5 + 0x9d, 7);
    const auto id = at->next_id();
    raw body{
        at->rules(),
        body_of(at->rules(), msg::publish{id, name.space.view(), as_bytes(name.name), 9, {}, {}})};
    body.append(property);
    at->ask_body<msg::publish>(id, body.get(), "a grease property");
    co_return co_await goes_on(s, at);
}
task<verdict> register_beyond_the_cache(stage& s) {
    co_await ready(s);
    auto* at = co_await connects(s);
    const auto other = co_await meets(s);
    const auto size = peer_options(*other).max_auth_token_cache_size.value_or(0);
    if (!at->client() && at->rules().setup != setup_form::symmetric)
        co_await s.until([at] { return at->met || at->closed; });
    if (size > 60'000) throw inconclusive{"the peer's token cache is larger than a SETUP"};
    auto options = usual(*at);
    raw token{at->rules()};
    token.v(1).v(1).v(0).zeros(static_cast<std::size_t>(size));
    options.emplace(3, raw{at->rules()}.blob(token.get()).take());
    at->set_up_body(encode(at->rules(), options), "REGISTER of more than the cache holds");
    co_await s.until([at] { return at->met || at->closed; });
    co_return co_await goes_on(s, at);
}

// Request IDs -----------------------------------------------------------------------------------

/// A PUBLISH_NAMESPACE with an identifier of the row's choice.
request announces_as(stage& s, side& at, request_id id, const char* note) {
    const auto space = s.space("id" + std::to_string(id));
    return at.ask_body<msg::publish_namespace>(
        id, body_of(at.rules(), msg::publish_namespace{id, space.view(), {}}), note);
}
task<verdict> wrong_parity(stage& s) {
    auto* at = co_await ready(s);
    announces_as(s, *at, at->next_id() ^ 1, "Request ID of the other side");
    co_return co_await closes(s, at, close_code::invalid_request_id);
}
task<verdict> skipped_id(stage& s) {
    auto* at = co_await ready(s);
    (void)at->next_id();
    announces_as(s, *at, at->next_id(), "a Request ID left out");
    // Where SUBSCRIBE_NAMESPACE has a stream of its own, what is left out may be on its way there,
    // and a peer may wait for it.
    if (at->rules().namespace_streams)
        co_await s.until([at] { return at->closed.has_value(); }, seconds(12));
    co_return co_await closes(s, at, close_code::invalid_request_id);
}
task<verdict> used_id(stage& s) {
    auto* at = co_await ready(s);
    announces_as(s, *at, at->client() ? 0 : 1, "a Request ID that was used");
    co_return co_await closes(s, at, close_code::invalid_request_id);
}
task<verdict> id_over_the_limit(stage& s) {
    auto* at = co_await ready(s);
    auto limit = peer_options(*at).max_request_id.value_or(0);
    for (const auto& m : at->inbox)
        if (m.type == msg::max_request_id::code(at->rules()))
            if (const auto more = parse<msg::max_request_id>(at->rules(), m.body))
                limit = std::max(limit, more->limit);
    const auto id = (limit & ~std::uint64_t{1}) + 2 + (at->client() ? 0 : 1);
    announces_as(s, *at, id, "a Request ID beyond MAX_REQUEST_ID");
    const codes either{close_code::too_many_requests, close_code::invalid_request_id};
    co_return co_await closes(s, at, either);
}
task<verdict> limit_that_does_not_grow(stage& s) {
    for (const std::uint64_t limit : {1000u, 10u}) { // SETUP said 1000
        auto* at = co_await ready(s);
        at->send_message(at->control, msg::max_request_id{limit});
        auto v = co_await closes(s, at);
        if (v.what != verdict::kind::pass) co_return v;
    }
    co_return pass();
}

// GOAWAY ----------------------------------------------------------------------------------------

task<verdict> goaway_of_the_wrong_side(stage& s) {
    auto* at = co_await ready(s);
    at->send_message(at->control, msg::goaway{{}, 0, at->client() ? 2u : 3u});
    co_return co_await closes(s, at, close_code::invalid_request_id);
}
task<verdict> second_goaway(stage& s) {
    auto* at = co_await ready(s);
    at->send_message(at->control, msg::goaway{});
    at->send_message(at->control, msg::goaway{});
    co_return co_await closes(s, at);
}
task<verdict> goaway_with_a_long_uri(stage& s) {
    auto* at = co_await ready(s);
    raw body{at->rules()};
    body.blob("https://" + std::string(8185, 'h'));
    if (at->rules().goaway_timeout) body.v(0);
    at->send_body(at->control, 0x10, body.get(), "a URI of 8193 bytes");
    co_return co_await closes(s, at);
}
task<verdict> goaway_with_a_uri(stage& s) {
    auto* at = co_await ready(s);
    at->send_message(at->control, msg::goaway{as_bytes("https://example.org/")});
    co_return co_await closes(s, at);
}
task<verdict> streams_before_setup(stage& s) {
    co_await ready(s);
    auto* at = co_await connects(s);
    // A data stream of a track that nobody knows; and a request, where that has its own stream.
    const auto data = subgroup_bytes{at->rules(), 99, 1}.object("early").take();
    at->send(at->open_unidirectional(), data, "SUBGROUP before SETUP", true);
    request r;
    const auto space = s.space("early");
    if (at->rules().request_streams) r = at->ask(msg::publish_namespace{0, space.view(), {}});
    if (!at->client() && at->rules().setup != setup_form::symmetric)
        co_await s.until([at] { return at->met || at->closed; });
    at->set_up(at->usual_options());
    co_await s.until([at] { return at->met || at->closed; });
    if (at->rules().request_streams) {
        const auto* m = co_await answer_to(s, at, r);
        if (m == nullptr && !at->closed && !at->gave_up(r.stream))
            co_return undecided("the early request is neither answered nor reset");
    }
    co_return co_await goes_on(s, at);
}

constexpr std::array table{
    row{"MUST-18-003", fits::all, value_that_does_not_fit},
    row{"MUST-18-017", fits::clients, authority_from_server},
    row{"MUST-18-018", fits::relay, authority_on_webtransport},
    row{"MUST-18-019", fits::relay, foreign_authority},
    row{"MUST-18-020", fits::relay, malformed_authority},
    row{"MUST-18-021", fits::clients, path_from_server},
    row{"MUST-18-022", fits::relay, path_on_webtransport},
    row{"MUST-18-023", fits::relay, foreign_path},
    row{"MUST-18-024", fits::relay, malformed_path},
    row{"MUST-18-025", fits::relay, alias_in_setup},
    row{"MUST-18-029", fits::all, wrong_parity},
    row{"MUST-16-029", fits::all, skipped_id},
    row{"MUST-18-030", fits::all, used_id},
    row{"MUST-16-031", fits::all, id_over_the_limit},
    row{"MUST-16-032", fits::all, limit_that_does_not_grow},
    row{"MUST-18-031", fits::all, goaway_of_the_wrong_side},
    row{"MUST-18-039", fits::all, second_goaway},
    row{"MUST-18-040", fits::all, goaway_with_a_long_uri},
    row{"MUST-18-041", fits::relay, goaway_with_a_uri},
    row{"MUST-18-115", fits::all, unknown_options},
    row{"MUST-18-121", fits::all, register_beyond_the_cache},
    row{"MUST-18-130", fits::all, grease},
    row{"SHOULD-18-017", fits::all, streams_before_setup},
};

} // namespace

std::span<const row> setup_rows() {
    return table;
}

} // namespace moqrtc::conformance
