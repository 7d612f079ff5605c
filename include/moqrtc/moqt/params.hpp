#pragma once

#include <moqrtc/moqt/carrier.hpp>
#include <moqrtc/moqt/draft.hpp>
#include <moqrtc/moqt/name.hpp>
#include <moqrtc/moqt/range_filter.hpp>
#include <moqrtc/moqt/token.hpp>
#include <moqrtc/moqt/types.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace moqrtc::moqt {

/// The message parameters, in ascending order of their type.
enum class parameter : std::uint8_t {
    object_delivery_timeout,
    authorization_token,
    max_cache_duration, ///< shares its type with rendezvous_timeout, never its draft
    rendezvous_timeout,
    subgroup_delivery_timeout,
    expires,
    largest_object,
    fill_timeout,
    publisher_priority,
    forward,
    subscriber_priority,
    subscription_filter,
    group_order,
    fill_parameters,
    subgroup_filter,
    object_id_filter,
    priority_filter,
    object_property_filter,
    track_property_filter,
    dynamic_groups,
    new_group_request,
    track_namespace_prefix,
    include_properties,
};
inline constexpr std::size_t parameter_count = 23;

/// What a parameter's value is; the draft's `parameter_form` says how that is written.
enum class value_kind : std::uint8_t {
    integer,
    timeout, ///< integer in milliseconds whose 0 some drafts forbid
    boolean,
    priority_value,
    order,
    location,
    filter,
    token,
    parameters, ///< a block of parameters
    ranges,
    name_prefix,
};

/// One row of the parameter table.
struct parameter_rule {
    parameter id;
    std::uint8_t type;
    value_kind kind;
    const char* name;
    /// Carriers by draft: 14, 15, 16, 17, 18, 19, 20 and later.
    std::array<carrier, 7> carriers;
    /// Where `fixed_request_fields` holds it is a field of its carriers and no parameter.
    bool fixed = false;
};

