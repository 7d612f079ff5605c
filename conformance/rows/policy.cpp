#include "rows.hpp"

#include <array>

// Tokens that the operator knows what the peer says to: who may do what.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

constexpr std::uint64_t token_type = 0x03;

const octets& good_token(const stage& s) {
    if (s.target().tokens.good.empty())
        throw inconclusive{"needs a token that the peer takes: --good-token"};
    return s.target().tokens.good;
}
const octets& expired_token(const stage& s) {
    if (s.target().tokens.expired.empty())
        throw inconclusive{"needs a token that has expired: --expired-token"};
    return s.target().tokens.expired;
}

/// A namespace of the row's own, announced with the token that the side shows.
request announces(stage& s, side& at, std::string_view name) {
    const auto space = s.space(name);
    return at.ask(msg::publish_namespace{0, space.view(), {}});
}
/// The same with a token made by hand.
request announces_with(stage& s, side& at, const authorization_token& token, const char* note) {
    const auto id = at.next_id();
    const auto space = s.space("token" + std::to_string(id));
    auto body = announcement(at, id, space);
    body.count(1).data(token_type, token_bytes(at.rules(), token));
    return at.ask_body<msg::publish_namespace>(id, body.get(), note);
}
/// A session on which the good token is known to be good.
task<side*> welcome(stage& s) {
    (void)good_token(s);
    auto* const at = co_await meets(s);
    const auto r = announces(s, *at, "welcome");
    co_await granted(s, at, r, "a request with the good token");
    co_return at;
}
/// A request without a token, and one with a token that is not good, are refused.
task<verdict> refuses_strangers(stage& s, side* at, request (*ask)(stage&, side&)) {
    at->show_nothing();
    const auto bare = ask(s, *at);
    auto v = co_await rejects(s, at, bare, std::nullopt);
    if (v.what != verdict::kind::pass || s.target().tokens.bad.empty()) co_return v;
    at->show(s.target().tokens.bad);
    const auto other = ask(s, *at);
    co_return co_await rejects(s, at, other, std::nullopt);
}

task<verdict> invalid_token(stage& s) {
    if (s.target().tokens.bad.empty())
        throw inconclusive{"needs a token that is well-formed and invalid: --bad-token"};
    auto* const at = co_await welcome(s);
    at->show(s.target().tokens.bad);
    const auto r = announces(s, *at, "invalid");
    co_return co_await rejects(s, at, r, request_error_code::malformed_auth_token);
}
/// Registers the expired token as alias 8; whether that request fails is open.
task<side*> registers_expired(stage& s) {
    const auto& expired = expired_token(s);
    auto* const at = co_await ready(s);
    if (peer_options(*at).max_auth_token_cache_size.value_or(0) < expired.size() + 16)
        throw inconclusive{"the peer's token cache has no room: MAX_AUTH_TOKEN_CACHE_SIZE"};
    const auto r =
        announces_with(s, *at, {alias_type::register_alias, 8, s.target().tokens.type, expired},
                       "REGISTER of the expired token");
    co_await answer_to(s, at, r);
    if (at->closed) throw inconclusive{"the session ended at the REGISTER"};
    co_return at;
}
task<verdict> expired_alias(stage& s) {
    auto* const at = co_await registers_expired(s);
    const auto r =
        announces_with(s, *at, {alias_type::use_alias, 8, 0, {}}, "USE_ALIAS of the expired token");
    co_return co_await rejects(s, at, r, request_error_code::expired_auth_token);
}
task<verdict> expired_stays_registered(stage& s) {
    auto* const at = co_await registers_expired(s);
    announces_with(s, *at,
                   {alias_type::register_alias, 8, s.target().tokens.type, expired_token(s)},
                   "REGISTER of the same alias");
    co_return co_await closes(s, at, close_code::duplicate_auth_token_alias);
}

request asks_for_tracks(stage& s, side& at, std::string_view name) {
    const auto track = s.track(name);
    return at.ask(msg::subscribe{0, track.space.view(), as_bytes(track.name), {}});
}
request offers_track(stage& s, side& at) {
    const auto track = s.track("offer" + std::to_string(at.asked.size()));
    return at.ask(
        msg::publish{0, track.space.view(), as_bytes(track.name), 100 + at.asked.size(), {}, {}});
}
request announces_another(stage& s, side& at) {
    return announces(s, at, "another" + std::to_string(at.asked.size()));
}

task<verdict> each_request_is_authorised(stage& s) {
    auto* const at = co_await welcome(s);
    // A publisher of one track is not one of others.
    const auto first = offers_track(s, *at);
    co_await granted(s, at, first, "PUBLISH with the good token");
    auto v = co_await refuses_strangers(s, at, offers_track);
    if (v.what != verdict::kind::pass) co_return v;
    // Nor is a subscriber of one track a subscriber of others.
    const feed_options options;
    const auto f = co_await feeds(s, options);
    f.s->show_nothing();
    const auto other = asks_for_tracks(s, *f.s, "other");
    co_return co_await rejects(s, f.s, other, std::nullopt);
}
task<verdict> each_subscriber_is_authorised(stage& s) {
    (void)good_token(s);
    const feed_options options;
    const auto f = co_await feeds(s, options);
    // The relay has the track: what it knows of one subscriber says nothing of another.
    auto* const at = co_await meets(s);
    at->show_nothing();
    const auto stranger = asks_for_tracks(s, *at, options.name);
    auto v = co_await rejects(s, at, stranger, std::nullopt);
    if (v.what != verdict::kind::pass) co_return v;
    auto* const known = co_await meets(s);
    const auto again = asks_for_tracks(s, *known, options.name);
    co_await granted(s, known, again, "SUBSCRIBE with the good token");
    co_return pass("each subscriber of one track is asked");
}
task<verdict> publishers_are_authorised(stage& s) {
    auto* const at = co_await welcome(s);
    auto v = co_await refuses_strangers(s, at, announces_another);
    if (v.what != verdict::kind::pass) co_return v;
    co_return co_await refuses_strangers(s, at, offers_track);
}

template <class M>
request asks_for_prefix(stage& s, side& at) {
    const auto prefix = s.space("prefix" + std::to_string(at.asked.size()));
    M m{};
    m.track_namespace_prefix = prefix.view();
    return at.ask(m);
}
task<verdict> discovery_is_authorised(stage& s) {
    auto* const at = co_await welcome(s);
    for (const auto ask :
         {asks_for_prefix<msg::subscribe_namespace>, asks_for_prefix<msg::subscribe_tracks>}) {
        at->show(good_token(s));
        const auto r = ask(s, *at);
        co_await granted(s, at, r, "the request with the good token");
        auto v = co_await refuses_strangers(s, at, ask);
        if (v.what != verdict::kind::pass) co_return v;
    }
    co_return pass("asked for both");
}

constexpr std::array table{
    row{"MUST-18-081", fits::all, invalid_token},
    row{"MUST-18-082", fits::all, expired_alias},
    row{"MUST-18-123", fits::all, expired_stays_registered},
    row{"MUST-18-196", fits::relay, each_request_is_authorised},
    row{"MUST-18-216", fits::relay, each_subscriber_is_authorised},
    row{"MUST-20-177", fits::relay, discovery_is_authorised},
    row{"MUST-20-230", fits::relay, publishers_are_authorised},
};

} // namespace

std::span<const row> policy_rows() {
    return table;
}

} // namespace moqrtc::conformance
