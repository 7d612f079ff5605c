#pragma once

#include <moqrtc/core/bit_reader.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace moqrtc::codec::opus {

/// Opus always decodes at this rate, whatever was recorded (RFC 7845 section 5.1).
inline constexpr std::uint32_t sample_rate = 48000;

/// What a decoder needs before the first sample: the content of a `dOps` box, or an `OpusHead`.
///
/// Spec    Encapsulation of Opus in ISO Base Media File Format section 4.3.2; RFC 7845 section 5.1.
/// Units   `pre_skip` counts samples at 48 kHz; `input_sample_rate` is for information;
///         `output_gain` is in 1/256 dB.
/// Fields  `stream_count`, `coupled_count` and `channel_mapping` are of mapping families but 0.
/// Errors  truncated, trailing, bad_value (no channel, signature), unsupported (version).
struct configuration {
    std::uint8_t channels = 0;
    std::uint16_t pre_skip = 0;
    std::uint32_t input_sample_rate = 0;
    std::int16_t output_gain = 0;
    std::uint8_t mapping_family = 0;
    std::uint8_t stream_count = 1;
    std::uint8_t coupled_count = 0;
    std::vector<std::byte> channel_mapping{};

    friend bool operator==(const configuration&, const configuration&) = default;

    /// The content of a `dOps` box: big-endian, version 0.
    [[nodiscard]] static result<configuration> parse(bytes content) {
        bit_reader in{content, "OpusSpecificBox, Opus in ISOBMFF 4.3.2"};
        return read(in, order::big, 0);
    }
    /// An identification header: little-endian, version 1, behind its signature.
    [[nodiscard]] static result<configuration> parse_head(bytes head) {
        bit_reader in{head, "OpusHead, RFC 7845 5.1"};
        if (!equal(in.take_bytes("OpusHead", head_signature.size()), as_bytes(head_signature)))
            in.reject(errc::bad_value, "OpusHead");
        return read(in, order::little, 1);
    }
    /// The content of a `dOps` box.
    [[nodiscard]] std::vector<std::byte> serialize() const { return write(order::big, 0); }
    /// An identification header, which WebCodecs takes as description.
    [[nodiscard]] std::vector<std::byte> serialize_head() const {
        auto body = write(order::little, 1);
        const auto signature = as_bytes(head_signature);
        body.insert(body.begin(), signature.begin(), signature.end());
        return body;
    }

private:
    enum class order : std::uint8_t { big, little };
    static constexpr std::string_view head_signature = "OpusHead";

    [[nodiscard]] static constexpr std::uint32_t number(bit_reader& in, const char* field,
                                                        unsigned size, order o) noexcept {
        std::uint32_t value = 0;
        for (unsigned i = 0; i < size; ++i) {
            const std::uint32_t byte = in.u8(field, 8);
            value = o == order::big ? value << 8 | byte : value | byte << (8 * i);
        }
        return value;
    }
    [[nodiscard]] static result<configuration> read(bit_reader& in, order o, std::uint8_t version) {
        configuration out;
        // RFC 7845: a reader of version 1 takes every minor version, the low four bits.
        if (in.u8("Version", 8) >> 4 != 0) in.reject(errc::unsupported, "Version");
        out.channels = in.u8("OutputChannelCount", 8);
        if (out.channels == 0) in.reject(errc::bad_value, "OutputChannelCount");
        out.pre_skip = static_cast<std::uint16_t>(number(in, "PreSkip", 2, o));
        out.input_sample_rate = number(in, "InputSampleRate", 4, o);
        out.output_gain = static_cast<std::int16_t>(number(in, "OutputGain", 2, o));
        out.mapping_family = in.u8("ChannelMappingFamily", 8);
        out.coupled_count = out.channels > 1 ? 1 : 0;
        if (out.mapping_family == 0) {
            if (out.channels > 2) in.reject(errc::bad_value, "OutputChannelCount");
        } else {
            out.stream_count = in.u8("StreamCount", 8);
            out.coupled_count = in.u8("CoupledCount", 8);
            if (out.stream_count == 0 || out.coupled_count > out.stream_count)
                in.reject(errc::bad_value, "StreamCount");
            const auto mapping = in.take_bytes("ChannelMapping", out.channels);
            out.channel_mapping.assign(mapping.begin(), mapping.end());
        }
        if (version == 0 && in.bits_left() != 0) in.reject(errc::trailing, "dOps");
        if (!in.ok()) return std::unexpected(in.failure());
        return out;
    }
    [[nodiscard]] std::vector<std::byte> write(order o, std::uint8_t version) const {
        std::vector<std::byte> out{std::byte{version}, std::byte{channels}};
        const auto put = [&out, o](std::uint32_t value, unsigned size) {
            for (unsigned i = 0; i < size; ++i)
                out.push_back(static_cast<std::byte>(
                    value >> 8 * (o == order::big ? size - 1 - i : i) & 0xff));
        };
        put(pre_skip, 2);
        put(input_sample_rate, 4);
        put(static_cast<std::uint16_t>(output_gain), 2);
        out.push_back(std::byte{mapping_family});
        if (mapping_family == 0) return out;
        out.push_back(std::byte{stream_count});
        out.push_back(std::byte{coupled_count});
        out.insert(out.end(), channel_mapping.begin(), channel_mapping.end());
        return out;
    }
};

/// `opus`, which has no parameters.
///
/// Spec    Encapsulation of Opus in ISO Base Media File Format section 4.6; WebCodecs registry.
[[nodiscard]] inline std::string codec_string(const configuration&) {
    return "opus";
}

} // namespace moqrtc::codec::opus
