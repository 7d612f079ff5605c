#include "common/socket_address.hpp"
#include "host_names.hpp"

#include <algorithm>

namespace moqrtc::reference {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

/// RFC 6125, 6.4.3: a star stands for one whole label, the first.
bool matches(std::string_view host, std::string_view name) {
    if (name == "*") return true;
    if (!name.starts_with("*.")) return equal(host, name);
    const auto dot = host.find('.');
    return dot != 0 && dot != host.npos && equal(host.substr(dot), name.substr(1));
}

} // namespace

std::string host_of(std::string_view authority) {
    if (const auto scheme = authority.find("://"); scheme != authority.npos)
        authority.remove_prefix(scheme + 3);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    if (const auto user = authority.rfind('@'); user != authority.npos)
        authority.remove_prefix(user + 1);
    auto host = authority.substr(0, authority.find(':'));
    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        if (end == authority.npos) return {};
        host = authority.substr(1, end - 1);
    }
    if (host.ends_with('.')) host.remove_suffix(1);
    std::string out{host};
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

bool is_own_host(std::string_view host, std::span<const std::string> names) {
    if (host.empty()) return false;
    if (host == "localhost" || host.ends_with(".localhost")) return true;
    if (socket_address::parse(std::string{host}, 0)) return true;
    return std::ranges::any_of(names, [&](const auto& name) { return matches(host, name); });
}

} // namespace moqrtc::reference
