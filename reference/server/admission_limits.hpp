#pragma once

#include <moqrtc/core/time.hpp>

#include <cstddef>
#include <cstdint>

namespace moqrtc::reference {

/// How many of what the whole server takes on, whatever thread it is on. Rates are per second, with
/// ten times as many at once after a pause; 0 is no limit.
///
/// Units   `account_bitrate` in bit/s, `unauthorized_bytes` in bytes.
struct admission_limits {
    std::size_t sessions = 100'000;
    std::size_t sessions_per_address = 10'000;
    std::size_t publishers = 10'000;
    std::size_t subscribers = 1'000'000;
    std::size_t subscribers_per_room = 50'000;
    std::size_t streams = 10'000;
    std::size_t account_publishers = 1'000;
    std::size_t account_subscribers = 100'000;
    std::uint64_t account_bitrate = 10'000'000'000;
    std::uint64_t address_session_rate = 200;
    std::uint64_t address_request_rate = 5'000;
    std::uint64_t account_session_rate = 1'000;
    std::uint64_t account_request_rate = 20'000;

    // Of connections that have to show a credential and have not.
    std::size_t unauthorized = 2'000;
    std::uint64_t unauthorized_bytes = 64 << 10;
    std::uint64_t unauthorized_streams = 32;
    duration unauthorized_time = seconds(10);
};

} // namespace moqrtc::reference
