#pragma once

#include "ordering.hpp"
#include "runner.hpp"
#include "trace.hpp"

#include <moqrtc/catalog/catalog_state.hpp>
#include <moqrtc/cmaf/file_writer.hpp>

#include <cstdio>
#include <map>
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
    enum class start : std::uint8_t { latest, next, group };
    start from = start::latest;
    std::uint64_t first_group = 0;
    std::string trace;
};

/// Receives the tracks of a catalog and writes them as one playable file.
class subscriber final : public application {
public:
    subscriber(runner& run, subscribe_options options);
    ~subscriber() override;
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
        bool is_catalog = false;
        std::size_t writer_index = SIZE_MAX;
        moqt::request_id id = 0;
        moqt::request_id fetch = 0;
        bool subscribed = false;
        bool fetching = false;
        bool ended = false;
        bool failed = false;
        ordering order;
        std::optional<moqt::location> first;
        std::optional<moqt::location> last;
        std::uint64_t bytes = 0;
        std::map<moqt::data_stream, std::uint64_t> groups; ///< of open streams
        std::optional<std::uint64_t> end_group;            ///< END_OF_TRACK was in it
    };

    void subscribe(instant now, moqt::session& session, track& to);
    void on_accepted(instant now, moqt::session& session, moqt::event& event);
    void on_rejected(instant now, moqt::event& event);
    void on_object(instant now, moqt::event& event);
    void on_catalog(instant now, moqt::location at, bytes payload);
    void add_tracks(instant now);
    void deliver(instant now, track& t, bool drain = false);
    void write();
    void check_end(instant now);
    void summarize();
    [[nodiscard]] track* by_id(moqt::request_id id);
    [[nodiscard]] moqt::message_params filter(const track& t) const;

    runner* run_;
    subscribe_options options_;
    object_trace trace_;
    std::FILE* out_ = nullptr;
    std::vector<std::unique_ptr<track>> tracks_;
    catalog::catalog_state catalog_;
    cmaf::file_writer writer_;
    moqt::request_id watch_ = 0; ///< SUBSCRIBE_NAMESPACE that tells whether the publisher is there
    bool watching_ = false;
    bool tracks_known_ = false;
    bool catalog_complete_ = false;
    bool ended_ = false;
    std::optional<instant> asked_;
    std::optional<instant> first_object_;
    instant waiting_since_{};
    instant retry_ = never;
    instant stop_ = never;
};

} // namespace moqrtc::reference
