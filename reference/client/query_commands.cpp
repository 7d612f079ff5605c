#include "commands.hpp"
namespace moqrtc::reference {
void add_query_commands(CLI::App&, std::function<int()>&) {}
void add_line_commands(CLI::App&, std::function<int()>&) {}
void add_decode_command(CLI::App&, std::function<int()>&) {}
} // namespace moqrtc::reference
