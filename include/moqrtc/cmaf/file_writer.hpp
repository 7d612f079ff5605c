#pragma once

#include <moqrtc/cmaf/init_segment.hpp>
#include <moqrtc/cmaf/movie_fragment.hpp>
#include <moqrtc/cmaf/slice_list.hpp>
#include <moqrtc/core/ring.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace moqrtc::cmaf {

/// Makes one playable fragmented MP4 file of tracks that were received apart.
///
/// First `add_track` for each, then `handle_chunk` for what arrives, in order within a track. Only
/// moof boxes are rewritten (track_ID, sequence_number, decode time); samples are passed on as they
/// are. Decode times stay what they were, so that timestamps compare with those of the source even
/// when the first groups are missing; `rebase` moves them all by the same whole number of seconds
/// instead, to where a player begins at once.
/// Spec    ISO/IEC 14496-12 section 8.8.
/// Drain   `poll_output` after every call; the pieces in order are the file.
/// Errors  a chunk that is refused leaves no trace in the file: the next one may be good.
class file_writer {
public:
    struct config {
        bool rebase = false;
    };

    explicit file_writer(buffer_pool& pool) : file_writer{pool, config{}} {}
    file_writer(buffer_pool& pool, const config& settings) : pool_{&pool}, config_{settings} {}

    /// Adds the track of an init segment and returns its index.
    ///
    /// Errors  bad_state after the first chunk; unsupported unless the segment has one track.
    [[nodiscard]] result<std::size_t> add_track(const slice& init) {
        if (started_) return fail(errc::bad_state, "track after the first chunk", 0, where);
        auto parsed = parse_init_segment(init);
        if (!parsed) return std::unexpected(parsed.error());
        if (parsed->tracks.size() != 1) return fail(errc::unsupported, "trak", 0, where);
        return add_track(std::move(parsed->tracks.front()));
    }
    /// The same with a track that was parsed before, of a segment that has several.
    [[nodiscard]] result<std::size_t> add_track(track of) {
        if (started_) return fail(errc::bad_state, "track after the first chunk", 0, where);
        tracks_.push_back(std::move(of));
        return tracks_.size() - 1;
    }
    [[nodiscard]] std::span<const track> tracks() const noexcept { return tracks_; }

    /// Writes the file's header; the first chunk does this by itself. `has_start` says that the
    /// tracks are written from their first sample on, audio to be dropped included.
    [[nodiscard]] result<void> start(bool has_start = false) {
        if (started_) return {};
        std::vector<std::byte> init;
        write_init_segment(init, tracks_, {1, has_start});
        auto piece = slice::copy(*pool_, init);
        if (piece.empty()) return fail(errc::out_of_memory, "pool", 0, where);
        started_ = true;
        (void)pieces_.push(std::move(piece));
        return {};
    }

    /// Takes a chunk: moof and mdat, or several pairs of them.
    [[nodiscard]] result<void> handle_chunk(std::size_t track_index, const slice& chunk) {
        return handle_chunk(track_index, chunk, slice_list{});
    }
    /// Takes a chunk in parts: `head` reaches at least to the header of the last mdat, `rest` is
    /// what follows.
    [[nodiscard]] result<void> handle_chunk(std::size_t track_index, const slice& head,
                                            const slice_list& rest) {
        if (track_index >= tracks_.size()) return fail(errc::not_found, "track", 0, where);
        const auto& of = tracks_[track_index];
        chunk_.clear();
        std::optional<std::int64_t> first_time;
        auto sequence_number = sequence_number_;
        auto base_seconds = base_seconds_;
        bool in_fragment = false; // between a moof and its mdat
        bool has_media = false;
        std::size_t at = 0;
        while (at < head.size()) {
            const auto offset = static_cast<std::uint32_t>(at);
            const auto header = parse_box_header(head.view().subspan(at));
            if (!header) return std::unexpected(displaced(header.error(), at));
            if (!*header) return fail(errc::truncated, "header", offset, where);
            const auto left = head.size() - at;
            const auto size = (*header)->size;
            if (size == 0)
                return fail(errc::bad_value, "size", offset, where); // not the file's end
            const bool is_media = (*header)->type == "mdat";
            if (size > left && (!is_media || size != left + rest.total()))
                return fail(errc::truncated, "body", offset, where);
            if (size == left && rest.total() != 0)
                return fail(errc::trailing, "rest", offset, where);
            const auto whole = head.sub(at, static_cast<std::size_t>(size));
            if ((*header)->type == "moof") {
                auto moof =
                    rewrite(of, track_index, whole, ++sequence_number, base_seconds, first_time);
                if (!moof) return std::unexpected(displaced(moof.error(), at));
                chunk_.push_back(std::move(*moof));
                in_fragment = true;
            } else if (in_fragment) {
                chunk_.push_back(whole); // data offsets count what stands between, too
                in_fragment = !is_media;
                has_media = has_media || is_media;
            }
            at += whole.size();
        }
        if (!has_media || in_fragment)
            return fail(errc::truncated, "mdat", static_cast<std::uint32_t>(at), where);
        // Tracks of a presentation start in one group: what is at the start of one is for all.
        const bool has_start = first_time && *first_time + of.start_delay <= of.edit_start;
        if (const auto done = start(has_start); !done) return done;
        for (auto& piece : chunk_)
            (void)pieces_.push(std::move(piece));
        for (std::size_t i = 0; i < rest.size(); ++i)
            (void)pieces_.push(rest[i]);
        sequence_number_ = sequence_number;
        base_seconds_ = base_seconds;
        return {};
    }

