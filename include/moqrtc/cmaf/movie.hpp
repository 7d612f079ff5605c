#pragma once

#include <moqrtc/cmaf/box_fields.hpp>
#include <moqrtc/cmaf/priming.hpp>
#include <moqrtc/cmaf/sample_entry.hpp>
#include <moqrtc/cmaf/track.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace moqrtc::cmaf {

/// What a moov box says.
///
/// Spec    ISO/IEC 14496-12 section 8.2.
/// Owns    the box's bytes, shared with its tracks.
struct movie {
    static constexpr std::size_t max_tracks = 64;

    std::uint32_t timescale = 1;
    std::uint64_t duration = 0; ///< in `timescale`; 0 when not known
    bool is_fragmented = false; ///< has an `mvex` box: samples are in fragments
    std::vector<track> tracks{};
};

namespace detail {

/// Reads one track; `movie_timescale` is what the durations of edits count in.
class track_parser {
public:
    track_parser(track& t, std::uint32_t movie_timescale) noexcept
        : track_{t}, movie_timescale_{movie_timescale} {}

    [[nodiscard]] result<void> parse(const box& trak) noexcept {
        if (const auto done = visit(trak); !done) return done;
        if (!seen_header_ || !seen_media_ || !seen_handler_ || description_.type == fourcc{})
            return fail(errc::bad_value, "mandatory box missing", trak.offset,
                        "trak, ISO/IEC 14496-12 8.3.1");
        // The handler decides how sample entries read, the timescale how edits do.
        if (const auto done = parse_sample_description(track_, description_); !done) return done;
        if (const auto done = apply_edits(); !done) return done;
        // In a progressive file the edit list says it all.
        if (track_.codec == "mp4a" && track_.table.sample_count != 0)
            track_.priming = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
                rescale(track_.edit_start, track_.timescale, track_.sample_rate), 0, UINT16_MAX));
        return {};
    }

private:
    [[nodiscard]] result<void> visit(const box& parent) noexcept {
        box_cursor boxes{parent};
        while (true) {
            const auto next = boxes.next();
            if (!next) return std::unexpected(next.error());
            if (!*next) break;
            const box& child = **next;
            result<void> done;
            if (child.type == "mdia" || child.type == "minf" || child.type == "edts" ||
                child.type == "stbl")
                done = visit(child);
            else if (child.type == "tkhd")
                done = header(child);
            else if (child.type == "mdhd")
                done = media_header(child);
            else if (child.type == "hdlr" && !seen_handler_)
                done = handler(child);
            else if (child.type == "udta" && parent.type == "trak")
                track_.priming = parse_priming(child);
            else if (child.type == "elst")
                edits_ = child;
            else if (child.type == "stsd")
                description_ = child;
            else if (parent.type == "stbl")
                done = parse_sample_table_box(track_.table, child);
            if (!done) return done;
        }
        return {};
    }

    [[nodiscard]] result<void> header(const box& b) noexcept {
        box_fields in{b, "tkhd, ISO/IEC 14496-12 8.3.2"};
        const bool wide = read_version(in).version == 1;
        in.skip(wide ? 16 : 8, "creation_time");
        track_.track_id = in.u32("track_ID");
        if (track_.track_id == 0) in.set(errc::bad_value, "track_ID");
        in.skip(4, "reserved");
        (void)in.u32_or_64(wide, "duration");
        in.skip(16, "layer");
        for (auto& value : track_.matrix)
            value = in.u32("matrix");
        track_.display_width = in.u32("width");
        track_.display_height = in.u32("height");
        seen_header_ = true;
        return in.failed() ? result<void>{in.failure()} : result<void>{};
    }

    [[nodiscard]] result<void> media_header(const box& b) noexcept {
        box_fields in{b, "mdhd, ISO/IEC 14496-12 8.4.2"};
        const bool wide = read_version(in).version == 1;
        in.skip(wide ? 16 : 8, "creation_time");
        track_.timescale = in.u32("timescale");
        if (track_.timescale == 0) in.set(errc::bad_value, "timescale");
        const auto duration = in.u32_or_64(wide, "duration");
        const bool unknown = duration == (wide ? UINT64_MAX : UINT32_MAX);
        if (!unknown && duration > static_cast<std::uint64_t>(latest_time))
            in.set(errc::overflow, "duration");
        track_.duration = unknown ? 0 : static_cast<std::int64_t>(duration);
        track_.language = in.u16("language");
        seen_media_ = true;
        return in.failed() ? result<void>{in.failure()} : result<void>{};
    }

    [[nodiscard]] result<void> handler(const box& b) noexcept {
        box_fields in{b, "hdlr, ISO/IEC 14496-12 8.4.3"};
        in.skip(8, "pre_defined");
        track_.handler = fourcc{in.u32("handler_type")};
        track_.kind = track_.handler == "vide"   ? media_kind::video
                      : track_.handler == "soun" ? media_kind::audio
                                                 : media_kind::other;
        seen_handler_ = true;
        return in.failed() ? result<void>{in.failure()} : result<void>{};
    }

    /// Empty edits at the start delay the track, the first real edit says where it begins.
    [[nodiscard]] result<void> apply_edits() noexcept {
        if (edits_.type == fourcc{}) return {};
        box_fields in{edits_, "elst, ISO/IEC 14496-12 8.6.6"};
        const bool wide = read_version(in).version == 1;
        const auto count = in.u32("entry_count");
        bool started = false;
        std::uint64_t delay = 0;
        for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
            const auto length = in.u32_or_64(wide, "segment_duration");
            const auto start = wide ? static_cast<std::int64_t>(in.u64("media_time"))
                                    : std::int64_t{in.i32("media_time")};
            in.skip(4, "media_rate");
            if (in.failed()) break;
            if (start > latest_time || length > static_cast<std::uint64_t>(latest_time)) {
                in.set(errc::overflow, "media_time");
            } else if (started) {
                track_.has_more_edits = true;
            } else if (start < 0) {
                delay += length;
                if (delay > static_cast<std::uint64_t>(latest_time))
                    in.set(errc::overflow, "segment_duration");
            } else {
                track_.edit_start = start;
                started = true;
            }
        }
        if (in.failed()) return in.failure();
        track_.start_delay =
            rescale(static_cast<std::int64_t>(delay), movie_timescale_, track_.timescale);
        return {};
    }

    track& track_;
    std::uint32_t movie_timescale_;
    box edits_{};
    box description_{};
    bool seen_header_ = false;
    bool seen_media_ = false;
    bool seen_handler_ = false;
};

