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
    if (!item.properties.empty() && !same_objects(*heads.from, to)) {
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
    const auto in = as_bytes(t.properties);
    if (in.empty() || t.rules == nullptr) return slice{};
    if (same_objects(*t.rules, to)) return slice::borrowed(in);
    auto moved = transcode(*t.rules, to, in);
    if (moved.empty()) return std::nullopt;
    return moved;
}

/// A draft without the code gets the nearest that it has.
MOQRTC_INLINE reset_code relay::code_for(const peer& p, reset_code code) const noexcept {
    const auto& rules = p.session.rules();
    if (in_draft(rules, code)) return code;
    return code == reset_code::too_far_behind ? reset_code::delivery_timeout
                                              : reset_code::cancelled;
}

} // namespace moqrtc::moqt
