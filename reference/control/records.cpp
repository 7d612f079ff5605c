#include "problem.hpp"
#include "records.hpp"
#include "secrets.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace moqrtc::reference {
namespace {

constexpr std::string_view not_stored = "-";

bool is_word(std::string_view words, std::string_view text) {
    while (!words.empty()) {
        const auto one = words.substr(0, words.find('|'));
        if (one == text) return true;
        words.remove_prefix(std::min(one.size() + 1, words.size()));
    }
    return false;
}

std::string name_of(const field& what) {
    return std::string{what.name};
}

std::string read_text(const field& what, const api_json& value) {
    if (!value.is_string()) throw wrong_field(name_of(what), "must be a string");
    auto text = value.get<std::string>();
    const auto size = static_cast<std::int64_t>(text.size());
    if (what.kind == field_kind::word) {
        if (!is_word(what.words, text))
            throw wrong_field(name_of(what), "must be one of " + std::string{what.words});
        return text;
    }
    if (size < what.least)
        throw wrong_field(name_of(what),
                          what.least == 1
                              ? "must not be empty"
                              : "must have at least " + std::to_string(what.least) + " bytes");
    if (size > what.most)
        throw wrong_field(name_of(what),
                          "must have at most " + std::to_string(what.most) + " bytes");
    if (std::ranges::any_of(text, [](unsigned char c) { return c < 32 || c == 127; }))
        throw wrong_field(name_of(what), "must not contain control characters");
    return text;
}

std::int64_t read_number(const field& what, const api_json& value) {
    const bool fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX);
    if (!fits) throw wrong_field(name_of(what), "must be a whole number");
    const auto number = value.get<std::int64_t>();
    if (number < what.least || number > what.most)
        throw wrong_field(name_of(what), "must be from " + std::to_string(what.least) + " to " +
                                             std::to_string(what.most));
    return number;
}

std::string read_list(const field& what, const api_json& value) {
    if (!value.is_array() ||
        !std::ranges::all_of(value, [](const api_json& one) { return one.is_string(); }))
        throw wrong_field(name_of(what), "must be a list of strings");
    const auto size = static_cast<std::int64_t>(value.size());
    if (size < what.least || size > what.most)
        throw wrong_field(name_of(what), "must have from " + std::to_string(what.least) + " to " +
                                             std::to_string(what.most) + " entries");
    for (const auto& one : value)
        if (!is_word(what.words, one.get_ref<const std::string&>()))
            throw wrong_field(name_of(what), "each must be one of " + std::string{what.words});
    return value.dump();
}

stored_value read_value(const field& what, const api_json& value) {
    if (what.nullable && value.is_null()) return nullptr;
    switch (what.kind) {
    case field_kind::text:
    case field_kind::word:
        return read_text(what, value);
    case field_kind::integer:
    case field_kind::time:
        return read_number(what, value);
    case field_kind::boolean:
        if (!value.is_boolean()) throw wrong_field(name_of(what), "must be true or false");
        return std::int64_t{value.get<bool>()};
    case field_kind::list:
        return read_list(what, value);
    case field_kind::object: {
        if (!value.is_object()) throw wrong_field(name_of(what), "must be an object");
        auto text = value.dump();
        if (static_cast<std::int64_t>(text.size()) > what.most)
            throw wrong_field(name_of(what),
                              "must have at most " + std::to_string(what.most) + " bytes");
        return text;
    }
    }
    return nullptr;
}

api_json standard_of(const field& what) {
    const bool plain = what.kind == field_kind::text || what.kind == field_kind::word;
    return plain ? api_json(what.standard) : api_json::parse(what.standard);
}

api_json show_value(const field& what, const stored_value& value) {
    if (std::holds_alternative<std::nullptr_t>(value)) return nullptr;
    const auto* text = std::get_if<std::string>(&value);
    switch (what.kind) {
    case field_kind::boolean:
        return text == nullptr && std::get<std::int64_t>(value) != 0;
    case field_kind::list:
    case field_kind::object:
        return text == nullptr ? api_json{} : api_json::parse(*text, nullptr, false);
    default:
        return text == nullptr ? api_json(std::get<std::int64_t>(value)) : api_json(*text);
    }
}

bool is_shown(const field& one) {
    return one.use != field_use::hidden && one.stored() != not_stored;
}

std::string shown_columns(const resource& what) {
    std::string out = what.owned ? "id, org" : "id";
    for (const auto& one : what.fields)
        if (is_shown(one)) out.append(", ").append(one.stored());
    return out + ", created";
}

api_json show(const resource& what, const statement& row) {
    api_json out;
    int column = 0;
    out["id"] = row.text(column++);
    if (what.owned) out["org"] = row.text(column++);
    for (const auto& one : what.fields)
        if (is_shown(one)) out[one.name] = show_value(one, row.value(column++));
    out["created"] = row.integer(column);
    return out;
}

/// `?1` is the organisation.
std::string_view belongs(const resource& what) {
    return what.owned ? "(?1 = '*' OR org = ?1)" : "(?1 = '*' OR id = ?1)";
}

std::string select(const resource& what, std::string_view columns, std::string_view more) {
    std::string out = "SELECT ";
    out.append(columns).append(" FROM ").append(what.table).append(" WHERE ");
    return out.append(belongs(what)).append(more);
}

std::int64_t number_of(const query_values& query, std::string_view name, std::int64_t standard,
                       std::int64_t most) {
    const auto found = query.find(name);
    if (found == query.end()) return standard;
    const auto& text = found->second;
    std::int64_t out = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (failure != std::errc{} || end != text.data() + text.size() || out < 0 || out > most)
        throw wrong_field(std::string{name}, "must be a number up to " + std::to_string(most));
    return out;
}

} // namespace