[[nodiscard]] inline result<void> parse_movie_header(movie& m, const box& b) noexcept {
    box_fields in{b, "mvhd, ISO/IEC 14496-12 8.2.2"};
    const bool wide = read_version(in).version == 1;
    in.skip(wide ? 16 : 8, "creation_time");
    m.timescale = in.u32("timescale");
    if (m.timescale == 0) in.set(errc::bad_value, "timescale");
    m.duration = in.u32_or_64(wide, "duration");
    if (m.duration == (wide ? UINT64_MAX : UINT32_MAX)) m.duration = 0;
    return in.failed() ? result<void>{in.failure()} : result<void>{};
}

[[nodiscard]] inline result<void> parse_track_extends(movie& m, const box& mvex) noexcept {
    box_cursor boxes{mvex};
    while (true) {
        const auto next = boxes.next();
        if (!next) return std::unexpected(next.error());
        if (!*next) return {};
        if ((*next)->type != "trex") continue;
        box_fields in{**next, "trex, ISO/IEC 14496-12 8.8.3"};
        in.skip(4, "version_and_flags");
        const auto track_id = in.u32("track_ID");
        sample_defaults defaults;
        defaults.description = in.u32("default_sample_description_index");
        defaults.duration = in.u32("default_sample_duration");
        defaults.size = in.u32("default_sample_size");
        defaults.flags = in.u32("default_sample_flags");
        if (in.failed()) return in.failure();
        for (auto& t : m.tracks)
            if (t.track_id == track_id) t.defaults = defaults;
    }
}

} // namespace detail

/// Parses a whole moov box, its header included.
///
/// Owns    the result shares `moov`.
/// Errors  those of the boxes inside, with offsets from the start of `moov`; bad_value without a
///         track; duplicate when two tracks have one track_ID; limit for more than
///         `movie::max_tracks`.
[[nodiscard]] inline result<movie> parse_movie(slice moov) {
    constexpr auto where = "moov, ISO/IEC 14496-12 8.2.1";
    box_cursor outer{moov.view()};
    const auto whole = outer.next();
    if (!whole) return std::unexpected(whole.error());
    if (!*whole) return fail(errc::truncated, "moov", 0, where);
    if ((*whole)->type != "moov") return fail(errc::unknown_type, "moov", 0, where);

    movie m;
    box extends;
    bool seen_header = false;
    box_cursor boxes{**whole};
    while (true) {
        const auto next = boxes.next();
        if (!next) return std::unexpected(next.error());
        if (!*next) break;
        const box& child = **next;
        if (child.type == "mvhd") {
            if (const auto done = detail::parse_movie_header(m, child); !done)
                return std::unexpected(done.error());
            seen_header = true;
        } else if (child.type == "mvex") {
            extends = child;
            m.is_fragmented = true;
        } else if (child.type == "trak") {
            if (!seen_header) return fail(errc::bad_value, "mvhd", child.offset, where);
            if (m.tracks.size() == movie::max_tracks)
                return fail(errc::limit, "trak", child.offset, where);
            track t;
            t.storage = moov;
            if (const auto done = detail::track_parser{t, m.timescale}.parse(child); !done)
                return std::unexpected(done.error());
            for (const auto& other : m.tracks)
                if (other.track_id == t.track_id)
                    return fail(errc::duplicate, "track_ID", child.offset, where);
            m.tracks.push_back(std::move(t));
        }
    }
    if (!seen_header) return fail(errc::bad_value, "mvhd", 0, where);
    if (m.tracks.empty()) return fail(errc::bad_value, "trak", 0, where);
    if (m.is_fragmented)
        if (const auto done = detail::parse_track_extends(m, extends); !done)
            return std::unexpected(done.error());
    return m;
}

} // namespace moqrtc::cmaf
