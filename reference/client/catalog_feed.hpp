#pragma once

#include "track_receiver.hpp"

#include <moqrtc/catalog/catalog_state.hpp>

#include <optional>
#include <string>

namespace moqrtc::reference {

/// The catalog of a namespace as it comes: from track `catalog`, or `.catalog` where that does not
/// exist.
class catalog_feed {
public:
    enum class progress : std::uint8_t {
        foreign, ///< the event is about something else
        taken,   ///< look at `poll`
        absent,  ///< there is neither
        cut_off, ///< the subscription ended, the track did not
        over,    ///< the track has ended
        renamed, ///< the first name is not there: call `subscribe` again
    };
    struct update {
        moqt::location at;
        slice payload;
        result<catalog::changes> changes;
    };

    catalog_feed(runner& run, const moqt::track_namespace& space)
        : track_{run, {space, std::string{catalog::msf_track_name}}} {}

    [[nodiscard]] result<void> subscribe(instant now, moqt::session& session, duration wait) {
        return track_.subscribe(now, session, wait);
    }
    [[nodiscard]] progress handle(instant now, moqt::session& session, moqt::event& event) {
        switch (track_.handle(now, session, event)) {
        case track_receiver::progress::foreign:
            return progress::foreign;
        case track_receiver::progress::taken:
            return progress::taken;
        case track_receiver::progress::rejected:
            return rename() ? progress::renamed : progress::absent;
        case track_receiver::progress::ended:
            return progress::over;
        case track_receiver::progress::cut_off:
            return progress::cut_off;
        }
        return progress::foreign;
    }
    /// The next object of the track.
    [[nodiscard]] std::optional<update> poll(instant now) {
        auto object = track_.poll(now);
        if (!object) return std::nullopt;
        auto changes = state_.handle_object(object->at.group, object->at.object, object->payload);
        return update{object->at, std::move(object->payload), std::move(changes)};
    }
    [[nodiscard]] instant next_timeout() const noexcept { return track_.next_timeout(); }
    void lost() { track_.lost(); }
    /// The catalog in force, or null.
    [[nodiscard]] const catalog::catalog* current() const noexcept { return state_.current(); }
    [[nodiscard]] const std::string& name() const noexcept { return track_.name().name; }

private:
    /// The other name; false when both were tried.
    [[nodiscard]] bool rename() {
        const bool first = name() == catalog::msf_track_name;
        track_.rename({track_.name().space,
                       std::string{first ? catalog::plain_track_name : catalog::msf_track_name}});
        return first;
    }

    track_receiver track_;
    catalog::catalog_state state_;
};

} // namespace moqrtc::reference
