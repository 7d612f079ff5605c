#include "children.hpp"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace moqrtc::conformance {

bool children::start(const void* owner, const std::vector<std::string>& command, bool shown) {
    std::vector<char*> arguments;
    for (const auto& part : command)
        arguments.push_back(const_cast<char*>(part.c_str()));
    arguments.push_back(nullptr);
    const auto child = fork();
    if (child < 0) return false;
    if (child == 0) {
        setpgid(0, 0);
        const int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, STDIN_FILENO);
        if (!shown) {
            dup2(nothing, STDOUT_FILENO);
            dup2(nothing, STDERR_FILENO);
        } else {
            dup2(STDERR_FILENO, STDOUT_FILENO);
        }
        execvp(arguments[0], arguments.data());
        _exit(127);
    }
    setpgid(child, child);
    running_.emplace(owner, child);
    return true;
}

void children::stop(const void* owner) {
    const auto [first, last] = running_.equal_range(owner);
    for (auto at = first; at != last; ++at) {
        kill(-at->second, SIGTERM);
        leaving_.push_back(at->second);
    }
    running_.erase(first, last);
    reap(false);
}

void children::reap(bool force) {
    std::erase_if(leaving_, [&](pid_t child) {
        if (force) kill(-child, SIGKILL);
        if (waitpid(child, nullptr, force ? 0 : WNOHANG) == 0) return false;
        // What it started may outlive it, and would come back to a port that is another row's.
        kill(-child, SIGKILL);
        return true;
    });
}

void children::stop_all() {
    for (const auto& [owner, child] : running_) {
        kill(-child, SIGTERM);
        leaving_.push_back(child);
    }
    running_.clear();
    for (int i = 0; i < 20 && !leaving_.empty(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds{25});
        reap(false);
    }
    reap(true);
}

} // namespace moqrtc::conformance
