#pragma once

#include "media_source.hpp"
#include "progress.hpp"
#include "publication.hpp"
#include "runner.hpp"

#include <moqrtc/catalog/catalog.hpp>

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
    bool loc = false; ///< packaging: single frames with LOC properties instead of CMAF chunks
    std::string trace;
};

/// Publishes one MP4: catalog tracks and one track per audio and video track, in real time.
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
    static constexpr duration catalog_period = seconds(2);

    /// What a track of LOC says of its media.
    struct frames {
        std::vector<std::byte> description{}; ///< of its decoder
        bool is_video = false;
    };

    void fail(std::string why);
    void prepare_tracks();
    void produce(instant now);
    [[nodiscard]] loc::header media_of(const cmaf::media_object& object) const;
    void publish_catalog(instant now, bool last);
    void end_tracks(instant now);
    void finish_if_done(instant now);

    runner* run_;
    publish_options options_;
    publication offer_;
    progress_line progress_;
    std::unique_ptr<media_source> source_;
    std::map<std::size_t, std::size_t> track_of_source_;
    std::map<std::size_t, frames> frames_of_source_;
    catalog::catalog catalog_;
    std::uint64_t first_group_ = 0;
    std::uint64_t next_catalog_group_ = 0;
    std::optional<instant> began_;
    std::int64_t wall_began_ = 0;               ///< the same in microseconds since 1970
    std::optional<cmaf::media_object> waiting_; ///< the next object, not due yet
    instant next_ = never;
    instant next_catalog_ = never;
    bool prepared_ = false;
    bool input_ended_ = false;
    bool ending_ = false;
};

} // namespace moqrtc::reference