    /// The next piece of the file.
    [[nodiscard]] std::optional<slice> poll_output() { return pieces_.pop(); }

private:
    static constexpr auto where = "CMAF chunk, ISO/IEC 23000-19 7.3.2.3";

    /// A copy of a moof box with this file's numbers in it.
    [[nodiscard]] result<slice> rewrite(const track& of, std::size_t index, const slice& moof,
                                        std::uint32_t sequence_number,
                                        std::optional<std::int64_t>& base_seconds,
                                        std::optional<std::int64_t>& first_time) {
        auto copy = buffer::allocate(*pool_, moof.size());
        if (!copy.valid()) return fail(errc::out_of_memory, "pool", 0, where);
        const auto to = copy.room();
        std::ranges::copy(moof.view(), to.begin());

        box_cursor outer{moof.view()};
        const auto whole = outer.next();
        if (!whole) return std::unexpected(whole.error());
        box_cursor boxes{**whole};
        bool seen_fragment = false;
        while (true) {
            const auto next = boxes.next();
            if (!next) return std::unexpected(next.error());
            if (!*next) break;
            const box& b = **next;
            if (b.type == "mfhd") {
                if (b.body.size() < 8) return fail(errc::truncated, "mfhd", b.offset, where);
                store_be<4>(to.subspan(b.body_offset() + 4), sequence_number);
            } else if (b.type == "traf") {
                if (seen_fragment) return fail(errc::unsupported, "traf", b.offset, where);
                seen_fragment = true;
                if (const auto done = rewrite_traf(of, index, b, to, base_seconds, first_time);
                    !done)
                    return std::unexpected(done.error());
            }
        }
        if (!seen_fragment) return fail(errc::bad_value, "traf", 0, where);
        copy.commit(moof.size());
        return copy.freeze();
    }

    [[nodiscard]] result<void> rewrite_traf(const track& of, std::size_t index, const box& traf,
                                            mutable_bytes to,
                                            std::optional<std::int64_t>& base_seconds,
                                            std::optional<std::int64_t>& first_time) const {
        box_cursor boxes{traf};
        bool seen_header = false;
        bool seen_time = false;
        while (true) {
            const auto next = boxes.next();
            if (!next) return std::unexpected(next.error());
            if (!*next) break;
            const box& b = **next;
            if (b.type == "tfhd") {
                box_fields in{b, "tfhd, ISO/IEC 14496-12 8.8.7"};
                const auto flags = read_version(in).flags;
                const auto at = in.offset();
                const auto track_id = in.u32("track_ID");
                if (track_id != of.track_id) in.set(errc::bad_value, "track_ID");
                if ((flags & fragment_flags::base_data_offset) != 0)
                    in.set(errc::unsupported, "base_data_offset");
                if (in.failed()) return in.failure();
                store_be<4>(to.subspan(at), written_track_id(index));
                seen_header = true;
            } else if (b.type == "tfdt") {
                box_fields in{b, "tfdt, ISO/IEC 14496-12 8.8.12"};
                const bool wide = read_version(in).version == 1;
                const auto at = in.offset();
                const auto time = in.u32_or_64(wide, "baseMediaDecodeTime");
                if (time > static_cast<std::uint64_t>(latest_time))
                    in.set(errc::overflow, "baseMediaDecodeTime");
                if (in.failed()) return in.failure();
                if (!first_time) first_time = static_cast<std::int64_t>(time);
                const auto moved = move_time(of, static_cast<std::int64_t>(time), base_seconds);
                if (moved < 0) in.set(errc::bad_value, "before the first chunk");
                if (!wide && moved > UINT32_MAX) in.set(errc::overflow, "baseMediaDecodeTime");
                if (in.failed()) return in.failure();
                if (wide)
                    store_be<8>(to.subspan(at), static_cast<std::uint64_t>(moved));
                else
                    store_be<4>(to.subspan(at), static_cast<std::uint64_t>(moved));
                seen_time = true;
            }
        }
        if (!seen_header) return fail(errc::bad_value, "tfhd", traf.offset, where);
        if (!seen_time) return fail(errc::bad_value, "tfdt", traf.offset, where);
        return {};
    }

    /// Where a decode time goes: an initial delay of the track, which the file's header does not
    /// have, is added. Whole seconds are whole ticks in every timescale, which keeps tracks in
    /// step.
    [[nodiscard]] std::int64_t move_time(const track& of, std::int64_t time,
                                         std::optional<std::int64_t>& base_seconds) const noexcept {
        time += of.start_delay;
        if (!config_.rebase) return time;
        if (!base_seconds) // one second to spare: other tracks may begin a little earlier
            base_seconds = std::max<std::int64_t>(0, (time - of.edit_start) / of.timescale - 1);
        return time - *base_seconds * of.timescale;
    }

    buffer_pool* pool_;
    config config_;
    std::vector<track> tracks_{};
    std::vector<slice> chunk_{};
    ring<slice> pieces_{};
    std::uint32_t sequence_number_ = 0;
    std::optional<std::int64_t> base_seconds_{};
    bool started_ = false;
};

} // namespace moqrtc::cmaf
