#pragma once

#include <moqrtc/cmaf/box_fields.hpp>
#include <moqrtc/cmaf/track.hpp>

#include <algorithm>
#include <span>
#include <vector>

namespace moqrtc::cmaf {

/// Sample flags as this library writes them.
///
/// Spec    ISO/IEC 14496-12 section 8.8.3.1: sample_depends_on (2: on none, 1: on others) and
///         sample_is_non_sync_sample.
inline constexpr std::uint32_t sync_sample_flags = 0x02000000;
inline constexpr std::uint32_t non_sync_sample_flags = 0x01010000;

/// Which optional fields a `trun` or `tfhd` box has.
///
/// Spec    ISO/IEC 14496-12 sections 8.8.7 (tfhd) and 8.8.8 (trun).
namespace fragment_flags {
inline constexpr std::uint32_t base_data_offset = 0x1;
inline constexpr std::uint32_t sample_description_index = 0x2;
inline constexpr std::uint32_t default_duration = 0x8;
inline constexpr std::uint32_t default_size = 0x10;
inline constexpr std::uint32_t default_flags = 0x20;
inline constexpr std::uint32_t default_base_is_moof = 0x20000;
inline constexpr std::uint32_t data_offset = 0x1;
inline constexpr std::uint32_t first_sample_flags = 0x4;
inline constexpr std::uint32_t sample_duration = 0x100;
inline constexpr std::uint32_t sample_size = 0x200;
inline constexpr std::uint32_t sample_flags = 0x400;
inline constexpr std::uint32_t sample_composition_offset = 0x800;
} // namespace fragment_flags

/// The samples of one `trun` box: one after the other in the file and in time.
///
/// Borrows `entries` points into `storage`, which is shared.
struct fragment_run {
    /// A run whose samples take no bytes in the box may not claim more of them than this.
    static constexpr std::uint32_t max_implied_samples = 1U << 20;
    /// Runs of one call of `parse_movie_fragment`: each takes more memory than bytes in the box.
    static constexpr std::size_t max_runs = 1U << 16;

    std::uint32_t track = 0; ///< index into the list of tracks
    std::uint32_t count = 0;
    std::uint32_t flags = 0;
    std::uint32_t first_flags = 0;
    sample_defaults defaults{};
    std::uint64_t offset = 0; ///< of the first sample, from the start of the file
    std::uint64_t size = 0;   ///< of all samples
    std::int64_t decode_time = 0;
    std::int64_t duration = 0; ///< of all samples
    std::int32_t least_composition_offset = 0;
    bytes entries{};
    slice storage{};
};

/// Walks the samples of a run; what `parse_movie_fragment` accepted cannot fail here.
class run_iterator {
public:
    run_iterator() noexcept = default;
    /// `composition_shift` is added to every composition offset.
    explicit run_iterator(const fragment_run& run, std::int32_t composition_shift = 0) noexcept
        : entries_{run.entries},
          flags_{run.flags},
          defaults_{run.defaults},
          left_{run.count},
          shift_{composition_shift} {
        next_.track = run.track;
        next_.offset = run.offset;
        next_.decode_time = run.decode_time;
        next_.description = run.defaults.description;
        first_flags_ =
            (flags_ & fragment_flags::first_sample_flags) != 0 ? run.first_flags : defaults_.flags;
    }

    [[nodiscard]] std::uint32_t remaining() const noexcept { return left_; }

    [[nodiscard]] std::optional<sample> next() noexcept {
        if (left_ == 0) return std::nullopt;
        --left_;
        sample s = next_;
        s.duration = field(fragment_flags::sample_duration, defaults_.duration);
        s.size = field(fragment_flags::sample_size, defaults_.size);
        const auto flags = field(fragment_flags::sample_flags, first_flags_);
        s.composition_offset = shifted(
            static_cast<std::int32_t>(field(fragment_flags::sample_composition_offset, 0)), shift_);
        s.is_sync = (flags & non_sync_sample_flags) == 0;
        first_flags_ = defaults_.flags;
        next_.offset += s.size;
        next_.decode_time += s.duration;
        return s;
    }

private:
    [[nodiscard]] std::uint32_t field(std::uint32_t flag, std::uint32_t otherwise) noexcept {
        if ((flags_ & flag) == 0) return otherwise;
        const auto value = static_cast<std::uint32_t>(load_be<4>(entries_));
        entries_ = entries_.subspan(4);
        return value;
    }

