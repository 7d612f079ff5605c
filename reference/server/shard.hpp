#pragma once

#include "admission_gate.hpp"
#include "common/locator.hpp"
#include "common/quic_endpoint.hpp"
#include "http3_connection.hpp"
#include "newcomers.hpp"
#include "shard_report.hpp"
#include "sibling_link.hpp"
#include "token_doors.hpp"

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/moqt/draft.hpp>
#include <moqrtc/moqt/relay/config.hpp>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace moqrtc::moqt {
class relay;
}

namespace moqrtc::reference {

/// One thread of the data plane: an `io_context`, a UDP socket, a relay and its sessions. Nothing
/// in it is shared; the outside talks to it by `post`.
class shard {
public:
    struct config {
        quic_config quic;
        moqt::relay_config relay;
        offered_drafts_list drafts;     ///< best first
        std::vector<locator> upstreams; ///< those that this shard connects to itself
        tls_trust upstream_trust;
        std::size_t pool_limit = std::size_t{2} << 30;
        std::string implementation;
        /// Who gets in by WebTransport, the dialects of it (none: off), and what plain requests
        /// get.
        std::shared_ptr<const door_policy> doors;
        std::vector<std::string> audiences; ///< names by which tokens may mean this server
        std::shared_ptr<used_tokens> used;  ///< of the whole server
        /// Of the whole server, or one of its own.
        std::shared_ptr<admission_ledger> ledger =
            std::make_shared<admission_ledger>(admission_limits{});
        std::uint64_t requests_per_session = 1000;
        bool tokens = false; ///< whoever comes has to show one
        webtransport::connection_config webtransport;
        std::optional<moqt::draft> webtransport_fallback;
        http_server::handler files;
    };
    /// `peer` describes the event's session, empty when it is gone.
    using log_handler =
        std::function<void(instant now, const moqt::relay_event&, std::string_view peer)>;

    shard(std::uint8_t index, config settings, quic_secrets secrets, log_handler log);
    ~shard();
    shard(const shard&) = delete;
    shard& operator=(const shard&) = delete;

    /// Binds the socket; call it before `start`.
    [[nodiscard]] std::error_code listen(const socket_address& local, bool share_port,
                                         std::shared_ptr<const tls_server> tls);
    [[nodiscard]] socket_address local() const noexcept { return endpoint_->local(); }
    /// Makes two shards one relay; before either starts. With `upstream` the second asks the first
    /// for what only other servers have.
    static void join(shard& first, shard& second, bool upstream);
    void start();
    /// Whether an upstream relay's certificate can be judged; call it before `start`.
    [[nodiscard]] std::expected<void, std::string> prepare_upstreams();
    /// Ends the thread; what is still open is dropped.
    void stop();

    /// Runs `work` on the shard's thread.
    void post(std::function<void()> work);
    // On the shard's thread:
    /// With `everything` the lists of tracks, sessions and namespaces, too.
    [[nodiscard]] shard_report report(bool everything);
    void use_tls(std::shared_ptr<const tls_server> tls) { endpoint_->use_tls(std::move(tls)); }
    void use_doors(std::shared_ptr<const door_policy> doors) { doors_.use(std::move(doors)); }
    /// What decides about access from now on; ends what that does not allow any more.
    void use_access(std::shared_ptr<const access_snapshot> now);
    /// Ends a session and tells it why; false when there is none of that name.
    bool end_session(moqt::session_key which, std::string_view reason);
    /// Takes no more connections and asks every session to leave.
    void drain(duration timeout);
    /// Closes what is left.
    void close_all();
    /// Sessions that peers opened.
    [[nodiscard]] std::size_t clients() const;
    /// Connections that are open or being closed.
    [[nodiscard]] std::size_t connections() const { return endpoint_->connections(); }
    [[nodiscard]] quic_endpoint& endpoint() noexcept { return *endpoint_; }
    [[nodiscard]] std::uint8_t index() const noexcept { return index_; }

private:
    class link;
    /// A connection that has to show something.
    struct newcomer {
        std::weak_ptr<quic_connection*> who;
        [[nodiscard]] bool is_settled() const;
        void send_away() const;
    };
    struct upstream {
        locator where;
        link* connection = nullptr;
        std::unique_ptr<asio::steady_timer> retry;
        int failures = 0;
    };

    void settle();
    void arm();
    void watch_lag();
    void connect(std::size_t upstream);
    void open_web();
    [[nodiscard]] door_answer admit(const door_request& request);
    [[nodiscard]] token_doors::config door_config();
    [[nodiscard]] bool arrive(const socket_address& from);
    void meter(instant now);

    std::uint8_t index_;
    config config_;
    log_handler log_;
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    buffer_pool pool_;
    token_doors doors_;
    admission_gate gate_;
    std::unique_ptr<moqt::relay> relay_;
    http3_host web_; ///< connections refer to it
    std::unique_ptr<quic_endpoint> endpoint_;
    std::shared_ptr<const tls_client> upstream_tls_;
    std::map<moqt::session_key, link*> links_;
    admission_ledger::session_pass arriving_; ///< of the link that is made next
    newcomers<newcomer> newcomers_;
    instant metered_{};
    std::vector<upstream> upstreams_;
    std::vector<std::shared_ptr<record_ring>> rings_; ///< of both directions, each with its sibling
    std::vector<std::unique_ptr<sibling_link>> siblings_;
    asio::steady_timer timer_;
    asio::steady_timer lag_timer_;
    loop_lag lag_;
    std::uint64_t sent_quic_ = 0; ///< on connections that are gone
    std::uint64_t sent_webtransport_ = 0;
    instant armed_ = never;
    bool settling_ = false;
    bool leaving_ = false; ///< no more connections, ours to other relays included
    std::thread thread_;
};

} // namespace moqrtc::reference
