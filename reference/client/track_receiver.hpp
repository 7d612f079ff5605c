#pragma once

#include "ordering.hpp"
#include "runner.hpp"
#include "track_guard.hpp"

#include <cstdint>
#include <map>
#include <optional>

namespace moqrtc::reference {

/// Where the reception of a track begins.
struct starting_point {
    enum class kind : std::uint8_t {
        latest, ///< the group that is going on, from its first object
        next,   ///< the next group
        group,  ///< group number `group`
    };
    kind from = kind::latest;
    std::uint64_t group = 0;
};

/// One track, object by object in order: SUBSCRIBE from the largest object on, and by a joining
/// FETCH or a fill what lies before it in the group, or since a session that was lost.
class track_receiver {
public:
    enum class progress : std::uint8_t {
        foreign,  ///< the event is about something else
        taken,    ///< look for objects
        rejected, ///< the subscription was refused with the event's `request_error`
        ended,    ///< the track is over and all that will come has come
        /// The subscription ended for another reason, `reason`: the publisher's, or that the track
        /// is malformed, which another attempt does not change.
        cut_off,
    };

    track_receiver(runner& run, moqt::full_track_name name, starting_point start = {})
        : run_{&run}, name_{std::move(name)}, start_{start} {}

    /// Sends SUBSCRIBE. `wait`: how long the server may look for a publisher.
    ///
    /// Errors  bad_state and limit: not now, try again later.
    [[nodiscard]] result<void> subscribe(instant now, moqt::session& session, duration wait);
    [[nodiscard]] progress handle(instant now, moqt::session& session, moqt::event& event);
    /// The next object in order; empty payloads are objects, too.
    [[nodiscard]] std::optional<ordering::entry> poll(instant now) {
        return order_.next(now, drain_);
    }
    [[nodiscard]] instant next_timeout() const noexcept { return order_.next_timeout(); }
    /// The session is gone.
    void lost();

    [[nodiscard]] const moqt::full_track_name& name() const noexcept { return name_; }
    /// Another name for the same thing, before it was found.
    void rename(moqt::full_track_name name) { name_ = std::move(name); }
    [[nodiscard]] bool subscribed() const noexcept { return subscribed_; }
    [[nodiscard]] moqt::publish_done_code reason() const noexcept { return *done_; }
    [[nodiscard]] const ordering& order() const noexcept { return order_; }
    /// The properties of the track, once it has been accepted, and how they and those of its
    /// objects are encoded.
    [[nodiscard]] const slice& properties() const noexcept { return properties_; }
    [[nodiscard]] const moqt::wire_rules& rules() const noexcept { return *rules_; }

private:
    struct subgroup {
        std::uint64_t group = 0;
        std::uint64_t id = 0;
        std::uint64_t next_object = 0;
        bool end_of_group = false;
    };

    [[nodiscard]] moqt::message_params filter() const;
    [[nodiscard]] progress on_object(instant now, moqt::session& session, moqt::event& event,
                                     bool is_fetch);
    /// False when the end contradicts what came.
    [[nodiscard]] bool on_stream_end(const moqt::event& event);
    [[nodiscard]] progress malformed(instant now, moqt::session& session);
    void accepted(instant now, moqt::session& session, const moqt::event& event);
    void fetch(instant now, moqt::session& session, bool from_position);
    [[nodiscard]] moqt::message_params past(bool from_position) const;
    void await_past(bool from_position);
    [[nodiscard]] progress fetch_over(instant now, moqt::session& session, bool complete);
    [[nodiscard]] progress finish();

    runner* run_;
    moqt::full_track_name name_;
    starting_point start_;
    ordering order_;
    slice properties_{};
    const moqt::wire_rules* rules_ = nullptr; ///< set as soon as it was asked for
    std::optional<track_guard> guard_;        ///< since the track was asked for
    std::map<moqt::data_stream, subgroup> streams_;
    moqt::request_id id_ = 0;
    moqt::request_id fetch_id_ = 0;
    moqt::location largest_{};
    std::optional<moqt::publish_done_code> done_; ///< PUBLISH_DONE came
    bool subscribed_ = false;
    bool fetching_ = false;
    bool from_position_ = false; ///< the FETCH asks for what the last session did not bring
    bool filling_ = false;       ///< SUBSCRIBE has asked for a fill
    std::optional<bool> filled_; ///< it came to its end, or broke off, before SUBSCRIBE_OK
    bool drain_ = false;
};

} // namespace moqrtc::reference
