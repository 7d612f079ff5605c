#pragma once

#include "runner.hpp"

#include <moqrtc/catalog/track.hpp>
#include <moqrtc/cmaf/init_segment.hpp>

#include <string_view>
#include <vector>

namespace moqrtc::reference {

/// Init segments that are objects of tracks of their own (`initTrack`, catalog format 3.2.16).
///
/// Such a track is written once, often before anybody subscribes. So SUBSCRIBE goes without a
/// filter, and what SUBSCRIBE_OK says is there already is fetched besides; the object that comes
/// first is taken.
class init_tracks {
public:
    explicit init_tracks(runner& run) : run_{&run} {}

    /// One more track to get, if it is not among them yet; it is waited for until `deadline`.
    void want(const moqt::full_track_name& name, instant deadline);
    /// Asks for those that are missing and due.
    void subscribe(instant now, moqt::session& session);
    /// Whether the event was about one of them.
    [[nodiscard]] bool handle(instant now, moqt::session& session, const moqt::event& event);
    /// Whether one may still come.
    [[nodiscard]] bool pending(instant now) const noexcept;
    /// When `subscribe` and `pending` should be asked again although nothing came.
    [[nodiscard]] instant next_timeout() const noexcept;
    /// The session is gone.
    void lost() noexcept;
    /// The init segment in a track, or null.
    [[nodiscard]] const slice* find(std::string_view name) const noexcept;

private:
    struct entry {
        moqt::full_track_name name;
        instant deadline;
        instant retry{};
        slice data{};
        moqt::request_id id = 0;
        moqt::request_id fetch_id = 0;
        bool subscribed = false;
        bool fetching = false;
    };

    void ended(entry& e, instant retry) noexcept;

    runner* run_;
    std::vector<entry> entries_;
};

/// The track of an init segment that a catalog's track is about: one publisher has a segment for
/// each, another one for all.
///
/// Errors  not_found (none of its kind, codec and size), unsupported (several).
[[nodiscard]] result<cmaf::track> track_of(cmaf::movie segment, const catalog::track& wanted);

} // namespace moqrtc::reference
