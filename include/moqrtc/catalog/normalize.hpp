#pragma once

#include <moqrtc/catalog/catalog.hpp>
#include <moqrtc/catalog/json.hpp>
#include <moqrtc/core/inline.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#if MOQRTC_DEFINITIONS
namespace moqrtc::catalog::detail {

/// Gives a member another name; where both stand, the one that has that name already wins.
MOQRTC_INLINE void rename(json& object, const char* from, const char* to) {
    const auto found = object.find(from);
    if (found == object.end()) return;
    json value = std::move(*found);
    object.erase(found);
    if (!object.contains(to)) object[to] = std::move(value);
}

/// Brings a track object of any format to the names of MSF.
///
/// The plain format says kind, sampleRate and channels; selection parameters of the older format
/// move up, and what stands in the track itself wins; `mimetype` is what the MSF examples print
/// for `mimeType`; a number of channels is taken for its text.
MOQRTC_INLINE void normalize_track(json& object) {
    if (!object.is_object()) return;
    const auto found = object.find("selectionParams");
    if (found != object.end() && found->is_object()) {
        const json parameters = std::move(*found);
        object.erase(found);
        for (const auto& [name, value] : parameters.items())
            if (name != "selectionParams" && !object.contains(name)) object[name] = value;
    }
    rename(object, "kind", "role");
    rename(object, "sampleRate", "samplerate");
    rename(object, "channels", "channelConfig");
    rename(object, "mimetype", "mimeType");
    const auto channels = object.find("channelConfig");
    if (channels != object.end() && channels->is_number_unsigned())
        *channels = std::to_string(channels->get<std::uint64_t>());
}

/// Which format a root object is written in.
[[nodiscard]] MOQRTC_INLINE format detect(const json& root) {
    for (const auto* name : {"streamingFormat", "streamingFormatVersion", "supportsDeltaUpdates",
                             "commonTrackFields", "catalogs"})
        if (root.contains(name)) return format::catalog_format;
    const auto any_track_has = [&root](const char* name) {
        const auto tracks = root.find("tracks");
        if (tracks == root.end() || !tracks->is_array()) return false;
        for (const auto& one : *tracks)
            if (one.is_object() && one.contains(name)) return true;
        return false;
    };
    if (any_track_has("selectionParams")) return format::catalog_format;
    // The version is text in MSF and a number in the plain format: that decides between the two.
    const auto version = root.find("version");
    if (version != root.end() && *version == "1") return format::msf;
    if (root.contains("live") || any_track_has("kind")) return format::plain;
    return format::msf_editors_copy;
}

/// Lets the tracks of the older format inherit what stands at the root and in commonTrackFields,
/// and turns a list of catalogs into tracks with packaging "catalog".
///
/// Spec    draft-ietf-moq-catalogformat sections 3.1 and 3.2.4.
MOQRTC_INLINE void inherit_common_fields(json& root) {
    if (const auto catalogs = root.find("catalogs");
        catalogs != root.end() && catalogs->is_array() && !root.contains("tracks")) {
        for (auto& one : *catalogs)
            if (one.is_object()) one["packaging"] = "catalog";
        rename(root, "catalogs", "tracks");
    }
    auto common = json::object();
    for (const auto* name : {"namespace", "packaging", "label", "renderGroup", "altGroup",
                             "initData", "initTrack", "selectionParams"})
        if (const auto found = root.find(name); found != root.end()) {
            common[name] = *found;
            root.erase(name);
        }
    if (const auto fields = root.find("commonTrackFields");
        fields != root.end() && fields->is_object()) {
        for (const auto& [name, value] : fields->items())
            common[name] = value;
        root.erase("commonTrackFields");
    }
    const auto tracks = root.find("tracks");
    if (tracks == root.end() || !tracks->is_array()) return;
    for (auto& one : *tracks) {
        if (!one.is_object()) continue;
        for (const auto& [name, value] : common.items()) {
            auto& field = one[name];
            if (field.is_null())
                field = value;
            else if (field.is_object() && value.is_object())
                for (const auto& [inner, inherited] : value.items())
                    if (!field.contains(inner)) field[inner] = inherited;
        }
    }
}

} // namespace moqrtc::catalog::detail
#endif
