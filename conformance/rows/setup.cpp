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
octets encode(const side& at, const option_list& options) {
    const auto& rules = at.rules();
    raw out{rules};
    if (rules.setup == setup_form::versions) {
        if (at.client()) out.v(1); // how many
        out.v(rules.version);
    }
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
template <class Change>
task<side*> says(stage& s, Change change, const char* note) {
    co_await ready(s);
    auto* const at = co_await connects(s);
    if (!at->client() && at->rules().setup != setup_form::symmetric)
        co_await s.until([at] { return at->met || at->closed; });
    auto options = usual(*at);
    change(options, at->rules());
    at->set_up_body(encode(*at, options), note);
    co_return at;
}

/// Where a rule about an option holds.
enum class carriers : std::uint8_t { all, quic, webtransport };
/// An option that stands in SETUP where or as it must not.
struct wrong_option {
    std::uint64_t type = 0;
    std::string_view value{};
    const char* note = "";
    close_code code = close_code::protocol_violation;
    carriers where = carriers::all;
    const char* served = nullptr; ///< it is right for a server that serves this
};
task<verdict> refuses_option(stage& s, wrong_option o) {
    if (o.where == carriers::quic && s.target().webtransport)
        throw inconclusive{"this URL is WebTransport: use moqt:// for this row"};
    if (o.where == carriers::webtransport && !s.target().webtransport)
        throw inconclusive{"needs WebTransport: run it with an https:// URL"};
    auto* const at = co_await says(
        s, [o](option_list& all, const wire_rules& r) { put(all, r, o.type, o.value); }, o.note);
    auto v = co_await closes(s, at, o.code);
    if (o.served != nullptr && v.what == verdict::kind::fail && !at->closed)
        co_return undecided("the session goes on: the server may serve every " +
                            std::string{o.served});
    co_return v;
}
constexpr std::uint64_t path_option = 0x1;
constexpr std::uint64_t token_option = 0x3;
constexpr std::uint64_t authority_option = 0x5;
/// The rows of that kind are one function each: a table of plays has no arguments.
template <const wrong_option& option>
task<verdict> refuses(stage& s) {
    return refuses_option(s, option);
}
constexpr wrong_option authority_from_server{
    authority_option, "example.org", "AUTHORITY from a server", close_code::invalid_authority};
constexpr wrong_option path_from_server{path_option, "/path", "PATH from a server",
                                        close_code::invalid_path};
constexpr wrong_option foreign_authority{authority_option,
                                         "not-served.invalid",
                                         "an authority that nobody serves",
                                         close_code::invalid_authority,
                                         carriers::quic,
                                         "authority"};
constexpr wrong_option foreign_path{path_option,
                                    "/no/such/place",
                                    "a path that nobody serves",
                                    close_code::invalid_path,
                                    carriers::quic,
                                    "path"};
constexpr wrong_option malformed_authority{authority_option, "a b[:x", "no authority by RFC 3986",
                                           close_code::malformed_authority, carriers::quic};
constexpr wrong_option malformed_path{path_option, "/a b%zz#x", "no path by RFC 3986",
                                      close_code::malformed_path, carriers::quic};
constexpr wrong_option authority_on_webtransport{
    authority_option, "example.org", "AUTHORITY on WebTransport", close_code::invalid_authority,
    carriers::webtransport};
constexpr wrong_option path_on_webtransport{path_option, "/moq", "PATH on WebTransport",
                                            close_code::invalid_path, carriers::webtransport};

task<verdict> alias_in_setup(stage& s) {
    for (const auto kind : {alias_type::delete_alias, alias_type::use_alias}) {
        auto* const at = co_await says(
            s,
            [kind](option_list& o, const wire_rules& r) {
                const auto token = token_bytes(r, {kind, 1, 0, {}});
                o.emplace(token_option, raw{r}.blob(token).take());
            },
            kind == alias_type::delete_alias ? "token DELETE in SETUP"
                                             : "token USE_ALIAS in SETUP");
        auto v = co_await closes(s, at);
        if (v.what != verdict::kind::pass) co_return v;
    }
    co_return pass();
}
task<verdict> value_that_does_not_fit(stage& s) {
    auto* const at = co_await says(
        s,
        [](option_list& o, const wire_rules& r) {
            o.emplace(token_option, raw{r}.blob(raw{r}.v(1).get()).take());
        },
        "AUTHORIZATION_TOKEN: REGISTER without an alias");
    co_return co_await closes(s, at, close_code::key_value_formatting_error);
}
/// Options that the peer has to pass over: the session is set up, and goes on.
template <class Change>
task<verdict> passes_over(stage& s, side** at, Change change, const char* note) {
    *at = co_await says(s, change, note);
    side* const it = *at;
    co_await s.until([it] { return it->met || it->closed; });
    co_return co_await goes_on(s, it);
}
task<verdict> unknown_options(stage& s) {
    side* at = nullptr;
    co_return co_await passes_over(
        s, &at,
        [](option_list& o, const wire_rules& r) {
            o.emplace(0x3ffe, raw{r}.v(5).take());
            o.emplace(0x3fff, raw{r}.blob("one").take());
            o.emplace(0x3fff, raw{r}.blob("two").take());
        },
        "unknown options, one twice");
}
task<verdict> grease(stage& s) {
    side* at = nullptr;
    auto v = co_await passes_over(
        s, &at,
        [](option_list& o, const wire_rules& r) {
            o.emplace(0x7f * 4 + 0x9d, raw{r}.blob("grease").take());
        },
        "a grease option");
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
    const auto* const other = co_await ready(s);
    const auto size = peer_options(*other).max_auth_token_cache_size.value_or(0);
    if (size > 60'000) throw inconclusive{"the peer's token cache is larger than a SETUP"};
    const std::string value(static_cast<std::size_t>(size), 't');
    side* at = nullptr;
    auto v = co_await passes_over(
        s, &at,
        [&value](option_list& o, const wire_rules& r) {
            const auto token = token_bytes(r, {alias_type::register_alias, 1, 0, as_bytes(value)});
            o.emplace(token_option, raw{r}.blob(token).take());
        },
        "REGISTER of more than the cache holds");
    // Who demands tokens looks at the value, too, which is none that it knows.
    if (v.what == verdict::kind::fail && !s.target().tokens.good.empty() && at->closed &&
        at->closed->code == to_wire(s.rules(), close_code::unauthorized))
        co_return undecided("refused for its value, as the peer demands another");
    co_return v;
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
    at->send_message(at->control, goodbye(*at));
    at->send_message(at->control, goodbye(*at));
    co_return co_await closes(s, at);
}
task<verdict> goaway_with_a_long_uri(stage& s) {
    auto* at = co_await ready(s);
    raw body{at->rules()};
    body.blob("https://" + std::string(8185, 'h'));
    if (at->rules().goaway_timeout) body.v(0);
    if (at->rules().goaway_request) body.v(at->client() ? 1 : 0);
    at->send_body(at->control, 0x10, body.get(), "a URI of 8193 bytes");
    co_return co_await closes(s, at);
}
task<verdict> goaway_with_a_uri(stage& s) {
    auto* at = co_await ready(s);
    at->send_message(at->control, goodbye(*at, "https://example.org/"));
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
    row{"MUST-18-017", fits::clients, refuses<authority_from_server>},
    row{"MUST-18-018", fits::relay, refuses<authority_on_webtransport>},
    row{"MUST-18-019", fits::relay, refuses<foreign_authority>},
    row{"MUST-18-020", fits::relay, refuses<malformed_authority>},
    row{"MUST-18-021", fits::clients, refuses<path_from_server>},
    row{"MUST-18-022", fits::relay, refuses<path_on_webtransport>},
    row{"MUST-18-023", fits::relay, refuses<foreign_path>},
    row{"MUST-18-024", fits::relay, refuses<malformed_path>},
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
