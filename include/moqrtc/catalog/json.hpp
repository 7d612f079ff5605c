#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/inline.hpp>
#include <moqrtc/core/utf8.hpp>
#include <moqrtc/json/json.hpp>

#include <cstddef>

namespace moqrtc::catalog {

/// A JSON value as it is read; members are kept in the order of their names.
using json = json_document;

/// What one catalog object may cost its reader.
///
/// Units   `size` in bytes; `depth` in nested objects and arrays; `values` counts every value,
///         `tracks` the entries of each list of a catalog, `operations` those of an update.
struct limits {
    std::size_t size = std::size_t{1} << 20;
    std::size_t depth = 32;
    std::size_t values = 65536;
    std::size_t tracks = 1024;
    std::size_t operations = 4096;
};

/// Reads one JSON document of a size, depth and number of values within `bounds`.
///
/// The limits are applied before anything is built; a name that stands twice in an object is
/// refused, because readers disagree on which of the two counts.
///
/// Spec    RFC 8259.
/// Errors  limit, truncated, bad_value (syntax, UTF-8), duplicate; `offset` is near the place, not
///         behind it by more than the token.
[[nodiscard]] result<json> parse_json(bytes data, const limits& bounds = {});

#if MOQRTC_DEFINITIONS
MOQRTC_INLINE result<json> parse_json(bytes data, const limits& bounds) {
    if (data.size() > bounds.size) return fail(errc::limit, "size", 0, moqrtc::detail::json_where);
    constexpr std::size_t gzip_header = 2;
    if (data.size() >= gzip_header && load_be<2>(data) == 0x1f8b) // RFC 1952 section 2.3.1
        return fail(errc::unsupported, "GZIP", 0, "MSF_COMPRESSION, MSF 12.1");
    return read_json(data, {bounds.size, bounds.depth, bounds.values});
}

using moqrtc::is_utf8;
#endif

} // namespace moqrtc::catalog
