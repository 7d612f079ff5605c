#pragma once

#include <moqrtc/cmaf/fragment.hpp>
#include <moqrtc/core/slice.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace moqrtc::reference {

/// Keeps the decode times of tracks going forward in a file that outlives its publisher.
///
/// A publisher that starts again begins with earlier times. What it sends is moved behind the end
/// of what is there, all tracks by the same time, so that they stay in step.
class timeline {
public:
    explicit timeline(buffer_pool& pool) : pool_{&pool} {}

    /// Adds the next track; indices are those of the file's writer. Outlives the timeline.
    void add_track(const cmaf::track& of) { tracks_.push_back({&of}); }

    /// The chunk as it belongs into the file, or none when other chunks stand there.
    ///
    /// Errors  those of `cmaf::parse_chunk`.
    [[nodiscard]] result<std::optional<slice>> place(std::size_t index, const slice& chunk) {
        auto& t = tracks_[index];
        samples_.clear();
        auto end = t.source_end;
        if (const auto done = cmaf::parse_chunk(chunk, *t.of, end, samples_); !done)
            return std::unexpected(done.error());
        const auto begin = samples_.front().decode_time;
        samples_.clear();
        if (t.source_end != 0 && begin < t.source_end - t.tolerance()) restart(t, begin);
        t.source_end = end;
        const auto moved = begin + shift_of(t);
        if (t.file_end && moved < *t.file_end - t.tolerance()) return std::nullopt;
        t.file_end = end + shift_of(t);
        if (shift_of(t) == 0) return chunk;
        return moved_by(chunk, shift_of(t));
    }
    [[nodiscard]] std::size_t restarts() const noexcept { return shifts_.size() - 1; }

private:
    struct entry {
        const cmaf::track* of = nullptr;
        std::int64_t source_end = 0;            ///< of the last chunk, as its publisher counts
        std::optional<std::int64_t> file_end{}; ///< the same in the file
        std::size_t era = 0;                    ///< which start of the publisher it came from

        /// Rounding of times moves a chunk by less than a millisecond.
        [[nodiscard]] std::int64_t tolerance() const noexcept { return of->timescale / 1000; }
    };

    [[nodiscard]] std::int64_t shift_of(const entry& t) const noexcept {
        return cmaf::rescale(shifts_[t.era].us, 1'000'000, t.of->timescale);
    }
    /// The publisher of `t` has started again. Another track may have told before.
    void restart(entry& t, std::int64_t begin) {
        if (t.era + 1 < shifts_.size()) {
            t.era = shifts_.size() - 1;
            return;
        }
        ++t.era;
        duration end{};
        for (const auto& one : tracks_)
            if (one.file_end)
                end = std::max(end, cmaf::to_duration({*one.file_end, one.of->timescale}));
        shifts_.push_back(end - cmaf::to_duration({begin, t.of->timescale}));
    }
    [[nodiscard]] result<std::optional<slice>> moved_by(const slice& chunk, std::int64_t shift) {
        auto copy = buffer::allocate(*pool_, chunk.size());
        if (!copy.valid()) return fail(errc::out_of_memory, "pool");
        const auto to = copy.room();
        std::ranges::copy(chunk.view(), to.begin());
        // The chunk was parsed: its boxes are sound.
        cmaf::box_cursor outer{chunk.view()};
        while (const auto moof = outer.next().value_or(std::nullopt)) {
            if (moof->type != "moof") continue;
            cmaf::box_cursor inner{*moof};
            while (const auto traf = inner.next().value_or(std::nullopt)) {
                if (traf->type != "traf") continue;
                cmaf::box_cursor fields{*traf};
                while (const auto b = fields.next().value_or(std::nullopt)) {
                    if (b->type != "tfdt") continue;
                    cmaf::box_fields in{*b, "tfdt, ISO/IEC 14496-12 8.8.12"};
                    const bool is_wide = cmaf::read_version(in).version == 1;
                    const auto at = in.offset();
                    const auto time =
                        static_cast<std::int64_t>(in.u32_or_64(is_wide, "baseMediaDecodeTime"));
                    if (in.failed()) return in.failure();
                    const auto moved = static_cast<std::uint64_t>(time + shift);
                    if (time + shift < 0 || (!is_wide && moved > UINT32_MAX))
                        return fail(errc::overflow, "baseMediaDecodeTime", at);
                    if (is_wide)
                        store_be<8>(to.subspan(at), moved);
                    else
                        store_be<4>(to.subspan(at), moved);
                }
            }
        }
        copy.commit(chunk.size());
        return copy.freeze();
    }

    buffer_pool* pool_;
    std::vector<entry> tracks_;
    std::vector<duration> shifts_{duration{}};
    std::vector<cmaf::media_sample> samples_;
};

} // namespace moqrtc::reference
