#pragma once

#include <moqrtc/moqt/session/session.hpp>

/// Requests of the peer: admission by the session's own rules, updates, ends.
namespace moqrtc::moqt {

template <class M>
void session::on_request(instant now, request_kind kind, const M& message, bytes body,
                         std::uint32_t in) {
    if (!take_request_id(message.request_id)) return;
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
    // Draft 18: what comes after our GOAWAY is refused; before, the peer was only asked not to.
    if (goaway_sent_ && rules_->goaway_request) refused = request_error_code::going_away;
    if (request_ids_.size() > config_.max_requests * 2 && !refused)
        refused = request_error_code::excessive_load;
    auto kept = keep(body);
    if (!refused && kept.size() != body.size()) refused = request_error_code::excessive_load;
    if (refused) {
        if (!reject(now, message.request_id, *refused, to_string(*refused)))
            close(close_code::internal_error, "REQUEST_ERROR does not fit");
        return;
    }
    emit(event::kind::requested, &r).message = std::move(kept);
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
    if (!rules_->several_subscriptions && sending_.contains(r.name))
        return request_error_code::duplicate_subscription;
    sending_.emplace(r.name, r.id);
    return {};
}

MOQRTC_INLINE std::optional<request_error_code> session::admit(request& r, const msg::publish& m) {
    r.name = detail::owned_name(m.track_namespace, m.track_name);
    r.subscription.by_publish = true;
    r.subscription.alias = m.track_alias;
    r.subscription.largest = m.params.largest_object;
    apply_params(r.subscription, m.params);
    const auto properties = read_track_properties(*rules_, m.properties);
    if (properties) r.subscription.properties = *properties;
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
    if (rules_->joining_by_forward && !sub.forward) return request_error_code::invalid_range;
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

/// Anchor `message-request-update`.
MOQRTC_INLINE void session::on_update(instant now, request* on, bytes body) {
    const auto m = parse<msg::request_update>(*rules_, body);
    if (!m) return fail_codec(m.error());
    if (!take_request_id(m->request_id)) return;
    auto* r = on != nullptr ? on : find_request(m->existing_request_id);
    const auto known = [&] {
        // In drafts with one control stream an update may cross the end of its request.
        return on != nullptr ||
               m->existing_request_id < std::max(next_request_id_, next_peer_request_id_);
    };
    if (r == nullptr) {
        if (!known() || !rules_->request_credit)
            return close(close_code::protocol_violation, "REQUEST_UPDATE of no request");
        ++peer_requests_ended_;
        const msg::request_error no_request{m->request_id,
                                            to_wire(*rules_, request_error_code::does_not_exist)};
        if (auto encoded = encode(no_request)) queue(out_[control_out_], std::move(*encoded));
        return;
    }
    const bool by_subscriber = r->ours && r->kind == request_kind::publish;
    if (r->ours && !by_subscriber)
        return close(close_code::protocol_violation, "REQUEST_UPDATE of the other side's request");
    if (r->kind == request_kind::track_status && rules_->request_streams)
        return close(close_code::protocol_violation, "REQUEST_UPDATE of TRACK_STATUS");
    const auto where =
        r->is_subscription()             ? carrier::subscription_update
        : r->kind == request_kind::fetch ? carrier::fetch_update | carrier::other_update
        : r->kind == request_kind::subscribe_namespace
            ? carrier::tracks_update | carrier::other_update
        : r->kind == request_kind::subscribe_tracks
            ? carrier::tracks_update | carrier::subscribe_tracks_update | carrier::other_update
            : carrier::other_update;
    if (r->kind == request_kind::publish && !r->ours) {
        // The publisher's own update of a PUBLISH: it may change nothing that is the subscriber's.
        if (misplaced_parameter(*rules_, m->params, carrier::other_update) != nullptr)
            return close(close_code::protocol_violation, "parameter of the subscriber");
    } else if (misplaced_parameter(*rules_, m->params, where) != nullptr) {
        return close(close_code::protocol_violation, "parameter in REQUEST_UPDATE");
    }
    if (rules_->range_filters && config_.max_request_updates != 0 &&
        r->updates_in.size() >= config_.max_request_updates)
        return close(close_code::too_many_request_updates, "REQUEST_UPDATEs without an answer");
    const auto refused = apply_tokens(m->params.authorization_tokens);
    if (closed_) return;
    const auto id = r->id;
    updates_in_.set(m->request_id, request_ids_.find(id));
    r->updates_in.push_back(m->request_id);
    const auto refuse = [&](request_error_code code) {
        if (!reject_update(now, m->request_id, code, to_string(code)))
            close(close_code::internal_error, "REQUEST_ERROR does not fit");
    };
    if (refused) return refuse(*refused);
    if (m->params.track_namespace_prefix) {
        const auto before =
            std::exchange(r->name.space, track_namespace{*m->params.track_namespace_prefix});
        if (const auto overlap = check_prefix(*r)) {
            r->name.space = before;
            return refuse(*overlap);
        }
    }
    if (const auto invalid = take_filters(r->subscription, m->params.range_filters))
        return refuse(*invalid);
    if (r->is_subscription() && r->subscription.publisher) {
        auto& sub = r->subscription;
        const auto was_priority = sub.subscriber_priority;
        apply_params(sub, m->params);
        r->moves_start = r->moves_start || m->params.subscription_filter.has_value();
        if (const auto invalid = note_fill(*r, m->request_id, m->params)) return refuse(*invalid);
        if (was_priority != sub.subscriber_priority)
            for (auto slot = r->first_stream; slot != no_slot; slot = out_[slot].next_stream) {
                if (out_[slot].is_fill) continue;
                auto rank = out_[slot].rank;
                rank.priorities = (rank.priorities & ~0xff00u) |
                                  static_cast<std::uint32_t>(sub.subscriber_priority) << 8;
                rerank(slot, rank);
            }
        reset_unwanted_streams(now, *r);
        r = find_request(id);
        if (r == nullptr) return; // PUBLISH_DONE waited for these streams alone
    }
    emit(event::kind::update_requested, r, body).update_id = m->request_id;
}

/// UNSUBSCRIBE, FETCH_CANCEL, a cancelled request stream: the peer wants no more of it.
MOQRTC_INLINE void session::on_peer_cancel(instant now, request& r, reset_code code) {
    auto& e = emit(event::kind::cancelled, &r);
    e.by_peer = true;
    e.reset = code;
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
