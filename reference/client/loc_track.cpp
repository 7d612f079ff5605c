#include "loc_track.hpp"

#include <moqrtc/cmaf/fragment.hpp>
#include <moqrtc/cmaf/make_track.hpp>
#include <moqrtc/loc/decoder.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace moqrtc::reference {

namespace {

constexpr const char* where = "LOC object, draft-ietf-moq-loc";
constexpr std::uint32_t microseconds_a_second = 1'000'000;
/// A group that never ends is cut into pieces of so many frames.
constexpr std::size_t most_frames = 600;

std::uint32_t channels_of(const std::string& text) {
    std::uint32_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return text == "mono" ? 1 : text == "stereo" ? 2 : out;
}

std::uint32_t bounded(const std::optional<std::uint64_t>& value) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value.value_or(0), UINT32_MAX));
}

} // namespace

loc_track::loc_track(buffer_pool& pool, const catalog::track& entry,
                     std::vector<std::byte> description)
    : pool_{&pool},
      sample_entry_{loc::sample_entry_of(entry.codec)},
      is_video_{catalog::kind_of(entry) == catalog::track_kind::video},
      width_{bounded(entry.width)},
      height_{bounded(entry.height)},
      channels_{channels_of(entry.channel_config)},
      sample_rate_{bounded(entry.samplerate)},
      description_{std::move(description)},
      described_{!description_.empty()} {}

/// Makes a track of what the catalog and the first frame say.
result<void> loc_track::configure(const loc::header& media, bytes payload) {
    const auto given = is_video_ ? media.video_config : media.audio_config;
    if (!given.empty()) {
        description_.assign(given.begin(), given.end());
        described_ = true;
    }
    const bool is_h264 = sample_entry_ == "avc1" || sample_entry_ == "avc3";
    if (description_.empty() && is_h264) {
        auto in_band = loc::h264_configuration_in(payload);
        if (!in_band) return std::unexpected(in_band.error());
        description_ = std::move(*in_band);
        sample_entry_ = "avc3"; // the parameter sets stay in the samples
    }
    const auto config =
        loc::box_configuration(sample_entry_.value, description_, {channels_, sample_rate_});
    if (!config) return std::unexpected(config.error());
    const auto scale = media.timescale.value_or(microseconds_a_second);
    auto made = cmaf::make_track(*pool_, sample_entry_, *config,
                                 scale > UINT32_MAX ? microseconds_a_second
                                                    : static_cast<std::uint32_t>(scale),
                                 {width_, height_, channels_, sample_rate_});
    if (!made) return std::unexpected(made.error());
    if (is_h264) {
        const auto parsed = codec::h264::configuration::parse(*config);
        if (!parsed) return std::unexpected(parsed.error());
        length_size_ = parsed->length_size;
    }
    known_ = std::move(*made);
    return {};
}

result<void> loc_track::check_configuration(bytes given) const {
    if (given.empty() || !described_ || equal(given, description_)) return {};
    return fail(errc::unsupported, "another configuration", 0, where);
}

/// The payload as MP4 has it: NAL units behind lengths.
result<slice> loc_track::sample_of(const slice& payload) const {
    const bool has_units = known_->config_type == "avcC" || known_->config_type == "hvcC";
    if (!has_units || !loc::has_start_codes(payload.view(), described_)) return payload;
    if (length_size_ != 4) return fail(errc::unsupported, "lengthSizeMinusOne", 0, where);
    std::vector<std::byte> out;
    if (const auto done = codec::to_length_prefixed(payload.view(), out); !done)
        return std::unexpected(done.error());
    auto made = slice::copy(*pool_, out);
    if (made.empty() && !out.empty()) return fail(errc::out_of_memory, "pool", 0, where);
    return made;
}

