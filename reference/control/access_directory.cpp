#include "access_directory.hpp"

#include <algorithm>
#include <charconv>

namespace moqrtc::reference {
namespace {

/// A number up to the next dot or the end; what is behind that stays in `text`.
template <class Number>
bool take_number(std::string_view& text, Number& out) {
    const auto part = text.substr(0, text.find('.'));
    const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), out);
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return failure == std::errc{} && end == part.data() + part.size() && !part.empty();
}

} // namespace

std::optional<media_path> media_path_named(std::string_view name) {
    const auto found = std::ranges::find(media_path_names, name);
    if (found == media_path_names.end()) return std::nullopt;
    return static_cast<media_path>(found - media_path_names.begin());
}

std::optional<std::string> access_snapshot::namespace_of(std::string_view id) const {
    if (const auto input = inputs.find(id); input != inputs.end())
        return "stream/" + input->second.key.organisation + "/" + input->second.key.input;
    if (const auto alias = playback_ids.find(id); alias != playback_ids.end()) id = alias->second;
    if (const auto asset = assets.find(id); asset != assets.end())
        return "stream/" + asset->second.org + "/" + asset->second.id;
    return std::nullopt;
}

bool access_snapshot::has_feature(std::string_view name) const {
    if (const auto found = features.find(name); found != features.end()) return found->second;
    const auto known = std::ranges::find(known_features, name, &known_feature::name);
    return known != known_features.end() && known->standard;
}

std::optional<std::uint64_t> access_snapshot::limit(std::string_view org, std::string_view account,
                                                    std::string_view name) const {
    std::optional<std::uint64_t> out;
    for (const auto& one : limits) {
        if (one.org != org || one.name != name) continue;
        if (one.account == account && !account.empty()) return one.value;
        if (one.account.empty()) out = one.value;
    }
    return out;
}

access_directory::access_directory() : current_{std::make_shared<const access_snapshot>()} {}

std::shared_ptr<const access_snapshot> access_directory::current() const {
    const std::lock_guard lock{guard_};
    return current_;
}

void access_directory::watch(listener on_change) {
    const std::lock_guard turn{turn_};
    on_change(current());
    listeners_.push_back(std::move(on_change));
}

void access_directory::publish(access_snapshot fresh) {
    // One turn for all of it, so that everybody sees the versions in their order; `current` waits
    // for the exchange of a pointer alone.
    const std::lock_guard turn{turn_};
    fresh.version = current()->version + 1;
    const auto made = std::make_shared<const access_snapshot>(std::move(fresh));
    {
        const std::lock_guard lock{guard_};
        current_ = made;
    }
    for (const auto& one : listeners_)
        one(made);
}

std::optional<session_name> session_name::parse(std::string_view text) {
    session_name out;
    if (!take_number(text, out.shard) || !take_number(text, out.index) ||
        !take_number(text, out.generation) || !text.empty())
        return std::nullopt;
    return out;
}

std::string session_name::text() const {
    return std::to_string(shard) + "." + std::to_string(index) + "." + std::to_string(generation);
}

} // namespace moqrtc::reference
