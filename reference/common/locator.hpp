#pragma once

#include <moqrtc/moqt/name.hpp>
#include <moqrtc/moqt/types.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace moqrtc::reference {

/// Where a MoQT endpoint is: `moqt://host:port/path` (raw QUIC) or `https://host:port/path`
/// (WebTransport).
struct locator {
    enum class scheme : std::uint8_t { moqt, https };
    scheme how = scheme::moqt;
    std::string host; ///< without brackets
    std::uint16_t port = 443;
    std::string path;      ///< with the query, as PATH carries it; may be empty
    std::string authority; ///< host and port as written, as AUTHORITY carries it
};

/// Errors  a sentence that says what is wrong with the URL.
[[nodiscard]] std::expected<locator, std::string> parse_locator(std::string_view url);

/// `a/b/c`, one field per segment, percent escapes for bytes; empty text is the empty namespace.
[[nodiscard]] std::expected<moqt::track_namespace, std::string>
parse_namespace(std::string_view text);

/// The same back, with escapes for what is not plain.
[[nodiscard]] std::string to_text(const moqt::track_namespace& space);

/// `group:object`.
[[nodiscard]] std::expected<moqt::location, std::string> parse_location(std::string_view text);

} // namespace moqrtc::reference
