#include "route.hpp"

#include <algorithm>
#include <array>

namespace moqrtc::reference {
namespace {

using kind = field_kind;
using use = field_use;

constexpr field call_token_ttl{"ttl",
                               kind::integer,
                               use::optional_once,
                               "seconds that it admits for; moved into 1 to 120",
                               "",
                               "60",
                               0,
                               INT64_MAX};
constexpr field transport_field{"transport",
                                kind::list,
                                use::required_once,
                                "the ways that it opens, each once",
                                "moq|webrtc",
                                "",
                                1,
                                2};

constexpr std::array call_token_fields{
    field{"user", kind::text, use::required_once, "who comes", "", "", 1, 200},
    field{"role", kind::word, use::optional_once, "what for", "publisher|subscriber", "publisher"},
    transport_field,
    call_token_ttl,
};
constexpr std::array renew_fields{
    field{"user", kind::text, use::required_once, "who is in the call", "", "", 1, 200},
    field{"seat", kind::text, use::required_once, "what came with the first token", "", "", 1, 128},
    transport_field,
    call_token_ttl,
};
constexpr std::array leave_fields{
    field{"user", kind::text, use::required_once, "who leaves", "", "", 1, 200},
};

const call_registry::call& live_call(const control_state& state, std::string_view org,
                                     std::string_view id) {
    const auto* found = state.calls.find(org, id);
    if (found == nullptr) throw not_found("call");
    if (found->state.ended()) throw api_problem{409, "conflict", "the call has ended", {}, 0};
    return *found;
}

/// Who was given a token of a call may ask for the next one with this, as long as he is in it.
std::string seat_of(const control_state& state, const call_registry::call& in,
                    std::string_view user) {
    return state.secrets->derive("seat/" + in.state.id() + "/" + std::string{user});
}

api_json make_token(control_state& state, const api_call& call, const call_registry::call& in,
                    auth::role who) {
    auth::call_token what;
    what.call_id = in.name;
    what.user_id = call.text("user");
    what.who = who;
    what.organisation = in.state.org();
    for (const auto& one : api_json::parse(call.text("transport")))
        what.transports.insert(one == "moq" ? auth::transport::moq : auth::transport::webrtc);
    const auto made = state.keys.mint(in.state.org(), what, call.now, call.number("ttl"));
    if (state.keys.take_changed()) state.publish();
    return {{"call", in.state.id()},
            {"namespace", "call/" + in.state.org() + "/" + in.name},
            {"token", made.token},
            {"ttl", made.ttl},
            {"expires", made.expires.seconds}};
}

http_response make_call(control_state& state, const api_call& call) {
    auto bounds = usual_call(*state.directory->current(), call.own_org());
    bounds.participants = static_cast<std::size_t>(call.number("participants"));
    const auto given = call.body.find("subscribers");
    if (given != call.body.end() && std::holds_alternative<std::int64_t>(given->second))
        bounds.subscribers = static_cast<std::size_t>(call.number("subscribers"));
    bounds.longest = call.number("longest");
    const auto made = state.calls.make(call.own_org(), call.text("name"), bounds, call.now);
    auto out = json_response(made, 201);
    out.location = "/api/v1/calls/" + made["id"].get<std::string>();
    return out;
}

http_response first_token(control_state& state, const api_call& call) {
    const auto& in = live_call(state, call.org(), call.part());
    const auto who =
        call.text("role") == "publisher" ? auth::role::publisher : auth::role::subscriber;
    auto out = make_token(state, call, in, who);
    out["seat"] = seat_of(state, in, call.text("user"));
    return json_response(out);
}

/// For another connection or another way, inside the call: with the seat instead of a key.
http_response next_token(control_state& state, const api_call& call) {
    const auto* in = state.calls.find(every_org, call.part());
    const auto user = call.text("user");
    // Compared even when there is no such call, so that the time says nothing.
    const auto wanted =
        state.secrets->digest(in == nullptr ? std::string{} : seat_of(state, *in, user));
    const bool good = state.secrets->matches(call.text("seat"), wanted);
    if (in == nullptr || !good)
        throw api_problem{401, "unauthorized", "no such call, or not with this seat", {}, 0};
    if (in->state.ended()) throw api_problem{409, "conflict", "the call has ended", {}, 0};
    const auto found = in->state.participants().find(user);
    if (found == in->state.participants().end())
        throw api_problem{403, "forbidden", "you are not in this call", "user", 0};
    return json_response(make_token(state, call, *in,
                                    found->second.who == call_coordinator::role::publisher
                                        ? auth::role::publisher
                                        : auth::role::subscriber));
}

http_response leave_call(control_state& state, const api_call& call) {
    const auto& in = live_call(state, call.org(), call.part());
    if (!state.calls.leave(in, call.text("user"), call.now)) throw not_found("participant");
    state.publish();
    return empty_response();
}

http_response end_call(control_state& state, const api_call& call) {
    const auto* found = state.calls.find(call.org(), call.part());
    if (found == nullptr) throw not_found("call");
    if (!found->state.ended()) {
        state.calls.end(*found, call.now);
        state.publish();
    }
    return empty_response();
}

} // namespace

void add_call_routes(route_list& to) {
    const auto& calls = resource_at("calls");
    to.push_back({.method = "POST",
                  .path = "/calls",
                  .operation = "make_calls",
                  .summary = "Make a call that nobody is in yet",
                  .scope = "calls:write",
                  .takes = calls.fields,
                  .making = true,
                  .shows = &calls,
                  .status = 201,
                  .act = at_once(make_call)});
    to.push_back({.method = "POST",
                  .path = "/calls/{id}/tokens",
                  .operation = "make_call_token",
                  .summary = "A token that admits somebody, once for each way",
                  .scope = "calls:write",
                  .takes = call_token_fields,
                  .making = true,
                  .act = at_once(first_token)});
    to.push_back({.method = "POST",
                  .path = "/calls/{id}/renew",
                  .operation = "renew_call_token",
                  .summary = "A fresh token for who is in the call: a reconnection, another way",
                  .takes = renew_fields,
                  .making = true,
                  .act = at_once(next_token)});
    to.push_back({.method = "POST",
                  .path = "/calls/{id}/leave",
                  .operation = "leave_call",
                  .summary = "Take somebody out: his sessions end, and his seat opens nothing",
                  .scope = "calls:write",
                  .takes = leave_fields,
                  .making = true,
                  .status = 204,
                  .act = at_once(leave_call)});
    to.push_back({.method = "DELETE",
                  .path = "/calls/{id}",
                  .operation = "remove_calls",
                  .summary = "End one call, and every session in it",
                  .scope = "calls:write",
                  .status = 204,
                  .act = at_once(end_call)});
}

} // namespace moqrtc::reference
