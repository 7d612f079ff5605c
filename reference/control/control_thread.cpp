#include "control_thread.hpp"

#include <utility>

namespace moqrtc::reference {

void control_thread::start(std::function<void()> tick) {
    thread_ = std::thread{[this, tick = std::move(tick)] { run(tick); }};
}

bool control_thread::post(std::function<void()> work) {
    {
        const std::lock_guard lock{guard_};
        if (ending_ || work_.size() >= most_waiting) return false;
        work_.push_back(std::move(work));
    }
    wake_.notify_one();
    return true;
}

void control_thread::stop() {
    {
        const std::lock_guard lock{guard_};
        ending_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void control_thread::run(const std::function<void()>& tick) {
    auto next = std::chrono::steady_clock::now() + tick_interval;
    std::unique_lock lock{guard_};
    for (;;) {
        wake_.wait_until(lock, next, [this] { return ending_ || !work_.empty(); });
        if (!work_.empty()) {
            auto one = std::move(work_.front());
            work_.pop_front();
            lock.unlock();
            one();
            lock.lock();
        } else if (ending_) {
            return;
        }
        if (std::chrono::steady_clock::now() < next) continue;
        lock.unlock();
        tick();
        lock.lock();
        next = std::chrono::steady_clock::now() + tick_interval;
    }
}

} // namespace moqrtc::reference
