#pragma once

#include "generated_streams.hpp"
#include "message_fields.hpp"

#include <array>
#include <cstdio>
#include <map>

/// Everything in the tree that is made from the code: sampled vectors, fuzzing seeds, tables of the
/// documents. `generate` writes it, a test holds it against what is there.
namespace moqrtc::moqt::vectors {

/// Path from the root of the tree, and content.
using files = std::map<std::string, std::string>;

/// Bytes that samples are cut from: text, then numbers of which half are not text.
inline constexpr auto sample_source = [] {
    std::array<std::byte, 200> out{};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::byte>(i < 150 ? 'a' + i % 26 : i + 60);
    return out;
}();

template <class M>
[[nodiscard]] std::vector<std::byte> framed(const wire_rules& rules, const M& message) {
    std::vector<std::byte> out(framed_size(rules, message));
    const auto size = serialize_framed(rules, message, out);
    if (!size || *size != out.size()) throw std::runtime_error{"a sample does not serialize"};
    return out;
}

[[nodiscard]] inline std::string hexadecimal(std::uint64_t number, int digits = 1) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%0*llx", digits, static_cast<unsigned long long>(number));
    return text;
}

/// The part of `where` behind the comma: the section's anchor in every draft.
template <class M>
[[nodiscard]] std::string anchor() {
    const std::string_view where{M::where};
    return std::string{where.substr(where.find(", ") + 2)};
}

/// What a body says, as the codec reads it.
template <class M>
[[nodiscard]] json vector_of(const wire_rules& rules, const std::string& id,
                             const std::string& what, const M& message) {
    const auto wire = framed(rules, message);
    const auto body = bytes{wire}.subspan(varint_size(rules.varint, M::code(rules)) + 2);
    const auto read = parse<M>(rules, body);
    if (!read) throw std::runtime_error{"a sample cannot be read"};
    return {{"id", id},
            {"description", what},
            {"hex", hex_encode(wire)},
            {"decoded", decoded(rules, *read)}};
}

/// Each parameter that the message can carry, alone.
template <class M>
void add_parameters(const wire_rules& rules, json& to) {
    for (std::size_t p = 0; p < parameter_count; ++p) {
        const auto& rule = rule_of(static_cast<parameter>(p));
        bool found = rules.fixed_request_fields && rule.fixed; // each sample has those
        for (std::uint64_t seed = 1; seed <= 64 && !found; ++seed) {
            auto message = sample<M>(rules, seed * 31, sample_source);
            message_params::for_each(message.params, [&](parameter id, auto& member) {
                if (id == rule.id) found = detail::occurrences(member) != 0;
                if (id != rule.id && !(rules.fixed_request_fields && rule_of(id).fixed))
                    member = {};
            });
            if (!found) continue;
            if constexpr (requires { message.properties; }) message.properties = {};
            to.push_back(vector_of(rules, std::string{"parameter-"} + rule.name,
                                   "this parameter alone", message));
        }
    }
}

/// Each setup option alone.
template <class M>
void add_options(const wire_rules& rules, json& to) {
    std::vector<std::string> names;
    setup_options none;
    setup_options::for_each(
        none, rules, [&](std::uint64_t, const char* name, auto&) { names.emplace_back(name); });
    for (const auto& wanted : names) {
        bool found = false;
        for (std::uint64_t seed = 1; seed <= 64 && !found; ++seed) {
            auto message = sample<M>(rules, seed * 31, sample_source);
            setup_options::for_each(message.options, rules,
                                    [&](std::uint64_t, const char* name, auto& member) {
                                        if (name == wanted)
                                            found = detail::occurrences(member) != 0;
                                        else
                                            member = {};
                                    });
            if (found)
                to.push_back(vector_of(rules, "option-" + wanted, "this option alone", message));
        }
    }
}