result<void> loc_track::handle(moqt::location at, const loc::header& media, slice payload) {
    if (payload.empty()) return {};
    if (!media.timestamp) return fail(errc::not_found, "timestamp", 0, where);
    const bool is_start =
        !is_video_ || at.object == 0 || (media.marking && media.marking->independent);
    // Nothing can be decoded before the first keyframe, nor behind one that was left out.
    if (!is_start && waits_) return {};
    waits_ = true;
    if (!known_) {
        if (const auto done = configure(media, payload.view()); !done) return done;
    }
    const auto given = is_video_ ? media.video_config : media.audio_config;
    if (const auto same = check_configuration(given); !same) return same;
    const auto time = loc::rescaled(
        *media.timestamp, media.timescale.value_or(microseconds_a_second), known_->timescale);
    if (!time) return std::unexpected(time.error());
    if (*time > cmaf::latest_time) return fail(errc::overflow, "timestamp", 0, where);
    auto sample = sample_of(payload);
    if (!sample) return std::unexpected(sample.error());
    if (!frames_.empty() && (at.group != group_ || frames_.size() == most_frames))
        if (const auto done = flush(*time); !done) return done;
    group_ = at.group;
    waits_ = false;
    frames_.push_back({*time, std::move(*sample), is_start});
    return {};
}

/// Times of presentation in ascending order, never before what came before them; a publisher that
/// began anew is not held to that.
std::vector<std::int64_t> loc_track::decode_times() const {
    std::vector<std::int64_t> out;
    for (const auto& one : frames_)
        out.push_back(one.time);
    std::ranges::sort(out);
    auto least = end_.value_or(out.front());
    if (out.front() + known_->timescale < least) least = out.front();
    for (auto& one : out) {
        one = std::max(one, least);
        least = one + 1;
    }
    return out;
}

/// Makes a chunk of the frames that wait; `next` is when the frame behind them is shown.
result<void> loc_track::flush(std::optional<std::int64_t> next) {
    if (frames_.empty()) return {};
    const auto times = decode_times();
    if (!ahead_) {
        ahead_ = 0;
        for (std::size_t i = 0; i < frames_.size(); ++i)
            ahead_ = std::max(*ahead_, times[i] - frames_[i].time);
    }
    const auto ahead = std::min(*ahead_, times.front()); // none is decoded before 0
    // What is behind a gap says nothing about how long the frame before it lasted.
    const auto second = std::int64_t{known_->timescale};
    std::vector<cmaf::chunk_sample> samples;
    std::size_t size = 0;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
        const auto behind = i + 1 < times.size() ? std::optional{times[i + 1]} : next;
        const auto lasts = behind ? *behind - times[i] : 0;
        if (lasts > 0 && lasts <= second) usual_ = lasts;
        if (usual_ == 0) usual_ = std::max<std::int64_t>(1, second / 50);
        const auto offset = frames_[i].time - times[i] + ahead;
        if (offset < INT32_MIN || offset > INT32_MAX)
            return frames_.clear(), fail(errc::overflow, "timestamp", 0, where);
        const bool in_chunk = i + 1 < times.size(); // the next one's time is what ours ends at
        samples.push_back({static_cast<std::uint32_t>(
                               in_chunk ? std::min<std::int64_t>(lasts, UINT32_MAX) : usual_),
                           static_cast<std::uint32_t>(frames_[i].payload.size()),
                           static_cast<std::int32_t>(offset), frames_[i].is_sync});
        size += frames_[i].payload.size();
    }
    end_ = times.back() + usual_;
    const cmaf::chunk_header header{++sequence_number_, known_->track_id, 1,
                                    static_cast<std::uint64_t>(times.front() - ahead), samples};
    auto out = buffer::allocate(*pool_, header.wire_size() + size);
    if (!out.valid()) return frames_.clear(), fail(errc::out_of_memory, "pool", 0, where);
    const auto written = header.serialize(out.room());
    if (!written) return frames_.clear(), std::unexpected(written.error());
    out.commit(*written);
    for (const auto& one : frames_)
        if (!out.append(*pool_, one.payload))
            return frames_.clear(), fail(errc::out_of_memory, "pool", 0, where);
    frames_.clear();
    if (!chunks_.push(out.freeze())) return fail(errc::limit, "chunks", 0, where);
    return {};
}

} // namespace moqrtc::reference
