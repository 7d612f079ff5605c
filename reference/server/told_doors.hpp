#pragma once

#include "token_doors.hpp"

#include <mutex>
#include <utility>

namespace moqrtc::reference {

/// What the doors of tokens would answer, for those who ask without coming in: pages are not told
/// by their browser why a session was refused.
///
/// Threads every function may be called from any.
class told_doors final : public door_policy {
public:
    /// `access` outlives it.
    told_doors(token_doors::config settings, const access_directory& access)
        : access_{&access}, doors_{std::move(settings)} {}

    [[nodiscard]] door_answer decide(const door_request& request) const override {
        auto newest = access_->current();
        const std::lock_guard lock{guard_};
        if (&doors_.current() != newest.get()) doors_.use(std::move(newest));
        auto answer = doors_.enter(request);
        answer.pass.reset();
        return answer;
    }

private:
    const access_directory* access_;
    mutable std::mutex guard_;
    mutable token_doors doors_;
};

} // namespace moqrtc::reference
