#pragma once

#include "log.hpp"
#include "rate_limit.hpp"

#include <moqrtc/moqt/relay/event.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace moqrtc::reference {

/// Writes what a relay reports to the log; one for each shard, used on its thread.
///
/// A peer may cause any event as often as it likes, so each kind has a rate; the next line that is
/// written says how many were not.
class relay_log {
public:
    explicit relay_log(std::size_t shard) : shard_{shard} {}

    /// `peer` describes the event's session where it is known.
    void write(instant now, const moqt::relay_event& event, std::string_view peer);

private:
    static constexpr std::size_t kinds = 16;

    std::size_t shard_;
    std::array<rate_limit, kinds> limits_{};
    /// Of sessions that are up, by index: a session that ends unheard is replaced by the next.
    std::map<std::uint32_t, std::pair<moqt::session_key, std::string>> peers_;
};

} // namespace moqrtc::reference
