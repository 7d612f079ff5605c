#include "host_names.hpp"
#include "web_files.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

namespace moqrtc::reference {
namespace {

constexpr std::string_view prefix = "/web/";
constexpr std::uintmax_t largest_file = 64u << 20;

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> types{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".wasm", "application/wasm"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".mp4", "video/mp4"},
    {".txt", "text/plain; charset=utf-8"},
}};

/// Names that the web client uses: no way up, nothing hidden, no escapes.
bool is_plain(std::string_view path) {
    if (!path.starts_with(prefix) || path.ends_with('/')) return false;
    char before = 0;
    for (const char c : path) {
        const bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '/' && c != '.' && c != '-' && c != '_') return false;
        if (before == '/' && (c == '.' || c == '/')) return false;
        before = c;
    }
    return true;
}

/// What a page may load: its own files, and connections to the host that it came from and to the
/// QUIC address. An IPv6 address cannot be written in a policy, so it opens all of them.
std::string page_policy(std::string_view host, std::string_view quic) {
    std::string places;
    std::string before;
    for (const auto& name : {host_of(host), host_of(quic)}) {
        if (name.empty() || name == "0.0.0.0" || name == "::" || name == before) continue;
        before = name;
        if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") == name.npos)
            places += " https://" + name + ":* http://" + name + ":*";
        else
            places += " https: http:";
    }
    return "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
           "style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; "
           "manifest-src 'self'; connect-src 'self'" +
           places + "; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
    std::error_code failure;
    const auto size = std::filesystem::file_size(path, failure);
    if (failure || size > largest_file) return std::nullopt;
    std::ifstream in{path, std::ios::binary};
    std::string out(static_cast<std::size_t>(size), '\0');
    if (!in.read(out.data(), static_cast<std::streamsize>(out.size()))) return std::nullopt;
    return out;
}

/// Good enough for a file under somebody's hands: it tells apart what was there at two times.
std::string development_etag(const std::filesystem::path& path, std::size_t size) {
    std::error_code failure;
    const auto at = std::filesystem::last_write_time(path, failure).time_since_epoch().count();
    return "\"d" + std::to_string(at) + "-" + std::to_string(size) + "\"";
}

/// Whether a link leads out of the directory.
bool is_inside(const std::filesystem::path& directory, const std::filesystem::path& file) {
    std::error_code failure;
    const auto top = std::filesystem::canonical(directory, failure);
    const auto real = failure ? std::filesystem::path{} : std::filesystem::canonical(file, failure);
    return !failure && std::ranges::mismatch(top, real).in1 == top.end();
}

} // namespace

std::string_view content_type_of(std::string_view path) {
    for (const auto& [ending, type] : types)
        if (path.ends_with(ending)) return type;
    return "application/octet-stream";
}

std::optional<http_response> web_files::load(std::string_view path) const {
    if (!is_plain(path)) return std::nullopt;
    http_response out;
    out.content_type = content_type_of(path);
    if (!directory_.empty()) {
        const auto file = directory_ / path.substr(prefix.size());
        std::error_code failure;
        if (std::filesystem::is_regular_file(file, failure) && is_inside(directory_, file))
            if (auto body = read_file(file)) {
                out.etag = development_etag(file, body->size());
                out.body = std::move(*body);
                return out;
            }
    }
    const auto all = embedded_files();
    const auto found = std::ranges::lower_bound(all, path, {}, &embedded_file::path);
    if (found == all.end() || found->path != path) return std::nullopt;
    out.etag = found->etag;
    out.embedded = found->body;
    return out;
}

std::optional<http_response> web_files::find(const http_request& request,
                                             std::string_view quic) const {
    const std::string_view path = request.path;
    const auto is_below = [&](std::string_view page) {
        return path.starts_with(page) && (path.size() == page.size() || path[page.size()] == '/');
    };
    auto out = path == "/"            ? load("/web/index.html")
               : is_below("/play")    ? load("/web/play.html")
               : is_below("/publish") ? load("/web/publish.html")
               : path == "/admin"     ? load("/web/admin.html")
                                      : load(path);
    // Scripts, too: a worker obeys the policy that came with its own file.
    if (out && (out->content_type.starts_with("text/html") ||
                out->content_type.starts_with("text/javascript")))
        out->policy = page_policy(request.host, quic);
    return out;
}

} // namespace moqrtc::reference
