#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace moqrtc::reference {

/// What one place says about one setting.
struct given_setting {
    std::string key;
    std::vector<std::string> values;
    std::string origin; ///< for messages: `server.toml:3: listen`, `--listen`, `MOQT_PORT`
};

/// The settings in a TOML file, in its order. Types are checked here, values by `apply`.
///
/// Errors  a sentence that begins with the file and the line.
[[nodiscard]] std::expected<std::vector<given_setting>, std::string>
read_configuration(const std::filesystem::path& file);

} // namespace moqrtc::reference