/// Each property that a track can have, alone, then an unknown one of either parity.
template <class M>
void add_track_properties(const wire_rules& rules, json& to) {
    const auto inside = hex_decode(properties_of(rules, {{property::dynamic_groups, 1, {}}}));
    const std::vector<std::pair<const char*, key_value>> all{
        {"object_delivery_timeout", {property::object_delivery_timeout, 1000, {}}},
        {"max_cache_duration", {property::max_cache_duration, 60000, {}}},
        {"subgroup_delivery_timeout", {property::subgroup_delivery_timeout, 2000, {}}},
        {"immutable", {property::immutable, 0, *inside}},
        {"default_publisher_priority", {property::default_publisher_priority, 200, {}}},
        {"default_publisher_group_order", {property::default_publisher_group_order, 2, {}}},
        {"dynamic_groups", {property::dynamic_groups, 1, {}}},
        {"unknown-even", {0x11c, 70000, {}}},
        {"unknown-odd", {0x9d, 0, as_bytes("odd")}}};
    for (const auto& [name, pair] : all) {
        auto message = sample<M>(rules, 5, sample_source);
        message.params = {};
        const auto block = hex_decode(properties_of(rules, {pair}));
        message.properties = *block;
        to.push_back(
            vector_of(rules, std::string{"property-"} + name, "this property alone", message));
    }
}

/// A body that is cut, and one that is too long.
template <class M>
void add_invalid(const wire_rules& rules, json& to) {
    const auto wire = framed(rules, sample<M>(rules, 7919, sample_source));
    const auto head = varint_size(rules.varint, M::code(rules)) + 2;
    const auto add = [&](const char* id, const char* what, std::vector<std::byte> changed) {
        const auto read = parse<M>(rules, bytes{changed}.subspan(head));
        if (read) return; // its last field is optional, or runs to the end
        store_be<2>(mutable_bytes{changed}.subspan(head - 2), changed.size() - head);
        to.push_back({{"id", id},
                      {"description", what},
                      {"hex", hex_encode(changed)},
                      {"error", category(read.error().code)}});
    };
    if (wire.size() > head) add("cut", "the last byte is missing", {wire.begin(), wire.end() - 1});
    auto longer = wire;
    longer.push_back(std::byte{0x2a});
    add("too-long", "a byte behind the last field", longer);
}

inline void add_vectors(files& out) {
    msg::all::for_each([&]<class M> {
        for (const auto d : all_drafts) {
            const auto& rules = rules_for(d);
            if (M::code(rules) == no_code) continue;
            json file{{"message_type", lower(M::name)},
                      {"message_type_id", hexadecimal(M::code(rules), 2)},
                      {"spec_section", anchor<M>()},
                      {"vectors", json::array()}};
            for (std::uint64_t seed = 1; seed <= 8; ++seed) {
                const auto message = sample<M>(rules, seed * 7919, sample_source);
                file["vectors"].push_back(vector_of(rules, "sample-" + std::to_string(seed),
                                                    "sampled with a fixed seed", message));
            }
            if constexpr (requires(M m) { m.params; }) add_parameters<M>(rules, file["vectors"]);
            if constexpr (requires(M m) { m.options.path; }) add_options<M>(rules, file["vectors"]);
            if constexpr (std::is_same_v<M, msg::subscribe_ok>)
                if (rules.track_properties) add_track_properties<M>(rules, file["vectors"]);
            add_invalid<M>(rules, file["vectors"]);
            out["tests/vectors/draft" + std::to_string(number(d)) + "/sampled/" + lower(M::name) +
                ".json"] = file.dump(1) + "\n";
        }
    });
}

