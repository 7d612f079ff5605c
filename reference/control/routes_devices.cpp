#include "command_life.hpp"
#include "route.hpp"

#include <array>

namespace moqrtc::reference {
namespace {

using kind = field_kind;
using use = field_use;

constexpr std::array token_fields{
    field{"device", kind::text, use::required_once, "its id", "", "", 1, 64},
    field{"key", kind::text, use::required_once, "its key", "", "", 1, 128},
    field{"pair", kind::text, use::optional_once, "the pair that it is to talk in", "", "", 0, 64},
    field{"ttl", kind::integer, use::optional_once, "seconds; moved into 1 to 300", "", "300", 0,
          INT64_MAX},
};
constexpr std::array state_fields{
    field{"state", kind::word, use::required_once, "what comes next", "sent|acked|done|failed"},
    field{"result", kind::object, use::optional_once, "what came of it", "", "{}", 0, 16384},
};

http_response make_device(control_state& state, const api_call& call) {
    const auto& what = resource_at("devices");
    auto values = call.body;
    const auto key = random_secret("dk_");
    values["digest"] = to_hex(state.secrets->digest(key));
    auto made = make_record(state.store, what, call.own_org(), std::move(values), call.now);
    made["key"] = key;
    auto out = json_response(made, 201);
    out.location = "/api/v1/devices/" + made["id"].get<std::string>();
    return out;
}

http_response rotate_device(control_state& state, const api_call& call) {
    const auto& what = resource_at("devices");
    const auto key = random_secret("dk_");
    if (!change_record(state.store, what, call.org(), call.part(),
                       {{"digest", to_hex(state.secrets->digest(key))}}))
        throw not_found(what.one);
    auto out = *find_record(state.store, what, call.org(), call.part());
    out["key"] = key;
    return json_response(out);
}

/// The device's key for a short token: whoever gets this wrong is told no more than that.
http_response device_token(control_state& state, const api_call& call) {
    const auto found =
        find_values(state.store, resource_at("devices"), every_org, call.text("device"));
    // Compared even when there is no such device, so that the time says nothing.
    const auto stored = found ? std::get<std::string>(found->at("digest")) : std::string{};
    const bool good = state.secrets->matches(call.text("key"), digest_from_hex(stored));
    if (!found || !good || std::get<std::int64_t>(found->at("enabled")) == 0)
        throw api_problem{401, "unauthorized", "no such device, or not with this key", {}, 0};
    const auto org = std::get<std::string>(found->at("org"));
    auth::signaling_token what;
    what.device_id = std::get<std::string>(found->at("id"));
    // The key that signs speaks for the organisation, and so does the token.
    what.account_id = org;
    what.pair_id = call.text("pair");
    if (what.pair_id.empty()) {
        auto asked = state.store.prepare(
            "SELECT id FROM pairs WHERE device = ? ORDER BY rowid DESC LIMIT 1");
        asked.bind(std::string_view{what.device_id});
        if (asked.step()) what.pair_id = asked.text(0);
    } else {
        const auto pair = find_values(state.store, resource_at("pairs"), org, what.pair_id);
        if (!pair || std::get<std::string>(pair->at("device")) != what.device_id)
            throw wrong_field("pair", "this device is in no such pair");
    }
    // A device in no pair yet is alone in one: its token opens the API and nobody's signaling.
    const bool alone = what.pair_id.empty();
    if (alone) what.pair_id = what.device_id;
    const auto made = state.keys.mint(org, what, call.now, call.number("ttl"));
    if (state.keys.take_changed()) state.publish();
    return json_response({{"token", made.token},
                          {"pair", alone ? api_json{} : api_json(what.pair_id)},
                          {"ttl", made.ttl},
                          {"expires", made.expires.seconds}});
}

http_response make_command(control_state& state, const api_call& call) {
    const auto& what = resource_at("commands");
    auto values = call.body;
    const auto device = call.text("device");
    if (!find_record(state.store, resource_at("devices"), call.own_org(), device))
        throw wrong_field("device", "there is no such device");
    constexpr std::int64_t most_waiting = 1000;
    if (state.store.count("SELECT count(*) FROM commands WHERE device = ? AND state IN ('queued', "
                          "'sent', 'acked')",
                          std::string_view{device}) >= most_waiting)
        throw api_problem{409, "full", "this device has 1000 commands waiting", "device", 0};
    values["expires"] = call.now + call.number("ttl");
    values.erase("ttl");
    values["state"] = std::string{to_string(command_state::queued)};
    values["result"] = std::string{"{}"};
    values["updated"] = call.now;
    const auto made = make_record(state.store, what, call.own_org(), std::move(values), call.now);
    state.events->tell(call.own_org(), device, "command:queued", made.dump());
    auto out = json_response(made, 201);
    out.location = "/api/v1/commands/" + made["id"].get<std::string>();
    return out;
}

http_response advance_command(control_state& state, const api_call& call) {
    const auto& what = resource_at("commands");
    const auto found = find_values(state.store, what, call.org(), call.part());
    if (!found) throw not_found(what.one);
    const auto before = *command_state_named(std::get<std::string>(found->at("state")));
    const auto after = *command_state_named(call.text("state"));
    // Said again it is as good as said once: whoever lost the answer asks again.
    if (before != after) {
        if (!may_follow(before, after))
            throw api_problem{409, "conflict",
                              "a command that is " + std::string{to_string(before)} +
                                  " does not become " + std::string{to_string(after)},
                              "state", 0};
        if (std::get<std::int64_t>(found->at("expires")) <= call.now)
            throw api_problem{409, "conflict", "the command has expired", "state", 0};
        change_record(state.store, what, call.org(), call.part(),
                      {{"state", call.text("state")},
                       {"result", call.text("result")},
                       {"updated", call.now}});
    }
    return json_response(*find_record(state.store, what, call.org(), call.part()));
}

http_response make_webhook(control_state& state, const api_call& call) {
    const auto& what = resource_at("webhooks");
    const auto url = call.text("url");
    if (!url.starts_with("http://") && !url.starts_with("https://"))
        throw wrong_field("url", "must begin with http:// or https://");
    auto values = call.body;
    values["secret_version"] = std::int64_t{1};
    auto made = make_record(state.store, what, call.own_org(), std::move(values), call.now);
    const auto id = made["id"].get<std::string>();
    made["secret"] = state.hooks.secret_of(id, 1);
    auto out = json_response(made, 201);
    out.location = "/api/v1/webhooks/" + id;
    return out;
}

http_response rotate_webhook(control_state& state, const api_call& call) {
    const auto& what = resource_at("webhooks");
    const auto found = find_values(state.store, what, call.org(), call.part());
    if (!found) throw not_found(what.one);
    const auto version = std::get<std::int64_t>(found->at("secret_version")) + 1;
    change_record(state.store, what, call.org(), call.part(), {{"secret_version", version}});
    auto out = *find_record(state.store, what, call.org(), call.part());
    out["secret"] = state.hooks.secret_of(call.part(), version);
    return json_response(out);
}

} // namespace

void add_device_routes(route_list& to) {
    const auto& devices = resource_at("devices");
    const auto& commands = resource_at("commands");
    const auto& hooks = resource_at("webhooks");
    to.push_back({.method = "POST",
                  .path = "/devices",
                  .operation = "make_devices",
                  .summary = "Make a new device; its key is told here and never again",
                  .scope = "devices:write",
                  .takes = devices.fields,
                  .making = true,
                  .shows = &devices,
                  .status = 201,
                  .act = at_once(make_device)});
    to.push_back({.method = "POST",
                  .path = "/devices/{id}/rotate",
                  .operation = "rotate_devices",
                  .summary = "Make a new key, which is told here and never again",
                  .scope = "devices:write",
                  .shows = &devices,
                  .act = at_once(rotate_device)});
    to.push_back({.method = "POST",
                  .path = "/devices/token",
                  .operation = "device_token",
                  .summary = "A device's key for a short token",
                  .takes = token_fields,
                  .making = true,
                  .act = at_once(device_token)});
    to.push_back({.method = "POST",
                  .path = "/commands",
                  .operation = "make_commands",
                  .summary = "Queue a command for a device",
                  .scope = "commands:write",
                  .takes = commands.fields,
                  .making = true,
                  .shows = &commands,
                  .status = 201,
                  .act = at_once(make_command)});
    to.push_back({.method = "PUT",
                  .path = "/commands/{id}/state",
                  .operation = "advance_commands",
                  .summary = "Say how far a command is; it only goes on",
                  .scope = "commands:write",
                  .takes = state_fields,
                  .making = true,
                  .shows = &commands,
                  .act = at_once(advance_command)});
    to.push_back({.method = "POST",
                  .path = "/webhooks",
                  .operation = "make_webhooks",
                  .summary = "Make a new webhook; its secret is told here and never again",
                  .scope = "webhooks:write",
                  .takes = hooks.fields,
                  .making = true,
                  .shows = &hooks,
                  .status = 201,
                  .act = at_once(make_webhook)});
    to.push_back({.method = "POST",
                  .path = "/webhooks/{id}/rotate",
                  .operation = "rotate_webhooks",
                  .summary = "Make a new secret, which is told here and never again",
                  .scope = "webhooks:write",
                  .shows = &hooks,
                  .act = at_once(rotate_webhook)});
    to.push_back(
        {.method = "GET",
         .path = "/webhooks/{id}/deliveries",
         .operation = "list_deliveries",
         .summary = "The last hundred deliveries",
         .scope = "webhooks:read",
         .act = at_once([](control_state& state, const api_call& call) {
             if (!find_record(state.store, resource_at("webhooks"), call.org(), call.part()))
                 throw not_found("webhook");
             return json_response(state.hooks.deliveries(call.part()));
         })});
}

} // namespace moqrtc::reference
