#pragma once

#include <moqrtc/moqt/draft.hpp>

#include <cstdint>

namespace moqrtc::moqt {

/// What the first integer of a unidirectional stream announces.
enum class stream_kind : std::uint8_t {
    subgroup, ///< SUBGROUP_HEADER and the objects of one subgroup
    fetch,    ///< FETCH_HEADER and the objects that answer one FETCH
    control,  ///< the sender's control stream
    padding,  ///< bytes to throw away
    invalid,  ///< none of them in this draft: the session closes
};

/// Types of unidirectional streams and of datagrams that are whole numbers, not bit fields.
///
/// Spec    moq-transport, anchors `stream-types` and `padding`.
namespace stream_type {
inline constexpr std::uint64_t fetch = 0x05;
inline constexpr std::uint64_t control = 0x2f00;
inline constexpr std::uint64_t padding = 0x132b3e28;
inline constexpr std::uint64_t padding_datagram = 0x132b3e29;
} // namespace stream_type

/// Bits of a SUBGROUP_HEADER's type.
///
/// Spec    moq-transport, anchor `subgroup-header`.
namespace subgroup_bits {
inline constexpr std::uint64_t properties = 0x01;
inline constexpr std::uint64_t id_mode = 0x06; ///< two bits; both set are reserved
inline constexpr std::uint64_t end_of_group = 0x08;
inline constexpr std::uint64_t always = 0x10;
inline constexpr std::uint64_t default_priority = 0x20;
inline constexpr std::uint64_t first_object = 0x40;
inline constexpr unsigned id_mode_shift = 1;
} // namespace subgroup_bits

/// Bits of a SUBGROUP_HEADER's type that a draft defines.
[[nodiscard]] constexpr std::uint64_t defined_subgroup_bits(const wire_rules& rules) noexcept {
    namespace bits = subgroup_bits;
    return bits::properties | bits::id_mode | bits::end_of_group | bits::always |
           (rules.default_priority_bit ? bits::default_priority : 0) |
           (rules.first_object_bit ? bits::first_object : 0);
}

/// Tells what a unidirectional stream carries from the integer that it starts with.
[[nodiscard]] constexpr stream_kind classify_stream(const wire_rules& rules,
                                                    std::uint64_t type) noexcept {
    namespace bits = subgroup_bits;
    if ((type & bits::always) != 0 && (type & ~defined_subgroup_bits(rules)) == 0)
        return (type & bits::id_mode) == bits::id_mode ? stream_kind::invalid
                                                       : stream_kind::subgroup;
    if (type == stream_type::fetch) return stream_kind::fetch;
    if (type == stream_type::control && rules.control_pair) return stream_kind::control;
    if (type == stream_type::padding && rules.padding) return stream_kind::padding;
    return stream_kind::invalid;
}

} // namespace moqrtc::moqt
