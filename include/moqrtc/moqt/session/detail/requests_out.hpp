#pragma once

#include <moqrtc/moqt/session/session.hpp>

/// Our requests, and the life of every request.
namespace moqrtc::moqt {

MOQRTC_INLINE bool session::can_request() const noexcept {
    if (closed_ || goaway_received_) return false;
    if (rules_->request_streams) return credit_[0] > unopened_[0];
    return !rules_->request_credit || (established_ && next_request_id_ < peer_credit_);
}

MOQRTC_INLINE result<request_id> session::next_request() noexcept {
    if (closed_) return fail(errc::bad_state, "session");
    if (goaway_received_) return fail(errc::bad_state, "goaway");
    if (control_out_ == no_slot) return fail(errc::bad_state, "setup");
    if (!rules_->request_credit) return next_request_id_;
    if (!established_) return fail(errc::bad_state, "setup");
    if (next_request_id_ < peer_credit_) return next_request_id_;
    if (!blocked_told_) {
        blocked_told_ = true;
        if (auto encoded = encode(msg::requests_blocked{peer_credit_}))
            queue(out_[control_out_], std::move(*encoded));
    }
    return fail(errc::limit, "max_request_id");
}

MOQRTC_INLINE std::uint32_t session::add_request(request_id id, request_kind kind, bool ours) {
    const auto slot = requests_.take();
    auto& r = requests_[slot];
    r.id = id;
    r.kind = kind;
    r.ours = ours;
    request_ids_.set(id, slot);
    if (!ours) ++peer_requests_open_;
    return slot;
}

MOQRTC_INLINE detail::request* session::find_request(request_id id) noexcept {
    const auto slot = request_ids_.find(id);
    return slot == id_map::none ? nullptr : &requests_[slot];
}

MOQRTC_INLINE detail::request* session::open_request(request_id id) noexcept {
    return closed_ ? nullptr : find_request(id);
}

template <class M>
result<request_id> session::start_request(instant now, request_kind kind, M& message,
                                          full_track_name name) {
    const auto id = next_request();
    if (!id) return id;
    message.request_id = *id;
    auto encoded = encode(message);
    if (!encoded) return std::unexpected(encoded.error());
    next_request_id_ += 2;
    const auto slot = add_request(*id, kind, true);
    auto& r = requests_[slot];
    r.name = std::move(name);
    r.own_stream = rules_->request_streams ||
                   (rules_->namespace_streams && kind == request_kind::subscribe_namespace);
    auto out = control_out_;
    if (r.own_stream) {
        r.stream = next_local_id(false);
        out = add_out(r.stream, out_kind::request, send_rank::of(send_rank::level::request));
        out_[out].owner = &r;
        in_[add_in(r.stream, in_kind::request)].request = slot;
    }
    queue(out_[out], std::move(*encoded));
    (void)now;
    return id;
}

/// Takes over what a subscriber may set; absent parameters change nothing.
MOQRTC_INLINE void session::apply_params(subscription_state& s, const message_params& p) const {
    if (p.forward) s.forward = *p.forward;
    if (p.subscriber_priority) s.subscriber_priority = *p.subscriber_priority;
    if (p.subscription_filter) {
        s.filter = p.subscription_filter;
        if (s.filter->type == filter_type::everything) s.filter.reset();
    }
    if (p.group_order) s.order = p.group_order;
    if (p.object_delivery_timeout) s.object_delivery_timeout = *p.object_delivery_timeout;
    if (p.subgroup_delivery_timeout) s.subgroup_delivery_timeout = *p.subgroup_delivery_timeout;
    s.resolve();
}

MOQRTC_INLINE result<request_id> session::subscribe(instant now, const full_track_name& track,
                                                    const message_params& params) {
    if (!rules_->several_subscriptions && receiving_.contains(track))
        return fail(errc::duplicate, "track");
    if (const auto may = check_filters(params); !may) return std::unexpected(may.error());
    msg::subscribe m{0, track.space.view(), as_bytes(track.name), params};
    message_params inside;
    if (params.fill.has_value()) {
        inside = fill_to_ask(params, params.group_order.value_or(group_order::ascending));
        m.params.fill = fill_parameters{inside};
    }
    const auto id = start_request(now, request_kind::subscribe, m, track);
    if (!id) return id;
    auto& r = *find_request(*id);
    apply_params(r.subscription, params);
    if (params.fill.has_value()) expect_fill(r, *id, *inside.group_order);
    receiving_.emplace(track, *id);
    return id;
}

MOQRTC_INLINE result<request_id> session::publish(instant now, const full_track_name& track,
                                                  track_alias alias, const message_params& params,
                                                  bytes properties) {
    const auto known = read_track_properties(*rules_, properties);
    if (!known) return std::unexpected(known.error());
    if (!rules_->several_subscriptions && sending_.contains(track))
        return fail(errc::duplicate, "track");
    if (!alias_is_free(alias, track)) return fail(errc::duplicate, "track_alias");
    auto told = params;
    if (!rules_->track_properties) {
        say_in_params(*rules_, *known, carrier::publish, told);
        properties = {};
    }
    msg::publish m{0, track.space.view(), as_bytes(track.name), alias, told, properties};
    const auto id = start_request(now, request_kind::publish, m, track);
    if (!id) return id;
    auto& sub = find_request(*id)->subscription;
    sub.publisher = sub.by_publish = true;
    sub.alias = alias;
    sub.largest = params.largest_object;
    sub.properties = *known;
    apply_params(sub, params);
    sending_.emplace(track, *id);
    own_aliases_.add(alias, request_ids_.find(*id));
    return id;
}

/// Anchor `track-alias`: one alias may not stand for two tracks at once.
MOQRTC_INLINE bool session::alias_is_free(track_alias alias,
                                          const full_track_name& track) noexcept {
    const auto other = own_aliases_.find(alias);
    return other == id_map::none || requests_[other].name == track;
}

namespace detail {

/// The order of a FETCH that names none; in draft 14 a field that is 0 would ask for the track's.
[[nodiscard]] constexpr group_order order_of(const message_params& params) noexcept {
    return params.group_order.value_or(group_order::ascending);
}

} // namespace detail

MOQRTC_INLINE result<request_id> session::fetch(instant now, const full_track_name& track,
                                                location start, location end,
                                                const message_params& params) {
    if (end.group < start.group ||
        (end.group == start.group && end.object != 0 && end.object <= start.object))
        return fail(errc::bad_value, "end");
    msg::fetch m{.track_namespace = track.space.view(),
                 .track_name = as_bytes(track.name),
                 .params = params};
    if (rules_->fixed_request_fields) m.params.group_order = detail::order_of(params);
    if (const auto may = check_filters(params); !may) return std::unexpected(may.error());
    if (rules_->typed_fetch) {
        m.start = start;
        m.end = end;
    } else {
        m.params.subscription_filter = subscription_filter::range(start, end);
    }
    const auto id = start_request(now, request_kind::fetch, m, track);
    if (!id) return id;
    auto& r = *find_request(*id);
    r.fetch_start = start;
    r.fetch_order = detail::order_of(params);
    return id;
}

MOQRTC_INLINE result<request_id> session::joining_fetch(instant now, msg::fetch_type type,
                                                        request_id subscription,
                                                        std::uint64_t start,
                                                        const message_params& params) {
    const auto* joined = open_request(subscription);
    if (joined == nullptr || !joined->is_subscription() || joined->subscription.publisher)
        return fail(errc::not_found, "joining_request_id");
    if (type == msg::fetch_type::standalone) return fail(errc::bad_value, "fetch_type");
    msg::fetch m{
        .type = type, .joining_request_id = subscription, .joining_start = start, .params = params};
    if (rules_->fixed_request_fields) m.params.group_order = detail::order_of(params);
    const auto id = start_request(now, request_kind::fetch, m, joined->name);
    if (!id) return id;
    find_request(*id)->fetch_order = detail::order_of(params);
    return id;
}

MOQRTC_INLINE result<request_id> session::track_status(instant now, const full_track_name& track,
                                                       const message_params& params) {
    msg::track_status m{0, track.space.view(), as_bytes(track.name), params};
    return start_request(now, request_kind::track_status, m, track);
}

MOQRTC_INLINE result<request_id> session::publish_namespace(instant now,
                                                            const track_namespace& space,
                                                            const message_params& params) {
    msg::publish_namespace m{0, space.view(), params};
    return start_request(now, request_kind::publish_namespace, m, {space, {}});
}

MOQRTC_INLINE result<request_id> session::subscribe_namespace(instant now,
                                                              const track_namespace& prefix,
                                                              msg::subscribe_options options,
                                                              const message_params& params) {
    msg::subscribe_namespace m{0, prefix.view(), options, params};
    return start_request(now, request_kind::subscribe_namespace, m, {prefix, {}});
}

MOQRTC_INLINE result<request_id> session::subscribe_tracks(instant now,
                                                           const track_namespace& prefix,
                                                           const message_params& params) {
    if (const auto may = check_filters(params); !may) return std::unexpected(may.error());
    msg::subscribe_tracks m{0, prefix.view(), params};
    message_params inside;
    if (params.fill.has_value()) {
        inside = fill_to_ask(params, params.group_order.value_or(group_order::ascending));
        m.params.fill = fill_parameters{inside};
    }
    const auto id = start_request(now, request_kind::subscribe_tracks, m, {prefix, {}});
    if (id && params.fill.has_value()) find_request(*id)->fills_tracks = inside.group_order;
    return id;
}

/// Ends our and the peer's half of a request's own stream, as far as they are open.
MOQRTC_INLINE void session::close_own_stream(instant now, request& r, reset_code code) {
    if (!r.own_stream) return;
    const auto out = out_ids_.find(r.stream);
    if (out != id_map::none) {
        out_[out].owner = nullptr;
        if (!out_[out].fin) reset_out(now, out, code);
    }
    const auto in = in_ids_.find(r.stream);
    if (in != id_map::none) discard_in(in, code);
}

/// Resets our data streams of a request; unlike `drop_request` it may end the request.
MOQRTC_INLINE void session::reset_data_streams(instant now, request& r, reset_code code) {
    while (r.first_stream != no_slot)
        reset_out(now, r.first_stream, code);
}

/// Resets our streams of groups that the subscription does not want any more. They are incomplete,
/// so they can't end with FIN. May end the request when PUBLISH_DONE waited for them.
MOQRTC_INLINE void session::reset_unwanted_streams(instant now, request& r) {
    const auto id = r.id;
    for (auto slot = r.first_stream; slot != no_slot && find_request(id) != nullptr;) {
        const auto next = out_[slot].next_stream;
        // A fill has a range of its own.
        if (!out_[slot].is_fill &&
            (!r.subscription.forward || !r.subscription.wants_group(out_[slot].header.group_id)))
            reset_out(now, slot, reset_code::cancelled);
        slot = next;
    }
}

/// Ends a request at once, with all of its streams in both directions.
MOQRTC_INLINE void session::drop_request(instant now, request& r, reset_code code) {
    r.done_pending = false; // nobody waits for PUBLISH_DONE any more
    r.phase = request::state::done;
    reset_data_streams(now, r, code);
    stop_data_streams(r, code);
    close_own_stream(now, r, code);
    end_request(now, r.id);
}

/// Stops the peer's data streams of a subscription or fetch.
MOQRTC_INLINE void session::stop_data_streams(request& r, reset_code code) {
    const auto slot = request_ids_.find(r.id);
    if (r.subscription.publisher || (r.kind == request_kind::fetch && !r.ours)) return;
    if (r.subscription.streams_open == 0 && r.fetch_stream == no_stream) return;
    for (std::uint32_t i = 0; i < in_.extent(); ++i)
        if (in_[i].kind == in_kind::data && in_[i].request == slot && in_[i].header_seen)
            discard_in(i, code);
    r.subscription.streams_open = 0;
}

MOQRTC_INLINE void session::forget_names(const request& r) {
    const auto erase = [&](std::map<full_track_name, request_id>& names) {
        const auto found = names.find(r.name);
        if (found != names.end() && found->second == r.id) names.erase(found);
    };
    if (!r.is_subscription()) return;
    erase(r.subscription.publisher ? sending_ : receiving_);
    auto& aliases = r.subscription.publisher ? own_aliases_ : aliases_;
    aliases.erase(r.subscription.alias, request_ids_.find(r.id));
    for (const auto& asked : r.asked_fills)
        asked_fills_.erase(asked.id);
}

MOQRTC_INLINE void session::end_request(instant, request_id id) {
    const auto slot = request_ids_.find(id);
    if (slot == id_map::none) return;
    auto& r = requests_[slot];
    forget_names(r);
    for (const auto update : r.updates_in)
        updates_in_.erase(update);
    peer_requests_ended_ += r.updates_in.size();
    for (const auto update : r.updates_out)
        updates_out_.erase(update);
    if (r.own_stream) {
        if (auto* s = find_out(r.stream)) s->owner = nullptr;
        const auto in = in_ids_.find(r.stream);
        if (in != id_map::none) in_[in].request = no_slot;
    }
    for (auto at = r.first_stream; at != no_slot;) {
        auto& s = out_[at];
        at = std::exchange(s.next_stream, no_slot);
        s.previous_stream = no_slot;
        s.owner = nullptr;
    }
    const bool ours = r.ours;
    request_ids_.erase(id);
    requests_.give(slot);
    if (!ours) {
        --peer_requests_open_;
        ++peer_requests_ended_;
    }
    grow_credit();
}

/// Keeps `max_requests` open requests possible for the peer, in steps of half of them.
MOQRTC_INLINE void session::grow_credit() {
    if (!rules_->request_credit || closed_ || control_out_ == no_slot) return;
    const auto limit = (peer_requests_ended_ + config_.max_requests) * 2;
    if (limit < granted_credit_ + std::max<std::uint64_t>(config_.max_requests, 2)) return;
    auto encoded = encode(msg::max_request_id{limit});
    if (!encoded) return;
    granted_credit_ = limit;
    queue(out_[control_out_], std::move(*encoded));
}

MOQRTC_INLINE result<void> session::cancel(instant now, request_id id, reset_code code) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    const bool subscriber = r->is_subscription() && !r->subscription.publisher;
    if (r->is_subscription() && !subscriber) return fail(errc::bad_state, "use publish_done");
    if (!r->ours && r->phase == request::state::pending) return fail(errc::bad_state, "use reject");
    if (!r->own_stream) {
        result<void> sent{};
        if (subscriber)
            sent = send_on(*r, msg::unsubscribe{id});
        else if (r->kind == request_kind::fetch && r->ours)
            sent = send_on(*r, msg::fetch_cancel{id});
        else if (r->kind == request_kind::publish_namespace && r->ours)
            sent = send_on(*r, msg::publish_namespace_done{id, r->name.space.view()});
        else if (r->kind == request_kind::publish_namespace)
            sent = send_on(*r, msg::publish_namespace_cancel{
                                   id,
                                   r->name.space.view(),
                                   error_number(*rules_,
                                                code == reset_code::expired_auth_token
                                                    ? request_error_code::expired_auth_token
                                                    : request_error_code::uninterested,
                                                registry_of(r->kind)),
                                   {}});
        else if (r->kind == request_kind::subscribe_namespace && r->ours)
            sent = send_on(*r, msg::unsubscribe_namespace{id, r->name.space.view()});
        else
            return fail(errc::not_in_draft, "cancel");
        if (!sent) return sent;
    }
    drop_request(now, *r, code);
    return {};
}

MOQRTC_INLINE const subscription_state* session::subscription(request_id id) const noexcept {
    const auto slot = request_ids_.find(id);
    if (slot == id_map::none || !requests_[slot].is_subscription()) return nullptr;
    return &requests_[slot].subscription;
}

MOQRTC_INLINE std::size_t session::unsent_bytes(request_id id) const noexcept {
    const auto slot = request_ids_.find(id);
    return slot == id_map::none ? 0 : requests_[slot].unsent;
}

} // namespace moqrtc::moqt
