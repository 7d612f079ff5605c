#pragma once

#include "moqt_link.hpp"
#include "quic_connection.hpp"
#include "quic_handler.hpp"

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/webtransport/connection.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

class webtransport_connection;

/// A WebTransport session as what carries a MoQT session.
class webtransport_session final : public moqt_carrier {
public:
    webtransport_session(webtransport_connection& owner, std::string path,
                         const moqt_link_maker& make)
        : owner_{&owner}, path_{std::move(path)}, link_{make(*this)} {}

    [[nodiscard]] carried& link() const noexcept { return *link_; }
    [[nodiscard]] quic_connection& connection() noexcept override;
    [[nodiscard]] std::optional<std::string_view> webtransport_path() const noexcept override {
        return path_;
    }
    [[nodiscard]] std::optional<quic_stream> open_stream(bool unidirectional) override;
    [[nodiscard]] std::uint64_t streams_left(bool unidirectional) const noexcept override;
    void reset_stream(quic_stream stream, std::uint64_t code) override;
    void stop_sending(quic_stream stream, std::uint64_t code) override;
    void send_datagram(slice payload) override;
    void close(std::uint64_t code, std::string_view reason) override;

private:
    friend class webtransport_connection;

    webtransport_connection* owner_;
    webtransport::session_id id_ = webtransport::no_session;
    std::string path_;
    std::unique_ptr<carried> link_;
    std::vector<quic_stream> waiting_; ///< for the session's flow control
};

/// HTTP/3 on a QUIC connection, either side: hands streams and datagrams of WebTransport sessions
/// to the MoQT sessions in them, and gives each its turn to send. What is asked and answered is up
/// to whoever derives from it.
///
/// Borrows the pool, which outlives it.
class webtransport_connection : public connection_handler {
public:
    webtransport_connection(quic_connection& connection, buffer_pool& pool,
                            const webtransport::connection_config& config)
        : connection_{&connection}, pool_{&pool}, config_{config} {}

    void on_handshake(instant now, std::string_view protocol) override;
    [[nodiscard]] std::size_t on_stream_data(instant now, quic_stream stream, bytes data,
                                             bool fin) override;
    void on_stream_reset(instant now, quic_stream stream, std::uint64_t code) override;
    void on_stop_sending(instant now, quic_stream stream, std::uint64_t code) override;
    void on_stream_closed(instant now, quic_stream stream) override;
    void on_datagram(instant now, bytes data) override;
    void on_acked(instant now, quic_stream stream, std::size_t count) override;
    void on_stream_credit(instant now, std::uint64_t bidirectional,
                          std::uint64_t unidirectional) override;
    void on_stream_writable(instant now, quic_stream stream) override;
    [[nodiscard]] bool next_send(instant now, pending_send& next) override;
    void on_sent(instant now, quic_stream stream, std::size_t count, bool fin) override;
    void on_blocked(instant now, quic_stream stream) override;
    [[nodiscard]] instant next_timeout() override;
    void on_timeout(instant now) override;
    /// One session that may is enough: the others are told when the path has changed.
    [[nodiscard]] bool may_move() const override;
    void on_path_changed(instant now, const socket_address& remote) override;
    void on_closed(instant now, const close_info& info) override {
        end_all(now, of_connection(info));
    }

protected:
    /// HTTP/3 has begun: a client asks for what it wants.
    virtual void started(instant now) = 0;
    /// An event that is not of the life of sessions.
    virtual void handle(instant now, const webtransport::event& event) = 0;
    /// A session has ended while the connection goes on; its streams are reset already. `end` it
    /// now, or leave that to the end of the connection.
    virtual void session_over(instant now, webtransport_session& session,
                              const close_info& info) = 0;

    /// A session whose link waits for `begin`; the number may be told later by `name`.
    webtransport_session& add_session(std::string path, const moqt_link_maker& make);
    void name(webtransport_session& session, webtransport::session_id id) { session.id_ = id; }
    /// Tells the link that it is over, and destroys both.
    void end(instant now, webtransport_session& session, const close_info& info);
    void end_all(instant now, const close_info& info);
    /// What a session is told of the end of its connection: codes of HTTP/3 are not its own.
    [[nodiscard]] static close_info of_connection(close_info info);

    /// Takes what HTTP/3 has to tell and wants done; call it after any command to `machine`.
    void drain(instant now);
    [[nodiscard]] webtransport::connection& machine() noexcept { return *machine_; }
    [[nodiscard]] quic_connection& transport() noexcept { return *connection_; }
    [[nodiscard]] buffer_pool& pool() noexcept { return *pool_; }

private:
    friend class webtransport_session;

    [[nodiscard]] webtransport_session* find(webtransport::session_id id) noexcept;
    void take(instant now, const webtransport::event& event);
    [[nodiscard]] bool take_operations();
    [[nodiscard]] bool offer(instant now, webtransport_session& session, pending_send& next);
    [[nodiscard]] bool offer_sessions(instant now, pending_send& next);

    quic_connection* connection_;
    buffer_pool* pool_;
    webtransport::connection_config config_;
    std::optional<webtransport::connection> machine_; ///< from the handshake on
    std::vector<std::unique_ptr<webtransport_session>> sessions_;
    std::vector<quic_stream> resumed_;
    std::size_t turn_ = 0;   ///< the session that is asked first
    bool bulk_turn_ = false; ///< content of plain messages comes before sessions
    bool draining_ = false;
    bool resuming_ = false;
};

} // namespace moqrtc::reference
