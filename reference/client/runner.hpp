#pragma once

#include "common/locator.hpp"
#include "common/moqt_link.hpp"
#include "common/quic_endpoint.hpp"
#include "common/tls.hpp"
#include "common/webtransport_client.hpp"

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/moqt/session/session.hpp>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <expected>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moqrtc::reference {

/// Exit status of the client (docs/client.md).
namespace exit_status {
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int bad_arguments = 2;
inline constexpr int unreachable = 3;
inline constexpr int refused = 4;
} // namespace exit_status

/// What every subcommand that talks to a server takes.
struct client_options {
    locator where;
    offered_drafts_list drafts; ///< best first
    transport_choice transport = transport_choice::automatic;
    std::string origin; ///< that a page would have
    tls_trust trust;
    bool verbose = false; ///< print control messages
    bool json = false;
    bool reconnect = false;
    std::string token; ///< sent with every request that may carry one
    /// Where a new one appears when the old one ends; empty: nowhere.
    std::filesystem::path token_file;
    std::string token_command; ///< prints one, for the first time and whenever the last grows old
    std::filesystem::path qlog_directory;
    std::chrono::milliseconds connect_timeout{5000};
};

/// A session that was lost.
struct outage {
    close_info::cause why = close_info::cause::transport;
    duration noticed{}; ///< since the server was last heard
    instant began{};    ///< when it was noticed
    duration lasted{};  ///< until the next session was established; 0: there is none yet
};

/// What a subcommand does with a session. All calls come on the runner's thread.
class application {
public:
    virtual ~application() = default;

    /// The session is set up; again after every reconnection, with a new session.
    virtual void established(instant now, moqt::session& session) = 0;
    virtual void handle(instant now, moqt::session& session, moqt::event& event) = 0;
    /// The session is gone. The runner reconnects if it was told to, else it ends.
    virtual void lost(instant now, const close_info& info) = 0;
    /// After the session took bytes from its queues, or time passed: when to be called again.
    [[nodiscard]] virtual instant next_timeout() { return never; }
    virtual void handle_timeout(instant /*now*/) {}
    /// The user wants it to end; `finish` when ready.
    virtual void interrupted(instant now) = 0;
};

/// Runs an application over one connection at a time, until it finishes.
class runner {
public:
    explicit runner(client_options options);
    ~runner();

    /// Returns the exit status.
    [[nodiscard]] int run(application& app);
    /// Ends the session and the run; `complaint` goes to standard error unless empty. What is
    /// queued is delivered first, as far as the peer takes it within two seconds.
    void finish(int status, std::string complaint = {});
    /// After commands outside of `application`'s calls; also looks at its timer again.
    void settle();

    [[nodiscard]] asio::io_context& context() noexcept { return context_; }
    [[nodiscard]] buffer_pool& pool() noexcept { return pool_; }
    [[nodiscard]] const client_options& options() const noexcept { return options_; }
    /// The session in use, null while there is none.
    [[nodiscard]] moqt::session* session() noexcept;
    [[nodiscard]] quic_connection* connection() noexcept;
    /// Message parameters with the token of the options, if there is one.
    [[nodiscard]] moqt::message_params params() const;
    /// How often a session was established.
    [[nodiscard]] int connections() const noexcept { return connections_; }
    /// Sessions that were established and lost, the latest hundred.
    [[nodiscard]] const std::vector<outage>& outages() const noexcept { return outages_; }

private:
    class link;
    void connect();
    void on_established(instant now);
    void on_lost(instant now, const close_info& info);
    void retry(const close_info& info);
    void follow(const moqt::event& goaway);
    void arm();
    void wait_for_delivery(int polls);
    void use_token(std::string token);
    void watch_token();
    void renew_token(std::string token);
    void ask_for_token(bool soon = false);
    void take_token();

    client_options options_;
    asio::io_context context_{1};
    buffer_pool pool_{std::size_t{1} << 30};
    std::vector<moqt::authorization_token> tokens_;
    std::unique_ptr<quic_endpoint> endpoint_;
    std::shared_ptr<const tls_client> tls_;
    application* app_ = nullptr;
    link* link_ = nullptr;
    asio::signal_set signals_{context_};
    asio::steady_timer timer_{context_};
    asio::steady_timer retry_timer_{context_};
    asio::steady_timer drain_timer_{context_};
    asio::steady_timer connect_timer_{context_};
    asio::steady_timer token_timer_{context_};
    std::future<std::expected<std::string, std::string>> token_answer_;
    instant armed_ = never;
    std::chrono::milliseconds backoff_{100};
    int connections_ = 0;
    std::vector<outage> outages_;
    int interrupts_ = 0;
    bool connected_ = false; ///< a session is established
    bool finishing_ = false;
    std::optional<int> status_;
};

/// When to repeat a request that was refused: after the time that the server asks for, else soon.
[[nodiscard]] instant retry_at(instant now, const moqt::event& refusal);

/// Prints the control message behind an event, if there is one, to standard error.
void print_message(const moqt::event& e);

/// A sentence about how a connection ended.
[[nodiscard]] std::string to_text(const close_info& info, moqt::draft version);

} // namespace moqrtc::reference
