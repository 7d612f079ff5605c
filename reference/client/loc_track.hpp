#pragma once

#include <moqrtc/catalog/track.hpp>
#include <moqrtc/cmaf/track.hpp>
#include <moqrtc/core/ring.hpp>
#include <moqrtc/core/slice.hpp>
#include <moqrtc/loc/header.hpp>
#include <moqrtc/moqt/types.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace moqrtc::reference {

/// A LOC track on its way into a file: frames in the order of their decoding go in, CMAF chunks
/// come out, one for each group.
///
/// LOC says when a frame is shown and nothing else. So a group waits until it is over: its decode
/// times are its times of presentation in ascending order, as much earlier as the first group has
/// to be decoded before it is shown, and a frame lasts until the next one.
class loc_track {
public:
    /// `description` is what the catalog has for the decoder; it may be empty.
    loc_track(buffer_pool& pool, const catalog::track& entry, std::vector<std::byte> description);

    /// What a file has to know of the track; null until the catalog and a frame have told.
    [[nodiscard]] const cmaf::track* known() const noexcept { return known_ ? &*known_ : nullptr; }
    /// Takes an object; `media` is what its properties and those of the track say.
    ///
    /// Errors  not_found (no timestamp; no configuration of the decoder yet), unsupported (another
    ///         configuration than before, when a file has but one; a codec that goes into no MP4),
    ///         those of the configurations, of the NAL units and of `loc::rescaled`. What fails is
    ///         left out.
    [[nodiscard]] result<void> handle(moqt::location at, const loc::header& media, slice payload);
    /// Nothing follows: the last group comes out.
    [[nodiscard]] result<void> finish() { return flush(std::nullopt); }
    [[nodiscard]] std::optional<slice> poll() { return chunks_.pop(); }

private:
    struct frame {
        std::int64_t time = 0; ///< of presentation, in ticks
        slice payload{};
        bool is_sync = false;
    };

    [[nodiscard]] result<void> configure(const loc::header& media, bytes payload);
    [[nodiscard]] result<void> check_configuration(bytes given) const;
    [[nodiscard]] result<slice> sample_of(const slice& payload) const;
    [[nodiscard]] result<void> flush(std::optional<std::int64_t> next);
    [[nodiscard]] std::vector<std::int64_t> decode_times() const;

    buffer_pool* pool_;
    cmaf::fourcc sample_entry_;
    bool is_video_ = false;
    std::uint32_t width_ = 0;
    std::uint32_t height_ = 0;
    std::uint32_t channels_ = 0;
    std::uint32_t sample_rate_ = 0;
    std::vector<std::byte> description_;
    bool described_ = false; ///< by the catalog or a property; otherwise by parameter sets in band
    unsigned length_size_ = 4;
    std::optional<cmaf::track> known_;

    bool waits_ = true; ///< for the next frame that decoding can start at
    std::uint64_t group_ = 0;
    std::vector<frame> frames_; ///< of one group, in decode order
    std::optional<std::int64_t> end_;
    std::int64_t usual_ = 0; ///< how long the last frame lasted
    /// How much earlier than in `decode_times` everything is decoded: no offset is negative then,
    /// for which some readers would move the track.
    std::optional<std::int64_t> ahead_;
    std::uint32_t sequence_number_ = 0;
    ring<slice> chunks_;
};

} // namespace moqrtc::reference
