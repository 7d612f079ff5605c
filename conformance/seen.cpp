#include "side.hpp"

#include <moqrtc/moqt/data/datagram.hpp>
#include <moqrtc/moqt/data/fetch_sequence.hpp>
#include <moqrtc/moqt/data/stream_type.hpp>
#include <moqrtc/moqt/data/subgroup.hpp>

// Objects in what the peer sent.
namespace moqrtc::conformance {

std::optional<seen_subgroup> read_subgroup(const moqt::wire_rules& rules, moqt::stream_id id,
                                           bytes data) {
    reader io{rules, data};
    std::uint64_t type = 0;
    io.varint("type", type);
    if (!io.ok() || moqt::classify_stream(rules, type) != moqt::stream_kind::subgroup)
        return std::nullopt;
    auto header = moqt::subgroup_header::of_type(type);
    moqt::subgroup_header::describe(io, header);
    if (!io.ok()) return std::nullopt;
    seen_subgroup out{
        type, header.track_alias, header.group_id, header.first_object, header.end_of_group, {}};
    auto left = data.subspan(io.position());
    std::optional<std::uint64_t> previous;
    while (!left.empty()) {
        const auto one = moqt::parse_subgroup_object(rules, header, previous, left);
        if (!one) break;
        previous = one->object_id;
        seen_object o;
        o.stream = id;
        o.location = {header.group_id, one->object_id};
        o.subgroup = header.id_mode == moqt::subgroup_id_mode::present ? header.subgroup_id : 0;
        if (header.id_mode == moqt::subgroup_id_mode::first_object)
            o.subgroup = out.objects.empty() ? one->object_id : out.objects.front().subgroup;
        o.status = one->status;
        o.priority = header.publisher_priority;
        o.properties.assign(one->properties.begin(), one->properties.end());
        o.payload.assign(one->payload.begin(), one->payload.end());
        out.objects.push_back(std::move(o));
    }
    return out;
}

std::vector<seen_object> objects_of(const side& at, moqt::track_alias alias) {
    std::vector<seen_object> out;
    for (const auto& [id, stream] : at.streams) {
        if (!moqt::is_unidirectional(id) || id == at.their_control) continue;
        auto all = read_subgroup(at.rules(), id, stream.data);
        if (!all || all->alias != alias) continue;
        for (auto& o : all->objects)
            out.push_back(std::move(o));
    }
    for (const auto& data : at.datagrams) {
        const auto one = moqt::parse_datagram(at.rules(), data);
        if (!one || !*one || (*one)->track_alias != alias) continue;
        const auto& m = **one;
        seen_object o;
        o.location = {m.group_id, m.object_id};
        o.status = m.status.value_or(moqt::object_status::normal);
        o.priority = m.publisher_priority;
        o.is_datagram = true;
        o.properties.assign(m.properties.begin(), m.properties.end());
        o.payload.assign(m.payload.begin(), m.payload.end());
        out.push_back(std::move(o));
    }
    return out;
}

std::optional<seen_fetch> fetched(const side& at, moqt::request_id id, moqt::group_order order) {
    for (const auto& [stream_id, stream] : at.streams) {
        if (!moqt::is_unidirectional(stream_id) || stream_id == at.their_control) continue;
        reader io{at.rules(), bytes{stream.data}};
        std::uint64_t type = 0;
        io.varint("type", type);
        if (!io.ok() || type != moqt::stream_type::fetch) continue;
        moqt::fetch_header header;
        moqt::fetch_header::describe(io, header);
        if (!io.ok() || header.request_id != id) continue;
        seen_fetch out;
        out.stream = stream_id;
        moqt::fetch_sequence sequence{at.rules(), order};
        bool first = true;
        while (io.left() != 0) {
            moqt::fetch_object_header wire;
            moqt::fetch_object_header::describe(io, wire);
            const bool ends = moqt::is_range_end(at.rules(), wire.flags);
            bytes payload;
            if (io.ok() && !ends)
                io.raw("payload", payload, static_cast<std::size_t>(wire.payload_length));
            if (!io.ok()) {
                out.broken = io.failure().code != errc::truncated;
                break;
            }
            if (std::exchange(first, false)) out.first_flags = wire.flags;
            moqt::object place;
            if (!sequence.resolve(wire, place)) {
                out.broken = true;
                break;
            }
            if (ends) {
                ++out.ends;
                continue;
            }
            seen_object o;
            o.stream = stream_id;
            o.location = place.location;
            o.subgroup = place.subgroup_id;
            o.status = place.status;
            o.priority = place.publisher_priority;
            o.is_datagram = place.forwarding == moqt::forwarding_preference::datagram;
            o.properties.assign(wire.properties.begin(), wire.properties.end());
            o.payload.assign(payload.begin(), payload.end());
            out.objects.push_back(std::move(o));
        }
        return out;
    }
    return std::nullopt;
}

} // namespace moqrtc::conformance
