#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace moqrtc {

/// What went wrong, for every codec and machine of the library.
enum class errc : std::uint8_t {
    ok,
    truncated,       ///< the input ends inside the field
    trailing,        ///< bytes are left over after the last field
    bad_value,       ///< the field parsed, its value is forbidden
    malformed_value, ///< a known key's value does not fit its own serialization
    limit,           ///< a stated limit of the specification or the configuration is passed
    overflow,        ///< arithmetic on wire values leaves 64 bits
    duplicate,       ///< something that may stand once stands twice
    unknown_type,    ///< a type code that this draft or format does not define
    not_in_draft,    ///< the draft in use cannot express this
    unsupported,     ///< well formed, not implemented by this side
    no_space,        ///< the caller's output buffer is too small
    out_of_memory,   ///< the pool or table is at its configured bound
    bad_state,       ///< the caller used the machine in a state that does not allow it
    not_found,       ///< the named thing does not exist
};

/// A failure: what, where in the input, and which field of which structure.
///
/// Owns    nothing: `field` and `where` are string literals, so hostile input cannot make an
///         error allocate.
/// Units   `offset` counts bytes from the start of the input handed to the failing call.
struct error {
    errc code = errc::ok;
    std::uint32_t offset = 0;
    const char* field = "";
    const char* where = ""; ///< structure and specification section, e.g. "SUBSCRIBE, 9.9"
};

/// A value or the reason why there is none.
template <class T>
using result = std::expected<T, error>;

/// The name of a code, as in the source.
[[nodiscard]] constexpr std::string_view to_string(errc code) noexcept {
    switch (code) {
    case errc::ok:
        return "ok";
    case errc::truncated:
        return "truncated";
    case errc::trailing:
        return "trailing bytes";
    case errc::bad_value:
        return "bad value";
    case errc::malformed_value:
        return "malformed value";
    case errc::limit:
        return "limit exceeded";
    case errc::overflow:
        return "overflow";
    case errc::duplicate:
        return "duplicate";
    case errc::unknown_type:
        return "unknown type";
    case errc::not_in_draft:
        return "not in this draft";
    case errc::unsupported:
        return "unsupported";
    case errc::no_space:
        return "no space";
    case errc::out_of_memory:
        return "out of memory";
    case errc::bad_state:
        return "bad state";
    case errc::not_found:
        return "not found";
    }
    return "unknown";
}

/// `std::unexpected` of an error, in fewer letters.
[[nodiscard]] constexpr std::unexpected<error>
fail(errc code, const char* field, std::uint32_t offset = 0, const char* where = "") noexcept {
    return std::unexpected(error{code, offset, field, where});
}

} // namespace moqrtc
