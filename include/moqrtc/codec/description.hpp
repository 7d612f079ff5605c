#pragma once

#include <moqrtc/codec/aac.hpp>
#include <moqrtc/codec/av1.hpp>
#include <moqrtc/codec/fourcc.hpp>
#include <moqrtc/codec/h264.hpp>
#include <moqrtc/codec/h264_sps.hpp>
#include <moqrtc/codec/h265.hpp>
#include <moqrtc/codec/h265_sps.hpp>
#include <moqrtc/codec/opus.hpp>
#include <moqrtc/codec/vp9.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstdint>
#include <string>

namespace moqrtc::codec {

/// Whether something is seen or heard.
enum class media_kind : std::uint8_t { video, audio };

/// What a catalog says about a track, read from its decoder configuration.
///
/// Fields  `codec_string` is the RFC 6381 string. Dimensions are 0 where the configuration has none
///         (VP9 always, AV1 without sequence header, H.26x with parameter sets in band): take them
///         from the sample entry. Audio fields are 0 for video and the other way round.
/// Units   pixels, samples per second.
struct description {
    media_kind kind = media_kind::video;
    std::string codec_string{};
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t sample_rate = 0;
    std::uint32_t channels = 0;
};

namespace detail {

[[nodiscard]] inline result<description> describe_h264(std::uint32_t sample_entry, bytes record) {
    const auto config = h264::configuration::parse(record);
    if (!config) return std::unexpected(config.error());
    description out{.codec_string = h264::codec_string(*config, sample_entry)};
    if (config->sps.empty()) return out;
    const auto set = h264::sps::parse(config->sps[0]);
    if (!set) return std::unexpected(set.error());
    out.width = set->width;
    out.height = set->height;
    return out;
}

[[nodiscard]] inline result<description> describe_h265(std::uint32_t sample_entry, bytes record) {
    const auto config = h265::configuration::parse(record);
    if (!config) return std::unexpected(config.error());
    description out{.codec_string = h265::codec_string(config->general, sample_entry)};
    const auto unit = config->find(h265::nal_type::sps);
    if (unit.empty()) return out;
    const auto set = h265::sps::parse(unit);
    if (!set) return std::unexpected(set.error());
    out.width = set->width;
    out.height = set->height;
    return out;
}

[[nodiscard]] inline result<description> describe_vp9(bytes record) {
    const auto config = vp9::configuration::parse(record);
    if (!config) return std::unexpected(config.error());
    return description{.codec_string = vp9::codec_string(*config)};
}

[[nodiscard]] inline result<description> describe_av1(bytes record) {
    const auto config = av1::configuration::parse(record);
    if (!config) return std::unexpected(config.error());
    description out{.codec_string = av1::codec_string(*config)};
    if (config->sequence) {
        out.width = config->sequence->width;
        out.height = config->sequence->height;
    }
    return out;
}

[[nodiscard]] inline result<description> describe_aac(bytes content) {
    using aac::elementary_stream_descriptor;
    const auto stream = elementary_stream_descriptor::parse(content);
    if (!stream) return std::unexpected(stream.error());
    auto text = aac::codec_string(*stream);
    if (!text) return std::unexpected(text.error());
    description out{.kind = media_kind::audio, .codec_string = std::move(*text)};
    if (stream->object_type_indication != elementary_stream_descriptor::mpeg4_audio) return out;
    const auto config = aac::audio_specific_config::parse(stream->specific_info);
    if (!config) return std::unexpected(config.error());
    out.sample_rate = config->output_sample_rate;
    out.channels = config->channels;
    return out;
}

[[nodiscard]] inline result<description> describe_opus(bytes content) {
    const auto config = opus::configuration::parse(content);
    if (!config) return std::unexpected(config.error());
    return description{.kind = media_kind::audio,
                       .codec_string = opus::codec_string(*config),
                       .sample_rate = opus::sample_rate,
                       .channels = config->channels};
}

} // namespace detail

/// Reads a decoder configuration: `sample_entry` with the content of its configuration box.
///
/// Fields  `avc1` and `avc3` with avcC, `hvc1` and `hev1` with hvcC, `vp09` with vpcC, `av01` with
///         av1C, `mp4a` with esds, `Opus` with dOps; contents without box headers.
/// Errors  those of the configurations; unknown_type for another sample entry.
[[nodiscard]] inline result<description> describe(std::uint32_t sample_entry, bytes config) {
    switch (sample_entry) {
    case fourcc("avc1"):
    case fourcc("avc3"):
        return detail::describe_h264(sample_entry, config);
    case fourcc("hvc1"):
    case fourcc("hev1"):
        return detail::describe_h265(sample_entry, config);
    case fourcc("vp09"):
        return detail::describe_vp9(config);
    case fourcc("av01"):
        return detail::describe_av1(config);
    case fourcc("mp4a"):
        return detail::describe_aac(config);
    case fourcc("Opus"):
        return detail::describe_opus(config);
    default:
        return fail(errc::unknown_type, "sample_entry", 0, "decoder configuration");
    }
}

/// The RFC 6381 string of a sample entry with the content of its configuration box.
///
/// Errors  as `describe`.
[[nodiscard]] inline result<std::string> codec_string(std::uint32_t sample_entry, bytes config) {
    auto described = describe(sample_entry, config);
    if (!described) return std::unexpected(described.error());
    return std::move(described->codec_string);
}

} // namespace moqrtc::codec
