#pragma once

#include <moqrtc/cmaf/sample_sources.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace moqrtc::cmaf {

/// A part of a file that a demuxer wants to see.
struct read_request {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

/// Takes an MP4 file apart, progressive or fragmented, that can be read at any place.
///
/// Samples come out in decode order over all tracks. Loop: while `next_read()` wants something,
/// hand it to `handle_read`; once `ready()`, look at `tracks()` and call `poll_sample` until it
/// gives nothing; stop when `finished()`.
/// Spec    ISO/IEC 14496-12.
/// Owns    the pieces it was handed: at most `config::windows` of them, and the boxes it read.
///         Samples share these pieces, so a mapped file handed in as one borrowed slice is never
///         copied.
/// Errors  typed, with offsets from the start of the file; the demuxer is finished afterwards.
class file_demuxer {
public:
    struct config {
        std::uint32_t read_size = 1U << 20; ///< of a request for samples
        std::uint32_t scan_size = 1U << 16; ///< of a request for box headers
        std::uint64_t max_box = 256U << 20; ///< of a moov or moof box
        std::size_t windows = 4;
        /// Runs of samples read ahead of a track that has none, so that tracks interleave.
        std::size_t max_pending_runs = 256;
    };

    explicit file_demuxer(std::uint64_t file_size) : file_demuxer{file_size, config{}} {}
    file_demuxer(std::uint64_t file_size, const config& settings)
        : config_{settings},
          file_size_{file_size},
          windows_(std::max<std::size_t>(1, settings.windows)) {
        want(0, config_.scan_size); // of an empty file, too: that it is empty is an error
    }

    /// What to read next; nothing when `poll_sample` has something to give or all is done. The
    /// range lies inside the file; it is empty only for an empty file.
    [[nodiscard]] std::optional<read_request> next_read() const noexcept { return wanted_; }

    /// Takes bytes of the file from `offset` on; they may reach beyond what was asked for.
    ///
    /// Errors  truncated when they are fewer than asked for; what the boxes in them give.
    [[nodiscard]] result<void> handle_read(std::uint64_t offset, slice data) {
        if (!wanted_) return {};
        if (offset > wanted_->offset || data.size() < wanted_->offset - offset ||
            data.size() - (wanted_->offset - offset) < wanted_->size)
            return stop({errc::truncated, 0, "read", "file"}, wanted_->offset);
        wanted_.reset();
        windows_[next_window_++ % windows_.size()] = {offset, std::move(data)};
        return ready() ? result<void>{} : advance();
    }

    /// Whether `tracks()` is complete.
    [[nodiscard]] bool ready() const noexcept { return sources_.settled(); }
    [[nodiscard]] std::span<const track> tracks() const noexcept { return sources_.tracks(); }
    [[nodiscard]] bool finished() const noexcept { return finished_; }

    /// The next sample, or nothing when bytes are wanted first or the file is done.
    [[nodiscard]] result<std::optional<media_sample>> poll_sample() {
        if (finished_ || !ready() || wanted_) return std::nullopt;
        auto found = sources_.earliest();
        while (found && !found->complete && !scanned_ &&
               sources_.pending_runs() < config_.max_pending_runs) {
            if (const auto done = scan_box(); !done) return std::unexpected(done.error());
            if (wanted_) return std::nullopt;
            found = sources_.earliest();
        }
        if (!found) return stop(found.error(), 0);
        if (found->found == nullptr) {
            // Tracks without pending runs are all that is left, and the scan is at the end.
            finished_ = true;
            return std::nullopt;
        }
        const sample& next = *found->found;
        if (next.offset > file_size_ || next.size > file_size_ - next.offset)
            return stop({errc::truncated, 0, "sample", "mdat, ISO/IEC 14496-12 8.1.1"},
                        next.offset);
        media_sample out{next, {}};
        if (next.size != 0) {
            auto payload = seen(next.offset, next.size);
            if (!payload) {
                want(next.offset, std::max<std::uint64_t>(next.size, config_.read_size));
                return std::nullopt;
            }
            out.payload = std::move(*payload);
        }
        sources_.take(next.track);
        return out;
    }

private:
    struct window {
        std::uint64_t offset = 0;
        slice data{};
    };

    /// The bytes of a range when one piece holds all of them.
    [[nodiscard]] std::optional<slice> seen(std::uint64_t offset, std::uint64_t size) const {
        for (const auto& w : windows_)
            if (offset >= w.offset && offset - w.offset <= w.data.size() &&
                size <= w.data.size() - (offset - w.offset))
                return w.data.sub(static_cast<std::size_t>(offset - w.offset),
                                  static_cast<std::size_t>(size));
        return std::nullopt;
    }
    void want(std::uint64_t offset, std::uint64_t size) noexcept {
        wanted_ = {offset, std::min(size, file_size_ - offset)};
    }
    [[nodiscard]] std::unexpected<error> stop(const error& why, std::uint64_t offset) noexcept {
        finished_ = true;
        wanted_.reset();
        return std::unexpected(displaced(why, offset));
    }

    /// Reads on until the tracks are known or bytes are wanted.
    [[nodiscard]] result<void> advance() {
        while (!ready() && !wanted_ && !finished_) {
            if (scanned_ && !sources_.has_movie())
                return stop({errc::not_found, 0, "moov", "file, ISO/IEC 14496-12 4.3"}, position_);
            if (scanned_)
                sources_.settle();
            else if (const auto done = scan_box(); !done)
                return done;
        }
        return {};
    }

    /// Reads one box of the outermost level, or says which bytes it wants.
    [[nodiscard]] result<void> scan_box() {
        if (position_ == file_size_) {
            scanned_ = true;
            return {};
        }
        const auto head_size = std::min<std::uint64_t>(box_header::largest, file_size_ - position_);
        const auto head_bytes = seen(position_, head_size);
        if (!head_bytes) {
            want(position_, config_.scan_size);
            return {};
        }
        const auto head = parse_box_header(*head_bytes);
        if (!head) return stop(head.error(), position_);
        constexpr auto where = "box, ISO/IEC 14496-12 4.2";
        if (!*head) return stop({errc::truncated, 0, "header", where}, position_);
        const auto left = file_size_ - position_;
        const auto size = (*head)->size == 0 ? left : (*head)->size;
        if (size > left && (*head)->type != "mdat")
            return stop({errc::truncated, 0, "body", where}, position_);
        const bool is_movie = (*head)->type == "moov";
        if (is_movie || (*head)->type == "moof") {
            if (size > config_.max_box) return stop({errc::limit, 0, "size", where}, position_);
            const auto whole = seen(position_, size);
            if (!whole) {
                want(position_, size);
                return {};
            }
            const auto done = is_movie ? sources_.add_movie(*whole, position_)
                                       : sources_.add_fragment(*whole, position_);
            if (!done) return stop(done.error(), 0);
        }
        // A recording that was cut ends inside its last mdat: the samples before are good.
        position_ += std::min(size, left);
        return {};
    }

    config config_;
    std::uint64_t file_size_;
    std::uint64_t position_ = 0;
    sample_sources sources_{};
    std::vector<window> windows_; ///< the oldest is replaced
    std::size_t next_window_ = 0;
    std::optional<read_request> wanted_{};
    bool scanned_ = false;
    bool finished_ = false;
};

} // namespace moqrtc::cmaf
