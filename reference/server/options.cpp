#include "configuration_file.hpp"
#include "options.hpp"
#include "setting_table.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

namespace moqrtc::reference {
namespace {

const char* environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

/// Every address, on a machine that has IPv6 and on one that has none.
std::string every_address() {
    const int probe = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return "0.0.0.0:";
    ::close(probe);
    return "[::]:";
}

/// What test runners give containers of relays in their environment.
std::expected<std::vector<given_setting>, std::string> read_environment() {
    std::vector<given_setting> out;
    if (const auto* role = environment("MOQT_ROLE"); role && std::string_view{role} != "relay")
        return std::unexpected("MOQT_ROLE: this is a relay, not a '" + std::string{role} + "'");
    if (const auto* port = environment("MOQT_PORT"))
        out.push_back({"listen", {every_address() + port}, "MOQT_PORT"});
    if (const auto* cert = environment("MOQT_CERT")) out.push_back({"cert", {cert}, "MOQT_CERT"});
    if (const auto* key = environment("MOQT_KEY")) out.push_back({"key", {key}, "MOQT_KEY"});
    if (const auto* directory = environment("MOQT_MLOG_DIR"))
        out.push_back({"qlog-dir", {directory}, "MOQT_MLOG_DIR"});
    return out;
}

/// Where the layout of such a container has what nothing else names: a file wins over this. The
/// runner's clients have no tokens.
std::vector<given_setting> container_defaults() {
    if (environment("MOQT_ROLE") == nullptr) return {};
    std::vector<given_setting> out{{"listen", {every_address() + "4443"}, "MOQT_ROLE"},
                                   {"auth", {"off"}, "MOQT_ROLE"}};
    std::error_code ignored;
    if (std::filesystem::exists("/certs/cert.pem", ignored) &&
        std::filesystem::exists("/certs/priv.key", ignored)) {
        out.push_back({"cert", {"/certs/cert.pem"}, "MOQT_ROLE"});
        out.push_back({"key", {"/certs/priv.key"}, "MOQT_ROLE"});
    }
    if (std::filesystem::is_directory("/mlog", ignored))
        out.push_back({"qlog-dir", {"/mlog"}, "MOQT_ROLE"});
    return out;
}

} // namespace

std::expected<command_line, early_exit> read_command_line(int count, const char* const* arguments) {
    CLI::App app{"moqrtc-server: a relay for Media over QUIC", "moqrtc-server"};
    command_line out;
    std::string config;
    app.add_option("--config", config, "TOML file with any of the settings below")
        ->type_name("FILE");
    app.add_flag("--check-config", out.check_config, "check the settings and end: status 0 or 2");
    app.add_flag("--print-settings", out.print_settings, "print the reference of settings");
    app.set_version_flag("--version", std::string{MOQRTC_VERSION_TEXT});
    std::map<std::string, std::string> flags;
    const server_settings defaults;
    for (const auto& row : setting_table()) {
        const std::string key{row.key};
        auto help = std::string{row.help};
        const auto standard = row.show(defaults);
        if (!standard.empty()) help += " [" + standard + "]";
        CLI::Option* option = nullptr;
        if (row.kind == setting_kind::flag) {
            option = app.add_flag("--" + key, flags[key], help);
        } else {
            option = app.add_option("--" + key, out.settings[key], help)
                         ->type_name(std::string{row.value})
                         ->expected(1);
            if (row.kind == setting_kind::list)
                option->expected(1, 1 << 20)->allow_extra_args(false)->delimiter(',');
        }
        const auto dot = key.find('.');
        if (dot != std::string::npos) option->group("Table " + key.substr(0, dot));
    }
    try {
        app.parse(count, arguments);
    } catch (const CLI::ParseError& failure) {
        std::ostringstream to_out;
        std::ostringstream to_err;
        const int status = app.exit(failure, to_out, to_err) == 0 ? 0 : 2;
        return std::unexpected(early_exit{status, to_out.str(), to_err.str()});
    }
    std::erase_if(out.settings, [](const auto& one) { return one.second.empty(); });
    for (auto& [key, value] : flags)
        if (!value.empty()) out.settings[key] = {value};
    out.config = config;
    return out;
}

std::expected<server_settings, std::string> read_settings(const command_line& line) {
    auto given = container_defaults();
    if (!line.config.empty()) {
        auto file = read_configuration(line.config);
        if (!file) return std::unexpected(file.error());
        given.insert(given.end(), file->begin(), file->end());
    }
    auto around = read_environment();
    if (!around) return std::unexpected(around.error());
    given.insert(given.end(), around->begin(), around->end());
    for (const auto& [key, values] : line.settings)
        given.push_back({key, values, "--" + key});

    server_settings out;
    std::map<std::string, std::string, std::less<>> origins;
    for (const auto& one : given) {
        const auto& which = *find_setting(one.key);
        if (auto good = apply(which, one.values, out); !good)
            return std::unexpected(one.origin + ": " + good.error());
        origins[one.key] = one.origin;
    }
    if (auto fits = check_together(out); !fits) {
        const auto& [key, what] = fits.error();
        const auto from = origins.find(key);
        return std::unexpected((from == origins.end() ? std::string{key} : from->second) + ": " +
                               what);
    }
    out.quic.qlog_directory = out.qlog_dir;
    return out;
}

std::expected<std::filesystem::path, std::string> data_directory(const server_settings& settings) {
    if (!settings.data_dir.empty()) return settings.data_dir;
    // XDG Base Directory Specification: a relative path in the variable is invalid, so ignored.
    if (const auto* data = environment("XDG_DATA_HOME"); data && *data == '/')
        return std::filesystem::path{data} / "moqrtc";
    if (const auto* home = environment("HOME"))
        return std::filesystem::path{home} / ".local" / "share" / "moqrtc";
    return std::unexpected("data-dir: give one, because neither XDG_DATA_HOME nor HOME is set");
}

} // namespace moqrtc::reference
