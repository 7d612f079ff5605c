#pragma once

#include <moqrtc/codec/aac.hpp>
#include <moqrtc/codec/fourcc.hpp>
#include <moqrtc/codec/h264.hpp>
#include <moqrtc/codec/nal.hpp>
#include <moqrtc/codec/opus.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

/// From what LOC says of a decoder to what MP4 says of it.
namespace moqrtc::loc {

/// The sample entry of MP4 for a codec string: its first part, which of Opus is spelt otherwise; 0
/// when it is too short to be one.
///
/// Spec    RFC 6381 section 3.3; WebCodecs Codec Registry.
[[nodiscard]] constexpr std::uint32_t sample_entry_of(std::string_view codec) noexcept {
    const auto first = codec.substr(0, codec.find('.'));
    if (first.size() != 4) return 0;
    if (first == "opus") return codec::fourcc("Opus");
    std::uint32_t out = 0;
    for (const char c : first)
        out = out << 8 | static_cast<unsigned char>(c);
    return out;
}

/// Whether the NAL units of a payload stand behind start codes and not behind lengths.
///
/// A length of 1 is a start code; one of three bytes is only in tracks without a configuration,
/// where it cannot be taken for a length.
/// Spec    draft-ietf-moq-loc, "Length Prefixes in Payload", "Start Code Prefixes in Payload".
[[nodiscard]] constexpr bool has_start_codes(bytes payload, bool has_config) noexcept {
    if (payload.size() < 4) return false;
    const auto first = load_be<4>(payload);
    return first == 1 || (!has_config && first >> 8 == 1);
}

/// The decoder configuration (content of `avcC`) that the parameter sets inside a payload of H.264
/// make, with lengths of four bytes.
///
/// Errors  not_found (no sequence or no picture parameter set), those of the NAL units and of
///         `h264::configuration::serialize`.
[[nodiscard]] inline result<std::vector<std::byte>> h264_configuration_in(bytes payload) {
    namespace h264 = codec::h264;
    h264::configuration found;
    const auto take = [&found](bytes unit) {
        const auto type = h264::type_of(unit);
        if (unit.size() > codec::max_parameter_set) return;
        if (type == h264::nal_type::sps && found.sps.size() < h264::configuration::max_sps)
            found.sps.push_back(unit);
        if (type == h264::nal_type::pps && found.pps.size() < h264::configuration::max_pps)
            found.pps.push_back(unit);
    };
    if (has_start_codes(payload, false)) {
        codec::annexb_reader units{payload};
        while (const auto unit = units.next())
            take(*unit);
    } else {
        for (codec::length_prefixed_reader units{payload, 4}; !units.done();) {
            const auto unit = units.next();
            if (!unit) return std::unexpected(unit.error());
            take(*unit);
        }
    }
    if (found.sps.empty() || found.pps.empty())
        return fail(errc::not_found, "parameter sets", 0, "LOC payload, draft-ietf-moq-loc");
    return found.serialize();
}

/// What a catalog says of sound that comes without a configuration. Units: samples per second.
struct sound_shape {
    std::uint32_t channels = 0;
    std::uint32_t sample_rate = 0;
};

/// The content of MP4's configuration box for what WebCodecs calls the description of a decoder,
/// which is what Video Config, Audio Config and a catalog's initialization data hold.
///
/// Fields  `sample_entry` as `sample_entry_of` gives it. Opus needs no description, where `sound`
///         says one or two channels: 312 samples are what its encoders look ahead.
/// Errors  not_found (there is none, and it is needed), unsupported (a codec that this library puts
///         into no MP4, or whose description says too little), those of the configurations.
[[nodiscard]] inline result<std::vector<std::byte>>
box_configuration(std::uint32_t sample_entry, bytes description, const sound_shape& sound = {}) {
    constexpr const char* where = "decoder description, WebCodecs Codec Registry";
    using codec::fourcc;
    switch (sample_entry) {
    case fourcc("avc1"):
    case fourcc("avc3"):
    case fourcc("hvc1"):
    case fourcc("hev1"):
    case fourcc("av01"):
        if (description.empty()) return fail(errc::not_found, "description", 0, where);
        return std::vector<std::byte>(description.begin(), description.end());
    case fourcc("mp4a"): {
        if (description.empty()) return fail(errc::not_found, "description", 0, where);
        const auto config = codec::aac::audio_specific_config::parse(description);
        if (!config) return std::unexpected(config.error());
        codec::aac::elementary_stream_descriptor out;
        out.object_type_indication = codec::aac::elementary_stream_descriptor::mpeg4_audio;
        out.specific_info = description;
        return out.serialize();
    }
    case fourcc("Opus"): {
        if (!description.empty()) {
            const auto config = codec::opus::configuration::parse_head(description);
            if (!config) return std::unexpected(config.error());
            return config->serialize();
        }
        if (sound.channels == 0 || sound.channels > 2)
            return fail(errc::not_found, "channels", 0, where);
        codec::opus::configuration out;
        out.channels = static_cast<std::uint8_t>(sound.channels);
        out.pre_skip = 312;
        out.input_sample_rate = sound.sample_rate;
        return out.serialize();
    }
    default:
        return fail(errc::unsupported, "codec", 0, where);
    }
}

/// The way back: the description of a decoder for the content of MP4's configuration box.
///
/// Errors  unsupported (a codec that has none, or none known), those of the configurations.
[[nodiscard]] inline result<std::vector<std::byte>> description_of(std::uint32_t sample_entry,
                                                                   bytes config) {
    using codec::fourcc;
    const auto copy = [](bytes from) { return std::vector<std::byte>(from.begin(), from.end()); };
    switch (sample_entry) {
    case fourcc("avc1"):
    case fourcc("avc3"):
    case fourcc("hvc1"):
    case fourcc("hev1"):
    case fourcc("av01"):
        return copy(config);
    case fourcc("mp4a"): {
        const auto stream = codec::aac::elementary_stream_descriptor::parse(config);
        if (!stream) return std::unexpected(stream.error());
        return copy(stream->specific_info);
    }
    case fourcc("Opus"): {
        const auto found = codec::opus::configuration::parse(config);
        if (!found) return std::unexpected(found.error());
        return found->serialize_head();
    }
    default:
        return fail(errc::unsupported, "codec", 0, "decoder description, WebCodecs Codec Registry");
    }
}

} // namespace moqrtc::loc
