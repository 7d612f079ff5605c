#pragma once

#include "control_state.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace moqrtc::reference {

/// Looks at what is published, tells when a broadcast begins and ends, and keeps one row of
/// analytics for each, tagged `media.broadcast`. A broadcast is a namespace that has publishers; it
/// has ended when none was seen for two looks, so that a publisher may change its connection.
///
/// Threads the control thread alone.
class broadcast_watch {
public:
    explicit broadcast_watch(control_state& of) : of_{&of} {}

    /// Rows that a crash left open are closed at the time they were last written.
    void close_stale();
    /// Whether it is time for another look: every second where there is little to see, else as
    /// much more seldom as there is more, because the lists are made on the threads of the media.
    [[nodiscard]] bool is_due(wall_seconds at);
    /// What is there now.
    void look(const server_status& now, wall_seconds at);

private:
    struct broadcast {
        std::string id; ///< of its row
        std::string org;
        std::size_t tracks = 0;
        std::size_t viewers_peak = 0;
        std::uint64_t viewer_seconds = 0;
        std::uint64_t bytes_in = 0;
        std::uint64_t bytes_out = 0;
        wall_seconds started = 0;
        wall_seconds seen = 0;
        wall_seconds written = 0;
    };

    void begin(const std::string& space, broadcast& one, wall_seconds at);
    void write(const broadcast& one, wall_seconds at, bool ended);
    void tell(std::string_view event, const std::string& space, const broadcast& one,
              wall_seconds at);

    control_state* of_;
    std::int64_t interval_ = 1;
    wall_seconds next_ = 0;
    std::map<std::string, broadcast> live_;
};

} // namespace moqrtc::reference
