// What requests stand on: the tokens that sessions hold, and how they end.
#include "token_doors.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace moqrtc::reference {
namespace {

using auth::action;
using auth::refusal_reason;

/// What C4M calls a request.
action action_of(moqt::request_kind kind) noexcept {
    switch (kind) {
    case moqt::request_kind::publish:
        return action::publish;
    case moqt::request_kind::fetch:
        return action::fetch;
    case moqt::request_kind::track_status:
        return action::track_status;
    case moqt::request_kind::publish_namespace:
        return action::publish_namespace;
    case moqt::request_kind::subscribe_namespace:
        return action::subscribe_namespace;
    case moqt::request_kind::subscribe_tracks:
        return action::subscribe_tracks;
    case moqt::request_kind::subscribe:
    case moqt::request_kind::none:
        break;
    }
    return action::subscribe;
}

bool is_discovery(moqt::request_kind kind) noexcept {
    return kind == moqt::request_kind::subscribe_namespace ||
           kind == moqt::request_kind::subscribe_tracks;
}

bool names_track(moqt::request_kind kind) noexcept {
    return !is_discovery(kind) && kind != moqt::request_kind::publish_namespace;
}

/// When that second began, on the clock that `now` is of, where the wall clock is the system's.
instant beginning_of(auth::unix_time second, instant now) {
    const auto exact = std::chrono::duration_cast<std::chrono::microseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
    const auto ago = exact - second.seconds * 1'000'000;
    return ago >= 0 && ago < 2'000'000 ? now + microseconds(-ago) : now;
}

moqt::request_error_code code_of(refusal_reason why) noexcept {
    switch (why) {
    case refusal_reason::expired:
        return moqt::request_error_code::expired_auth_token;
    case refusal_reason::malformed:
    case refusal_reason::too_large:
    case refusal_reason::unsupported:
        return moqt::request_error_code::malformed_auth_token;
    case refusal_reason::overloaded:
        return moqt::request_error_code::excessive_load;
    default:
        return moqt::request_error_code::unauthorized;
    }
}

} // namespace

moqt::decision token_doors::refuse(const session& of, refusal_reason why) {
    ++counters_.refused[static_cast<std::size_t>(why)];
    auto out = moqt::decision::refuse(code_of(why), std::string{auth::to_string(why)});
    out.ends_session = of.came_by.by == entrance::door::playback;
    return out;
}

moqt::decision token_doors::decide(const moqt::access_request& asked) {
    if (asked.info.upstream || asked.info.sibling) return moqt::decision::allow();
    auto& of = sessions_[asked.session];
    const auto& door = of.came_by.space;
    std::optional<moqt::track_namespace> within;
    const auto* space = &asked.space;
    if (door.count() != 0) {
        if (is_discovery(asked.kind) && asked.space.count() < door.count() &&
            asked.space.is_prefix_of(door)) {
            within = door;
            space = &door;
        } else if (!door.is_prefix_of(asked.space)) {
            return refuse(of, refusal_reason::wrong_scope);
        }
    }
    moqt::decision out;
    if (snapshot_->required) {
        const auto what = action_of(asked.kind);
        // A track may have an empty name, which a token for other tracks does not allow.
        const auto track = names_track(asked.kind) ? std::optional{asked.track} : std::nullopt;
        auto why = refusal_reason::missing;
        auth::grant_ptr found;
        for (const auto& token : asked.tokens) {
            auto shown = examine(token);
            if (shown) {
                if (const auto good = covers(**shown, what, *space, track); good)
                    found = *shown;
                else
                    why = good.error().why;
            } else if (why == refusal_reason::missing) {
                why = shown.error().why;
            }
            if (found != nullptr) break;
        }
        // A token that is shown has to be good; without one the session's counts, or what brought
        // an offered track.
        if (found == nullptr && asked.tokens.empty()) {
            for (const auto id : {asked.standing, of.base}) {
                const auto at = credentials_.find(id);
                if (at == credentials_.end()) continue;
                const auto& one = *at->second.what;
                if (at->second.taken_back || !holds(one)) {
                    why = one.holds(wall()) ? refusal_reason::revoked : refusal_reason::expired;
                } else if (covers(one, what, *space, track)) {
                    found = at->second.what;
                    break;
                } else {
                    why = refusal_reason::wrong_scope;
                }
            }
        }
        if (found == nullptr) return refuse(of, why);
        const auto kept = keep(of, found, out.replaces);
        if (!kept) return refuse(of, kept.error().why);
        out.credential = *kept;
        // With what the session stands on it ends as a whole, and the session says why.
        const bool of_session = *kept == of.base && out.replaces == moqt::no_credential;
        out.until = of_session ? never : until(*found, asked.now);
        if (out.replaces != moqt::no_credential && out.replaces == of.base) of.base = *kept;
        out.ends_session = of.came_by.by == entrance::door::playback;
    }
    out.within = std::move(within);
    return out;
}

