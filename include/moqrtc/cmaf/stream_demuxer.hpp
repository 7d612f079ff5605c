#pragma once

#include <moqrtc/cmaf/sample_sources.hpp>

#include <algorithm>
#include <array>

namespace moqrtc::cmaf {

/// Takes an MP4 stream apart that arrives front to back, as from a pipe.
///
/// Reads fragmented files, and progressive ones whose moov comes before the samples. Each sample
/// comes out, in the order of the stream, as soon as its last byte is there.
/// Spec    ISO/IEC 14496-12.
/// Owns    what it was handed only as long as samples inside it are queued: those that lie whole
///         in one input share it, others are put together in the pool.
/// Drain   `poll_sample` after every `handle_input`.
/// Errors  typed, with offsets from the start of the stream; nothing is read afterwards.
class stream_demuxer {
public:
    struct config {
        std::uint64_t max_box = 64U << 20;    ///< of a moov or moof box
        std::uint32_t max_sample = 64U << 20; ///< bytes
        std::size_t queue = 256;              ///< samples waiting to be polled
    };

    explicit stream_demuxer(buffer_pool& pool) : stream_demuxer{pool, config{}} {}
    stream_demuxer(buffer_pool& pool, const config& settings)
        : pool_{&pool}, config_{settings}, samples_{settings.queue} {}

    /// Takes the next bytes of the stream and says how many it consumed: all, unless samples wait
    /// to be polled.
    [[nodiscard]] result<std::size_t> handle_input(slice data) {
        if (failed_) return fail(errc::bad_state, "input after an error", 0, "stream");
        std::size_t at = 0;
        while (at < data.size() && !samples_.full()) {
            const auto used = step(data, at);
            if (!used) {
                failed_ = true;
                return std::unexpected(used.error());
            }
            at += *used;
            position_ += *used;
        }
        return at;
    }

    /// Says that the stream is over.
    ///
    /// Errors  truncated when it ends inside a box or before a sample that was announced;
    ///         not_found when there was no moov box.
    [[nodiscard]] result<void> handle_end() {
        if (failed_) return {};
        if (state_ == state::collect || head_size_ != 0 ||
            (state_ == state::media && !to_the_end_) || partial_.valid())
            return stop({errc::truncated, 0, "body", "box, ISO/IEC 14496-12 4.2"}, position_);
        if (!sources_.has_movie())
            return stop({errc::not_found, 0, "moov", "file, ISO/IEC 14496-12 4.3"}, position_);
        sources_.settle();
        const auto next = sources_.foremost();
        if (!next) return stop(next.error(), 0);
        if (next->found != nullptr) return missing(*next->found);
        return {};
    }

    /// Whether `tracks()` is complete: with the moov box of a progressive file, with the first
    /// moof box of a fragmented one.
    [[nodiscard]] bool ready() const noexcept { return sources_.settled(); }
    [[nodiscard]] std::span<const track> tracks() const noexcept { return sources_.tracks(); }
    [[nodiscard]] std::optional<media_sample> poll_sample() { return samples_.pop(); }

private:
    enum class state : std::uint8_t { header, collect, skip, media };

    [[nodiscard]] std::unexpected<error> stop(const error& why, std::uint64_t offset) noexcept {
        failed_ = true;
        return std::unexpected(displaced(why, offset));
    }
    [[nodiscard]] std::unexpected<error> missing(const sample& s) noexcept {
        return stop({errc::truncated, 0, "sample", "mdat, ISO/IEC 14496-12 8.1.1"}, s.offset);
    }
    [[nodiscard]] std::unexpected<error> exhausted() noexcept {
        return stop({errc::out_of_memory, 0, "pool", "stream"}, position_);
    }

    /// Works on `data` from `at` on; how many bytes it used.
    [[nodiscard]] result<std::size_t> step(const slice& data, std::size_t at) {
        const auto input = data.view().subspan(at);
        switch (state_) {
        case state::header:
            return read_header(data, at);
        case state::collect:
            return collect(input);
        case state::skip: {
            const auto count = bounded(input.size());
            finish(count);
            return count;
        }
        case state::media:
            return read_media(data, at);
        }
        return std::size_t{0};
    }
    [[nodiscard]] std::size_t bounded(std::size_t count) const noexcept {
        return to_the_end_ ? count
                           : static_cast<std::size_t>(std::min<std::uint64_t>(count, left_));
    }
    /// Counts bytes of the body; after the last one a header follows.
    void finish(std::size_t count) noexcept {
        if (to_the_end_) return;
        left_ -= count;
        if (left_ == 0) state_ = state::header;
    }

