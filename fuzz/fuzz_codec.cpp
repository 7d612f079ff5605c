// Any bytes as decoder configuration, parameter set, sample or codec string. The first byte of an
// input picks the reader. What parses must say the same when it is written and read again.
#include <moqrtc/codec/codec_string.hpp>
#include <moqrtc/codec/description.hpp>
#include <moqrtc/core/base64.hpp>
#include <moqrtc/core/hex.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <source_location>
#include <vector>

namespace {

using namespace moqrtc;
using namespace moqrtc::codec;

void require(bool condition, std::source_location here = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "fuzz_codec: requirement of line %u does not hold\n",
                 static_cast<unsigned>(here.line()));
    std::abort();
}

void as_configuration(std::uint32_t sample_entry, bytes data) {
    const auto described = describe(sample_entry, data);
    if (!described) return require(described.error().code != errc::ok);
    const auto parsed = parse_codec_string(described->codec_string);
    // Any object type can be written, also one that is none; everything else is read again.
    if (sample_entry == fourcc("mp4a")) return;
    require(parsed.has_value());
    require(parsed->is_audio() == (described->kind == media_kind::audio));
}

void as_avc_record(bytes data) {
    const auto config = h264::configuration::parse(data);
    if (!config) return;
    const auto written = config->serialize();
    if (!written) return;
    const auto again = h264::configuration::parse(*written);
    require(again.has_value());
    require(*again->serialize() == *written);
    require(again->sps.size() == config->sps.size() && again->pps.size() == config->pps.size());
}

void as_opus(bytes data) {
    const auto config = opus::configuration::parse(data);
    if (config) {
        require(*opus::configuration::parse(config->serialize()) == *config);
        require(*opus::configuration::parse_head(config->serialize_head()) == *config);
    }
    const auto head = opus::configuration::parse_head(data);
    if (head) require(*opus::configuration::parse_head(head->serialize_head()) == *head);
}

void as_sample(bytes data) {
    for (const unsigned size : {1U, 2U, 4U}) {
        (void)h264::is_idr(data, size);
        (void)h265::is_random_access(data, size);
        std::vector<std::byte> stream;
        (void)to_annexb(data, size, stream);
    }
    std::vector<std::byte> sample;
    if (!to_length_prefixed(data, sample)) return;
    std::vector<std::byte> stream;
    require(to_annexb(sample, 4, stream).has_value());
    std::vector<std::byte> again;
    require(to_length_prefixed(stream, again).has_value() || sample.empty());
    require(again == sample);
}

void as_units(bytes data) {
    (void)h264::sps::parse(data);
    (void)h265::sps::parse(data);
    (void)av1::sequence_header::parse(data);
    (void)aac::audio_specific_config::parse(data);
    for (av1::obu_reader units{data}; !units.done();)
        if (!units.next()) break;
    require(unescape(data).size() <= data.size());
}

void as_words(bytes data) {
    const auto text = as_text(data);
    const auto parsed = parse_codec_string(text);
    if (!parsed) require(parsed.error().offset <= text.size() + 1);
    if (const auto plain = hex_decode(text)) require(*hex_decode(hex_encode(*plain)) == *plain);
    for (const auto alphabet : {base64_alphabet::standard, base64_alphabet::url}) {
        require(equal(*base64_decode(base64_encode(data, alphabet), alphabet), data));
        const auto plain = base64_decode(text, alphabet);
        if (!plain) continue;
        const auto again = base64_encode(*plain, alphabet);
        require(again.substr(0, again.find('=')) == text.substr(0, text.find('=')));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto rest = std::as_bytes(std::span{data, size}).subspan(1);
    constexpr std::uint32_t entries[]{fourcc("avc1"), fourcc("hvc1"), fourcc("vp09"),
                                      fourcc("av01"), fourcc("mp4a"), fourcc("Opus")};
    const std::size_t choice = data[0] % (std::size(entries) + 5);
    if (choice < std::size(entries)) {
        as_configuration(entries[choice], rest);
        return 0;
    }
    switch (choice - std::size(entries)) {
    case 0:
        as_avc_record(rest);
        break;
    case 1:
        as_opus(rest);
        break;
    case 2:
        as_sample(rest);
        break;
    case 3:
        as_units(rest);
        break;
    default:
        as_words(rest);
        break;
    }
    return 0;
}
