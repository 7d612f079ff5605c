#pragma once

#include <moqrtc/moqt/session/session.hpp>

#include <algorithm>

/// Filters that a session keeps, and fills: past objects beside a subscription.
///
/// Spec    moq-transport, anchors `range-filters` and `fill-fetch-streams`.
namespace moqrtc::moqt {

/// Takes over the range filters of a message; the code to refuse it with when they are not valid.
MOQRTC_INLINE std::optional<request_error_code>
session::take_filters(subscription_state& s, const range_filter_list& list) {
    if (list.empty()) return {};
    auto made =
        s.filters ? std::make_shared<range_filters>(*s.filters) : std::make_shared<range_filters>();
    if (!made->apply(*rules_, list, static_cast<std::size_t>(config_.max_filter_ranges)))
        return request_error_code::invalid_filter;
    s.filters = made->empty() ? nullptr : std::move(made);
    return {};
}

/// Whether the peer takes what a message of ours asks for.
MOQRTC_INLINE result<void> session::check_filters(const message_params& params) const {
    const bool inside = params.fill.has_value() && !params.fill.inside().range_filters.empty();
    if ((!params.range_filters.empty() || inside) && peer_filter_ranges_ == 0)
        return fail(errc::unsupported, "max_filter_ranges");
    return {};
}

MOQRTC_INLINE result<request_id> session::fetch(instant now, const full_track_name& track,
                                                const subscription_filter& range,
                                                const message_params& params) {
    if (range.has_end()) {
        const location end{range.end_group,
                           range.type == filter_type::object_range ? range.end_object + 1 : 0};
        return fetch(now, track, range.start, end, params);
    }
    if (rules_->typed_fetch) return fail(errc::not_in_draft, "location_filter");
    if (const auto may = check_filters(params); !may) return std::unexpected(may.error());
    msg::fetch m{.track_namespace = track.space.view(),
                 .track_name = as_bytes(track.name),
                 .params = params};
    m.params.subscription_filter = range;
    const auto id = start_request(now, request_kind::fetch, m, track);
    if (!id) return id;
    auto& r = *find_request(*id);
    if (range.type == filter_type::absolute_start) r.fetch_start = range.start;
    r.fetch_order = params.group_order.value_or(group_order::ascending);
    return id;
}

/// Our FILL_PARAMETERS with the order of groups written out: the answer may come after the fill,
/// and the track's own order with it.
MOQRTC_INLINE message_params session::fill_to_ask(const message_params& params, group_order order) {
    auto inside = params.fill.inside();
    if (!inside.group_order) inside.group_order = order;
    return inside;
}

MOQRTC_INLINE void session::expect_fill(request& r, request_id id, group_order order) {
    r.asked_fills.push_back({id, order});
    asked_fills_.set(id, request_ids_.find(r.id));
}

/// Notes what the peer's message `id` asks for; the range stands once Largest Object is known.
MOQRTC_INLINE std::optional<request_error_code> session::note_fill(request& r, request_id id,
                                                                   const message_params& params) {
    if (!params.fill.has_value()) return {};
    const auto inside = params.fill.inside();
    subscription_state scope;
    scope.filters = r.subscription.filters;
    if (const auto refused = take_filters(scope, inside.range_filters)) return refused;
    detail::pending_fill made;
    made.fill.id = id;
    made.fill.filters = std::move(scope.filters);
    made.fill.timeout = inside.fill_timeout;
    made.filter = inside.subscription_filter;
    made.order = inside.group_order;
    made.priority = inside.subscriber_priority;
    r.fills.push_back(std::move(made));
    return {};
}

/// Largest Object is known: what the fill of message `id` brings, if anything.
MOQRTC_INLINE void session::settle_fill(request& r, request_id id,
                                        const std::optional<location>& largest) {
    const auto at = std::find_if(r.fills.begin(), r.fills.end(),
                                 [&](const auto& f) { return f.fill.id == id; });
    if (at == r.fills.end()) return;
    const auto& sub = r.subscription;
    const auto wanted = at->filter   ? *at->filter
                        : sub.filter ? *sub.filter
                                     : subscription_filter{filter_type::everything};
    const auto range = wanted.past(largest);
    if (!range || !sub.forward) {
        r.fills.erase(at);
        return;
    }
    at->fill.range = *range;
    at->fill.order = at->order.value_or(sub.effective_order());
    at->fill.subscriber_priority = at->priority.value_or(sub.subscriber_priority);
    at->due = true;
}

MOQRTC_INLINE std::optional<fill_request> session::next_fill(request_id id) {
    auto* r = open_request(id);
    if (r == nullptr) return std::nullopt;
    const auto at =
        std::find_if(r->fills.begin(), r->fills.end(), [](const auto& f) { return f.due; });
    if (at == r->fills.end()) return std::nullopt;
    auto found = std::move(at->fill);
    r->fills.erase(at);
    return found;
}

MOQRTC_INLINE result<data_stream> session::open_fill_stream(instant, request_id id,
                                                            const fill_request& what) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    auto& sub = r->subscription;
    if (!rules_->fill || !r->is_subscription() || !sub.publisher ||
        (r->phase != request::state::established && !sub.by_publish))
        return fail(errc::bad_state, "subscription");
    std::array<std::byte, 24> head{};
    const auto size = encode_fetch_header(*rules_, {what.id}, head);
    if (!size) return std::unexpected(size.error());
    auto chunk = slice::copy(*pool_, bytes{head}.first(*size));
    if (chunk.empty()) return fail(errc::out_of_memory, "fetch_header");
    const auto first = what.order == group_order::ascending ? what.range.first : what.range.last;
    const auto stream = next_local_id(true);
    const auto slot =
        add_out(stream, out_kind::fetch,
                send_rank::data(what.subscriber_priority, sub.properties.default_publisher_priority,
                                what.order, first.group, 0));
    auto& s = out_[slot];
    s.fetch.emplace(*rules_, what.order);
    s.fill = what.id;
    s.is_fill = true;
    s.owner = r;
    s.next_stream = r->first_stream;
    if (s.next_stream != no_slot) out_[s.next_stream].previous_stream = slot;
    r->first_stream = slot;
    ++sub.streams_opened;
    ++sub.streams_open;
    queue(s, std::move(chunk));
    return stream;
}

