#pragma once

#include <moqrtc/core/slice.hpp>
#include <moqrtc/webtransport/codes.hpp>
#include <moqrtc/webtransport/field.hpp>
#include <moqrtc/webtransport/transport.hpp>

#include <cstdint>
#include <string_view>

namespace moqrtc::webtransport {

/// What a connection tells whoever drives it.
struct event {
    enum class kind : std::uint8_t {
        none,
        /// The peer's SETTINGS are here: `connection::peer_settings` and `version` are known.
        ready,

        /// Server: a client asks for a session. `stream` is the session, `fields` its request;
        /// `offered_protocols` lists what it wants to speak. Answer `accept` or `respond`.
        session_requested,
        /// Client: session `stream` is open. `fields` is the response, `data` the protocol that the
        /// server chose, empty when it chose none.
        session_opened,
        /// Client: session `stream` was refused with `status` and `fields`, or with status 0 when
        /// there was no answer: `code` says why. Nothing else comes of it.
        session_refused,
        /// The peer asks us to end session `stream` soon.
        session_draining,
        /// Session `stream` is over: `application_code` and `data` (UTF-8) are what the closing
        /// side gave; `code` is not `h3_no_error` when it broke. Its streams have been reset and no
        /// byte of them comes any more. For a session that the server had not answered yet, it says
        /// that there is nothing to answer.
        session_closed,
        /// Session flow control allows more: ask `send_budget` and `stream_credit` again.
        session_credit,
        /// A datagram of session `stream` that came before the session was open; `data` is it.
        datagram,

        /// Server: request `stream` with `fields`; its content follows as `content`, its end as
        /// `finished`. Answer with `respond`.
        request,
        /// Client: the final response to request `stream`, with `status` and `fields`.
        response,
        /// Content of request or response `stream`: `data`.
        content,
        /// Request or response `stream` is complete; `fields` are its trailers, if any.
        finished,
        /// Request or response `stream` broke off with `code`. Nothing else comes of it.
        aborted,
        /// The peer wants no more of what we send on `stream`, which was reset; `code` says why.
        stopped,
        /// Everything written to `stream` so far is with the transport: time to write more.
        drained,

        /// The peer takes no further requests; those it will not answer have been `aborted` or
        /// `session_refused` with `h3_request_rejected` and can be tried again elsewhere.
        goaway,
        /// The connection is over; the last event. `code` and `data` say why, `by_peer` who.
        closed,
    };

    kind what = kind::none;
    bool by_peer = false;
    std::uint16_t status = 0;
    std::uint32_t application_code = 0;
    stream_id stream = no_stream;
    http_code code = http_code::h3_no_error;
    field_list fields{};
    slice data{};

    [[nodiscard]] std::string_view method() const noexcept { return fields.value(":method"); }
    [[nodiscard]] std::string_view authority() const noexcept {
        const auto name = fields.value(":authority");
        return name.empty() ? fields.value("host") : name;
    }
    /// Path and query.
    [[nodiscard]] std::string_view path() const noexcept { return fields.value(":path"); }
    [[nodiscard]] std::string_view text() const noexcept { return as_text(data.view()); }
};

} // namespace moqrtc::webtransport
