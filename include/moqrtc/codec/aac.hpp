#pragma once

#include <moqrtc/core/bit_reader.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace moqrtc::codec::aac {

/// Audio object types with a meaning of their own here.
///
/// Spec    ISO/IEC 14496-3 table 1.17.
enum object_type : std::uint8_t { main = 1, lc = 2, ssr = 3, ltp = 4, sbr = 5, ps = 29, usac = 42 };

/// An AudioSpecificConfig: what AAC sounds like.
///
/// Spec    ISO/IEC 14496-3 section 1.6.2.1, with the escape values of both the object type and the
///         frequency, and the channels of a program_config_element (4.4.1.1).
/// Fields  `audio_object_type` is the first one signalled, the one in the codec string;
///         `output_sample_rate` counts spectral band replication in, `sample_rate` does not.
///         `channels` is 0 when a configuration of no known count is signalled.
/// Errors  truncated, bad_value (reserved frequency index, frequency zero).
struct audio_specific_config {
    std::uint8_t audio_object_type = 0;
    std::uint8_t core_object_type = 0; ///< behind the extension, otherwise the same
    std::uint32_t sample_rate = 0;
    std::uint32_t output_sample_rate = 0;
    std::uint8_t channel_configuration = 0;
    std::uint8_t channels = 0;

    [[nodiscard]] static constexpr result<audio_specific_config> parse(bytes config) noexcept {
        bit_reader in{config, "AudioSpecificConfig, ISO/IEC 14496-3 1.6.2.1"};
        audio_specific_config out;
        out.audio_object_type = out.core_object_type = read_object_type(in);
        out.sample_rate = out.output_sample_rate = read_frequency(in);
        out.channel_configuration = in.u8("channelConfiguration", 4);
        if (out.audio_object_type == sbr || out.audio_object_type == ps) {
            out.output_sample_rate = read_frequency(in);
            out.core_object_type = read_object_type(in);
        }
        // Table 1.19; 0 sends a program_config_element.
        constexpr std::array<std::uint8_t, 16> channel_counts{0, 1, 2, 3, 4, 5,  6, 8,
                                                              0, 0, 0, 7, 8, 24, 8, 0};
        out.channels = channel_counts[out.channel_configuration];
        if (out.audio_object_type == ps && out.channels == 1) out.channels = 2;
        if (in.ok() && out.channel_configuration == 0 && is_general_audio(out.core_object_type))
            out.read_program_channels(in);
        if (!in.ok()) return std::unexpected(in.failure());
        return out;
    }

private:
    [[nodiscard]] static constexpr std::uint8_t read_object_type(bit_reader& in) noexcept {
        constexpr std::uint8_t escape = 31;
        const auto type = in.u8("audioObjectType", 5);
        if (type != escape) return type;
        return static_cast<std::uint8_t>(32 + in.u8("audioObjectTypeExt", 6));
    }
    [[nodiscard]] static constexpr std::uint32_t read_frequency(bit_reader& in) noexcept {
        constexpr std::array<std::uint32_t, 13> rates{96000, 88200, 64000, 48000, 44100,
                                                      32000, 24000, 22050, 16000, 12000,
                                                      11025, 8000,  7350};
        constexpr std::uint8_t escape = 15;
        const auto index = in.u8("samplingFrequencyIndex", 4);
        if (index < rates.size()) return rates[index];
        const auto rate = index == escape ? in.u32("samplingFrequency", 24) : 0;
        if (rate == 0) in.reject(errc::bad_value, "samplingFrequencyIndex");
        return rate;
    }
    /// Object types that continue with GASpecificConfig (1.6.2.1).
    [[nodiscard]] static constexpr bool is_general_audio(std::uint8_t type) noexcept {
        for (const int with : {1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23})
            if (type == with) return true;
        return false;
    }
    constexpr void read_program_channels(bit_reader& in) noexcept {
        in.skip("frameLengthFlag", 1);
        if (in.flag("dependsOnCoreCoder")) in.skip("coreCoderDelay", 14);
        in.skip("extensionFlag", 1);
        in.skip("element_instance_tag", 4);
        in.skip("object_type", 2);
        in.skip("sampling_frequency_index", 4);
        const auto front = in.u8("num_front_channel_elements", 4);
        const auto side = in.u8("num_side_channel_elements", 4);
        const auto back = in.u8("num_back_channel_elements", 4);
        const auto lfe = in.u8("num_lfe_channel_elements", 2);
        in.skip("num_assoc_data_elements", 3);
        in.skip("num_valid_cc_elements", 4);
        if (in.flag("mono_mixdown_present")) in.skip("mono_mixdown_element_number", 4);
        if (in.flag("stereo_mixdown_present")) in.skip("stereo_mixdown_element_number", 4);
        if (in.flag("matrix_mixdown_idx_present")) in.skip("matrix_mixdown_idx", 3);
        unsigned count = lfe;
        for (int left = front + side + back; left > 0 && in.ok(); --left) {
            count += in.flag("is_cpe") ? 2U : 1U;
            in.skip("tag_select", 4);
        }
        channels = static_cast<std::uint8_t>(count);
    }
};

