#include "commands.hpp"
#include "options.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <functional>

int main(int count, char** arguments) {
    using namespace moqrtc::reference;
    std::signal(SIGPIPE, SIG_IGN);
    CLI::App app{"moqrtc-client: publish, subscribe to and look at Media over QUIC"};
    app.set_help_all_flag("--help-all", "help of every subcommand");
    app.require_subcommand(1);
    std::function<int()> chosen;
    for (const auto add :
         {add_publish_command, add_subscribe_command, add_fetch_command, add_catalog_command,
          add_namespaces_command, add_status_command, add_send_command, add_recv_command,
          add_decode_command, add_token_command, add_interop_command})
        add(app, chosen);
    try {
        app.parse(count, arguments);
    } catch (const CLI::ParseError& failure) {
        const int status = app.exit(failure);
        return status == 0 ? exit_status::done : exit_status::bad_arguments;
    }
    try {
        return chosen();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "moqrtc-client: %s\n", failure.what());
        return exit_status::failed;
    }
}