/// Inputs of `fuzz_moqt_control`: draft, message, body.
inline void add_fuzzing_seeds(files& out) {
    for (std::size_t d = 0; d < all_drafts.size(); ++d) {
        const auto& rules = rules_for(all_drafts[d]);
        std::size_t index = 0;
        msg::all::for_each([&]<class M> {
            const auto at = index++;
            if (M::code(rules) == no_code) return;
            for (std::uint64_t seed = 1; seed <= 2; ++seed) {
                const auto message = sample<M>(rules, seed * 104729, sample_source);
                const auto wire = framed(rules, message);
                const auto body =
                    bytes{wire}.subspan(varint_size(rules.varint, M::code(rules)) + 2);
                std::string input{static_cast<char>(d), static_cast<char>(at)};
                input += as_text(body);
                out["fuzz/corpus/moqt_control/" + std::to_string(number(rules.id)) + "-" +
                    lower(M::name) + "-" + std::to_string(seed)] = input;
            }
        });
    }
}

/// The head of a table with one column a spoken draft, oldest first.
[[nodiscard]] inline std::string table_head(const std::string& first, std::size_t columns) {
    std::string head = "| " + first + " |";
    std::string line = "|";
    for (std::size_t i = 0; i < columns; ++i)
        line += "---|";
    for (auto d = spoken_drafts.rbegin(); d != spoken_drafts.rend(); ++d) {
        head += " " + std::to_string(number(*d)) + " |";
        line += "---|";
    }
    return head + "\n" + line + "\n";
}
template <class Cell>
[[nodiscard]] std::string table_row(const std::string& first, Cell&& cell) {
    std::string row = "| " + first + " |";
    for (auto d = spoken_drafts.rbegin(); d != spoken_drafts.rend(); ++d)
        row += " " + cell(rules_for(*d)) + " |";
    return row + "\n";
}

[[nodiscard]] inline std::string message_table() {
    auto out = table_head("Message | Described in", 2);
    msg::all::for_each([&]<class M> {
        bool spoken = false;
        for (const auto d : spoken_drafts)
            spoken = spoken || M::code(rules_for(d)) != no_code;
        if (!spoken) return;
        out += table_row(std::string{M::name} + " | `" + anchor<M>() + "`",
                         [](const wire_rules& rules) {
                             const auto code = M::code(rules);
                             return code == no_code ? std::string{"-"} : hexadecimal(code);
                         });
    });
    return out;
}

[[nodiscard]] inline std::string parameter_table() {
    auto out = table_head("Parameter | Type", 2);
    constexpr std::array names{"SUBSCRIBE",
                               "SUBSCRIBE_OK",
                               "PUBLISH",
                               "PUBLISH_OK",
                               "REQUEST_UPDATE (subscription)",
                               "REQUEST_UPDATE (other)",
                               "REQUEST_UPDATE_OK",
                               "FETCH",
                               "FETCH_OK",
                               "TRACK_STATUS",
                               "TRACK_STATUS_OK",
                               "PUBLISH_NAMESPACE",
                               "PUBLISH_NAMESPACE_OK",
                               "SUBSCRIBE_NAMESPACE",
                               "SUBSCRIBE_NAMESPACE_OK",
                               "SUBSCRIBE_TRACKS",
                               "SUBSCRIBE_TRACKS_OK",
                               "REQUEST_UPDATE (fetch)",
                               "REQUEST_UPDATE (prefix)",
                               "REQUEST_UPDATE (SUBSCRIBE_TRACKS)",
                               "PUBLISH_STATE_NOTIFY",
                               "FILL_PARAMETERS"};
    for (std::size_t p = 0; p < parameter_count; ++p) {
        const auto& rule = rule_of(static_cast<parameter>(p));
        out += table_row(std::string{rule.name} + " | " + hexadecimal(rule.type, 2),
                         [&](const wire_rules& rules) {
                             const auto carriers = carriers_of(rules, rule.id);
                             std::string list;
                             for (std::size_t bit = 0; bit < names.size(); ++bit)
                                 if (overlaps(carriers, static_cast<carrier>(1u << bit)))
                                     list += (list.empty() ? "" : ", ") + std::string{names[bit]};
                             return list.empty() ? std::string{"-"} : list;
                         });
    }
    return out;
}

