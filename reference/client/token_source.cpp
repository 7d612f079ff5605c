#include "token_source.hpp"

#include <moqrtc/auth/cat.hpp>
#include <moqrtc/auth/claims.hpp>
#include <moqrtc/auth/token_form.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sys/wait.h>

namespace moqrtc::reference {
namespace {

constexpr std::size_t longest = 8192;

std::expected<std::string, std::string> trimmed(std::string text, const std::string& from) {
    std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
    if (text.empty() || text.size() > longest) return std::unexpected(from + " has no token");
    return text;
}

std::optional<auth::unix_time> end_of(bytes token) {
    const auto form = auth::form_of(token);
    if (form == auth::token_form::jwt) {
        const auto parts = auth::read_jws(as_text(token));
        if (!parts) return std::nullopt;
        const auto all = auth::read_claims(parts->payload);
        return all ? all->expires : std::nullopt;
    }
    if (form == auth::token_form::cat) {
        const auto parts = auth::read_cose(token);
        if (!parts) return std::nullopt;
        const auto all = auth::read_cat_claims(parts->payload);
        return all ? all->expires : std::nullopt;
    }
    return std::nullopt;
}

} // namespace

std::expected<std::string, std::string> read_token(const std::filesystem::path& file) {
    std::ifstream in{file};
    std::string out{std::istreambuf_iterator<char>{in}, {}};
    if (!in) return std::unexpected(file.string() + " cannot be read");
    return trimmed(std::move(out), file.string());
}

std::expected<std::string, std::string> run_token_command(const std::string& command) {
    auto* const from = ::popen(command.c_str(), "re");
    if (from == nullptr) return std::unexpected("the command cannot be run");
    std::string out;
    std::array<char, 1024> part{};
    while (const auto size = std::fread(part.data(), 1, part.size(), from)) {
        if (out.size() <= longest * 2) out.append(part.data(), size);
    }
    const int status = ::pclose(from);
    if (status != 0)
        return std::unexpected("the command ended with status " +
                               std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : 128));
    return trimmed(std::move(out), "what the command printed");
}

std::optional<std::chrono::milliseconds> time_to_renewal(std::string_view token, std::int64_t now) {
    const auto ends = end_of(as_bytes(token));
    if (!ends) return std::nullopt;
    return std::chrono::milliseconds{std::max<std::int64_t>(ends->seconds - now, 0) * 800};
}

} // namespace moqrtc::reference
