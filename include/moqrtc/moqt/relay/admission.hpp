#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>
#include <array>
#include <string>

/// What the policy says to sessions and requests, and what becomes of them when that ends.
///
/// Spec    moq-transport, anchors `authorization-token` and `message-request-error`.
/// Cost    requests only: objects never ask. A request whose permission has no end leaves nothing
///         behind here.
namespace moqrtc::moqt {

namespace detail {

/// Where a client of native QUIC came in: the path of its SETUP.
[[nodiscard]] MOQRTC_INLINE std::string path_of(const event& e) {
    const auto of = [](const auto& m) -> std::string {
        static constexpr std::size_t longest = 8192;
        if (!m || !m->options.path) return {};
        return std::string{as_text(*m->options.path).substr(0, longest)};
    };
    return e.rules->setup == setup_form::symmetric ? of(e.as<msg::setup>())
                                                   : of(e.as<msg::client_setup>());
}

/// The tokens of a message with their aliases resolved. Borrows from message and session.
struct resolved_tokens {
    resolved_tokens(const session& of, const token_list& tokens) {
        auto walk = tokens.tokens();
        while (const auto token = walk.next()) {
            if (token->kind == alias_type::delete_alias || count == all.size()) continue;
            if (const auto whole = of.resolve(*token)) all[count++] = *whole;
        }
    }
    [[nodiscard]] std::span<const authorization_token> view() const noexcept {
        return {all.data(), count};
    }
    std::array<authorization_token, limits::tokens_per_message> all{};
    std::size_t count = 0;
};

} // namespace detail

/// The SETUP of a client is here: whether it gets a session.
MOQRTC_INLINE bool relay::enter(instant now, peer& p, event& e) {
    if (p.info.upstream || p.info.sibling) return true;
    const auto path = detail::path_of(e);
    const auto mark = std::min(path.find('?'), path.size());
    if (p.info.door.empty()) p.info.door = path.substr(0, mark); // without the secrets behind it
    const auto decide = [&](const auto& m) {
        const detail::resolved_tokens tokens{p.session,
                                             m ? m->options.authorization_tokens : token_list{}};
        return policy_->admit(
            {.now = now,
             .session = p.key,
             .info = p.info,
             .webtransport = p.session.config().webtransport,
             .query = std::string_view{path}.substr(std::min(mark + 1, path.size())),
             .tokens = tokens.view()});
    };
    const auto said = e.rules->setup == setup_form::symmetric ? decide(e.as<msg::setup>())
                                                              : decide(e.as<msg::client_setup>());
    if (said.refused) {
        ++statistics_.turned_away;
        p.session.close(now, *said.refused, said.reason.empty() ? "no session here" : said.reason);
        touch(p);
        return false;
    }
    p.standing = {said.credential, said.until, true};
    p.probation = said.probation;
    schedule_hold(now, p);
    return true;
}

MOQRTC_INLINE decision relay::ask(instant now, peer& p, request_kind kind,
                                  const track_namespace& space, std::string_view name,
                                  const token_list& tokens, bool renewal) {
    const detail::resolved_tokens resolved{p.session, tokens};
    return policy_->decide({.now = now,
                            .session = p.key,
                            .info = p.info,
                            .kind = kind,
                            .space = space,
                            .track = name,
                            .tokens = resolved.view(),
                            .renewal = renewal});
}

/// Asks the policy; refuses the request if that says so.
MOQRTC_INLINE std::optional<decision> relay::admit(instant now, peer& p, request_id id,
                                                   request_kind kind, const track_namespace& space,
                                                   std::string_view name,
                                                   const token_list& tokens) {
    if (p.info.sibling) return decision::allow(); // the relay it came to has asked
    auto said = ask(now, p, kind, space, name, tokens);
    if (!said.allowed) {
        refuse(now, p, id, said.code, said.reason, said.retry_after);
        if (said.ends_session) shut(now, p);
        return std::nullopt;
    }
    hold(now, p, id, said);
    return said;
}

MOQRTC_INLINE seat_answer relay::ask_seat(instant now, const peer& p, seat_kind kind,
                                          const track_namespace& space) {
    if (p.info.sibling || p.info.upstream) return {};
    return policy_->seat(
        {.now = now, .session = p.key, .info = p.info, .kind = kind, .space = space});
}

/// Takes the seat of a request; refuses the request where there is none.
MOQRTC_INLINE bool relay::take_seat(instant now, peer& p, request_id id, seat_kind kind,
                                    const track_namespace& space) {
    const auto got = ask_seat(now, p, kind, space);
    if (!got.allowed) {
        p.holds.erase(id);
        refuse(now, p, id, request_error_code::excessive_load, got.reason, seconds(1));
        return false;
    }
    if (got.seat != no_seat) p.seats.set(id, got.seat);
    return true;
}

MOQRTC_INLINE void relay::leave_seat(peer& p, request_id id) {
    const auto seat = p.seats.find(id);
    if (seat == id_map::none) return;
    p.seats.erase(id);
    policy_->leave(seat);
}

/// Notes what a request stands on, and what else stands on it from now on.
MOQRTC_INLINE void relay::hold(instant now, peer& p, request_id id, const decision& said) {
    const peer::hold fresh{said.credential, said.until, said.ends_session};
    if (p.probation && said.credential != no_credential) {
        p.probation = false;
        if (!p.ending) p.standing.until = never;
    }
    if (said.replaces != no_credential && said.replaces != said.credential) {
        ++statistics_.renewed;
        const auto move = [&](peer::hold& h) {
            if (h.credential == said.replaces) h = {said.credential, said.until, h.ends_session};
        };
        if (!p.ending) move(p.standing);
        for (auto& [request, h] : p.holds)
            move(h);
    }
    if (fresh.credential == no_credential && fresh.until == never) {
        if (!p.holds.empty()) p.holds.erase(id);
    } else {
        p.holds[id] = fresh;
        if (p.holds.size() >= p.prune_at) prune_holds(p);
    }
    schedule_hold(now, p);
}

/// A REQUEST_UPDATE: tokens that it brings renew what the request stands on, and another prefix is
/// asked about as if it were new. Nothing when it was refused.
MOQRTC_INLINE std::optional<decision> relay::renew(instant now, peer& p, event& e) {
    if (p.info.sibling) return decision::allow();
    const auto m = e.as<msg::request_update>();
    if (!m) return decision::allow();
    const auto& tokens = m->params.authorization_tokens;
    const bool moves = m->params.track_namespace_prefix.has_value();
    if (tokens.empty() && !moves) return decision::allow();
    const auto subscription = p.subscribers.find(e.id);
    const auto kind = subscription != id_map::none ? request_kind::subscribe : e.request;
    auto name = name_of(p, e.id);
    if (moves) name.space = track_namespace{*m->params.track_namespace_prefix};
    const auto said = ask(now, p, kind, name.space, name.name, tokens, true);
    if (said.allowed) {
        hold(now, p, e.id, said);
        return said;
    }
    ++statistics_.refused;
    auto& told = report(relay_event::kind::request_refused, &p);
    told.refused = said.code;
    told.reason = said.reason;
    if (subscription != id_map::none && subscribers_[subscription].place == none) {
        (void)p.session.reject(now, e.id, said.code, said.reason);
        remove_subscriber(now, subscription);
    } else {
        // What the draft ends with a refused update is over (anchor `message-request-update`).
        (void)p.session.reject_update(now, e.update_id, said.code, said.reason);
        if (subscription != id_map::none) remove_subscriber(now, subscription);
    }
    touch(p);
    if (said.ends_session) shut(now, p);
    return std::nullopt;
}

/// What a request of the peer, or a subscription that we offered it, is about.
MOQRTC_INLINE full_track_name relay::name_of(const peer& p, request_id id) const {
    if (const auto s = p.subscribers.find(id); s != id_map::none)
        return tracks_[subscribers_[s].track].name;
    if (const auto f = p.fetches.find(id); f != id_map::none)
        return tracks_[fetches_[f].track].name;
    if (const auto s = p.sources.find(id); s != id_map::none)
        return tracks_[sources_[s].track].name;
    if (const auto at = p.published.find(id); at != p.published.end()) return {at->second, {}};
    if (const auto at = p.discoveries.find(id); at != p.discoveries.end())
        return {at->second.prefix, {}};
    return {};
}

MOQRTC_INLINE bool relay::is_live(const peer& p, request_id id) const {
    return p.subscribers.find(id) != id_map::none || p.fetches.find(id) != id_map::none ||
           p.sources.find(id) != id_map::none || p.published.contains(id) ||
           p.discoveries.contains(id);
}

/// Requests end without a word to this file; what they stood on is forgotten now and then.
MOQRTC_INLINE void relay::prune_holds(peer& p) {
    std::erase_if(p.holds, [&](const auto& one) { return !is_live(p, one.first); });
    p.prune_at = std::max<std::size_t>(64, p.holds.size() * 2 + 1);
}

/// How long what a request stands on still holds, where that has an end. Spec: anchor `expires`.
MOQRTC_INLINE void relay::say_expiry(instant now, const peer& p, request_id id, carrier in,
                                     message_params& told) const {
    auto until = p.standing.until;
    if (const auto at = p.holds.find(id); at != p.holds.end())
        until = std::min(until, at->second.until);
    if (until == never || !overlaps(carriers_of(p.session.rules(), parameter::expires), in)) return;
    // 0 would mean that it has no end.
    told.expires = static_cast<std::uint64_t>(std::max<std::int64_t>((until - now).us / 1000, 1));
}

MOQRTC_INLINE void relay::schedule_hold(instant now, peer& p) {
    auto at = p.standing.until;
    for (const auto& [id, h] : p.holds)
        at = std::min(at, h.until);
    if (at >= p.hold_due) return;
    p.hold_due = std::max(at, now);
    schedule({p.hold_due, timer::kind::hold, p.key.index});
}

MOQRTC_INLINE void relay::on_hold_timer(instant now, peer& p) {
    p.hold_due = never;
    if (p.gone || p.session.closed()) return;
    if (p.standing.until <= now) {
        if (p.probation && !p.ending) {
            hit(relay_limit::silence);
            return close_unauthorized(now, p, no_credential_in_time);
        }
        if (!p.ending) ++statistics_.expired;
        return close_unauthorized(now, p);
    }
    std::vector<request_id> over;
    for (const auto& [id, h] : p.holds)
        if (h.until <= now) over.push_back(id);
    end_held(now, p, over, request_error_code::expired_auth_token);
    schedule_hold(now, p);
}

MOQRTC_INLINE void relay::revoke(instant now) {
    for (std::size_t i = 0; i < peers_.size(); ++i) {
        auto* p = peers_[i].get();
        if (p == nullptr || p->gone || p->session.closed()) continue;
        if (p->standing.credential != no_credential && policy_->is_gone(p->standing.credential)) {
            ++statistics_.revoked;
            close_unauthorized(now, *p);
            continue;
        }
        std::vector<request_id> over;
        for (const auto& [id, h] : p->holds)
            if (h.credential != no_credential && policy_->is_gone(h.credential)) over.push_back(id);
        end_held(now, *p, over, request_error_code::unauthorized);
    }
}

MOQRTC_INLINE void relay::close_unauthorized(instant now, peer& p, std::string_view reason) {
    p.session.close(now, close_code::unauthorized, reason);
    handle_ready(now, p.key);
}

/// The session ends, but what was just written gets out first.
MOQRTC_INLINE void relay::shut(instant now, peer& p) {
    if (p.ending) return;
    p.ending = true;
    p.standing = {no_credential, now + milliseconds(100), true};
    schedule_hold(now, p);
}

/// Ends requests whose permission is over, each as the draft ends that kind.
MOQRTC_INLINE void relay::end_held(instant now, peer& p, const std::vector<request_id>& all,
                                   request_error_code why) {
    const bool expired = why == request_error_code::expired_auth_token;
    const std::string_view reason = expired ? "the token has expired" : "the token was revoked";
    const auto code = code_for(p, expired ? reset_code::expired_auth_token : reset_code::cancelled);
    for (const auto id : all) {
        const auto at = p.holds.find(id);
        if (at == p.holds.end()) continue;
        const bool ends_session = at->second.ends_session;
        p.holds.erase(at);
        if (!is_live(p, id)) continue;
        ++(expired ? statistics_.expired : statistics_.revoked);
        end_request(now, p, id, why, code, reason);
        if (ends_session) shut(now, p);
    }
    if (!all.empty()) touch(p);
}

MOQRTC_INLINE void relay::end_request(instant now, peer& p, request_id id, request_error_code why,
                                      reset_code code, std::string_view reason) {
    if (const auto s = p.subscribers.find(id); s != id_map::none) {
        if (subscribers_[s].place != none)
            return end_subscriber(now, s, publish_done_code::unauthorized, reason);
        refuse(now, p, id, why, reason);
        return remove_subscriber(now, s);
    }
    if (const auto f = p.fetches.find(id); f != id_map::none) {
        auto& fetch = fetches_[f];
        if (!fetch.answered) return refuse_fetch(now, f, why, reason);
        if (fetch.stream == no_stream)
            if (const auto stream = p.session.open_fetch_stream(now, id)) fetch.stream = *stream;
        (void)p.session.reset_stream(now, fetch.stream, code);
        return drop_fetch(now, f);
    }
    if (const auto s = p.sources.find(id); s != id_map::none) {
        (void)p.session.cancel(now, id, code);
        return lose_source(now, s, {}, {}, "the publisher's token is over");
    }
    if (const auto at = p.published.find(id); at != p.published.end()) {
        const auto space = at->second;
        (void)p.session.cancel(now, id, code);
        remove_namespace(now, p, id, space);
        // What we had asked for because of it goes, too.
        std::vector<std::uint32_t> served;
        p.sources.for_each([&](std::uint64_t, std::uint32_t s) {
            if (!sources_[s].by_publish &&
                space.is_prefix_of(tracks_[sources_[s].track].name.space))
                served.push_back(s);
        });
        for (const auto s : served) {
            (void)p.session.cancel(now, sources_[s].id, code);
            lose_source(now, s, {}, {}, "the publisher's token is over");
        }
        return;
    }
    if (p.discoveries.contains(id)) {
        (void)p.session.cancel(now, id, code);
        end_discovery(now, p, id);
    }
}

} // namespace moqrtc::moqt
