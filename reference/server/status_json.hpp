#pragma once

#include "server_status.hpp"

#include <string>

namespace moqrtc::reference {

/// The server itself, as `/api/v1/info` tells it.
[[nodiscard]] std::string info_json(const server_facts& facts);

/// Namespaces and tracks, as `/api/v1/streams` tells them; at most 10,000 of each, and whether
/// there are more.
[[nodiscard]] std::string streams_json(const server_status& status);

/// Sessions, as `/api/v1/sessions` tells them, with the same bound.
[[nodiscard]] std::string sessions_json(const server_status& status);

} // namespace moqrtc::reference
