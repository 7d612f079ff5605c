#pragma once

#include "settings.hpp"

#include <expected>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace moqrtc::reference {

/// The command line: settings, and what is asked of the program besides them.
struct command_line {
    std::filesystem::path config;
    bool check_config = false;
    bool show_settings = false;
    bool print_settings = false;
    bool print_limits = false;
    bool print_environment = false;
    std::map<std::string, std::vector<std::string>> settings; ///< by key
};

/// Why the program ends before it began.
struct early_exit {
    int status = 2;
    std::string out; ///< for standard output: help
    std::string err; ///< for standard error
};

[[nodiscard]] std::expected<command_line, early_exit>
read_command_line(int count, const char* const* arguments);

/// File, environment and flags, later ones winning; called again for every reload.
///
/// Errors  a sentence that names the setting and where it is given.
[[nodiscard]] std::expected<server_settings, std::string> read_settings(const command_line& line);

/// `settings.data_dir`, or the user's data directory.
[[nodiscard]] std::expected<std::filesystem::path, std::string>
data_directory(const server_settings& settings);

} // namespace moqrtc::reference
