#pragma once

#include <moqrtc/cmaf/fragment.hpp>
#include <moqrtc/cmaf/group_clock.hpp>
#include <moqrtc/cmaf/init_segment.hpp>
#include <moqrtc/cmaf/slice_list.hpp>
#include <moqrtc/core/ring.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace moqrtc::cmaf {

/// One MoQ object of a media track: a CMAF chunk, or the end of the track.
///
/// Owns    `header` (moof and mdat header) and shares the samples' bytes in `payload`; the object's
///         payload on the wire is the one followed by the other.
/// Units   times lie on the presentation's time line and may be negative.
struct media_object {
    std::uint32_t track = 0; ///< index into the list of tracks
    std::uint64_t group_id = 0;
    std::uint64_t object_id = 0;
    media_time decode_time{};
    media_time presentation_time{}; ///< of the first sample
    media_time length{};
    bool is_sync = false;      ///< decoding can start here
    bool end_of_track = false; ///< no chunk: nothing follows in this track
    slice header{};
    slice_list payload{};

    [[nodiscard]] std::size_t size() const noexcept { return header.size() + payload.total(); }
};

/// Turns samples into MoQ objects.
///
/// An object is one chunk: one video frame, or audio frames up to a duration. A group lasts from
/// one keyframe of the first video track to its next; audio belongs to the group that contains its
/// first presentation time; without video, groups last a period. Group IDs are equal across
/// tracks; object IDs count from 0 in each group of each track.
/// Drain   `poll_object` after every call.
/// Errors  out_of_memory when the pool is exhausted; limit, overflow for what fits no chunk.
class packager {
public:
    struct config {
        std::uint64_t first_group = 0;
        duration audio_chunk = milliseconds(50); ///< audio frames merge up to this
        duration video_chunk{0};                 ///< 0: one frame each
        duration audio_group = seconds(1);       ///< length of groups without video
        /// Samples come in decode order over all tracks, as a `file_demuxer` gives them. Otherwise
        /// what follows video waits until the video has caught up, within the two bounds below.
        bool is_interleaved = true;
        duration max_hold = seconds(2);
        std::size_t max_held = 4096; ///< samples per track
    };

    packager(buffer_pool& pool, std::span<const track> tracks, const config& settings)
        : pool_{&pool}, config_{settings}, clock_{settings.first_group, settings.audio_group} {
        lanes_.resize(tracks.size());
        for (std::size_t i = 0; i < tracks.size(); ++i) {
            auto& l = lanes_[i];
            l.of = tracks[i];
            l.carried = carries(l.of);
            const auto most =
                l.of.kind == media_kind::audio ? config_.audio_chunk : config_.video_chunk;
            l.max_chunk = rescale(most.us, 1'000'000, l.of.timescale);
            if (l.carried && l.of.kind == media_kind::video && lead_ == none) lead_ = i;
        }
    }

    /// Whether objects are made of this track: audio and video that is not encrypted.
    [[nodiscard]] static bool carries(const track& t) noexcept {
        return t.kind != media_kind::other && !t.is_protected;
    }
    /// Appends the init segment that belongs to the chunks of a track.
    void write_init(std::size_t track_index, std::vector<std::byte>& out) const {
        write_init_segment(out, {&lanes_[track_index].of, 1}, {written_track_id(track_index)});
    }
    /// Video samples passed over because no keyframe came before them.
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

    [[nodiscard]] result<void> handle_sample(media_sample s) {
        if (s.track >= lanes_.size()) return fail(errc::not_found, "track", 0, where);
        auto& l = lanes_[s.track];
        if (!l.carried) return {};
        if (l.ended) return fail(errc::bad_state, "sample after end of track", 0, where);
        if (s.decode_time < 0 || s.decode_time > latest_time)
            return fail(errc::overflow, "decode_time", 0, where);
        lap_end_ =
            std::max(lap_end_, {s.decode_time + s.duration + l.of.start_delay, l.of.timescale});
        s.decode_time += l.lap_offset;
        if (s.track == lead_) return lead(l, std::move(s));
        if (lead_ == none || config_.is_interleaved || lanes_[lead_].ended)
            return follow(l, std::move(s));
        if (!l.held.push(std::move(s))) return fail(errc::limit, "held samples", 0, where);
        return release(l);
    }

    /// Says that a track is over: its last chunk and an `end_of_track` object come out.
    [[nodiscard]] result<void> handle_end_of_track(std::size_t track_index) {
        auto& l = lanes_[track_index];
        if (!l.carried || l.ended) return {};
        if (const auto done = release(l, true); !done) return done;
        if (const auto done = flush(l); !done) return done;
        l.ended = true;
        media_object end;
        end.track = static_cast<std::uint32_t>(track_index);
        end.group_id = l.started ? l.group_id : config_.first_group;
        end.object_id = l.next_object;
        end.end_of_track = true;
        (void)objects_.push(std::move(end));
        return track_index == lead_ ? release_all() : result<void>{};
    }
    /// Says that all tracks are over.
    [[nodiscard]] result<void> handle_end() {
        // The lead goes last: as long as it lasts it decides where the others' groups end.
        for (std::size_t i = 0; i < lanes_.size(); ++i)
            if (i != lead_)
                if (const auto done = handle_end_of_track(i); !done) return done;
        return lead_ != none ? handle_end_of_track(lead_) : result<void>{};
    }

    /// What comes next is the same media from its start, to follow what came so far without a
    /// break: `--loop`.
    [[nodiscard]] result<void> handle_lap() {
        if (const auto done = release_all(true); !done) return done;
        lap_total_ = lap_total_ + to_duration(lap_end_) + microseconds(1);
        lap_end_ = {};
        for (auto& l : lanes_) {
            if (const auto done = flush(l); !done) return done;
            l.lap_offset = rescale(lap_total_.us, 1'000'000, l.of.timescale);
        }
        return {};
    }

