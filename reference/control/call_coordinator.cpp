#include "call_coordinator.hpp"
#include "records.hpp"

#include <algorithm>

namespace moqrtc::reference {

call_coordinator::answer call_coordinator::admit(const admission& one, wall_seconds now) {
    sweep(now);
    if (ended_) return answer::ended;
    if (one.expires <= now) return answer::expired;
    if (used_.contains({one.jti, one.transport})) return answer::replayed;
    const auto found = participants_.find(one.user);
    if (found == participants_.end()) {
        const auto subscribers = static_cast<std::size_t>(std::ranges::count(
            participants_, role::subscriber, [](const auto& each) { return each.second.who; }));
        if (participants_.size() >= bounds_.participants ||
            (one.who == role::subscriber && subscribers >= bounds_.subscribers))
            return answer::full;
    }
    used_[{one.jti, one.transport}] = one.expires;
    auto& who = participants_[one.user];
    if (found == participants_.end()) who.joined = now;
    who.who = one.who;
    who.transport = one.transport;
    constexpr std::size_t most_tokens = 8;
    if (who.tokens.size() == most_tokens) who.tokens.erase(who.tokens.begin());
    who.tokens.push_back(one.jti);
    ++epoch_;
    return answer::admitted;
}

bool call_coordinator::leave(std::string_view user) {
    const auto found = participants_.find(user);
    if (found == participants_.end()) return false;
    participants_.erase(found);
    ++epoch_;
    if (participants_.empty()) ended_ = true;
    return true;
}

void call_coordinator::take_path(media_path path) {
    if (path_ == path) return;
    path_ = path;
    ++epoch_;
}

void call_coordinator::end() {
    if (ended_) return;
    ended_ = true;
    participants_.clear();
    ++epoch_;
}

void call_coordinator::sweep(wall_seconds now) {
    std::erase_if(used_, [now](const auto& one) { return one.second <= now; });
    if (now >= ends_) end();
}

std::string call_coordinator::snapshot() const {
    api_json out{{"id", id_},
                 {"org", org_},
                 {"epoch", epoch_},
                 {"path", media_path_names[static_cast<std::size_t>(path_)]},
                 {"ended", ended_},
                 {"ends", ends_},
                 {"participants", api_json::array()},
                 {"used", api_json::array()}};
    for (const auto& [user, one] : participants_)
        out["participants"].push_back({{"user", user},
                                       {"publishes", one.who == role::publisher},
                                       {"transport", one.transport},
                                       {"joined", one.joined},
                                       {"tokens", one.tokens}});
    for (const auto& [one, expires] : used_)
        out["used"].push_back(
            {{"jti", one.first}, {"transport", one.second}, {"expires", expires}});
    return out.dump(-1, ' ', true, api_json::error_handler_t::replace);
}

std::optional<call_coordinator> call_coordinator::restore(std::string_view text,
                                                          const limits& bounds) {
    try {
        const auto in = api_json::parse(text);
        call_coordinator out{in.at("id"), in.at("org"), bounds, 0};
        out.epoch_ = in.at("epoch");
        const auto path = media_path_named(in.at("path").get<std::string>());
        if (!path) return std::nullopt;
        out.path_ = *path;
        out.ended_ = in.at("ended");
        out.ends_ = in.at("ends");
        for (const auto& one : in.at("participants"))
            out.participants_[one.at("user").get<std::string>()] = {
                one.at("publishes").get<bool>() ? role::publisher : role::subscriber,
                one.at("transport").get<std::string>(), one.at("joined").get<wall_seconds>(),
                one.value("tokens", std::vector<std::string>{})};
        for (const auto& one : in.at("used"))
            out.used_[{one.at("jti").get<std::string>(), one.at("transport").get<std::string>()}] =
                one.at("expires").get<wall_seconds>();
        return out;
    } catch (const api_json::exception&) {
        return std::nullopt;
    }
}

} // namespace moqrtc::reference
