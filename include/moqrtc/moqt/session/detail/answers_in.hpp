#pragma once

#include <moqrtc/moqt/session/session.hpp>

/// The peer's answers to our requests.
namespace moqrtc::moqt {

namespace detail {

/// Whether an answer's type fits the kind of request that it answers. Draft 14 has an OK and an
/// error for each kind; later drafts have one of each for all.
[[nodiscard]] constexpr bool answers(const wire_rules& rules, std::uint64_t type,
                                     request_kind kind) noexcept {
    if (rules.unified_errors) return true;
    const auto either = [&]<class Ok, class Error> {
        return type == Ok::code(rules) || type == Error::code(rules);
    };
    switch (kind) {
    case request_kind::subscribe:
        return either.template operator()<msg::subscribe_ok, msg::subscribe_error>();
    case request_kind::publish:
        return either.template operator()<msg::publish_ok, msg::publish_error>();
    case request_kind::fetch:
        return either.template operator()<msg::fetch_ok, msg::fetch_error>();
    case request_kind::track_status:
        return either.template operator()<msg::track_status_ok, msg::track_status_error>();
    case request_kind::publish_namespace:
        return either
            .template operator()<msg::publish_namespace_ok, msg::publish_namespace_error>();
    case request_kind::subscribe_namespace:
        return either
            .template operator()<msg::subscribe_namespace_ok, msg::subscribe_namespace_error>();
    default:
        return false;
    }
}

} // namespace detail

MOQRTC_INLINE void session::on_ok(instant now, request* on, std::uint64_t type, bytes body) {
    if (type == msg::subscribe_ok::code(*rules_)) {
        const auto m = parse<msg::subscribe_ok>(*rules_, body);
        if (!m) return fail_codec(m.error());
        auto* r = on != nullptr ? on : find_request(m->request_id);
        if (r == nullptr) return;
        if (!r->ours || r->kind != request_kind::subscribe || r->phase != request::state::pending)
            return close(close_code::protocol_violation, "SUBSCRIBE_OK answers nothing");
        return on_subscribe_ok(now, *r, *m, body);
    }
    if (type == msg::fetch_ok::code(*rules_)) {
        const auto m = parse<msg::fetch_ok>(*rules_, body);
        if (!m) return fail_codec(m.error());
        auto* r = on != nullptr ? on : find_request(m->request_id);
        if (r == nullptr) return;
        if (!r->ours || r->kind != request_kind::fetch || r->phase != request::state::pending)
            return close(close_code::protocol_violation, "FETCH_OK answers nothing");
        return on_fetch_ok(now, *r, *m, body);
    }
    const bool publish_ok = type == msg::publish_ok::code(*rules_);
    msg::request_ok m;
    if (publish_ok) {
        const auto parsed = parse<msg::publish_ok>(*rules_, body);
        if (!parsed) return fail_codec(parsed.error());
        m = {parsed->request_id, parsed->params, {}};
    } else if (type == msg::track_status_ok::code(*rules_)) {
        const auto parsed = parse<msg::track_status_ok>(*rules_, body);
        if (!parsed) return fail_codec(parsed.error());
        m = *parsed;
    } else {
        const auto parsed = parse<msg::request_ok>(*rules_, body);
        if (!parsed) return fail_codec(parsed.error());
        m = *parsed;
    }
    const auto first = [&](request* r) {
        return r != nullptr && r->ours && r->phase == request::state::pending;
    };
    // The answer to an update comes after the answer to its request, in the order of the updates.
    request* r = on != nullptr ? on : find_request(m.request_id);
    if (!first(r)) {
        auto update = m.request_id;
        if (on == nullptr && r != nullptr && r->ours)
            return close(close_code::protocol_violation, "second answer to a request");
        if (on == nullptr) {
            const auto updated = updates_out_.find(update);
            r = updated == id_map::none ? nullptr : &requests_[updated];
            if (r == nullptr) {
                if (m.request_id < next_request_id_ && m.request_id % 2 == next_request_id_ % 2)
                    return; // its request ended here before the answer came
                return close(close_code::protocol_violation, "REQUEST_OK answers nothing");
            }
        } else if (r->updates_out.empty()) {
            return close(close_code::protocol_violation, "second answer to a request");
        } else {
            update = r->updates_out.front();
        }
        if (publish_ok || misplaced_parameter(*rules_, m.params, carrier::update_ok) != nullptr)
            if (rules_->misplaced_parameters == unknown_parameter::closes || publish_ok)
                return close(close_code::protocol_violation, "parameter in REQUEST_OK");
        if (!m.properties.empty())
            return close(close_code::protocol_violation, "track properties in REQUEST_OK");
        std::erase(r->updates_out, update);
        updates_out_.erase(update);
        if (m.params.largest_object && r->is_subscription()) {
            r->subscription.largest = m.params.largest_object;
            r->subscription.resolve();
        }
        emit(event::kind::update_accepted, r, body).update_id = update;
        return;
    }
    const bool kind_fits = r->kind == request_kind::publish
                               ? publish_ok || rules_->publish_ok_is_request_ok
                               : !publish_ok && r->kind != request_kind::subscribe &&
                                     r->kind != request_kind::fetch &&
                                     detail::answers(*rules_, type, r->kind);
    if (!kind_fits) return close(close_code::protocol_violation, "answer of the wrong type");
    const auto where = r->kind == request_kind::publish             ? carrier::publish_ok
                       : r->kind == request_kind::track_status      ? carrier::track_status_ok
                       : r->kind == request_kind::publish_namespace ? carrier::publish_namespace_ok
                       : r->kind == request_kind::subscribe_namespace
                           ? carrier::subscribe_namespace_ok
                           : carrier::subscribe_tracks_ok;
    if (rules_->misplaced_parameters == unknown_parameter::closes &&
        misplaced_parameter(*rules_, m.params, where) != nullptr)
        return close(close_code::protocol_violation, "parameter in REQUEST_OK");
    if (!m.properties.empty() && r->kind != request_kind::track_status)
        return close(close_code::protocol_violation, "track properties in REQUEST_OK");
    r->phase = request::state::established;
    if (r->implied) return;
    if (r->kind == request_kind::publish) apply_params(r->subscription, m.params);
    auto& told = emit(event::kind::accepted, r, body);
    if (r->kind == request_kind::track_status) tell_properties(told, m.params, m.properties);
    if (r->kind == request_kind::publish) return reset_unwanted_streams(now, *r);
    if (r->kind != request_kind::track_status) return;
    if (const auto out = out_ids_.find(r->stream); r->own_stream && out != id_map::none)
        finish_out(now, out);
    end_request(now, r->id);
}

MOQRTC_INLINE void session::on_subscribe_ok(instant now, request& r, const msg::subscribe_ok& m,
                                            bytes body) {
    r.phase = request::state::established;
    r.subscription.alias = m.track_alias;
    r.subscription.largest = m.params.largest_object;
    r.subscription.properties = known_properties(m.params, m.properties);
    r.subscription.resolve();
    if (r.subscription.properties.malformed) return malformed(now, r);
    if (r.subscription.properties.unknown_mandatory) {
        // The track cannot be processed (anchor `mandatory-track-properties`): give it up.
        auto& e = emit(event::kind::rejected, &r);
        e.request_error = request_error_code::unsupported_extension;
        const auto id = r.id;
        (void)cancel(now, id);
        return;
    }
    if (!bind_alias(r)) return;
    tell_properties(emit(event::kind::accepted, &r, body), m.params, m.properties);
    release_waiting(now, m.track_alias);
}

/// Anchor `track-alias`: one alias means one track.
MOQRTC_INLINE bool session::bind_alias(request& r) {
    const auto slot = request_ids_.find(r.id);
    const auto other = aliases_.find(r.subscription.alias);
    if (other != id_map::none && other != slot && requests_[other].name != r.name) {
        close(close_code::duplicate_track_alias, "track alias is in use");
        return false;
    }
    if (!rules_->several_subscriptions && other != id_map::none)
        aliases_.erase(r.subscription.alias, other);
    aliases_.add(r.subscription.alias, slot);
    return true;
}

/// Streams that came before their alias was known.
MOQRTC_INLINE void session::release_waiting(instant now, track_alias alias) {
    for (std::uint32_t i = 0; i < in_.extent() && streams_waiting_ != 0 && !closed_; ++i)
        if (in_[i].waits_alias && in_[i].alias == alias) {
            auto item = stream_item{};
            item.what = stream_item::kind::subgroup_header;
            unknown_alias_bytes_ -= in_[i].held.size();
            held_bytes_ += in_[i].held.size();
            in_[i].waits_alias = false;
            --streams_waiting_;
            handle_header(now, i, item);
            if (!closed_ && in_[i].kind == in_kind::data) replay(now, i);
        }
}

MOQRTC_INLINE void session::on_fetch_ok(instant now, request& r, const msg::fetch_ok& m,
                                        bytes body) {
    const auto end = m.end;
    if (end.group < r.fetch_start.group ||
        (end.group == r.fetch_start.group && end.object != 0 && end.object <= r.fetch_start.object))
        if (end != r.fetch_start)
            return close(close_code::protocol_violation, "FETCH_OK ends before its start");
    const auto known = known_properties(m.params, m.properties);
    if (known.unknown_mandatory) {
        auto& e = emit(event::kind::rejected, &r);
        e.request_error = request_error_code::unsupported_extension;
        (void)cancel(now, r.id);
        return;
    }
    if (known.malformed) return malformed(now, r);
    r.phase = request::state::established;
    tell_properties(emit(event::kind::accepted, &r, body), m.params, m.properties);
    if (!r.fetch_finished) return;
    if (const auto out = out_ids_.find(r.stream); r.own_stream && out != id_map::none)
        finish_out(now, out);
    end_request(now, r.id);
}

/// What a message says of a track, wherever its draft says it.
MOQRTC_INLINE track_properties session::known_properties(const message_params& params,
                                                         bytes properties) const {
    if (!rules_->track_properties) return properties_of(params);
    return read_track_properties(*rules_, properties).value_or(moqt::track_properties{});
}

/// The same for the application, as properties.
MOQRTC_INLINE void session::tell_properties(event& e, const message_params& params,
                                            bytes properties) {
    std::array<std::byte, known_properties_size> made{};
    if (!rules_->track_properties)
        if (const auto size = write_properties(*rules_, properties_of(params), made))
            properties = bytes{made}.first(*size);
    if (closed_) return;
    e.item.properties = keep(properties);
    if (e.item.properties.size() != properties.size())
        close(close_code::internal_error, "out of memory");
}

MOQRTC_INLINE void session::on_error(instant now, request* on, std::uint64_t type, bytes body) {
    const auto m = parse<msg::request_error>(*rules_, body);
    if (!m) return fail_codec(m.error());
    auto* r = on != nullptr ? on : find_request(m->request_id);
    const auto kind = r != nullptr ? r->kind : request_kind::none;
    const auto code = error_of(*rules_, m->error_code, registry_of(kind));
    if (r != nullptr && r->ours && r->phase == request::state::pending &&
        (on != nullptr || r->id == m->request_id)) {
        if (m->target && config_.self == role::server && !m->target->connect_uri.empty())
            return close(close_code::protocol_violation, "redirect with a URI from a client");
        if (!detail::answers(*rules_, type, r->kind))
            return close(close_code::protocol_violation, "answer of the wrong type");
        const bool names_track = m->target && !m->target->track_name.empty();
        if (names_track && (r->kind == request_kind::subscribe_namespace ||
                            r->kind == request_kind::publish_namespace ||
                            r->kind == request_kind::subscribe_tracks))
            return close(close_code::protocol_violation, "redirect of a namespace names a track");
        const auto id = r->id;
        if (r->implied) return end_request(now, id);
        auto& e = emit(event::kind::rejected, r, body);
        e.by_peer = true;
        e.request_error = code;
        r->done_pending = false; // a refused PUBLISH has no PUBLISH_DONE
        reset_data_streams(now, *r, reset_code::cancelled);
        if (r->own_stream) {
            const auto out = out_ids_.find(r->stream);
            if (out != id_map::none) {
                out_[out].owner = nullptr;
                finish_out(now, out);
            }
        }
        return end_request(now, id);
    }
    auto update = m->request_id;
    if (on == nullptr && r != nullptr && r->ours)
        return close(close_code::protocol_violation, "second answer to a request");
    if (on == nullptr) {
        const auto updated = updates_out_.find(update);
        r = updated == id_map::none ? nullptr : &requests_[updated];
        if (r == nullptr) {
            if (update < next_request_id_ && update % 2 == next_request_id_ % 2) return;
            return close(close_code::protocol_violation, "REQUEST_ERROR answers nothing");
        }
    } else if (r->updates_out.empty()) {
        return close(close_code::protocol_violation, "second answer to a request");
    } else {
        update = r->updates_out.front();
    }
    std::erase(r->updates_out, update);
    updates_out_.erase(update);
    asked_fills_.erase(update);
    auto& e = emit(event::kind::update_rejected, r, body);
    e.update_id = update;
    e.request_error = code;
}

/// PUBLISH_DONE: the subscription ends once its streams are here.
MOQRTC_INLINE void session::on_publish_done(instant now, request* on, bytes body) {
    const auto m = parse<msg::publish_done>(*rules_, body);
    if (!m) return fail_codec(m.error());
    auto* r = on != nullptr ? on : find_request(m->request_id);
    if (r == nullptr) return;
    if (!r->is_subscription() || r->subscription.publisher)
        return close(close_code::protocol_violation, "PUBLISH_DONE from a subscriber");
    if (r->done_pending) return close(close_code::protocol_violation, "second PUBLISH_DONE");
    r->done_pending = true;
    r->done_code = from_wire<publish_done_code>(*rules_, m->status_code);
    r->done_streams = m->stream_count;
    r->done_message = keep(body);
    if (r->done_message.size() != body.size())
        return close(close_code::internal_error, "out of memory");
    const bool count_known = m->stream_count < (std::uint64_t{1} << 62) - 1;
    const auto& sub = r->subscription;
    if (sub.streams_open == 0 && (!count_known || sub.streams_opened >= m->stream_count))
        return finish_done(now, *r);
    // A stream that was reset before its header arrived will never be seen; waiting has an end.
    timers_.add(now + seconds(2), timer_heap::kind::done, r->id);
}

MOQRTC_INLINE void session::finish_done(instant now, request& r) {
    auto& e = emit(event::kind::publish_done, &r);
    e.by_peer = true;
    e.publish_done = r.done_code;
    e.message = std::move(r.done_message);
    const auto id = r.id;
    r.phase = request::state::done;
    if (r.own_stream)
        if (const auto out = out_ids_.find(r.stream); out != id_map::none) {
            out_[out].owner = nullptr;
            finish_out(now, out);
        }
    end_request(now, id);
}

MOQRTC_INLINE void session::on_namespace(instant, request* r, std::uint64_t type, bytes body) {
    const bool blocked = type == msg::publish_blocked::code(*rules_) && rules_->publish_blocked;
    const auto kind = blocked && rules_->subscribe_tracks ? request_kind::subscribe_tracks
                                                          : request_kind::subscribe_namespace;
    if (!r->ours || r->kind != kind)
        return close(close_code::protocol_violation, "NAMESPACE on the wrong stream");
    if (r->phase == request::state::pending)
        return close(close_code::protocol_violation, "NAMESPACE before REQUEST_OK");
    auto what = event::kind::publish_blocked;
    if (blocked) {
        const auto m = parse<msg::publish_blocked>(*rules_, body);
        if (!m) return fail_codec(m.error());
    } else if (type == msg::namespace_message::code(*rules_)) {
        const auto m = parse<msg::namespace_message>(*rules_, body);
        if (!m) return fail_codec(m.error());
        r->suffixes.insert(track_namespace{m->track_namespace_suffix}.key());
        what = event::kind::namespace_added;
    } else {
        const auto m = parse<msg::namespace_done>(*rules_, body);
        if (!m) return fail_codec(m.error());
        if (r->suffixes.erase(track_namespace{m->track_namespace_suffix}.key()) == 0)
            return close(close_code::protocol_violation, "NAMESPACE_DONE without NAMESPACE");
        what = event::kind::namespace_removed;
    }
    (void)emit(what, r, body);
}

} // namespace moqrtc::moqt