    [[nodiscard]] std::optional<media_object> poll_object() { return objects_.pop(); }

private:
    static constexpr auto where = "packager";
    static constexpr std::size_t none = SIZE_MAX;
    static constexpr std::size_t max_samples_per_chunk = 512;

    struct lane {
        track of{};
        bool carried = false;
        bool started = false;
        bool ended = false;
        std::uint64_t group_id = 0;
        std::uint64_t next_object = 0;
        std::uint32_t sequence_number = 0;
        std::int64_t max_chunk = 0;
        std::int64_t lap_offset = 0;
        // The chunk under construction.
        std::vector<chunk_sample> samples{};
        slice_list payload{};
        sample first{};
        std::int64_t next_decode_time = 0;
        // Samples that wait for the lead.
        ring<media_sample> held{};
    };

    /// A sample of the track whose keyframes make the groups.
    [[nodiscard]] result<void> lead(lane& l, media_sample s) {
        if (!l.started && !s.is_sync) {
            ++dropped_;
            return {};
        }
        const auto at = l.of.presentation_time(s);
        auto group = l.group_id;
        if (s.is_sync) group = clock_.mark(at);
        clock_.extend({at.ticks + s.duration, at.timescale});
        horizon_ = l.of.decode_time(s);
        if (const auto done = place(l, std::move(s), group); !done) return done;
        return config_.is_interleaved ? result<void>{} : release_all();
    }
    /// A sample of another track.
    [[nodiscard]] result<void> follow(lane& l, media_sample s) {
        auto group = l.group_id;
        if (l.of.kind == media_kind::audio || s.is_sync) {
            group = std::max(group, clock_.group_of(l.of.presentation_time(s)));
        } else if (!l.started) {
            ++dropped_;
            return {};
        }
        return place(l, std::move(s), group);
    }

    /// Lets the samples of a track go whose group is certain, or that waited long enough.
    [[nodiscard]] result<void> release(lane& l, bool all = false) {
        while (!l.held.empty()) {
            const auto oldest = l.of.decode_time(l.held.front());
            auto patient = l.of.decode_time(l.held.back());
            patient.ticks -= rescale(config_.max_hold.us, 1'000'000, l.of.timescale);
            const bool certain = horizon_ && l.of.presentation_time(l.held.front()) <= *horizon_;
            if (!all && !certain && oldest >= patient && l.held.size() < config_.max_held)
                return {};
            auto s = l.held.pop();
            if (const auto done = follow(l, std::move(*s)); !done) return done;
        }
        return {};
    }
    [[nodiscard]] result<void> release_all(bool all = false) {
        for (std::size_t i = 0; i < lanes_.size(); ++i)
            if (i != lead_ && lanes_[i].carried)
                if (const auto done =
                        release(lanes_[i], all || (lead_ != none && lanes_[lead_].ended));
                    !done)
                    return done;
        return {};
    }

    /// Puts a sample into the chunk it belongs to.
    [[nodiscard]] result<void> place(lane& l, media_sample s, std::uint64_t group) {
        const bool regroup = !l.started || group != l.group_id;
        if (!l.samples.empty() &&
            (regroup || s.decode_time != l.next_decode_time ||
             s.description != l.first.description || lasts(l) + s.duration > l.max_chunk))
            if (const auto done = flush(l); !done) return done;
        if (regroup) {
            l.group_id = group;
            l.next_object = 0;
            l.started = true;
        }
        if (l.samples.empty()) l.first = s;
        l.samples.push_back({s.duration, s.size, s.composition_offset, s.is_sync});
        l.payload.push_back(std::move(s.payload));
        l.next_decode_time = s.decode_time + s.duration;
        // Another sample like this one would not fit: there is nothing to wait for.
        if (l.max_chunk == 0 || lasts(l) + s.duration > l.max_chunk ||
            l.samples.size() == max_samples_per_chunk)
            return flush(l);
        return {};
    }
    [[nodiscard]] static std::int64_t lasts(const lane& l) noexcept {
        return l.next_decode_time - l.first.decode_time;
    }

    /// Makes an object of the chunk under construction.
    [[nodiscard]] result<void> flush(lane& l) {
        if (l.samples.empty()) return {};
        const auto decode_time = l.first.decode_time + l.of.start_delay;
        const chunk_header header{++l.sequence_number, written_track_id(l.first.track),
                                  l.first.description, static_cast<std::uint64_t>(decode_time),
                                  l.samples};
        auto to = buffer::allocate(*pool_, header.wire_size());
        if (!to.valid()) return fail(errc::out_of_memory, "pool", 0, where);
        const auto written = header.serialize(to.room());
        if (!written) return std::unexpected(written.error());
        to.commit(*written);

        media_object made;
        made.track = l.first.track;
        made.group_id = l.group_id;
        made.object_id = l.next_object++;
        made.decode_time = l.of.decode_time(l.first);
        made.presentation_time = l.of.presentation_time(l.first);
        made.length = {lasts(l), l.of.timescale};
        made.is_sync = l.first.is_sync;
        made.header = to.freeze();
        made.payload = std::exchange(l.payload, {});
        l.samples.clear();
        if (!objects_.push(std::move(made))) return fail(errc::limit, "objects", 0, where);
        return {};
    }

    buffer_pool* pool_;
    config config_;
    group_clock clock_;
    std::vector<lane> lanes_{};
    std::size_t lead_ = none;
    std::optional<media_time> horizon_{};
    media_time lap_end_{};
    duration lap_total_{};
    std::uint64_t dropped_ = 0;
    ring<media_object> objects_{};
};

} // namespace moqrtc::cmaf
