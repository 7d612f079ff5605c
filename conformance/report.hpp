#pragma once

#include "suite.hpp"

#include <array>
#include <string>

namespace moqrtc::conformance {

/// What a report says besides the rows.
struct run_info {
    std::string target{};  ///< URL or command
    std::string when{};    ///< date and time, as the reader writes them
    double seconds = 0;    ///< that the run took
    std::string program{}; ///< name and version of what tested
};

/// How many rows came out how; by `verdict::kind`.
using totals = std::array<std::size_t, 4>;
[[nodiscard]] totals count(const suite& s);

[[nodiscard]] std::string to_json(const suite& s, const run_info& info);
/// TAP version 14; what is not decided is skipped, with the reason.
[[nodiscard]] std::string to_tap(const suite& s);
/// One page that needs nothing else: rows by section, filter, the trace of each row.
[[nodiscard]] std::string to_html(const suite& s, const run_info& info);
/// Rows that failed or were not decided, and the totals, for a terminal.
[[nodiscard]] std::string to_table(const suite& s, const run_info& info, bool colours);
/// Rows that no run decides, with the reason, as a table in Markdown.
[[nodiscard]] std::string to_markdown(moqt::draft version);

/// `text` between quotation marks, as JSON writes it; safe inside a script of a page.
[[nodiscard]] std::string json_text(std::string_view text);

} // namespace moqrtc::conformance
