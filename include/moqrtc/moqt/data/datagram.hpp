#pragma once

#include <moqrtc/core/reader.hpp>
#include <moqrtc/core/writer.hpp>
#include <moqrtc/moqt/data/object.hpp>
#include <moqrtc/moqt/data/stream_type.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moqrtc::moqt {

/// Bits of an OBJECT_DATAGRAM's type.
///
/// Spec    moq-transport, anchor `object-datagram`.
namespace datagram_bits {
inline constexpr std::uint64_t properties = 0x01;
inline constexpr std::uint64_t end_of_group = 0x02;
inline constexpr std::uint64_t zero_object_id = 0x04;
inline constexpr std::uint64_t default_priority = 0x08;
inline constexpr std::uint64_t status = 0x20;
} // namespace datagram_bits

/// Whether a draft defines this type of object datagram. Spec: the types are those of the anchor
/// `object-datagram`; draft 14, which cannot leave out the priority, also always writes the Object
/// ID before a status.
[[nodiscard]] constexpr bool is_object_datagram(const wire_rules& rules,
                                                std::uint64_t type) noexcept {
    namespace bits = datagram_bits;
    constexpr auto every = bits::properties | bits::end_of_group | bits::zero_object_id |
                           bits::default_priority | bits::status;
    if ((type & ~every) != 0) return false;
    if ((type & bits::default_priority) != 0 && !rules.default_priority_bit) return false;
    if ((type & bits::status) == 0) return true;
    return (type & bits::end_of_group) == 0 &&
           ((type & bits::zero_object_id) == 0 || rules.default_priority_bit);
}

/// OBJECT_DATAGRAM: one object, or the status of one, in a datagram.
///
/// Spec    moq-transport, anchor `object-datagram`.
/// Fields  no `publisher_priority` means the default of the track. With `status` there is no
///         payload. `zero_object_id` says that the ID is left out; it can be set only for ID 0.
/// Errors  unknown_type; bad_value for a block of properties that is empty, for properties on a
///         status that is not normal, and for a status that does not exist; not_in_draft.
struct object_datagram {
    static constexpr std::string_view name = "OBJECT_DATAGRAM";
    static constexpr const char* where = "OBJECT_DATAGRAM, object-datagram";

    moqt::track_alias track_alias = 0;
    std::uint64_t group_id = 0;
    std::uint64_t object_id = 0;
    std::optional<priority> publisher_priority{};
    std::optional<object_status> status{};
    bool end_of_group = false;
    bool zero_object_id = false;
    bytes properties{};
    bytes payload{};

    /// The type on the wire; it is one of the draft's only if `is_object_datagram` says so.
    [[nodiscard]] constexpr std::uint64_t type() const noexcept {
        namespace bits = datagram_bits;
        return (properties.empty() ? 0 : bits::properties) |
               (end_of_group ? bits::end_of_group : 0) |
               (zero_object_id ? bits::zero_object_id : 0) |
               (publisher_priority ? 0 : bits::default_priority) | (status ? bits::status : 0);
    }

    static constexpr void describe(auto& io, auto& m) {
        namespace bits = datagram_bits;
        auto type = m.type();
        if constexpr (samples<decltype(io)>) do {
                type = io.below(0x30);
            } while (!is_object_datagram(io.rules(), type));
        else
            io.varint("type", type);
        io.check(is_object_datagram(io.rules(), type), "type",
                 reads<decltype(io)> ? errc::unknown_type : errc::not_in_draft);
        if constexpr (reads<decltype(io)> || samples<decltype(io)>) {
            if (!io.ok()) return;
            m.end_of_group = (type & bits::end_of_group) != 0;
            m.zero_object_id = (type & bits::zero_object_id) != 0;
            if ((type & bits::default_priority) == 0) m.publisher_priority.emplace();
            if ((type & bits::status) != 0) m.status.emplace(object_status::normal);
        }
        io.varint("track_alias", m.track_alias);
        io.varint("group_id", m.group_id);
        if (!m.zero_object_id)
            io.varint("object_id", m.object_id);
        else
            io.check(m.object_id == 0, "object_id");
        if (m.publisher_priority) io.u8("publisher_priority", *m.publisher_priority);
        if ((type & bits::properties) != 0) {
            describe_object_properties(io, m.properties);
            if constexpr (samples<decltype(io)>)
                while (m.properties.empty())
                    describe_object_properties(io, m.properties);
            io.check(!m.properties.empty(), "properties");
        }
        if (m.status) {
            io.check(m.payload.empty(), "payload");
            describe_object_status(io, *m.status, m.properties);
        } else {
            io.rest("payload", m.payload);
        }
    }
};

