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
void add_fetch_command(CLI::App& app, std::function<int()>& chosen);
void add_catalog_command(CLI::App& app, std::function<int()>& chosen);
void add_namespaces_command(CLI::App& app, std::function<int()>& chosen);
void add_status_command(CLI::App& app, std::function<int()>& chosen);
void add_send_command(CLI::App& app, std::function<int()>& chosen);
void add_recv_command(CLI::App& app, std::function<int()>& chosen);
void add_decode_command(CLI::App& app, std::function<int()>& chosen);
void add_token_command(CLI::App& app, std::function<int()>& chosen);
void add_interop_command(CLI::App& app, std::function<int()>& chosen);

} // namespace moqrtc::reference
