#pragma once

#include <moqrtc/core/time.hpp>
#include <moqrtc/loc/properties.hpp>

#include <concepts>
#include <cstdint>
#include <optional>

namespace moqrtc::loc {

/// Where properties come from, one after the other: a type with a number when it is even, with
/// bytes when it is odd. `moqt::key_value_reader` is one; how pairs are encoded depends on the
/// draft.
template <class T>
concept property_source = requires(T& pairs) {
    { pairs.next()->type } -> std::convertible_to<std::uint64_t>;
    { pairs.next()->number } -> std::convertible_to<std::uint64_t>;
    { pairs.next()->data } -> std::convertible_to<bytes>;
    { pairs.ok() } -> std::convertible_to<bool>;
    { pairs.failure() } -> std::convertible_to<error>;
};

/// What the properties of an object, or of a track, say about its media.
///
/// Spec    draft-ietf-moq-loc, anchor `headers`. Of a track only timescale and configurations.
/// Fields  empty configurations are absent. `timescale` absent: `timestamp` is the wall clock when
///         the frame was taken.
/// Units   `timestamp` in 1/`timescale` seconds since an origin of the application, without
///         `timescale` in microseconds since 1970-01-01T00:00:00Z.
/// Borrows the configurations.
struct header {
    std::optional<std::uint64_t> timestamp{};
    std::optional<std::uint64_t> timescale{};
    std::optional<audio_level> level{};
    std::optional<frame_marking> marking{};
    bytes video_config{};
    bytes audio_config{};

    /// Takes a property over; others than those of LOC are passed over, as they may be.
    ///
    /// Errors  duplicate (each may stand once, for nobody would know which counts), bad_value (a
    ///         timescale of 0, a frame marking that is none).
    constexpr result<void> take(std::uint64_t type, std::uint64_t number, bytes data) noexcept {
        constexpr const char* where = "LOC Properties, draft-ietf-moq-loc";
        const auto once = [&](bool was_there, const char* field) -> result<void> {
            if (was_there) return fail(errc::duplicate, field, 0, where);
            return {};
        };
        switch (type) {
        case property::timestamp: {
            const auto fresh = once(timestamp.has_value(), "timestamp");
            timestamp = number;
            return fresh;
        }
        case property::timescale: {
            const auto fresh = once(timescale.has_value(), "timescale");
            if (number == 0) return fail(errc::bad_value, "timescale", 0, where);
            timescale = number;
            return fresh;
        }
        case property::audio_level: {
            const auto fresh = once(level.has_value(), "audio_level");
            level = audio_level::of(number);
            return fresh;
        }
        case property::video_frame_marking: {
            const auto fresh = once(marking.has_value(), "video_frame_marking");
            const auto parsed = frame_marking::parse(data);
            if (!parsed) return std::unexpected(parsed.error());
            marking = *parsed;
            return fresh;
        }
        case property::video_config: {
            const auto fresh = once(!video_config.empty(), "video_config");
            video_config = data;
            return fresh;
        }
        case property::audio_config: {
            const auto fresh = once(!audio_config.empty(), "audio_config");
            audio_config = data;
            return fresh;
        }
        default:
            return {};
        }
    }
    /// What is said here, and of the rest what is said of the whole track.
    [[nodiscard]] constexpr header within(const header& track) const noexcept {
        header out = *this;
        if (!out.timescale) out.timescale = track.timescale;
        if (out.video_config.empty()) out.video_config = track.video_config;
        if (out.audio_config.empty()) out.audio_config = track.audio_config;
        return out;
    }
    /// Hands the properties to `put(type, number, data)` in the order of their types, which is the
    /// one that they are written in.
    template <class Put>
    constexpr void for_each(Put&& put) const {
        if (timescale) put(property::timescale, *timescale, bytes{});
        if (marking) {
            const auto value = marking->encoded();
            put(property::video_frame_marking, std::uint64_t{0}, bytes{value}.first(marking->size));
        }
        if (level) put(property::audio_level, level->number(), bytes{});
        if (!video_config.empty()) put(property::video_config, std::uint64_t{0}, video_config);
        if (!audio_config.empty()) put(property::audio_config, std::uint64_t{0}, audio_config);
        if (timestamp) put(property::timestamp, *timestamp, bytes{});
    }
};

/// Reads the LOC properties out of all properties of an object or a track.
///
/// Errors  those of the source and of `header::take`.
template <property_source Pairs>
[[nodiscard]] constexpr result<header> read_header(Pairs&& pairs) {
    header out;
    while (const auto pair = pairs.next())
        if (const auto done = out.take(pair->type, pair->number, pair->data); !done)
            return std::unexpected(done.error());
    if (!pairs.ok()) return std::unexpected(error{pairs.failure()});
    return out;
}

/// A timestamp in units of 1/`to` seconds, rounded to the nearest.
///
/// Errors  overflow: beyond 2^63 - 1, where no container can say it.
[[nodiscard]] constexpr result<std::int64_t> rescaled(std::uint64_t timestamp, std::uint64_t from,
                                                      std::uint64_t to) noexcept {
    constexpr const char* where = "Timestamp, draft-ietf-moq-loc";
    if (from == 0 || to == 0) return fail(errc::bad_value, "timescale", 0, where);
    __extension__ using wide = unsigned __int128;
    const auto ticks = (wide{timestamp} * to + from / 2) / from;
    if (ticks > wide{INT64_MAX}) return fail(errc::overflow, "timestamp", 0, where);
    return static_cast<std::int64_t>(ticks);
}

} // namespace moqrtc::loc
