#pragma once

#include <moqrtc/core/bytes.hpp>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace moqrtc::reference {

/// Whether standard output is still there for another line.
[[nodiscard]] bool print_line(std::string_view text);
/// One JSON object on a line; text that is no UTF-8 is repaired.
[[nodiscard]] bool print_json(const nlohmann::ordered_json& value);

/// Adds bytes as member `text` where they are UTF-8, else as `hex`.
void add_payload(nlohmann::ordered_json& to, bytes payload);

} // namespace moqrtc::reference
