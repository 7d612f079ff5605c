#pragma once

#include <functional>

namespace CLI {
class App;
}

/// The subcommands. Each adds itself to the command line and, when it is chosen, sets `chosen` to
/// what runs it and returns the exit status.
namespace moqrtc::reference {

void add_publish_command(CLI::App& app, std::function<int()>& chosen);
void add_subscribe_command(CLI::App& app, std::function<int()>& chosen);
void add_query_commands(CLI::App& app, std::function<int()>& chosen); ///< fetch, catalog, …
void add_line_commands(CLI::App& app, std::function<int()>& chosen);  ///< send, recv
void add_decode_command(CLI::App& app, std::function<int()>& chosen);

} // namespace moqrtc::reference
