#pragma once

#include "server_status.hpp"

#include <string>

namespace moqrtc::reference {

/// The server's figures in the text format of Prometheus, 0.0.4.
///
/// The shards count in plain integers of their own and hand out copies, so there is nothing for a
/// metrics library to hold: one table of names is all that is left to write.
[[nodiscard]] std::string metrics_text(const server_status& status);

} // namespace moqrtc::reference
