#pragma once

#include "control/control_api.hpp"
#include "server_status.hpp"

#include <string>

namespace moqrtc::reference {

/// The server's figures in the text format of Prometheus, 0.0.4.
///
/// The shards count in plain integers of their own and hand out copies, so there is nothing for a
/// metrics library to hold: one table of names is all that is left to write.
[[nodiscard]] std::string metrics_text(const server_status& status);

/// Figures of the control API, as more of the same.
[[nodiscard]] std::string api_metrics_text(const api_counters& counted);

} // namespace moqrtc::reference
