#include "caller_limits.hpp"
#include "control_api.hpp"
#include "device_tokens.hpp"
#include "route.hpp"

#include <algorithm>

/// Who a request comes from, and what of it is theirs.
namespace moqrtc::reference {
namespace {

api_problem refused(std::string detail) {
    return {401, "unauthorized", std::move(detail), {}, 0};
}

/// The resource that a path is about; null when it is about none.
const resource* resource_of(std::string_view path) {
    path.remove_prefix(std::min<std::size_t>(1, path.size()));
    const auto found =
        std::ranges::find(resources(), path.substr(0, path.find('/')), &resource::path);
    return found == resources().end() ? nullptr : &*found;
}

[[noreturn]] void throw_others() {
    throw api_problem{403, "forbidden", "this is another device's", {}, 0};
}

} // namespace

auth::verdict<auth::grant_ptr>
device_tokens::read(std::string_view token, const std::shared_ptr<const access_snapshot>& newest,
                    wall_seconds now) {
    if (snapshot_ != newest) {
        snapshot_ = newest;
        verifier_.use(snapshot_->keys);
        verifier_.use(snapshot_->revoked);
    }
    return verifier_.verify(token, {now}, {.accept = {auth::profile::signaling}, .over = {}});
}

bool api_caller::may(std::string_view scope) const {
    if (everything) return true;
    const auto has = [&](std::string_view one) {
        return std::ranges::find(scopes, one) != scopes.end();
    };
    if (has("admin") || has(scope)) return true;
    return scope.ends_with(":read") && has("read");
}

std::string api_call::org() const {
    if (!who.everything) return who.org;
    const auto found = query.find("org");
    return found == query.end() ? std::string{every_org} : found->second;
}

std::string api_call::own_org() const {
    const auto found = query.find("org");
    return who.everything && found != query.end() ? found->second : who.org;
}

api_caller control_api::caller_of(const http_request& request, wall_seconds now) {
    api_caller nobody{{}, state_->first_org};
    constexpr std::string_view bearer = "Bearer ";
    if (request.authorization.empty()) {
        nobody.everything = config_.open;
        return nobody;
    }
    if (limits_->locked_out(request.peer, now))
        throw api_problem{429, "too-many", "too many wrong keys from this address", {}, 60};
    if (request.authorization.starts_with(bearer)) {
        const auto shown = std::string_view{request.authorization}.substr(bearer.size());
        // No key has a dot, and every token has two.
        if (shown.find('.') != shown.npos) return device_of(shown, request.peer, now);
        const auto digest = to_hex(state_->secrets->digest(shown));
        auto asked = state_->store.prepare(
            "SELECT id, org, scopes FROM api_keys WHERE digest = ? AND revoked IS NULL");
        asked.bind(std::string_view{digest});
        if (asked.step()) {
            api_caller out{asked.text(0), asked.text(1)};
            for (const auto& one : api_json::parse(asked.text(2)))
                out.scopes.push_back(one.get<std::string>());
            out.everything = std::ranges::find(out.scopes, "admin") != out.scopes.end();
            return out;
        }
    }
    limits_->failed(request.peer, now);
    throw refused("no such key, or it was revoked");
}

/// The token says which device it is; the record says, each time, whether that may still call.
api_caller control_api::device_of(std::string_view token, const std::string& peer,
                                  wall_seconds now) {
    const auto good = tokens_->read(token, directory_.current(), now);
    if (!good) {
        // A device whose clock or timer is late is no guesser.
        if (good.error().why != auth::refusal_reason::expired) limits_->failed(peer, now);
        throw refused("the token is refused: " + std::string{to_string(good.error().why)});
    }
    const auto& what = **good;
    auto asked = state_->store.prepare("SELECT enabled FROM devices WHERE id = ? AND org = ?");
    asked.bind(what.device).bind(what.organisation);
    if (!asked.step() || asked.integer(0) == 0)
        throw refused("there is no such device any more, or it is disabled");
    api_caller out{what.device, what.organisation};
    out.device = what.device;
    return out;
}

void keep_to_own(control_state& state, const route& to, api_call& call) {
    const auto& device = call.who.device;
    if (device.empty() || to.scope.empty()) return;
    const auto* what = resource_of(to.path);
    if (to.is_list) {
        const auto asked = call.query.find("device");
        if (asked != call.query.end() && asked->second != device) throw_others();
        call.query["device"] = device;
    } else if (!call.parts.empty() && what != nullptr) {
        const auto found = find_values(state.store, *what, call.who.org, call.part());
        const auto owner = what->path == "devices" ? "id" : "device";
        // What there is not at all is told by the route itself.
        if (found && found->at(owner) != stored_value{device}) throw_others();
    }
    if (const auto named = call.body.find("device"); named != call.body.end()) {
        if (named->second == stored_value{std::string{}}) named->second = device;
        if (named->second != stored_value{device}) throw_others();
    }
}

} // namespace moqrtc::reference
