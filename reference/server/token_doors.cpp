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

std::string_view after(std::string_view text, std::string_view prefix) {
    return text.starts_with(prefix) ? text.substr(prefix.size()) : std::string_view{};
}

/// The token of `Authorization: Bearer …`.
std::string_view bearer_of(std::string_view field) {
    const auto is = [](char a, char b) { return (a | 0x20) == b; };
    constexpr std::string_view scheme = "bearer ";
    if (field.size() <= scheme.size() ||
        !std::equal(scheme.begin(), scheme.end() - 1, field.begin(),
                    [&](char b, char a) { return is(a, b); }) ||
        field[scheme.size() - 1] != ' ')
        return {};
    return field.substr(scheme.size());
}

moqt::track_namespace namespace_in(std::string_view text) {
    moqt::track_namespace out;
    while (!text.empty()) {
        const auto field = text.substr(0, text.find('/'));
        out.append(as_bytes(field));
        text.remove_prefix(std::min(field.size() + 1, text.size()));
    }
    return out;
}

} // namespace

unsigned status_of(refusal_reason why) noexcept {
    switch (why) {
    case refusal_reason::wrong_audience:
    case refusal_reason::wrong_profile:
    case refusal_reason::wrong_scope:
    case refusal_reason::wrong_transport:
    case refusal_reason::replayed:
    case refusal_reason::revoked:
        return 403;
    case refusal_reason::overloaded:
        return 429;
    default:
        return 401;
    }
}

token_doors::token_doors(config settings)
    : config_{std::move(settings)},
      verifier_{crypto_, {.audiences = config_.audiences, .revalidates = false}},
      snapshot_{std::make_shared<const access_snapshot>()} {
    if (!config_.wall)
        config_.wall = [] {
            const auto now = std::chrono::system_clock::now().time_since_epoch();
            return auth::unix_time{std::chrono::duration_cast<std::chrono::seconds>(now).count()};
        };
}

void token_doors::use(std::shared_ptr<const access_snapshot> now) {
    snapshot_ = std::move(now);
    verifier_.use(snapshot_->keys);
    verifier_.use(snapshot_->revoked);
}

std::expected<entrance, door_answer> token_doors::locate(std::string_view path) const {
    entrance out;
    auto id = after(path, "/publish/");
    if (!id.empty()) {
        out.by = entrance::door::publish;
    } else if (id = after(path, "/playback/"); !id.empty()) {
        out.by = entrance::door::playback;
    } else {
        return out;
    }
    const auto space = snapshot_->namespace_of(id);
    const bool known =
        space && (out.by != entrance::door::publish || snapshot_->inputs.contains(id));
    if (known)
        out.space = namespace_in(*space);
    else if (snapshot_->required)
        return std::unexpected(door_answer{404, "no such input or recording"});
    return out;
}

auth::verdict<auth::grant_ptr> token_doors::examine(const moqt::authorization_token& token) {
    return verifier_.verify(token.token_type, token.value, wall(), {.over = auth::transport::moq});
}

auth::verdict<auth::grant_ptr> token_doors::examine(const entrance& where,
                                                    const asked_door& asked) {
    // A stream key belongs into the query; other clients put it where tokens go.
    if (where.by == entrance::door::publish) {
        const auto found = snapshot_->inputs.find(after(asked.path, "/publish/"));
        const auto key = query_value(asked.query, "sk");
        auto shown = key;
        if (shown.empty()) shown = asked.bearer;
        if (shown.empty() && !asked.tokens.empty()) shown = as_text(asked.tokens[0].value);
        if (found != snapshot_->inputs.end() && !shown.empty()) {
            auto good = auth::verify_stream_key(crypto_, snapshot_->pepper(), found->second.key,
                                                shown, wall());
            if (good && snapshot_->revoked->covers(*good))
                return auth::refuse(refusal_reason::revoked, "sk");
            if (good) return std::make_shared<const auth::grant>(std::move(*good));
            if (!key.empty()) return std::unexpected(good.error());
        }
    }
    if (const auto text = query_value(asked.query, "tok"); !text.empty())
        return verifier_.verify(text, wall(), {.over = auth::transport::moq});
    if (!asked.bearer.empty())
        return verifier_.verify(asked.bearer, wall(), {.over = auth::transport::moq});
    if (!asked.tokens.empty()) return examine(asked.tokens[0]);
    return auth::refuse(refusal_reason::missing);
}