namespace detail {

using enum carrier;
inline constexpr carrier nowhere = none;
inline constexpr carrier token_14 = publish | subscribe | subscription_update |
                                    subscribe_namespace | publish_namespace | track_status | fetch;
inline constexpr carrier token_17 = token_14 | any_update;
inline constexpr carrier subscriber_side = publish_ok | subscribe | subscription_update;
/// Up to draft 15 TRACK_STATUS has the parameters of SUBSCRIBE, and its answer those of
/// SUBSCRIBE_OK.
inline constexpr carrier subscriber_15 = subscriber_side | track_status;
inline constexpr carrier publisher_15 = subscribe_ok | publish | track_status_ok;
/// The definitions of the delivery timeouts name REQUEST_UPDATE without restricting it.
inline constexpr carrier timeout_side = publish_ok | subscribe | any_update;
/// An answer to TRACK_STATUS has the parameters of SUBSCRIBE_OK (anchor `message-track-status`),
/// EXPIRES included although its own definition does not list it.
inline constexpr carrier expires_side = subscribe_ok | publish | publish_ok | track_status_ok;
inline constexpr carrier expires_19 =
    expires_side | update_ok | publish_namespace_ok | subscribe_namespace_ok | subscribe_tracks_ok;
/// From draft 19 on SUBSCRIBE_TRACKS may have what SUBSCRIBE has (anchor `message-params`: that
/// rule stands above the lists of the single parameters).
inline constexpr carrier side_19 = subscriber_side | subscribe_tracks;
inline constexpr carrier timeout_19 = timeout_side | subscribe_tracks;
/// From draft 20 on the publisher says in PUBLISH what it has chosen, and PUBLISH_OK says nothing.
inline constexpr carrier side_20 = subscribe | subscription_update | subscribe_tracks;
inline constexpr carrier tracks_20 = subscribe_tracks | subscribe_tracks_update;
inline constexpr carrier timeout_20 = subscribe | publish | any_update | subscribe_tracks;
inline constexpr carrier ranges_19 = side_19 | fetch | subscribe_tracks_update;
inline constexpr carrier ranges_20 = side_20 | fetch | subscribe_tracks_update | fill;

/// Sources: moq-transport, anchors `message-params`; carriers of each draft's definitions.
inline constexpr std::array<parameter_rule, parameter_count> parameter_rules{{
    {parameter::object_delivery_timeout,
     0x02,
     value_kind::timeout,
     "object_delivery_timeout",
     {subscriber_15 | publisher_15, subscriber_15 | publisher_15, timeout_side, timeout_side,
      timeout_side, timeout_19, timeout_20}},
    {parameter::authorization_token,
     0x03,
     value_kind::token,
     "authorization_token",
     {token_14, token_14, token_17, token_17, token_17 | subscribe_tracks,
      token_17 | subscribe_tracks, token_17 | subscribe_tracks}},
    {parameter::max_cache_duration,
     0x04,
     value_kind::integer,
     "max_cache_duration",
     {publisher_15 | fetch_ok, publisher_15 | fetch_ok, nowhere, nowhere, nowhere, nowhere,
      nowhere}},
    {parameter::rendezvous_timeout,
     0x04,
     value_kind::integer,
     "rendezvous_timeout",
     {nowhere, nowhere, nowhere, subscribe, subscribe, subscribe | subscribe_tracks,
      subscribe | subscribe_tracks}},
    {parameter::subgroup_delivery_timeout,
     0x06,
     value_kind::timeout,
     "subgroup_delivery_timeout",
     {nowhere, nowhere, nowhere, nowhere, timeout_side, timeout_19, timeout_20}},
    {parameter::expires,
     0x08,
     value_kind::integer,
     "expires",
     {subscribe_ok | track_status_ok, expires_side, expires_side | update_ok,
      expires_side | update_ok | publish_namespace_ok | subscribe_namespace_ok,
      expires_side | update_ok, expires_19, expires_19},
     true},
    {parameter::largest_object,
     0x09,
     value_kind::location,
     "largest_object",
     {publisher_15, publisher_15 | update_ok, publisher_15 | update_ok, publisher_15 | update_ok,
      publisher_15 | update_ok, publisher_15 | update_ok, publisher_15 | update_ok | state_notify},
     true},
    {parameter::fill_timeout,
     0x0a,
     value_kind::integer,
     "fill_timeout",
     {nowhere, nowhere, nowhere, nowhere, fetch, fetch, fetch | fill}},
    {parameter::publisher_priority,
     0x0e,
     value_kind::priority_value,
     "publisher_priority",
     {nowhere, publisher_15, nowhere, nowhere, nowhere, nowhere, nowhere}},
    {parameter::forward,
     0x10,
     value_kind::boolean,
     "forward",
     {subscriber_15 | publish, subscriber_15 | publish | track_status_ok | subscribe_namespace,
      subscriber_side | publish | subscribe_namespace,
      subscriber_side | publish | subscribe_namespace, subscriber_side | publish | subscribe_tracks,
      side_19 | publish, side_20 | publish | subscribe_tracks_update | state_notify},
     true},
    {parameter::subscriber_priority,
     0x20,
     value_kind::priority_value,
     "subscriber_priority",
     {subscriber_15 | fetch, subscriber_15 | fetch, subscriber_side | fetch | fetch_update,
      subscriber_side | fetch | fetch_update, subscriber_side | fetch | fetch_update,
      side_19 | fetch | fetch_update,
      side_20 | publish | fetch | fetch_update | subscribe_tracks_update | fill},
     true},
    {parameter::subscription_filter,
     0x21,
     value_kind::filter,
     "subscription_filter",
     {subscriber_15, subscriber_15, subscriber_side, subscriber_side, subscriber_side, side_19,
      side_20 | publish | fetch | subscribe_tracks_update | state_notify | fill},
     true},
    {parameter::group_order,
     0x22,
     value_kind::order,
     "group_order",
     {subscribe | track_status | publish_ok | fetch | fetch_ok | publisher_15,
      subscribe | track_status | publish_ok | fetch | publisher_15, subscribe | publish_ok | fetch,
      subscribe | publish_ok | fetch, subscribe | publish_ok | fetch,
      // 19 has it repeated in PUBLISH without listing PUBLISH.
      subscribe | subscribe_tracks | fetch | publish,
      subscribe | subscribe_tracks | fetch | publish | fill},
     true},
    {parameter::fill_parameters,
     0x23,
     value_kind::parameters,
     "fill_parameters",
     {nowhere, nowhere, nowhere, nowhere, nowhere, nowhere, side_20 | subscribe_tracks_update}},
    {parameter::subgroup_filter,
     0x25,
     value_kind::ranges,
     "subgroup_filter",
     {nowhere, nowhere, nowhere, nowhere, nowhere, ranges_19, ranges_20}},
    {parameter::object_id_filter,
     0x26,
     value_kind::ranges,
     "object_id_filter",
     {nowhere, nowhere, nowhere, nowhere, nowhere, ranges_19, ranges_20}},
    {parameter::priority_filter,
     0x27,
     value_kind::ranges,
     "priority_filter",
     {nowhere, nowhere, nowhere, nowhere, nowhere, ranges_19, ranges_20}},
    {parameter::object_property_filter,
     0x28,
     value_kind::ranges,
     "object_property_filter",
     {nowhere, nowhere, nowhere, nowhere, nowhere, ranges_19, ranges_20}},
    {parameter::track_property_filter,
     0x29,
     value_kind::ranges,
     "track_property_filter",
     {nowhere, nowhere, nowhere, nowhere, nowhere, tracks_20, tracks_20}},
    {parameter::dynamic_groups,
     0x30,
     value_kind::boolean,
     "dynamic_groups",
     {nowhere, publisher_15, nowhere, nowhere, nowhere, nowhere, nowhere}},
    {parameter::new_group_request,
     0x32,
     value_kind::integer,
     "new_group_request",
     {nowhere, subscriber_side, subscriber_side, subscriber_side, subscriber_side, side_19,
      side_20}},
    {parameter::track_namespace_prefix,
     0x34,
     value_kind::name_prefix,
     "track_namespace_prefix",
     {nowhere, nowhere, nowhere, nowhere, tracks_update, tracks_update, tracks_update}},
    {parameter::include_properties,
     0x35,
     value_kind::boolean,
     "include_properties",
     {nowhere, nowhere, nowhere, nowhere, nowhere, nowhere,
      subscribe | track_status | fetch | subscribe_tracks}},
}};

inline constexpr std::size_t carrier_columns = 7;
[[nodiscard]] constexpr std::size_t carrier_column(draft d) noexcept {
    return number(std::min(d, draft::d20)) - number(draft::d14);
}

/// What a reader needs of a row, in one piece.
struct parameter_slot {
    carrier carriers = none; ///< none: the draft has no parameter of this type
    parameter id{};
    value_kind kind{};
};

/// Type to row in each column, for types below 64: every defined one is.
inline constexpr auto parameter_slots = [] {
    std::array<std::array<parameter_slot, 64>, carrier_columns> slots{};
    for (std::size_t column = 0; column < carrier_columns; ++column) {
        for (const auto& rule : parameter_rules) {
            const bool field = column == carrier_column(draft::d14) && rule.fixed;
            if (rule.carriers[column] != none && !field)
                slots[column][rule.type] = {rule.carriers[column], rule.id, rule.kind};
        }
    }
    return slots;
}();

} // namespace detail

