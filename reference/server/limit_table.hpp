#pragma once

#include "server_status.hpp"
#include "settings.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

/// One bound on what somebody may have of the server: the row that the metrics, the API and the
/// reference in docs/server.md come from.
struct limit_row {
    std::string_view name;    ///< in metrics and in the API
    std::string_view setting; ///< the key that sets it; empty: the draft or the library does
    std::string_view each;    ///< of what: server, address, account, session, …
    std::string_view unit;    ///< empty: things are counted
    std::string_view why;     ///< the reason for the bound and its default
    std::string_view answer;  ///< what becomes of that which is too much
    std::uint64_t fixed = 0;  ///< without a setting: the bound
    /// What there is now, of the one that has most where there are several; null: nobody counts.
    std::uint64_t (*current)(const server_status&) = nullptr;
    /// How often it was met; null: nobody counts.
    std::uint64_t (*hits)(const server_status&) = nullptr;
};

[[nodiscard]] std::span<const limit_row> limit_table();

/// The bound of each row in force, as a number in its unit.
[[nodiscard]] std::vector<std::string> limit_bounds(const server_settings& settings);

/// All limits as `/api/v1/usage` tells them.
[[nodiscard]] std::string limits_json(const server_status& status);
/// `moqrtc_limit_hits_total`, `moqrtc_limit_current` and `moqrtc_limit_maximum`.
[[nodiscard]] std::string limits_metrics(const server_status& status);
/// The table in Markdown, as docs/server.md holds it.
[[nodiscard]] std::string limits_reference();

} // namespace moqrtc::reference
