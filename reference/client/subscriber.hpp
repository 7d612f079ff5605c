#pragma once

#include "catalog_feed.hpp"
#include "init_tracks.hpp"
#include "media_file.hpp"
#include "progress.hpp"
#include "runner.hpp"
#include "trace.hpp"
#include "track_receiver.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace moqrtc::reference {

struct subscribe_options {
    moqt::track_namespace space;
    std::vector<std::string> tracks; ///< empty: all audio and video
    std::string output;              ///< empty: nothing is written; "-": standard output
    duration length{};               ///< 0: until the tracks end
    duration wait = seconds(10);     ///< for a publisher that is not there yet
    starting_point start;
    std::string trace;
};

/// Receives the tracks of a catalog and writes them as one playable file.
///
/// With `reconnect` it outlives relays and publishers: the file goes on as long as the publisher
/// that comes back has the same tracks.
class subscriber final : public application {
public:
    subscriber(runner& run, subscribe_options options);
    [[nodiscard]] std::string open();

    void established(instant now, moqt::session& session) override;
    void handle(instant now, moqt::session& session, moqt::event& event) override;
    void lost(instant now, const close_info& info) override;
    [[nodiscard]] instant next_timeout() override;
    void handle_timeout(instant now) override;
    void interrupted(instant now) override;

private:
    struct track {
        std::string name;
        track_receiver in;
        std::vector<std::byte> init{};
        std::size_t file_index = SIZE_MAX;
        bool is_loc = false;
        bool ended = false;
        bool failed = false;
        std::optional<moqt::location> first{};
        std::optional<moqt::location> last{};
        std::uint64_t bytes = 0;
    };

    [[nodiscard]] duration patience(instant now) const;
    void subscribe(instant now, moqt::session& session, track& to);
    void subscribe_catalog(instant now, moqt::session& session);
    void on_catalog(instant now, moqt::session& session, moqt::event& event,
                    catalog_feed::progress what);
    void read_catalog(instant now);
    void choose_tracks(instant now);
    [[nodiscard]] bool is_wanted(const catalog::track& entry) const;
    void add_tracks(instant now);
    [[nodiscard]] result<std::size_t> add_to_file(const catalog::track& entry, track& made);
    void compare_tracks();
    void on_watch(const moqt::event& event);
    void on_track(instant now, moqt::event& event, track& t, track_receiver::progress what);
    void deliver(instant now, track& t);
    void store(track& t, const ordering::entry& object);
    void finish_file();
    void say_left_out();
    void check_end(instant now);
    void summarize();
    [[nodiscard]] std::string outages() const;
    void say(const std::string& text);
    [[nodiscard]] static bool is_refusal(const moqt::event& event) noexcept;

    runner* run_;
    subscribe_options options_;
    object_trace trace_;
    media_file file_;
    catalog_feed catalog_;
    init_tracks inits_;
    std::vector<std::unique_ptr<track>> tracks_;
    progress_line progress_;
    moqt::request_id watch_ = 0; ///< SUBSCRIBE_NAMESPACE that tells whether the publisher is there
    bool watching_ = false;
    bool gone_ = false;          ///< the publisher's namespace is not there
    bool tracks_known_ = false;  ///< of the catalog
    bool tracks_chosen_ = false; ///< with all that is needed to write them
    bool catalog_subscribed_ = false;
    bool catalog_complete_ = false;
    bool ended_ = false;
    std::uint64_t objects_ = 0;
    std::uint64_t bytes_ = 0;
    std::optional<instant> asked_;
    std::optional<instant> first_object_;
    instant retry_ = never;
    instant stop_ = never;
};

} // namespace moqrtc::reference
