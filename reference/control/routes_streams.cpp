#include "common/locator.hpp"
#include "route.hpp"
#include "server/status_json.hpp"

#include <algorithm>

namespace moqrtc::reference {
namespace {

/// What the relay has now, and what was registered.
api_json with_registered(const server_status& now, api_json registered) {
    auto out = api_json::parse(streams_json(now));
    out["streams"] = std::move(registered["streams"]);
    out["next"] = std::move(registered["next"]);
    return out;
}

http_response make_stream(control_state& state, const api_call& call) {
    const auto& what = resource_at("streams");
    const auto device = call.text("device");
    if (!device.empty() &&
        !find_record(state.store, resource_at("devices"), call.own_org(), device))
        throw wrong_field("device", "there is no such device");
    constexpr std::int64_t most_live = 100'000;
    const auto own = state.directory->current()->limit(call.own_org(), {}, "streams");
    const auto bound =
        own ? static_cast<std::int64_t>(std::min<std::uint64_t>(*own, INT64_MAX)) : most_live;
    if (state.store.count("SELECT count(*) FROM streams WHERE org = ? AND state = 'live'",
                          std::string_view{call.own_org()}) >= bound)
        throw api_problem{
            429, "limit", "as many streams as may be are live (limit streams)", {}, 30};
    auto values = call.body;
    const auto id = random_id(what.prefix);
    values["id"] = id;
    if (call.text("space").empty()) values["space"] = "stream/" + call.own_org() + "/" + id;
    values["state"] = std::string{"live"};
    values["started"] = call.now;
    const auto made = make_record(state.store, what, call.own_org(), std::move(values), call.now);
    state.streams.add(id, {call.own_org(), made["namespace"], device, false, call.now});
    auto out = json_response(made, 201);
    out.location = "/api/v1/streams/" + id;
    return out;
}

http_response end_stream(control_state& state, const api_call& call) {
    const auto& what = resource_at("streams");
    const auto found = find_record(state.store, what, call.org(), call.part());
    if (!found) throw not_found(what.one);
    if ((*found)["state"] == "live")
        change_record(state.store, what, call.org(), call.part(),
                      {{"state", std::string{"ended"}}, {"ended", call.now}});
    state.streams.remove(call.part());
    return json_response(*find_record(state.store, what, call.org(), call.part()));
}

void health(control_state& state, const api_call& call, const api_reply& reply) {
    const auto found = find_record(state.store, resource_at("streams"), call.org(), call.part());
    if (!found) throw not_found("stream");
    if (!state.outside.status)
        throw api_problem{503, "unavailable", "there is no data plane to ask", {}, 1};
    state.outside.status([stream = *found, reply](std::shared_ptr<const server_status> now) {
        const auto space = stream["namespace"].get<std::string>();
        api_json out{{"id", stream["id"]},
                     {"state", stream["state"]},
                     {"publishing", false},
                     {"viewers", 0},
                     {"tracks", api_json::array()}};
        std::size_t viewers = 0;
        for (std::size_t i = 0; i < now->shards.size(); ++i)
            for (const auto& track : now->shards[i].tracks) {
                if (to_text(track.name.space) != space) continue;
                if (track.publishers != 0) out["publishing"] = true;
                viewers = std::max(viewers, track.subscribers);
                out["tracks"].push_back(
                    {{"name", track.name.name}, {"shard", i}, {"subscribers", track.subscribers}});
            }
        out["viewers"] = viewers;
        reply(json_response(out));
    });
}

} // namespace

void add_stream_routes(route_list& to) {
    const auto& streams = resource_at("streams");
    to.push_back({.method = "GET",
                  .path = "/streams",
                  .operation = "list_streams",
                  .summary = "What is live in the relay, and the streams that were registered",
                  .scope = "streams:read",
                  .shows = &streams,
                  .is_list = true,
                  .act = [](control_state& state, const api_call& call, const api_reply& reply) {
                      auto registered =
                          list_records(state.store, resource_at("streams"), call.org(), call.query);
                      // A device is shown what it registered, not what others publish.
                      if (!state.outside.status || !call.who.device.empty())
                          return reply(json_response(with_registered({}, std::move(registered))));
                      state.outside.status(
                          [registered, reply](std::shared_ptr<const server_status> now) {
                              reply(json_response(with_registered(*now, registered)));
                          });
                  }});
    to.push_back({.method = "POST",
                  .path = "/streams",
                  .operation = "make_streams",
                  .summary = "Register a stream",
                  .scope = "streams:write",
                  .takes = streams.fields,
                  .making = true,
                  .shows = &streams,
                  .status = 201,
                  .act = at_once(make_stream)});
    to.push_back({.method = "GET",
                  .path = "/streams/{id}",
                  .operation = "get_streams",
                  .summary = "One stream",
                  .scope = "streams:read",
                  .shows = &streams,
                  .act = at_once([](control_state& state, const api_call& call) {
                      auto found =
                          find_record(state.store, resource_at("streams"), call.org(), call.part());
                      if (!found) throw not_found("stream");
                      return json_response(*found);
                  })});
    to.push_back({.method = "POST",
                  .path = "/streams/{id}/end",
                  .operation = "end_streams",
                  .summary = "End one stream; it stays in the list",
                  .scope = "streams:write",
                  .shows = &streams,
                  .act = at_once(end_stream)});
    to.push_back({.method = "GET",
                  .path = "/streams/{id}/health",
                  .operation = "stream_health",
                  .summary = "Whether it is published and watched now",
                  .scope = "streams:read",
                  .act = health});
    to.push_back({.method = "GET",
                  .path = "/events",
                  .operation = "listen",
                  .summary = "Events as they happen (text/event-stream)",
                  .scope = "streams:read",
                  .act = at_once([](control_state& state, const api_call& call) {
                      http_response out;
                      out.content_type = "text/event-stream";
                      out.body = ": listening\n\n";
                      out.events = [hub = state.events, org = call.org(),
                                    device = call.who.device](event_sink sink) {
                          hub->listen(org, device, std::move(sink));
                      };
                      return out;
                  })});
}

} // namespace moqrtc::reference