[[nodiscard]] inline std::string code_tables() {
    std::string out;
    const auto table = [&]<class Code>(const char* title, Code, std::size_t count) {
        out += "\n### " + std::string{title} + "\n\n" + table_head("Name", 1);
        for (std::size_t i = 0; i < count; ++i) {
            const auto code = static_cast<Code>(i);
            out += table_row(std::string{to_string(code)}, [&](const wire_rules& rules) {
                return in_draft(rules, code) ? hexadecimal(to_wire(rules, code)) : std::string{"-"};
            });
        }
    };
    table("Why a session ends", close_code{}, detail::close_rows.size());
    table("Why a request is refused", request_error_code{}, detail::request_error_rows.size());
    table("Why a subscription ended", publish_done_code{}, detail::publish_done_rows.size());
    table("Why a stream was reset", reset_code{}, detail::reset_rows.size());
    return out;
}

[[nodiscard]] inline std::string capability_table() {
    struct row {
        const char* name;
        bool wire_rules::* member;
    };
    constexpr std::array rows{
        row{"control_pair", &wire_rules::control_pair},
        row{"request_streams", &wire_rules::request_streams},
        row{"namespace_streams", &wire_rules::namespace_streams},
        row{"request_credit", &wire_rules::request_credit},
        row{"required_request_delta", &wire_rules::required_request_delta},
        row{"fixed_request_fields", &wire_rules::fixed_request_fields},
        row{"unified_errors", &wire_rules::unified_errors},
        row{"retry_interval", &wire_rules::retry_interval},
        row{"redirect", &wire_rules::redirect},
        row{"publish_ok_is_request_ok", &wire_rules::publish_ok_is_request_ok},
        row{"track_properties", &wire_rules::track_properties},
        row{"request_ok_properties", &wire_rules::request_ok_properties},
        row{"namespace_done_by_id", &wire_rules::namespace_done_by_id},
        row{"unsubscribe_by_id", &wire_rules::unsubscribe_by_id},
        row{"namespace_messages", &wire_rules::namespace_messages},
        row{"subscribe_options", &wire_rules::subscribe_options},
        row{"subscribe_tracks", &wire_rules::subscribe_tracks},
        row{"publish_blocked", &wire_rules::publish_blocked},
        row{"goaway_timeout", &wire_rules::goaway_timeout},
        row{"goaway_request", &wire_rules::goaway_request},
        row{"request_goaway", &wire_rules::request_goaway},
        row{"sequential_request_ids", &wire_rules::sequential_request_ids},
        row{"several_subscriptions", &wire_rules::several_subscriptions},
        row{"empty_namespace", &wire_rules::empty_namespace},
        row{"reserved_namespaces", &wire_rules::reserved_namespaces},
        row{"mandatory_properties", &wire_rules::mandatory_properties},
        row{"default_priority_bit", &wire_rules::default_priority_bit},
        row{"first_object_bit", &wire_rules::first_object_bit},
        row{"padding", &wire_rules::padding},
        row{"object_does_not_exist", &wire_rules::object_does_not_exist},
        row{"properties_on_ends", &wire_rules::properties_on_ends},
        row{"typed_fetch", &wire_rules::typed_fetch},
        row{"fetch_end_inclusive", &wire_rules::fetch_end_inclusive},
        row{"no_objects", &wire_rules::no_objects},
        row{"timed_out_range", &wire_rules::timed_out_range},
        row{"end_of_group_bit_binds", &wire_rules::end_of_group_bit_binds},
        row{"one_forwarding_preference", &wire_rules::one_forwarding_preference},
        row{"joining_by_forward", &wire_rules::joining_by_forward},
        row{"joining_closes", &wire_rules::joining_closes},
        row{"zero_timeout_is_none", &wire_rules::zero_timeout_is_none},
        row{"subgroup_timeout", &wire_rules::subgroup_timeout},
        row{"update_all_requests", &wire_rules::update_all_requests},
        row{"updates_only_narrow", &wire_rules::updates_only_narrow},
        row{"range_filters", &wire_rules::range_filters},
        row{"fin_ends_discovery", &wire_rules::fin_ends_discovery},
        row{"publish_ok_settings", &wire_rules::publish_ok_settings},
        row{"past_filter_refused", &wire_rules::past_filter_refused},
        row{"redirect_reuses_name", &wire_rules::redirect_reuses_name},
        row{"fill", &wire_rules::fill},
        row{"state_notify", &wire_rules::state_notify},
    };
    std::string out = "| Capability |";
    for (const auto d : all_drafts)
        out += " " + std::to_string(number(d)) + " |";
    out += "\n|---|";
    for (std::size_t i = 0; i < all_drafts.size(); ++i)
        out += "---|";
    out += "\n";
    const auto line = [&](const char* name, auto&& cell) {
        out += "| " + std::string{name} + " |";
        for (const auto d : all_drafts)
            out += " " + std::string{cell(rules_for(d))} + " |";
        out += "\n";
    };
    const auto pick = [&](const char* name, auto member, auto names) {
        line(name, [&](const wire_rules& r) { return names[static_cast<std::size_t>(r.*member)]; });
    };
    line("alpn", [](const wire_rules& r) { return r.alpn; });
    pick("varint", &wire_rules::varint, std::array{"quic", "leading_ones_no7", "leading_ones"});
    pick("keys", &wire_rules::keys, std::array{"absolute", "delta"});
    pick("parameters", &wire_rules::parameters, std::array{"key_value", "typed"});
    pick("unknown_parameters", &wire_rules::unknown_parameters, std::array{"ignored", "closes"});
    pick("misplaced_parameters", &wire_rules::misplaced_parameters,
         std::array{"ignored", "closes"});
    pick("setup", &wire_rules::setup, std::array{"versions", "pair", "symmetric"});
    pick("fetch_objects", &wire_rules::fetch_objects,
         std::array{"plain", "flags_u8", "flags", "deltas"});
    pick("location_filter", &wire_rules::location_filter,
         std::array{"fields", "absolute_end", "delta_end", "counted", "untagged"});
    pick("subgroup_priority", &wire_rules::subgroup_priority,
         std::array{"nowhere", "in_fetches", "everywhere"});
    for (const auto& row : rows)
        line(row.name, [&](const wire_rules& r) { return r.*row.member ? "yes" : "-"; });
    line("version", [](const wire_rules& r) {
        return r.version == 0 ? std::string{"-"} : hexadecimal(r.version);
    });
    line("unknown_stream_count", [](const wire_rules& r) {
        return r.unknown_stream_count == UINT64_MAX ? "2^64-1" : "2^62-1";
    });
    return out;
}

/// `text` with what stands between the two marks replaced.
[[nodiscard]] inline std::string replaced(const std::string& text, const std::string& content) {
    const std::string open = "<!-- generated -->\n";
    const std::string close = "<!-- end of generated -->";
    const auto from = text.find(open);
    const auto to = text.find(close);
    if (from == std::string::npos || to == std::string::npos)
        throw std::runtime_error{"a document has lost its marks"};
    return text.substr(0, from + open.size()) + content + text.substr(to);
}

/// All generated files; `read` gives the present text of a document whose prose is by hand.
template <class Read>
[[nodiscard]] files generated_files(Read&& read) {
    files out;
    add_vectors(out);
    add_stream_vectors(out);
    add_fuzzing_seeds(out);
    out["docs/messages.md"] =
        replaced(read("docs/messages.md"), "\n## Message types\n\n" + message_table() +
                                               "\n## Message parameters\n\n" + parameter_table() +
                                               "\n## Codes\n" + code_tables() + "\n");
    out["docs/drafts.md"] = replaced(read("docs/drafts.md"), "\n" + capability_table() + "\n");
    return out;
}

} // namespace moqrtc::moqt::vectors
