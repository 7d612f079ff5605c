#pragma once

#include <moqrtc/core/reader.hpp>
#include <moqrtc/core/sampler.hpp>
#include <moqrtc/core/sizer.hpp>
#include <moqrtc/core/writer.hpp>
#include <moqrtc/moqt/data/object.hpp>
#include <moqrtc/moqt/data/quick_archives.hpp>
#include <moqrtc/moqt/data/stream_type.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace moqrtc::moqt {

/// How a SUBGROUP_HEADER tells its Subgroup ID.
enum class subgroup_id_mode : std::uint8_t {
    zero,         ///< absent, and 0
    first_object, ///< absent, and the ID of the first object on this stream
    present,
};

/// SUBGROUP_HEADER: opens a stream with objects of one subgroup.
///
/// The type is the stream's type, read before anything else, so the description starts behind it;
/// `of_type` and `type` convert the flags.
///
/// Spec    moq-transport, anchor `subgroup-header`.
/// Fields  `subgroup_id` counts in mode `present`. No `publisher_priority` means the default of the
///         track. `properties`: every object has a block of them, be it empty.
/// Errors  not_in_draft for a flag that the draft cannot express.
struct subgroup_header {
    static constexpr std::string_view name = "SUBGROUP_HEADER";
    static constexpr const char* where = "SUBGROUP_HEADER, subgroup-header";

    moqt::track_alias track_alias = 0;
    std::uint64_t group_id = 0;
    std::uint64_t subgroup_id = 0;
    subgroup_id_mode id_mode = subgroup_id_mode::zero;
    std::optional<priority> publisher_priority{};
    bool properties = false;
    bool end_of_group = false;
    bool first_object = false;

    /// The flags of a type that `classify_stream` calls a subgroup.
    [[nodiscard]] static constexpr subgroup_header of_type(std::uint64_t type) noexcept {
        subgroup_header m;
        m.id_mode = static_cast<subgroup_id_mode>((type & subgroup_bits::id_mode) >>
                                                  subgroup_bits::id_mode_shift);
        if ((type & subgroup_bits::default_priority) == 0) m.publisher_priority = priority{0};
        m.properties = (type & subgroup_bits::properties) != 0;
        m.end_of_group = (type & subgroup_bits::end_of_group) != 0;
        m.first_object = (type & subgroup_bits::first_object) != 0;
        return m;
    }
    /// The type on the wire; 0 when the draft has none for these flags.
    [[nodiscard]] constexpr std::uint64_t type(const wire_rules& rules) const noexcept {
        const auto bits = subgroup_bits::always |
                          std::uint64_t{properties ? subgroup_bits::properties : 0} |
                          static_cast<std::uint64_t>(id_mode) << subgroup_bits::id_mode_shift |
                          (end_of_group ? subgroup_bits::end_of_group : 0) |
                          (publisher_priority ? 0 : subgroup_bits::default_priority) |
                          (first_object ? subgroup_bits::first_object : 0);
        return (bits & ~defined_subgroup_bits(rules)) == 0 ? bits : 0;
    }

    static constexpr void describe(auto& io, auto& m) {
        if constexpr (samples<decltype(io)>) {
            auto bits = io.below(0x80) & defined_subgroup_bits(io.rules());
            if ((bits & subgroup_bits::id_mode) == subgroup_bits::id_mode) bits ^= 0x02;
            m = of_type(bits | subgroup_bits::always);
        } else {
            io.check(m.type(io.rules()) != 0, "type", errc::not_in_draft);
        }
        io.varint("track_alias", m.track_alias);
        io.varint("group_id", m.group_id);
        if (m.id_mode == subgroup_id_mode::present) io.varint("subgroup_id", m.subgroup_id);
        if (m.publisher_priority) io.u8("publisher_priority", *m.publisher_priority);
    }
};

/// What precedes the payload of each object on a subgroup stream.
///
/// Spec    moq-transport, anchor `object-subgroup-format`.
/// Fields  `has_properties` is the header's `properties`, set before reading. `status` stands on
///         the wire only when `payload_length` is 0.
struct subgroup_object_header {
    static constexpr std::string_view name = "SUBGROUP_OBJECT";
    static constexpr const char* where = "subgroup object, object-subgroup-format";
    /// Longest encoding without properties, with their length: four integers.
    static constexpr std::size_t max_size = 4 * 9;

    std::uint64_t object_id_delta = 0;
    bytes properties{};
    std::uint64_t payload_length = 0;
    object_status status = object_status::normal;
    bool has_properties = false;

    [[gnu::always_inline]] static constexpr void describe(auto& io, auto& m) {
        if constexpr (samples<decltype(io)>) m.has_properties = io.below(2) == 1;
        io.varint("object_id_delta", m.object_id_delta);
        if (m.has_properties) describe_object_properties(io, m.properties);
        io.varint("payload_length", m.payload_length);
        if constexpr (samples<decltype(io)>) m.payload_length = io.below(3) * 700;
        if (m.payload_length == 0 && io.ok()) describe_object_status(io, m.status, m.properties);
    }
};

/// The ID of an object from its delta and the object before it on the stream, if any.
///
/// Errors  overflow when the draft's integers cannot express the ID.
[[nodiscard]] constexpr result<std::uint64_t> object_id_after(const wire_rules& rules,
                                                              std::optional<std::uint64_t> previous,
                                                              std::uint64_t delta) noexcept {
    if (!previous) return delta;
    const auto most = varint_max(rules.varint);
    if (*previous >= most || delta > most - *previous - 1) [[unlikely]]
        return fail(errc::overflow, "object_id_delta", 0, subgroup_object_header::where);
    return *previous + 1 + delta;
}

