#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>

/// FETCH that the relay serves: from the cache, and where that has a gap, from upstream.
///
/// Spec    moq-transport, anchors `message-fetch` and `fill-timeout`.
namespace moqrtc::moqt {

MOQRTC_INLINE void relay::on_fetch(instant now, peer& p, event& e) {
    const auto m = e.as<msg::fetch>();
    if (!m) return;
    std::uint32_t track_index = none;
    std::uint32_t joined = none;
    const auto& rules = p.session.rules();
    if (m->type == msg::fetch_type::standalone) {
        const full_track_name name{track_namespace{m->track_namespace},
                                   std::string{as_text(m->track_name)}};
        if (!admit(now, p, e.id, request_kind::fetch, name.space, name.name,
                   m->params.authorization_tokens))
            return;
        track_index = open_track(name);
        if (track_index == none) return refuse_over(now, p, e.id, relay_limit::tracks);
    } else {
        joined = p.subscribers.find(m->joining_request_id);
        if (joined == id_map::none)
            return refuse(now, p, e.id, request_error_code::invalid_joining_request_id,
                          "no such subscription");
        track_index = subscribers_[joined].track;
        const auto& name = tracks_[track_index].name;
        if (!admit(now, p, e.id, request_kind::fetch, name.space, name.name,
                   m->params.authorization_tokens))
            return;
    }
    if (!p.info.sibling && p.fetches.size() >= config_.max_fetches_per_session) {
        refuse_over(now, p, e.id, relay_limit::fetches);
        return drop_if_unused(now, track_index);
    }
    const auto index = add_fetch(now, p, e.id, track_index, m->params.fill_timeout);
    auto& f = fetches_[index];
    f.filters = p.session.filters(e.id);
    f.plain = !m->params.include_properties.value_or(true);
    const auto order = m->params.group_order.value_or(group_order::ascending);
    if (m->type == msg::fetch_type::standalone) {
        const auto wanted = m->wanted(rules);
        f.walk = {wanted.first({}), wanted.last(), order};
        if (wanted.type != filter_type::everything && wanted.type != filter_type::absolute_start &&
            !wanted.has_end()) {
            f.relative = wanted;
            return start_relative(now, index);
        }
        if (f.walk.highest < f.walk.lowest)
            return refuse_fetch(now, index, request_error_code::invalid_range,
                                "the end is before the start");
        return begin_fetch(now, index);
    }
    joinings_[index] = {m->type, m->joining_start, order};
    auto& s = subscribers_[joined];
    if (s.place == none)
        s.waiting_fetches.push_back(index);
    else
        start_joining(now, index, s);
}

/// Takes on a FETCH or a fill.
MOQRTC_INLINE std::uint32_t relay::add_fetch(instant now, peer& p, request_id id,
                                             std::uint32_t track_index,
                                             const std::optional<std::uint64_t>& timeout) {
    ++statistics_.fetches;
    const auto index = fetches_.take();
    auto& f = fetches_[index];
    f.to = &p;
    f.id = id;
    f.track = track_index;
    const auto patience = timeout ? std::min(milliseconds_saturated(*timeout), config_.fill_timeout)
                                  : config_.fill_timeout;
    f.deadline = now + patience;
    f.patient = patience.us > 0;
    p.fetches.set(id, index);
    p.open_fetches.push_back(index);
    ++tracks_[track_index].fetches;
    return index;
}

/// A FETCH that counts groups back from the current one: once that is known it is like the others.
MOQRTC_INLINE void relay::start_relative(instant now, std::uint32_t index) {
    auto& f = fetches_[index];
    auto& t = tracks_[f.track];
    if (t.largest) {
        f.walk.lowest = f.relative->first(t.largest);
        f.relative.reset();
        return begin_fetch(now, index);
    }
    auto* const from = t.has_established(sources_) ? nullptr : status_source(t.name.space, *f.to);
    const auto question = from == nullptr || from == f.to || !f.relative
                              ? fail(errc::not_found, "publisher")
                              : from->session.track_status(now, t.name);
    if (!question)
        return refuse_fetch(now, index, request_error_code::invalid_range,
                            "nothing has been published");
    from->statuses[*question] = {.from = f.to->key, .id = f.id, .fetch = index};
    touch(*from);
}

/// What the session says that a subscription is to be filled with. Spec: anchor
/// `fill-fetch-streams`.
MOQRTC_INLINE void relay::start_fills(instant now, std::uint32_t index) {
    const auto& s = subscribers_[index];
    auto& to = *s.to;
    const auto id = s.id;
    const auto track_index = s.track;
    while (const auto what = to.session.next_fill(id))
        start_fill(now, to, id, track_index, *what);
}

MOQRTC_INLINE void relay::start_fill(instant now, peer& to, request_id subscription,
                                     std::uint32_t track_index, const fill_request& what) {
    touch(to);
    if (!to.info.sibling && to.fetches.size() >= config_.max_fetches_per_session) {
        hit(relay_limit::fetches);
        (void)to.session.fail_fill(now, subscription, what, reset_code::excessive_load);
        return;
    }
    const auto stream = to.session.open_fill_stream(now, subscription, what);
    if (!stream) return;
    const auto index = add_fetch(now, to, what.id, track_index, what.timeout);
    auto& f = fetches_[index];
    f.is_fill = f.answered = true;
    f.subscription = subscription;
    f.stream = *stream;
    f.filters = what.filters;
    f.walk = {what.range.first, what.range.last, what.order};
    f.at = f.walk.first();
    pump(now, index);
}

/// A subscription is over, and its fills with it; the session has reset their streams.
MOQRTC_INLINE void relay::drop_fills(instant now, peer& p, request_id subscription) {
    for (std::size_t i = p.open_fetches.size(); i-- > 0;)
        if (i < p.open_fetches.size() && fetches_[p.open_fetches[i]].is_fill &&
            fetches_[p.open_fetches[i]].subscription == subscription)
            drop_fetch(now, p.open_fetches[i]);
}

MOQRTC_INLINE std::size_t relay::unsent_of(const served_fetch& f) const noexcept {
    return f.is_fill ? f.to->session.unsent_bytes_of(f.stream) : f.to->session.unsent_bytes(f.id);
}

/// The subscription is there, and with it the end of the range: what it joins to. Spec: anchor
/// `joining-fetch-range-calculation`.
MOQRTC_INLINE void relay::start_joining(instant now, std::uint32_t index, const subscriber& s) {
    const auto at = joinings_.find(index);
    if (at == joinings_.end()) return;
    const auto how = at->second;
    joinings_.erase(at);
    if (!s.joined)
        return refuse_fetch(now, index, request_error_code::invalid_range,
                            "nothing has been published");
    const auto joined = *s.joined;
    const auto group = how.type == msg::fetch_type::relative_joining
                           ? joined.group - std::min(how.start, joined.group)
                           : how.start;
    if (group > joined.group)
        return refuse_fetch(now, index, request_error_code::invalid_range,
                            "the start is after the subscription's");
    fetches_[index].walk = {{group, 0}, joined, how.order};
    begin_fetch(now, index);
}

MOQRTC_INLINE void relay::begin_fetch(instant now, std::uint32_t index) {
    auto& f = fetches_[index];
    auto& t = tracks_[f.track];
    const bool live = t.has_established(sources_);
    auto* upstream = f.patient ? fill_source(t, f.to) : nullptr;
    const bool end_known =
        live || (t.largest && (f.walk.highest <= *t.largest || upstream == nullptr));
    if (!end_known) {
        if (upstream == nullptr)
            return refuse_fetch(now, index, request_error_code::does_not_exist,
                                "nobody publishes this");
        f.ask_end = true;
        f.at = f.walk.first();
        if (!attach_fill(now, index, f.walk.last()))
            refuse_fetch(now, index, request_error_code::internal_error,
                         "the publisher cannot be asked");
        return;
    }
    if (!t.largest || f.walk.lowest > *t.largest)
        return refuse_fetch(now, index, request_error_code::invalid_range,
                            "nothing has been published there");
    const auto most = varint_max(f.to->session.rules().varint);
    if (t.largest->group > most || t.largest->object >= most)
        return refuse_fetch(now, index, request_error_code::not_supported,
                            "this draft cannot express the track");
    if (f.walk.highest > *t.largest) f.walk.highest = *t.largest;
    f.at = f.walk.first();
    answer_fetch(now, index, f.walk.end(), t.final_object && f.walk.highest >= *t.final_object);
    if (f.to != nullptr) pump(now, index);
}

/// Writes on until the stream is full, something has to come from upstream, or all is written.
MOQRTC_INLINE void relay::pump(instant now, std::uint32_t index) {
    auto& f = fetches_[index];
    f.look_at = never;
    if (!f.answered || f.fill != none) return;
    auto& t = tracks_[f.track];
    while (f.at) {
        if (unsent_of(f) > config_.fetch_window) {
            f.look_at = now + milliseconds(20);
            return schedule({f.look_at, timer::kind::fetch, index});
        }
        const auto step = t.cache->step(now, f.walk, *f.at);
        switch (step.what) {
        case cache_step::kind::object:
            if (!write_fetched(now, index, step.entry->item, *step.entry->rules)) return;
            ++statistics_.objects_from_cache;
            f.at = f.walk.after(step.until);
            break;
        case cache_step::kind::absent:
            f.at = f.walk.after(step.until);
            break;
        case cache_step::kind::unknown:
            if (f.asked && !f.walk.precedes(*f.asked, *f.at)) {
                skip_unknown(now, index,
                             f.walk.precedes(*f.asked, step.until) ? *f.asked : step.until,
                             range_end::unknown);
                if (f.to == nullptr) return;
                break;
            }
            if (f.patient && now < f.deadline && attach_fill(now, index, step.until)) return;
            skip_unknown(now, index, step.until,
                         f.patient && now < f.deadline ? range_end::unknown : range_end::timed_out);
            if (f.to == nullptr) return;
            break;
        }
    }
    finish_fetch(now, index);
}

/// Writes one object; false when that ended the fetch.
MOQRTC_INLINE bool relay::write_fetched(instant now, std::uint32_t index, const object& item,
                                        const wire_rules& from) {
    auto& f = fetches_[index];
    // A fetch stream says by its end, not by statuses, what does not exist (anchor
    // `fetch-header`).
    if (item.status != object_status::normal) return true;
    if (f.filters != nullptr && !f.filters->pass(from, item.subgroup_id, item.location.object,
                                                 item.publisher_priority, item.properties))
        return true;
    auto& to = f.to->session;
    const auto end = [&](reset_code code) {
        abandon_fetch(now, index, code);
        return false;
    };
    if (f.stream == no_stream) {
        const auto stream = to.open_fetch_stream(now, f.id);
        if (!stream) return end(reset_code::internal_error);
        f.stream = *stream;
    }
    if (unsent_of(f) > config_.fetch_backlog) return end(reset_code::too_far_behind);
    touch(*f.to);
    if (item.properties.empty() || same_objects(from, to.rules())) {
        if (!to.write_fetch_object(now, f.stream, item)) return end(reset_code::internal_error);
    } else {
        auto copy = item;
        copy.properties = transcode(from, to.rules(), item.properties);
        if (copy.properties.empty() || !to.write_fetch_object(now, f.stream, copy))
            return end(reset_code::internal_error);
    }
    count_out(*f.to, item.payload.size());
    return true;
}

/// Nobody can tell what is up to `until`, or nobody did in time: the subscriber is told just that.
MOQRTC_INLINE void relay::skip_unknown(instant now, std::uint32_t index, location until,
                                       range_end why) {
    auto& f = fetches_[index];
    auto& to = f.to->session;
    if (f.owes)
        return refuse_fetch(now, index, request_error_code::unknown_status_in_range,
                            "nobody knows all of it");
    if (f.walk.precedes(f.walk.last(), until)) until = f.walk.last();
    const auto most = varint_max(to.rules().varint);
    const location shown{std::min(until.group, most), std::min(until.object, most)};
    if (f.stream == no_stream) {
        const auto stream = to.open_fetch_stream(now, f.id);
        if (stream) f.stream = *stream;
    }
    touch(*f.to);
    if (!to.write_fetch_gap(now, f.stream, shown, why)) {
        (void)to.reset_stream(now, f.stream, reset_code::unknown_object_status);
        return drop_fetch(now, index);
    }
    f.at = f.walk.after(until);
}

MOQRTC_INLINE void relay::finish_fetch(instant now, std::uint32_t index) {
    auto& f = fetches_[index];
    auto& to = f.to->session;
    if (f.owes && f.stream == no_stream && to.rules().no_objects)
        return refuse_fetch(now, index, request_error_code::no_objects, "no objects");
    if (f.owes && !accept_fetch(now, index)) return;
    if (f.stream == no_stream) {
        // Anchor `fetch-handling`: without objects it is the header and FIN.
        const auto stream = to.open_fetch_stream(now, f.id);
        if (stream) f.stream = *stream;
    }
    (void)to.finish_stream(now, f.stream);
    touch(*f.to);
    drop_fetch(now, index);
}

/// Forgets a fetch that is over, whoever ended it.
MOQRTC_INLINE void relay::drop_fetch(instant now, std::uint32_t index) {
    auto& f = fetches_[index];
    if (f.to == nullptr) return;
    f.to->fetches.erase(f.id);
    std::erase(f.to->open_fetches, index);
    joinings_.erase(index);
    const auto track_index = f.track;
    const auto filling = f.fill;
    fetches_.give(index);
    --tracks_[track_index].fetches;
    if (filling != none) {
        std::erase(fills_[filling].waiters, index);
        if (fills_[filling].waiters.empty()) forget_fill(now, filling, true);
    }
    drop_if_unused(now, track_index);
}

MOQRTC_INLINE void relay::on_fetch_timer(instant now, std::uint32_t index) {
    auto& f = fetches_[index];
    if (f.to == nullptr) return;
    if (f.look_at <= now) return pump(now, index);
    if (f.fill == none || f.deadline > now) return;
    const auto filling = std::exchange(f.fill, none);
    std::erase(fills_[filling].waiters, index);
    if (fills_[filling].waiters.empty()) forget_fill(now, filling, true);
    if (!f.answered)
        return refuse_fetch(now, index, request_error_code::timeout,
                            "the publisher did not answer");
    pump(now, index);
}

} // namespace moqrtc::moqt
