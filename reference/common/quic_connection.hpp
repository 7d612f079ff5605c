#pragma once

#include "connection_id.hpp"
#include "deadline_heap.hpp"
#include "quic_config.hpp"
#include "quic_handler.hpp"
#include "socket_address.hpp"
#include "tls.hpp"
#include "udp_socket.hpp"

#include <moqrtc/core/ring.hpp>
#include <moqrtc/core/slice.hpp>

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_ossl.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace moqrtc::reference {

class quic_endpoint;
struct quic_callbacks;

/// What the transport knows about a connection at the moment.
struct transport_info {
    duration smoothed_rtt;
    duration latest_rtt;
    duration least_rtt;
    std::uint64_t congestion_window = 0;
    std::uint64_t bytes_in_flight = 0;
    std::uint64_t packets_sent = 0;
    std::uint64_t packets_received = 0;
    std::uint64_t packets_lost = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t connection_credit = 0; ///< bytes that the peer's flow control still allows
    std::size_t udp_payload = 0;         ///< of the path, as discovered so far
};

/// One QUIC connection, either side, made and owned by a `quic_endpoint`.
///
/// Borrows a pointer to it is good until its handler's `on_closed` returns.
/// Threads that of the endpoint alone.
class quic_connection {
public:
    quic_connection(const quic_connection&) = delete;
    quic_connection& operator=(const quic_connection&) = delete;
    ~quic_connection();

    /// A new stream of ours; nothing when the peer's limit is reached (`on_stream_credit` says when
    /// it grows).
    [[nodiscard]] std::optional<quic_stream> open_unidirectional();
    [[nodiscard]] std::optional<quic_stream> open_bidirectional();
    [[nodiscard]] std::uint64_t unidirectional_left() const noexcept;
    [[nodiscard]] std::uint64_t bidirectional_left() const noexcept;
    /// Abandons our sending side; its bytes may be released at once.
    void reset_stream(quic_stream stream, std::uint64_t code);
    /// Asks the peer to stop; what arrived and was not consumed is dropped.
    void stop_sending(quic_stream stream, std::uint64_t code);
    /// The handler can take more of a stream that it had not consumed whole.
    void resume(quic_stream stream);

    /// Queues one datagram, `prefix` (at most 8 bytes) in front of `payload`. False when the peer
    /// takes none or none of this size; in a full queue the oldest gives way.
    bool send_datagram(slice payload, bytes prefix = {});
    /// The most that fits now, prefix included; 0 when the peer takes no datagrams.
    [[nodiscard]] std::size_t datagram_capacity() const noexcept;

    /// Sends what is ready, then CONNECTION_CLOSE; `on_closed` follows. Only the first call counts.
    void close(std::uint64_t code, std::string_view reason);
    /// Something is ready to be sent, or a timeout changed: asks for a turn of `next_send`.
    void wake();

    [[nodiscard]] bool is_server() const noexcept { return server_; }
    [[nodiscard]] bool is_open() const noexcept { return phase_ == phase::open; }
    [[nodiscard]] connection_handler* handler() noexcept { return handler_.get(); }
    [[nodiscard]] const std::string& protocol() const noexcept { return protocol_; }
    /// The name that the client asked for, empty when none.
    [[nodiscard]] std::string_view server_name() const noexcept;
    [[nodiscard]] socket_address peer() const noexcept;
    [[nodiscard]] socket_address local() const noexcept;
    [[nodiscard]] transport_info info() const noexcept;
    /// The client's first destination connection ID in hexadecimal: names the qlog file and is the
    /// same on both sides.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// Where its endpoint keeps traces; empty: none are kept.
    [[nodiscard]] const std::filesystem::path& qlog_directory() const noexcept;

    /// Servers: while false, datagrams from another address than the first are ignored; from then
    /// on the handler is asked.
    void allow_migration(bool allowed) noexcept { migration_allowed_ = allowed; }
    /// Servers: from now on the peer may send what the configuration allows, and not only what it
    /// may before anybody knows who it is.
    void trust();
    [[nodiscard]] bool is_trusted() const noexcept { return trusted_; }
    /// Points to the connection as long as that lives.
    [[nodiscard]] std::weak_ptr<quic_connection*> watch() const noexcept { return self_; }
    /// Clients: goes on from a new local port, telling the peer; false when that is not possible
    /// yet.
    bool migrate();
    /// Clients: the same without telling, as when a NAT forgets its mapping.
    bool rebind();
    /// Changes the packet keys; false before the handshake is confirmed or while one goes on.
    bool update_keys();

private:
    friend class quic_endpoint;
    friend struct quic_callbacks;

    enum class phase : std::uint8_t { resolving, handshake, open, closing, draining, closed };
    struct datagram {
        std::array<std::byte, 8> prefix{};
        std::uint8_t prefix_size = 0;
        slice payload;
    };
    /// Received and not consumed: bounded by the flow-control windows.
    struct held_data {
        std::vector<std::byte> data;
        std::size_t consumed = 0;
        bool fin = false;
        bool closed = false;
    };
    struct initial_packet {
        ngtcp2_cid client_scid, client_dcid, original_dcid;
        bool retried = false;
        ngtcp2_token_type token_type = NGTCP2_TOKEN_TYPE_UNKNOWN;
        bytes token;
        std::uint32_t version = 0;
    };

    quic_connection(quic_endpoint& endpoint, bool server);

    // Life, called by the endpoint.
    [[nodiscard]] bool start_server(instant now, const initial_packet& first,
                                    const socket_address& local, const socket_address& remote);
    void start_client(instant now, std::vector<socket_address> addresses);
    bool try_address(instant now);
    void receive(instant now, const socket_address& local, const socket_address& remote,
                 std::uint8_t ecn, bytes data);
    void handle_timeout(instant now);
    void flush(instant now);
    [[nodiscard]] instant next_deadline();
    void refused(instant now);
    void fail_unreachable(instant now, std::string reason);

    // Ends.
    void fail(int library_error);
    [[nodiscard]] bool has_unsent(instant now);
    [[nodiscard]] bool may_move() const {
        return migration_allowed_ && (handler_ == nullptr || handler_->may_move());
    }
    void send_close(instant now);
    void answer_close(const socket_address& local, const socket_address& remote, std::size_t size);
    void finish(instant now, const close_info& info, phase next);
    void release() noexcept;
    [[nodiscard]] close_info received_close() const;

    // Settings.
    void fill(ngtcp2_settings& settings, ngtcp2_transport_params& params, instant now);
    [[nodiscard]] bool start_tls(SSL_CTX* context);
    void open_qlog(const ngtcp2_cid& original);

    // Sending.
    [[nodiscard]] bool write(instant now);
    [[nodiscard]] ngtcp2_ssize write_packet(ngtcp2_path* path, ngtcp2_pkt_info* info,
                                            std::uint8_t* out, std::size_t size, ngtcp2_tstamp ts);
    [[nodiscard]] bool write_datagrams(ngtcp2_path* path, ngtcp2_pkt_info* info, std::uint8_t* out,
                                       std::size_t size, ngtcp2_tstamp ts, ngtcp2_ssize& written);
    [[nodiscard]] const std::shared_ptr<udp_socket>&
    socket_for(const ngtcp2_addr& local) const noexcept;

    // What the stack reports.
    void on_handshake_completed();
    void on_stream_data(quic_stream stream, bytes data, bool fin);
    void on_stream_closed(quic_stream stream);
    void consume(quic_stream stream, std::size_t count);
    void extend(std::size_t count);
    void drop_held(quic_stream stream);
    void submit_new_token(const ngtcp2_path& path);

    quic_endpoint& endpoint_;
    std::unique_ptr<connection_handler> handler_;
    ngtcp2_conn* conn_ = nullptr;
    ngtcp2_crypto_ossl_ctx* crypto_ = nullptr;
    ssl_pointer ssl_;
    ngtcp2_crypto_conn_ref reference_{};
    std::shared_ptr<const tls_server> tls_server_;
    std::shared_ptr<const tls_client> tls_client_;
    std::FILE* qlog_ = nullptr;
    /// STOP_SENDING of the packets that are being read: told behind their data, because a peer that
    /// leaves stops its streams beside the last that it says on them.
    std::vector<std::pair<quic_stream, std::uint64_t>> stopped_;

    bool server_;
    phase phase_ = phase::resolving;
    bool handshake_complete_ = false;
    bool migration_allowed_ = true;
    bool trusted_ = true;
    std::uint64_t withheld_ = 0; // consumed before trust: given back with it
    bool reset_received_ = false;
    bool heard_ = false;         // anything at all from this address
    instant heard_at_{};         // what came last and did not end it
    bool scheduled_ = false;     // stands in the endpoint's list of those that want a turn
    bool write_blocked_ = false; // the socket's buffer was full
    bool doomed_ = false;        // to be destroyed at the end of the turn
    instant now_;
    instant close_deadline_ = never;
    instant next_attempt_ = never; // when to try the host's next address
    deadline_place deadline_;
    std::size_t slot_ = 0; // in the endpoint's list of connections
    std::shared_ptr<quic_connection*> self_ = std::make_shared<quic_connection*>(this);
    std::vector<connection_id> ids_;

    std::optional<close_info> close_request_;
    instant close_limit_ = never; // until then the close waits for what is not sent yet
    int close_library_error_ = 0; // what `close_request_` comes from, when from the stack
    std::vector<std::uint8_t> close_packet_;
    std::uint64_t close_heard_ = 0;  // datagrams since
    std::uint64_t close_answer_ = 1; // the next one answered

    ring<datagram> datagrams_;
    std::unordered_map<quic_stream, held_data> held_;
    std::uint64_t key_updated_at_ = 0; // packets sent then
    std::string protocol_;
    std::string name_;

    // Clients.
    std::string host_;        // the name to verify
    std::string token_place_; // what a token for address validation is kept under
    std::vector<std::string> offer_;
    std::vector<socket_address> addresses_;
    std::size_t attempt_ = 0;
    socket_address path_local_; // what the stack believes to be the local address
    std::shared_ptr<udp_socket> socket_;
    socket_address previous_local_;
    std::shared_ptr<udp_socket> previous_socket_; // of the path before a migration
};

} // namespace moqrtc::reference
