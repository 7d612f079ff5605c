#pragma once

#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace moqrtc::conformance {

/// Programs that we started, each in a process group of its own, by whom they are for.
class children {
public:
    children() = default;
    children(const children&) = delete;
    children& operator=(const children&) = delete;
    ~children() { stop_all(); }

    /// False when the program cannot be started. `shown`: its output is ours, otherwise nobody's.
    bool start(const void* owner, const std::vector<std::string>& command, bool shown);
    /// Ends those of an owner: asks first, and does not ask twice.
    void stop(const void* owner);
    void stop_all();
    /// Ends those whose owner `lives` denies.
    template <class Lives>
    void keep(Lives&& lives) {
        for (auto at = running_.begin(); at != running_.end();) {
            const auto* const owner = at->first;
            at = running_.upper_bound(owner);
            if (!lives(owner)) stop(owner);
        }
    }

private:
    std::multimap<const void*, pid_t> running_{};
    std::vector<pid_t> leaving_{};
    void reap(bool force);
};

} // namespace moqrtc::conformance
