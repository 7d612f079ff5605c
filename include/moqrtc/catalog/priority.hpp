#pragma once

#include <moqrtc/catalog/catalog.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace moqrtc::catalog {

/// Publisher priorities: lower goes first. Catalogs carry the initialization data, so nothing is of
/// use before them; little audio goes before much video; a layer goes before what builds on it.
///
/// Spec    moq-transport anchor `priorities`; MSF editors' copy, section Catalog.
namespace priorities {
inline constexpr std::uint8_t catalog = 16;
inline constexpr std::uint8_t audio = 32;
inline constexpr std::uint8_t text = 48;
inline constexpr std::uint8_t video = 64; ///< the base; enhancement layers follow
inline constexpr std::uint8_t last_video = 127;
inline constexpr std::uint8_t other = 160; ///< timelines, logs, metrics
} // namespace priorities

namespace detail {

/// How many layers a track stands on: by its identifiers, else by the longest chain of
/// dependencies.
[[nodiscard]] inline std::uint64_t layer_of(const catalog& in, const track& of) {
    constexpr std::uint64_t most = priorities::last_video - priorities::video;
    if (of.temporal_id || of.spatial_id)
        return std::min(most, std::min(most, of.temporal_id.value_or(0)) +
                                  std::min(most, of.spatial_id.value_or(0)));
    if (of.depends.empty()) return 0;
    // Dependencies are in the namespace of the track that has them (MSF-01 5.2.14).
    std::map<std::string_view, const track*> by_name;
    for (const auto& other : in.tracks)
        if (other.track_namespace == of.track_namespace) by_name.emplace(other.name, &other);
    constexpr std::uint64_t deepest = 8; // a chain that is longer, or a circle, ends here
    std::uint64_t layer = 0;
    std::set<const track*> front{&of};
    while (layer < deepest) {
        std::set<const track*> below;
        for (const auto* one : front)
            for (const auto& name : one->depends)
                if (const auto found = by_name.find(name);
                    found != by_name.end() && found->second != one)
                    below.insert(found->second);
        if (below.empty()) break;
        front = std::move(below);
        ++layer;
    }
    return layer;
}

} // namespace detail

/// The publisher priority of a track of a catalog.
[[nodiscard]] inline std::uint8_t publisher_priority(const catalog& in, const track& of) {
    if (of.packaging == "catalog") return priorities::catalog;
    switch (kind_of(of)) {
    case track_kind::audio:
        return priorities::audio;
    case track_kind::text:
        return priorities::text;
    case track_kind::video:
        return static_cast<std::uint8_t>(priorities::video + detail::layer_of(in, of));
    case track_kind::other:
        break;
    }
    return priorities::other;
}

} // namespace moqrtc::catalog
