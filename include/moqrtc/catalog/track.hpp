#pragma once

#include <moqrtc/catalog/json.hpp>
#include <moqrtc/codec/description.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::catalog {

/// How long a player buffers before it decodes.
///
/// Spec    MSF-01 section 5.2.9.
/// Units   milliseconds.
struct buffers {
    std::optional<std::uint64_t> target{};
    std::optional<std::uint64_t> min{};
    std::optional<std::uint64_t> max{};

    static void describe(auto& io, auto& b) {
        io.number("target", b.target, "buffers, MSF 5.2.9");
        io.number("min", b.min, "buffers, MSF 5.2.9");
        io.number("max", b.max, "buffers, MSF 5.2.9");
    }
    friend bool operator==(const buffers&, const buffers&) = default;
};

/// One track of a catalog, whatever format the catalog was written in.
///
/// Spec    MSF-01 section 5.2, CMSF-01 sections 3.5.2 and 4.1.2; `init_track` is of the older
///         catalog format.
/// Fields  an empty string means that the field is absent, but for the namespace: absent means the
///         catalog's own. `init_ref` names an entry of `catalog::init_data_list`. `custom` holds
///         every field that has no member here (template, accessibility, authInfo and what is not
///         of the drafts), so that nothing is lost between reading and writing.
/// Units   milliseconds, bits per second, pixels; `timescale` in units per second.
struct track {
    std::string name{};
    std::optional<std::string> track_namespace{};
    std::string packaging{};
    std::string event_type{};
    std::string role{};
    std::optional<bool> is_live{};
    std::optional<std::uint64_t> target_latency{};
    std::optional<buffers> target_buffers{};
    std::string label{};
    std::optional<std::int64_t> render_group{};
    std::optional<std::int64_t> alt_group{};
    std::string init_ref{};
    std::string init_track{};
    std::vector<std::string> depends{};
    std::optional<std::uint64_t> temporal_id{};
    std::optional<std::uint64_t> spatial_id{};
    std::string codec{};
    std::string mime_type{};
    std::optional<double> framerate{};
    std::optional<std::uint64_t> timescale{};
    std::optional<std::uint64_t> bitrate{};
    std::optional<std::uint64_t> avg_bitrate{};
    std::optional<std::uint64_t> max_gop_duration{};
    std::optional<std::uint64_t> max_group_duration{};
    std::optional<std::uint64_t> width{};
    std::optional<std::uint64_t> height{};
    std::optional<std::uint64_t> samplerate{};
    std::string channel_config{};
    std::optional<std::uint64_t> display_width{};
    std::optional<std::uint64_t> display_height{};
    std::string lang{};
    std::optional<std::uint64_t> track_duration{};
    std::optional<std::uint64_t> max_grp_sap_starting_type{};
    std::optional<std::uint64_t> max_obj_sap_starting_type{};
    std::vector<std::string> content_protection_ref_ids{};
    std::string connection_uri{};
    std::string token{};
    std::string encryption_scheme{};
    std::string cipher_suite{};
    std::string key_id{};
    std::string track_base_key{};
    json custom = json::object();

