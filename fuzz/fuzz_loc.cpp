// Any bytes as the properties of a LOC object and as what a decoder needs. The first byte of an
// input picks the reader and the draft. What parses must say the same when it is written and read
// again.
#include <moqrtc/loc/decoder.hpp>
#include <moqrtc/loc/header.hpp>
#include <moqrtc/moqt/draft.hpp>
#include <moqrtc/moqt/properties.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <source_location>
#include <vector>

namespace {

using namespace moqrtc;

void require(bool condition, std::source_location here = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "fuzz_loc: requirement of line %u does not hold\n",
                 static_cast<unsigned>(here.line()));
    std::abort();
}

void as_properties(const moqt::wire_rules& rules, bytes data) {
    const auto read = loc::read_header(moqt::key_value_reader{rules, data});
    if (!read) return require(read.error().code != errc::ok);
    std::vector<std::byte> out(data.size() + 64);
    moqt::key_value_writer pairs{rules, out};
    read->for_each([&](std::uint64_t type, std::uint64_t number, bytes value) {
        pairs.put({type, number, value});
    });
    const auto size = pairs.size();
    require(size.has_value());
    const auto again = loc::read_header(moqt::key_value_reader{rules, bytes{out}.first(*size)});
    require(again.has_value());
    require(again->timestamp == read->timestamp && again->timescale == read->timescale);
    require(again->level == read->level && again->marking == read->marking);
    require(equal(again->video_config, read->video_config));
    require(equal(again->audio_config, read->audio_config));
    if (read->timestamp && read->timescale)
        if (const auto ticks = loc::rescaled(*read->timestamp, *read->timescale, 90000))
            require(*ticks >= 0);
}

void as_decoder(std::uint32_t sample_entry, bytes data) {
    if (const auto box = loc::box_configuration(sample_entry, data, {2, 48000})) {
        const auto back = loc::description_of(sample_entry, *box);
        require(back.has_value());
        require(*loc::box_configuration(sample_entry, *back) == *box);
    }
    if (const auto description = loc::description_of(sample_entry, data))
        (void)loc::box_configuration(sample_entry, *description);
}

void as_payload(bytes data) {
    const auto made = loc::h264_configuration_in(data);
    if (!made) return;
    const auto config = codec::h264::configuration::parse(*made);
    require(config.has_value() && !config->sps.empty() && !config->pps.empty());
    require(config->length_size == 4 && *config->serialize() == *made);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto in = std::as_bytes(std::span{data + 1, size - 1});
    constexpr const char* entries[] = {"avc1.42", "avc3.42", "hvc1", "hev1",
                                       "av01",    "mp4a.40", "opus", "vp09"};
    const unsigned which = data[0] % 3;
    const unsigned choice = data[0] / 3;
    if (which == 0)
        as_properties(moqt::rules_for(moqt::spoken_drafts[choice % moqt::spoken_drafts.size()]),
                      in);
    else if (which == 1)
        as_decoder(loc::sample_entry_of(entries[choice % std::size(entries)]), in);
    else
        as_payload(in);
    return 0;
}
