#pragma once

#include <string>
#include <string_view>

namespace moqrtc::reference {

/// Appends a JSON string, quotes included, in ASCII alone: control characters and all above ASCII
/// are escaped, and bytes that are no UTF-8 become U+FFFD.
void append_json(std::string& out, std::string_view text);

} // namespace moqrtc::reference
