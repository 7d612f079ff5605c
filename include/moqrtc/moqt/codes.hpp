#pragma once

#include <moqrtc/core/error.hpp>
#include <moqrtc/moqt/draft.hpp>

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

/// The registries of codes. Inside the library a code is an enumerator of its registry; its number
/// differs between drafts and exists only on the wire.
namespace moqrtc::moqt {

/// Why a session ends. Spec: moq-transport, anchor `session-termination`.
enum class close_code : std::uint8_t {
    no_error,
    internal_error,
    unauthorized,
    protocol_violation,
    invalid_request_id,
    duplicate_track_alias,
    key_value_formatting_error,
    too_many_requests,
    invalid_path,
    malformed_path,
    goaway_timeout,
    control_message_timeout,
    data_stream_timeout,
    auth_token_cache_overflow,
    duplicate_auth_token_alias,
    version_negotiation_failed,
    malformed_auth_token,
    unknown_auth_token_alias,
    expired_auth_token,
    invalid_authority,
    malformed_authority,
    too_many_request_updates,
    invalid_required_request_id,
};

/// Why a request is refused. Spec: moq-transport, anchor `message-request-error`.
enum class request_error_code : std::uint8_t {
    internal_error,
    unauthorized,
    timeout,
    not_supported,
    malformed_auth_token,
    expired_auth_token,
    going_away,
    excessive_load,
    does_not_exist,
    invalid_range,
    malformed_track,
    duplicate_subscription,
    uninterested,
    prefix_overlap,
    namespace_too_large,
    invalid_joining_request_id,
    unsupported_extension,
    redirect,
    conflicting_filters,
    invalid_filter,
    no_objects,
    unknown_status_in_range,
};

/// The registries that draft 14 has instead of the one for all requests. Spec: moq-transport 14,
/// anchors `iana-subscribe-error`, `iana-publish-error`, `iana-fetch-error`,
/// `iana-announce-error`, `iana-subscribe-namespace-error`.
enum class error_registry : std::uint8_t {
    subscribe, ///< TRACK_STATUS too
    publish,
    fetch,
    publish_namespace,
    subscribe_namespace,
};

/// Why a subscription ended. Spec: moq-transport, anchor `message-publish-done`.
enum class publish_done_code : std::uint8_t {
    internal_error,
    unauthorized,
    track_ended,
    subscription_ended,
    going_away,
    expired,
    too_far_behind,
    update_failed,
    excessive_load,
    malformed_track,
};

/// Why a stream was reset or stopped. Spec: moq-transport, anchor `closing-subgroup-streams`.
enum class reset_code : std::uint8_t {
    internal_error,
    cancelled,
    delivery_timeout,
    session_closed,
    unknown_object_status,
    too_far_behind,
    going_away,
    expired_auth_token,
    excessive_load,
    malformed_track,
};

namespace detail {

inline constexpr std::uint8_t absent = 0xff;

struct code_row {
    std::string_view name;
    /// Number on the wire in drafts 15, 16, 17, 18 and later; `absent` where the draft has none.
    std::array<std::uint8_t, 4> numbers;
    /// The drafts that have it, where the columns do not say it.
    draft first = all_drafts.front();
    draft last = all_drafts.back();

