#pragma once

#include "common/locator.hpp"
#include "common/moqt_connection.hpp"
#include "common/quic_endpoint.hpp"

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/moqt/relay/relay.hpp>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace moqrtc::reference {

/// What a shard counts and shows, taken on its thread.
struct shard_report {
    moqt::relay_statistics relay;
    quic_statistics quic;
    std::vector<moqt::track_snapshot> tracks;
    std::vector<moqt::session_snapshot> sessions;
    std::vector<moqt::track_namespace> namespaces;
    std::size_t pool_bytes = 0;
    std::size_t upstreams_connected = 0;
};

/// One thread of the data plane: an `io_context`, a UDP socket, a relay and its sessions. Nothing
/// in it is shared; the outside talks to it by `post`.
class shard {
public:
    struct config {
        quic_config quic;
        moqt::relay_config relay;
        std::vector<moqt::draft> drafts; ///< best first
        std::vector<locator> upstreams;
        tls_trust upstream_trust;
        std::size_t pool_limit = std::size_t{2} << 30;
        std::string implementation;
    };
    using log_handler = std::function<void(const shard&, const moqt::relay_event&)>;

    shard(std::uint8_t index, config settings, quic_secrets secrets, log_handler log);
    ~shard();
    shard(const shard&) = delete;
    shard& operator=(const shard&) = delete;

    /// Binds the socket; call it before `start`.
    [[nodiscard]] std::error_code listen(const socket_address& local, bool share_port,
                                         std::shared_ptr<const tls_server> tls);
    [[nodiscard]] socket_address local() const noexcept { return endpoint_->local(); }
    void start();
    /// Ends the thread; what is still open is dropped.
    void stop();

    /// Runs `work` on the shard's thread.
    void post(std::function<void()> work);
    // On the shard's thread:
    [[nodiscard]] shard_report report();
    void use_tls(std::shared_ptr<const tls_server> tls) { endpoint_->use_tls(std::move(tls)); }
    /// Takes no more connections and asks every session to leave.
    void drain(duration timeout);
    /// Closes what is left.
    void close_all();
    [[nodiscard]] std::size_t open_connections() const { return endpoint_->open_connections(); }
    [[nodiscard]] quic_endpoint& endpoint() noexcept { return *endpoint_; }
    [[nodiscard]] std::uint8_t index() const noexcept { return index_; }

private:
    class link;
    struct upstream {
        locator where;
        link* connection = nullptr;
        std::unique_ptr<asio::steady_timer> retry;
        int failures = 0;
    };

    void settle();
    void arm();
    void connect(std::size_t upstream);

    std::uint8_t index_;
    config config_;
    log_handler log_;
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    buffer_pool pool_;
    moqt::allow_all policy_;
    std::unique_ptr<moqt::relay> relay_;
    std::unique_ptr<quic_endpoint> endpoint_;
    std::shared_ptr<const tls_client> upstream_tls_;
    std::map<moqt::session_key, link*> links_;
    std::vector<upstream> upstreams_;
    asio::steady_timer timer_;
    instant armed_ = never;
    bool settling_ = false;
    std::thread thread_;
};

} // namespace moqrtc::reference
