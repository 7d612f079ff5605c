#pragma once

#include <moqrtc/core/slice.hpp>
#include <moqrtc/moqt/properties.hpp>
#include <moqrtc/moqt/types.hpp>

#include <cstdint>

namespace moqrtc::moqt {

/// One object: what sessions, relays and applications hand to each other.
///
/// Spec    moq-transport, anchor `object-header`.
/// Fields  `subgroup_id` counts for the forwarding preference `subgroup` alone.
///         `publisher_priority` is resolved: where the wire leaves it to the track's default, that
///         default stands here.
///         `end_of_group` is the bit of the stream's header (no larger object once the stream has
///         ended with FIN) or of the datagram (no larger object at all).
///         `first_object` is the bit of the stream's header, set on the stream's first object only:
///         no earlier object was ever published in this subgroup.
///         `properties` are Key-Value-Pairs in the encoding of the draft they came in, without
///         their length.
/// Owns    shares of the blocks that hold the bytes.
struct object {
    moqt::location location{};
    std::uint64_t subgroup_id = 0;
    priority publisher_priority = default_priority;
    forwarding_preference forwarding = forwarding_preference::subgroup;
    object_status status = object_status::normal;
    bool end_of_group = false;
    bool first_object = false;
    slice properties;
    slice payload;
};

/// Whether a draft gives a meaning to this number of an object status.
///
/// Spec    moq-transport, anchor `object-status`.
[[nodiscard]] constexpr bool is_object_status(const wire_rules& rules,
                                              std::uint64_t number) noexcept {
    switch (number) {
    case static_cast<std::uint64_t>(object_status::normal):
    case static_cast<std::uint64_t>(object_status::end_of_group):
    case static_cast<std::uint64_t>(object_status::end_of_track):
        return true;
    case static_cast<std::uint64_t>(object_status::does_not_exist):
        return rules.object_does_not_exist;
    default:
        return false;
    }
}

/// Describes an object's status; only an object that exists may have properties, and that is a
/// normal one (anchor `object-properties`), save where the ends of groups and tracks are objects.
///
/// Errors  bad_value for a status that the draft lacks, and for properties on one that is not
///         normal.
[[gnu::always_inline]] constexpr void describe_object_status(auto& io, auto& status,
                                                             bytes properties) {
    auto number = static_cast<std::uint64_t>(status);
    if constexpr (samples<decltype(io)>) {
        constexpr object_status choice[]{object_status::normal, object_status::end_of_group,
                                         object_status::end_of_track};
        status = properties.empty() || io.rules().properties_on_ends ? choice[io.below(3)]
                                                                     : object_status::normal;
    } else {
        io.varint("object_status", number);
        io.check(is_object_status(io.rules(), number), "object_status");
        io.check(number == 0 || properties.empty() ||
                     (io.rules().properties_on_ends && number != 1),
                 "properties");
        if constexpr (reads<decltype(io)>)
            if (io.ok()) status = static_cast<object_status>(number);
    }
}

/// Describes the length-prefixed block of an object's properties; the pairs in it are looked at by
/// whoever asks (`key_value_reader`).
[[gnu::always_inline]] constexpr void describe_object_properties(auto& io, auto& properties) {
    if constexpr (samples<decltype(io)>) {
        // Nothing; an unknown even type with a number; with an odd type of one byte behind it.
        constexpr static std::byte pairs[]{std::byte{8}, std::byte{10}, std::byte{9}, std::byte{1},
                                           std::byte{0x2a}};
        const auto pick = io.below(3);
        properties = bytes{pairs}.first(pick == 0 ? 0 : pick == 1 ? 2 : 5);
    } else {
        io.blob("properties", properties, limits::properties);
    }
}

} // namespace moqrtc::moqt