    bytes entries_{};
    std::uint32_t flags_ = 0;
    std::uint32_t first_flags_ = 0;
    sample_defaults defaults_{};
    std::uint32_t left_ = 0;
    std::int32_t shift_ = 0;
    sample next_{};
};

namespace detail {

/// Reads one `traf` box after the other; carries what one inherits from the one before.
class fragment_parser {
public:
    fragment_parser(const slice& moof, std::uint64_t offset, std::span<const track> tracks,
                    std::span<std::int64_t> next_decode_time,
                    std::vector<fragment_run>& runs) noexcept
        : moof_{moof},
          moof_offset_{offset},
          end_of_data_{offset},
          tracks_{tracks},
          next_decode_time_{next_decode_time},
          runs_{runs} {}

    [[nodiscard]] result<void> parse_traf(const box& traf) {
        box_cursor boxes{traf};
        seen_header_ = false;
        known_ = false;
        while (true) {
            const auto next = boxes.next();
            if (!next) return std::unexpected(next.error());
            if (!*next) break;
            result<void> done;
            if ((*next)->type == "tfhd")
                done = header(**next);
            else if ((*next)->type == "tfdt")
                done = decode_time(**next);
            else if ((*next)->type == "trun")
                done = run(**next);
            if (!done) return done;
        }
        if (!seen_header_)
            return fail(errc::bad_value, "tfhd", traf.offset, "traf, ISO/IEC 14496-12 8.8.6");
        return {};
    }

private:
    [[nodiscard]] result<void> header(const box& b) noexcept {
        box_fields in{b, "tfhd, ISO/IEC 14496-12 8.8.7"};
        const auto flags = read_version(in).flags;
        if (seen_header_) in.set(errc::duplicate, "tfhd");
        const auto track_id = in.u32("track_ID");
        defaults_ = {};
        for (std::size_t i = 0; i < tracks_.size(); ++i)
            if (tracks_[i].track_id == track_id) {
                track_ = static_cast<std::uint32_t>(i);
                defaults_ = tracks_[i].defaults;
                known_ = true;
            }
        // Without a base of its own the first traf starts at the moof, others where the data of
        // the one before ended.
        base_ = end_of_data_;
        if ((flags & fragment_flags::default_base_is_moof) != 0) base_ = moof_offset_;
        if ((flags & fragment_flags::base_data_offset) != 0) base_ = in.u64("base_data_offset");
        if ((flags & fragment_flags::sample_description_index) != 0)
            defaults_.description = in.u32("sample_description_index");
        if ((flags & fragment_flags::default_duration) != 0)
            defaults_.duration = in.u32("default_sample_duration");
        if ((flags & fragment_flags::default_size) != 0)
            defaults_.size = in.u32("default_sample_size");
        if ((flags & fragment_flags::default_flags) != 0)
            defaults_.flags = in.u32("default_sample_flags");
        next_offset_ = base_;
        seen_header_ = true;
        return in.failed() ? result<void>{in.failure()} : result<void>{};
    }

    [[nodiscard]] result<void> decode_time(const box& b) noexcept {
        box_fields in{b, "tfdt, ISO/IEC 14496-12 8.8.12"};
        const bool wide = read_version(in).version == 1;
        const auto time = in.u32_or_64(wide, "baseMediaDecodeTime");
        if (time > static_cast<std::uint64_t>(latest_time))
            in.set(errc::overflow, "baseMediaDecodeTime");
        if (!seen_header_) in.set(errc::bad_value, "tfhd");
        if (in.failed()) return in.failure();
        if (known_) next_decode_time_[track_] = static_cast<std::int64_t>(time);
        return {};
    }

