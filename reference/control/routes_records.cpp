#include "route.hpp"

#include <algorithm>

namespace moqrtc::reference {
namespace {

/// Whether the doors look at such records.
bool is_access(const resource& what) {
    constexpr std::string_view names[] = {"live_inputs", "assets", "revocations", "limits", "orgs"};
    return std::ranges::find(names, what.path) != std::end(names);
}

std::string text_of(std::string_view a, std::string_view b) {
    return std::string{a}.append(b);
}

/// References to records of another organisation are as good as wrong ones.
void check_references(control_state& state, const api_call& call) {
    const auto found = call.body.find("device");
    if (found == call.body.end()) return;
    const auto& id = std::get<std::string>(found->second);
    if (!id.empty() && !find_record(state.store, resource_at("devices"), call.own_org(), id))
        throw wrong_field("device", "there is no such device");
}

http_response make(control_state& state, const api_call& call, const resource& what) {
    check_references(state, call);
    auto values = call.body;
    if (what.path == "assets") values["playback_id"] = random_id("pb_");
    auto made = make_record(state.store, what, call.own_org(), std::move(values), call.now);
    if (is_access(what)) state.publish();
    auto out = json_response(made, 201);
    out.location = "/api/v1/" + text_of(what.path, "/") + made["id"].get_ref<const std::string&>();
    return out;
}

/// Resources whose records are made in ways of their own.
bool is_made_elsewhere(const resource& what) {
    constexpr std::string_view names[] = {"api_keys", "live_inputs", "devices",
                                          "webhooks", "commands",    "streams"};
    return std::ranges::find(names, what.path) != std::end(names);
}

void add_routes(route_list& to, const resource& what) {
    const std::string path = "/" + std::string{what.path};
    const std::string one{what.one};
    const std::string name{what.path};
    const auto reads = std::string{what.scope} + ":read";
    const auto writes = std::string{what.scope} + ":write";
    if (what.operations & can_list) {
        to.push_back({.method = "GET",
                      .path = path,
                      .operation = "list_" + name,
                      .summary = "Every " + one + ", oldest first, page by page",
                      .scope = reads,
                      .shows = &what,
                      .is_list = true,
                      .act = at_once([&what](control_state& state, const api_call& call) {
                          return json_response(
                              list_records(state.store, what, call.org(), call.query));
                      })});
        to.push_back({.method = "GET",
                      .path = path + "/{id}",
                      .operation = "get_" + name,
                      .summary = "One " + one,
                      .scope = reads,
                      .shows = &what,
                      .act = at_once([&what](control_state& state, const api_call& call) {
                          auto found = find_record(state.store, what, call.org(), call.part());
                          if (!found) throw not_found(what.one);
                          return json_response(*found);
                      })});
    }
    if ((what.operations & can_make) && !is_made_elsewhere(what))
        to.push_back({.method = "POST",
                      .path = path,
                      .operation = "make_" + name,
                      .summary = "Make a new " + one,
                      .scope = writes,
                      .takes = what.fields,
                      .making = true,
                      .shows = &what,
                      .status = 201,
                      .act = at_once([&what](control_state& state, const api_call& call) {
                          return make(state, call, what);
                      })});
    if (what.operations & can_change)
        to.push_back({.method = "PATCH",
                      .path = path + "/{id}",
                      .operation = "change_" + name,
                      .summary = "Change what is given of one " + one,
                      .scope = writes,
                      .takes = what.fields,
                      .shows = &what,
                      .act = at_once([&what](control_state& state, const api_call& call) {
                          if (!change_record(state.store, what, call.org(), call.part(), call.body))
                              throw not_found(what.one);
                          if (is_access(what)) state.publish();
                          return json_response(
                              *find_record(state.store, what, call.org(), call.part()));
                      })});
    if (what.operations & can_remove)
        to.push_back({.method = "DELETE",
                      .path = path + "/{id}",
                      .operation = "remove_" + name,
                      .summary = "Remove one " + one,
                      .scope = writes,
                      .status = 204,
                      .act = at_once([&what](control_state& state, const api_call& call) {
                          if (what.path == "orgs" && call.part() == state.first_org)
                              throw api_problem{409, "conflict", "the first organisation stays"};
                          if (!remove_record(state.store, what, call.org(), call.part()))
                              throw not_found(what.one);
                          // What belonged to it went with it.
                          if (what.path == "streams" || what.path == "orgs")
                              state.reread();
                          else if (is_access(what))
                              state.publish();
                          return empty_response();
                      })});
}

} // namespace

void add_record_routes(route_list& to) {
    for (const auto& one : resources())
        add_routes(to, one);
}

} // namespace moqrtc::reference
