#pragma once

#include "control_state.hpp"
#include "control_thread.hpp"
#include "server/http_server.hpp"

#include <atomic>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

class broadcast_watch;
class caller_limits;
class device_tokens;
struct api_call;
struct api_caller;
struct route;

/// Requests that were answered, by what became of them; for metrics.
struct api_counters {
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> refused{0}; ///< 401 and 403
    std::atomic<std::uint64_t> limited{0}; ///< 429
    std::atomic<std::uint64_t> failed{0};  ///< 5xx
    std::atomic<std::uint64_t> webhooks_waiting{0};
    std::atomic<std::uint64_t> webhooks_delivered{0};
    std::atomic<std::uint64_t> webhooks_failed{0};
};

/// The control API: records on the disk, and what the doors know of them.
///
/// Threads `handle`, `redeem`, `set_kill` may be called from any; the work is done on a thread of
/// its own.
class control_api final : public token_ledger {
public:
    struct config {
        std::filesystem::path data; ///< directory; empty keeps everything in memory
        bool open = false;          ///< callers need no key
        bool required = false;      ///< requests of media need tokens
        std::string version;
    };
    /// Opens the database, and makes what a new one has. Errors: a sentence.
    [[nodiscard]] static std::expected<std::unique_ptr<control_api>, std::string>
    open(config settings, control_outside outside);
    ~control_api() override;

    void start(webhook_sender send);
    /// Does what was asked before, then ends; nobody is answered any more.
    void stop();

    /// Whether a path is one of the API's, `/api/v1/…`, `/api/openapi.json` or `/streams…`.
    [[nodiscard]] static bool is_ours(std::string_view path);
    /// How large a body may be, where one may be.
    static constexpr std::size_t largest_body = 64 << 10;

    void handle(const http_request& request, http_server::reply reply);

    [[nodiscard]] access_directory& directory() noexcept { return directory_; }
    [[nodiscard]] event_hub& events() noexcept { return events_; }
    [[nodiscard]] const api_counters& counters() const noexcept { return counters_; }
    /// The file with the key for everything that the first start made; empty at other starts.
    [[nodiscard]] const std::filesystem::path& first_key() const noexcept { return first_key_; }

    void redeem(token_use one, std::function<void(answer)> then) override;
    /// Tokens that were used and could still be shown again. Before `start`.
    [[nodiscard]] std::vector<token_use> used() const;
    /// What a signal does.
    void set_kill(media_path path, bool killed);

private:
    control_api(config settings, control_outside outside);

    void answer_request(const http_request& request, const http_server::reply& reply);
    void dispatch(http_request request, const http_server::reply& reply);
    void act_once(const route& to, api_call call, const http_request& request,
                  const http_server::reply& reply);
    [[nodiscard]] api_caller caller_of(const http_request& request, wall_seconds now);
    [[nodiscard]] api_caller device_of(std::string_view token, const std::string& peer,
                                       wall_seconds now);
    void tick();

    config config_;
    access_directory directory_;
    event_hub events_;
    api_counters counters_;
    std::filesystem::path first_key_;
    std::unique_ptr<control_state> state_;
    std::unique_ptr<caller_limits> limits_;
    std::unique_ptr<device_tokens> tokens_;
    std::unique_ptr<broadcast_watch> watch_;
    webhook_sender send_;
    wall_seconds swept_ = 0;
    control_thread thread_; ///< ends before what it works on
};

} // namespace moqrtc::reference
