#include "configuration_file.hpp"
#include "environment.hpp"
#include "options.hpp"
#include "setting_table.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace moqrtc::reference {

std::expected<command_line, early_exit> read_command_line(int count, const char* const* arguments) {
    CLI::App app{"moqrtc-server: a relay for Media over QUIC", "moqrtc-server"};
    command_line out;
    std::string config;
    app.add_option("--config", config, "TOML file with any of the settings below")
        ->type_name("FILE");
    app.add_flag("--check-config", out.check_config, "check the settings and end: status 0 or 2");
    app.add_flag("--show-settings", out.show_settings,
                 "print every setting as it is in force, secrets left out, and end");
    app.add_flag("--print-settings", out.print_settings, "print the reference of settings");
    app.add_flag("--print-limits", out.print_limits, "print the table of limits");
    app.add_flag("--print-environment", out.print_environment,
                 "print what the environment may give, as a file to begin with");
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
    if (auto good = check_recording_dir(out); !good) return std::unexpected(good.error());
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
