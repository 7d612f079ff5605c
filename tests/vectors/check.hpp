#pragma once

#include "message_fields.hpp"
#include "stream_fields.hpp"

#include <moqrtc/core/hex.hpp>

#include <array>
#include <set>
#include <string>
#include <vector>

/// Codec vectors in their JSON format, read, written and compared.
namespace moqrtc::moqt::vectors {

/// What is wrong with a vector of one message type; empty when nothing is.
template <class M>
[[nodiscard]] std::string problem_of(const wire_rules& rules, bytes whole, const json& vector) {
    const auto type = decode_varint(rules.varint, whole.data(), whole.size());
    if (type.value != M::code(rules)) return "another message type";
    if (whole.size() < type.size + 2) return "no room for the length";
    const auto body = whole.subspan(type.size + 2);
    const bool bad = vector.contains("error");
    if (load_be<2>(whole.subspan(type.size)) != body.size())
        return bad ? "" : "the length is not the body's";
    const auto parsed = parse<M>(rules, body);
    if (bad) {
        if (parsed) return "parses, and should not";
        const auto is = category(parsed.error().code);
        const auto should = vector["error"].get<std::string>();
        return is == should ? "" : is + " in " + parsed.error().field + ", not " + should;
    }
    if (!parsed) return std::string{to_string(parsed.error().code)} + " in " + parsed.error().field;
    if (const auto is = decoded(rules, *parsed); is != vector["decoded"])
        return "decoded as " + is.dump();
    from_json::storage kept;
    from_json io{rules, vector["decoded"], kept};
    M built{};
    fields(io, built);
    if (decoded(rules, built) != vector["decoded"]) return "the fields cannot be read";
    std::vector<std::byte> written(framed_size(rules, built));
    const auto size = serialize_framed(rules, built, written);
    if (!size) return "cannot be written";
    written.resize(*size);
    const bool same = hex_encode(written) == vector["hex"].get<std::string>();
    if (same != vector.value("canonical", true))
        return same ? "canonical, and should not be" : "written otherwise";
    return "";
}

[[nodiscard]] inline std::string problem_of_integer(const wire_rules& rules, bytes whole,
                                                    const json& vector) {
    const auto got = decode_varint(rules.varint, whole.data(), whole.size());
    if (vector.contains("error")) return got.size == 0 ? "" : "decodes, and should not";
    if (got.size != whole.size()) return "another length";
    if (std::to_string(got.value) != vector["decoded"]["value"].get<std::string>())
        return "decoded as " + std::to_string(got.value);
    std::array<std::byte, 9> out{};
    const auto size = encode_varint(rules.varint, got.value, out.data());
    return equal(bytes{out}.first(size), whole) == vector.value("canonical", true)
               ? ""
               : "canonical or not, the other way round";
}

/// Data streams and datagrams.
[[nodiscard]] inline std::string problem_of_data(const wire_rules& rules, const std::string& type,
                                                 bytes whole, const json& vector) {
    const bool descending = vector.contains("decoded") && vector["decoded"].contains("group_order");
    try {
        const auto read =
            type == "object_datagram"
                ? decoded_datagram(rules, whole)
                : decoded_stream(rules, whole,
                                 descending ? group_order::descending : group_order::ascending);
        if (!vector.contains("decoded")) return "parses, and should not";
        if (read != vector["decoded"]) return "decoded as " + read.dump();
    } catch (const unreadable& failure) {
        const auto is = category(failure.why.code);
        if (!vector.contains("error")) return is + " in " + failure.why.field;
        const auto should = vector["error"].get<std::string>();
        return is == should ? "" : is + " in " + failure.why.field + ", not " + should;
    }
    const auto& value = vector["decoded"];
    const auto written = type == "object_datagram"   ? encoded_datagram(rules, value)
                         : type == "subgroup_stream" ? encoded_subgroup(rules, value)
                                                     : encoded_fetch(rules, value);
    const bool same = hex_encode(written) == vector["hex"].get<std::string>();
    if (same == vector.value("canonical", true)) return "";
    return same ? "canonical, and should not be" : "written otherwise";
}

/// What came of a file.
struct checked {
    std::size_t vectors = 0;
    std::size_t unknown = 0;             ///< of a type that the library has none for
    std::vector<std::string> problems{}; ///< `identifier: what is wrong`
};
[[nodiscard]] inline checked check_file(const wire_rules& rules, const json& file) {
    checked out;
    // Both `subscribe_ok` and `subscribe-ok` are written.
    auto type = file.value("message_type", std::string{});
    for (auto& c : type)
        if (c == '-') c = '_';
    std::set<std::string> ids;
    for (const auto& vector : file["vectors"]) {
        const auto id = type + " " + vector["id"].get<std::string>();
        ++out.vectors;
        if (!ids.insert(id).second) out.problems.push_back(id + ": the identifier stands twice");
        if (vector.contains("decoded") == vector.contains("error"))
            out.problems.push_back(id + ": either decoded or error");
        const auto whole = hex_decode(vector["hex"].get<std::string>());
        if (!whole) {
            out.problems.push_back(id + ": no hexadecimal digits");
            continue;
        }
        bool found = type == "varint";
        std::string problem;
        if (found) problem = problem_of_integer(rules, *whole, vector);
        if (type == "subgroup_stream" || type == "fetch_stream" || type == "object_datagram") {
            found = true;
            problem = problem_of_data(rules, type, *whole, vector);
        }
        msg::all::for_each([&]<class M> {
            if (lower(M::name) != type || M::code(rules) == no_code || found) return;
            found = true;
            problem = problem_of<M>(rules, *whole, vector);
        });
        if (!found) ++out.unknown;
        if (!problem.empty()) out.problems.push_back(id + ": " + problem);
    }
    return out;
}

} // namespace moqrtc::moqt::vectors
