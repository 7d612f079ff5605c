#pragma once

#include <moqrtc/moqt/session/detail/updates.hpp>
#include <moqrtc/moqt/session/session.hpp>

/// Our answers to the peer's requests.
namespace moqrtc::moqt {

namespace detail {

/// Finds the pending request of the peer that an answer is for.
[[nodiscard]] MOQRTC_INLINE result<request*> answerable(request* r, request_kind kind) noexcept {
    if (r == nullptr) return fail(errc::not_found, "request_id");
    if (r->ours || r->phase != request::state::pending) return fail(errc::bad_state, "request_id");
    if (kind != request_kind::none && r->kind != kind) return fail(errc::bad_state, "request kind");
    return r;
}

} // namespace detail

/// The OK of draft 14 has a type for each kind of request.
MOQRTC_INLINE result<void> session::send_ok(request& r, const msg::request_ok& message, bool fin) {
    if (rules_->unified_errors) return send_on(r, message, fin);
    switch (r.kind) {
    case request_kind::publish_namespace:
        return send_on(r, msg::publish_namespace_ok{message}, fin);
    case request_kind::subscribe_namespace:
        return send_on(r, msg::subscribe_namespace_ok{message}, fin);
    default:
        return send_on(r, msg::track_status_ok{{message}}, fin);
    }
}

/// So has its error.
MOQRTC_INLINE result<void> session::send_error(request& r, const msg::request_error& message,
                                               bool fin) {
    if (rules_->unified_errors) return send_on(r, message, fin);
    switch (r.kind) {
    case request_kind::publish:
        return send_on(r, msg::publish_error{message}, fin);
    case request_kind::fetch:
        return send_on(r, msg::fetch_error{message}, fin);
    case request_kind::track_status:
        return send_on(r, msg::track_status_error{message}, fin);
    case request_kind::publish_namespace:
        return send_on(r, msg::publish_namespace_error{message}, fin);
    case request_kind::subscribe_namespace:
        return send_on(r, msg::subscribe_namespace_error{message}, fin);
    default:
        return send_on(r, msg::subscribe_error{message}, fin);
    }
}

MOQRTC_INLINE result<void> session::accept_subscribe(instant, request_id id, track_alias alias,
                                                     const message_params& params,
                                                     bytes properties) {
    const auto found = detail::answerable(open_request(id), request_kind::subscribe);
    if (!found) return std::unexpected(found.error());
    auto& r = **found;
    const auto known = read_track_properties(*rules_, properties);
    if (!known) return std::unexpected(known.error());
    if (!alias_is_free(alias, r.name)) return fail(errc::duplicate, "track_alias");
    auto told = params;
    if (!rules_->track_properties) say_in_params(*rules_, *known, carrier::subscribe_ok, told);
    if (rules_->fixed_request_fields)
        told.group_order = r.subscription.order.value_or(known->default_publisher_group_order);
    const msg::subscribe_ok ok{id, alias, told, rules_->track_properties ? properties : bytes{}};
    if (auto sent = send_on(r, ok); !sent) return sent;
    r.phase = request::state::established;
    r.subscription.alias = alias;
    own_aliases_.add(alias, request_ids_.find(id));
    r.subscription.largest = params.largest_object;
    r.subscription.properties = *known;
    r.subscription.resolve();
    settle_fill(r, id, params.largest_object);
    return {};
}

MOQRTC_INLINE result<void> session::accept_publish(instant now, request_id id,
                                                   const message_params& params) {
    const auto found = detail::answerable(open_request(id), request_kind::publish);
    if (!found) return std::unexpected(found.error());
    auto& r = **found;
    auto told = params;
    if (rules_->fixed_request_fields) detail::fill_fields(r.subscription, told);
    // Our own SUBSCRIBE for the track, still without an answer, ends first (anchor
    // `subscriptions`).
    const auto other = receiving_.find(r.name);
    if (other != receiving_.end() && other->second != id && !rules_->several_subscriptions) {
        const auto mine = other->second;
        if (auto sent = encode(msg::publish_ok{id, told});
            !rules_->publish_ok_is_request_ok && !sent)
            return std::unexpected(sent.error());
        (void)emit(event::kind::cancelled, find_request(mine));
        if (auto ended = cancel(now, mine); !ended) return ended;
    }
    if (!rules_->publish_ok_settings) {
        told = {};
        told.expires = params.expires;
    }
    auto sent = rules_->publish_ok_is_request_ok ? send_on(r, msg::request_ok{id, told, {}})
                                                 : send_on(r, msg::publish_ok{id, told});
    if (!sent) return sent;
    r.phase = request::state::established;
    receiving_[r.name] = id;
    if (rules_->publish_ok_settings) {
        apply_params(r.subscription, params);
        return take_filters(r.subscription, params.range_filters)
                   ? result<void>{fail(errc::bad_value, "range_filter")}
                   : result<void>{};
    }
    // What is to be other than the publisher has it follows in an update.
    auto changed = params;
    const auto& sub = r.subscription;
    changed.expires.reset();
    if (changed.forward == sub.forward) changed.forward.reset();
    if (changed.subscriber_priority == sub.subscriber_priority) changed.subscriber_priority.reset();
    if (changed.subscription_filter == sub.filter) changed.subscription_filter.reset();
    std::size_t count = 0;
    message_params::for_each(
        changed, [&](parameter, auto& member) { count += detail::occurrences(member); });
    if (count == 0) return {};
    if (const auto asked = update(now, id, changed); !asked) return std::unexpected(asked.error());
    return {};
}

MOQRTC_INLINE result<void> session::accept_fetch(instant, request_id id, location end,
                                                 bool end_of_track, const message_params& params,
                                                 bytes properties) {
    const auto found = detail::answerable(open_request(id), request_kind::fetch);
    if (!found) return std::unexpected(found.error());
    auto& r = **found;
    auto told = params;
    if (!rules_->track_properties) {
        const auto known = read_track_properties(*rules_, properties);
        if (!known) return std::unexpected(known.error());
        say_in_params(*rules_, *known, carrier::fetch_ok, told);
        properties = {};
    }
    if (rules_->fixed_request_fields) told.group_order = r.fetch_order;
    const msg::fetch_ok ok{id, static_cast<std::uint8_t>(end_of_track), end, told, properties};
    if (auto sent = send_on(r, ok, r.fetch_finished); !sent) return sent;
    r.phase = request::state::established;
    if (r.fetch_finished) end_request(instant{}, id);
    return {};
}

MOQRTC_INLINE result<void> session::accept(instant now, request_id id, const message_params& params,
                                           bytes properties) {
    const auto found = detail::answerable(open_request(id), request_kind::none);
    if (!found) return std::unexpected(found.error());
    auto& r = **found;
    if (r.kind == request_kind::subscribe || r.kind == request_kind::publish ||
        r.kind == request_kind::fetch)
        return fail(errc::bad_state, "request kind");
    const bool status = r.kind == request_kind::track_status;
    if (!properties.empty() && !status) return fail(errc::bad_value, "track_properties");
    const auto where = status                                      ? carrier::track_status_ok
                       : r.kind == request_kind::publish_namespace ? carrier::publish_namespace_ok
                       : r.kind == request_kind::subscribe_namespace
                           ? carrier::subscribe_namespace_ok
                           : carrier::subscribe_tracks_ok;
    if (const auto* field = misplaced_parameter(*rules_, params, where))
        return fail(errc::not_in_draft, field);
    auto told = params;
    if (status && !rules_->track_properties) {
        const auto known = read_track_properties(*rules_, properties);
        if (!known) return std::unexpected(known.error());
        say_in_params(*rules_, *known, where, told);
        properties = {};
    }
    if (auto sent = send_ok(r, msg::request_ok{id, told, properties}, status); !sent) return sent;
    r.phase = request::state::established;
    if (status) end_request(now, id);
    return {};
}

MOQRTC_INLINE result<void> session::reject(instant now, request_id id, request_error_code code,
                                           std::string_view reason,
                                           std::optional<duration> retry_after,
                                           const msg::redirect* target) {
    const auto found = detail::answerable(open_request(id), request_kind::none);
    if (!found) return std::unexpected(found.error());
    auto& r = **found;
    if (target != nullptr && !rules_->redirect) return fail(errc::not_in_draft, "redirect");
    if ((code == request_error_code::redirect && rules_->redirect) != (target != nullptr))
        return fail(errc::bad_value, "redirect");
    msg::request_error m{id, error_number(*rules_, code, registry_of(r.kind))};
    m.reason = as_bytes(reason.substr(0, limits::reason_phrase));
    if (target != nullptr) m.target = *target;
    if (retry_after && rules_->retry_interval)
        m.retry_interval =
            static_cast<std::uint64_t>(std::max<std::int64_t>(retry_after->ms(), 0)) + 1;
    if (auto sent = send_error(r, m, true); !sent) return sent;
    // Data streams that already came for a refused PUBLISH are not wanted.
    stop_data_streams(r, reset_code::cancelled);
    end_request(now, id);
    return {};
}

MOQRTC_INLINE result<void> session::accept_update(instant now, request_id update_id,
                                                  const message_params& params) {
    const auto slot = updates_in_.find(update_id);
    if (slot == id_map::none || closed_) return fail(errc::not_found, "update_id");
    auto& r = requests_[slot];
    if (rules_->request_streams && r.updates_in.front() != update_id)
        return fail(errc::bad_state, "an earlier update has no answer");
    if (rules_->unified_errors) { // before, an update has no answer
        if (const auto* field = misplaced_parameter(*rules_, params, carrier::update_ok))
            return fail(errc::not_in_draft, field);
        if (auto sent = send_on(r, msg::request_ok{update_id, params, {}}); !sent) return sent;
    }
    std::erase(r.updates_in, update_id);
    updates_in_.erase(update_id);
    ++peer_requests_ended_;
    if (r.is_subscription()) {
        settle_fill(r, update_id,
                    params.largest_object ? params.largest_object : r.subscription.largest);
        // A filter is resolved once, when its message is processed (anchor `location-filters`).
        if (params.largest_object && (!rules_->fill || r.moves_start)) {
            r.subscription.largest = params.largest_object;
            r.subscription.resolve();
        }
        r.moves_start = false;
    }
    grow_credit();
    if (!r.updates_refused.empty()) refuse_updates(now, r.id);
    return {};
}

/// REQUEST_ERROR for one update, and nothing of what follows from it.
MOQRTC_INLINE result<void> session::send_refusal(request& r, request_id update_id,
                                                 request_error_code code, std::string_view reason) {
    msg::request_error m{update_id, to_wire(*rules_, code)};
    m.reason = as_bytes(reason.substr(0, limits::reason_phrase));
    if (rules_->unified_errors)
        if (auto sent = send_on(r, m); !sent) return sent;
    std::erase(r.updates_in, update_id);
    updates_in_.erase(update_id);
    std::erase_if(r.fills, [&](const auto& f) { return f.fill.id == update_id; });
    ++peer_requests_ended_;
    return {};
}

MOQRTC_INLINE result<void> session::reject_update(instant now, request_id update_id,
                                                  request_error_code code,
                                                  std::string_view reason) {
    const auto slot = updates_in_.find(update_id);
    if (slot == id_map::none || closed_) return fail(errc::not_found, "update_id");
    auto& r = requests_[slot];
    if (rules_->request_streams && r.updates_in.front() != update_id)
        return fail(errc::bad_state, "an earlier update has no answer");
    if (auto sent = send_refusal(r, update_id, code, reason); !sent) return sent;
    // Those behind it that wait for their refusal get it before the request ends.
    while (!r.updates_refused.empty() && r.updates_in.front() == r.updates_refused.front().first) {
        const auto [next, why] = r.updates_refused.front();
        r.updates_refused.erase(r.updates_refused.begin());
        if (auto sent = send_refusal(r, next, why, to_string(why)); !sent) return sent;
    }
    if (r.is_subscription() && r.subscription.publisher) {
        if (r.phase == request::state::established)
            return publish_done(now, r.id, publish_done_code::update_failed, reason);
    } else if (rules_->request_streams && r.kind == request_kind::fetch) {
        // A fetch loses its data stream, a namespace request its own (anchor
        // `message-request-update`). The peer's half ends with ours: STOP_SENDING could overtake
        // the REQUEST_ERROR.
        reset_data_streams(now, r, reset_code::cancelled);
    } else if (rules_->request_streams) {
        if (const auto out = out_ids_.find(r.stream); out != id_map::none) finish_out(now, out);
        (void)emit(event::kind::cancelled, &r);
        end_request(now, r.id);
    }
    return {};
}

MOQRTC_INLINE result<void> session::announce_namespace(instant now, request_id id,
                                                       const track_namespace& suffix) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    if (r->ours || r->kind != request_kind::subscribe_namespace ||
        r->phase != request::state::established)
        return fail(errc::bad_state, "namespace");
    if (r->suffixes.contains(suffix.key())) return fail(errc::duplicate, "namespace");
    if (!rules_->namespace_messages) {
        r->suffixes.insert(suffix.key());
        announce_implied(now, r->name.space.joined(suffix.view()));
        return {};
    }
    if (auto sent = send_on(*r, msg::namespace_message{suffix.view()}); !sent) return sent;
    r->suffixes.insert(suffix.key());
    return {};
}

MOQRTC_INLINE result<void> session::withdraw_namespace(instant now, request_id id,
                                                       const track_namespace& suffix) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    if (!r->suffixes.contains(suffix.key())) return fail(errc::bad_state, "namespace");
    if (!rules_->namespace_messages) {
        r->suffixes.erase(suffix.key());
        withdraw_implied(now, r->name.space.joined(suffix.view()));
        return {};
    }
    if (auto sent = send_on(*r, msg::namespace_done{suffix.view()}); !sent) return sent;
    r->suffixes.erase(suffix.key());
    return {};
}

MOQRTC_INLINE result<void> session::publish_blocked(instant, request_id id,
                                                    const track_namespace& suffix,
                                                    std::string_view track_name) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    if (!rules_->publish_blocked) return fail(errc::not_in_draft, "publish_blocked");
    const auto kind = rules_->subscribe_tracks ? request_kind::subscribe_tracks
                                               : request_kind::subscribe_namespace;
    if (r->ours || r->kind != kind || r->phase != request::state::established)
        return fail(errc::bad_state, "publish_blocked");
    return send_on(*r, msg::publish_blocked{suffix.view(), as_bytes(track_name)});
}

} // namespace moqrtc::moqt
