#pragma once

#include <moqrtc/moqt/message.hpp>

#include <optional>

namespace moqrtc::moqt::msg {

/// GOAWAY: asks the peer to move to another session.
///
/// Spec    moq-transport, anchor `message-goaway`.
/// Fields  `timeout` is in milliseconds; 0 means that no deadline was given.
///         `request_id` exists in draft 18 only, on the control stream: the smallest request of
///         the peer that was not processed.
/// Borrows `new_session_uri`.
struct goaway {
    static constexpr std::string_view name = "GOAWAY";
    static constexpr const char* where = "GOAWAY, message-goaway";
    static constexpr std::uint64_t code(const wire_rules&) noexcept { return 0x10; }

    bytes new_session_uri{};
    std::uint64_t timeout = 0;
    std::optional<std::uint64_t> request_id{};

    static constexpr void describe(auto& io, auto& m) {
        io.blob("new_session_uri", m.new_session_uri, limits::session_uri);
        io.varint_if(io.rules().goaway_timeout, "timeout", m.timeout);
        io.tail_if(io.rules().goaway_request, "request_id", m.request_id);
    }
};

} // namespace moqrtc::moqt::msg
