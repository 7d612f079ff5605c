#pragma once

#include "json_fields.hpp"

#include <moqrtc/moqt/data/datagram.hpp>
#include <moqrtc/moqt/data/stream_reader.hpp>

/// Data streams and datagrams as JSON, both ways. What a field is called there is the drafts' word;
/// a stream's `objects` stand in the order of the stream.
namespace moqrtc::moqt::vectors {

/// The schema's words for a codec's failure.
[[nodiscard]] inline std::string category(errc code) {
    switch (code) {
    case errc::truncated:
        return "incomplete";
    case errc::duplicate:
        return "duplicate_parameter";
    case errc::unknown_type:
    case errc::malformed_value:
        return "invalid_parameter";
    default:
        return "invalid_value";
    }
}

/// What cannot be read, with the codec's error.
struct unreadable {
    error why;
};

inline void check(const auto& outcome) {
    if (!outcome) throw unreadable{outcome.error()};
}

[[nodiscard]] inline std::uint64_t number_of(const json& in, const char* name) {
    return std::stoull(in.at(name).get<std::string>());
}
[[nodiscard]] inline bool flag_of(const json& in, const char* name) {
    return in.value(name, std::string{"0"}) == "1";
}
[[nodiscard]] inline std::vector<std::byte> bytes_of(const json& in, const char* name) {
    const auto found = hex_decode(in.at(name).get<std::string>());
    if (!found) throw std::runtime_error{"not hexadecimal"};
    return *found;
}

[[nodiscard]] inline json json_of(const object& m) {
    json out{{"object_id", std::to_string(m.location.object)}};
    if (!m.properties.empty()) out["properties"] = hex_encode(m.properties);
    if (m.status != object_status::normal)
        out["object_status"] = std::to_string(static_cast<unsigned>(m.status));
    out["payload"] = hex_encode(m.payload);
    return out;
}
[[nodiscard]] inline object object_of(const json& in, buffer_pool& pool) {
    object out;
    out.location.object = number_of(in, "object_id");
    if (in.contains("group_id")) out.location.group = number_of(in, "group_id");
    if (in.contains("properties")) out.properties = slice::copy(pool, bytes_of(in, "properties"));
    if (in.contains("object_status"))
        out.status = static_cast<object_status>(number_of(in, "object_status"));
    out.payload = slice::copy(pool, bytes_of(in, "payload"));
    return out;
}

/// A SUBGROUP_HEADER or FETCH_HEADER with what follows it, type included.
[[nodiscard]] inline json decoded_stream(const wire_rules& rules, bytes in,
                                         group_order order = group_order::ascending) {
    buffer_pool pool;
    const auto type = decode_varint(rules.varint, in.data(), in.size());
    if (type.size == 0) throw unreadable{{errc::truncated, 0, "type", ""}};
    in = in.subspan(type.size);
    auto reader = stream_reader::create(rules, type.value, order);
    check(reader);
    json out;
    auto objects = json::array();
    for (;;) {
        auto next = reader->next(in, pool);
        check(next);
        if (!*next) break;
        const auto& item = **next;
        const auto& at = item.object.location;
        switch (item.what) {
        case stream_item::kind::subgroup_header: {
            const auto& h = reader->header();
            out["track_alias"] = std::to_string(h.track_alias);
            out["group_id"] = std::to_string(h.group_id);
            out["subgroup_id"] = h.id_mode == subgroup_id_mode::present
                                     ? std::to_string(h.subgroup_id)
                                 : h.id_mode == subgroup_id_mode::zero ? "zero"
                                                                       : "first object";
            if (h.publisher_priority)
                out["publisher_priority"] = std::to_string(*h.publisher_priority);
            for (const auto& [name, set] : {std::pair{"has_properties", h.properties},
                                            std::pair{"end_of_group", h.end_of_group},
                                            std::pair{"first_object", h.first_object}})
                if (set) out[name] = "1";
            break;
        }
        case stream_item::kind::fetch_header:
            out["request_id"] = std::to_string(item.request_id);
            if (order == group_order::descending) out["group_order"] = "2";
            break;
        case stream_item::kind::object: {
            auto one = json_of(item.object);
            if (reader->kind() == stream_kind::fetch) {
                one["group_id"] = std::to_string(at.group);
                one["publisher_priority"] = std::to_string(item.object.publisher_priority);
                if (item.object.forwarding == forwarding_preference::datagram)
                    one["datagram"] = "1";
                else
                    one["subgroup_id"] = std::to_string(item.object.subgroup_id);
            }
            objects.push_back(one);
            break;
        }
        case stream_item::kind::end_of_range:
            objects.push_back({{"end_of_range", std::to_string(static_cast<unsigned>(item.range))},
                               {"group_id", std::to_string(at.group)},
                               {"object_id", std::to_string(at.object)}});
            break;
        }
    }
    check(reader->finish());
    out["objects"] = objects;
    return out;
}

inline void append(std::vector<std::byte>& to, bytes more) {
    to.insert(to.end(), more.begin(), more.end());
}

[[nodiscard]] inline std::vector<std::byte> encoded_subgroup(const wire_rules& rules,
                                                             const json& in) {
    buffer_pool pool;
    const auto id = in.at("subgroup_id").get<std::string>();
    subgroup_header header{.track_alias = number_of(in, "track_alias"),
                           .group_id = number_of(in, "group_id"),
                           .id_mode = id == "zero"           ? subgroup_id_mode::zero
                                      : id == "first object" ? subgroup_id_mode::first_object
                                                             : subgroup_id_mode::present,
                           .properties = flag_of(in, "has_properties"),
                           .end_of_group = flag_of(in, "end_of_group"),
                           .first_object = flag_of(in, "first_object")};
    if (header.id_mode == subgroup_id_mode::present) header.subgroup_id = std::stoull(id);
    if (in.contains("publisher_priority"))
        header.publisher_priority = static_cast<priority>(number_of(in, "publisher_priority"));
    std::vector<std::byte> out;
    std::array<std::byte, 300> head{};
    const auto size = encode_subgroup_header(rules, header, head);
    check(size);
    append(out, bytes{head}.first(*size));
    std::optional<std::uint64_t> previous;
    for (const auto& one : in.at("objects")) {
        const auto item = object_of(one, pool);
        const auto front = encode_subgroup_object_header(rules, header, previous, item, head);
        check(front);
        append(out, bytes{head}.first(*front));
        append(out, item.payload);
        previous = item.location.object;
    }
    return out;
}

[[nodiscard]] inline std::vector<std::byte> encoded_fetch(const wire_rules& rules, const json& in) {
    buffer_pool pool;
    std::vector<std::byte> out;
    std::array<std::byte, 300> head{};
    const auto size = encode_fetch_header(rules, {number_of(in, "request_id")}, head);
    check(size);
    append(out, bytes{head}.first(*size));
    fetch_sequence sequence{rules, in.contains("group_order") ? group_order::descending
                                                              : group_order::ascending};
    for (const auto& one : in.at("objects")) {
        if (one.contains("end_of_range")) {
            const auto end = sequence.encode_range_end(
                static_cast<range_end>(number_of(one, "end_of_range")),
                {number_of(one, "group_id"), number_of(one, "object_id")}, head);
            check(end);
            append(out, bytes{head}.first(*end));
            continue;
        }
        auto item = object_of(one, pool);
        item.publisher_priority = static_cast<priority>(number_of(one, "publisher_priority"));
        if (flag_of(one, "datagram"))
            item.forwarding = forwarding_preference::datagram;
        else
            item.subgroup_id = number_of(one, "subgroup_id");
        const auto front = sequence.encode(item, head);
        check(front);
        append(out, bytes{head}.first(*front));
        append(out, item.payload);
    }
    return out;
}

[[nodiscard]] inline json decoded_datagram(const wire_rules& rules, bytes in) {
    const auto parsed = parse_datagram(rules, in);
    check(parsed);
    if (!*parsed) return {{"padding", std::to_string(in.size())}};
    const auto& m = **parsed;
    json out{{"track_alias", std::to_string(m.track_alias)},
             {"group_id", std::to_string(m.group_id)}};
    if (!m.zero_object_id) out["object_id"] = std::to_string(m.object_id);
    if (m.publisher_priority) out["publisher_priority"] = std::to_string(*m.publisher_priority);
    if (m.end_of_group) out["end_of_group"] = "1";
    if (!m.properties.empty()) out["properties"] = hex_encode(m.properties);
    if (m.status)
        out["object_status"] = std::to_string(static_cast<unsigned>(*m.status));
    else
        out["payload"] = hex_encode(m.payload);
    return out;
}

[[nodiscard]] inline std::vector<std::byte> encoded_datagram(const wire_rules& rules,
                                                             const json& in) {
    std::vector<std::byte> out(300);
    if (in.contains("padding")) {
        out.resize(number_of(in, "padding"));
        check(fill_padding_datagram(rules, out));
        return out;
    }
    object_datagram m;
    m.track_alias = number_of(in, "track_alias");
    m.group_id = number_of(in, "group_id");
    m.zero_object_id = !in.contains("object_id");
    if (!m.zero_object_id) m.object_id = number_of(in, "object_id");
    if (in.contains("publisher_priority"))
        m.publisher_priority = static_cast<priority>(number_of(in, "publisher_priority"));
    m.end_of_group = flag_of(in, "end_of_group");
    std::vector<std::byte> properties;
    std::vector<std::byte> payload;
    if (in.contains("properties")) m.properties = properties = bytes_of(in, "properties");
    if (in.contains("object_status"))
        m.status = static_cast<object_status>(number_of(in, "object_status"));
    else
        m.payload = payload = bytes_of(in, "payload");
    const auto size = serialize_datagram(rules, m, out);
    check(size);
    out.resize(*size);
    return out;
}

} // namespace moqrtc::moqt::vectors