    [[nodiscard]] constexpr std::uint8_t in(draft d) const noexcept {
        const std::size_t column = d <= draft::d15   ? 0
                                   : d == draft::d16 ? 1
                                   : d == draft::d17 ? 2
                                                     : 3;
        return d < first || d > last ? absent : numbers[column];
    }
};

inline constexpr std::array<code_row, 23> close_rows{{
    {"NO_ERROR", {0, 0, 0, 0}},
    {"INTERNAL_ERROR", {1, 1, 1, 1}},
    {"UNAUTHORIZED", {2, 2, 2, 2}},
    {"PROTOCOL_VIOLATION", {3, 3, 3, 3}},
    {"INVALID_REQUEST_ID", {4, 4, 4, 4}},
    {"DUPLICATE_TRACK_ALIAS", {5, 5, 5, 5}},
    {"KEY_VALUE_FORMATTING_ERROR", {6, 6, 6, 6}},
    {"TOO_MANY_REQUESTS", {7, 7, absent, absent}},
    {"INVALID_PATH", {8, 8, 8, 8}},
    {"MALFORMED_PATH", {9, 9, 9, 9}},
    {"GOAWAY_TIMEOUT", {0x10, 0x10, 0x10, 0x10}},
    {"CONTROL_MESSAGE_TIMEOUT", {0x11, 0x11, 0x11, 0x11}},
    {"DATA_STREAM_TIMEOUT", {0x12, 0x12, 0x12, 0x12}},
    {"AUTH_TOKEN_CACHE_OVERFLOW", {0x13, 0x13, 0x13, 0x13}},
    {"DUPLICATE_AUTH_TOKEN_ALIAS", {0x14, 0x14, 0x14, 0x14}},
    {"VERSION_NEGOTIATION_FAILED", {0x15, 0x15, 0x15, 0x15}, draft::d14, draft::d19},
    {"MALFORMED_AUTH_TOKEN", {0x16, 0x16, 0x16, 0x16}},
    {"UNKNOWN_AUTH_TOKEN_ALIAS", {0x17, 0x17, 0x17, 0x17}},
    {"EXPIRED_AUTH_TOKEN", {0x18, 0x18, 0x18, 0x18}},
    {"INVALID_AUTHORITY", {0x19, 0x19, 0x19, 0x19}},
    {"MALFORMED_AUTHORITY", {0x1a, 0x1a, 0x1a, 0x1a}},
    {"TOO_MANY_REQUEST_UPDATES", {absent, absent, absent, 0x1b}, draft::d19},
    {"INVALID_REQUIRED_REQUEST_ID", {absent, absent, 7, absent}},
}};

inline constexpr std::array<code_row, 22> request_error_rows{{
    {"INTERNAL_ERROR", {0, 0, 0, 0}},
    {"UNAUTHORIZED", {1, 1, 1, 1}},
    {"TIMEOUT", {2, 2, 2, 2}},
    {"NOT_SUPPORTED", {3, 3, 3, 3}},
    {"MALFORMED_AUTH_TOKEN", {4, 4, 4, 4}},
    {"EXPIRED_AUTH_TOKEN", {5, 5, 5, 5}},
    {"GOING_AWAY", {absent, absent, 6, 6}},
    {"EXCESSIVE_LOAD", {absent, absent, 9, 9}},
    {"DOES_NOT_EXIST", {0x10, 0x10, 0x10, 0x10}},
    {"INVALID_RANGE", {0x11, 0x11, 0x11, 0x11}},
    {"MALFORMED_TRACK", {0x12, 0x12, 0x12, 0x12}},
    {"DUPLICATE_SUBSCRIPTION", {absent, 0x19, 0x19, 0x19}, draft::d16, draft::d18},
    {"UNINTERESTED", {0x20, 0x20, 0x20, 0x20}},
    {"PREFIX_OVERLAP", {0x30, 0x30, 0x30, 0x30}},
    {"NAMESPACE_TOO_LARGE", {absent, absent, 0x31, 0x31}},
    {"INVALID_JOINING_REQUEST_ID", {0x32, 0x32, 0x32, 0x32}, draft::d14, draft::d19},
    {"UNSUPPORTED_EXTENSION", {absent, absent, absent, 0x33}},
    {"REDIRECT", {absent, absent, absent, 0x34}},
    {"CONFLICTING_FILTERS", {absent, absent, absent, 0x35}, draft::d19},
    {"INVALID_FILTER", {absent, absent, absent, 0x36}, draft::d19},
    {"NO_OBJECTS", {absent, absent, absent, absent}},
    {"UNKNOWN_STATUS_IN_RANGE", {0x33, absent, absent, absent}},
}};

/// Draft 14: the number in each `error_registry`, in its order.
struct registries_row {
    request_error_code code;
    std::array<std::uint8_t, 5> numbers;
};
inline constexpr std::array<registries_row, 14> registries_14{{
    {request_error_code::internal_error, {0, 0, 0, 0, 0}},
    {request_error_code::unauthorized, {1, 1, 1, 1, 1}},
    {request_error_code::timeout, {2, 2, 2, 2, 2}},
    {request_error_code::not_supported, {3, 3, 3, 3, 3}},
    {request_error_code::does_not_exist, {4, absent, 4, absent, 4}},
    {request_error_code::uninterested, {absent, 4, absent, 4, absent}},
    {request_error_code::invalid_range, {5, absent, 5, absent, absent}},
    {request_error_code::prefix_overlap, {absent, absent, absent, absent, 5}},
    {request_error_code::no_objects, {absent, absent, 6, absent, absent}},
    {request_error_code::invalid_joining_request_id, {absent, absent, 7, absent, absent}},
    {request_error_code::unknown_status_in_range, {absent, absent, 8, absent, absent}},
    {request_error_code::malformed_track, {absent, absent, 9, absent, absent}},
    {request_error_code::malformed_auth_token, {0x10, absent, 0x10, 0x10, 0x10}},
    {request_error_code::expired_auth_token, {0x12, absent, 0x12, 0x12, 0x12}},
}};

inline constexpr std::array<code_row, 10> publish_done_rows{{
    {"INTERNAL_ERROR", {0, 0, 0, 0}},
    {"UNAUTHORIZED", {1, 1, 1, 1}},
    {"TRACK_ENDED", {2, 2, 2, 2}},
    {"SUBSCRIPTION_ENDED", {3, 3, 3, 3}, draft::d14, draft::d19},
    {"GOING_AWAY", {4, 4, 4, 4}},
    {"EXPIRED", {5, 5, 5, 6}},
    {"TOO_FAR_BEHIND", {6, 6, 6, 5}},
    {"UPDATE_FAILED", {8, 8, 8, 8}, draft::d15},
    {"EXCESSIVE_LOAD", {absent, absent, 9, 9}},
    {"MALFORMED_TRACK", {7, 0x12, 0x12, 0x12}},
}};

inline constexpr std::array<code_row, 10> reset_rows{{
    {"INTERNAL_ERROR", {0, 0, 0, 0}},
    {"CANCELLED", {1, 1, 1, 1}},
    {"DELIVERY_TIMEOUT", {2, 2, 2, 2}},
    {"SESSION_CLOSED", {3, 3, 3, 3}},
    {"UNKNOWN_OBJECT_STATUS", {absent, 4, 4, 6}},
    {"TOO_FAR_BEHIND", {absent, absent, 5, 5}},
    {"GOING_AWAY", {absent, absent, absent, 4}},
    {"EXPIRED_AUTH_TOKEN", {absent, absent, absent, 7}},
    {"EXCESSIVE_LOAD", {absent, absent, 9, 9}},
    {"MALFORMED_TRACK", {absent, 0x12, 0x12, 0x12}},
}};

[[nodiscard]] constexpr const auto& rows_of(close_code) noexcept {
    return close_rows;
}
[[nodiscard]] constexpr const auto& rows_of(request_error_code) noexcept {
    return request_error_rows;
}
[[nodiscard]] constexpr const auto& rows_of(publish_done_code) noexcept {
    return publish_done_rows;
}
[[nodiscard]] constexpr const auto& rows_of(reset_code) noexcept {
    return reset_rows;
}

} // namespace detail

template <class Code>
concept registry_code = requires(Code code) { detail::rows_of(code); };

/// The registered name of a code.
template <registry_code Code>
[[nodiscard]] constexpr std::string_view to_string(Code code) noexcept {
    return detail::rows_of(code)[static_cast<std::size_t>(code)].name;
}
namespace detail {

[[nodiscard]] constexpr std::uint8_t number_in(error_registry registry,
                                               request_error_code code) noexcept {
    for (const auto& row : registries_14)
        if (row.code == code) return row.numbers[static_cast<std::size_t>(registry)];
    return absent;
}

} // namespace detail

/// Whether the draft registers this code.
template <registry_code Code>
[[nodiscard]] constexpr bool in_draft(const wire_rules& rules, Code code) noexcept {
    return detail::rows_of(code)[static_cast<std::size_t>(code)].in(rules.id) != detail::absent;
}
/// The number of a code in a draft; a code the draft lacks becomes its INTERNAL_ERROR (for
/// `close_code`, where such a code always stands for broken rules, PROTOCOL_VIOLATION).
template <registry_code Code>
[[nodiscard]] constexpr std::uint64_t to_wire(const wire_rules& rules, Code code) noexcept {
    const auto n = detail::rows_of(code)[static_cast<std::size_t>(code)].in(rules.id);
    if (n != detail::absent) return n;
    if constexpr (std::is_same_v<Code, close_code>) return 0x3;
    return 0x0;
}
/// The code of a number; unknown numbers count as INTERNAL_ERROR, as draft 18 section 14 demands.
template <registry_code Code>
[[nodiscard]] constexpr Code from_wire(const wire_rules& rules, std::uint64_t number) noexcept {
    const auto& rows = detail::rows_of(Code{});
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].in(rules.id) == number && number != detail::absent) return static_cast<Code>(i);
    return Code::internal_error;
}

