#pragma once

#include "rows.hpp"

namespace moqrtc::conformance {

/// A FETCH of groups 3 and 4 of a track whose largest object we said is 10:5, on its way to us.
struct fetching {
    feed of{};
    request asked{};            ///< our own FETCH, where the peer is a relay
    moqt::stream_id stream = 0; ///< of the peer's FETCH
    moqt::request_id id = 0;
    moqt::location start{};
    bool descending = false;
};
[[nodiscard]] task<fetching> fetches(stage& s, feed_options options = {},
                                     moqt::message_params asked = {});
/// The same of a track that nobody has subscribed to: the relay knows nothing of it.
[[nodiscard]] task<fetching> fetches_the_unknown(stage& s);
/// FETCH_OK, and a stream with these entries.
void accept_fetch(const fetching& f, octets objects, const char* note, bool fin);
/// One entry of a fetch stream by its flags: the fields that they announce.
inline raw& entry(raw& out, std::uint64_t flags, std::uint64_t group, std::uint64_t object,
                  std::string_view payload = "x") {
    if (out.rules().fetch_objects == moqt::fetch_form::plain)
        return out.v(group).v(0).v(object).u8(128).v(0).blob(payload);
    out.v(flags);
    if ((flags & 0x08) != 0) out.v(group);
    if ((flags & 0x03) == 0x03) out.v(0);
    if ((flags & 0x04) != 0) out.v(object);
    if ((flags & 0x10) != 0) out.u8(128);
    return out.blob(payload);
}
/// An entry that says that an object does not exist, as it stands first in a stream.
inline raw& absent(raw& out, std::uint64_t group, std::uint64_t object) {
    if (!out.rules().object_does_not_exist) return out.v(0x8c).v(group).v(object);
    return entry(out, 0x1c, group, object, "").v(0x1);
}
/// Cancels a FETCH of ours as the draft has it.
inline void cancels(side& at, const request& r) {
    if (!at.rules().request_streams)
        return at.send_message(at.control, moqt::msg::fetch_cancel{r.id});
    at.stop(r.stream, to_wire(at.rules(), moqt::reset_code::cancelled));
    at.reset(r.stream, to_wire(at.rules(), moqt::reset_code::cancelled));
}
/// A row of two chapters: in some drafts the rule is for fetches alone.
[[nodiscard]] task<verdict> fetched_priority_changes(stage& s);

} // namespace moqrtc::conformance
