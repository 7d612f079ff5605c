#pragma once

#include <moqrtc/moqt/message.hpp>
#include <moqrtc/moqt/types.hpp>

namespace moqrtc::moqt::msg {

/// MAX_REQUEST_ID: the peer may use request identifiers below this one, up to draft 16.
///
/// Spec    moq-transport up to draft 16, anchor `message-max-request-id`.
struct max_request_id {
    static constexpr std::string_view name = "MAX_REQUEST_ID";
    static constexpr const char* where = "MAX_REQUEST_ID, message-max-request-id";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.request_credit ? 0x15 : no_code;
    }

    moqt::request_id limit = 0;

    static constexpr void describe(auto& io, auto& m) { io.varint("max_request_id", m.limit); }
};

/// REQUESTS_BLOCKED: a request waits for more credit than `limit`, up to draft 16.
///
/// Spec    moq-transport up to draft 16, anchor `message-requests-blocked`.
struct requests_blocked {
    static constexpr std::string_view name = "REQUESTS_BLOCKED";
    static constexpr const char* where = "REQUESTS_BLOCKED, message-requests-blocked";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.request_credit ? 0x1a : no_code;
    }

    moqt::request_id limit = 0;

    static constexpr void describe(auto& io, auto& m) { io.varint("maximum_request_id", m.limit); }
};

} // namespace moqrtc::moqt::msg
