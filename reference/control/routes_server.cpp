#include "route.hpp"
#include "server/limit_table.hpp"
#include "server/status_json.hpp"

#include <algorithm>
#include <array>

namespace moqrtc::reference {
namespace {

using kind = field_kind;
using use = field_use;

constexpr std::array feature_fields{
    field{"enabled", kind::boolean, use::required, "whether it is on"},
};

api_json features_json(control_state& state) {
    api_json out;
    const auto now = state.directory->current();
    for (const auto& one : known_features)
        out[one.name] = now->has_feature(one.name);
    return out;
}

api_json kill_json(const control_state& state) {
    api_json out;
    for (std::size_t i = 0; i < media_path_names.size(); ++i)
        out[media_path_names[i]] = state.killed[i];
    return out;
}

http_response info(control_state& state, const api_call&) {
    auto out = state.outside.info ? api_json::parse(state.outside.info()) : api_json::object();
    out["api"] = {{"open", state.open}, {"description", "/api/openapi.json"}};
    out["auth"] = state.directory->current()->required ? "required" : "off";
    out["features"] = features_json(state);
    out["kill"] = kill_json(state);
    return json_response(out);
}

http_response switch_path(control_state& state, const api_call& call, bool killed) {
    const auto path = media_path_named(call.part());
    if (!path) throw not_found("path: moq, webrtc, hls and ingest are");
    if (const auto done = state.kill.set(*path, killed); !done) throw storage_failure{done.error()};
    state.watch_kill();
    return json_response(kill_json(state));
}

void sessions(control_state& state, const api_call&, const api_reply& reply) {
    if (!state.outside.status)
        throw api_problem{503, "unavailable", "there is no data plane to ask", {}, 1};
    state.outside.status([reply](std::shared_ptr<const server_status> now) {
        http_response out;
        out.content_type = "application/json";
        out.body = sessions_json(*now);
        reply(std::move(out));
    });
}

void usage(control_state& state, const api_call&, const api_reply& reply) {
    if (!state.outside.status)
        throw api_problem{503, "unavailable", "there is no data plane to ask", {}, 1};
    state.outside.status([reply](std::shared_ptr<const server_status> now) {
        http_response out;
        out.content_type = "application/json";
        out.body = limits_json(*now);
        reply(std::move(out));
    });
}

void end_session(control_state& state, const api_call& call, const api_reply& reply) {
    const auto which = session_name::parse(call.part());
    if (!which || state.outside.sessions == nullptr) throw not_found("session");
    state.outside.sessions->end_session(*which, "ended by an operator", [reply](bool found) {
        reply(found ? empty_response() : problem_response(not_found("session")));
    });
}

http_response set_feature(control_state& state, const api_call& call) {
    const bool known = std::ranges::find(known_features, call.part(), &known_feature::name) !=
                       known_features.end();
    if (!known) throw not_found("feature");
    state.store.run("INSERT INTO features (name, enabled) VALUES (?, ?) ON CONFLICT (name) DO "
                    "UPDATE SET enabled = excluded.enabled",
                    std::string_view{call.part()}, call.number("enabled"));
    state.publish();
    if (state.outside.note)
        state.outside.note("feature_changed", call.part(), call.number("enabled") ? "on" : "off");
    return json_response(features_json(state));
}

} // namespace

void add_server_routes(route_list& to) {
    to.push_back({.method = "GET",
                  .path = "/info",
                  .operation = "info",
                  .summary = "The server: version, drafts, certificate, features, what is shut",
                  .act = at_once(info)});
    to.push_back({.method = "GET",
                  .path = "/usage",
                  .operation = "list_usage",
                  .summary = "Every limit of the server: what there is now, the most there may be, "
                             "how often it was met, and why",
                  .scope = "read",
                  .act = usage});
    to.push_back({.method = "GET",
                  .path = "/sessions",
                  .operation = "list_sessions",
                  .summary = "Sessions as they are now",
                  .scope = "sessions:read",
                  .act = sessions});
    to.push_back({.method = "DELETE",
                  .path = "/sessions/{id}",
                  .operation = "end_session",
                  .summary = "End one session",
                  .scope = "sessions:write",
                  .status = 204,
                  .act = end_session});
    to.push_back({.method = "GET",
                  .path = "/kill",
                  .operation = "list_kill",
                  .summary = "Which paths of media are shut",
                  .scope = "kill:read",
                  .act = at_once([](control_state& state, const api_call&) {
                      return json_response(kill_json(state));
                  })});
    to.push_back({.method = "POST",
                  .path = "/kill/{path}",
                  .operation = "kill",
                  .summary = "Shut a path of media: moq, webrtc, hls or ingest",
                  .scope = "kill:write",
                  .act = at_once([](control_state& state, const api_call& call) {
                      return switch_path(state, call, true);
                  })});
    to.push_back({.method = "DELETE",
                  .path = "/kill/{path}",
                  .operation = "revive",
                  .summary = "Open a path of media again",
                  .scope = "kill:write",
                  .act = at_once([](control_state& state, const api_call& call) {
                      return switch_path(state, call, false);
                  })});
    to.push_back({.method = "GET",
                  .path = "/features",
                  .operation = "list_features",
                  .summary = "What can be switched",
                  .scope = "read",
                  .act = at_once([](control_state& state, const api_call&) {
                      return json_response(features_json(state));
                  })});
    to.push_back({.method = "PUT",
                  .path = "/features/{name}",
                  .operation = "set_feature",
                  .summary = "Switch a feature",
                  .scope = "admin",
                  .takes = feature_fields,
                  .making = true,
                  .act = at_once(set_feature)});
}

} // namespace moqrtc::reference
