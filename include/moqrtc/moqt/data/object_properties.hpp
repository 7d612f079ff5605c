#pragma once

#include <moqrtc/moqt/properties.hpp>

#include <cstdint>
#include <optional>

namespace moqrtc::moqt {

/// Why a track is malformed, which ends its subscriptions and fetches and not the session.
///
/// Spec    moq-transport, anchors `malformed-tracks`, `immutable-properties`,
///         `prior-group-id-gap`, `prior-object-id-gap`, `mandatory-track-properties`.
enum class track_fault : std::uint8_t {
    none,
    out_of_order,         ///< a fetch whose objects do not follow its order
    priority_changed,     ///< within a subgroup
    forwarding_changed,   ///< within a track whose objects must all come the same way
    beyond_subgroup,      ///< an object above the last one of its subgroup
    subgroup_ends_differ, ///< two streams of a subgroup end with different objects
    beyond_group,         ///< an object above the last one of its group
    beyond_track,         ///< an object above the last one of the track
    mandatory_property,   ///< a track's property on an object
    nested_immutable,     ///< immutable properties inside immutable properties
    unparsable_immutable, ///< immutable properties that are no Key-Value-Pairs
    repeated_gap,         ///< a gap property stands twice
    group_gap_differs,    ///< objects of a group disagree on the groups before it
    gap_exceeds_id,       ///< a gap that reaches below 0
    gap_covers_received,  ///< a gap over something that was received
    inside_gap,           ///< an object in an announced gap
};

/// What the properties of one object say about objects that do not exist.
struct object_gaps {
    std::optional<std::uint64_t> groups{};  ///< Prior Group ID Gap
    std::optional<std::uint64_t> objects{}; ///< Prior Object ID Gap
    track_fault fault = track_fault::none;
};

namespace detail {

[[nodiscard]] constexpr track_fault
take_object_property(const wire_rules& rules, const key_value& pair, object_gaps& out) noexcept {
    if (pair.type == property::prior_group_id_gap || pair.type == property::prior_object_id_gap) {
        auto& gap = pair.type == property::prior_group_id_gap ? out.groups : out.objects;
        if (gap) return track_fault::repeated_gap;
        gap = pair.number;
    } else if (rules.mandatory_properties && pair.type >= property::first_mandatory &&
               pair.type <= property::last_mandatory) {
        return track_fault::mandatory_property;
    }
    return track_fault::none;
}

} // namespace detail

/// Reads the properties of an object, those inside the immutable block included.
///
/// Errors  what closes the session: overflow, limit and truncated in the pairs themselves.
[[nodiscard]] constexpr result<object_gaps> read_object_gaps(const wire_rules& rules,
                                                             bytes properties) noexcept {
    object_gaps out;
    key_value_reader pairs{rules, properties};
    while (const auto pair = pairs.next()) {
        auto fault = track_fault::none;
        if (pair->type == property::immutable) {
            key_value_reader nested{rules, pair->data};
            while (const auto inner = nested.next()) {
                fault = inner->type == property::immutable
                            ? track_fault::nested_immutable
                            : detail::take_object_property(rules, *inner, out);
                if (fault != track_fault::none) break;
            }
            if (!nested.ok()) fault = track_fault::unparsable_immutable;
        } else {
            fault = detail::take_object_property(rules, *pair, out);
        }
        if (out.fault == track_fault::none) out.fault = fault;
    }
    if (!pairs.ok()) return std::unexpected(pairs.failure());
    return out;
}

} // namespace moqrtc::moqt
