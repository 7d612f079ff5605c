#pragma once

#include <string_view>

/// The little of RFC 3986 that AUTHORITY and PATH need.
namespace moqrtc::moqt {

namespace detail {

[[nodiscard]] constexpr bool is_hex(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
/// unreserved, sub-delims and what `extra` adds; percent escapes are whole.
[[nodiscard]] constexpr bool only_uri_chars(std::string_view text,
                                            std::string_view extra) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
            i += 2;
            continue;
        }
        const bool plain =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!plain && std::string_view{"-._~!$&'()*+,;="}.find(c) == std::string_view::npos &&
            extra.find(c) == std::string_view::npos)
            return false;
    }
    return true;
}

} // namespace detail

/// Whether `text` is an authority of RFC 3986 section 3.2 with a host that is not empty.
[[nodiscard]] constexpr bool is_authority(std::string_view text) noexcept {
    if (const auto at = text.rfind('@'); at != text.npos) {
        if (!detail::only_uri_chars(text.substr(0, at), ":")) return false;
        text.remove_prefix(at + 1);
    }
    std::string_view port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == text.npos || end == 1) return false;
        if (!detail::only_uri_chars(text.substr(1, end - 1), ":")) return false;
        port = text.substr(end + 1);
    } else {
        const auto colon = text.find(':');
        const auto host = text.substr(0, colon);
        if (host.empty() || !detail::only_uri_chars(host, "")) return false;
        port = colon == text.npos ? std::string_view{} : text.substr(colon);
    }
    if (port.empty()) return true;
    if (port[0] != ':') return false;
    for (const char c : port.substr(1))
        if (c < '0' || c > '9') return false;
    return true;
}

/// Whether `text` is `path-abempty [ "?" query ]` of RFC 3986 section 3.3.
[[nodiscard]] constexpr bool is_path(std::string_view text) noexcept {
    const auto mark = text.find('?');
    const auto path = text.substr(0, mark);
    if (!path.empty() && path[0] != '/') return false;
    if (!detail::only_uri_chars(path, ":@/")) return false;
    return mark == text.npos || detail::only_uri_chars(text.substr(mark + 1), ":@/?");
}

} // namespace moqrtc::moqt
