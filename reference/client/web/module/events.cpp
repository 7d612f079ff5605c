// Events of a session, laid flat for JavaScript.
#include "web_session.hpp"

#include <moqrtc/loc/properties.hpp>

#include <algorithm>

namespace moqrtc::web {

namespace {

using moqt::event;
using kind = event::kind;

void set_location(double& group, double& object, const moqt::location& from) {
    group = static_cast<double>(from.group);
    object = static_cast<double>(from.object);
}

void take_params(event_record& to, const moqt::message_params& from) {
    if (from.largest_object)
        set_location(to.largest_group, to.largest_object, *from.largest_object);
    if (from.new_group_request) to.new_group = static_cast<double>(*from.new_group_request);
    if (from.forward)
        to.flags |= event_flag::forward_set | (*from.forward ? event_flag::forward : 0);
}

void take_name(web_session& s, const moqt::namespace_view& space, bytes name = {}) {
    const moqt::track_namespace owned{space};
    const auto key = as_bytes(owned.key());
    s.space.assign(key.begin(), key.end());
    s.event.space = record_of(s.space);
    s.event.name = record_of(name);
}

void take_request(web_session& s) {
    const auto& e = s.current;
    auto& to = s.event;
    switch (e.request) {
    case moqt::request_kind::subscribe:
        if (const auto m = e.as<moqt::msg::subscribe>()) {
            take_name(s, m->track_namespace, m->track_name);
            take_params(to, m->params);
        }
        break;
    case moqt::request_kind::publish:
        if (const auto m = e.as<moqt::msg::publish>()) {
            take_name(s, m->track_namespace, m->track_name);
            take_params(to, m->params);
        }
        break;
    case moqt::request_kind::fetch:
        if (const auto m = e.as<moqt::msg::fetch>()) {
            take_name(s, m->track_namespace, m->track_name);
            to.fetch_type = static_cast<std::uint32_t>(m->type);
            set_location(to.start_group, to.start_object, m->start);
            set_location(to.end_group, to.end_object, m->end);
            to.joining_request = static_cast<double>(m->joining_request_id);
            to.joining_start = static_cast<double>(m->joining_start);
        }
        break;
    case moqt::request_kind::track_status:
        if (const auto m = e.as<moqt::msg::track_status>())
            take_name(s, m->track_namespace, m->track_name);
        break;
    case moqt::request_kind::publish_namespace:
        if (const auto m = e.as<moqt::msg::publish_namespace>()) take_name(s, m->track_namespace);
        break;
    case moqt::request_kind::subscribe_namespace:
        if (const auto m = e.as<moqt::msg::subscribe_namespace>())
            take_name(s, m->track_namespace_prefix);
        break;
    case moqt::request_kind::subscribe_tracks:
        if (const auto m = e.as<moqt::msg::subscribe_tracks>())
            take_name(s, m->track_namespace_prefix);
        break;
    case moqt::request_kind::none:
        break;
    }
}

void take_accepted(web_session& s) {
    const auto& e = s.current;
    take_params(s.event, e.ok_params());
    if (e.request == moqt::request_kind::fetch)
        if (const auto m = e.as<moqt::msg::fetch_ok>()) {
            set_location(s.event.end_group, s.event.end_object, m->end);
            if (m->end_of_track != 0) s.event.flags |= event_flag::end_of_track;
        }
}

template <class Code>
void take_code(event_record& to, Code code) {
    to.code = static_cast<std::uint32_t>(code);
    to.code_name = record_of(as_bytes(moqt::to_string(code)));
}

void take_error(web_session& s) {
    const auto& e = s.current;
    take_code(s.event, e.request_error);
    if (e.message.empty()) return;
    if (const auto m = e.as<moqt::msg::request_error>()) {
        s.event.text = record_of(m->reason);
        if (m->retry_interval != 0)
            s.event.retry_after = static_cast<double>(m->retry_interval - 1);
    }
}

void take_properties(event_record& to, const moqt::wire_rules& rules, bytes properties) {
    moqt::key_value_reader pairs{rules, properties};
    while (const auto pair = pairs.next()) {
        switch (pair->type) {
        case loc::property::timestamp:
            to.timestamp = static_cast<double>(pair->number);
            break;
        case loc::property::timescale:
            to.timescale = static_cast<double>(pair->number);
            break;
        case loc::property::audio_level:
            to.audio_level = static_cast<std::uint32_t>(pair->number & 0xff);
            to.flags |= event_flag::has_audio_level;
            break;
        case loc::property::video_config:
        case loc::property::audio_config:
            to.config = record_of(pair->data);
            break;
        default:
            break;
        }
    }
}

void take_object(web_session& s) {
    const auto& item = s.current.item;
    auto& to = s.event;
    set_location(to.group, to.object, item.location);
    to.subgroup = static_cast<double>(item.subgroup_id);
    to.priority = item.publisher_priority;
    to.status = static_cast<std::uint32_t>(item.status);
    if (item.end_of_group) to.flags |= event_flag::end_of_group;
    if (item.first_object) to.flags |= event_flag::first_object;
    if (item.forwarding == moqt::forwarding_preference::datagram) to.flags |= event_flag::datagram;
    to.payload = record_of(item.payload.view());
    if (!item.properties.empty()) take_properties(to, s.self.rules(), item.properties.view());
}

} // namespace

void describe_event(web_session& s) {
    const auto& e = s.current;
    auto& to = s.event;
    to = {};
    to.id = static_cast<double>(e.id);
    to.update_id = static_cast<double>(e.update_id);
    to.stream = e.stream == moqt::no_stream ? -1 : static_cast<double>(e.stream);
    to.what = static_cast<std::uint32_t>(e.what);
    to.request = static_cast<std::uint32_t>(e.request);
    if (e.by_peer) to.flags |= event_flag::by_peer;
    if (e.has_properties) to.flags |= event_flag::has_properties;
    if (e.gap_unknown) to.flags |= event_flag::gap_unknown;
    switch (e.what) {
    case kind::requested:
        return take_request(s);
    case kind::accepted:
        return take_accepted(s);
    case kind::rejected:
    case kind::update_rejected:
        return take_error(s);
    case kind::update_requested:
        if (const auto m = e.as<moqt::msg::request_update>()) take_params(to, m->params);
        return;
    case kind::namespace_added:
        if (const auto m = e.as<moqt::msg::namespace_message>())
            take_name(s, m->track_namespace_suffix);
        return;
    case kind::namespace_removed:
        if (const auto m = e.as<moqt::msg::namespace_done>())
            take_name(s, m->track_namespace_suffix);
        return;
    case kind::publish_blocked:
        if (const auto m = e.as<moqt::msg::publish_blocked>())
            take_name(s, m->track_namespace_suffix, m->track_name);
        return;
    case kind::publish_done:
        take_code(to, e.publish_done);
        if (const auto m = e.as<moqt::msg::publish_done>()) to.text = record_of(m->reason);
        return;
    case kind::subgroup_opened:
    case kind::object:
    case kind::fetch_gap:
        return take_object(s);
    case kind::stream_reset:
    case kind::stream_stopped:
    case kind::cancelled:
        return take_code(to, e.reset);
    case kind::closed:
        take_code(to, e.close);
        to.text = record_of(e.message.view());
        return;
    default:
        return;
    }
}

} // namespace moqrtc::web