/// An object of a subgroup stream, in place.
///
/// Borrows `properties` and `payload` from the input.
struct subgroup_object_view {
    std::uint64_t object_id = 0;
    object_status status = object_status::normal;
    bytes properties{};
    bytes payload{};
};

namespace detail {

template <class Io>
[[gnu::always_inline]] constexpr bool read_subgroup_object(Io& io, subgroup_object_header& fields,
                                                           bytes& payload) noexcept {
    subgroup_object_header::describe(io, fields);
    if (fields.payload_length > limits::object_payload)
        io.fail(errc::limit, "payload_length");
    else
        io.raw("payload", payload, static_cast<std::size_t>(fields.payload_length));
    return io.ok();
}
[[nodiscard]] [[gnu::cold, gnu::noinline]] constexpr error
why_no_subgroup_object(const wire_rules& rules, const subgroup_header& header,
                       std::optional<std::uint64_t> previous, bytes in) noexcept {
    subgroup_object_header fields;
    fields.has_properties = header.properties;
    bytes payload;
    reader io{rules, in};
    auto failure = io.failure();
    if (!read_subgroup_object(io, fields, payload))
        failure = io.failure();
    else
        failure = object_id_after(rules, previous, fields.object_id_delta).error();
    failure.where = subgroup_object_header::where;
    return failure;
}

} // namespace detail

/// Parses the object at the front of `in` and steps behind it; `previous` is the ID of the object
/// before it on the stream, if any.
///
/// Errors  truncated when not all of the object is there, and then `in` stays; bad_value, overflow,
///         limit.
[[nodiscard]] [[gnu::always_inline]] constexpr result<subgroup_object_view>
parse_subgroup_object(const wire_rules& rules, const subgroup_header& header,
                      std::optional<std::uint64_t> previous, bytes& in) noexcept {
    subgroup_object_header fields;
    fields.has_properties = header.properties;
    bytes payload;
    detail::quick_reader io{rules, in};
    if (!detail::read_subgroup_object(io, fields, payload)) [[unlikely]]
        return std::unexpected(detail::why_no_subgroup_object(rules, header, previous, in));
    const auto id = object_id_after(rules, previous, fields.object_id_delta);
    if (!id) [[unlikely]]
        return std::unexpected(detail::why_no_subgroup_object(rules, header, previous, in));
    in = in.subspan(io.position());
    return subgroup_object_view{*id, fields.status, fields.properties, payload};
}

/// Writes a whole SUBGROUP_HEADER, type included, and returns its size: at most 37 bytes.
///
/// Errors  no_space, not_in_draft, bad_value.
[[nodiscard]] constexpr result<std::size_t> encode_subgroup_header(const wire_rules& rules,
                                                                   const subgroup_header& header,
                                                                   mutable_bytes out) noexcept {
    writer io{rules, out};
    io.varint("type", header.type(rules));
    subgroup_header::describe(io, header);
    if (io.ok()) [[likely]]
        return io.position();
    auto failure = io.failure();
    failure.where = subgroup_header::where;
    return std::unexpected(failure);
}

namespace detail {

/// The fields on the wire of an object that may stand behind `previous`.
[[nodiscard]] [[gnu::always_inline]] inline subgroup_object_header
subgroup_object_fields(const subgroup_header& header, std::optional<std::uint64_t> previous,
                       const object& m) noexcept {
    return {.object_id_delta = previous ? m.location.object - *previous - 1 : m.location.object,
            .properties = m.properties,
            .payload_length = m.payload.size(),
            .status = m.status,
            .has_properties = header.properties};
}
[[nodiscard]] [[gnu::cold, gnu::noinline]] inline result<std::size_t>
write_subgroup_object_header(const wire_rules& rules, const subgroup_header& header,
                             std::optional<std::uint64_t> previous, const object& m,
                             mutable_bytes out) noexcept {
    writer io{rules, out};
    const auto fields = subgroup_object_fields(header, previous, m);
    subgroup_object_header::describe(io, fields);
    if (io.ok()) return io.position();
    auto failure = io.failure();
    failure.where = subgroup_object_header::where;
    return std::unexpected(failure);
}

} // namespace detail

/// Writes everything of `m` that precedes its payload; `previous` is the ID of the object before it
/// on the stream, if any. At most 36 bytes and the properties, so a sender shares the payload among
/// its streams and writes only this for each.
///
/// Errors  no_space; bad_value for an ID that is not above `previous`, for a payload or properties
///         on a status that has none, and for an integer that the draft cannot carry; not_in_draft
///         for properties on a stream whose header announces none.
[[nodiscard]] [[gnu::always_inline]] inline result<std::size_t>
encode_subgroup_object_header(const wire_rules& rules, const subgroup_header& header,
                              std::optional<std::uint64_t> previous, const object& m,
                              mutable_bytes out) noexcept {
    constexpr auto where = subgroup_object_header::where;
    if (previous && m.location.object <= *previous) [[unlikely]]
        return fail(errc::bad_value, "object_id", 0, where);
    if (m.status != object_status::normal && !m.payload.empty()) [[unlikely]]
        return fail(errc::bad_value, "payload", 0, where);
    if (!header.properties && !m.properties.empty()) [[unlikely]]
        return fail(errc::not_in_draft, "properties", 0, where);
    detail::quick_writer io{rules, out};
    const auto fields = detail::subgroup_object_fields(header, previous, m);
    subgroup_object_header::describe(io, fields);
    if (io.ok()) [[likely]]
        return io.position();
    return detail::write_subgroup_object_header(rules, header, previous, m, out);
}

} // namespace moqrtc::moqt
