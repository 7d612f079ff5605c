#pragma once

#include <moqrtc/moqt/session/qlog_trace.hpp>

/// What data streams and datagrams carry, as events.
namespace moqrtc::moqt {

inline bool qlog_trace::items(instant now, direction way, stream_id id, state& s, bytes& in) {
    const auto next = s.reader->next(in, pool_);
    if (!next) {
        fail(now, way, id, next.error());
        return false;
    }
    if (*next) item(now, way, id, s, **next);
    return true;
}

inline void qlog_trace::item(instant now, direction way, stream_id id, state& s,
                             const stream_item& what) {
    using of = stream_item::kind;
    switch (what.what) {
    case of::subgroup_header: {
        const auto& h = s.reader->header();
        return event(now, way, "subgroup_header", [&](printer& io) {
            io.varint("stream_id", id);
            io.varint("track_alias", h.track_alias);
            io.varint("group_id", h.group_id);
            io.varint("subgroup_id_mode", static_cast<std::uint64_t>(h.id_mode));
            if (h.id_mode == subgroup_id_mode::present) io.varint("subgroup_id", h.subgroup_id);
            if (h.publisher_priority) io.varint("publisher_priority", *h.publisher_priority);
            io.boolean("contains_end_of_group", h.end_of_group);
            io.boolean("properties_present", h.properties);
        });
    }
    case of::fetch_header: {
        const auto asked = way == direction::sent ? direction::received : direction::sent;
        if (const auto at = fetches_.find({asked, what.request_id}); at != fetches_.end())
            s.reader->set_group_order(at->second);
        return event(now, way, "fetch_header", [&](printer& io) {
            io.varint("stream_id", id);
            io.varint("request_id", what.request_id);
        });
    }
    case of::object:
    case of::end_of_range:
        break;
    }
    const auto& o = what.object;
    const auto sizes = [&](printer& io) {
        properties(io, "properties", o.properties.view());
        io.varint("object_payload_length", o.payload.size());
        if (o.status != object_status::normal)
            io.varint("object_status", static_cast<std::uint64_t>(o.status));
    };
    if (s.reader->kind() == stream_kind::subgroup) {
        const auto before = std::exchange(s.object, o.location.object);
        return event(now, way, "subgroup_object", [&](printer& io) {
            io.varint("stream_id", id);
            io.varint("object_id_delta",
                      before ? o.location.object - *before - 1 : o.location.object);
            io.varint("group_id", o.location.group);
            io.varint("object_id", o.location.object);
            sizes(io);
        });
    }
    const bool gap = what.what == of::end_of_range;
    event(now, way, "fetch_object", [&](printer& io) {
        io.varint("stream_id", id);
        io.boolean("datagram", !gap && o.forwarding == forwarding_preference::datagram);
        io.boolean("end_of_nonexistent_range", gap && what.range == range_end::non_existent);
        io.boolean("end_of_unknown_range", gap && what.range == range_end::unknown);
        io.varint("group_id", o.location.group);
        io.varint("object_id", o.location.object);
        if (gap) return;
        if (o.forwarding == forwarding_preference::subgroup)
            io.varint("subgroup_id", o.subgroup_id);
        io.varint("publisher_priority", o.publisher_priority);
        sizes(io);
    });
}

/// Properties are told by type and number; what is no number by its length.
inline void qlog_trace::properties(printer& io, const char* field, bytes encoded) const {
    if (encoded.empty()) return;
    io.list(field);
    key_value_reader pairs{*rules_, encoded};
    bool first = true;
    while (const auto pair = pairs.next()) {
        io.element(std::exchange(first, false));
        io.varint("type", pair->type);
        if (pair->type % 2 == 0)
            io.varint("value", pair->number);
        else
            io.varint("length", pair->data.size());
        io.end();
    }
    io.end_list();
}

inline void qlog_trace::handle_datagram(instant now, direction way, bytes data) {
    const auto parsed = parse_datagram(*rules_, data);
    if (!parsed) return fail(now, way, no_stream, parsed.error());
    if (!*parsed) return; // padding
    const auto& m = **parsed;
    event(now, way, "object_datagram", [&](printer& io) {
        io.varint("track_alias", m.track_alias);
        io.varint("group_id", m.group_id);
        io.varint("object_id", m.object_id);
        if (m.publisher_priority) io.varint("publisher_priority", *m.publisher_priority);
        properties(io, "properties", m.properties);
        if (m.status) io.varint("object_status", static_cast<std::uint64_t>(*m.status));
        io.begin("object_payload");
        io.varint("length", m.payload.size());
        io.end();
        io.boolean("end_of_group", m.end_of_group);
    });
}

} // namespace moqrtc::moqt
