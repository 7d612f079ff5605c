#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/moqt/limits.hpp>
#include <moqrtc/moqt/name.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

/// Names of tracks as text that is safe in file names and URLs: `example.2enet-team2--report`.
namespace moqrtc::moqt {

namespace detail {

[[nodiscard]] constexpr bool is_plain_in_names(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
inline void write_name_part(std::string& to, bytes part) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : as_text(part)) {
        if (is_plain_in_names(c)) {
            to += c;
            continue;
        }
        const auto u = static_cast<unsigned char>(c);
        to += '.';
        to += digits[u >> 4];
        to += digits[u & 15];
    }
}
/// Errors  bad_value at the first character that no writer puts there.
[[nodiscard]] inline result<std::string> read_name_part(std::string_view from, std::size_t offset) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < from.size(); ++i) {
        const auto wrong = [&] {
            return fail(errc::bad_value, "name", static_cast<std::uint32_t>(offset + i),
                        "serialized name");
        };
        if (is_plain_in_names(from[i])) {
            out += from[i];
            continue;
        }
        if (from[i] != '.' || from.size() - i < 3) return wrong();
        const int high = digit(from[i + 1]);
        const int low = digit(from[i + 2]);
        if (high < 0 || low < 0) return wrong();
        const auto c = static_cast<char>(high * 16 + low);
        if (is_plain_in_names(c)) return wrong();
        out += c;
        i += 2;
    }
    return out;
}

} // namespace detail

/// The one text for a name: fields with a hyphen between them, two hyphens, the track's name; bytes
/// other than letters, digits and `_` as a period and two lower-case hexadecimal digits.
///
/// Spec    moq-transport, anchor `representing-namespace-and-track-names`.
[[nodiscard]] inline std::string serialize_name(const full_track_name& name) {
    std::string out;
    auto at = name.space.view().fields();
    for (bool first = true; const auto field = at.next(); first = false) {
        if (!first) out += '-';
        detail::write_name_part(out, *field);
    }
    out += "--";
    detail::write_name_part(out, as_bytes(name.name));
    return out;
}

/// The name that a text stands for. No two texts stand for one name.
///
/// Errors  bad_value: upper-case digits, digits for what stands for itself, an escape that is
///         cut off, any other character, no double hyphen, an empty field; limit: more fields or
///         bytes than a name has. `offset` counts characters.
/// Spec    moq-transport, anchor `parsing-serialized-names`.
[[nodiscard]] inline result<full_track_name> parse_serialized_name(std::string_view text) {
    const auto end = text.find("--");
    if (end == text.npos)
        return fail(errc::bad_value, "track_name", static_cast<std::uint32_t>(text.size()),
                    "serialized name");
    full_track_name out;
    std::size_t size = 0;
    for (std::size_t at = 0; at < end;) {
        const auto hyphen = std::min(text.find('-', at), end);
        const auto offset = static_cast<std::uint32_t>(at);
        auto field = detail::read_name_part(text.substr(at, hyphen - at), at);
        if (!field) return std::unexpected(field.error());
        if (field->empty())
            return fail(errc::bad_value, "namespace_field", offset, "serialized name");
        size += field->size();
        if (out.space.count() == limits::namespace_fields || size > limits::full_track_name)
            return fail(errc::limit, "namespace", offset, "serialized name");
        out.space.append(as_bytes(*field));
        at = hyphen + 1;
    }
    auto name = detail::read_name_part(text.substr(end + 2), end + 2);
    if (!name) return std::unexpected(name.error());
    if (size + name->size() > limits::full_track_name)
        return fail(errc::limit, "track_name", static_cast<std::uint32_t>(end + 2),
                    "serialized name");
    out.name = std::move(*name);
    return out;
}

} // namespace moqrtc::moqt
