#pragma once

#include <moqrtc/moqt/session/session.hpp>

/// REQUEST_UPDATE, SUBSCRIBE_UPDATE up to draft 15: ours and the peer's.
namespace moqrtc::moqt {

MOQRTC_INLINE result<request_id> session::update(instant now, request_id id,
                                                 const message_params& params) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    const bool subscriber = r->is_subscription() && !r->subscription.publisher;
    if ((!r->ours && !subscriber) || r->phase == request::state::done)
        return fail(errc::bad_state, "request_update");
    if (!subscriber && !rules_->update_all_requests)
        return fail(errc::not_in_draft, "request_update");
    auto told = params;
    if (rules_->updates_only_narrow) {
        const auto& sub = r->subscription;
        // Where a filter relative to the largest object starts is not known before the answer.
        const bool relative = sub.filter && sub.filter->type < filter_type::absolute_start;
        if (relative && r->phase == request::state::pending)
            return fail(errc::bad_state, "request_update");
        if (rules_->fixed_request_fields) {
            detail::fill_fields(sub, told);
            told.group_order.reset();
        }
        if (!detail::narrows(*rules_, sub, told))
            return fail(errc::bad_value, "subscription_filter");
    }
    const auto next = next_request();
    if (!next) return next;
    if (peer_update_limit_ != 0 && r->updates_out.size() >= peer_update_limit_)
        return fail(errc::limit, "max_request_updates");
    if (const auto may = check_filters(params); !may) return std::unexpected(may.error());
    if (params.track_namespace_prefix) {
        auto wanted = std::exchange(r->name.space, track_namespace{*params.track_namespace_prefix});
        if (check_prefix(*r)) {
            r->name.space = std::move(wanted);
            return fail(errc::duplicate, "track_namespace_prefix");
        }
    }
    msg::request_update m{*next, id, told};
    message_params inside;
    if (params.fill.has_value()) {
        inside = fill_to_ask(params, r->subscription.effective_order());
        m.params.fill = fill_parameters{inside};
    }
    if (const auto sent = send_on(*r, m); !sent) return std::unexpected(sent.error());
    next_request_id_ += 2;
    if (params.fill.has_value()) expect_fill(*r, *next, *inside.group_order);
    if (subscriber) apply_params(r->subscription, params);
    if (!rules_->unified_errors) { // nobody answers, it always succeeds
        emit(event::kind::update_accepted, r).update_id = *next;
        return next;
    }
    r->updates_out.push_back(*next);
    updates_out_.set(*next, request_ids_.find(id));
    (void)now;
    return next;
}

/// Anchor `message-request-update`.
MOQRTC_INLINE void session::on_update(instant now, request* on, bytes body) {
    const auto m = parse<msg::request_update>(*rules_, body);
    if (!m) return fail_codec(m.error());
    if (!take_request_id(now, m->request_id)) return;
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
        if (!rules_->unified_errors) return grow_credit();
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
    if (!rules_->update_all_requests && !r->is_subscription())
        return close(close_code::protocol_violation, "SUBSCRIBE_UPDATE of no subscription");
    auto params = m->params;
    if (rules_->updates_only_narrow && r->subscription.publisher) {
        if (!detail::narrows(*rules_, r->subscription, params))
            return close(close_code::protocol_violation, "SUBSCRIBE_UPDATE widens");
        // A filter that is there because it is a field does not replace the one it repeats.
        if (rules_->fixed_request_fields && detail::repeats(r->subscription, params))
            params.subscription_filter.reset();
    }
    auto refused = apply_tokens(params.authorization_tokens);
    if (closed_) return;
    if (overdue_) refused = request_error_code::timeout;
    const auto id = r->id;
    updates_in_.set(m->request_id, request_ids_.find(id));
    r->updates_in.push_back(m->request_id);
    const auto refuse = [&](request_error_code code) {
        r->updates_refused.emplace_back(m->request_id, code);
        refuse_updates(now, id);
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
    if (const auto invalid = take_filters(r->subscription, params.range_filters))
        return refuse(*invalid);
    if (r->is_subscription() && r->subscription.publisher) {
        auto& sub = r->subscription;
        const auto was_priority = sub.subscriber_priority;
        apply_params(sub, params);
        r->moves_start = r->moves_start || params.subscription_filter.has_value();
        if (const auto invalid = note_fill(*r, m->request_id, params)) return refuse(*invalid);
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

/// Answers go in the order of the updates, so that one that the session itself refuses waits.
MOQRTC_INLINE void session::refuse_updates(instant now, request_id id) {
    for (auto* r = find_request(id); r != nullptr && !r->updates_refused.empty();
         r = find_request(id)) {
        const auto [update, code] = r->updates_refused.front();
        if (rules_->request_streams && r->updates_in.front() != update) return;
        r->updates_refused.erase(r->updates_refused.begin());
        if (!reject_update(now, update, code, to_string(code)))
            return close(close_code::internal_error, "REQUEST_ERROR does not fit");
    }
}

} // namespace moqrtc::moqt
