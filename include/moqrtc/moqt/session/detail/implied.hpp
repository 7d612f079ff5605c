#pragma once

#include <moqrtc/moqt/session/session.hpp>

/// Drafts without NAMESPACE messages (`namespace_messages`): SUBSCRIBE_NAMESPACE is answered with
/// PUBLISH_NAMESPACE requests in the other direction. The session sends and accepts those by
/// itself, and tells its application the same as in later drafts.
///
/// Spec    moq-transport 14 and 15, anchor `track-discovery`.
namespace moqrtc::moqt {

MOQRTC_INLINE detail::request* session::find_namespace(const track_namespace& space,
                                                       request_kind kind, bool ours) noexcept {
    request* found = nullptr;
    request_ids_.for_each([&](std::uint64_t, std::uint32_t slot) {
        auto& r = requests_[slot];
        if (r.kind == kind && r.ours == ours && r.name.space == space) found = &r;
    });
    return found;
}

/// Our SUBSCRIBE_NAMESPACE that a PUBLISH_NAMESPACE of the peer answers, or null.
MOQRTC_INLINE detail::request* session::discovery_of(const request& offered) noexcept {
    request* found = nullptr;
    if (rules_->namespace_messages) return found;
    request_ids_.for_each([&](std::uint64_t, std::uint32_t slot) {
        auto& r = requests_[slot];
        if (r.kind == request_kind::subscribe_namespace && r.ours &&
            r.name.space.is_prefix_of(offered.name.space))
            found = &r;
    });
    return found;
}

/// `namespace_added` or `namespace_removed` with the message that later drafts have for it.
MOQRTC_INLINE void session::tell_namespace(event::kind what, const request& discovery,
                                           const track_namespace& space) {
    const auto suffix = space.suffix(discovery.name.space.count());
    const msg::namespace_message m{suffix.view()};
    std::vector<std::byte> body(wire_size(*rules_, m));
    if (!serialize(*rules_, m, body)) return close(close_code::internal_error, "namespace");
    (void)emit(what, &discovery, body);
}

/// Publishes a namespace that the application announced; later, when the peer lets us.
MOQRTC_INLINE void session::announce_implied(instant now, const track_namespace& space) {
    if (find_namespace(space, request_kind::publish_namespace, true) != nullptr) return;
    if (const auto id = publish_namespace(now, space))
        find_request(*id)->implied = true;
    else if (!closed_ && !goaway_received_)
        unannounced_.push_back(space);
}

MOQRTC_INLINE void session::announce_waiting(instant now) {
    const auto waiting = std::exchange(unannounced_, {});
    for (const auto& space : waiting)
        announce_implied(now, space);
}

MOQRTC_INLINE void session::withdraw_implied(instant now, const track_namespace& space) {
    std::erase(unannounced_, space);
    if (auto* r = find_namespace(space, request_kind::publish_namespace, true);
        r != nullptr && r->implied)
        (void)cancel(now, r->id);
}

} // namespace moqrtc::moqt
