#pragma once

#include <moqrtc/core/id_map.hpp>
#include <moqrtc/moqt/types.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace moqrtc::moqt::detail {

/// Subscriptions by track alias. One alias means one track; several subscriptions to that track may
/// share it, which is rare: the first stands in the map, the others beside it.
class alias_table {
public:
    static constexpr std::uint32_t none = id_map::none;

    /// The subscription that has had the alias longest, or `none`.
    [[nodiscard]] std::uint32_t find(track_alias alias) const noexcept {
        return first_.find(alias);
    }
    [[nodiscard]] bool has_shared() const noexcept { return !others_.empty(); }

    /// Gives a subscription the alias, beside whoever has it.
    void add(track_alias alias, std::uint32_t slot) {
        const auto holder = first_.find(alias);
        if (holder == none) return first_.set(alias, slot);
        const std::pair entry{alias, slot};
        if (holder != slot && std::find(others_.begin(), others_.end(), entry) == others_.end())
            others_.push_back(entry);
    }
    void erase(track_alias alias, std::uint32_t slot) {
        if (first_.find(alias) != slot) {
            std::erase(others_, std::pair{alias, slot});
            return;
        }
        first_.erase(alias);
        const auto next = std::find_if(others_.begin(), others_.end(),
                                       [&](const auto& other) { return other.first == alias; });
        if (next == others_.end()) return;
        first_.set(alias, next->second);
        others_.erase(next);
    }
    /// Calls `visit(slot)` for all that share the alias, oldest first.
    template <class Visit>
    void for_each(track_alias alias, Visit&& visit) const {
        if (const auto holder = first_.find(alias); holder != none) visit(holder);
        for (const auto& [other, slot] : others_)
            if (other == alias) visit(slot);
    }

private:
    id_map first_{};
    std::vector<std::pair<track_alias, std::uint32_t>> others_{};
};

} // namespace moqrtc::moqt::detail
