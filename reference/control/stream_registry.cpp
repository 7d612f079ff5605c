#include "database.hpp"
#include "stream_registry.hpp"

#include <utility>

namespace moqrtc::reference {

void stream_registry::load(database& from, wall_seconds now) {
    live_.clear();
    by_space_.clear();
    auto asked = from.prepare(
        "SELECT id, org, space, device FROM streams WHERE state = 'live' ORDER BY rowid");
    while (asked.step())
        add(asked.text(0), {asked.text(1), asked.text(2), asked.text(3), false, now});
}

void stream_registry::add(const std::string& id, stream one) {
    by_space_[one.space] = id;
    live_[id] = std::move(one);
}

void stream_registry::remove(std::string_view id) {
    const auto found = live_.find(id);
    if (found == live_.end()) return;
    // A newer stream may have taken the namespace over.
    const auto there = by_space_.find(found->second.space);
    if (there != by_space_.end() && there->second == id) by_space_.erase(there);
    live_.erase(found);
}

void stream_registry::look(const std::set<std::string, std::less<>>& published, wall_seconds now) {
    for (auto& [id, one] : live_) {
        one.published = published.contains(one.space);
        if (one.published) one.seen = now;
    }
}

std::vector<std::string> stream_registry::stale(wall_seconds now) const {
    std::vector<std::string> out;
    for (const auto& [id, one] : live_)
        if (!one.published && now - one.seen > patience) out.push_back(id);
    return out;
}

const stream_registry::stream* stream_registry::find(std::string_view id) const {
    const auto found = live_.find(id);
    return found == live_.end() ? nullptr : &found->second;
}

std::string stream_registry::device_of(std::string_view space) const {
    const auto there = by_space_.find(space);
    if (there == by_space_.end()) return {};
    const auto* one = find(there->second);
    return one == nullptr ? std::string{} : one->device;
}

} // namespace moqrtc::reference
