#include "route.hpp"

#include <set>

namespace moqrtc::reference {
namespace {

api_json words_of(std::string_view words) {
    api_json out = api_json::array();
    while (!words.empty()) {
        const auto one = words.substr(0, words.find('|'));
        out.push_back(one);
        words.remove_prefix(std::min(one.size() + 1, words.size()));
    }
    return out;
}

api_json schema_of(const field& one, bool given) {
    api_json out;
    const auto type = [&](const char* name) {
        out["type"] = one.nullable ? api_json::array({name, "null"}) : api_json(name);
    };
    switch (one.kind) {
    case field_kind::word:
        type("string");
        out["enum"] = words_of(one.words);
        break;
    case field_kind::text:
        type("string");
        if (given) out["minLength"] = one.least;
        if (given) out["maxLength"] = one.most;
        break;
    case field_kind::integer:
    case field_kind::time:
        type("integer");
        if (given) out["minimum"] = one.least;
        if (given && one.most != INT64_MAX) out["maximum"] = one.most;
        break;
    case field_kind::boolean:
        type("boolean");
        break;
    case field_kind::list:
        type("array");
        out["items"] = {{"type", "string"}, {"enum", words_of(one.words)}};
        if (given) out["minItems"] = one.least;
        if (given) out["maxItems"] = one.most;
        break;
    case field_kind::object:
        type("object");
        break;
    }
    if (given && !one.required() && !one.standard.empty()) {
        const bool plain = one.kind == field_kind::text || one.kind == field_kind::word;
        out["default"] = plain ? api_json(one.standard) : api_json::parse(one.standard);
    }
    auto help = std::string{one.help};
    if (one.kind == field_kind::time) help += help.empty() ? "Unix seconds" : "; Unix seconds";
    if (!help.empty()) out["description"] = help;
    return out;
}

/// What a client sends.
api_json body_schema(const route& at) {
    api_json out{
        {"type", "object"}, {"additionalProperties", false}, {"properties", api_json::object()}};
    api_json required = api_json::array();
    for (const auto& one : at.takes) {
        if (!one.given() || (!at.making && !one.changes())) continue;
        out["properties"][one.name] = schema_of(one, true);
        if (at.making && one.required()) required.push_back(one.name);
    }
    if (!required.empty()) out["required"] = std::move(required);
    return out;
}

/// A record as it is shown; what is told once stands beside it.
api_json record_schema(const resource& what) {
    api_json out{{"type", "object"}, {"properties", api_json::object()}};
    api_json required = api_json::array();
    const auto add = [&](std::string_view name, api_json schema) {
        out["properties"][name] = std::move(schema);
        required.push_back(name);
    };
    add("id", {{"type", "string"}, {"pattern", "^" + std::string{what.prefix}}});
    if (what.owned) add("org", {{"type", "string"}});
    for (const auto& one : what.fields)
        if (one.use != field_use::hidden && one.stored() != "-")
            add(one.name, schema_of(one, false));
    add("created", {{"type", "integer"}, {"description", "Unix seconds"}});
    out["required"] = std::move(required);
    return out;
}

api_json reference_to(std::string_view name) {
    return {{"$ref", "#/components/schemas/" + std::string{name}}};
}

api_json answer_schema(const route& at) {
    if (at.shows == nullptr) return {{"type", "object"}};
    if (!at.is_list) return reference_to(at.shows->path);
    return {{"type", "object"},
            {"properties",
             {{at.shows->path, {{"type", "array"}, {"items", reference_to(at.shows->path)}}},
              {"next",
               {{"type", api_json::array({"string", "null"})},
                {"description", "what `after` is to be for the next page"}}}}},
            {"required", api_json::array({at.shows->path, "next"})}};
}

api_json parameter(std::string_view name, const char* in, api_json schema, std::string_view help) {
    api_json out{{"name", name}, {"in", in}, {"schema", std::move(schema)}};
    if (std::string_view{in} == "path") out["required"] = true;
    if (!help.empty()) out["description"] = help;
    return out;
}

api_json parameters_of(const route& at) {
    api_json out = api_json::array();
    std::string_view path = at.path;
    for (auto open = path.find('{'); open != path.npos; open = path.find('{', open + 1))
        out.push_back(parameter(path.substr(open + 1, path.find('}', open) - open - 1), "path",
                                {{"type", "string"}}, ""));
    if (at.is_list) {
        out.push_back(parameter("limit", "query",
                                {{"type", "integer"},
                                 {"minimum", 1},
                                 {"maximum", largest_page},
                                 {"default", page_size}},
                                "records in a page"));
        out.push_back(
            parameter("after", "query", {{"type", "string"}}, "`next` of the page before"));
        for (const auto& one : at.shows->fields)
            if (one.filter)
                out.push_back(parameter(one.name, "query", {{"type", "string"}}, "only with this"));
    }
    if (!at.scope.empty())
        out.push_back(parameter("org", "query", {{"type", "string"}},
                                "another organisation; for keys with the scope admin"));
    if (at.status == 201)
        out.push_back(parameter("Idempotency-Key", "header",
                                {{"type", "string"}, {"maxLength", 256}},
                                "said again within a day, nothing new is made"));
    return out;
}

api_json operation_of(const route& at) {
    api_json out{{"operationId", at.operation}, {"summary", at.summary}};
    if (at.shows != nullptr) out["tags"] = api_json::array({at.shows->path});
    auto parameters = parameters_of(at);
    if (!parameters.empty()) out["parameters"] = std::move(parameters);
    if (!at.takes.empty())
        out["requestBody"] = {{"required", at.making},
                              {"content", {{"application/json", {{"schema", body_schema(at)}}}}}};
    api_json good{{"description", at.status == 204   ? "done"
                                  : at.status == 201 ? "made"
                                                     : "the answer"}};
    if (at.operation == "listen")
        good["content"] = {{"text/event-stream", {{"schema", {{"type", "string"}}}}}};
    else if (at.status != 204)
        good["content"] = {{"application/json", {{"schema", answer_schema(at)}}}};
    out["responses"][std::to_string(at.status)] = std::move(good);
    out["responses"]["default"] = {{"$ref", "#/components/responses/problem"}};
    if (at.scope.empty()) {
        out["security"] = api_json::array({api_json::object()});
    } else {
        auto& ways = out["security"] =
            api_json::array({api_json{{"key", api_json::array()}}, api_json::object()});
        if (at.devices) ways.push_back({{"device", api_json::array()}});
        out["description"] =
            "Scope `" + at.scope + "`" + (at.devices ? "; or a device, for what is its own." : ".");
    }
    return out;
}

} // namespace

api_json openapi(const route_list& routes, std::string_view version) {
    api_json out{
        {"openapi", "3.1.0"},
        {"info",
         {{"title", "moqrtc control API"},
          {"version", version},
          {"description",
           "Live inputs, keys, recordings, streams, devices and what is live now. Whoever has "
           "to have a key sends it as `Authorization: Bearer KEY`."}}},
        {"servers", api_json::array({{{"url", "/api/v1"}}})}};
    std::set<std::string_view> shown;
    for (const auto& one : routes) {
        std::string method = one.method;
        for (auto& c : method)
            c = static_cast<char>(c - 'A' + 'a');
        out["paths"][one.path][method] = operation_of(one);
        if (one.shows != nullptr) shown.insert(one.shows->path);
    }
    auto& parts = out["components"];
    for (const auto& one : resources())
        if (shown.contains(one.path)) parts["schemas"][one.path] = record_schema(one);
    parts["schemas"]["problem"] = {
        {"type", "object"},
        {"description", "RFC 9457"},
        {"properties",
         {{"type", {{"type", "string"}}},
          {"title", {{"type", "string"}}},
          {"status", {{"type", "integer"}}},
          {"detail", {{"type", "string"}}},
          {"field", {{"type", "string"}, {"description", "what of the request is wrong"}}},
          {"pointer", {{"type", "string"}}}}},
        {"required", api_json::array({"type", "title", "status", "detail"})}};
    parts["responses"]["problem"] = {
        {"description", "refused, and why"},
        {"content", {{"application/problem+json", {{"schema", reference_to("problem")}}}}}};
    parts["securitySchemes"]["key"] = {{"type", "http"}, {"scheme", "bearer"}};
    parts["securitySchemes"]["device"] = {
        {"type", "http"},
        {"scheme", "bearer"},
        {"bearerFormat", "JWT"},
        {"description", "what `POST /devices/token` gives a device for its key"}};
    return out;
}

} // namespace moqrtc::reference
