#pragma once

#include <moqrtc/catalog/catalog.hpp>
#include <moqrtc/catalog/fields.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/inline.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace moqrtc::catalog {

/// Writes a complete catalog as MSF-01 with the fields of CMSF-01, ready to be object 0 of a group.
///
/// The initialization data list stands behind the tracks, as section 5.1.7 demands; isComplete is
/// left out when false (5.1.3).
///
/// Errors  bad_value: a text that is not UTF-8, a number that is negative, infinite or over 2^53.
[[nodiscard]] result<std::string> write_msf(const catalog& from);

/// Writes a complete catalog in the plain format: version 1, live, and per track name, kind, codec,
/// width, height, bitrate, sampleRate, channels and initData, each where it is known.
///
/// Tracks that are neither seen nor heard are left out, and so is all that has no name above. Live
/// is whether any track is; a track that does not say so counts as live until all is complete.
///
/// Errors  as `write_msf`.
[[nodiscard]] result<std::string> write_plain(const catalog& from);

#if MOQRTC_DEFINITIONS
namespace detail {

using ordered_json = nlohmann::ordered_json;

/// Whether every name and text in a value is UTF-8, which writing it requires.
[[nodiscard]] MOQRTC_INLINE bool is_writable(const json& value) {
    if (value.is_string()) return is_utf8(value.get_ref<const std::string&>());
    if (value.is_object()) {
        for (const auto& [name, member] : value.items())
            if (!is_utf8(name) || !is_writable(member)) return false;
    } else if (value.is_array()) {
        for (const auto& element : value)
            if (!is_writable(element)) return false;
    }
    return !value.is_binary() && !value.is_discarded();
}

template <class Json>
[[nodiscard]] result<Json> track_to_json(const track& from) {
    constexpr const char* where = "track object, MSF 5.2.1";
    auto object = Json::object();
    if (from.name.empty()) object["name"] = "";
    field_writer fields{object};
    track::describe(fields, from);
    if (fields.failure().code != errc::ok) return std::unexpected(fields.failure());
    if (!is_writable(from.custom)) return fail(errc::bad_value, "custom", 0, where);
    fields.custom(from.custom);
    return object;
}

[[nodiscard]] MOQRTC_INLINE result<ordered_json> tracks_to_json(const std::vector<track>& from) {
    auto list = ordered_json::array();
    for (const auto& one : from) {
        auto object = track_to_json<ordered_json>(one);
        if (!object) return object;
        list.push_back(std::move(*object));
    }
    return list;
}

[[nodiscard]] MOQRTC_INLINE result<ordered_json> inits_to_json(const std::vector<init_data>& from) {
    auto list = ordered_json::array();
    for (const auto& one : from) {
        auto object = ordered_json::object();
        field_writer fields{object};
        init_data::describe(fields, one);
        if (fields.failure().code != errc::ok) return std::unexpected(fields.failure());
        if (one.data.empty()) object["data"] = "";
        list.push_back(std::move(object));
    }
    return list;
}

[[nodiscard]] MOQRTC_INLINE result<ordered_json> plain_track(const catalog& in, const track& from) {
    auto object = ordered_json::object();
    field_writer fields{object};
    if (from.name.empty()) object["name"] = ""; // a name is there even when it is empty
    fields.text("name", from.name, "plain catalog");
    fields.text("namespace", from.track_namespace, "plain catalog");
    object["kind"] = kind_of(from) == track_kind::video ? "video" : "audio";
    if (from.packaging != "cmaf") fields.text("packaging", from.packaging, "plain catalog");
    fields.text("codec", from.codec, "plain catalog");
    fields.number("width", from.width, "plain catalog");
    fields.number("height", from.height, "plain catalog");
    fields.number("bitrate", from.bitrate, "plain catalog");
    fields.number("sampleRate", from.samplerate, "plain catalog");
    std::uint32_t channels = 0;
    const auto* end = from.channel_config.data() + from.channel_config.size();
    const auto number = std::from_chars(from.channel_config.data(), end, channels);
    if (number.ec == std::errc{} && number.ptr == end)
        object["channels"] = channels;
    else
        fields.text("channelConfig", from.channel_config, "plain catalog");
    if (const auto* init = find_init(in, from.init_ref); init != nullptr && init->type == "inline")
        fields.text("initData", init->data, "plain catalog");
    if (fields.failure().code != errc::ok) return std::unexpected(fields.failure());
    return object;
}

} // namespace detail

MOQRTC_INLINE result<std::string> write_msf(const catalog& from) {
    constexpr const char* where = "catalog, MSF 5.1";
    auto root = detail::ordered_json::object();
    root["version"] = "1";
    detail::field_writer fields{root};
    fields.number("generatedAt", from.generated_at, "catalog, MSF 5.1.2");
    if (from.is_complete) root["isComplete"] = true;
    if (!from.content_protections.is_null()) {
        if (!detail::is_writable(from.content_protections))
            return fail(errc::bad_value, "contentProtections", 0, "catalog, CMSF 4.1.1");
        root["contentProtections"] = from.content_protections;
    }
    auto tracks = detail::tracks_to_json(from.tracks);
    if (!tracks) return std::unexpected(tracks.error());
    root["tracks"] = std::move(*tracks);
    if (!from.publish_tracks.empty()) {
        auto published = detail::tracks_to_json(from.publish_tracks);
        if (!published) return std::unexpected(published.error());
        root["publishTracks"] = std::move(*published);
    }
    if (!detail::is_writable(from.custom)) return fail(errc::bad_value, "custom", 0, where);
    fields.custom(from.custom);
    if (!from.init_data_list.empty()) {
        auto inits = detail::inits_to_json(from.init_data_list);
        if (!inits) return std::unexpected(inits.error());
        root["initDataList"] = std::move(*inits);
    }
    if (fields.failure().code != errc::ok) return std::unexpected(fields.failure());
    return root.dump();
}

MOQRTC_INLINE result<std::string> write_plain(const catalog& from) {
    auto root = detail::ordered_json::object();
    bool live = from.tracks.empty() && !from.is_complete;
    auto tracks = detail::ordered_json::array();
    for (const auto& one : from.tracks) {
        live = live || one.is_live.value_or(!from.is_complete);
        const auto kind = kind_of(one);
        if (kind != track_kind::video && kind != track_kind::audio) continue;
        auto object = detail::plain_track(from, one);
        if (!object) return std::unexpected(object.error());
        tracks.push_back(std::move(*object));
    }
    root["version"] = 1;
    root["live"] = live;
    root["tracks"] = std::move(tracks);
    return root.dump();
}
#endif

} // namespace moqrtc::catalog