    /// The fields in the order in which they are written.
    static void describe(auto& io, auto& t) {
        io.text("name", t.name, "track object, MSF 5.2.3");
        io.text("namespace", t.track_namespace, "track object, MSF 5.2.2");
        io.text("packaging", t.packaging, "track object, MSF 5.2.4");
        io.text("eventType", t.event_type, "track object, MSF 5.2.5");
        io.text("role", t.role, "track object, MSF 5.2.6");
        io.boolean("isLive", t.is_live, "track object, MSF 5.2.7");
        io.number("targetLatency", t.target_latency, "track object, MSF 5.2.8");
        io.object("buffers", t.target_buffers, "track object, MSF 5.2.9");
        io.text("label", t.label, "track object, MSF 5.2.10");
        io.number("renderGroup", t.render_group, "track object, MSF 5.2.11");
        io.number("altGroup", t.alt_group, "track object, MSF 5.2.12");
        io.text("initRef", t.init_ref, "track object, MSF 5.2.13");
        io.text("initTrack", t.init_track, "track object, catalog format 3.2.16");
        io.texts("depends", t.depends, "track object, MSF 5.2.14");
        io.number("temporalId", t.temporal_id, "track object, MSF 5.2.16");
        io.number("spatialId", t.spatial_id, "track object, MSF 5.2.17");
        io.text("codec", t.codec, "track object, MSF 5.2.18");
        io.text("mimeType", t.mime_type, "track object, MSF 5.2.19");
        io.number("framerate", t.framerate, "track object, MSF 5.2.20");
        io.number("timescale", t.timescale, "track object, MSF 5.2.21");
        io.number("bitrate", t.bitrate, "track object, MSF 5.2.22");
        io.number("avgBitrate", t.avg_bitrate, "track object, MSF 5.2.23");
        io.number("maxGopDuration", t.max_gop_duration, "track object, MSF 5.2.24");
        io.number("maxGroupDuration", t.max_group_duration, "track object, MSF 5.2.25");
        io.number("width", t.width, "track object, MSF 5.2.26");
        io.number("height", t.height, "track object, MSF 5.2.27");
        io.number("samplerate", t.samplerate, "track object, MSF 5.2.28");
        io.text("channelConfig", t.channel_config, "track object, MSF 5.2.29");
        io.number("displayWidth", t.display_width, "track object, MSF 5.2.30");
        io.number("displayHeight", t.display_height, "track object, MSF 5.2.31");
        io.text("lang", t.lang, "track object, MSF 5.2.32");
        io.number("trackDuration", t.track_duration, "track object, MSF 5.2.35");
        io.number("maxGrpSapStartingType", t.max_grp_sap_starting_type,
                  "track object, CMSF 3.5.2.1");
        io.number("maxObjSapStartingType", t.max_obj_sap_starting_type,
                  "track object, CMSF 3.5.2.2");
        io.texts("contentProtectionRefIDs", t.content_protection_ref_ids,
                 "track object, CMSF 4.1.2");
        io.text("connectionUri", t.connection_uri, "track object, MSF 5.2.36");
        io.text("token", t.token, "track object, MSF 5.2.37");
        io.text("encryptionScheme", t.encryption_scheme, "track object, MSF 5.2.38");
        io.text("cipherSuite", t.cipher_suite, "track object, MSF 5.2.39");
        io.text("keyId", t.key_id, "track object, MSF 5.2.40");
        io.text("trackBaseKey", t.track_base_key, "track object, MSF 5.2.41");
    }
    friend bool operator==(const track&, const track&) = default;
};

/// What a player does with a track.
enum class track_kind : std::uint8_t { video, audio, text, other };

/// The kind of a track, from its role, else its codec, MIME type or dimensions.
[[nodiscard]] inline track_kind kind_of(const track& of) noexcept {
    if (of.role == "video" || of.role == "signlanguage") return track_kind::video;
    if (of.role == "audio" || of.role == "audiodescription") return track_kind::audio;
    if (of.role == "caption" || of.role == "subtitle") return track_kind::text;
    if (!of.role.empty() || !of.event_type.empty()) return track_kind::other;
    const std::string_view entry = std::string_view{of.codec}.substr(0, of.codec.find('.'));
    for (const auto* video : {"avc1", "avc3", "hvc1", "hev1", "vp8", "vp08", "vp09", "av01"})
        if (entry == video) return track_kind::video;
    for (const auto* audio : {"mp4a", "opus", "Opus", "flac", "fLaC", "ac-3", "ec-3"})
        if (entry == audio) return track_kind::audio;
    if (of.mime_type.starts_with("video/")) return track_kind::video;
    if (of.mime_type.starts_with("audio/")) return track_kind::audio;
    if (of.width || of.height) return track_kind::video;
    if (of.samplerate) return track_kind::audio;
    return track_kind::other;
}

/// A live CMAF track with what its decoder configuration says about it.
///
/// Fields  bitrate, groups, framerate and `init_ref` are the caller's to add.
[[nodiscard]] inline track make_track(std::string name, const codec::description& from) {
    track made;
    made.name = std::move(name);
    made.packaging = "cmaf";
    made.is_live = true;
    made.codec = from.codec_string;
    if (from.kind == codec::media_kind::video) {
        made.role = "video";
        if (from.width != 0) made.width = from.width;
        if (from.height != 0) made.height = from.height;
    } else {
        made.role = "audio";
        if (from.sample_rate != 0) made.samplerate = from.sample_rate;
        if (from.channels != 0) made.channel_config = std::to_string(from.channels);
    }
    return made;
}

} // namespace moqrtc::catalog
