#include "doors.hpp"
#include "host_names.hpp"

#include <algorithm>

namespace moqrtc::reference {
namespace {

bool is_loopback(std::string_view host) {
    return host == "localhost" || host.ends_with(".localhost") || host == "::1" ||
           host.starts_with("127.");
}

/// `/publish/ID`: one segment, not empty.
bool is_named(std::string_view path, std::string_view prefix) {
    if (!path.starts_with(prefix)) return false;
    path.remove_prefix(prefix.size());
    return !path.empty() && path.find('/') == path.npos;
}

bool is_door(std::string_view path) {
    return path.empty() || path == "/" || path == "/moq" || is_named(path, "/publish/") ||
           is_named(path, "/playback/");
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

door_answer open_doors::decide(const door_request& request) const {
    if (!request.origin.empty() && !admits(request.origin, request.authority))
        return {403, "a page of this origin may not ask"};
    if (!is_door(request.path)) return {404, "no such path"};
    return {};
}

bool open_doors::admits(std::string_view origin, std::string_view authority) const {
    const auto from = host_of(origin);
    const auto to = host_of(authority);
    return std::ranges::any_of(config_.origins, [&](const std::string& allowed) {
        if (allowed == "any") return true;
        // By a name that is not ours the page's own host may just have been given our address.
        if (allowed == "same")
            return is_own_host(to, config_.names) &&
                   (from == to || (is_loopback(from) && is_loopback(to)));
        return allowed.find("://") == allowed.npos ? from == host_of(allowed) : origin == allowed;
    });
}

std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0) return {};
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

std::string query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const auto one = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(one.size() + 1, query.size()));
        const auto equals = std::min(one.find('='), one.size());
        if (one.substr(0, equals) == name)
            return unescape(one.substr(std::min(equals + 1, one.size())));
    }
    return {};
}

} // namespace moqrtc::reference
