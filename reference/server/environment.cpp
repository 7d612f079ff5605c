#include "environment.hpp"
#include "setting_table.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <sys/socket.h>
#include <unistd.h>

namespace moqrtc::reference {
namespace {

constexpr std::array table{
    environment_row{"TURN_URLS", "turn.urls", "turn:turn.example:3478,turns:turn.example:5349",
                    "divided by commas"},
    environment_row{"TURN_USERNAME", "turn.username", "moqrtc", ""},
    environment_row{"TURN_CREDENTIAL", "turn.credential", "", "a secret"},
    environment_row{"MEDIA_RECORDINGS_DIR", "recording.dir", "/var/lib/moqrtc/recordings", ""},
    environment_row{"MEDIA_MAX_PUBLISHERS", "limits.publishers", "10000", ""},
    environment_row{"MEDIA_MAX_SUBSCRIBERS_PER_ROOM", "limits.subscribers-per-room", "50000", ""},
    environment_row{"MEDIA_MODE", "media.mode", "auto", ""},
    environment_row{"MOQT_ROLE", "", "relay",
                    "a test runner's container: other defaults (docs/server.md)"},
    environment_row{"MOQT_PORT", "listen", "4443", "the port alone, on every address"},
    environment_row{"MOQT_CERT", "cert", "/certs/cert.pem", ""},
    environment_row{"MOQT_KEY", "key", "/certs/priv.key", ""},
    environment_row{"MOQT_MLOG_DIR", "qlog-dir", "/mlog", ""},
};

/// Every address, on a machine that has IPv6 and on one that has none.
std::string every_address() {
    const int probe = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return "0.0.0.0:";
    ::close(probe);
    return "[::]:";
}

std::vector<std::string> divided(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto part = text.substr(0, text.find(','));
        if (!part.empty()) out.emplace_back(part);
        text.remove_prefix(std::min(part.size() + 1, text.size()));
    }
    return out;
}

} // namespace

std::span<const environment_row> environment_table() {
    return table;
}

const char* environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

std::expected<std::vector<given_setting>, std::string> read_environment() {
    std::vector<given_setting> out;
    if (const auto* role = environment("MOQT_ROLE"); role && std::string_view{role} != "relay")
        return std::unexpected("MOQT_ROLE: this is a relay, not a '" + std::string{role} + "'");
    for (const auto& row : table) {
        const std::string name{row.name};
        const auto* value = environment(name.c_str());
        if (value == nullptr || row.setting.empty()) continue;
        const bool list = find_setting(row.setting)->kind == setting_kind::list;
        std::vector<std::string> values = list ? divided(value) : std::vector<std::string>{value};
        if (name == "MOQT_PORT") values = {every_address() + value};
        out.push_back({std::string{row.setting}, std::move(values), name});
    }
    return out;
}

std::vector<given_setting> container_defaults() {
    if (environment("MOQT_ROLE") == nullptr) return {};
    // The runner's clients have no tokens.
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

std::string environment_reference() {
    std::string out =
        "# Variables that moqrtc-server reads. Flags win over them, and they over the "
        "file of --config.\n"
        "# Written by `moqrtc-server --print-environment`.\n";
    for (const auto& row : table) {
        out += "\n";
        if (!row.setting.empty()) {
            const auto& which = *find_setting(row.setting);
            out.append("# ").append(which.help);
            if (!row.help.empty()) out.append(" (").append(row.help).append(")");
            out.append("\n# Setting: ").append(row.setting).append("\n");
        } else {
            out.append("# ").append(row.help).append("\n");
        }
        out.append("#").append(row.name).append("=").append(row.example).append("\n");
    }
    return out;
}

} // namespace moqrtc::reference
