#pragma once

#include <moqrtc/core/reader.hpp>
#include <moqrtc/core/sampler.hpp>
#include <moqrtc/core/sizer.hpp>
#include <moqrtc/core/writer.hpp>
#include <moqrtc/moqt/data/object.hpp>
#include <moqrtc/moqt/data/stream_type.hpp>

#include <cstdint>
#include <string_view>

namespace moqrtc::moqt {

/// Serialization flags of an object on a fetch stream, and the values that end a range instead.
///
/// Spec    moq-transport, anchor `fetch-header`.
namespace fetch_bits {
inline constexpr std::uint64_t subgroup_mode = 0x03;
inline constexpr std::uint64_t object_id = 0x04;
inline constexpr std::uint64_t group_id = 0x08;
inline constexpr std::uint64_t priority = 0x10;
inline constexpr std::uint64_t properties = 0x20;
inline constexpr std::uint64_t datagram = 0x40;

inline constexpr std::uint64_t subgroup_zero = 0;
inline constexpr std::uint64_t subgroup_prior = 1;
inline constexpr std::uint64_t subgroup_next = 2;
inline constexpr std::uint64_t subgroup_present = 3;

inline constexpr std::uint64_t end_of_non_existent_range = 0x8c;
inline constexpr std::uint64_t end_of_unknown_range = 0x10c;
inline constexpr std::uint64_t end_of_timed_out_range = 0x20c;
} // namespace fetch_bits

/// What is said of a range of locations that a fetch stream leaves out.
enum class range_end : std::uint8_t {
    non_existent, ///< they do not exist
    unknown,      ///< nobody on the way knows
    timed_out,    ///< nobody answered in time; asking again makes sense
};

/// Whether these serialization flags end a range in this draft.
[[nodiscard]] constexpr bool is_range_end(const wire_rules& rules, std::uint64_t flags) noexcept {
    if (rules.fetch_objects != fetch_form::flags && rules.fetch_objects != fetch_form::deltas)
        return false;
    return flags == fetch_bits::end_of_non_existent_range ||
           flags == fetch_bits::end_of_unknown_range ||
           (flags == fetch_bits::end_of_timed_out_range && rules.timed_out_range);
}

/// FETCH_HEADER: opens the stream of a FETCH's objects; described behind the stream's type.
///
/// Spec    moq-transport, anchor `fetch-header`.
struct fetch_header {
    static constexpr std::string_view name = "FETCH_HEADER";
    static constexpr const char* where = "FETCH_HEADER, fetch-header";

    moqt::request_id request_id = 0;

    static constexpr void describe(auto& io, auto& m) { io.varint("request_id", m.request_id); }
};

/// What precedes the payload of each object on a fetch stream, or the end of a range, field by
/// field as on the wire; `fetch_sequence` knows what the fields mean.
///
/// Spec    moq-transport, anchors `object-fetch-format` and `end-of-range`.
/// Fields  `group_id` and `object_id` are absolute, or deltas where the draft says so; the end of a
///         range always has them absolute and has no payload length. A field without its flag stays
///         0. `status` exists up to draft 15.
struct fetch_object_header {
    static constexpr std::string_view name = "FETCH_OBJECT";
    static constexpr const char* where = "fetch object, object-fetch-format";
    /// Longest encoding without properties: six integers and the priority.
    static constexpr std::size_t max_size = 6 * 9 + 1;

    std::uint64_t flags = 0;
    std::uint64_t group_id = 0;
    std::uint64_t subgroup_id = 0;
    std::uint64_t object_id = 0;
    priority publisher_priority = 0;
    bytes properties{};
    std::uint64_t payload_length = 0;
    object_status status = object_status::normal;

    static constexpr void describe(auto& io, auto& m) {
        namespace bits = fetch_bits;
        describe_flags(io, m);
        if (!io.ok()) return;
        if (is_range_end(io.rules(), m.flags)) {
            io.varint("group_id", m.group_id);
            io.varint("object_id", m.object_id);
            return;
        }
        if ((m.flags & bits::group_id) != 0) io.varint("group_id", m.group_id);
        if ((m.flags & (bits::subgroup_mode | bits::datagram)) == bits::subgroup_present)
            io.varint("subgroup_id", m.subgroup_id);
        if ((m.flags & bits::object_id) != 0) io.varint("object_id", m.object_id);
        if ((m.flags & bits::priority) != 0) io.u8("publisher_priority", m.publisher_priority);
        if ((m.flags & bits::properties) != 0) describe_object_properties(io, m.properties);
        io.varint("payload_length", m.payload_length);
        if constexpr (samples<decltype(io)>) m.payload_length = io.below(3) * 700;
        if (has_status(io.rules()) && m.payload_length == 0 && io.ok())
            describe_object_status(io, m.status, m.properties);
    }

    /// Every field that draft 14 writes for every object.
    static constexpr std::uint64_t plain_flags = fetch_bits::group_id | fetch_bits::object_id |
                                                 fetch_bits::subgroup_present |
                                                 fetch_bits::priority | fetch_bits::properties;

    [[nodiscard]] static constexpr bool has_status(const wire_rules& rules) noexcept {
        return rules.fetch_objects == fetch_form::plain ||
               rules.fetch_objects == fetch_form::flags_u8;
    }

private:
    static constexpr void describe_flags(auto& io, auto& m) {
        const auto form = io.rules().fetch_objects;
        const bool u8 = form == fetch_form::flags_u8;
        if constexpr (samples<decltype(io)>) {
            m.flags = io.below(u8 ? 0x40 : 0x80);
            if (!u8 && io.below(8) == 0) m.flags = fetch_bits::end_of_unknown_range;
        }
        if (form == fetch_form::plain) {
            if constexpr (reads<decltype(io)> || samples<decltype(io)>) m.flags = plain_flags;
            io.check(m.flags == plain_flags, "serialization_flags");
        } else if (u8) {
            auto flags = static_cast<std::uint8_t>(m.flags & 0xff);
            if constexpr (!samples<decltype(io)>) io.u8("serialization_flags", flags);
            if constexpr (reads<decltype(io)>) m.flags = flags;
            io.check(m.flags < fetch_bits::datagram, "serialization_flags");
        } else {
            if constexpr (!samples<decltype(io)>) io.varint("serialization_flags", m.flags);
            io.check(m.flags < 0x80 || is_range_end(io.rules(), m.flags), "serialization_flags");
        }
    }
};

} // namespace moqrtc::moqt
