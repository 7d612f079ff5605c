#include "token_doors.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace moqrtc::reference {
namespace {

using auth::action;
using auth::refusal_reason;

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

std::string_view token_doors::account_of(moqt::session_key key) const {
    const auto at = sessions_.find(key);
    if (at == sessions_.end() || at->second.held.empty()) return {};
    return credentials_.at(at->second.held.front()).what->organisation;
}

const moqt::track_namespace& token_doors::broadcast_of(moqt::session_key key) const {
    static const moqt::track_namespace everything;
    const auto at = sessions_.find(key);
    return at == sessions_.end() ? everything : at->second.came_by.space;
}

} // namespace moqrtc::reference