    [[nodiscard]] result<void> run(const box& b) {
        box_fields in{b, "trun, ISO/IEC 14496-12 8.8.8"};
        fragment_run r;
        r.track = track_;
        r.flags = read_version(in).flags;
        r.count = in.u32("sample_count");
        r.defaults = defaults_;
        r.storage = moof_;
        if (!seen_header_) in.set(errc::bad_value, "tfhd");
        if ((r.flags & fragment_flags::data_offset) != 0)
            next_offset_ = base_ + static_cast<std::uint64_t>(std::int64_t{in.i32("data_offset")});
        if ((r.flags & fragment_flags::first_sample_flags) != 0)
            r.first_flags = in.u32("first_sample_flags");
        std::size_t width = 0;
        for (const auto flag :
             {fragment_flags::sample_duration, fragment_flags::sample_size,
              fragment_flags::sample_flags, fragment_flags::sample_composition_offset})
            if ((r.flags & flag) != 0) width += 4;
        if (width == 0 && r.count > fragment_run::max_implied_samples)
            in.set(errc::limit, "sample_count");
        r.entries = in.entries(r.count, width, "samples");
        r.offset = next_offset_;
        r.decode_time = known_ ? next_decode_time_[track_] : 0;
        if (in.failed()) return in.failure();

        measure(r);
        if (r.offset > static_cast<std::uint64_t>(latest_time))
            in.set(errc::overflow, "data_offset");
        if (r.duration > latest_time - r.decode_time) in.set(errc::overflow, "sample_duration");
        if (in.failed()) return in.failure();
        next_offset_ += r.size;
        end_of_data_ = next_offset_;
        if (known_) {
            if (runs_.size() >= fragment_run::max_runs) {
                in.set(errc::limit, "trun");
                return in.failure();
            }
            next_decode_time_[track_] += r.duration;
            if (r.count != 0) runs_.push_back(std::move(r));
        }
        return {};
    }

    /// Adds up sizes and durations: at most 2^32 of 32 bits each, so neither sum overflows.
    static void measure(fragment_run& r) noexcept {
        if (r.entries.empty()) {
            r.size = std::uint64_t{r.count} * r.defaults.size;
            r.duration = static_cast<std::int64_t>(std::uint64_t{r.count} * r.defaults.duration);
            return;
        }
        run_iterator samples{r};
        while (const auto s = samples.next()) {
            r.size += s->size;
            r.duration += s->duration;
            r.least_composition_offset =
                std::min(r.least_composition_offset, s->composition_offset);
        }
    }

    const slice& moof_;
    std::uint64_t moof_offset_;
    std::uint64_t end_of_data_;
    std::span<const track> tracks_;
    std::span<std::int64_t> next_decode_time_;
    std::vector<fragment_run>& runs_;
    std::uint32_t track_ = 0;
    sample_defaults defaults_{};
    std::uint64_t base_ = 0;
    std::uint64_t next_offset_ = 0;
    bool seen_header_ = false;
    bool known_ = false;
};

} // namespace detail

/// Parses a whole moof box that stands at `offset` in its file, and appends its runs to `runs`.
///
/// `next_decode_time` has one entry per track: where the track's last fragment ended. It is where
/// a fragment without `tfdt` starts, and it is moved to the end of this one. Fragments of tracks
/// that are not listed are passed over.
///
/// Spec    ISO/IEC 14496-12 section 8.8.4.
/// Errors  those of the boxes inside, with offsets from the start of `moof`; `runs` may then hold
///         what came before.
[[nodiscard]] inline result<void> parse_movie_fragment(const slice& moof, std::uint64_t offset,
                                                       std::span<const track> tracks,
                                                       std::span<std::int64_t> next_decode_time,
                                                       std::vector<fragment_run>& runs) {
    constexpr auto where = "moof, ISO/IEC 14496-12 8.8.4";
    box_cursor outer{moof.view()};
    const auto whole = outer.next();
    if (!whole) return std::unexpected(whole.error());
    if (!*whole) return fail(errc::truncated, "moof", 0, where);
    if ((*whole)->type != "moof") return fail(errc::unknown_type, "moof", 0, where);
    detail::fragment_parser parser{moof, offset, tracks, next_decode_time, runs};
    box_cursor boxes{**whole};
    while (true) {
        const auto next = boxes.next();
        if (!next) return std::unexpected(next.error());
        if (!*next) return {};
        if ((*next)->type != "traf") continue;
        if (const auto done = parser.parse_traf(**next); !done) return done;
    }
}

} // namespace moqrtc::cmaf
