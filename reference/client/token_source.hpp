#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

/// Where the client's token comes from.
namespace moqrtc::reference {

/// The token in a file, without the white space around it. Errors: a sentence.
[[nodiscard]] std::expected<std::string, std::string> read_token(const std::filesystem::path& file);

/// The token that a command of the shell prints. Waits for it. Errors: a sentence.
[[nodiscard]] std::expected<std::string, std::string> run_token_command(const std::string& command);

/// How long a token serves from `now` (seconds since 1970) before it is time for the next one: four
/// fifths of what is left of its life. Nothing: it does not say when it ends. What it says is not
/// verified.
[[nodiscard]] std::optional<std::chrono::milliseconds> time_to_renewal(std::string_view token,
                                                                       std::int64_t now);

} // namespace moqrtc::reference
