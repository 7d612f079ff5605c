#pragma once

#include "stream_fields.hpp"

#include <moqrtc/core/sampler.hpp>

#include <map>

/// Vectors of data streams and datagrams: every type that a draft defines, with objects of every
/// form behind it, and what must not be read.
namespace moqrtc::moqt::vectors {

/// Key-Value-Pairs in the encoding of a draft, in hexadecimal.
[[nodiscard]] inline std::string properties_of(const wire_rules& rules,
                                               const std::vector<key_value>& pairs) {
    std::array<std::byte, 200> out{};
    key_value_writer written{rules, out};
    for (const auto& pair : pairs)
        written.put(pair);
    const auto size = written.size();
    check(size);
    return hex_encode(bytes{out}.first(*size));
}

/// A file of one kind of stream or datagram; `decode` is what the tests check it with.
class stream_file {
public:
    using decoder = json (*)(const wire_rules&, bytes, group_order);

    stream_file(const wire_rules& rules, const char* type, const char* section, decoder decode)
        : rules_{&rules},
          decode_{decode},
          file_{{"message_type", type}, {"spec_section", section}, {"vectors", json::array()}} {}

    void valid(const std::string& id, const std::string& what, bytes wire,
               group_order order = group_order::ascending) {
        file_["vectors"].push_back({{"id", id},
                                    {"description", what},
                                    {"hex", hex_encode(wire)},
                                    {"decoded", decode_(*rules_, wire, order)}});
    }
    void invalid(const std::string& id, const std::string& what, const std::string& hex) {
        const auto wire = hex_decode(hex);
        if (!wire) throw std::runtime_error{"not hexadecimal: " + hex};
        try {
            (void)decode_(*rules_, *wire, group_order::ascending);
        } catch (const unreadable& failure) {
            file_["vectors"].push_back({{"id", id},
                                        {"description", what},
                                        {"hex", hex},
                                        {"error", category(failure.why.code)}});
            return;
        }
        throw std::runtime_error{id + " can be read"};
    }
    [[nodiscard]] std::string text() const { return file_.dump(1) + "\n"; }

private:
    const wire_rules* rules_;
    decoder decode_;
    json file_;
};

[[nodiscard]] inline std::string subgroup_vectors(const wire_rules& rules) {
    stream_file file{rules, "subgroup_stream", "subgroup-header", decoded_stream};
    sampler numbers{rules, 20, {}};
    const auto number = [&] { return std::to_string(numbers.any_varint()); };
    const auto unknown = properties_of(rules, {{8, 10, {}}, {9, 0, as_bytes("*")}});
    const auto gaps = properties_of(
        rules, {{property::prior_group_id_gap, 2, {}}, {property::prior_object_id_gap, 1, {}}});
    const auto inside = properties_of(rules, {{8, 10, {}}});
    const auto block = properties_of(rules, {{property::immutable, 0, *hex_decode(inside)}});
    for (std::uint64_t type = 0; type < 0x80; ++type) {
        if (classify_stream(rules, type) != stream_kind::subgroup) continue;
        const auto header = subgroup_header::of_type(type);
        json in{{"track_alias", number()},
                {"group_id", number()},
                {"subgroup_id", header.id_mode == subgroup_id_mode::zero           ? "zero"
                                : header.id_mode == subgroup_id_mode::first_object ? "first object"
                                                                                   : number()}};
        if (header.publisher_priority) in["publisher_priority"] = std::to_string(type + 100);
        if (header.properties) in["has_properties"] = "1";
        if (header.end_of_group) in["end_of_group"] = "1";
        if (header.first_object) in["first_object"] = "1";
        auto objects = json::array({{{"object_id", "3"}, {"payload", "00ff"}},
                                    {{"object_id", "4"}, {"payload", ""}},
                                    {{"object_id", "70"}, {"payload", "2a"}}});
        if (header.properties) {
            objects[0]["properties"] = unknown;
            objects[1]["properties"] = gaps;
            objects[2]["properties"] = block;
        }
        if (rules.object_does_not_exist)
            objects.push_back({{"object_id", "71"}, {"object_status", "1"}, {"payload", ""}});
        objects.push_back({{"object_id", "72"}, {"object_status", "3"}, {"payload", ""}});
        objects.push_back({{"object_id", "73"}, {"object_status", "4"}, {"payload", ""}});
        if (header.properties && rules.properties_on_ends) objects.back()["properties"] = unknown;
        in["objects"] = objects;
        char name[16];
        std::snprintf(name, sizeof name, "type-0x%02x", static_cast<unsigned>(type));
        file.valid(name, "a subgroup's stream of this type", encoded_subgroup(rules, in));
    }
    file.invalid("reserved-id-mode", "both bits of the subgroup ID mode", "16010080");
    file.invalid("type-0x80", "a type that no draft defines",
                 hex_encode([&] {
                     static std::array<std::byte, 9> out{};
                     return bytes{out}.first(encode_varint(rules.varint, 0x80, out.data()));
                 }()) +
                     "010080");
    file.invalid("ends-in-header", "FIN behind the group", "100100");
    file.invalid("ends-in-object", "FIN inside of a payload", "10010080000401");
    file.invalid("status-0x2", "an object status that no draft defines", "10010080000002");
    if (!rules.object_does_not_exist)
        file.invalid("status-0x1", "Object Does Not Exist, which is gone", "10010080000001");
    if (!rules.properties_on_ends)
        file.invalid("properties-on-end-of-group", "only a normal object has properties",
                     "1101008000"
                     "02080a"
                     "0003");
    return file.text();
}

[[nodiscard]] inline std::string fetch_vectors(const wire_rules& rules) {
    stream_file file{rules, "fetch_stream", "fetch-header", decoded_stream};
    const auto object = [](unsigned group, unsigned id, unsigned subgroup, unsigned shown) {
        return json{{"object_id", std::to_string(id)},
                    {"payload", "2a"},
                    {"group_id", std::to_string(group)},
                    {"publisher_priority", std::to_string(shown)},
                    {"subgroup_id", std::to_string(subgroup)}};
    };
    const auto end = [](range_end what, unsigned group, unsigned id) {
        return json{{"end_of_range", std::to_string(static_cast<unsigned>(what))},
                    {"group_id", std::to_string(group)},
                    {"object_id", std::to_string(id)}};
    };
    const auto add = [&](const char* id, const char* what, json objects,
                         group_order order = group_order::ascending) {
        json in{{"request_id", "300"}, {"objects", std::move(objects)}};
        if (order == group_order::descending) in["group_order"] = "2";
        file.valid(id, what, encoded_fetch(rules, in), order);
    };
    add("no-objects", "nothing in the range: header and FIN", json::array());
    auto with_properties = object(2, 9, 7, 1);
    with_properties["properties"] = properties_of(rules, {{8, 10, {}}, {9, 0, as_bytes("*")}});
    add("subgroup-modes", "subgroup 0, the next, the same, any other; then priority and properties",
        json::array({object(1, 0, 0, 128), object(1, 1, 1, 128), object(1, 2, 1, 128),
                     object(1, 4, 7, 128), object(2, 0, 7, 1), with_properties}));
    add("groups-descending", "groups come from last to first",
        json::array(
            {object(9, 0, 0, 4), object(9, 1, 0, 4), object(8, 0, 0, 4), object(2, 300, 5, 4)}),
        group_order::descending);
    if (fetch_object_header::has_status(rules)) {
        auto last = object(5, 3, 0, 128);
        last["object_status"] = "3";
        last["payload"] = "";
        auto empty = object(5, 2, 0, 128);
        empty["payload"] = "";
        add("statuses", "an empty object and the end of a group", json::array({empty, last}));
    }
    if (is_range_end(rules, fetch_bits::end_of_unknown_range)) {
        auto alone = object(4, 1, 0, 9);
        alone.erase("subgroup_id");
        alone["datagram"] = "1";
        auto ends = json::array({end(range_end::non_existent, 2, 5), object(3, 0, 2, 9), alone,
                                 end(range_end::unknown, 5, 0)});
        if (rules.timed_out_range) ends.push_back(end(range_end::timed_out, 6, 1));
        ends.push_back(object(7, 0, 2, 9));
        add("ends-of-ranges", "ranges without objects, and an object with the preference datagram",
            ends);
    }
    const bool plain = rules.fetch_objects == fetch_form::plain;
    if (!plain) {
        file.invalid("first-without-group", "the first object refers to one before it",
                     "0502"
                     "1400800100");
        file.invalid("first-without-priority", "the first object refers to one before it",
                     "0502"
                     "0c000001ff");
    }
    file.invalid("ends-in-object", "FIN inside of a payload",
                 plain ? "0502"
                         "0000008000"
                         "0401"
                       : "0502"
                         "1c000080"
                         "0401");
    return file.text();
}

[[nodiscard]] inline std::string datagram_vectors(const wire_rules& rules) {
    stream_file file{
        rules, "object_datagram", "object-datagram",
        [](const wire_rules& r, bytes in, group_order) { return decoded_datagram(r, in); }};
    namespace bits = datagram_bits;
    sampler numbers{rules, 21, {}};
    const auto number = [&] { return std::to_string(numbers.any_varint()); };
    for (std::uint64_t type = 0; type < 0x40; ++type) {
        if (!is_object_datagram(rules, type)) continue;
        json in{{"track_alias", number()}, {"group_id", number()}};
        if ((type & bits::zero_object_id) == 0) in["object_id"] = number();
        if ((type & bits::default_priority) == 0) in["publisher_priority"] = "7";
        if ((type & bits::end_of_group) != 0) in["end_of_group"] = "1";
        if ((type & bits::properties) != 0)
            in["properties"] = properties_of(rules, {{8, 10, {}}, {9, 0, as_bytes("*")}});
        const bool end = (type & bits::properties) == 0 || rules.properties_on_ends;
        if ((type & bits::status) != 0)
            in["object_status"] = end ? "4" : "0";
        else
            in["payload"] = "00ff";
        char name[16];
        std::snprintf(name, sizeof name, "type-0x%02x", static_cast<unsigned>(type));
        file.valid(name, "a datagram of this type", encoded_datagram(rules, in));
    }
    file.valid("empty-payload", "an object without a byte",
               encoded_datagram(rules, {{"track_alias", "1"},
                                        {"group_id", "2"},
                                        {"object_id", "3"},
                                        {"publisher_priority", "4"},
                                        {"payload", ""}}));
    if (rules.padding)
        file.valid("padding", "thrown away", encoded_datagram(rules, {{"padding", "20"}}));
    file.invalid("type-0x10", "a type that no draft defines", "1001000080ff");
    file.invalid("status-with-end-of-group", "0x22 is no type", "220100008003");
    if (!rules.default_priority_bit)
        file.invalid("type-0x08", "the priority cannot be left out", "08010000ff");
    file.invalid("empty-properties", "a block of properties that is announced has some",
                 "01010000"
                 "8000"
                 "ff");
    file.invalid("status-0x2", "an object status that no draft defines", "200100008002");
    file.invalid("ends-in-header", "shorter than its fields", "0001");
    return file.text();
}

inline void add_stream_vectors(std::map<std::string, std::string>& out) {
    for (const auto d : all_drafts) {
        const auto& rules = rules_for(d);
        const auto folder = "tests/vectors/draft" + std::to_string(number(d)) + "/sampled/";
        out[folder + "subgroup_stream.json"] = subgroup_vectors(rules);
        out[folder + "fetch_stream.json"] = fetch_vectors(rules);
        out[folder + "object_datagram.json"] = datagram_vectors(rules);
    }
}

} // namespace moqrtc::moqt::vectors