record_values read_fields(std::span<const field> fields, const api_json& body, bool making) {
    if (!body.is_object())
        throw api_problem{400, "not-an-object", "the body must be a JSON object"};
    for (const auto& [name, value] : body.items()) {
        const auto found = std::ranges::find(fields, name, &field::name);
        if (found == fields.end()) throw wrong_field(name, "is not known");
        if (!found->given()) throw wrong_field(name, "is not given by clients");
        if (!making && !found->changes()) throw wrong_field(name, "cannot be changed");
    }
    record_values out;
    for (const auto& one : fields) {
        if (!one.given()) continue;
        const auto found = body.find(one.name);
        if (found != body.end())
            out[std::string{one.column == not_stored ? one.name : one.stored()}] =
                read_value(one, *found);
        else if (making && one.required())
            throw wrong_field(name_of(one), "is missing");
        else if (making)
            out[std::string{one.column == not_stored ? one.name : one.stored()}] =
                read_value(one, standard_of(one));
    }
    return out;
}

api_json make_record(database& in, const resource& what, std::string_view org, record_values values,
                     wall_seconds now) {
    if (!values.contains("id")) values["id"] = random_id(what.prefix);
    if (what.owned) values["org"] = std::string{org};
    values["created"] = now;
    std::string names;
    std::string places;
    for (const auto& [name, value] : values) {
        names.append(names.empty() ? "" : ", ").append(name);
        places.append(places.empty() ? "?" : ", ?");
    }
    auto insert = in.prepare("INSERT INTO " + std::string{what.table} + " (" + names +
                             ") VALUES (" + places + ")");
    for (const auto& [name, value] : values)
        insert.bind(value);
    insert.run();
    auto made = find_record(in, what, every_org, std::get<std::string>(values["id"]));
    if (!made) throw storage_failure{"database: what was written is not there"};
    return std::move(*made);
}

std::optional<api_json> find_record(database& in, const resource& what, std::string_view org,
                                    std::string_view id) {
    auto asked = in.prepare(select(what, shown_columns(what), " AND id = ?2"));
    asked.bind(org).bind(id);
    if (!asked.step()) return std::nullopt;
    return show(what, asked);
}

std::optional<record_values> find_values(database& in, const resource& what, std::string_view org,
                                         std::string_view id) {
    std::vector<std::string_view> names{"id"};
    if (what.owned) names.push_back("org");
    for (const auto& one : what.fields)
        if (one.stored() != not_stored) names.push_back(one.stored());
    std::string columns;
    for (const auto& name : names)
        columns.append(columns.empty() ? "" : ", ").append(name);
    auto asked = in.prepare(select(what, columns, " AND id = ?2"));
    asked.bind(org).bind(id);
    if (!asked.step()) return std::nullopt;
    record_values out;
    for (std::size_t i = 0; i < names.size(); ++i)
        out[std::string{names[i]}] = asked.value(static_cast<int>(i));
    return out;
}

api_json list_records(database& in, const resource& what, std::string_view org,
                      const query_values& query) {
    const auto limit =
        number_of(query, "limit", static_cast<std::int64_t>(page_size), largest_page);
    if (limit == 0) throw wrong_field("limit", "must not be 0");
    const auto after = number_of(query, "after", 0, INT64_MAX);
    std::string more = " AND rowid > ?2";
    std::vector<std::string> wanted;
    for (const auto& one : what.fields) {
        if (!one.filter) continue;
        const auto found = query.find(one.name);
        if (found == query.end()) continue;
        wanted.push_back(found->second);
        more.append(" AND ").append(one.stored()).append(" = ?");
        more += std::to_string(wanted.size() + 2);
    }
    // One more than is shown tells whether there are more.
    more.append(" ORDER BY rowid LIMIT ").append(std::to_string(limit + 1));
    auto asked = in.prepare(select(what, shown_columns(what) + ", rowid", more));
    asked.bind(org).bind(after);
    for (const auto& one : wanted)
        asked.bind(std::string_view{one});
    auto list = api_json::array();
    api_json next;
    std::int64_t last = 0;
    while (asked.step()) {
        if (static_cast<std::int64_t>(list.size()) == limit) {
            next = std::to_string(last);
            break;
        }
        last = asked.integer(asked.columns() - 1);
        list.push_back(show(what, asked));
    }
    api_json out;
    out[what.path] = std::move(list);
    out["next"] = std::move(next);
    return out;
}

bool change_record(database& in, const resource& what, std::string_view org, std::string_view id,
                   const record_values& values) {
    if (values.empty()) return find_record(in, what, org, id).has_value();
    std::string sets;
    int number = 2;
    for (const auto& [name, value] : values)
        sets.append(sets.empty() ? "" : ", ").append(name).append(" = ?") +=
            std::to_string(++number);
    auto update = in.prepare("UPDATE " + std::string{what.table} + " SET " + sets + " WHERE " +
                             std::string{belongs(what)} + " AND id = ?2");
    update.bind(org).bind(id);
    for (const auto& [name, value] : values)
        update.bind(value);
    update.run();
    return in.count("SELECT changes()") != 0;
}

bool remove_record(database& in, const resource& what, std::string_view org, std::string_view id) {
    return in.run("DELETE FROM " + std::string{what.table} + " WHERE " +
                      std::string{belongs(what)} + " AND id = ?2",
                  org, id) != 0;
}

} // namespace moqrtc::reference
