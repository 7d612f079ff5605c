#pragma once

#include "common/datagram_exchange.hpp"
#include "control/control_api.hpp"
#include "control/webhook_client.hpp"
#include "http_server.hpp"
#include "identity.hpp"
#include "options.hpp"
#include "relay_log.hpp"
#include "shard.hpp"
#include "status_board.hpp"
#include "web_files.hpp"

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <atomic>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace moqrtc::reference {

/// The program: brings up data plane and control plane, and takes signals.
class server {
public:
    server(command_line line, server_settings settings);
    ~server();

    /// Runs until it is told to end; the exit status.
    [[nodiscard]] int run();

private:
    struct failure {
        int status = 1;
        std::string what;
    };
    using outcome = std::expected<void, failure>;
    /// A shard with what belongs to it.
    struct lane {
        explicit lane(std::size_t index) : log{index} {}
        relay_log log;
        std::atomic<std::size_t> clients{SIZE_MAX};     ///< as it told last
        std::atomic<std::size_t> connections{SIZE_MAX}; ///< the same
        std::unique_ptr<shard> machine;                 ///< ends before what it writes to
    };

    [[nodiscard]] outcome open();
    [[nodiscard]] outcome open_data_plane();
    [[nodiscard]] outcome open_api();
    [[nodiscard]] outcome open_control_plane();
    [[nodiscard]] outcome open_http(const std::string& where, bool tls, socket_address& bound);
    [[nodiscard]] std::string base_url() const;
    [[nodiscard]] std::expected<std::shared_ptr<const tls_server>, std::string>
    make_tls(const identity& from) const;
    [[nodiscard]] std::shared_ptr<const door_policy> make_doors() const;
    [[nodiscard]] std::shared_ptr<const door_policy> make_told_doors();
    void announce() const;

    void wait_for_signal();
    void watch_certificate();
    void check_hash() const;
    void reload();
    void reload_certificate();
    void begin_drain();
    void watch_drain(instant deadline);
    void close_connections();
    void watch_close(instant deadline);
    void every_lane(void (*work)(lane&));

    command_line line_;
    server_settings settings_;
    std::filesystem::path data_;
    identity identity_;
    socket_address http_address_;
    socket_address https_address_;

    asio::io_context context_{1};
    asio::signal_set signals_;
    asio::steady_timer certificate_timer_;
    asio::steady_timer drain_timer_;
    bool draining_ = false;

    datagram_exchange exchange_;
    // Connections of the HTTP server wait in the board, and the board's questions in shards.
    http_server http_;
    std::shared_ptr<const web_files> web_;
    status_board board_;
    /// Ends sessions for the API.
    class session_ender final : public session_control {
    public:
        explicit session_ender(server& of) : of_{&of} {}
        void end_session(session_name which, std::string reason,
                         std::function<void(bool)> then) override;

    private:
        server* of_;
    };
    session_ender ender_{*this};
    webhook_client hooks_;
    std::unique_ptr<control_api> api_;
    std::vector<std::unique_ptr<lane>> lanes_;
};

} // namespace moqrtc::reference
