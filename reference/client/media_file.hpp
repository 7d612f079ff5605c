#pragma once

#include "loc_track.hpp"
#include "timeline.hpp"

#include <moqrtc/cmaf/file_writer.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moqrtc::reference {

/// The MP4 that a subscriber writes: tracks of CMAF as they come, tracks of LOC put into chunks.
///
/// The head of the file names all tracks, so nothing is written before each is known: of LOC
/// sometimes only the first frame says what its decoder needs.
class media_file {
public:
    explicit media_file(buffer_pool& pool) : pool_{&pool}, writer_{pool}, timeline_{pool} {}
    ~media_file() {
        if (out_ != nullptr && out_ != stdout) std::fclose(out_);
    }
    media_file(const media_file&) = delete;
    media_file& operator=(const media_file&) = delete;

    /// Opens `path`, `-` being standard output; a complaint when that fails.
    [[nodiscard]] std::string open(const std::string& path);
    [[nodiscard]] bool is_open() const noexcept { return out_ != nullptr; }
    [[nodiscard]] bool is_standard_output() const noexcept { return out_ == stdout; }

    /// Add a track and return its index. Errors: those of `cmaf::file_writer::add_track`.
    [[nodiscard]] result<std::size_t> add_track(const slice& init);
    [[nodiscard]] result<std::size_t> add_track(cmaf::track of);
    [[nodiscard]] std::size_t add_track(const catalog::track& entry,
                                        std::vector<std::byte> description);
    /// All tracks are named; those that are not known at `deadline` are left out.
    void begin(instant now, instant deadline);
    /// When the head has to be written whatever is missing.
    [[nodiscard]] instant next_timeout() const noexcept { return started_ ? never : deadline_; }
    void handle_timeout(instant now);
    /// Tracks that were left out since the last call.
    [[nodiscard]] std::vector<std::size_t> take_left_out() { return std::exchange(left_out_, {}); }

    /// Takes an object of a track in order, with what its properties say of its media.
    ///
    /// Errors  of the object, which is left out. What could not be written is in `trouble`.
    [[nodiscard]] result<void> store(std::size_t index, moqt::location at, slice payload,
                                     const loc::header& media);
    /// Nothing follows.
    [[nodiscard]] result<void> finish();

    /// What the operating system says against the file, once it does.
    [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }
    [[nodiscard]] std::size_t restarts() const noexcept { return timeline_.restarts(); }

private:
    static constexpr std::size_t nowhere = SIZE_MAX;

    struct member {
        std::size_t place = nowhere; ///< among the writer's tracks
        std::unique_ptr<loc_track> frames{};
        bool left_out = false;
    };

    void start();
    void start_when_known();
    [[nodiscard]] result<void> place(std::size_t index, const slice& chunk);
    [[nodiscard]] result<void> drain(std::size_t index);
    void write();

    buffer_pool* pool_;
    std::string path_;
    std::FILE* out_ = nullptr;
    cmaf::file_writer writer_;
    timeline timeline_;
    std::vector<member> tracks_;
    std::vector<std::pair<std::size_t, slice>> held_; ///< chunks that came before the head
    std::vector<std::size_t> left_out_;
    std::string trouble_;
    instant deadline_ = never;
    bool named_ = false;   ///< `begin` was called
    bool started_ = false; ///< the writer and the time line have their tracks
};

} // namespace moqrtc::reference
