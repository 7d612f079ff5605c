#pragma once

#include <moqrtc/moqt/session/session.hpp>

/// Requests of the peer: admission by the session's own rules, ends.
namespace moqrtc::moqt {

template <class M>
void session::on_request(instant now, request_kind kind, const M& message, bytes body,
                         std::uint32_t in) {
    if (!take_request_id(now, message.request_id)) return;
    const auto slot = add_request(message.request_id, kind, false);
    auto& r = requests_[slot];
    if (in != no_slot) {
        r.own_stream = true;
        r.stream = in_[in].id;
        in_[in].request = slot;
        out_[out_ids_.find(r.stream)].owner = &r;
    }
    const auto refused_tokens = apply_tokens(message.params.authorization_tokens);
    if (closed_) return;
    auto refused = admit(r, message);
    if (closed_) return;
    if (!refused) refused = take_filters(r.subscription, message.params.range_filters);
    if (!refused && r.kind == request_kind::subscribe)
        refused = note_fill(r, message.request_id, message.params);
    if (!refused) refused = refused_tokens;
    if (overdue_) refused = request_error_code::timeout;
    // Draft 18: what comes after our GOAWAY is refused; before, the peer was only asked not to.
    if (goaway_sent_ && rules_->goaway_request) refused = request_error_code::going_away;
    if (request_ids_.size() > config_.max_requests * 2 && !refused)
        refused = request_error_code::excessive_load;
    auto kept = keep(body);
    if (!refused && kept.size() != body.size()) refused = request_error_code::excessive_load;
    if (refused) {
        if (!reject(now, message.request_id, *refused, to_string(*refused)))
            close(close_code::internal_error, "REQUEST_ERROR does not fit");
        return release_dependents(now);
    }
    if constexpr (std::is_same_v<M, msg::publish_namespace>) {
        if (const auto* discovery = discovery_of(r)) {
            r.implied = true;
            tell_namespace(event::kind::namespace_added, *discovery, r.name.space);
            (void)accept(now, r.id);
            return;
        }
    }
    auto& e = emit(event::kind::requested, &r);
    e.message = std::move(kept);
    if constexpr (std::is_same_v<M, msg::publish>)
        tell_properties(e, message.params, message.properties);
    release_dependents(now);
}

namespace detail {

[[nodiscard]] MOQRTC_INLINE full_track_name owned_name(const namespace_view& space, bytes name) {
    return {track_namespace{space}, std::string{as_text(name)}};
}

} // namespace detail

/// Anchor `session-namespace`: what starts with "." is not the application's to publish.
MOQRTC_INLINE std::optional<request_error_code> session::check_reserved(const request& r,
                                                                        bool is_track) const {
    if (!rules_->reserved_namespaces || r.name.space.empty()) return {};
    const auto first = as_text(*r.name.space.view().fields().next());
    if (first == ".") return request_error_code::does_not_exist;
    // The session itself publishes nothing under ".session", so every name there is unknown.
    if (first == ".session" && (is_track || r.kind != request_kind::none))
        return request_error_code::does_not_exist;
    return {};
}

MOQRTC_INLINE std::optional<request_error_code> session::admit(request& r,
                                                               const msg::subscribe& m) {
    r.name = detail::owned_name(m.track_namespace, m.track_name);
    r.subscription.publisher = true;
    apply_params(r.subscription, m.params);
    if (const auto refused = check_reserved(r, true)) return refused;
    if (!rules_->several_subscriptions && sending_.contains(r.name)) {
        const auto* other = find_request(sending_.at(r.name));
        if (!in_draft(*rules_, request_error_code::duplicate_subscription) && other != nullptr &&
            !other->ours)
            close(close_code::protocol_violation, "second SUBSCRIBE for a track");
        return request_error_code::duplicate_subscription;
    }
    sending_.emplace(r.name, r.id);
    return {};
}

MOQRTC_INLINE std::optional<request_error_code> session::admit(request& r, const msg::publish& m) {
    r.name = detail::owned_name(m.track_namespace, m.track_name);
    r.subscription.by_publish = true;
    r.subscription.alias = m.track_alias;
    r.subscription.largest = m.params.largest_object;
    apply_params(r.subscription, m.params);
    r.subscription.properties = known_properties(m.params, m.properties);
    r.subscription.resolve();
    if (const auto refused = check_reserved(r, true)) return refused;
    if (r.subscription.properties.unknown_mandatory)
        return request_error_code::unsupported_extension;
    const auto other = receiving_.find(r.name);
    if (other != receiving_.end() && !rules_->several_subscriptions) {
        // Our own SUBSCRIBE without an answer gives way when PUBLISH is accepted; everything else
        // is a second subscription (anchor `subscriptions`).
        const auto* mine = find_request(other->second);
        if (mine == nullptr || mine->by_peer_or_established())
            return request_error_code::duplicate_subscription;
    }
    if (rules_->fill) expect_fill_of(r);
    if (!bind_alias(r)) return {};
    receiving_.emplace(r.name, r.id);
    release_waiting(instant{}, r.subscription.alias);
    return {};
}

MOQRTC_INLINE std::optional<request_error_code> session::admit(request& r, const msg::fetch& m) {
    r.fetch_order = m.params.group_order.value_or(group_order::ascending);
    r.subscription.subscriber_priority = m.params.subscriber_priority.value_or(default_priority);
    // The start of a relative range is the application's to find.
    const auto wanted = m.wanted(*rules_);
    if (wanted.type == filter_type::absolute_start || wanted.has_end())
        r.fetch_start = wanted.start;
    if (m.type == msg::fetch_type::standalone) {
        r.name = detail::owned_name(m.track_namespace, m.track_name);
        return check_reserved(r, true);
    }
    auto* joined = find_request(m.joining_request_id);
    if (joined == nullptr || !joined->is_subscription() || !joined->subscription.publisher ||
        joined->phase == request::state::done ||
        (joined->ours && joined->phase == request::state::pending))
        return request_error_code::invalid_joining_request_id;
    const auto& sub = joined->subscription;
    r.name = joined->name;
    if (!rules_->joining_by_forward && sub.filter &&
        sub.filter->type != filter_type::largest_object) {
        close(close_code::protocol_violation, "joining FETCH needs the filter Largest Object");
        return {};
    }
    if (rules_->joining_by_forward && !sub.forward) {
        if (rules_->joining_closes)
            close(close_code::protocol_violation, "joining FETCH needs Forward State 1");
        return request_error_code::invalid_range;
    }
    if (joined->phase == request::state::established && !sub.largest)
        return request_error_code::invalid_range;
    return {};
}

MOQRTC_INLINE std::optional<request_error_code> session::admit(request& r,
                                                               const msg::track_status& m) {
    r.name = detail::owned_name(m.track_namespace, m.track_name);
    return check_reserved(r, true);
}

MOQRTC_INLINE std::optional<request_error_code> session::admit(request& r,
                                                               const msg::publish_namespace& m) {
    r.name.space = track_namespace{m.track_namespace};
    return check_reserved(r, false);
}

MOQRTC_INLINE std::optional<request_error_code> session::check_prefix(const request& r) const {
    std::optional<request_error_code> refused;
    if (config_.overlapping_prefixes) return refused;
    request_ids_.for_each([&](std::uint64_t id, std::uint32_t slot) {
        const auto& other = requests_[slot];
        if (id == r.id || other.kind != r.kind || other.ours != r.ours) return;
        if (other.name.space.is_prefix_of(r.name.space) ||
            r.name.space.is_prefix_of(other.name.space))
            refused = request_error_code::prefix_overlap;
    });
    return refused;
}

MOQRTC_INLINE std::optional<request_error_code> session::admit(request& r,
                                                               const msg::subscribe_namespace& m) {
    r.name.space = track_namespace{m.track_namespace_prefix};
    if (const auto refused = check_reserved(r, false)) return refused;
    return check_prefix(r);
}

MOQRTC_INLINE std::optional<request_error_code> session::admit(request& r,
                                                               const msg::subscribe_tracks& m) {
    r.name.space = track_namespace{m.track_namespace_prefix};
    if (const auto refused = check_reserved(r, false)) return refused;
    return check_prefix(r);
}

/// UNSUBSCRIBE, FETCH_CANCEL, a cancelled request stream: the peer wants no more of it.
MOQRTC_INLINE void session::on_peer_cancel(instant now, request& r, reset_code code) {
    if (r.implied) {
        if (const auto* discovery = r.ours ? nullptr : discovery_of(r))
            tell_namespace(event::kind::namespace_removed, *discovery, r.name.space);
        return drop_request(now, r, reset_code::cancelled);
    }
    auto& e = emit(event::kind::cancelled, &r);
    e.by_peer = true;
    e.reset = code;
    if (!rules_->namespace_messages && r.kind == request_kind::subscribe_namespace) {
        // What was published because of it is not asked for any more.
        const auto suffixes = std::exchange(r.suffixes, {});
        const auto prefix = r.name.space;
        const auto id = r.id;
        for (const auto& key : suffixes)
            withdraw_implied(now, track_namespace::from_key(prefix.key() + key));
        return drop_request(now, *find_request(id), reset_code::cancelled);
    }
    drop_request(now, r, reset_code::cancelled);
}

/// The peer's half of a request's own stream ended: FIN, RESET_STREAM or STOP_SENDING.
MOQRTC_INLINE void session::on_stream_end(instant now, request& r, bool reset, reset_code code) {
    if (reset) return on_peer_cancel(now, r, code);
    const bool discovery =
        r.kind == request_kind::subscribe_namespace || r.kind == request_kind::subscribe_tracks;
    if (!r.ours) {
        // FIN of a requester says that no update follows; for discovery it ends the request.
        if (discovery && rules_->fin_ends_discovery)
            return on_peer_cancel(now, r, reset_code::cancelled);
        if (discovery) return;
        if (r.phase == request::state::done) return end_request(now, r.id);
        if (r.kind == request_kind::publish && r.done_pending) return;
        if (r.kind == request_kind::publish) return on_peer_cancel(now, r, reset_code::cancelled);
        return;
    }
    if (r.phase == request::state::pending) {
        auto& e = emit(event::kind::rejected, &r);
        e.by_peer = true;
        const auto id = r.id;
        close_own_stream(now, r, reset_code::cancelled);
        return end_request(now, id);
    }
    if (r.kind == request_kind::track_status || (r.kind == request_kind::fetch)) return;
    if (r.is_subscription() && (r.done_pending || r.subscription.publisher)) return;
    on_peer_cancel(now, r, reset_code::cancelled);
}

} // namespace moqrtc::moqt