/// What a decoder needs before the first sample: the content of an `esds` box.
///
/// Spec    ISO/IEC 14496-1 sections 7.2.6.5 to 7.2.6.7: ES_Descriptor, DecoderConfigDescriptor,
///         DecoderSpecificInfo; ISO/IEC 14496-14 section 5.6 puts version and flags in front.
/// Fields  `object_type_indication` 0x40 is MPEG-4 audio.
/// Units   `max_bitrate` and `avg_bitrate` are bits per second; 0 when unknown.
/// Borrows `specific_info` points into the content.
/// Errors  truncated, bad_value (version, a descriptor size of more than four bytes), not_found (no
///         DecoderConfigDescriptor).
struct elementary_stream_descriptor {
    static constexpr std::uint8_t mpeg4_audio = 0x40;

    std::uint8_t object_type_indication = 0;
    std::uint32_t max_bitrate = 0;
    std::uint32_t avg_bitrate = 0;
    bytes specific_info{};

    [[nodiscard]] static constexpr result<elementary_stream_descriptor>
    parse(bytes content) noexcept {
        constexpr const char* where = "ES_Descriptor, ISO/IEC 14496-1 7.2.6.5";
        constexpr std::uint8_t es_tag = 3;
        bit_reader in{content, where};
        if (!content.empty() && byte_at(content, 0) != es_tag) in.skip("version and flags", 32);
        if (in.u8("ES_DescrTag", 8) != es_tag) in.reject(errc::bad_value, "ES_DescrTag");
        const auto es = in.take_bytes("ES_Descriptor", read_size(in));
        if (!in.ok()) return std::unexpected(in.failure());

        bit_reader body{es, where, static_cast<std::uint32_t>(in.position() / 8 - es.size())};
        body.skip("ES_ID", 16);
        const bool depends = body.flag("streamDependenceFlag");
        const bool url = body.flag("URL_Flag");
        const bool clock = body.flag("OCRstreamFlag");
        body.skip("streamPriority", 5);
        if (depends) body.skip("dependsOn_ES_ID", 16);
        if (url) body.skip("URLstring", 8 * std::size_t{body.u8("URLlength", 8)});
        if (clock) body.skip("OCR_ES_ID", 16);
        elementary_stream_descriptor out;
        bool found = false;
        while (!found && body.bits_left() != 0) {
            const auto tag = body.u8("tag", 8);
            const auto inner = body.take_bytes("descriptor", read_size(body));
            constexpr std::uint8_t decoder_config_tag = 4;
            if (!body.ok() || tag != decoder_config_tag) continue;
            found = true;
            const auto base = static_cast<std::uint32_t>(in.position() / 8 - es.size() +
                                                         body.position() / 8 - inner.size());
            bit_reader config{inner, "DecoderConfigDescriptor, ISO/IEC 14496-1 7.2.6.6", base};
            out.read_decoder_config(config);
            if (!config.ok()) return std::unexpected(config.failure());
        }
        if (!body.ok()) return std::unexpected(body.failure());
        if (!found) return fail(errc::not_found, "DecoderConfigDescriptor", 0, where);
        return out;
    }
    /// The content of an `esds` box, with version and flags; the buffer size is left open.
    ///
    /// Errors  limit (more specific information than a size of one byte can say with what is
    ///         around it: 100 bytes, an AudioSpecificConfig has a few).
    [[nodiscard]] result<std::vector<std::byte>> serialize() const {
        constexpr std::size_t most = 100;
        const auto info = specific_info.size();
        if (info > most)
            return fail(errc::limit, "DecoderSpecificInfo", 0,
                        "ES_Descriptor, ISO/IEC 14496-1 7.2.6.5");
        std::vector<std::byte> out;
        out.reserve(most + 64);
        const auto put = [&out](std::uint32_t value, unsigned size) {
            for (unsigned i = size; i-- > 0;)
                out.push_back(static_cast<std::byte>(value >> 8 * i & 0xff));
        };
        const auto decoder_config = static_cast<std::uint32_t>(13 + 2 + info);
        put(0, 4); // version and flags
        put(3, 1); // ES_DescrTag
        put(3 + 2 + decoder_config + 3, 1);
        put(0, 3); // ES_ID, no flags
        put(4, 1); // DecoderConfigDescrTag
        put(decoder_config, 1);
        put(object_type_indication, 1);
        put(0x15, 1); // AudioStream, upStream 0, reserved 1
        put(0, 3);    // bufferSizeDB
        put(max_bitrate, 4);
        put(avg_bitrate, 4);
        put(5, 1); // DecSpecificInfoTag
        put(static_cast<std::uint32_t>(info), 1);
        out.insert(out.end(), specific_info.begin(), specific_info.end());
        put(6, 1); // SLConfigDescrTag, ISO/IEC 14496-14 section 5.6: predefined 2
        put(1, 1);
        put(2, 1);
        return out;
    }

private:
    /// sizeOfInstance: seven bits a byte, at most four bytes (ISO/IEC 14496-1 section 8.3.3).
    [[nodiscard]] static constexpr std::size_t read_size(bit_reader& in) noexcept {
        std::size_t size = 0;
        for (int i = 0; i < 4; ++i) {
            const auto byte = in.u8("sizeOfInstance", 8);
            size = size << 7 | (byte & 0x7fU);
            if ((byte & 0x80) == 0) return size;
        }
        in.reject(errc::bad_value, "sizeOfInstance");
        return 0;
    }
    constexpr void read_decoder_config(bit_reader& in) noexcept {
        constexpr std::uint8_t specific_info_tag = 5;
        object_type_indication = in.u8("objectTypeIndication", 8);
        in.skip("streamType", 8);
        in.skip("bufferSizeDB", 24);
        max_bitrate = in.u32("maxBitrate", 32);
        avg_bitrate = in.u32("avgBitrate", 32);
        while (in.bits_left() != 0) {
            const auto tag = in.u8("tag", 8);
            const auto inner = in.take_bytes("descriptor", read_size(in));
            if (tag == specific_info_tag && specific_info.empty()) specific_info = inner;
        }
    }
};

/// `mp4a.40.N` for MPEG-4 audio, `mp4a.OO` for what has no object types (MP3 is `mp4a.6B`).
///
/// Spec    RFC 6381 section 3.3: the object type indication in hexadecimal, the audio object type
///         in decimal.
/// Errors  those of `audio_specific_config`.
[[nodiscard]] inline result<std::string> codec_string(const elementary_stream_descriptor& from) {
    constexpr const char* digits = "0123456789ABCDEF";
    std::string text = "mp4a.";
    text += digits[from.object_type_indication >> 4];
    text += digits[from.object_type_indication & 15];
    if (from.object_type_indication != elementary_stream_descriptor::mpeg4_audio) return text;
    const auto config = audio_specific_config::parse(from.specific_info);
    if (!config) return std::unexpected(config.error());
    text += '.';
    char number[4];
    text.append(number,
                std::to_chars(number, number + sizeof number, config->audio_object_type).ptr);
    return text;
}

} // namespace moqrtc::codec::aac