    [[nodiscard]] result<std::size_t> read_header(const slice& data, std::size_t at) {
        const auto input = data.view().subspan(at);
        std::size_t used = 0;
        while (true) {
            const auto head = parse_box_header(bytes{head_}.first(head_size_));
            const auto start = position_ + used - head_size_;
            if (!head) return stop(head.error(), start);
            if (!*head) {
                if (used == input.size()) return used;
                head_[head_size_++] = input[used++];
                continue;
            }
            const auto size = (*head)->size;
            to_the_end_ = size == 0;
            left_ = to_the_end_ ? 0 : size - head_size_;
            collects_movie_ = (*head)->type == "moov";
            if (collects_movie_ || (*head)->type == "moof") {
                if (to_the_end_ || size > config_.max_box)
                    return stop({errc::limit, 0, "size", "box, ISO/IEC 14496-12 4.2"}, start);
                if (used == head_size_ && size <= input.size()) { // whole and in one piece
                    head_size_ = 0;
                    const auto whole = data.sub(at, static_cast<std::size_t>(size));
                    if (const auto done = take_box(whole, start); !done)
                        return std::unexpected(done.error());
                    return static_cast<std::size_t>(size);
                }
                collected_.clear();
                if (!collected_.append(*pool_, bytes{head_}.first(head_size_))) return exhausted();
                state_ = state::collect;
            } else {
                state_ = (*head)->type == "mdat" ? state::media : state::skip;
                if (state_ == state::media && !sources_.has_movie())
                    return stop(
                        {errc::unsupported, 0, "mdat before moov", "mdat, ISO/IEC 14496-12 8.1.1"},
                        start);
            }
            head_size_ = 0;
            if (!to_the_end_ && left_ == 0) {
                if (state_ == state::collect) {
                    if (const auto done = take_collected(start); !done)
                        return std::unexpected(done.error());
                }
                state_ = state::header;
            }
            return used;
        }
    }

    [[nodiscard]] result<std::size_t> collect(bytes input) {
        const auto count = bounded(input.size());
        if (!collected_.append(*pool_, input.first(count))) return exhausted();
        finish(count);
        if (state_ == state::header)
            if (const auto done = take_collected(position_ + count - collected_.size()); !done)
                return std::unexpected(done.error());
        return count;
    }
    [[nodiscard]] result<void> take_collected(std::uint64_t start) {
        return take_box(collected_.freeze(), start);
    }
    [[nodiscard]] result<void> take_box(const slice& whole, std::uint64_t start) {
        if (sources_.has_movie()) { // nothing of the fragment before may be outstanding
            const auto next = sources_.foremost();
            if (!next) return stop(next.error(), 0);
            if (!collects_movie_ && next->found != nullptr && next->found->offset < start)
                return missing(*next->found);
        }
        const auto done = collects_movie_ ? sources_.add_movie(whole, start)
                                          : sources_.add_fragment(whole, start);
        return done ? result<void>{} : stop(done.error(), 0);
    }

    [[nodiscard]] result<std::size_t> read_media(const slice& data, std::size_t at) {
        const auto next = sources_.foremost();
        if (!next) return stop(next.error(), 0);
        const auto input = data.view().subspan(at, bounded(data.size() - at));
        auto used = input.size();
        if (next->found != nullptr) {
            const sample& s = *next->found;
            const auto done = partial_.valid() ? partial_.size() : 0;
            if (s.offset + done < position_) return missing(s);
            if (s.offset > position_) { // what no sample covers
                used =
                    static_cast<std::size_t>(std::min<std::uint64_t>(used, s.offset - position_));
            } else {
                if (s.size > config_.max_sample || (!to_the_end_ && s.size - done > left_))
                    return stop({s.size > config_.max_sample ? errc::limit : errc::bad_value, 0,
                                 "sample_size", "mdat, ISO/IEC 14496-12 8.1.1"},
                                s.offset);
                used = std::min<std::size_t>(used, s.size - done);
                media_sample out{s, {}};
                if (done == 0 && used == s.size) {
                    out.payload = data.sub(at, used);
                } else {
                    if (!partial_.append(*pool_, input.first(used))) return exhausted();
                    if (partial_.size() == s.size) out.payload = partial_.freeze();
                }
                if (out.payload.size() == s.size) {
                    sources_.take(s.track);
                    (void)samples_.push(std::move(out));
                }
            }
        }
        finish(used);
        return used;
    }

    buffer_pool* pool_;
    config config_;
    sample_sources sources_{};
    ring<media_sample> samples_;
    std::array<std::byte, box_header::largest> head_{};
    std::size_t head_size_ = 0;
    std::uint64_t position_ = 0; ///< in the stream, of the next byte
    std::uint64_t left_ = 0;     ///< bytes of the present box's body
    bool to_the_end_ = false;
    bool collects_movie_ = false;
    bool failed_ = false;
    state state_ = state::header;
    buffer collected_{};
    buffer partial_{};
};

} // namespace moqrtc::cmaf
