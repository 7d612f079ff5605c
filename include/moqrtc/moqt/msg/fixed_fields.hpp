#pragma once

#include <moqrtc/moqt/params_codec.hpp>

/// What draft 14 has as fields of its messages and later drafts as parameters
/// (`fixed_request_fields`): the same members of `message_params`, each in its place. A field
/// cannot be left out, so a member that is unset is written as its default.
namespace moqrtc::moqt::msg {

namespace detail {

/// A byte from `least` to `most`; `least` 0 with `zero_is_unset` stands for an unset member.
template <class Io, class Member>
constexpr void fixed_byte(Io& io, const char* field, Member& member, std::uint8_t unset,
                          std::uint8_t least, std::uint8_t most, bool zero_is_unset = false) {
    auto value = member ? static_cast<std::uint8_t>(*member) : unset;
    if constexpr (samples<Io>)
        value = static_cast<std::uint8_t>(least + io.below(most - least + 1u));
    else
        io.u8(field, value);
    io.check(value >= least && value <= most, field);
    if constexpr (reads<Io> || samples<Io>) {
        if (!io.ok()) return;
        if (zero_is_unset && value == 0)
            member.reset();
        else
            member = static_cast<typename Member::value_type>(value);
    }
}

} // namespace detail

constexpr void describe_priority(auto& io, auto& params) {
    detail::fixed_byte(io, "subscriber_priority", params.subscriber_priority, default_priority, 0,
                       255);
}
constexpr void describe_forward(auto& io, auto& params) {
    detail::fixed_byte(io, "forward", params.forward, 1, 0, 1);
}
/// Group Order of somebody who may leave it to the publisher.
constexpr void describe_wanted_order(auto& io, auto& params) {
    detail::fixed_byte(io, "group_order", params.group_order, 0, 0, 2, true);
}
/// Group Order of somebody who says how it is.
constexpr void describe_order(auto& io, auto& params) {
    detail::fixed_byte(io, "group_order", params.group_order, 1, 1, 2);
}
/// Content Exists and, with content, Largest Location.
template <class Io, class Params>
constexpr void describe_content(Io& io, Params& params) {
    auto exists = static_cast<std::uint8_t>(params.largest_object.has_value());
    if constexpr (samples<Io>)
        exists = static_cast<std::uint8_t>(io.below(2));
    else
        io.u8("content_exists", exists);
    io.check(exists <= 1, "content_exists");
    if constexpr (reads<Io> || samples<Io>) {
        if (io.ok() && exists == 1) params.largest_object.emplace();
    }
    if (exists == 1 && params.largest_object) io.nested("largest_location", *params.largest_object);
}
/// Filter Type, Start Location, End Group; no filter is the one that lets everything pass, both
/// ways.
template <class Io, class Params>
constexpr void describe_filter(Io& io, Params& params) {
    auto filter = params.subscription_filter.value_or(
        subscription_filter{filter_type::absolute_start, {}, 0});
    if constexpr (samples<Io>)
        moqt::detail::sample_filter(io, filter);
    else
        moqt::detail::describe_typed_filter(io, filter);
    if constexpr (reads<Io> || samples<Io>) {
        if (!io.ok()) return;
        const bool everything =
            filter.type == filter_type::absolute_start && filter.start == location{};
        if (!everything) params.subscription_filter = filter;
    }
}
/// SUBSCRIBE and TRACK_STATUS.
constexpr void describe_subscriber_fields(auto& io, auto& params) {
    describe_priority(io, params);
    describe_wanted_order(io, params);
    describe_forward(io, params);
    describe_filter(io, params);
}
/// SUBSCRIBE_OK and TRACK_STATUS_OK. An Expires of 0 says nothing, so it reads as unset.
template <class Io, class Params>
constexpr void describe_publisher_fields(Io& io, Params& params) {
    std::uint64_t expires = params.expires.value_or(0);
    io.varint("expires", expires);
    if constexpr (reads<Io> || samples<Io>)
        if (io.ok() && expires != 0) params.expires = expires;
    describe_order(io, params);
    describe_content(io, params);
}
/// SUBSCRIBE_UPDATE: Start Location and End Group are absolute, End Group one more than the last
/// group and 0 for none; the rest of what can be changed follows.
template <class Io, class Params>
constexpr void describe_update_fields(Io& io, Params& params) {
    auto filter = params.subscription_filter.value_or(
        subscription_filter{filter_type::absolute_start, {}, 0});
    if constexpr (samples<Io>) {
        moqt::detail::sample_filter(io, filter);
        filter.type =
            filter.type == filter_type::absolute_range ? filter.type : filter_type::absolute_start;
    }
    io.check(filter.type >= filter_type::absolute_start, "start");
    const bool ends = filter.type == filter_type::absolute_range;
    std::uint64_t end = ends ? filter.end_group + 1 : 0;
    if constexpr (!samples<Io>) {
        io.nested("start", filter.start);
        io.varint("end_group", end);
    }
    if constexpr (reads<Io>) {
        filter.type = end == 0 ? filter_type::absolute_start : filter_type::absolute_range;
        filter.end_group = end == 0 ? 0 : end - 1;
    }
    io.check(end == 0 || end - 1 >= filter.start.group, "end_group");
    if constexpr (reads<Io> || samples<Io>)
        if (io.ok()) params.subscription_filter = filter;
    describe_priority(io, params);
    describe_forward(io, params);
}

} // namespace moqrtc::moqt::msg
