#include "caller_limits.hpp"
#include "control_api.hpp"
#include "route.hpp"
#include "server/host_names.hpp"

#include <algorithm>

namespace moqrtc::reference {
namespace {

constexpr std::string_view api_base = "/api/v1";
/// The paths that an older backend had: the same routes.
constexpr std::string_view older_paths = "/streams";

/// What devices call with their tokens, each for its own records alone (`keep_to_own`).
constexpr std::string_view for_devices[] = {
    "list_streams",   "make_streams", "get_streams",   "end_streams",  "stream_health",
    "remove_streams", "listen",       "list_commands", "get_commands", "advance_commands",
    "list_pairs",     "get_pairs",    "get_devices"};

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string unescaped(std::string_view text, bool query) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex(text[i + 1]) : -1;
        const int low = high >= 0 ? hex(text[i + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += query && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

query_values read_query(std::string_view text) {
    query_values out;
    while (!text.empty()) {
        const auto one = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        const auto equals = std::min(one.find('='), one.size());
        out[unescaped(one.substr(0, equals), true)] =
            unescaped(one.substr(std::min(equals + 1, one.size())), true);
    }
    return out;
}

/// The parts of `path` that stand for `{…}` in `pattern`; nothing when they do not match.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
    std::vector<std::string> out;
    for (;;) {
        const auto wanted = pattern.substr(0, pattern.find('/', 1));
        const auto there = path.substr(0, path.find('/', 1));
        if (wanted.starts_with("/{")) {
            if (there.size() < 2) return std::nullopt;
            out.push_back(unescaped(there.substr(1), false));
        } else if (wanted != there) {
            return std::nullopt;
        }
        pattern.remove_prefix(wanted.size());
        path.remove_prefix(there.size());
        if (pattern.empty() != path.empty()) return std::nullopt;
        if (pattern.empty()) return out;
    }
}

struct found_route {
    const route* what = nullptr;
    std::vector<std::string> parts{};
    std::string methods{}; ///< of routes at this path
};

found_route find_route(std::string_view method, std::string_view path) {
    found_route out;
    for (const auto& one : all_routes()) {
        auto parts = match(one.path, path);
        if (!parts) continue;
        out.methods += (out.methods.empty() ? "" : ", ") + one.method;
        if (one.method != method) continue;
        // `/devices/token` is no device: the path with fewer open parts is meant.
        if (out.what != nullptr && out.parts.size() <= parts->size()) continue;
        out.what = &one;
        out.parts = std::move(*parts);
    }
    return out;
}

api_json read_body(const http_request& request) {
    if (request.body.empty()) return api_json::object();
    const auto type = request.content_type.substr(0, request.content_type.find(';'));
    if (type != "application/json")
        throw api_problem{415, "media-type", "bodies are application/json", {}, 0};
    // Nesting costs the reader's stack; nothing that is taken nests deeply.
    int depth = 0;
    int deepest = 0;
    auto out = api_json::parse(
        request.body,
        [&](int now, api_json::parse_event_t, api_json&) {
            depth = now;
            deepest = std::max(deepest, depth);
            return deepest <= 16;
        },
        false);
    if (out.is_discarded() || deepest > 16)
        throw api_problem{400, "malformed", "the body is no JSON, or nests too deeply", {}, 0};
    return out;
}

} // namespace

std::string api_call::text(std::string_view name) const {
    const auto found = body.find(name);
    const auto* text = found == body.end() ? nullptr : std::get_if<std::string>(&found->second);
    return text == nullptr ? std::string{} : *text;
}

std::int64_t api_call::number(std::string_view name) const {
    const auto found = body.find(name);
    const auto* value = found == body.end() ? nullptr : std::get_if<std::int64_t>(&found->second);
    return value == nullptr ? 0 : *value;
}

http_response json_response(const api_json& body, unsigned status) {
    http_response out;
    out.status = status;
    out.content_type = "application/json";
    out.body = body.dump(-1, ' ', true, api_json::error_handler_t::replace) + "\n";
    return out;
}

http_response empty_response() {
    http_response out;
    out.status = 204;
    return out;
}

http_response problem_response(const api_problem& problem) {
    api_json body{{"type", "urn:moqrtc:problem:" + std::string{problem.kind}},
                  {"title", std::string{problem.kind}},
                  {"status", problem.status},
                  {"detail", problem.detail}};
    if (!problem.field.empty()) {
        body["field"] = problem.field;
        body["pointer"] = "#/" + problem.field;
    }
    auto out = json_response(body, problem.status);
    out.content_type = "application/problem+json";
    out.retry_after = problem.retry_after;
    if (problem.status == 401) out.authenticate = "Bearer realm=\"moqrtc\"";
    return out;
}

const route_list& all_routes() {
    static const route_list all = [] {
        route_list out;
        add_server_routes(out);
        add_stream_routes(out);
        add_access_routes(out);
        add_record_routes(out);
        add_device_routes(out);
        add_call_routes(out);
        for (auto& one : out)
            one.devices = std::ranges::find(for_devices, one.operation) != std::end(for_devices);
        return out;
    }();
    return all;
}

bool control_api::is_ours(std::string_view path) {
    return path.starts_with("/api/v1/") || path == "/api/openapi.json" || path == older_paths ||
           path.starts_with("/streams/");
}

void control_api::dispatch(http_request request, const http_server::reply& reply) {
    const auto now = wall_time();
    auto path = std::string_view{request.path};
    if (path == "/api/openapi.json")
        return reply(json_response(openapi(all_routes(), config_.version)));
    if (path.starts_with(api_base)) path.remove_prefix(api_base.size());
    auto found = find_route(request.method, path);
    if (found.methods.empty()) throw not_found("path");
    if (found.what == nullptr) {
        auto out = problem_response({405, "method", "this path has " + found.methods, {}, 0});
        out.allow = found.methods;
        return reply(std::move(out));
    }
    const auto& to = *found.what;
    // A page elsewhere can make a browser send requests; it cannot make it hide where from.
    if (request.method != "GET" && !request.origin.empty() &&
        host_of(request.origin) != host_of(request.host))
        throw api_problem{403, "origin", "a page of another host may not ask", {}, 0};
    api_call call;
    call.who = caller_of(request, now);
    if (!limits_->pass(call.who.name.empty() ? request.peer : call.who.name, now))
        throw api_problem{429, "too-many", "more than 200 requests in a second", {}, 1};
    const bool device = !call.who.device.empty();
    if (!to.scope.empty() && !(device ? to.devices : call.who.may(to.scope))) {
        if (call.who.name.empty())
            throw api_problem{
                401, "unauthorized", "a key is needed: Authorization: Bearer …", {}, 0};
        throw api_problem{403,
                          "forbidden",
                          device ? "this is not for devices"
                                 : "your key has not the scope " + to.scope,
                          {},
                          0};
    }
    call.parts = std::move(found.parts);
    call.query = read_query(request.query);
    call.now = now;
    const bool changes = request.method != "GET" && request.method != "DELETE";
    if (changes && !to.takes.empty())
        call.body = read_fields(to.takes, read_body(request), to.making);
    keep_to_own(*state_, to, call);
    const bool repeats = to.status == 201 && to.shows != nullptr;
    if (repeats && !request.idempotency_key.empty())
        return act_once(to, std::move(call), request, reply);
    call.request = std::move(request);
    to.act(*state_, call, reply);
}

/// Whoever lost the answer asks again with the same key and gets what was made, without secrets.
/// The key is written down together with what it stands for: after a crash there are both or
/// neither.
void control_api::act_once(const route& to, api_call call, const http_request& request,
                           const http_server::reply& reply) {
    auto& store = state_->store;
    const auto name = to_hex(state_->secrets->digest(call.who.name + "\n" + to.operation + "\n" +
                                                     request.idempotency_key));
    if (const auto before =
            store.first("SELECT made FROM repeats WHERE name = ?", std::string_view{name}))
        if (const auto record =
                find_record(store, *to.shows, every_org, std::get<std::string>(*before)))
            return reply(json_response(*record));
    call.request = request;
    std::optional<http_response> made;
    try {
        database::transaction both{store};
        to.act(*state_, call, [&](http_response it) { made = std::move(it); });
        if (made && made->status == 201)
            store.run("INSERT OR REPLACE INTO repeats (name, made, created) VALUES (?, ?, ?)",
                      std::string_view{name},
                      api_json::parse(made->body)["id"].get_ref<const std::string&>(), call.now);
        both.commit();
    } catch (...) {
        // What was not written must not stand in memory either.
        state_->reread();
        throw;
    }
    if (!made) throw storage_failure{"what makes a record answers at once"};
    reply(std::move(*made));
}

void control_api::answer_request(const http_request& request, const http_server::reply& reply) {
    const auto refuse = [&](const api_problem& problem) {
        if (problem.status == 401 || problem.status == 403) ++counters_.refused;
        if (problem.status == 429) ++counters_.limited;
        if (problem.status >= 500) ++counters_.failed;
        reply(problem_response(problem));
    };
    ++counters_.requests;
    try {
        dispatch(request, reply);
    } catch (const api_problem& problem) {
        refuse(problem);
    } catch (const storage_conflict&) {
        refuse({409, "conflict", "it contradicts what is there already", {}, 0});
    } catch (const std::exception& failure) {
        if (state_->outside.note) state_->outside.note("api_failed", "reason", failure.what());
        refuse({503, "unavailable", "the server could not do that; its log says why", {}, 5});
    }
}

} // namespace moqrtc::reference
