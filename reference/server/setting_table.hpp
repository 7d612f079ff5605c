#pragma once

#include "settings.hpp"

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

/// How a setting is written.
enum class setting_kind : std::uint8_t {
    flag,   ///< true or false
    text,   ///< a string
    list,   ///< strings; on the command line repeated or divided by commas
    number, ///< a whole number
    size,   ///< bytes: a whole number, or a string with KiB, MiB or GiB
    time,   ///< seconds, with decimals
    choice, ///< one of a few words
};

/// One thing that can be set: the row that flags, configuration keys, messages and the reference
/// in docs/server.md come from.
struct setting {
    std::string_view key; ///< `name` or `table.name`; the flag is `--` and the same
    setting_kind kind;
    std::string_view value; ///< what stands for the value in help; the words of a choice
    std::string_view help;
    bool reloads = false; ///< SIGHUP changes it in a running server
    bool secret = false;  ///< its value appears in no dump, log or message
    std::uint64_t least = 0;
    std::uint64_t most = UINT64_MAX;
    /// Further demands on each text; null: none.
    std::expected<void, std::string> (*check)(std::string_view text) = nullptr;
    /// Assigns values that passed everything above.
    void (*assign)(server_settings&, std::span<const std::string> values) = nullptr;
    /// The value as it is written; of default settings it is the default.
    std::string (*show)(const server_settings&) = nullptr;
};

[[nodiscard]] std::span<const setting> setting_table();
[[nodiscard]] const setting* find_setting(std::string_view key);

/// Checks the values and assigns them, or says what is wrong with them.
[[nodiscard]] std::expected<void, std::string>
apply(const setting& which, std::span<const std::string> values, server_settings& to);

/// The value as it may be shown to anybody.
[[nodiscard]] std::string shown(const setting& which, const server_settings& settings);
/// Every setting with its value, a line each: `key = value`, secrets left out.
[[nodiscard]] std::string settings_in_force(const server_settings& settings);

/// The reference of all settings in Markdown, as docs/server.md holds it.
[[nodiscard]] std::string settings_reference();

} // namespace moqrtc::reference
