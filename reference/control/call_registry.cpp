#include "call_registry.hpp"

namespace moqrtc::reference {
namespace {

/// Behind the end of any token that was out when a call ended: nobody begins it anew by accident.
constexpr std::int64_t remembered = 180;

const resource& call_kind() {
    return resource_at("calls");
}

std::string members_of(const call_coordinator& one) {
    api_json out = api_json::object();
    for (const auto& [user, who] : one.participants())
        out[user] = {
            {"role", to_string(who.who)}, {"transport", who.transport}, {"joined", who.joined}};
    return out.dump(-1, ' ', true, api_json::error_handler_t::replace);
}

record_values columns_of(const call_registry::call& one, wall_seconds now) {
    record_values out;
    out["snapshot"] = one.state.snapshot();
    out["epoch"] = static_cast<std::int64_t>(one.state.epoch());
    out["state"] = std::string{one.state.ended() ? "ended" : "live"};
    out["members"] = members_of(one.state);
    out["updated"] = now;
    return out;
}

} // namespace

call_coordinator::limits usual_call(const access_snapshot& now, std::string_view org) {
    call_coordinator::limits out;
    if (const auto own = now.limit(org, {}, "subscribers_per_call"))
        out.subscribers = static_cast<std::size_t>(*own);
    return out;
}

call_registry::call_registry(database& store) : store_{&store} {
    auto asked = store.prepare("SELECT id, org, name, snapshot, participants, subscribers, created "
                               "FROM calls ORDER BY rowid");
    while (asked.step()) {
        call_coordinator::limits bounds;
        bounds.participants = static_cast<std::size_t>(asked.integer(4));
        bounds.subscribers = static_cast<std::size_t>(asked.integer(5));
        auto state = call_coordinator::restore(asked.text(3), bounds);
        if (!state) throw storage_failure{"the call " + asked.text(0) + " is damaged"};
        const key name{asked.text(1), asked.text(2)};
        by_id_[asked.text(0)] = name;
        calls_.insert_or_assign(name,
                                call{name.second, std::move(*state), bounds, asked.integer(6)});
    }
}

call_registry::call* call_registry::named(const key& name) {
    const auto found = calls_.find(name);
    return found == calls_.end() ? nullptr : &found->second;
}

api_json call_registry::make(std::string_view org, std::string name,
                             const call_coordinator::limits& bounds, wall_seconds now) {
    const auto id = random_id(call_kind().prefix);
    if (name.empty()) name = id;
    call fresh{name, {id, std::string{org}, bounds, now}, bounds, now};
    auto values = columns_of(fresh, now);
    values["id"] = id;
    values["name"] = name;
    values["participants"] = static_cast<std::int64_t>(bounds.participants);
    values["subscribers"] = static_cast<std::int64_t>(bounds.subscribers);
    values["expires"] = fresh.state.ends();
    auto out = make_record(*store_, call_kind(), org, std::move(values), now);
    const key place{org, name};
    by_id_[id] = place;
    calls_.insert_or_assign(place, std::move(fresh));
    return out;
}

const call_registry::call* call_registry::find(std::string_view org, std::string_view id) const {
    const auto at = by_id_.find(id);
    if (at == by_id_.end() || (org != every_org && org != at->second.first)) return nullptr;
    const auto found = calls_.find(at->second);
    return found == calls_.end() ? nullptr : &found->second;
}

void call_registry::save(const call& one, wall_seconds now) {
    change_record(*store_, call_kind(), one.state.org(), one.state.id(), columns_of(one, now));
}

token_ledger::answer call_registry::redeem(const token_use& one,
                                           const call_coordinator::limits& usual,
                                           wall_seconds now) {
    using answer = token_ledger::answer;
    database::transaction both{*store_};
    if (store_->run("INSERT OR IGNORE INTO used_tokens (jti, transport, expires) VALUES (?, ?, ?)",
                    one.jti, one.transport, one.expires) == 0)
        return answer::used;
    if (one.call.empty()) {
        both.commit();
        return answer::fresh;
    }
    const key place{one.org, one.call};
    const bool is_new = named(place) == nullptr;
    if (is_new) (void)make(one.org, one.call, usual, now);
    auto* at = named(place);
    const auto before = at->state;
    using role = call_coordinator::role;
    const auto said = at->state.admit({one.user, one.publishes ? role::publisher : role::subscriber,
                                       one.transport, one.jti, one.expires},
                                      now);
    try {
        save(*at, now);
        both.commit();
    } catch (...) {
        at->state = before;
        if (is_new) {
            by_id_.erase(before.id());
            calls_.erase(place);
        }
        throw;
    }
    switch (said) {
    case call_coordinator::answer::admitted:
        return answer::fresh;
    case call_coordinator::answer::replayed:
        return answer::used;
    default:
        return answer::refused;
    }
}

/// Sessions that stand on his tokens end; the tokens themselves have ended when that is forgotten.
void call_registry::revoke(const call& one, const call_coordinator::participant& who,
                           wall_seconds now) {
    for (const auto& token : who.tokens) {
        record_values values;
        values["kind"] = std::string{"token"};
        // Tokens are named behind their key here, and alone where they are revoked.
        values["value"] = token.substr(token.find('/') + 1);
        values["reason"] = "left " + one.state.id();
        values["expires"] = now + remembered;
        make_record(*store_, resource_at("revocations"), one.state.org(), std::move(values), now);
    }
}

bool call_registry::leave(const call& from, std::string_view user, wall_seconds now) {
    auto* at = named({from.state.org(), from.name});
    const auto found = at->state.participants().find(user);
    if (found == at->state.participants().end()) return false;
    database::transaction all{*store_};
    revoke(*at, found->second, now);
    auto after = *at;
    after.state.leave(user);
    save(after, now);
    all.commit();
    *at = std::move(after);
    return true;
}

void call_registry::end(const call& which, wall_seconds now) {
    auto* at = named({which.state.org(), which.name});
    database::transaction all{*store_};
    for (const auto& [user, who] : at->state.participants())
        revoke(*at, who, now);
    auto after = *at;
    after.state.end();
    save(after, now);
    all.commit();
    *at = std::move(after);
}

bool call_registry::sweep(wall_seconds now) {
    std::vector<key> over;
    for (const auto& [name, one] : calls_)
        if (!one.state.ended() && one.state.ends() <= now) over.push_back(name);
    for (const auto& name : over)
        end(calls_.at(name), now);
    auto asked = store_->prepare("SELECT id FROM calls WHERE state = 'ended' AND updated < ?");
    asked.bind(now - remembered);
    std::vector<std::string> gone;
    while (asked.step())
        gone.push_back(asked.text(0));
    for (const auto& id : gone) {
        store_->run("DELETE FROM calls WHERE id = ?", id);
        if (const auto at = by_id_.find(id); at != by_id_.end()) {
            calls_.erase(at->second);
            by_id_.erase(at);
        }
    }
    return !over.empty();
}

std::vector<token_use> call_registry::used(wall_seconds now) const {
    std::vector<token_use> out;
    auto asked =
        store_->prepare("SELECT jti, transport, expires FROM used_tokens WHERE expires > ?");
    asked.bind(now);
    while (asked.step()) {
        token_use one;
        one.jti = asked.text(0);
        one.transport = asked.text(1);
        one.expires = asked.integer(2);
        out.push_back(std::move(one));
    }
    return out;
}

} // namespace moqrtc::reference
