#pragma once

#include "access_directory.hpp"
#include "database.hpp"
#include "resource.hpp"

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Records of any resource between JSON and the database. Errors are `api_problem` where a client
/// is wrong, `storage_failure` where the database is.
namespace moqrtc::reference {

using api_json = nlohmann::ordered_json;
/// By column.
using record_values = std::map<std::string, stored_value, std::less<>>;
/// Of a URL's query, unescaped.
using query_values = std::map<std::string, std::string, std::less<>>;

/// Whose records: an organisation's, or those of all.
inline constexpr std::string_view every_org = "*";

inline constexpr std::size_t page_size = 100;
inline constexpr std::size_t largest_page = 1000;

/// What a client gave, checked field by field; with `making`, defaults stand for what is not there
/// and what must be there is. Fields that nobody may give are refused by name.
[[nodiscard]] record_values read_fields(std::span<const field> fields, const api_json& body,
                                        bool making);

/// Adds a record, with a new id unless `values` has one, and returns it as it is shown.
api_json make_record(database& in, const resource& what, std::string_view org, record_values values,
                     wall_seconds now);
/// A record as it is shown; nothing when there is none of that name in that organisation.
[[nodiscard]] std::optional<api_json> find_record(database& in, const resource& what,
                                                  std::string_view org, std::string_view id);
/// Columns that are not shown, too.
[[nodiscard]] std::optional<record_values> find_values(database& in, const resource& what,
                                                       std::string_view org, std::string_view id);
/// One page: `{"<path>": […], "next": "…" or null}`, oldest first. The query's `limit`, `after`
/// and the fields that filter are heeded.
[[nodiscard]] api_json list_records(database& in, const resource& what, std::string_view org,
                                    const query_values& query);
/// False: there is none.
bool change_record(database& in, const resource& what, std::string_view org, std::string_view id,
                   const record_values& values);
bool remove_record(database& in, const resource& what, std::string_view org, std::string_view id);

} // namespace moqrtc::reference
