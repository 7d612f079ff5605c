#pragma once

#include <moqrtc/cmaf/movie.hpp>
#include <moqrtc/cmaf/movie_fragment.hpp>
#include <moqrtc/core/ring.hpp>

#include <utility>

namespace moqrtc::cmaf {

/// The samples that the boxes read so far announce, of every track: what both demuxers pick from.
///
/// Tracks that are neither video nor audio announce nothing. Composition offsets that are negative
/// at the start of a track are raised to 0, together with the track's `edit_start`, which leaves
/// presentation times as they are: readers that learn of negative offsets late guess wrong.
/// Owns    the moov box and the moof boxes whose samples were not taken yet.
class sample_sources {
public:
    /// Runs whose samples were announced and not taken yet.
    static constexpr std::size_t max_pending_runs = 1U << 17;

    [[nodiscard]] std::span<const track> tracks() const noexcept { return movie_.tracks; }
    [[nodiscard]] bool has_movie() const noexcept { return has_movie_; }
    [[nodiscard]] bool is_fragmented() const noexcept { return movie_.is_fragmented; }
    /// Whether the tracks will not change any more.
    [[nodiscard]] bool settled() const noexcept { return settled_; }
    void settle() noexcept { settled_ = true; }
    [[nodiscard]] std::size_t pending_runs() const noexcept { return pending_runs_; }

    /// Takes a whole moov box that stands at `offset`.
    [[nodiscard]] result<void> add_movie(const slice& moov, std::uint64_t offset) {
        if (has_movie_)
            return std::unexpected(
                displaced({errc::duplicate, 0, "moov", "moov, ISO/IEC 14496-12 8.2.1"}, offset));
        auto parsed = parse_movie(moov);
        if (!parsed) return std::unexpected(displaced(parsed.error(), offset));
        movie_ = std::move(*parsed);
        has_movie_ = true;
        settled_ = !movie_.is_fragmented;
        sources_.resize(movie_.tracks.size());
        next_decode_time_.resize(movie_.tracks.size());
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            auto& t = movie_.tracks[i];
            if (t.kind == media_kind::other) continue;
            raise(t, least_composition_offset(t.table));
            sources_[i].table = sample_iterator{t.table, t.composition_shift};
        }
        return {};
    }

    /// Takes a whole moof box that stands at `offset`.
    [[nodiscard]] result<void> add_fragment(const slice& moof, std::uint64_t offset) {
        if (!has_movie_)
            return std::unexpected(displaced(
                {errc::bad_state, 0, "moof before moov", "moof, ISO/IEC 14496-12 8.8.4"}, offset));
        new_runs_.clear();
        const auto done =
            parse_movie_fragment(moof, offset, movie_.tracks, next_decode_time_, new_runs_);
        if (!done) return std::unexpected(displaced(done.error(), offset));
        for (auto& r : new_runs_) {
            auto& t = movie_.tracks[r.track];
            if (t.kind == media_kind::other) continue;
            if (!settled_) raise(t, r.least_composition_offset);
        }
        settled_ = true;
        if (pending_runs_ + new_runs_.size() > max_pending_runs)
            return std::unexpected(
                displaced({errc::limit, 0, "trun", "moof, ISO/IEC 14496-12 8.8.4"}, offset));
        for (auto& r : new_runs_)
            if (movie_.tracks[r.track].kind != media_kind::other &&
                sources_[r.track].runs.push(std::move(r)))
                ++pending_runs_;
        return {};
    }

    /// Looks at the next sample of every track; false in `complete` when one has none right now.
    struct look {
        const sample* found = nullptr;
        bool complete = true;
    };
    /// The sample that is decoded first.
    [[nodiscard]] result<look> earliest() {
        return pick([this](const sample& a, const sample& b) {
            return movie_.tracks[a.track].decode_time(a) < movie_.tracks[b.track].decode_time(b);
        });
    }
    /// The sample that stands first in the file.
    [[nodiscard]] result<look> foremost() {
        return pick([](const sample& a, const sample& b) { return a.offset < b.offset; });
    }
    /// Moves past the sample that a look found.
    void take(std::uint32_t track_index) noexcept { sources_[track_index].head.reset(); }

private:
    struct source {
        std::optional<sample> head{};
        sample_iterator table{};
        run_iterator run{};
        ring<fragment_run> runs{};
        slice run_storage{}; ///< keeps the bytes that `run` walks over
    };

    static void raise(track& t, std::int32_t least) noexcept {
        if (least >= -t.composition_shift) return;
        const auto shift = least == std::numeric_limits<std::int32_t>::min() ? least + 1 : least;
        t.edit_start += -std::int64_t{shift} - t.composition_shift;
        t.composition_shift = -shift;
    }

    [[nodiscard]] result<void> fill(std::uint32_t i) {
        auto& from = sources_[i];
        if (from.head) return {};
        const auto tabled = from.table.next();
        if (!tabled) return std::unexpected(tabled.error());
        from.head = *tabled;
        while (!from.head) {
            if ((from.head = from.run.next())) break;
            auto run = from.runs.pop();
            if (!run) return {};
            --pending_runs_;
            from.run = run_iterator{*run, movie_.tracks[i].composition_shift};
            from.run_storage = std::move(run->storage);
        }
        from.head->track = i;
        return {};
    }

    template <class Before>
    [[nodiscard]] result<look> pick(Before before) {
        look best;
        for (std::uint32_t i = 0; i < sources_.size(); ++i) {
            if (movie_.tracks[i].kind == media_kind::other) continue;
            if (const auto done = fill(i); !done) return std::unexpected(done.error());
            const auto& head = sources_[i].head;
            if (!head)
                best.complete = false;
            else if (best.found == nullptr || before(*head, *best.found))
                best.found = &*head;
        }
        return best;
    }

    movie movie_{};
    std::vector<source> sources_{};
    std::vector<std::int64_t> next_decode_time_{};
    std::vector<fragment_run> new_runs_{};
    std::size_t pending_runs_ = 0;
    bool has_movie_ = false;
    bool settled_ = false;
};

} // namespace moqrtc::cmaf
