#pragma once

#include <moqrtc/moqt/draft.hpp>
#include <moqrtc/moqt/name.hpp>
#include <moqrtc/moqt/token.hpp>
#include <moqrtc/moqt/types.hpp>

#include <array>
#include <cstdint>
#include <optional>

namespace moqrtc::moqt {

/// The messages that can carry message parameters. An OK counts by what it answers.
enum class carrier : std::uint32_t {
    none = 0,
    subscribe = 1u << 0,
    subscribe_ok = 1u << 1,
    publish = 1u << 2,
    publish_ok = 1u << 3,
    subscription_update = 1u << 4, ///< REQUEST_UPDATE of a subscription
    other_update = 1u << 5,        ///< REQUEST_UPDATE of a fetch, namespace or tracks request
    update_ok = 1u << 6,
    fetch = 1u << 7,
    fetch_ok = 1u << 8,
    track_status = 1u << 9,
    track_status_ok = 1u << 10,
    publish_namespace = 1u << 11,
    publish_namespace_ok = 1u << 12,
    subscribe_namespace = 1u << 13,
    subscribe_namespace_ok = 1u << 14,
    subscribe_tracks = 1u << 15,
    subscribe_tracks_ok = 1u << 16,
    fetch_update = 1u << 17,
    tracks_update = 1u << 18, ///< REQUEST_UPDATE of SUBSCRIBE_NAMESPACE or SUBSCRIBE_TRACKS
};
[[nodiscard]] constexpr carrier operator|(carrier a, carrier b) noexcept {
    return static_cast<carrier>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
/// The carriers of `a` that are not in `b`.
[[nodiscard]] constexpr carrier without(carrier a, carrier b) noexcept {
    return static_cast<carrier>(static_cast<std::uint32_t>(a) & ~static_cast<std::uint32_t>(b));
}
[[nodiscard]] constexpr bool overlaps(carrier a, carrier b) noexcept {
    return (static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b)) != 0;
}
inline constexpr carrier any_update = carrier::subscription_update | carrier::other_update |
                                      carrier::fetch_update | carrier::tracks_update;

/// The message parameters, in ascending order of their type.
enum class parameter : std::uint8_t {
    object_delivery_timeout,
    authorization_token,
    rendezvous_timeout,
    subgroup_delivery_timeout,
    expires,
    largest_object,
    fill_timeout,
    forward,
    subscriber_priority,
    subscription_filter,
    group_order,
    new_group_request,
    track_namespace_prefix,
};
inline constexpr std::size_t parameter_count = 13;

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
    name_prefix,
};

/// One row of the parameter table.
struct parameter_rule {
    parameter id;
    std::uint8_t type;
    value_kind kind;
    const char* name;
    /// Carriers by draft: 14 and 15, 16, 17, 18, 19 and later.
    std::array<carrier, 5> carriers;
};

