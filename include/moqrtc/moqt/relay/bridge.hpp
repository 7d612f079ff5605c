#pragma once

#include <moqrtc/moqt/data/subgroup.hpp>
#include <moqrtc/moqt/relay/relay.hpp>

/// What differs between the draft that an object came in and the one that it leaves in.
namespace moqrtc::moqt {

/// Properties in another draft's encoding; empty when they cannot be said there.
MOQRTC_INLINE slice relay::transcode(const wire_rules& from, const wire_rules& to, bytes in) const {
    // Each integer of at least one byte becomes at most nine.
    auto out = buffer::allocate(*pool_, in.size() * 9);
    if (!out.valid()) return {};
    const auto size = transcode_properties(from, to, in, out.room());
    if (!size) return {};
    out.commit(*size);
    return out.freeze();
}

/// The bytes in front of the payload for subscribers of one kind of draft whose streams stand at
/// `previous`; empty when that draft cannot express the object.
MOQRTC_INLINE void relay::make_head(object_heads& heads, const peer& whom,
                                    std::optional<std::uint64_t> previous) {
    auto& one = heads.made[whom.column];
    one = {true, previous, {}, {}};
    const auto& to = whom.session.rules();
    const auto& item = *heads.item;
    slice moved;
    const slice* properties = &item.properties;
    if (item.status != object_status::normal && !to.properties_on_ends) {
        properties = &moved; // what only some drafts let the end of a group or track have
    } else if (!item.properties.empty() && !same_objects(*heads.from, to)) {
        moved = transcode(*heads.from, to, item.properties);
        if (moved.empty()) return;
        properties = &moved;
    }
    const subgroup_object_header fields{
        .object_id_delta = previous ? item.location.object - *previous - 1 : item.location.object,
        .properties = *properties,
        .payload_length = item.payload.size(),
        .status = item.status,
        .has_properties = heads.has_properties};
    auto out = buffer::allocate(*pool_, subgroup_object_header::max_size + properties->size());
    if (!out.valid()) return;
    writer io{to, out.room()};
    subgroup_object_header::describe(io, fields);
    if (!io.ok()) return;
    out.commit(io.position());
    // Where the object came with this very header, both are one piece in every queue.
    one.head = item.payload.with_front(out.view());
    if (!one.head.empty()) return;
    one.head = out.freeze();
    one.rest = item.payload;
}

/// The track's properties in another draft's encoding; none when it cannot say them.
MOQRTC_INLINE std::optional<slice> relay::properties_for(const track& t,
                                                         const wire_rules& to) const {
    if (t.rules == nullptr) return slice{};
    return track_properties_in(*t.rules, to, as_bytes(t.properties));
}

/// The same of properties that are in the encoding of `from`. A draft that says in parameters what
/// a track is gets what it has parameters for.
MOQRTC_INLINE std::optional<slice>
relay::track_properties_in(const wire_rules& from, const wire_rules& to, bytes in) const {
    if (in.empty()) return slice{};
    if (same_objects(from, to) && from.track_properties == to.track_properties)
        return slice::borrowed(in);
    if (to.track_properties) {
        auto moved = transcode(from, to, in);
        if (moved.empty()) return std::nullopt;
        return moved;
    }
    const auto known = read_track_properties(from, in);
    auto out = buffer::allocate(*pool_, known_properties_size);
    if (!known || !out.valid()) return std::nullopt;
    const auto size = write_properties(to, *known, out.room());
    if (!size) return std::nullopt;
    out.commit(*size);
    return out.freeze();
}

/// A draft without the code gets the nearest that it has.
MOQRTC_INLINE reset_code relay::code_for(const peer& p, reset_code code) const noexcept {
    const auto& rules = p.session.rules();
    if (in_draft(rules, code)) return code;
    return code == reset_code::too_far_behind ? reset_code::delivery_timeout
                                              : reset_code::cancelled;
}

} // namespace moqrtc::moqt