auth::verdict<void> token_doors::covers(const auth::grant& one, action what,
                                        const moqt::track_namespace& space,
                                        std::optional<std::string_view> track) const {
    const auto view = space.view();
    const bool allowed = track ? one.allows(what, view, as_bytes(*track)) : one.allows(what, view);
    if (!allowed) return auth::refuse(refusal_reason::wrong_scope, "scope");
    return {};
}

door_answer token_doors::enter(const door_request& request) {
    if (config_.doors != nullptr)
        if (const auto answer = config_.doors->decide(request); answer.status != 200) return answer;
    if (snapshot_->is_killed(media_path::moq)) {
        ++counters_.killed;
        return {503, "moq is switched off"};
    }
    auto where = locate(request.path);
    if (!where) return where.error();
    door_answer out;
    if (snapshot_->required) {
        const auto bearer = request.fields == nullptr
                                ? std::string_view{}
                                : bearer_of(request.fields->value("authorization"));
        const auto shown = examine(*where, {request.path, request.query, bearer, {}});
        auto why = shown ? refusal_reason::missing : shown.error().why;
        if (shown) {
            const auto needed =
                where->by == entrance::door::publish ? action::publish : action::subscribe;
            if (where->by != entrance::door::open && !covers(**shown, needed, where->space))
                why = refusal_reason::wrong_scope;
            else
                where->allowed = *shown;
        }
        // Without a word at the open door: the SETUP or the requests bring tokens.
        const bool later = where->by == entrance::door::open && why == refusal_reason::missing;
        if (where->allowed == nullptr && !later) {
            ++counters_.refused[static_cast<std::size_t>(why)];
            return {status_of(why), auth::to_string(why)};
        }
    }
    out.pass = std::make_shared<const entrance>(std::move(*where));
    return out;
}

void token_doors::bind(moqt::session_key key, const std::shared_ptr<const void>& pass) {
    if (pass != nullptr) sessions_[key].came_by = *std::static_pointer_cast<const entrance>(pass);
}

moqt::admission token_doors::admit(const moqt::session_request& asked) {
    moqt::admission out;
    const auto turn_away = [&](refusal_reason why) {
        ++counters_.refused[static_cast<std::size_t>(why)];
        out.refused = moqt::close_code::unauthorized;
        out.reason = moqt::auth_failed;
        sessions_.erase(asked.session);
        return out;
    };
    if (snapshot_->is_killed(media_path::moq)) {
        ++counters_.killed;
        out.refused = moqt::close_code::unauthorized;
        out.reason = "moq is switched off";
        sessions_.erase(asked.session);
        return out;
    }
    if (!asked.webtransport) {
        const door_request request{asked.info.door, asked.query, {}, {}, asked.info.peer};
        if (config_.doors != nullptr && config_.doors->decide(request).status != 200) {
            out.refused = moqt::close_code::invalid_path;
            return out;
        }
        auto where = locate(asked.info.door);
        if (!where) {
            out.refused = moqt::close_code::invalid_path;
            return out;
        }
        sessions_[asked.session].came_by = std::move(*where);
    }
    auto& of = sessions_[asked.session];
    auto& where = of.came_by;
    if (!snapshot_->required) {
        ++counters_.admitted;
        return out;
    }
    if (where.allowed == nullptr) {
        const auto shown = examine(where, {asked.info.door, asked.query, {}, asked.tokens});
        if (shown) {
            const auto needed =
                where.by == entrance::door::publish ? action::publish : action::subscribe;
            if (where.by != entrance::door::open && !covers(**shown, needed, where.space))
                return turn_away(refusal_reason::wrong_scope);
            where.allowed = *shown;
        } else if (where.by != entrance::door::open ||
                   shown.error().why != refusal_reason::missing) {
            return turn_away(shown.error().why);
        }
    }
    if (where.allowed != nullptr) {
        if (!holds(*where.allowed)) return turn_away(refusal_reason::revoked);
        moqt::credential_id replaces = moqt::no_credential;
        const auto kept = keep(of, where.allowed, replaces);
        if (!kept) return turn_away(kept.error().why);
        of.base = out.credential = *kept;
        out.until = until(*where.allowed, asked.now);
    }
    ++counters_.admitted;
    return out;
}

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
        out.until = until(*found, asked.now);
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
    // A session that shows new tokens all the time holds the last ones.
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
    return auth::deadline(one.expires, wall(), now);
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
    return at != sessions_.end() && !at->second.held.empty();
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
