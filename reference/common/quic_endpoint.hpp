#pragma once

#include "connection_id.hpp"
#include "deadline_heap.hpp"
#include "quic_config.hpp"
#include "quic_connection.hpp"
#include "quic_handler.hpp"
#include "quic_secrets.hpp"
#include "quic_statistics.hpp"
#include "tls.hpp"
#include "udp_socket.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>
#include <asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moqrtc::reference {

/// Where a client connects to and whom it believes.
struct connect_options {
    std::string host; ///< a name or a numeric address
    std::uint16_t port = 0;
    std::string server_name;            ///< to ask for and to verify; empty: `host`
    std::vector<std::string> protocols; ///< offered, best first
    std::shared_ptr<const tls_client> tls;
};

/// One UDP datagram on its way to the shard that its connection ID names.
struct stray_datagram {
    socket_address local;
    socket_address remote;
    std::uint8_t ecn = 0;
    bytes data;
};

/// QUIC on one thread: a server's socket, clients' sockets, and the connections on them.
///
/// A server has one endpoint per shard, each with its own `io_context` and thread, all bound to the
/// same port. Everything happens on that thread; nothing blocks.
///
/// Owns    its connections and their handlers. Destroying it drops them without a word to the
///         peers and without `on_closed`: `close_all` first for a clean end.
class quic_endpoint {
public:
    /// Makes the handler of a connection as soon as its protocol is known; null refuses it.
    using accept_handler = std::function<std::unique_ptr<connection_handler>(
        quic_connection& connection, std::string_view protocol)>;
    using connect_handler =
        std::function<std::unique_ptr<connection_handler>(quic_connection& connection)>;
    enum class forwarding : std::uint8_t { done, full, no_such_shard };
    /// Hands a datagram to another shard.
    using forward_handler =
        std::function<forwarding(std::uint8_t shard, const stray_datagram& datagram)>;

    quic_endpoint(asio::io_context& context, quic_config config,
                  quic_secrets secrets = quic_secrets::random());
    ~quic_endpoint();
    quic_endpoint(const quic_endpoint&) = delete;
    quic_endpoint& operator=(const quic_endpoint&) = delete;

    /// Becomes a server. Port 0 picks a free port; further shards then bind to `local().port()`.
    [[nodiscard]] std::error_code listen(const socket_address& local, bool share_port,
                                         std::shared_ptr<const tls_server> tls,
                                         accept_handler accept);
    /// The server's address, empty without `listen`.
    [[nodiscard]] socket_address local() const noexcept;
    /// From now on new connections see this certificate.
    void use_tls(std::shared_ptr<const tls_server> tls) { tls_ = std::move(tls); }
    /// Refuses new connections, keeps the old ones.
    void stop_accepting() noexcept { accepting_ = false; }

    /// Begins a connection; every outcome is reported to the handler. Addresses of the host are
    /// tried in turn.
    quic_connection& connect(const connect_options& options, const connect_handler& make);

    /// Closes every connection; they are gone when `connections()` is 0, after three round trips
    /// or so.
    void close_all(std::uint64_t code, std::string_view reason);
    [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }
    /// Connections whose handler lives.
    [[nodiscard]] std::size_t open_connections() const noexcept;

    void on_stray(forward_handler forward) { forward_ = std::move(forward); }
    /// What another shard handed over.
    void handle_stray(const stray_datagram& datagram);

    [[nodiscard]] const quic_config& config() const noexcept { return config_; }
    [[nodiscard]] quic_statistics statistics() const;
    [[nodiscard]] asio::io_context& context() noexcept { return context_; }

private:
    friend class quic_connection;
    friend struct quic_callbacks;

    using connection_table =
        std::unordered_map<connection_id, quic_connection*, connection_id_hash>;

    // For connections.
    void schedule(quic_connection& connection);
    void associate(quic_connection& connection, const connection_id& id);
    void dissociate(const connection_id& id);
    [[nodiscard]] bool new_connection_id(ngtcp2_cid& id, std::uint8_t* reset_token) const;
    [[nodiscard]] bool send(quic_connection& connection, const std::shared_ptr<udp_socket>& socket,
                            const socket_address& local, const socket_address& remote,
                            std::uint8_t ecn, bytes data, std::size_t segment);
    [[nodiscard]] std::expected<std::shared_ptr<udp_socket>, std::error_code>
    client_socket(quic_connection& connection, const socket_address& remote);

    // The loop.
    void read_socket(const std::shared_ptr<udp_socket>& socket, quic_connection* owner);
    void arm_read(const std::shared_ptr<udp_socket>& socket, quic_connection* owner);
    void handle_datagram(instant now, const stray_datagram& datagram, quic_connection* owner,
                         bool handed_over);
    void turn();
    void post_turn();
    void update_deadline(quic_connection& connection);
    void arm_timer();
    void handle_timer();
    void destroy_doomed();
    void wait_until_writable(const std::shared_ptr<udp_socket>& socket);
    void resolve(quic_connection& connection, const std::string& host, std::uint16_t port);
    [[nodiscard]] quic_connection& add_connection(bool server);

    // Packets without a connection.
    void accept(instant now, const stray_datagram& datagram);
    [[nodiscard]] bool wants_proof(instant now);
    [[nodiscard]] bool check_token(const ngtcp2_pkt_hd& header, const stray_datagram& datagram,
                                   quic_connection::initial_packet& first);
    void send_version_negotiation(const ngtcp2_version_cid& ids, const stray_datagram& datagram);
    void send_retry(const ngtcp2_pkt_hd& header, const stray_datagram& datagram);
    void send_refusal(const ngtcp2_pkt_hd& header, const stray_datagram& datagram,
                      std::uint64_t code);
    void send_stateless_reset(instant now, const ngtcp2_version_cid& ids,
                              const stray_datagram& datagram);
    void answer(const stray_datagram& to, bytes data);

    asio::io_context& context_;
    quic_config config_;
    quic_secrets secrets_;
    accept_handler accept_;
    forward_handler forward_;
    std::shared_ptr<const tls_server> tls_;
    bool accepting_ = true;

    std::shared_ptr<udp_socket> socket_;
    receive_batch batch_;
    std::vector<std::uint8_t> send_buffer_;

    std::vector<std::unique_ptr<quic_connection>> connections_;
    connection_table table_;
    std::vector<quic_connection*> wanting_turn_;
    std::vector<quic_connection*> taking_turn_;
    std::vector<quic_connection*> doomed_;
    bool in_turn_ = false;
    bool turn_posted_ = false;
    deadline_heap<quic_connection, &quic_connection::deadline_> deadlines_;
    asio::steady_timer timer_;
    instant timer_armed_ = never;
    asio::ip::udp::resolver resolver_;
    std::map<std::string, std::vector<std::uint8_t>> new_tokens_; // of servers, by host and port

    quic_statistics counters_;
    std::size_t resets_left_ = 0;
    instant resets_refilled_;
    std::shared_ptr<quic_endpoint*> self_; // what callbacks of the loop hold weakly
};

} // namespace moqrtc::reference