/// Parses a datagram; none is padding, to be thrown away.
///
/// Spec    anchors `object-datagram` and `padding-datagrams`.
/// Borrows the result's byte strings point into `in`.
[[nodiscard]] constexpr result<std::optional<object_datagram>>
parse_datagram(const wire_rules& rules, bytes in) noexcept {
    reader io{rules, in};
    if (rules.padding) {
        const auto type = decode_varint(rules.varint, in.data(), in.size());
        if (type.size != 0 && type.value == stream_type::padding_datagram) return std::nullopt;
    }
    result<std::optional<object_datagram>> parsed{std::in_place, std::in_place};
    object_datagram::describe(io, **parsed);
    if (io.ok() && io.left() != 0) io.fail(errc::trailing, "object_status");
    if (io.ok()) [[likely]]
        return parsed;
    auto failure = io.failure();
    failure.where = object_datagram::where;
    return std::unexpected(failure);
}

/// The object of a datagram, its bytes copied into one block of `pool`.
///
/// Fields  `inherited` is the default publisher priority of the track.
/// Errors  out_of_memory; limit for a payload above `limits::object_payload`.
[[nodiscard]] inline result<object> to_object(const object_datagram& m, priority inherited,
                                              buffer_pool& pool) noexcept {
    constexpr auto where = object_datagram::where;
    if (m.payload.size() > limits::object_payload) return fail(errc::limit, "payload", 0, where);
    object out;
    out.location = {m.group_id, m.object_id};
    out.publisher_priority = m.publisher_priority.value_or(inherited);
    out.forwarding = forwarding_preference::datagram;
    out.status = m.status.value_or(object_status::normal);
    out.end_of_group = m.end_of_group;
    const auto total = m.properties.size() + m.payload.size();
    if (total == 0) return out;
    auto block = buffer::allocate(pool, total);
    if (!block.valid()) return fail(errc::out_of_memory, "payload", 0, where);
    std::copy(m.payload.begin(), m.payload.end(),
              std::copy(m.properties.begin(), m.properties.end(), block.room().begin()));
    block.commit(total);
    const auto both = block.freeze();
    if (!m.properties.empty()) out.properties = both.sub(0, m.properties.size());
    if (!m.payload.empty()) out.payload = both.sub(m.properties.size());
    return out;
}

/// The datagram that carries an object, in its shortest form.
///
/// Fields  `inherited` is the default publisher priority of the track as the receiver knows it,
///         none when the receiver was told none.
/// Borrows the bytes of `m`.
[[nodiscard]] inline object_datagram to_datagram(const wire_rules& rules, track_alias alias,
                                                 const object& m,
                                                 std::optional<priority> inherited) noexcept {
    object_datagram out;
    out.track_alias = alias;
    out.group_id = m.location.group;
    out.object_id = m.location.object;
    if (!rules.default_priority_bit || m.publisher_priority != inherited)
        out.publisher_priority = m.publisher_priority;
    if (m.status != object_status::normal) out.status = m.status;
    out.end_of_group = m.end_of_group && !out.status;
    out.zero_object_id = m.location.object == 0 && (rules.default_priority_bit || !out.status);
    out.properties = m.properties;
    out.payload = m.payload;
    return out;
}

/// Writes a datagram and returns its size.
///
/// Errors  no_space; not_in_draft; bad_value for what a receiver would refuse.
[[nodiscard]] constexpr result<std::size_t>
serialize_datagram(const wire_rules& rules, const object_datagram& m, mutable_bytes out) noexcept {
    writer io{rules, out};
    object_datagram::describe(io, m);
    if (io.ok()) [[likely]]
        return io.position();
    auto failure = io.failure();
    failure.where = object_datagram::where;
    return std::unexpected(failure);
}

/// Fills `out` with one padding datagram.
///
/// Spec    anchor `padding-datagrams`.
/// Errors  not_in_draft; no_space when not even the type fits.
[[nodiscard]] constexpr result<void> fill_padding_datagram(const wire_rules& rules,
                                                           mutable_bytes out) noexcept {
    if (!rules.padding) return fail(errc::not_in_draft, "type", 0, "PADDING, padding-datagrams");
    writer io{rules, out};
    io.varint("type", stream_type::padding_datagram);
    if (!io.ok()) return std::unexpected(io.failure());
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(io.position()), out.end(), std::byte{0});
    return {};
}

} // namespace moqrtc::moqt