[[nodiscard]] constexpr const parameter_rule& rule_of(parameter p) noexcept {
    return detail::parameter_rules[static_cast<std::size_t>(p)];
}
/// The messages in which the draft defines `p`.
[[nodiscard]] constexpr carrier carriers_of(const wire_rules& rules, parameter p) noexcept {
    return rule_of(p).carriers[detail::carrier_column(rules.id)];
}

struct message_params;

/// FILL_PARAMETERS: asks for past objects beside a subscription, on a stream of their own. What is
/// inside counts for this fill alone; what is not there is as in the subscription.
///
/// Spec    moq-transport from draft 20 on, anchor `fill-parameters`.
/// Borrows the parsed buffer (already validated) or the caller's parameters.
class fill_parameters {
public:
    constexpr fill_parameters() noexcept = default;
    /// Parameters to send, which outlive the message.
    constexpr explicit fill_parameters(const message_params& given) noexcept
        : given_{&given}, present_{true} {}
    constexpr fill_parameters(const wire_rules& rules, bytes encoded) noexcept
        : encoded_{encoded}, rules_{&rules}, present_{true} {}

    [[nodiscard]] constexpr bool has_value() const noexcept { return present_; }
    /// What is inside; defined in `params_codec.hpp`.
    [[nodiscard]] constexpr message_params inside() const;

private:
    bytes encoded_{};
    const wire_rules* rules_ = nullptr;
    const message_params* given_ = nullptr;
    bool present_ = false;
};

