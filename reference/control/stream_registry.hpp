#pragma once

#include "access_directory.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

class database;

/// The streams that were registered and have not ended: who may publish each, and whether somebody
/// does. The database has the same rows; a start reads them again.
///
/// No clock and no I/O besides `load`: time is an argument. Threads the control thread alone.
class stream_registry {
public:
    /// A stream that nobody published for that long has ended. Units: seconds.
    static constexpr wall_seconds patience = 3600;

    struct stream {
        std::string org{};
        std::string space{};  ///< its namespace
        std::string device{}; ///< empty: none
        bool published = false;
        wall_seconds seen = 0; ///< when it was published last; before that, when it was registered
    };

    /// Forgets everything and reads what is live. Streams were seen `now`: a publisher needs its
    /// time to come back after a restart.
    void load(database& from, wall_seconds now);
    void add(const std::string& id, stream one);
    void remove(std::string_view id);
    /// Which namespaces have publishers now.
    void look(const std::set<std::string, std::less<>>& published, wall_seconds now);
    /// Streams whose publisher has been away for longer than `patience`; `remove` them.
    [[nodiscard]] std::vector<std::string> stale(wall_seconds now) const;

    [[nodiscard]] const stream* find(std::string_view id) const;
    /// The device that may publish a namespace; empty: none, or no such stream.
    [[nodiscard]] std::string device_of(std::string_view space) const;
    [[nodiscard]] std::size_t size() const noexcept { return live_.size(); }

private:
    std::map<std::string, stream, std::less<>> live_{};          ///< by id
    std::map<std::string, std::string, std::less<>> by_space_{}; ///< namespace to id, the newest
};

} // namespace moqrtc::reference
