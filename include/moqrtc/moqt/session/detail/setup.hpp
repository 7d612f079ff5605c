#pragma once

#include <moqrtc/moqt/session/session.hpp>
#include <moqrtc/moqt/session/uri.hpp>

/// Beginning and end of a session.
namespace moqrtc::moqt {

MOQRTC_INLINE session::session(instant now, session_config config, buffer_pool& pool)
    : session_state{std::move(config), pool} {
    timers_.add(now + config_.setup_timeout, timer_heap::kind::setup);
    if (rules_->control_pair || config_.self == role::client) start();
}

MOQRTC_INLINE void session::start() {
    setup_options options;
    options.max_auth_token_cache_size = config_.max_auth_token_cache_size;
    const authorization_token token{alias_type::use_value, 0, config_.setup_token_type,
                                    as_bytes(config_.setup_token)};
    if (!config_.setup_token.empty())
        options.authorization_tokens = token_list{std::span{&token, 1}};
    if (!config_.implementation.empty()) options.implementation = as_bytes(config_.implementation);
    if (rules_->range_filters) {
        if (config_.max_filter_ranges != 0) options.max_filter_ranges = config_.max_filter_ranges;
        if (config_.max_request_updates != 0)
            options.max_request_updates = config_.max_request_updates;
    }
    if (rules_->request_credit) {
        granted_credit_ = config_.max_requests * 2;
        options.max_request_id = granted_credit_;
    }
    if (config_.self == role::client && !config_.webtransport) {
        if (!config_.authority.empty()) options.authority = as_bytes(config_.authority);
        // A URI has a path, be it empty: PATH is set all the same (anchor `path`).
        if (!config_.authority.empty() || !config_.path.empty())
            options.path = as_bytes(config_.path);
    }
    if (control_out_ == no_slot)
        control_out_ = add_out(next_local_id(rules_->control_pair), out_kind::control,
                               send_rank::of(send_rank::level::control));
    result<slice> encoded = fail(errc::bad_state, "setup");
    if (rules_->control_pair) {
        encoded = encode(msg::setup{options});
    } else if (config_.self == role::client) {
        encoded = encode(msg::client_setup{options, msg::version_list::of(*rules_)});
        control_in_ = add_in(out_[control_out_].id, in_kind::control);
    } else {
        encoded = encode(msg::server_setup{options, rules_->version});
    }
    if (!encoded) return close(close_code::internal_error, "cannot write SETUP");
    queue(out_[control_out_], std::move(*encoded));
}

namespace detail {

/// Anchor `setup-versions`: whether the draft in use is among those offered, or the one chosen.
template <class M>
[[nodiscard]] bool version_fits(const wire_rules& rules, const M& m) noexcept {
    if (rules.setup != setup_form::versions) return true;
    if constexpr (std::is_same_v<M, msg::client_setup>) return m.versions.contains(rules.version);
    if constexpr (std::is_same_v<M, msg::server_setup>) return m.selected_version == rules.version;
    return true;
}

} // namespace detail

template <class M>
void session::handle_setup(instant now, bytes body) {
    const auto m = parse<M>(*rules_, body);
    if (!m) return fail_codec(m.error());
    if (!detail::version_fits(*rules_, *m))
        return close(close_code::version_negotiation_failed, "no version in common");
    if (!check_setup_options(m->options)) return;
    if (apply_tokens(m->options.authorization_tokens, true) && !closed_)
        return close(close_code::protocol_violation, "token alias in SETUP");
    if (closed_) return;
    peer_credit_ = m->options.max_request_id.value_or(0);
    peer_filter_ranges_ = m->options.max_filter_ranges.value_or(0);
    peer_update_limit_ = m->options.max_request_updates.value_or(0);
    if (control_out_ == no_slot || (!rules_->control_pair && config_.self == role::server)) start();
    if (!closed_) become_established(now, body);
}

MOQRTC_INLINE bool session::check_setup_options(const setup_options& o) {
    const bool allowed = config_.self == role::server && !config_.webtransport;
    if (o.authority && !allowed)
        return close(close_code::invalid_authority, "AUTHORITY is for native QUIC servers"), false;
    if (o.authority && !is_authority(as_text(*o.authority)))
        return close(close_code::malformed_authority, "AUTHORITY is no URI authority"), false;
    if (o.path && !allowed)
        return close(close_code::invalid_path, "PATH is for native QUIC servers"), false;
    if (o.path && !is_path(as_text(*o.path)))
        return close(close_code::malformed_path, "PATH is no path of a URI"), false;
    if (config_.self != role::server) return true;
    auto at = o.authorization_tokens.tokens();
    while (const auto token = at.next())
        if (token->kind == alias_type::delete_alias || token->kind == alias_type::use_alias)
            return close(close_code::protocol_violation, "token alias in a client's SETUP"), false;
    return true;
}

MOQRTC_INLINE void session::become_established(instant now, bytes body) {
    established_ = true;
    (void)emit(event::kind::established, nullptr, body);
    for (std::uint32_t slot = 0; slot < in_.extent(); ++slot)
        if (in_[slot].held.size() != 0 || in_[slot].fin_held) replay(now, slot);
}

MOQRTC_INLINE void session::fail_codec(const error& failure) {
    if (closed_) return;
    close(close_code_for(failure.code), failure.field);
    if (!events_.empty() && events_.back().what == event::kind::closed)
        events_.back().failure = failure;
}

MOQRTC_INLINE void session::close(close_code code, std::string_view reason) {
    if (closed_) return;
    closed_ = true;
    const auto text = slice::copy(*pool_, as_bytes(reason.substr(0, limits::reason_phrase)));
    ops_.push({transport_op::kind::close, 0, to_wire(*rules_, code), text});
    auto& e = emit(event::kind::closed);
    e.close = code;
    e.message = text;
    scheduler_.clear();
    lone_ = nullptr;
    timers_.clear();
}

MOQRTC_INLINE void session::handle_transport_closed(instant, std::uint64_t code,
                                                    std::string_view reason, bool by_peer) {
    if (closed_) return;
    closed_ = true;
    auto& e = emit(event::kind::closed);
    e.close = from_wire<close_code>(*rules_, code);
    e.by_peer = by_peer;
    e.message = slice::copy(*pool_, as_bytes(reason.substr(0, limits::reason_phrase)));
    scheduler_.clear();
    lone_ = nullptr;
    timers_.clear();
}

MOQRTC_INLINE instant session::next_timeout() const noexcept {
    return timers_.next();
}

MOQRTC_INLINE void session::handle_timeout(instant now) {
    while (const auto due = timers_.due(now)) {
        switch (due->what) {
        case timer_heap::kind::setup:
            if (!established_) close(close_code::control_message_timeout, "no SETUP from the peer");
            break;
        case timer_heap::kind::goaway:
            close(close_code::goaway_timeout, "requests are open after GOAWAY");
            break;
        case timer_heap::kind::done:
            if (auto* r = find_request(due->id);
                r != nullptr && r->done_pending && !r->subscription.publisher)
                finish_done(now, *r);
            break;
        case timer_heap::kind::request_goaway:
            if (auto* r = find_request(due->id)) {
                emit(event::kind::cancelled, r).reset = reset_code::going_away;
                drop_request(now, *r, reset_code::going_away);
            }
            break;
        case timer_heap::kind::subgroup: {
            // FIN was handed over, yet not everything is acknowledged (anchor `delivery-timeouts`).
            const auto slot = out_ids_.find(due->id);
            if (slot == id_map::none) break;
            auto& e = emit(event::kind::stream_stopped, out_[slot].owner);
            e.stream = due->id;
            e.reset = reset_code::delivery_timeout;
            reset_out(now, slot, reset_code::delivery_timeout);
            break;
        }
        case timer_heap::kind::dependent: {
            const auto slot = in_ids_.find(due->id);
            if (slot == id_map::none || !in_[slot].waits_request) break;
            in_[slot].waits_request = false;
            --requests_waiting_;
            overdue_ = true; // it is refused for that
            replay(now, slot);
            overdue_ = false;
            break;
        }
        case timer_heap::kind::request_gap:
            on_request_gap(now, due->id);
            break;
        case timer_heap::kind::unknown_alias: {
            const auto slot = in_ids_.find(due->id);
            if (slot != id_map::none && in_[slot].waits_alias)
                discard_in(slot, reset_code::cancelled);
            break;
        }
        }
        if (closed_) return;
    }
}

MOQRTC_INLINE result<void> session::goaway(instant now, std::string_view uri, duration timeout) {
    if (closed_ || goaway_sent_) return fail(errc::bad_state, "goaway");
    if (control_out_ == no_slot) return fail(errc::bad_state, "control stream");
    if (!uri.empty() && config_.self == role::client)
        return fail(errc::bad_value, "new_session_uri");
    msg::goaway m{as_bytes(uri)};
    if (rules_->goaway_timeout) m.timeout = static_cast<std::uint64_t>(timeout.ms());
    if (rules_->goaway_request) m.request_id = next_peer_request_id_;
    auto encoded = encode(m);
    if (!encoded) return std::unexpected(encoded.error());
    queue(out_[control_out_], std::move(*encoded));
    goaway_sent_ = true;
    timers_.add(now + (timeout.us > 0 ? timeout : config_.goaway_timeout),
                timer_heap::kind::goaway);
    return {};
}

MOQRTC_INLINE result<void> session::request_goaway(instant now, request_id id, std::string_view uri,
                                                   duration timeout) {
    auto* r = open_request(id);
    if (r == nullptr) return fail(errc::not_found, "request_id");
    if (!rules_->request_goaway || !r->own_stream) return fail(errc::not_in_draft, "goaway");
    if (r->goaway_sent) return fail(errc::bad_state, "goaway");
    if (!uri.empty() && config_.self == role::client)
        return fail(errc::bad_value, "new_session_uri");
    const msg::goaway m{as_bytes(uri), static_cast<std::uint64_t>(timeout.ms()), {}};
    if (auto sent = send_on(*r, m); !sent) return sent;
    r->goaway_sent = true;
    if (timeout.us > 0) timers_.add(now + timeout, timer_heap::kind::request_goaway, id);
    return {};
}

MOQRTC_INLINE void session::handle_goaway(instant, request* on, bytes body) {
    const auto m = parse<msg::goaway>(*rules_, body);
    if (!m) return fail_codec(m.error());
    bool& seen = on != nullptr ? on->goaway_seen : goaway_received_;
    if (seen) return close(close_code::protocol_violation, "second GOAWAY");
    if (config_.self == role::server && !m->new_session_uri.empty())
        return close(close_code::protocol_violation, "GOAWAY with a URI from a client");
    if (on != nullptr && m->request_id)
        return close(close_code::protocol_violation,
                     "GOAWAY with a Request ID on a request stream");
    if (m->request_id && *m->request_id % 2 != next_request_id_ % 2)
        return close(close_code::invalid_request_id, "GOAWAY names a request that is not ours");
    seen = true;
    (void)emit(on != nullptr ? event::kind::request_goaway : event::kind::goaway, on, body);
}

/// Nothing comes after `closed`; an event whose message does not fit into the pool closes.
MOQRTC_INLINE event& session::emit(event::kind what, const request* r, bytes message) {
    auto kept = closed_ ? slice{} : keep(message);
    if (kept.size() != message.size()) close(close_code::internal_error, "out of memory");
    if (closed_ && what != event::kind::closed) return unheard_ = {};
    events_.push({});
    auto& e = events_.back();
    e.message = std::move(kept);
    e.what = what;
    e.rules = rules_;
    if (r != nullptr) {
        e.id = r->id;
        e.request = r->kind;
    }
    return e;
}

MOQRTC_INLINE slice session::keep(bytes data) {
    return slice::copy(*pool_, data);
}

} // namespace moqrtc::moqt
