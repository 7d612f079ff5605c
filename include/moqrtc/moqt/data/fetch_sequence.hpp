#pragma once

#include <moqrtc/moqt/data/fetch_object.hpp>

#include <cstdint>

namespace moqrtc::moqt {

/// What one entry of a fetch stream leaves for the next, on either side of the stream.
///
/// Spec    moq-transport, anchors `fetch-header` and `end-of-range`: after the end of a range the
///         prior location is the range's, the prior subgroup and priority are those of the last
///         object. Where the draft is silent: an object with the preference `datagram` leaves the
///         prior subgroup as it was.
/// Errors  bad_value for a reference to something prior that does not exist, overflow for an ID
///         outside the draft's integers. After an error the sequence is as before.
class fetch_sequence {
public:
    constexpr explicit fetch_sequence(const wire_rules& rules,
                                      group_order order = group_order::ascending) noexcept
        : rules_{&rules}, order_{order} {}

    /// The order of groups that the FETCH asked for; call it before the first entry.
    constexpr void set_order(group_order order) noexcept { order_ = order; }
    [[nodiscard]] constexpr group_order order() const noexcept { return order_; }

    /// Resolves what was read: fills location, subgroup, priority, preference and status of `out`,
    /// or its location alone when `wire` ends a range.
    [[nodiscard]] result<void> resolve(const fetch_object_header& wire, object& out) noexcept {
        if (is_range_end(*rules_, wire.flags)) {
            out.location = {wire.group_id, wire.object_id};
            pass(out.location);
            return {};
        }
        namespace bits = fetch_bits;
        const bool has_group = (wire.flags & bits::group_id) != 0;
        const bool has_object = (wire.flags & bits::object_id) != 0;
        if (!started_ && !has_group) return bad("group_id");
        if (!started_ && !has_object) return bad("object_id");
        const bool relative = rules_->fetch_objects == fetch_form::deltas && started_;
        auto place = prior_;
        if (has_group && !relative)
            place.group = wire.group_id;
        else if (has_group && !step_group(place.group, wire.group_id))
            return over("group_id");
        if (has_object && (!relative || has_group))
            place.object = wire.object_id;
        else if (!add(place.object, has_object ? wire.object_id : 1))
            return over("object_id");

        const bool datagram = (wire.flags & bits::datagram) != 0;
        auto subgroup = wire.subgroup_id;
        const auto mode = wire.flags & bits::subgroup_mode;
        if (!datagram && (mode == bits::subgroup_prior || mode == bits::subgroup_next)) {
            if (!subgroup_known_) return bad("subgroup_id");
            subgroup = subgroup_;
            if (mode == bits::subgroup_next && !add(subgroup, 1)) return over("subgroup_id");
        }
        const bool has_priority = (wire.flags & bits::priority) != 0;
        if (!has_priority && !object_seen_) return bad("publisher_priority");

        out.location = place;
        out.subgroup_id = datagram ? 0 : subgroup;
        out.publisher_priority = has_priority ? wire.publisher_priority : priority_;
        out.forwarding =
            datagram ? forwarding_preference::datagram : forwarding_preference::subgroup;
        out.status = wire.status;
        pass(place, out.publisher_priority, datagram, subgroup);
        return {};
    }

    /// Writes what precedes the payload of `m`, in its shortest form, and returns its size: at most
    /// 55 bytes and the properties.
    ///
    /// Errors  no_space; not_in_draft for a status that is not normal where the draft cannot say
    ///         it; bad_value for a location that the order of the stream forbids, or a payload that
    ///         the status forbids.
    [[nodiscard]] result<std::size_t> encode(const object& m, mutable_bytes out) noexcept {
        if (m.status != object_status::normal && !m.payload.empty()) return bad("payload");
        if (m.status != object_status::normal && !fetch_object_header::has_status(*rules_))
            return fail(errc::not_in_draft, "status", 0, where);
        if (started_ && !follows(m.location)) return bad("location");
        const bool datagram = m.forwarding == forwarding_preference::datagram;
        const bool as_datagram = datagram && says_datagram();
        // Up to draft 15 a datagram's object travels as a subgroup of its own.
        const auto subgroup = datagram ? m.location.object : m.subgroup_id;
        const auto size = write(shortest(m, as_datagram, subgroup), out);
        if (size) pass(m.location, m.publisher_priority, as_datagram, subgroup);
        return size;
    }

    /// Writes the end of a range that reaches up to and including `last`.
    ///
    /// Errors  no_space; not_in_draft where the draft lacks this end; bad_value as in `encode`.
    [[nodiscard]] constexpr result<std::size_t>
    encode_range_end(range_end end, const location& last, mutable_bytes out) noexcept {
        fetch_object_header wire;
        wire.flags = end == range_end::non_existent ? fetch_bits::end_of_non_existent_range
                     : end == range_end::unknown    ? fetch_bits::end_of_unknown_range
                                                    : fetch_bits::end_of_timed_out_range;
        if (!is_range_end(*rules_, wire.flags)) return fail(errc::not_in_draft, "range", 0, where);
        if (started_ && !follows(last)) return bad("location");
        wire.group_id = last.group;
        wire.object_id = last.object;
        const auto size = write(wire, out);
        if (size) pass(last);
        return size;
    }

private:
    static constexpr const char* where = fetch_object_header::where;

