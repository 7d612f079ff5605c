#pragma once

#include "control_state.hpp"
#include "problem.hpp"
#include "records.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

/// Who asks.
struct api_caller {
    std::string name; ///< of key or device; empty: nobody, or everybody where no key is needed
    std::string org;
    std::vector<std::string> scopes{};
    bool everything = false;
    std::string device{}; ///< the device whose token it is; such a caller has no scopes

    [[nodiscard]] bool may(std::string_view scope) const;
};

/// A request on its way through a route.
struct api_call {
    http_request request{};
    std::vector<std::string> parts{}; ///< what stands for `{…}` in the path
    query_values query{};
    record_values body{}; ///< what the route takes, checked
    api_caller who{};
    wall_seconds now = 0;

    /// Whose records are meant: the caller's, or for callers with every scope all, or those of
    /// `?org=`.
    [[nodiscard]] std::string org() const;
    /// For whom something is made.
    [[nodiscard]] std::string own_org() const;
    [[nodiscard]] const std::string& part(std::size_t n = 0) const { return parts[n]; }
    [[nodiscard]] std::string text(std::string_view name) const;
    [[nodiscard]] std::int64_t number(std::string_view name) const;
};

using api_reply = std::function<void(http_response)>;

/// One operation: what routing, scopes, checks of the body and the description come from.
struct route {
    std::string method{};
    std::string path{};      ///< below `/api/v1`, with `{id}` for what varies
    std::string operation{}; ///< its name in the description
    std::string summary{};
    std::string scope{}; ///< empty: anybody
    std::span<const field> takes{};
    bool making = false; ///< the body is of something new: what is required must be there
    const resource* shows = nullptr;
    bool is_list = false;
    bool devices = false; ///< devices may call it with their tokens, for what is their own
    unsigned status = 200;
    std::function<void(control_state&, const api_call&, const api_reply&)> act{};
};

using route_list = std::vector<route>;

/// What a route answers with.
[[nodiscard]] http_response json_response(const api_json& body, unsigned status = 200);
[[nodiscard]] http_response empty_response(); ///< 204

/// A route whose answer is known at once.
template <class Act>
[[nodiscard]] auto at_once(Act act) {
    return [act](control_state& state, const api_call& call, const api_reply& reply) {
        reply(act(state, call));
    };
}

// Every route is added by one of these.
void add_record_routes(route_list& to); ///< what is like any other record
void add_access_routes(route_list& to); ///< keys, live inputs, playback
void add_device_routes(route_list& to); ///< devices, pairs, commands, webhooks
void add_stream_routes(route_list& to); ///< streams, analytics, events
void add_server_routes(route_list& to); ///< info, sessions, kill switches, features
void add_call_routes(route_list& to);   ///< calls and their tokens

/// Holds a device to its own records: lists show no others, and what names another's is refused.
/// For callers with keys it does nothing. Throws `api_problem`.
void keep_to_own(control_state& state, const route& to, api_call& call);

/// All of them, in the order of the description.
[[nodiscard]] const route_list& all_routes();

/// The description of all routes: OpenAPI 3.1.
[[nodiscard]] api_json openapi(const route_list& routes, std::string_view version);

} // namespace moqrtc::reference
