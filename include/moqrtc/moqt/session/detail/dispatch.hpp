#pragma once

#include <moqrtc/moqt/session/session.hpp>

/// Control messages in: to whom each goes.
namespace moqrtc::moqt {

namespace detail {

using ok_messages =
    msg::type_list<msg::request_ok, msg::subscribe_ok, msg::publish_ok, msg::fetch_ok,
                   msg::publish_namespace_ok, msg::subscribe_namespace_ok, msg::track_status_ok>;
using error_messages = msg::type_list<msg::request_error, msg::subscribe_error, msg::publish_error,
                                      msg::fetch_error, msg::track_status_error,
                                      msg::publish_namespace_error, msg::subscribe_namespace_error>;
using end_messages =
    msg::type_list<msg::unsubscribe, msg::fetch_cancel, msg::publish_namespace_done,
                   msg::publish_namespace_cancel, msg::unsubscribe_namespace>;

template <class Types>
[[nodiscard]] constexpr bool is_any(const wire_rules& rules, std::uint64_t type) noexcept {
    return Types::dispatch(rules, type, []<class> {});
}

} // namespace detail

MOQRTC_INLINE void session::handle_message(instant now, std::uint32_t in, std::uint64_t type,
                                           bytes body) {
    switch (in_[in].kind) {
    case in_kind::unsettled:
        return handle_first_message(now, in, type, body);
    case in_kind::request:
        return handle_request_message(now, in, type, body);
    default:
        return handle_control_message(now, type, body);
    }
}

/// Anchor `control-streams`: what a bidirectional stream of the peer may begin with.
MOQRTC_INLINE void session::handle_first_message(instant now, std::uint32_t in, std::uint64_t type,
                                                 bytes body) {
    auto& s = in_[in];
    const bool is_setup = type == msg::client_setup::code(*rules_);
    if (!rules_->control_pair && config_.self == role::server && control_in_ == no_slot &&
        is_setup) {
        s.kind = in_kind::control;
        control_in_ = in;
        control_out_ = add_out(s.id, out_kind::control, send_rank::of(send_rank::level::control));
        return handle_control_message(now, type, body);
    }
    const bool fits = rules_->request_streams ? is_request(type)
                                              : rules_->namespace_streams &&
                                                    type == msg::subscribe_namespace::code(*rules_);
    if (!fits || !established_)
        return close(close_code::protocol_violation, "first message of a bidirectional stream");
    s.kind = in_kind::request;
    (void)add_out(s.id, out_kind::request, send_rank::of(send_rank::level::request));
    handle_new_request(now, type, body, in);
}

MOQRTC_INLINE bool session::is_request(std::uint64_t type) const noexcept {
    return type == msg::subscribe::code(*rules_) || type == msg::publish::code(*rules_) ||
           type == msg::fetch::code(*rules_) || type == msg::track_status::code(*rules_) ||
           type == msg::publish_namespace::code(*rules_) ||
           type == msg::subscribe_namespace::code(*rules_) ||
           type == msg::subscribe_tracks::code(*rules_);
}

MOQRTC_INLINE void session::handle_new_request(instant now, std::uint64_t type, bytes body,
                                               std::uint32_t in) {
    const auto as = [&]<class M>(request_kind kind) {
        if (M::code(*rules_) != type || M::code(*rules_) == no_code) return false;
        const auto m = parse<M>(*rules_, body);
        if (!m)
            fail_codec(m.error());
        else
            on_request(now, kind, *m, body, in);
        return true;
    };
    (void)(as.template operator()<msg::subscribe>(request_kind::subscribe) ||
           as.template operator()<msg::publish>(request_kind::publish) ||
           as.template operator()<msg::fetch>(request_kind::fetch) ||
           as.template operator()<msg::track_status>(request_kind::track_status) ||
           as.template operator()<msg::publish_namespace>(request_kind::publish_namespace) ||
           as.template operator()<msg::subscribe_namespace>(request_kind::subscribe_namespace) ||
           as.template operator()<msg::subscribe_tracks>(request_kind::subscribe_tracks));
}

MOQRTC_INLINE void session::handle_control_message(instant now, std::uint64_t type, bytes body) {
    const auto is = [&]<class M>(const M*) {
        return type == M::code(*rules_) && M::code(*rules_) != no_code;
    };
    const bool setup_expected = rules_->control_pair ? is(static_cast<msg::setup*>(nullptr))
                                : config_.self == role::server
                                    ? is(static_cast<msg::client_setup*>(nullptr))
                                    : is(static_cast<msg::server_setup*>(nullptr));
    if (!established_) {
        if (!setup_expected) return close(close_code::protocol_violation, "SETUP comes first");
        if (rules_->control_pair) return handle_setup<msg::setup>(now, body);
        if (config_.self == role::server) return handle_setup<msg::client_setup>(now, body);
        return handle_setup<msg::server_setup>(now, body);
    }
    if (is(static_cast<msg::goaway*>(nullptr))) return handle_goaway(now, nullptr, body);
    if (rules_->request_streams)
        return close(close_code::protocol_violation, "message type on the control stream");
    if (is_request(type)) {
        if (rules_->namespace_streams && type == msg::subscribe_namespace::code(*rules_))
            return close(close_code::protocol_violation,
                         "SUBSCRIBE_NAMESPACE on the control stream");
        return handle_new_request(now, type, body, no_slot);
    }
    // Answers and ends carry the request they belong to; each handler reads it.
    if (detail::is_any<detail::ok_messages>(*rules_, type)) return on_ok(now, nullptr, type, body);
    if (detail::is_any<detail::error_messages>(*rules_, type))
        return on_error(now, nullptr, type, body);
    if (is(static_cast<msg::request_update*>(nullptr))) return on_update(now, nullptr, body);
    if (is(static_cast<msg::publish_done*>(nullptr))) return on_publish_done(now, nullptr, body);
    if (detail::is_any<detail::end_messages>(*rules_, type))
        return handle_end_message(now, type, body);
    if (is(static_cast<msg::max_request_id*>(nullptr)) ||
        is(static_cast<msg::requests_blocked*>(nullptr)))
        return handle_credit_message(now, type, body);
    close(close_code::protocol_violation, "message type");
}

/// Messages that end a request, where requests have no stream that could end. Which request it is
/// they say by its identifier, or by a namespace.
MOQRTC_INLINE void session::handle_end_message(instant now, std::uint64_t type, bytes body) {
    const auto end = [&]<class M>(auto find, auto fits) {
        if (type != M::code(*rules_)) return;
        const auto m = parse<M>(*rules_, body);
        if (!m) return fail_codec(m.error());
        request* r = find(*m);
        if (r == nullptr) return; // it ended here at the same time
        if (!fits(*r)) return close(close_code::protocol_violation, M::name);
        on_peer_cancel(now, *r, reset_code::cancelled);
    };
    const auto by_id = [&](const auto& m) { return find_request(m.request_id); };
    const auto published = [&](bool ours) {
        return [this, ours](const auto& m) {
            if (rules_->namespace_done_by_id) return find_request(m.request_id);
            return find_namespace(track_namespace{m.track_namespace},
                                  request_kind::publish_namespace, ours);
        };
    };
    const auto of_kind = [](request_kind kind, bool ours) {
        return [kind, ours](const request& r) { return r.kind == kind && r.ours == ours; };
    };
    end.template operator()<msg::unsubscribe>(
        by_id, [](const request& r) { return r.is_subscription() && r.subscription.publisher; });
    end.template operator()<msg::fetch_cancel>(by_id, of_kind(request_kind::fetch, false));
    end.template operator()<msg::publish_namespace_done>(
        published(false), of_kind(request_kind::publish_namespace, false));
    end.template operator()<msg::publish_namespace_cancel>(
        published(true), of_kind(request_kind::publish_namespace, true));
    end.template operator()<msg::unsubscribe_namespace>(
        [&](const msg::unsubscribe_namespace& m) {
            if (rules_->unsubscribe_by_id) return find_request(m.request_id);
            return find_namespace(track_namespace{m.track_namespace_prefix},
                                  request_kind::subscribe_namespace, false);
        },
        of_kind(request_kind::subscribe_namespace, false));
}

MOQRTC_INLINE void session::handle_request_message(instant now, std::uint32_t in,
                                                   std::uint64_t type, bytes body) {
    const auto slot = in_[in].request;
    if (slot == no_slot) return; // refused or cancelled: what still comes is not looked at
    auto* r = &requests_[slot];
    const auto is = [&](std::uint64_t code) { return code != no_code && type == code; };
    // Messages of the requester, then those of the responder.
    if (is(msg::request_update::code(*rules_))) return on_update(now, r, body);
    if (is(msg::goaway::code(*rules_)) && rules_->request_goaway)
        return handle_goaway(now, r, body);
    if (is(msg::publish_done::code(*rules_))) return on_publish_done(now, r, body);
    if (is(msg::publish_state_notify::code(*rules_))) return on_state_notify(now, *r, body);
    if (detail::is_any<detail::error_messages>(*rules_, type)) return on_error(now, r, type, body);
    if (detail::is_any<detail::ok_messages>(*rules_, type)) return on_ok(now, r, type, body);
    if (is(msg::namespace_message::code(*rules_)) || is(msg::namespace_done::code(*rules_)) ||
        is(msg::publish_blocked::code(*rules_)))
        return on_namespace(now, r, type, body);
    close(close_code::protocol_violation, "message type on a request stream");
}

MOQRTC_INLINE void session::handle_credit_message(instant now, std::uint64_t type, bytes body) {
    if (type == msg::requests_blocked::code(*rules_)) {
        // Credit grows with ended requests alone; being blocked asks for nothing (anchor
        // `message-requests-blocked`).
        const auto m = parse<msg::requests_blocked>(*rules_, body);
        if (!m) fail_codec(m.error());
        return;
    }
    const auto m = parse<msg::max_request_id>(*rules_, body);
    if (!m) return fail_codec(m.error());
    if (m->limit <= peer_credit_)
        return close(close_code::protocol_violation, "MAX_REQUEST_ID does not grow");
    peer_credit_ = m->limit;
    blocked_told_ = false;
    announce_waiting(now);
}

/// Anchor `request-id`.
MOQRTC_INLINE bool session::take_request_id(instant now, request_id id) {
    const auto refuse = [&](close_code code, std::string_view why) {
        close(code, why);
        return false;
    };
    if (id % 2 == next_request_id_ % 2)
        return refuse(close_code::invalid_request_id, "request ID of the wrong side");
    if (rules_->sequential_request_ids) {
        if (id != next_peer_request_id_ && !rules_->namespace_streams)
            return refuse(close_code::invalid_request_id, "request ID out of sequence");
        if (id >= granted_credit_)
            return refuse(close_code::too_many_requests, "request ID over MAX_REQUEST_ID");
        // Streams overtake each other, so where requests are on several of them the sequence may
        // arrive with a gap; it has to close.
        if (rules_->namespace_streams) {
            if (!peer_request_ids_.add(id))
                return refuse(close_code::invalid_request_id, "request ID used twice");
            watch_request_gap(now);
        }
    } else if (!peer_request_ids_.add(id)) {
        return refuse(close_code::invalid_request_id, "request ID used twice");
    }
    next_peer_request_id_ = std::max(next_peer_request_id_, id <= UINT64_MAX - 2 ? id + 2 : id);
    return true;
}

/// Sets a deadline for the first request ID of the peer that others have overtaken.
MOQRTC_INLINE void session::watch_request_gap(instant now) {
    if (gap_watched_) return;
    const auto missing = peer_request_ids_.first_missing(1 - next_request_id_ % 2);
    if (!missing) return;
    gap_watched_ = true;
    timers_.add(now + config_.setup_timeout, timer_heap::kind::request_gap, *missing);
}

MOQRTC_INLINE void session::on_request_gap(instant now, request_id missing) {
    gap_watched_ = false;
    if (!peer_request_ids_.contains(missing)) {
        if (!peer_reset_request_)
            return close(close_code::invalid_request_id, "request ID out of sequence");
        // Its stream was reset before it could be read.
        (void)peer_request_ids_.add(missing);
        ++peer_requests_ended_;
        grow_credit();
    }
    watch_request_gap(now);
}

/// Applies the tokens of a message in order; returns the code to refuse the request with. A token
/// that breaks the session's rules closes it.
MOQRTC_INLINE std::optional<request_error_code> session::apply_tokens(const token_list& tokens,
                                                                      bool in_setup) {
    std::optional<request_error_code> refused;
    auto at = tokens.tokens();
    while (const auto token = at.next()) {
        switch (tokens_.apply(*token, in_setup)) {
        case token_cache::outcome::ok:
            break;
        case token_cache::outcome::duplicate_alias:
            close(close_code::duplicate_auth_token_alias, "token alias registered twice");
            return refused;
        case token_cache::outcome::overflow:
            close(close_code::auth_token_cache_overflow, "token cache is full");
            return refused;
        case token_cache::outcome::unknown_alias:
            // No request error means "unknown alias" in any draft; this is the closest one.
            refused = request_error_code::malformed_auth_token;
            break;
        }
    }
    return refused;
}

} // namespace moqrtc::moqt
