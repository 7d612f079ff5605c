#pragma once

#include "runner.hpp"
#include "trace.hpp"

#include <moqrtc/loc/header.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace moqrtc::reference {

/// Tracks under one namespace, offered to a relay, with an answer to whatever is asked about them.
///
/// Keeps the last two groups of every track, so that a relay that lost everything is given them
/// again and subscribers go on at a group boundary.
class publication {
public:
    publication(runner& run, moqt::track_namespace space, const std::string& trace = {})
        : run_{&run}, space_{std::move(space)}, trace_{trace} {}

    /// Adds a track and returns its index. A `droppable` one skips whole groups while the server
    /// is far behind; objects of one with `properties` may say something of their media.
    std::size_t add_track(std::string name, moqt::priority priority, bool droppable,
                          bool properties = false);
    /// Announces the namespace and offers each track, so that the relay's cache is warm before
    /// anybody asks; again for every session.
    void start(instant now, moqt::session& session);
    /// The session is gone.
    void lost();
    /// Takes an event of the session.
    void handle(instant now, moqt::session& session, moqt::event& event);

    /// What `media` borrows outlives the publication.
    void add_object(instant now, std::size_t index, std::uint64_t group, std::uint64_t id,
                    slice payload, const loc::header& media = {});
    /// No more objects come in the current group.
    void end_group(instant now, std::size_t index);
    /// All tracks are over: END_OF_TRACK where `marked`, PUBLISH_DONE everywhere.
    void end(instant now, std::string_view why);

    /// Whether the server has been offered the tracks and the session is there.
    [[nodiscard]] bool active() const noexcept { return active_; }
    /// Whether everything went to the transport.
    [[nodiscard]] bool sent() const noexcept;
    [[nodiscard]] const moqt::track_namespace& space() const noexcept { return space_; }
    [[nodiscard]] std::uint64_t objects() const noexcept { return objects_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    static constexpr std::size_t kept_groups = 2;
    /// Of one group no more than this is kept: it may never end.
    static constexpr std::size_t kept_bytes = std::size_t{32} << 20;

    struct stored_object {
        std::uint64_t id = 0;
        slice payload;
        loc::header media{};
    };
    struct stored_group {
        std::uint64_t id = 0;
        bool complete = false;
        std::size_t size = 0;
        std::deque<stored_object> objects;
    };
    /// A subscription to one of our tracks, by SUBSCRIBE or by our PUBLISH.
    struct subscriber {
        moqt::request_id id = 0;
        moqt::data_stream stream = moqt::no_stream;
        std::uint64_t group = 0;
        bool skip_group = false; ///< its stream of this group was lost; wait for the next
    };
    struct track {
        std::string name;
        moqt::priority priority = moqt::default_priority;
        bool droppable = false;
        bool properties = false;
        std::deque<stored_group> groups;
        std::vector<subscriber> subscribers;
    };

    void send(instant now, track& from, subscriber& to, std::uint64_t group,
              const stored_object& object, bool is_end = false);
    void finish_stream(instant now, subscriber& of);
    void replay(instant now, track& from, subscriber& to);
    void end_track(instant now, track& t, std::string_view why);
    void on_request(instant now, moqt::session& session, moqt::event& event);
    void on_subscribe(instant now, moqt::session& session, moqt::event& event);
    void on_fetch(instant now, moqt::session& session, moqt::event& event);
    void on_update(instant now, moqt::session& session, moqt::event& event);
    void fill(instant now, moqt::session& session, moqt::request_id id, const track& of);
    static void write_past(instant now, moqt::session& session, moqt::data_stream stream,
                           const track& of, moqt::location_span range, moqt::group_order order,
                           const moqt::shared_filters& filters);
    void forget(moqt::request_id id);
    [[nodiscard]] track* find(const moqt::namespace_view& space, moqrtc::bytes name);
    [[nodiscard]] std::optional<moqt::location> largest(const track& of) const;
    [[nodiscard]] moqt::message_params describe(const track& of) const;

    runner* run_;
    moqt::track_namespace space_;
    object_trace trace_;
    std::vector<track> tracks_;
    std::uint64_t objects_ = 0;
    std::uint64_t bytes_ = 0;
    std::string end_reason_;
    bool active_ = false;
    bool ended_ = false;
};

} // namespace moqrtc::reference
