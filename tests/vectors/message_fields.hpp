#pragma once

#include "json_fields.hpp"

/// The members of each message under their names in the drafts, one overload a message.
namespace moqrtc::moqt::vectors {

void parameters(auto& io, auto& params) {
    io.object("parameters", params, [](auto& p, auto& m) {
        p.maybe("object_delivery_timeout", m.object_delivery_timeout);
        p.tokens("authorization_token", m.authorization_tokens);
        p.maybe("max_cache_duration", m.max_cache_duration);
        p.maybe("rendezvous_timeout", m.rendezvous_timeout);
        p.maybe("subgroup_delivery_timeout", m.subgroup_delivery_timeout);
        p.maybe("expires", m.expires);
        p.maybe_object("largest_object", m.largest_object,
                       [](auto& i, auto& v) { fields_of_location(i, v); });
        p.maybe("fill_timeout", m.fill_timeout);
        p.maybe("publisher_priority", m.publisher_priority);
        p.maybe("forward", m.forward);
        p.maybe("subscriber_priority", m.subscriber_priority);
        p.maybe_object("subscription_filter", m.subscription_filter,
                       [](auto& i, auto& v) { fields_of_filter(i, v); });
        p.maybe("group_order", m.group_order);
        p.inside("fill_parameters", m.fill, [](auto& i, auto& v) { parameters(i, v); });
        p.ranges("range_filters", m.range_filters);
        p.maybe("dynamic_groups", m.dynamic_groups);
        p.maybe("new_group_request", m.new_group_request);
        p.maybe_space("track_namespace_prefix", m.track_namespace_prefix);
        p.maybe("include_properties", m.include_properties);
    });
}
void answered(auto& io, auto& m) {
    if (!io.rules->request_streams) io.number("request_id", m.request_id);
}
void track(auto& io, auto& m) {
    io.space("track_namespace", m.track_namespace);
    io.data("track_name", m.track_name);
}
void named(auto& io, auto& m) {
    if (io.rules->namespace_done_by_id)
        io.number("request_id", m.request_id);
    else
        io.space("track_namespace", m.track_namespace);
}
/// Request ID and what it depends on.
void head(auto& io, auto& m) {
    io.number("request_id", m.request_id);
    if (io.rules->required_request_delta)
        io.number("required_request_id_delta", m.required_request_id_delta);
}
void setup(auto& io, auto& options) {
    io.object("options", options, [](auto& o, auto& m) {
        o.maybe_data("path", m.path);
        o.maybe("max_request_id", m.max_request_id);
        o.tokens("authorization_token", m.authorization_tokens);
        o.maybe("max_auth_token_cache_size", m.max_auth_token_cache_size);
        o.maybe_data("authority", m.authority);
        o.maybe("max_filter_ranges", m.max_filter_ranges);
        o.maybe_data("moqt_implementation", m.implementation);
        o.maybe("max_request_updates", m.max_request_updates);
    });
}

void fields(auto& io, msg::client_setup& m) {
    if (io.rules->setup == setup_form::versions)
        io.numbers("supported_versions", m.versions.numbers, m.versions.count);
    setup(io, m.options);
}
void fields(auto& io, msg::server_setup& m) {
    if (io.rules->setup == setup_form::versions) io.number("selected_version", m.selected_version);
    setup(io, m.options);
}
void fields(auto& io, msg::setup& m) {
    setup(io, m.options);
}
void fields(auto& io, msg::goaway& m) {
    io.data("new_session_uri", m.new_session_uri);
    if (io.rules->goaway_timeout) io.number("timeout", m.timeout);
    io.maybe("request_id", m.request_id);
}
void fields(auto& io, msg::max_request_id& m) {
    io.number("max_request_id", m.limit);
}
void fields(auto& io, msg::requests_blocked& m) {
    io.number("maximum_request_id", m.limit);
}
void fields(auto& io, msg::request_ok& m) {
    answered(io, m);
    if (io.rules->unified_errors) parameters(io, m.params);
    if (io.rules->request_ok_properties) io.hexadecimal("track_properties", m.properties);
}
void fields(auto& io, msg::request_error& m) {
    answered(io, m);
    io.number("error_code", m.error_code);
    if (io.rules->retry_interval) io.number("retry_interval", m.retry_interval);
    io.data("error_reason", m.reason);
    io.maybe_object("redirect", m.target, [](auto& r, auto& v) {
        r.data("connect_uri", v.connect_uri);
        track(r, v);
    });
}
void fields(auto& io, msg::request_update& m) {
    head(io, m);
    if (!io.rules->request_streams) io.number("existing_request_id", m.existing_request_id);
    parameters(io, m.params);
}
void fields(auto& io, msg::subscribe& m) {
    head(io, m);
    track(io, m);
    parameters(io, m.params);
}
void fields(auto& io, msg::subscribe_ok& m) {
    answered(io, m);
    io.number("track_alias", m.track_alias);
    parameters(io, m.params);
    if (io.rules->track_properties) io.hexadecimal("track_properties", m.properties);
}
void fields(auto& io, msg::unsubscribe& m) {
    io.number("request_id", m.request_id);
}
void fields(auto& io, msg::publish& m) {
    head(io, m);
    track(io, m);
    io.number("track_alias", m.track_alias);
    parameters(io, m.params);
    if (io.rules->track_properties) io.hexadecimal("track_properties", m.properties);
}
void fields(auto& io, msg::publish_ok& m) {
    answered(io, m);
    parameters(io, m.params);
}
void fields(auto& io, msg::publish_done& m) {
    answered(io, m);
    io.number("status_code", m.status_code);
    io.number("stream_count", m.stream_count);
    io.data("error_reason", m.reason);
}
void fields(auto& io, msg::fetch& m) {
    head(io, m);
    if (!io.rules->typed_fetch) {
        track(io, m);
        return parameters(io, m.params);
    }
    io.number("fetch_type", m.type);
    if (m.type == msg::fetch_type::standalone) {
        track(io, m);
        io.object("start", m.start, [](auto& i, auto& v) { fields_of_location(i, v); });
        io.object("end", m.end, [](auto& i, auto& v) { fields_of_location(i, v); });
    } else {
        io.number("joining_request_id", m.joining_request_id);
        io.number("joining_start", m.joining_start);
    }
    parameters(io, m.params);
}
void fields(auto& io, msg::fetch_ok& m) {
    answered(io, m);
    io.number("end_of_track", m.end_of_track);
    const bool included = io.rules->fetch_end_inclusive;
    auto end = included ? last_before(m.end) : m.end;
    io.object("end", end, [](auto& i, auto& v) { fields_of_location(i, v); });
    m.end = included ? behind(end) : end;
    parameters(io, m.params);
    if (io.rules->track_properties) io.hexadecimal("track_properties", m.properties);
}
void fields(auto& io, msg::fetch_cancel& m) {
    io.number("request_id", m.request_id);
}
void fields(auto& io, msg::track_status& m) {
    head(io, m);
    track(io, m);
    parameters(io, m.params);
}
void fields(auto& io, msg::publish_namespace& m) {
    head(io, m);
    io.space("track_namespace", m.track_namespace);
    parameters(io, m.params);
}
void fields(auto& io, msg::publish_namespace_done& m) {
    named(io, m);
}
void fields(auto& io, msg::publish_namespace_cancel& m) {
    named(io, m);
    io.number("error_code", m.error_code);
    io.data("error_reason", m.reason);
}
void fields(auto& io, msg::namespace_message& m) {
    io.space("track_namespace_suffix", m.track_namespace_suffix);
}
void fields(auto& io, msg::namespace_done& m) {
    io.space("track_namespace_suffix", m.track_namespace_suffix);
}
void fields(auto& io, msg::subscribe_namespace& m) {
    head(io, m);
    io.space("track_namespace_prefix", m.track_namespace_prefix);
    if (io.rules->subscribe_options) io.number("subscribe_options", m.options);
    parameters(io, m.params);
}
void fields(auto& io, msg::unsubscribe_namespace& m) {
    if (io.rules->unsubscribe_by_id)
        io.number("request_id", m.request_id);
    else
        io.space("track_namespace_prefix", m.track_namespace_prefix);
}
void fields(auto& io, msg::track_status_ok& m) {
    answered(io, m);
    parameters(io, m.params);
}
void fields(auto& io, msg::subscribe_tracks& m) {
    head(io, m);
    io.space("track_namespace_prefix", m.track_namespace_prefix);
    parameters(io, m.params);
}
void fields(auto& io, msg::publish_blocked& m) {
    io.space("track_namespace_suffix", m.track_namespace_suffix);
    io.data("track_name", m.track_name);
}

void fields(auto& io, msg::publish_state_notify& m) {
    parameters(io, m.params);
}

/// `client_setup` for CLIENT_SETUP: how vectors name a message.
[[nodiscard]] inline std::string lower(std::string_view name) {
    std::string out{name};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

template <class M>
[[nodiscard]] json decoded(const wire_rules& rules, M message) {
    json out;
    to_json io{rules, out};
    fields(io, message);
    return out;
}

} // namespace moqrtc::moqt::vectors
