#include "environment.hpp"
#include "identity.hpp"
#include "limit_table.hpp"
#include "options.hpp"
#include "server.hpp"
#include "setting_table.hpp"

#include <csignal>
#include <cstdio>
#include <exception>

namespace moqrtc::reference {
namespace {

int run(int count, char** arguments) {
    auto line = read_command_line(count, arguments);
    if (!line) {
        std::fputs(line.error().out.c_str(), stdout);
        std::fputs(line.error().err.c_str(), stderr);
        return line.error().status;
    }
    if (line->print_settings) {
        std::fputs(settings_reference().c_str(), stdout);
        return 0;
    }
    if (line->print_limits || line->print_environment) {
        if (line->print_limits) std::fputs(limits_reference().c_str(), stdout);
        if (line->print_environment) std::fputs(environment_reference().c_str(), stdout);
        return 0;
    }
    auto settings = read_settings(*line);
    if (!settings) {
        std::fprintf(stderr, "moqrtc-server: %s\n", settings.error().c_str());
        return 2;
    }
    if (line->show_settings) {
        std::fputs(settings_in_force(*settings).c_str(), stdout);
        return 0;
    }
    if (line->check_config) {
        if (!settings->cert.empty())
            if (const auto loaded = load_identity(*settings, {}); !loaded) {
                std::fprintf(stderr, "moqrtc-server: %s\n", loaded.error().c_str());
                return 2;
            }
        std::fputs("moqrtc-server: the settings are good\n", stderr);
        return 0;
    }
    return server{std::move(*line), std::move(*settings)}.run();
}

} // namespace
} // namespace moqrtc::reference

int main(int count, char** arguments) {
    std::signal(SIGPIPE, SIG_IGN); // a client that goes away is an error code, not an end
    try {
        return moqrtc::reference::run(count, arguments);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "moqrtc-server: %s\n", failure.what());
        return 1;
    }
}
