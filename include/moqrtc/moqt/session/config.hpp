#pragma once

#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/draft.hpp>
#include <moqrtc/moqt/limits.hpp>
#include <moqrtc/moqt/types.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace moqrtc::moqt {

/// What a session is told when it is made.
///
/// Units   sizes in bytes.
struct session_config {
    role self = role::client;
    draft version = draft::d18; ///< what ALPN or the WebTransport subprotocol chose
    bool webtransport = false;  ///< AUTHORITY and PATH travel in the CONNECT request instead
    std::string authority{};    ///< client on raw QUIC: authority of the URI
    std::string path{};         ///< client on raw QUIC: path and query of the URI
    /// Client: a token that SETUP carries for the session as a whole; empty sends none.
    std::string setup_token{};
    std::uint64_t setup_token_type = 0;
    std::string implementation{}; ///< MOQT_IMPLEMENTATION; empty sends none

    std::uint64_t max_requests = 1000; ///< requests of the peer that may be open at once
    std::uint64_t max_auth_token_cache_size = 16384;
    std::uint64_t max_filter_ranges = 64;   ///< of one subscription or fetch, 0 for none
    std::uint64_t max_request_updates = 16; ///< without an answer on a request, 0 for any number
    std::uint64_t max_object_payload = limits::object_payload;
    std::size_t max_events = 1024;           ///< events that wait for `poll_event`
    std::size_t max_control_queue = 4 << 20; ///< control bytes waiting to be sent
    std::size_t max_early_bytes = 256 << 10; ///< stream data kept until the peer's SETUP is here
    std::size_t max_unknown_alias_bytes = 1
                                          << 20; ///< objects kept until their SUBSCRIBE_OK is here

    /// Prefixes of discovery may overlap each other: for sides that agree on it beforehand, against
    /// PREFIX_OVERLAP.
    bool overlapping_prefixes = false;

    duration setup_timeout = seconds(10);  ///< until the peer's SETUP must be here
    duration goaway_timeout = seconds(10); ///< after GOAWAY, until the session is closed
};

} // namespace moqrtc::moqt
