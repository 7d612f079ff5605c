#pragma once

#include <moqrtc/moqt/params.hpp>
#include <moqrtc/moqt/properties.hpp>

/// Drafts without track properties (`track_properties`) say the same of a track in message
/// parameters of SUBSCRIBE_OK, PUBLISH, FETCH_OK and the answer to TRACK_STATUS. Here one becomes
/// the other, so that everybody else knows properties alone.
///
/// Spec    moq-transport 14 and 15, anchor `version-specific-params`.
namespace moqrtc::moqt {

/// What a publisher's parameters say of its track.
[[nodiscard]] constexpr track_properties properties_of(const message_params& params) noexcept {
    track_properties out;
    out.object_delivery_timeout = params.object_delivery_timeout;
    out.max_cache_duration = params.max_cache_duration;
    out.default_publisher_priority = params.publisher_priority.value_or(default_priority);
    out.default_publisher_group_order = params.group_order.value_or(group_order::ascending);
    out.dynamic_groups = params.dynamic_groups.value_or(false);
    return out;
}

/// Says `known` in the parameters of a message that counts as `where`. What its draft has no word
/// for is left out: that is each object's own affair there (priority), or cannot be asked for (new
/// groups), or says how long something may be used, which nobody is bound to.
constexpr void say_in_params(const wire_rules& rules, const track_properties& known, carrier where,
                             message_params& params) noexcept {
    const auto may = [&](parameter p) { return overlaps(carriers_of(rules, p), where); };
    if (known.object_delivery_timeout && may(parameter::object_delivery_timeout))
        params.object_delivery_timeout = known.object_delivery_timeout;
    if (known.max_cache_duration && may(parameter::max_cache_duration))
        params.max_cache_duration = known.max_cache_duration;
    if (known.default_publisher_priority != default_priority && may(parameter::publisher_priority))
        params.publisher_priority = known.default_publisher_priority;
    if (known.default_publisher_group_order != group_order::ascending &&
        may(parameter::group_order))
        params.group_order = known.default_publisher_group_order;
    if (known.dynamic_groups && may(parameter::dynamic_groups)) params.dynamic_groups = true;
}

/// Room for what `write_properties` writes.
inline constexpr std::size_t known_properties_size = 64;

/// Writes what is known of a track as properties in the encoding of a draft; defaults are left out.
///
/// Errors  no_space; bad_value for a number that the draft's integers cannot carry.
[[nodiscard]] constexpr result<std::size_t> write_properties(const wire_rules& rules,
                                                             const track_properties& known,
                                                             mutable_bytes out) noexcept {
    key_value_writer pairs{rules, out};
    if (known.object_delivery_timeout)
        pairs.put(property::object_delivery_timeout, *known.object_delivery_timeout);
    if (known.max_cache_duration)
        pairs.put(property::max_cache_duration, *known.max_cache_duration);
    if (known.subgroup_delivery_timeout && rules.subgroup_timeout)
        pairs.put(property::subgroup_delivery_timeout, *known.subgroup_delivery_timeout);
    if (known.default_publisher_priority != default_priority)
        pairs.put(property::default_publisher_priority, known.default_publisher_priority);
    if (known.default_publisher_group_order != group_order::ascending)
        pairs.put(property::default_publisher_group_order,
                  static_cast<std::uint64_t>(known.default_publisher_group_order));
    if (known.dynamic_groups) pairs.put(property::dynamic_groups, 1);
    return pairs.size();
}

} // namespace moqrtc::moqt
