#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace moqrtc::conformance {

/// A step of a row that can wait: a coroutine that starts when it is awaited and hands its result,
/// or its exception, to whoever awaits it. Destroying it destroys what it waits for.
template <class T>
class task {
public:
    struct promise_type {
        std::optional<T> value{};
        std::exception_ptr thrown{};
        std::coroutine_handle<> then{};

        task get_return_object() noexcept {
            return task{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        struct ends {
            bool await_ready() noexcept { return false; }
            std::coroutine_handle<>
            await_suspend(std::coroutine_handle<promise_type> self) noexcept {
                const auto then = self.promise().then;
                return then ? then : std::noop_coroutine();
            }
            void await_resume() noexcept {}
        };
        ends final_suspend() noexcept { return {}; }
        template <class U>
        void return_value(U&& given) {
            value.emplace(std::forward<U>(given));
        }
        void unhandled_exception() noexcept { thrown = std::current_exception(); }
    };

    task() noexcept = default;
    task(task&& other) noexcept : self_{std::exchange(other.self_, {})} {}
    task& operator=(task&& other) noexcept {
        std::swap(self_, other.self_);
        return *this;
    }
    ~task() {
        if (self_) self_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> then) noexcept {
        self_.promise().then = then;
        return self_;
    }
    T await_resume() { return result(); }

    /// For the outermost: runs until the first wait.
    void start() { self_.resume(); }
    [[nodiscard]] bool done() const noexcept { return self_ && self_.done(); }
    /// The result of one that is done; throws what it threw.
    [[nodiscard]] T result() {
        if (self_.promise().thrown) std::rethrow_exception(self_.promise().thrown);
        return std::move(*self_.promise().value);
    }

private:
    explicit task(std::coroutine_handle<promise_type> self) noexcept : self_{self} {}
    std::coroutine_handle<promise_type> self_{};
};

} // namespace moqrtc::conformance