void token_doors::forget(moqt::session_key key) {
    const auto at = sessions_.find(key);
    if (at == sessions_.end()) return;
    for (const auto id : at->second.held)
        if (const auto one = credentials_.find(id);
            one != credentials_.end() && --one->second.holders == 0)
            credentials_.erase(one);
    sessions_.erase(at);
}

auth::verdict<moqt::credential_id> token_doors::keep(session& of, const auth::grant_ptr& one,
                                                     moqt::credential_id& replaces) {
    for (const auto id : of.held)
        if (credentials_.at(id).what->token_hash == one->token_hash &&
            credentials_.at(id).what->kind == one->kind)
            return id;
    // A session holds so many tokens, and no more.
    constexpr std::size_t most = 64;
    if (of.held.size() >= most) return auth::refuse(refusal_reason::overloaded, "tokens");
    if (one->kind == auth::profile::call && config_.used != nullptr) {
        const auto done = config_.used->use(*one, auth::transport::moq, wall(),
                                            [post = config_.take_back, hash = one->token_hash] {
                                                if (post) post(hash);
                                            });
        if (!done) return std::unexpected(done.error());
    }
    const auto fresh = next_++;
    // It renews what is the same but for its time.
    for (auto at = of.held.begin(); at != of.held.end(); ++at) {
        const auto& before = *credentials_.at(*at).what;
        if (before.kind == one->kind && before.organisation == one->organisation &&
            before.resource == one->resource && before.subject == one->subject &&
            before.scopes == one->scopes && before.expires <= one->expires) {
            replaces = *at;
            of.held.erase(at);
            if (auto& old = credentials_.at(replaces); --old.holders == 0)
                credentials_.erase(replaces);
            break;
        }
    }
    credentials_[fresh] = {one, 1, false};
    of.held.push_back(fresh);
    return fresh;
}

instant token_doors::until(const auth::grant& one, instant now) const {
    // A call token admits; the call is what lasts.
    if (one.kind == auth::profile::call) return never;
    // Tokens count in seconds, and this one has begun: its beginning is what counts from.
    const auto second = wall();
    return auth::deadline(one.expires, second, beginning_of(second, now));
}

bool token_doors::holds(const auth::grant& one) const {
    if (one.kind == auth::profile::stream_key) {
        if (!one.holds(wall()) || snapshot_->revoked->covers(one)) return false;
        const auto at = snapshot_->inputs.find(one.resource);
        if (at == snapshot_->inputs.end() || !at->second.key.enabled) return false;
        const auto& key = at->second.key;
        return one.token_hash == key.hash ||
               (one.token_hash == key.previous && wall() < key.previous_until);
    }
    const auto good = verifier_.still_holds(one, wall());
    return good || (one.kind == auth::profile::call && good.error().why == refusal_reason::expired);
}

bool token_doors::is_authorized(moqt::session_key key) const {
    if (!snapshot_->required) return true;
    const auto at = sessions_.find(key);
    return at != sessions_.end() &&
           std::ranges::any_of(at->second.held, [this](auto id) { return !is_gone(id); });
}

bool token_doors::is_gone(moqt::credential_id which) const {
    const auto at = credentials_.find(which);
    return at == credentials_.end() || at->second.taken_back || !holds(*at->second.what);
}

void token_doors::take_back(const sha256_digest& token) {
    for (auto& [id, one] : credentials_)
        if (one.what->token_hash == token) one.taken_back = true;
}

} // namespace moqrtc::reference