namespace detail {

using enum carrier;
inline constexpr carrier nowhere = none;
inline constexpr carrier token_17 = publish | subscribe | any_update | subscribe_namespace |
                                    publish_namespace | track_status | fetch;
inline constexpr carrier subscriber_side = publish_ok | subscribe | subscription_update;
/// The definitions of the delivery timeouts name REQUEST_UPDATE without restricting it.
inline constexpr carrier timeout_side = publish_ok | subscribe | any_update;
/// An answer to TRACK_STATUS has the parameters of SUBSCRIBE_OK (anchor `message-track-status`),
/// EXPIRES included although its own definition does not list it.
inline constexpr carrier expires_side = subscribe_ok | publish | publish_ok | track_status_ok;

/// Sources: moq-transport, anchors `message-params`; carriers of each draft's definitions.
inline constexpr std::array<parameter_rule, parameter_count> parameter_rules{{
    {parameter::object_delivery_timeout,
     0x02,
     value_kind::timeout,
     "object_delivery_timeout",
     {timeout_side, timeout_side, timeout_side, timeout_side, timeout_side}},
    {parameter::authorization_token,
     0x03,
     value_kind::token,
     "authorization_token",
     {token_17, token_17, token_17, token_17 | subscribe_tracks, token_17 | subscribe_tracks}},
    {parameter::rendezvous_timeout,
     0x04,
     value_kind::integer,
     "rendezvous_timeout",
     {nowhere, nowhere, subscribe, subscribe, subscribe}},
    {parameter::subgroup_delivery_timeout,
     0x06,
     value_kind::timeout,
     "subgroup_delivery_timeout",
     {nowhere, nowhere, nowhere, timeout_side, timeout_side}},
    {parameter::expires,
     0x08,
     value_kind::integer,
     "expires",
     {subscribe_ok | publish | publish_ok, expires_side | update_ok,
      expires_side | update_ok | publish_namespace_ok | subscribe_namespace_ok,
      expires_side | update_ok,
      expires_side | update_ok | publish_namespace_ok | subscribe_namespace_ok |
          subscribe_tracks_ok}},
    {parameter::largest_object,
     0x09,
     value_kind::location,
     "largest_object",
     {subscribe_ok | publish | update_ok, subscribe_ok | publish | update_ok | track_status_ok,
      subscribe_ok | publish | update_ok | track_status_ok,
      subscribe_ok | publish | update_ok | track_status_ok,
      subscribe_ok | publish | update_ok | track_status_ok}},
    {parameter::fill_timeout,
     0x0a,
     value_kind::integer,
     "fill_timeout",
     {nowhere, nowhere, nowhere, fetch, fetch}},
    {parameter::forward,
     0x10,
     value_kind::boolean,
     "forward",
     {subscriber_side | publish | track_status | subscribe_namespace,
      subscriber_side | publish | subscribe_namespace,
      subscriber_side | publish | subscribe_namespace, subscriber_side | publish | subscribe_tracks,
      subscriber_side | publish | subscribe_tracks}},
    {parameter::subscriber_priority,
     0x20,
     value_kind::priority_value,
     "subscriber_priority",
     {subscriber_side | fetch | track_status, subscriber_side | fetch | fetch_update,
      subscriber_side | fetch | fetch_update, subscriber_side | fetch | fetch_update,
      subscriber_side | fetch | fetch_update}},
    {parameter::subscription_filter,
     0x21,
     value_kind::filter,
     "subscription_filter",
     {subscriber_side | track_status, subscriber_side, subscriber_side, subscriber_side,
      subscriber_side}},
    {parameter::group_order,
     0x22,
     value_kind::order,
     "group_order",
     {subscribe | subscribe_ok | track_status | publish | publish_ok | fetch,
      subscribe | publish_ok | fetch, subscribe | publish_ok | fetch,
      subscribe | publish_ok | fetch, subscribe | subscribe_tracks | fetch}},
    {parameter::new_group_request,
     0x32,
     value_kind::integer,
     "new_group_request",
     {subscriber_side, subscriber_side, subscriber_side, subscriber_side, subscriber_side}},
    {parameter::track_namespace_prefix,
     0x34,
     value_kind::name_prefix,
     "track_namespace_prefix",
     {nowhere, nowhere, nowhere, tracks_update, tracks_update}},
}};

[[nodiscard]] constexpr std::size_t carrier_column(draft d) noexcept {
    return d < draft::d16 ? 0 : d == draft::d16 ? 1 : d == draft::d17 ? 2 : d == draft::d18 ? 3 : 4;
}

/// Type to row, for types below 64: every defined one is.
inline constexpr auto parameter_index = [] {
    std::array<std::uint8_t, 64> index{};
    index.fill(0xff);
    for (std::size_t i = 0; i < parameter_count; ++i)
        index[parameter_rules[i].type] = static_cast<std::uint8_t>(i);
    return index;
}();

} // namespace detail

[[nodiscard]] constexpr const parameter_rule& rule_of(parameter p) noexcept {
    return detail::parameter_rules[static_cast<std::size_t>(p)];
}
/// The messages in which the draft defines `p`.
[[nodiscard]] constexpr carrier carriers_of(const wire_rules& rules, parameter p) noexcept {
    return rule_of(p).carriers[detail::carrier_column(rules.id)];
}

/// The parameters of one message, typed; absent ones are unset.
///
/// Spec    moq-transport, anchor `message-params`.
/// Units   timeouts and `expires` in milliseconds.
/// Borrows `authorization_tokens` and `track_namespace_prefix` point into the parsed buffer.
struct message_params {
    std::optional<std::uint64_t> object_delivery_timeout{};
    token_list authorization_tokens{};
    std::optional<std::uint64_t> rendezvous_timeout{};
    std::optional<std::uint64_t> subgroup_delivery_timeout{};
    std::optional<std::uint64_t> expires{};
    std::optional<location> largest_object{};
    std::optional<std::uint64_t> fill_timeout{};
    std::optional<bool> forward{};
    std::optional<priority> subscriber_priority{};
    std::optional<moqt::subscription_filter> subscription_filter{};
    std::optional<moqt::group_order> group_order{};
    std::optional<std::uint64_t> new_group_request{};
    std::optional<namespace_view> track_namespace_prefix{};

    /// Calls `visit(parameter, member)` for every parameter in ascending order of type.
    template <class Self, class Visit>
    static constexpr void for_each(Self& self, Visit&& visit) {
        visit(parameter::object_delivery_timeout, self.object_delivery_timeout);
        visit(parameter::authorization_token, self.authorization_tokens);
        visit(parameter::rendezvous_timeout, self.rendezvous_timeout);
        visit(parameter::subgroup_delivery_timeout, self.subgroup_delivery_timeout);
        visit(parameter::expires, self.expires);
        visit(parameter::largest_object, self.largest_object);
        visit(parameter::fill_timeout, self.fill_timeout);
        visit(parameter::forward, self.forward);
        visit(parameter::subscriber_priority, self.subscriber_priority);
        visit(parameter::subscription_filter, self.subscription_filter);
        visit(parameter::group_order, self.group_order);
        visit(parameter::new_group_request, self.new_group_request);
        visit(parameter::track_namespace_prefix, self.track_namespace_prefix);
    }
};

} // namespace moqrtc::moqt
