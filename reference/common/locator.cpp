#include "locator.hpp"

#include <moqrtc/moqt/session/uri.hpp>
#include <moqrtc/moqt/types.hpp>

#include <algorithm>
#include <charconv>

namespace moqrtc::reference {

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// `type:value`, the type of lower-case letters, digits and hyphens. Spec: anchor `moqt-fragment`.
bool is_moqt_fragment(std::string_view text) {
    const auto colon = text.find(':');
    return colon != text.npos && colon != 0 &&
           std::ranges::all_of(text.substr(0, colon), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
    return failure == std::errc{} && end == text.data() + text.size() && !text.empty();
}

} // namespace

std::expected<locator, std::string> parse_locator(std::string_view url) {
    locator out;
    const auto whole = url;
    const auto wrong = [&](std::string_view why) {
        return std::unexpected("'" + std::string{whole} + "' " + std::string{why});
    };
    if (url.starts_with("moqt://")) {
        url.remove_prefix(7);
    } else if (url.starts_with("https://")) {
        out.how = locator::scheme::https;
        url.remove_prefix(8);
    } else {
        return wrong("is no URL of a MoQT endpoint: it begins with moqt:// or https://");
    }
    // Fragments are local, and in a moqt URI they have a form of their own.
    if (const auto mark = url.find('#'); mark != url.npos) {
        if (out.how == locator::scheme::moqt && !is_moqt_fragment(url.substr(mark + 1)))
            return wrong("has a fragment that is not type:value");
        url = url.substr(0, mark);
    }
    const auto path = url.find_first_of("/?");
    out.authority = url.substr(0, path);
    if (path != url.npos) out.path = url.substr(path);
    if (!out.path.empty() && out.path[0] == '?') out.path.insert(0, "/");
    if (!moqt::is_authority(out.authority)) return wrong("names no host");
    if (!moqt::is_path(out.path)) return wrong("has a character in its path that needs an escape");
    std::string_view rest = out.authority;
    if (const auto at = rest.rfind('@'); at != rest.npos) rest.remove_prefix(at + 1);
    std::string_view port;
    if (rest.starts_with('[')) {
        const auto end = rest.find(']');
        out.host = rest.substr(1, end - 1);
        port = rest.substr(end + 1);
    } else {
        const auto colon = rest.find(':');
        out.host = rest.substr(0, colon);
        if (colon != rest.npos) port = rest.substr(colon);
    }
    if (port.size() > 1 && (!read_number(port.substr(1), out.port) || out.port == 0))
        return wrong("has no valid port (1 to 65535)");
    return out;
}

std::expected<moqt::track_namespace, std::string> parse_namespace(std::string_view text) {
    moqt::track_namespace out;
    if (text.empty()) return out;
    const auto whole = text;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find('/', at), text.size());
        std::string field;
        for (auto i = at; i < end; ++i) {
            if (text[i] != '%') {
                field += text[i];
                continue;
            }
            const int high = i + 2 < end ? hex_digit(text[i + 1]) : -1;
            const int low = i + 2 < end ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return std::unexpected("namespace '" + std::string{whole} +
                                       "' has a percent sign without two hexadecimal digits");
            field += static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (field.empty())
            return std::unexpected("namespace '" + std::string{whole} + "' has an empty field");
        out.append(as_bytes(field));
        at = end + 1;
    }
    if (out.count() > moqt::limits::namespace_fields)
        return std::unexpected("namespace '" + std::string{whole} + "' has more than 32 fields");
    if (out.view().content_size() > moqt::limits::full_track_name)
        return std::unexpected("namespace '" + std::string{whole} + "' is longer than 4096 bytes");
    return out;
}

std::string to_text(const moqt::track_namespace& space) {
    std::string out;
    auto at = space.view().fields();
    for (bool first = true; const auto field = at.next(); first = false) {
        if (!first) out += '/';
        for (const char c : as_text(*field)) {
            const auto u = static_cast<unsigned char>(c);
            if (u > 0x20 && u < 0x7f && c != '/' && c != '%') {
                out += c;
            } else {
                out += '%';
                out += "0123456789ABCDEF"[u >> 4];
                out += "0123456789ABCDEF"[u & 15];
            }
        }
    }
    return out;
}

std::expected<moqt::location, std::string> parse_location(std::string_view text) {
    moqt::location out;
    const auto colon = text.find(':');
    if (colon == text.npos || !read_number(text.substr(0, colon), out.group) ||
        !read_number(text.substr(colon + 1), out.object))
        return std::unexpected("'" + std::string{text} + "' is no location: write group:object");
    return out;
}

} // namespace moqrtc::reference