/// The number of a request's error; `registry` counts where a draft has several.
[[nodiscard]] constexpr std::uint64_t error_number(const wire_rules& rules, request_error_code code,
                                                   error_registry registry) noexcept {
    if (rules.unified_errors) return to_wire(rules, code);
    const auto n = detail::number_in(registry, code);
    if (n != detail::absent) return n;
    // A registry without the errors of tokens still has the one for those who may not.
    const bool token = code == request_error_code::malformed_auth_token ||
                       code == request_error_code::expired_auth_token;
    return token ? detail::number_in(registry, request_error_code::unauthorized) : 0;
}
/// The error of a number, in the same way; an unknown number is INTERNAL_ERROR.
[[nodiscard]] constexpr request_error_code error_of(const wire_rules& rules, std::uint64_t number,
                                                    error_registry registry) noexcept {
    if (rules.unified_errors) return from_wire<request_error_code>(rules, number);
    for (const auto& row : detail::registries_14)
        if (row.numbers[static_cast<std::size_t>(registry)] == number && number != detail::absent)
            return row.code;
    return request_error_code::internal_error;
}

/// How a session answers a codec's failure on a control message or a stream.
[[nodiscard]] constexpr close_code close_code_for(errc code) noexcept {
    switch (code) {
    case errc::malformed_value:
        return close_code::key_value_formatting_error;
    case errc::out_of_memory:
    case errc::no_space:
    case errc::bad_state:
        return close_code::internal_error; // ours, not the peer's
    default:
        return close_code::protocol_violation;
    }
}

} // namespace moqrtc::moqt
