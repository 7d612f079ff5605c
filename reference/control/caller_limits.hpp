#pragma once

#include "access_directory.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace moqrtc::reference {

/// What a caller of the API may ask for at once, and how fast that comes back; and how often an
/// address may guess keys.
class caller_limits {
public:
    static constexpr std::int64_t per_second = 200;
    static constexpr std::int64_t burst = 1000;
    static constexpr std::int64_t failures_per_minute = 30;

    /// Takes one request off what `who` has; false: nothing is left.
    [[nodiscard]] bool pass(const std::string& who, wall_seconds now) {
        if (callers_.size() > most) callers_.clear();
        auto& one = callers_.try_emplace(who, bucket{burst, now}).first->second;
        one.left = std::min(burst, one.left + std::max<std::int64_t>(now - one.at, 0) * per_second);
        one.at = now;
        if (one.left <= 0) return false;
        --one.left;
        return true;
    }
    [[nodiscard]] bool locked_out(const std::string& peer, wall_seconds now) const {
        const auto found = failures_.find(peer);
        return found != failures_.end() && now - found->second.at < 60 && found->second.left <= 0;
    }
    void failed(const std::string& peer, wall_seconds now) {
        if (failures_.size() > most) failures_.clear();
        auto& one = failures_.try_emplace(peer, bucket{failures_per_minute, now}).first->second;
        if (now - one.at >= 60) one = {failures_per_minute, now};
        --one.left;
    }

private:
    static constexpr std::size_t most = 10'000; ///< callers that are remembered

    struct bucket {
        std::int64_t left = 0;
        wall_seconds at = 0;
    };
    std::map<std::string, bucket, std::less<>> callers_{};
    std::map<std::string, bucket, std::less<>> failures_{};
};

} // namespace moqrtc::reference
