#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace moqrtc::reference {

/// The thread that the database belongs to: it waits for the disk, so that neither media nor the
/// listeners do.
///
/// Threads `post` may be called from any.
class control_thread {
public:
    static constexpr std::chrono::milliseconds tick_interval{250};

    control_thread() = default;
    ~control_thread() { stop(); }
    control_thread(const control_thread&) = delete;
    control_thread& operator=(const control_thread&) = delete;

    /// `tick` is called about four times a second, between pieces of work.
    void start(std::function<void()> tick);
    /// False: it is stopped, or a thousand pieces of work wait.
    bool post(std::function<void()> work);
    /// Does what was posted, then ends.
    void stop();

private:
    void run(const std::function<void()>& tick);

    static constexpr std::size_t most_waiting = 1000;
    std::mutex guard_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> work_;
    bool ending_ = false;
    std::thread thread_;
};

} // namespace moqrtc::reference