/// The parameters of one message, typed; absent ones are unset.
///
/// Where a draft has fields for some of them (`fixed_request_fields`) those are here all the same.
///
/// Spec    moq-transport, anchor `message-params`.
/// Units   timeouts and `expires` in milliseconds.
/// Borrows `authorization_tokens`, `fill`, `range_filters` and `track_namespace_prefix` point into
///         the parsed buffer.
struct message_params {
    std::optional<std::uint64_t> object_delivery_timeout{};
    token_list authorization_tokens{};
    std::optional<std::uint64_t> max_cache_duration{};
    std::optional<std::uint64_t> rendezvous_timeout{};
    std::optional<std::uint64_t> subgroup_delivery_timeout{};
    std::optional<std::uint64_t> expires{};
    std::optional<location> largest_object{};
    std::optional<std::uint64_t> fill_timeout{};
    std::optional<priority> publisher_priority{};
    std::optional<bool> forward{};
    std::optional<priority> subscriber_priority{};
    std::optional<moqt::subscription_filter> subscription_filter{};
    std::optional<moqt::group_order> group_order{};
    std::optional<bool> dynamic_groups{};
    std::optional<std::uint64_t> new_group_request{};
    std::optional<namespace_view> track_namespace_prefix{};
    std::optional<bool> include_properties{};
    fill_parameters fill{};
    range_filter_list range_filters{};

    /// Calls `visit(parameter, member)` for every parameter in ascending order of type; the range
    /// filters come together, under the first of their parameters.
    template <class Self, class Visit>
    static constexpr void for_each(Self& self, Visit&& visit) {
        visit(parameter::object_delivery_timeout, self.object_delivery_timeout);
        visit(parameter::authorization_token, self.authorization_tokens);
        visit(parameter::max_cache_duration, self.max_cache_duration);
        visit(parameter::rendezvous_timeout, self.rendezvous_timeout);
        visit(parameter::subgroup_delivery_timeout, self.subgroup_delivery_timeout);
        visit(parameter::expires, self.expires);
        visit(parameter::largest_object, self.largest_object);
        visit(parameter::fill_timeout, self.fill_timeout);
        visit(parameter::publisher_priority, self.publisher_priority);
        visit(parameter::forward, self.forward);
        visit(parameter::subscriber_priority, self.subscriber_priority);
        visit(parameter::subscription_filter, self.subscription_filter);
        visit(parameter::group_order, self.group_order);
        visit(parameter::fill_parameters, self.fill);
        visit(parameter::subgroup_filter, self.range_filters);
        visit(parameter::dynamic_groups, self.dynamic_groups);
        visit(parameter::new_group_request, self.new_group_request);
        visit(parameter::track_namespace_prefix, self.track_namespace_prefix);
        visit(parameter::include_properties, self.include_properties);
    }
};

} // namespace moqrtc::moqt
