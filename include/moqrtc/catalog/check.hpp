#pragma once

#include <moqrtc/catalog/catalog.hpp>
#include <moqrtc/codec/codec_string.hpp>
#include <moqrtc/core/inline.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace moqrtc::catalog {

/// A rule of the drafts that a catalog which can be read breaks.
///
/// Fields  `track` is the index in `catalog::tracks`; `section` is MSF-01's unless it says CMSF.
struct finding {
    std::size_t track = 0;
    std::string_view field{};
    std::string_view section{};
    std::string_view problem{};
};

/// The rules of MSF-01 and CMSF-01 that a catalog breaks without being unreadable: what a publisher
/// asks before it publishes, and an operator about somebody else's catalog.
[[nodiscard]] std::vector<finding> check(const catalog& of);

#if MOQRTC_DEFINITIONS
namespace detail {

/// Checks one track after the other.
class catalog_checker {
public:
    explicit catalog_checker(const catalog& of) noexcept : of_{&of} {}

    [[nodiscard]] std::vector<finding> check() {
        for (index_ = 0; index_ < of_->tracks.size(); ++index_) {
            const auto& one = of_->tracks[index_];
            check_presence(one);
            check_combinations(one);
            check_references(one);
        }
        return std::move(findings_);
    }

private:
    void report(bool broken, std::string_view field, std::string_view section,
                std::string_view problem) {
        if (broken) findings_.push_back({index_, field, section, problem});
    }
    void check_presence(const track& one) {
        const auto kind = kind_of(one);
        const bool audio = kind == track_kind::audio;
        const bool media = audio || kind == track_kind::video;
        report(one.packaging.empty(), "packaging", "5.2.4", "required");
        report(!one.is_live, "isLive", "5.2.7", "required");
        report(media && one.codec.empty(), "codec", "5.2.18", "required for audio and video");
        report(media && !one.bitrate, "bitrate", "5.2.22", "required for audio and video");
        report(audio && !one.samplerate, "samplerate", "5.2.28", "required for audio");
        report(audio && one.channel_config.empty(), "channelConfig", "5.2.29",
               "required for audio");
        report(one.packaging == "eventtimeline" && one.event_type.empty(), "eventType", "5.2.5",
               "required for an event timeline");
        report(!one.encryption_scheme.empty() && one.cipher_suite.empty(), "cipherSuite", "5.2.39",
               "required with encryptionScheme");
    }
    void check_combinations(const track& one) {
        report(one.packaging != "eventtimeline" && !one.event_type.empty(), "eventType", "5.2.5",
               "only for an event timeline");
        report(one.target_latency && one.target_buffers, "targetLatency", "5.2.8",
               "not together with buffers");
        report(one.is_live == true && one.track_duration, "trackDuration", "5.2.35",
               "not while live");
        report(of_->is_complete && one.is_live == true, "isLive", "5.1.3",
               "live in a complete broadcast");
        report(one.custom.contains("parentName") || one.custom.contains("parentNamespace"),
               "parentName", "5.2.33", "only in a delta update");
        report(disagrees(one, one.render_group, &track::render_group), "renderGroup", "5.2.8",
               "target latencies or buffers differ inside the group");
        report(disagrees(one, one.alt_group, &track::alt_group), "altGroup", "5.2.8",
               "target latencies or buffers differ inside the group");
        if (one.codec.empty()) return;
        const auto parsed = codec::parse_codec_string(one.codec);
        report(!parsed && parsed.error().code != errc::unsupported, "codec", "5.2.18",
               "no complete codec string");
    }
    void check_references(const track& one) {
        for (const auto& name : one.depends)
            report(std::ranges::none_of(of_->tracks,
                                        [&](const track& other) { return other.name == name; }),
                   "depends", "5.2.14", "names no track");
        report(!one.init_ref.empty() && find_init(*of_, one.init_ref) == nullptr, "initRef",
               "5.2.13", "names no initialization data");
        report(one.packaging == "cmaf" && one.init_ref.empty(), "initRef", "CMSF 3.1",
               "required for CMAF");
        const auto* init = find_init(*of_, one.init_ref);
        report(init != nullptr && init->type == "inline" && !base64_decode(init->data),
               "initDataList", "5.1.7", "no base64");
    }
    /// Whether a live track of the same group, the first one found, has another latency.
    [[nodiscard]] bool disagrees(const track& one, const std::optional<std::int64_t>& group,
                                 std::optional<std::int64_t> track::* member) const {
        if (!group || one.is_live != true) return false;
        const auto other = std::ranges::find_if(of_->tracks, [&](const track& candidate) {
            return candidate.*member == group && candidate.is_live == true;
        });
        return other != of_->tracks.end() && (other->target_latency != one.target_latency ||
                                              other->target_buffers != one.target_buffers);
    }

    const catalog* of_;
    std::size_t index_ = 0;
    std::vector<finding> findings_{};
};

} // namespace detail

MOQRTC_INLINE std::vector<finding> check(const catalog& of) {
    return detail::catalog_checker{of}.check();
}
#endif

} // namespace moqrtc::catalog
