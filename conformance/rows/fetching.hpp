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
/// A row of two chapters: in some drafts the rule is for fetches alone.
[[nodiscard]] task<verdict> fetched_priority_changes(stage& s);

} // namespace moqrtc::conformance