    [[nodiscard]] static constexpr std::unexpected<error> bad(const char* field) noexcept {
        return fail(errc::bad_value, field, 0, where);
    }
    [[nodiscard]] static constexpr std::unexpected<error> over(const char* field) noexcept {
        return fail(errc::overflow, field, 0, where);
    }
    [[nodiscard]] constexpr bool add(std::uint64_t& to, std::uint64_t n) const noexcept {
        const auto most = varint_max(rules_->varint);
        if (to > most || n > most - to) return false;
        to += n;
        return true;
    }
    [[nodiscard]] constexpr bool step_group(std::uint64_t& group,
                                            std::uint64_t delta) const noexcept {
        if (order_ == group_order::ascending) return add(group, delta) && add(group, 1);
        if (delta >= group) return false;
        group -= delta + 1;
        return true;
    }
    [[nodiscard]] constexpr bool follows(const location& next) const noexcept {
        if (next.group == prior_.group) return next.object > prior_.object;
        return (next.group > prior_.group) == (order_ == group_order::ascending);
    }
    constexpr void pass(const location& place) noexcept {
        prior_ = place;
        started_ = true;
    }
    constexpr void pass(const location& place, priority shown, bool datagram,
                        std::uint64_t subgroup) noexcept {
        pass(place);
        priority_ = shown;
        object_seen_ = true;
        if (datagram) return;
        subgroup_ = subgroup;
        subgroup_known_ = true;
    }
    [[nodiscard]] constexpr bool says_datagram() const noexcept {
        return rules_->fetch_objects == fetch_form::flags ||
               rules_->fetch_objects == fetch_form::deltas;
    }

    [[nodiscard]] fetch_object_header shortest(const object& m, bool datagram,
                                               std::uint64_t subgroup) const noexcept {
        namespace bits = fetch_bits;
        fetch_object_header wire{
            .properties = m.properties, .payload_length = m.payload.size(), .status = m.status};
        const auto form = rules_->fetch_objects;
        const bool plain = form == fetch_form::plain;
        const bool same_group = started_ && m.location.group == prior_.group;
        if (plain || !same_group) {
            wire.flags |= bits::group_id;
            wire.group_id = m.location.group;
            if (form == fetch_form::deltas && started_)
                wire.group_id = order_ == group_order::ascending
                                    ? m.location.group - prior_.group - 1
                                    : prior_.group - m.location.group - 1;
        }
        if (plain || !started_ || prior_.object == UINT64_MAX ||
            m.location.object != prior_.object + 1) {
            wire.flags |= bits::object_id;
            wire.object_id = m.location.object;
            if (form == fetch_form::deltas && same_group) wire.object_id -= prior_.object;
        }
        if (datagram) {
            wire.flags |= bits::datagram;
        } else if (plain || subgroup != 0) {
            const auto mode = plain || !subgroup_known_   ? bits::subgroup_present
                              : subgroup == subgroup_     ? bits::subgroup_prior
                              : subgroup - 1 == subgroup_ ? bits::subgroup_next
                                                          : bits::subgroup_present;
            wire.flags |= mode;
            if (mode == bits::subgroup_present) wire.subgroup_id = subgroup;
        }
        if (plain || !object_seen_ || m.publisher_priority != priority_) {
            wire.flags |= bits::priority;
            wire.publisher_priority = m.publisher_priority;
        }
        if (plain || !m.properties.empty()) wire.flags |= bits::properties;
        return wire;
    }
    [[nodiscard]] constexpr result<std::size_t> write(const fetch_object_header& wire,
                                                      mutable_bytes out) const noexcept {
        writer io{*rules_, out};
        fetch_object_header::describe(io, wire);
        if (io.ok()) [[likely]]
            return io.position();
        auto failure = io.failure();
        failure.where = where;
        return std::unexpected(failure);
    }

    const wire_rules* rules_;
    location prior_{};
    std::uint64_t subgroup_ = 0;
    group_order order_;
    priority priority_ = 0;
    bool started_ = false;        ///< an object or the end of a range went before
    bool object_seen_ = false;    ///< an object went before
    bool subgroup_known_ = false; ///< an object with a subgroup went before
};

/// Writes a whole FETCH_HEADER, type included, and returns its size: at most 10 bytes.
///
/// Errors  no_space, bad_value.
[[nodiscard]] constexpr result<std::size_t> encode_fetch_header(const wire_rules& rules,
                                                                const fetch_header& header,
                                                                mutable_bytes out) noexcept {
    writer io{rules, out};
    io.varint("type", stream_type::fetch);
    fetch_header::describe(io, header);
    if (io.ok()) [[likely]]
        return io.position();
    auto failure = io.failure();
    failure.where = fetch_header::where;
    return std::unexpected(failure);
}

} // namespace moqrtc::moqt
