#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace moqrtc::reference {

/// How a field is written in JSON, and with it how it is stored.
enum class field_kind : std::uint8_t {
    text,
    word,    ///< one of a few
    integer, ///<
    boolean,
    time,   ///< Unix seconds
    list,   ///< strings
    object, ///< any JSON object
};

/// Who says what stands in a field.
enum class field_use : std::uint8_t {
    required,      ///< the client, when it makes the record; it may change it
    optional,      ///< the same, with a default
    required_once, ///< the client, and it stays
    optional_once,
    made,   ///< the server
    hidden, ///< the server, and it shows nobody
};

/// One field of a record or of a request: what checks, storage, answers and the OpenAPI description
/// come from.
struct field {
    std::string_view name;
    field_kind kind = field_kind::text;
    field_use use = field_use::made;
    std::string_view help{};
    std::string_view words{};    ///< of a word, and of each string in a list: `a|b|c`
    std::string_view standard{}; ///< the default, as JSON; of a text as it is
    std::int64_t least = 0;      ///< of a number; of a text its shortest length
    std::int64_t most = 200;     ///< of a number; of a text its length in bytes, of a list its own
    bool nullable = false;       ///< made fields that are not there yet
    std::string_view column{};   ///< where it is not called like the field
    bool filter = false;         ///< lists take `?name=value`

    [[nodiscard]] constexpr std::string_view stored() const noexcept {
        return column.empty() ? name : column;
    }
    [[nodiscard]] constexpr bool required() const noexcept {
        return use == field_use::required || use == field_use::required_once;
    }
    [[nodiscard]] constexpr bool given() const noexcept { return use < field_use::made; }
    [[nodiscard]] constexpr bool changes() const noexcept {
        return use == field_use::required || use == field_use::optional;
    }
};

/// Which of the plain operations a resource has.
enum operation : std::uint8_t { can_list = 1, can_make = 2, can_change = 4, can_remove = 8 };

/// A kind of record: a table, a path below `/api/v1/`, and the scope that opens it.
struct resource {
    std::string_view path; ///< and table
    std::string_view table;
    std::string_view prefix; ///< of ids
    std::string_view one;    ///< what a record is called in sentences
    std::string_view scope;
    std::uint8_t operations = 0;
    std::span<const field> fields{}; ///< besides `id`, `org` and `created`, which all have
    /// False: records belong to nobody's organisation.
    bool owned = true;
};

/// All of them, in the order in which the description tells them.
[[nodiscard]] std::span<const resource> resources();
/// The one at a path; there must be one.
[[nodiscard]] const resource& resource_at(std::string_view path);

/// Events that webhooks and listeners get.
inline constexpr std::string_view event_words = "stream:started|stream:ended";
/// Scopes that keys of the API may have.
inline constexpr std::string_view scope_words =
    "admin|read|orgs:read|orgs:write|api_keys:read|api_keys:write|inputs:read|inputs:write|"
    "keys:read|keys:write|assets:read|assets:write|playback:write|streams:read|streams:write|"
    "sessions:read|sessions:write|analytics:read|devices:read|devices:write|pairs:read|pairs:write|"
    "commands:read|commands:write|webhooks:read|webhooks:write|revocations:read|revocations:write|"
    "limits:read|limits:write|calls:read|calls:write|kill:read|kill:write";

} // namespace moqrtc::reference
