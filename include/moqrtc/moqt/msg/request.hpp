#pragma once

#include <moqrtc/moqt/message.hpp>
#include <moqrtc/moqt/params_codec.hpp>

/// Pieces that many requests and answers share.
namespace moqrtc::moqt::msg {

/// Request ID and, in draft 17, half the distance to a request that must be delivered before, 0 for
/// none. That the distance does not exceed the Request ID is the session's check, which closes
/// with a code of its own (anchor `required-request-id`).
template <class Io, class M>
constexpr void describe_request_head(Io& io, M& m) {
    io.varint("request_id", m.request_id);
    io.varint_if(io.rules().required_request_delta, "required_request_id_delta",
                 m.required_request_id_delta);
}

/// Answers name their request only where they do not travel on its stream.
template <class Io, class M>
constexpr void describe_answered_request(Io& io, M& m) {
    if (!io.rules().request_streams) io.varint("request_id", m.request_id);
}

/// A track's namespace and name, together at most `limits::full_track_name` bytes.
template <class Io, class M>
constexpr void describe_full_track_name(Io& io, M& m) {
    describe_namespace(io, "track_namespace", m.track_namespace,
                       io.rules().empty_namespace ? 0 : 1);
    io.blob("track_name", m.track_name, limits::full_track_name);
    io.check(m.track_namespace.content_size() + m.track_name.size() <= limits::full_track_name,
             "track_name", errc::limit);
}

} // namespace moqrtc::moqt::msg