/// Anchor `fill-lifecycle`: a fill that cannot be served has its header all the same.
MOQRTC_INLINE result<void> session::fail_fill(instant now, request_id id, const fill_request& what,
                                              reset_code code) {
    const auto stream = open_fill_stream(now, id, what);
    if (!stream) return std::unexpected(stream.error());
    auto& s = *find_out(*stream);
    s.dies = true;
    s.death = code;
    return {};
}

MOQRTC_INLINE result<void> session::cancel_fill(instant, request_id id, request_id fill) {
    auto* r = open_request(id);
    if (r == nullptr || asked_fills_.find(fill) != request_ids_.find(id))
        return fail(errc::not_found, "fill");
    for (std::uint32_t i = 0; i < in_.extent(); ++i)
        if (in_[i].is_fill && in_[i].fill == fill && in_[i].kind == in_kind::data) {
            discard_in(i, reset_code::cancelled);
            --r->subscription.streams_open;
        }
    asked_fills_.erase(fill);
    return {};
}

/// A PUBLISH that a SUBSCRIBE_TRACKS of ours with FILL_PARAMETERS has brought: its own request
/// names the fill.
MOQRTC_INLINE void session::expect_fill_of(request& r) {
    std::optional<group_order> order;
    request_ids_.for_each([&](std::uint64_t, std::uint32_t slot) {
        const auto& asked = requests_[slot];
        if (asked.ours && asked.kind == request_kind::subscribe_tracks && asked.fills_tracks &&
            asked.name.space.is_prefix_of(r.name.space))
            order = asked.fills_tracks;
    });
    if (order) expect_fill(r, r.id, *order);
}

/// FETCH_HEADER with the request of a fill; false when none of ours has it.
MOQRTC_INLINE bool session::bind_fill(std::uint32_t slot, request_id fill) {
    const auto found = asked_fills_.find(fill);
    if (found == id_map::none) return false;
    auto& r = requests_[found];
    const auto asked = std::find_if(r.asked_fills.begin(), r.asked_fills.end(),
                                    [&](const auto& a) { return a.id == fill; });
    if (asked == r.asked_fills.end() || asked->seen) return false;
    asked->seen = true;
    auto& s = in_[slot];
    s.request = found;
    s.fill = fill;
    s.is_fill = s.announced = true;
    s.reader->set_group_order(asked->order);
    ++r.subscription.streams_opened;
    ++r.subscription.streams_open;
    return true;
}

MOQRTC_INLINE shared_filters session::filters(request_id id) const noexcept {
    const auto slot = request_ids_.find(id);
    return slot == id_map::none ? nullptr : requests_[slot].subscription.filters;
}

MOQRTC_INLINE void session::keep_filters(request_id id, shared_filters filters) {
    if (auto* r = open_request(id); r != nullptr && r->is_subscription() && r->ours)
        r->subscription.filters = std::move(filters);
}

/// PUBLISH_STATE_NOTIFY of ours.
MOQRTC_INLINE result<void> session::notify_state(instant, request_id id,
                                                 const message_params& params) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    if (!rules_->state_notify) return fail(errc::not_in_draft, "publish_state_notify");
    if (!r->is_subscription() || !r->subscription.publisher || r->done_pending ||
        r->phase != request::state::established)
        return fail(errc::bad_state, "subscription");
    auto told = params;
    if (!told.largest_object) told.largest_object = r->subscription.largest;
    return send_on(*r, msg::publish_state_notify{told});
}

MOQRTC_INLINE void session::on_state_notify(instant, request& r, bytes body) {
    const auto m = parse<msg::publish_state_notify>(*rules_, body);
    if (!m) return fail_codec(m.error());
    if (!r.is_subscription() || r.subscription.publisher)
        return close(close_code::protocol_violation, "PUBLISH_STATE_NOTIFY from no publisher");
    if (r.ours && r.phase == request::state::pending)
        return close(close_code::protocol_violation, "PUBLISH_STATE_NOTIFY before SUBSCRIBE_OK");
    auto& sub = r.subscription;
    if (m->params.forward) sub.forward = *m->params.forward;
    if (m->params.subscription_filter) {
        sub.filter = m->params.subscription_filter;
        if (m->params.largest_object) sub.largest = m->params.largest_object;
    }
    sub.resolve();
    (void)emit(event::kind::state_notified, &r, body);
}

} // namespace moqrtc::moqt
