#pragma once

#include "configuration_file.hpp"

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

/// A variable of the environment that gives a setting.
struct environment_row {
    std::string_view name;
    std::string_view setting; ///< empty: it is no setting's
    std::string_view example;
    std::string_view help; ///< besides the setting's own
};

[[nodiscard]] std::span<const environment_row> environment_table();

/// The value of a variable; null when it is not set or empty.
[[nodiscard]] const char* environment(const char* name);

/// What the environment gives. It wins over the configuration file, and flags win over it.
[[nodiscard]] std::expected<std::vector<given_setting>, std::string> read_environment();

/// Where the layout of a test runner's container has what nothing else names: a file wins over
/// this.
[[nodiscard]] std::vector<given_setting> container_defaults();

/// The file `.env.example`.
[[nodiscard]] std::string environment_reference();

} // namespace moqrtc::reference
