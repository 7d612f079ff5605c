#include "route.hpp"

#include <array>

namespace moqrtc::reference {
namespace {

using kind = field_kind;
using use = field_use;

constexpr std::array rotate_fields{
    field{"grace", kind::integer, use::optional_once, "seconds that the old key stays good for", "",
          "0", 0, 86400},
};
constexpr std::array playback_fields{
    field{"ttl", kind::integer, use::optional_once,
          "seconds that the URL is good for; moved into 30 to 86400", "", "3600", 0, INT64_MAX},
    field{"subject", kind::text, use::optional_once, "the viewer, where there is a name"},
};
constexpr std::array any_playback_fields{
    field{"id", kind::text, use::required_once, "live input, asset or playback id", "", "", 1, 64},
    playback_fields[0],
    playback_fields[1],
};

/// A key's text stands in the answer that made it, and nowhere else, ever.
http_response make_input(control_state& state, const api_call& call) {
    const auto& what = resource_at("live_inputs");
    auto values = call.body;
    const auto key = random_secret("sk_");
    values["digest"] = to_hex(state.secrets->digest(key));
    values["rotated"] = call.now;
    auto made = make_record(state.store, what, call.own_org(), std::move(values), call.now);
    state.publish();
    const auto id = made["id"].get<std::string>();
    made["stream_key"] = key;
    made["namespace"] = *state.directory->current()->namespace_of(id);
    made["publish_url"] = (state.outside.base_url ? state.outside.base_url() : std::string{}) +
                          "/publish/" + id + "?sk=" + key;
    auto out = json_response(made, 201);
    out.location = "/api/v1/live_inputs/" + id;
    return out;
}

http_response rotate_input(control_state& state, const api_call& call) {
    const auto& what = resource_at("live_inputs");
    const auto before = find_values(state.store, what, call.org(), call.part());
    if (!before) throw not_found(what.one);
    const auto key = random_secret("sk_");
    const auto grace = call.number("grace");
    record_values values;
    values["digest"] = to_hex(state.secrets->digest(key));
    values["previous_digest"] = grace > 0 ? before->at("digest") : stored_value{std::string{}};
    values["previous_until"] = grace > 0 ? call.now + grace : 0;
    values["rotated"] = call.now;
    change_record(state.store, what, call.org(), call.part(), values);
    state.publish();
    auto out = *find_record(state.store, what, call.org(), call.part());
    out["stream_key"] = key;
    return json_response(out);
}

http_response play(control_state& state, const api_call& call, const std::string& id) {
    const auto doors = state.directory->current();
    auth::playback_token what;
    if (const auto input = doors->inputs.find(id); input != doors->inputs.end()) {
        what.organisation = input->second.key.organisation;
        what.resource = input->second.key.input;
    } else {
        const auto alias = doors->playback_ids.find(id);
        const auto asset =
            doors->assets.find(alias == doors->playback_ids.end() ? id : alias->second);
        if (asset == doors->assets.end()) throw not_found("live input or asset");
        what.organisation = asset->second.org;
        what.resource = asset->second.id;
    }
    const auto org = call.org();
    if (org != every_org && org != what.organisation) throw not_found("live input or asset");
    what.subject = call.text("subject");
    const auto made = state.keys.mint(what.organisation, what, call.now, call.number("ttl"));
    if (state.keys.take_changed()) state.publish(); // the first key was made for it
    const auto base = state.outside.base_url ? state.outside.base_url() : std::string{};
    return json_response({{"id", id},
                          {"namespace", "stream/" + what.organisation + "/" + what.resource},
                          {"token", made.token},
                          {"url", base + "/playback/" + id + "?tok=" + made.token},
                          {"ttl", made.ttl},
                          {"expires", made.expires.seconds}});
}

http_response make_api_key(control_state& state, const api_call& call) {
    const auto& what = resource_at("api_keys");
    auto values = call.body;
    // Nobody hands on more than he has.
    for (const auto& scope : api_json::parse(std::get<std::string>(values.at("scopes"))))
        if (!call.who.may(scope.get<std::string>()))
            throw api_problem{403, "forbidden", "your key has not that scope itself", "scopes"};
    const auto key = random_secret("mk_");
    values["prefix"] = key.substr(0, 9);
    values["digest"] = to_hex(state.secrets->digest(key));
    auto made = make_record(state.store, what, call.own_org(), std::move(values), call.now);
    made["key"] = key;
    auto out = json_response(made, 201);
    out.location = "/api/v1/api_keys/" + made["id"].get<std::string>();
    return out;
}

http_response revoke_api_key(control_state& state, const api_call& call) {
    const auto& what = resource_at("api_keys");
    const auto found = find_values(state.store, what, call.org(), call.part());
    if (!found) throw not_found(what.one);
    if (std::holds_alternative<std::nullptr_t>(found->at("revoked")))
        change_record(state.store, what, call.org(), call.part(), {{"revoked", call.now}});
    return empty_response();
}

http_response make_signing_key(control_state& state, const api_call& call) {
    const auto algorithm =
        call.text("algorithm") == "RS256" ? signature_algorithm::rs256 : signature_algorithm::eddsa;
    auto made = state.keys.create(call.own_org(), algorithm, call.now);
    state.publish();
    auto out = json_response(made, 201);
    out.location = "/api/v1/keys/" + made["id"].get<std::string>();
    return out;
}

http_response revoke_signing_key(control_state& state, const api_call& call) {
    if (!state.keys.revoke(call.org(), call.part())) throw not_found("signing key");
    state.publish();
    return empty_response();
}

} // namespace

void add_access_routes(route_list& to) {
    const auto& inputs = resource_at("live_inputs");
    const auto& keys = resource_at("keys");
    const auto& api_keys = resource_at("api_keys");
    to.push_back({.method = "POST",
                  .path = "/live_inputs",
                  .operation = "make_live_inputs",
                  .summary = "Make a new live input; its stream key is told here and never again",
                  .scope = "inputs:write",
                  .takes = inputs.fields,
                  .making = true,
                  .shows = &inputs,
                  .status = 201,
                  .act = at_once(make_input)});
    to.push_back({.method = "POST",
                  .path = "/live_inputs/{id}/rotate",
                  .operation = "rotate_live_inputs",
                  .summary = "Make a new stream key, which is told here and never again",
                  .scope = "inputs:write",
                  .takes = rotate_fields,
                  .making = true,
                  .shows = &inputs,
                  .act = at_once(rotate_input)});
    for (const std::string_view path : {"live_inputs", "assets"})
        to.push_back({.method = "POST",
                      .path = "/" + std::string{path} + "/{id}/playback",
                      .operation = "play_" + std::string{path},
                      .summary = "A URL with a token that plays it",
                      .scope = "playback:write",
                      .takes = playback_fields,
                      .making = true,
                      .act = at_once([](control_state& state, const api_call& call) {
                          return play(state, call, call.part());
                      })});
    to.push_back({.method = "POST",
                  .path = "/playback",
                  .operation = "play",
                  .summary = "A URL with a token that plays a live input or an asset",
                  .scope = "playback:write",
                  .takes = any_playback_fields,
                  .making = true,
                  .act = at_once([](control_state& state, const api_call& call) {
                      return play(state, call, call.text("id"));
                  })});
    to.push_back({.method = "POST",
                  .path = "/api_keys",
                  .operation = "make_api_keys",
                  .summary = "Make a new API key; its text is told here and never again",
                  .scope = "api_keys:write",
                  .takes = api_keys.fields,
                  .making = true,
                  .shows = &api_keys,
                  .status = 201,
                  .act = at_once(make_api_key)});
    to.push_back({.method = "DELETE",
                  .path = "/api_keys/{id}",
                  .operation = "revoke_api_keys",
                  .summary = "Revoke one API key; it stays in the list",
                  .scope = "api_keys:write",
                  .status = 204,
                  .act = at_once(revoke_api_key)});
    to.push_back({.method = "POST",
                  .path = "/keys",
                  .operation = "make_keys",
                  .summary = "Make a new signing key; the one before verifies from now on",
                  .scope = "keys:write",
                  .takes = keys.fields,
                  .making = true,
                  .shows = &keys,
                  .status = 201,
                  .act = at_once(make_signing_key)});
    to.push_back({.method = "DELETE",
                  .path = "/keys/{id}",
                  .operation = "revoke_keys",
                  .summary = "Revoke one signing key: its tokens are refused",
                  .scope = "keys:write",
                  .status = 204,
                  .act = at_once(revoke_signing_key)});
    to.push_back({.method = "GET",
                  .path = "/jwks",
                  .operation = "jwks",
                  .summary = "Public keys of all tokens, as a JWKS",
                  .act = at_once([](control_state& state, const api_call& call) {
                      const auto org = call.query.find("org");
                      return json_response(state.keys.jwks(
                          org == call.query.end() ? every_org : std::string_view{org->second}));
                  })});
}

} // namespace moqrtc::reference
