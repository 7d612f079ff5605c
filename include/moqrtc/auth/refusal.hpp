#pragma once

#include <moqrtc/core/error.hpp>

#include <cstdint>
#include <expected>
#include <string_view>

namespace moqrtc::auth {

/// Why a credential is not accepted.
enum class refusal_reason : std::uint8_t {
    missing,         ///< there is none, and one is needed
    malformed,       ///< not a token, or one with claims missing or of the wrong shape
    too_large,       ///< past a stated limit; nothing was computed for it
    unsupported,     ///< says something that must be understood and is not
    unknown_key,     ///< signed by nobody we know
    wrong_algorithm, ///< none, one the key is not for, or one we do not do
    bad_signature,
    expired,
    not_yet_valid,
    wrong_audience, ///< made for somebody else, or by an issuer we do not listen to
    wrong_profile,  ///< a good token, but not of a kind that this door takes
    wrong_scope,    ///< does not allow this action here
    wrong_transport,
    ttl_too_long, ///< lives longer than its profile may
    replayed,
    revoked,
    overloaded, ///< a table that must not forget is full
};

/// How many reasons there are, for a table of counters.
inline constexpr std::size_t refusal_reasons =
    static_cast<std::size_t>(refusal_reason::overloaded) + 1;

/// A refusal: why, and for people what exactly. Never a word of the credential itself.
struct refusal {
    refusal_reason why = refusal_reason::malformed;
    error what{}; ///< code, offset and field where the input is to blame
};

/// A value, or why not.
template <class T>
using verdict = std::expected<T, refusal>;

/// `std::unexpected` of a refusal.
[[nodiscard]] constexpr std::unexpected<refusal> refuse(refusal_reason why, const char* field = "",
                                                        errc code = errc::bad_value,
                                                        const char* where = "") noexcept {
    return std::unexpected(refusal{why, {code, 0, field, where}});
}
/// The refusal of input that does not parse.
[[nodiscard]] constexpr std::unexpected<refusal> refuse(const error& what) noexcept {
    return std::unexpected(refusal{
        what.code == errc::limit ? refusal_reason::too_large : refusal_reason::malformed, what});
}

/// The name of a reason, as in the source: what logs and metrics call it.
[[nodiscard]] constexpr std::string_view to_string(refusal_reason why) noexcept {
    constexpr std::string_view names[] = {
        "missing",         "malformed",     "too_large",       "unsupported",   "unknown_key",
        "wrong_algorithm", "bad_signature", "expired",         "not_yet_valid", "wrong_audience",
        "wrong_profile",   "wrong_scope",   "wrong_transport", "ttl_too_long",  "replayed",
        "revoked",         "overloaded"};
    static_assert(std::size(names) == refusal_reasons);
    return static_cast<std::size_t>(why) < refusal_reasons ? names[static_cast<std::size_t>(why)]
                                                           : "unknown";
}

} // namespace moqrtc::auth
