#pragma once

#include "media_source.hpp"
#include "runner.hpp"
#include "trace.hpp"

#include <moqrtc/catalog/catalog.hpp>

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace moqrtc::reference {

struct publish_options {
    moqt::track_namespace space;
    std::string file; ///< "-" for standard input
    bool loop = false;
    bool pace = true;
    duration chunk{};
    std::string trace;
};

/// Publishes one MP4: catalog tracks and one track per audio and video track, in real time.
///
/// Keeps the last two groups of every track, so that a relay that lost everything is given them
/// again and subscribers go on at a group boundary.
class publisher final : public application {
public:
    publisher(runner& run, publish_options options);

    /// Opens the input; a complaint when that fails.
    [[nodiscard]] std::string open();

    void established(instant now, moqt::session& session) override;
    void handle(instant now, moqt::session& session, moqt::event& event) override;
    void lost(instant now, const close_info& info) override;
    [[nodiscard]] instant next_timeout() override;
    void handle_timeout(instant now) override;
    void interrupted(instant now) override;

private:
    static constexpr std::size_t kept_groups = 2;
    static constexpr duration catalog_period = seconds(2);

    struct stored_object {
        std::uint64_t id = 0;
        slice payload;
    };
    struct stored_group {
        std::uint64_t id = 0;
        bool complete = false;
        std::vector<stored_object> objects;
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
        std::size_t source = SIZE_MAX; ///< index of the source's track; none for catalogs
        std::deque<stored_group> groups;
        std::vector<subscriber> subscribers;
        bool ended = false;
    };

    void prepare_tracks();
    void start_session(instant now, moqt::session& session);
    void produce(instant now);
    void publish_catalog(instant now, bool last);
    void add_object(instant now, track& to, std::uint64_t group, std::uint64_t id, slice payload,
                    bool is_end = false);
    void send(instant now, track& from, subscriber& to, std::uint64_t group,
              const stored_object& object, bool is_end = false);
    void replay(instant now, track& from, subscriber& to);
    void end_tracks(instant now);
    void on_subscribe(instant now, moqt::session& session, moqt::event& event);
    void on_fetch(instant now, moqt::session& session, moqt::event& event);
    void on_status(instant now, moqt::session& session, moqt::event& event);
    void forget(moqt::request_id id);
    void finish_if_done(instant now);
    [[nodiscard]] track* find(const moqt::namespace_view& space, bytes name);
    [[nodiscard]] std::optional<moqt::location> largest(const track& of) const;
    [[nodiscard]] moqt::message_params describe(const track& of) const;

    runner* run_;
    publish_options options_;
    object_trace trace_;
    std::unique_ptr<media_source> source_;
    std::vector<track> tracks_;
    std::map<std::size_t, std::size_t> track_of_source_;
    catalog::catalog catalog_;
    std::uint64_t first_group_ = 0;
    std::uint64_t next_catalog_group_ = 0;
    std::optional<instant> began_;
    std::optional<cmaf::media_object> waiting_; ///< the next object, not due yet
    instant next_ = never;
    instant next_catalog_ = never;
    std::uint64_t objects_ = 0;
    std::uint64_t bytes_ = 0;
    bool prepared_ = false;
    bool input_ended_ = false;
    bool ending_ = false;
};

} // namespace moqrtc::reference
