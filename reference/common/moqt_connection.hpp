#pragma once

#include "quic_connection.hpp"
#include "quic_handler.hpp"

#include <moqrtc/core/id_map.hpp>
#include <moqrtc/moqt/session/session.hpp>

#include <array>
#include <optional>
#include <string_view>

namespace moqrtc::reference {

/// Runs a MoQT session on a QUIC connection: numbers of streams, bytes, credit, timers. Everything
/// that is protocol is in the session.
///
/// Whoever derives from it makes the session when the handshake has told the draft, and drains its
/// events.
class moqt_connection : public connection_handler {
public:
    explicit moqt_connection(quic_connection& connection) noexcept : connection_{&connection} {}

    [[nodiscard]] quic_connection& transport() noexcept { return *connection_; }
    /// Call it after any command to the session: takes what it wants of the transport along.
    void settle(instant now);
    /// The same without looking for events: whoever drained the session calls this.
    void push();

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
    void on_closed(instant now, const close_info& info) override;

protected:
    /// Makes the session of a draft; null closes the connection.
    [[nodiscard]] virtual moqt::session* open_session(instant now, moqt::draft version) = 0;
    /// Takes the session's events, all of them.
    virtual void drain(instant now) = 0;
    /// The transport is gone and the session has told what it had to tell.
    virtual void ended(instant now, const close_info& info) = 0;
    [[nodiscard]] moqt::session* session() noexcept { return session_; }

private:
    static constexpr std::uint32_t none = id_map::none;
    [[nodiscard]] bool is_local(std::uint64_t id) const noexcept {
        return moqt::opened_by_server(id) == connection_->is_server();
    }
    [[nodiscard]] static std::size_t direction(std::uint64_t id) noexcept {
        return moqt::is_unidirectional(id) ? 1 : 0;
    }
    /// Streams of ours have a number of the session's and one of QUIC's; the peer's have one.
    [[nodiscard]] std::optional<quic_stream> to_quic(moqt::stream_id id) const noexcept;
    [[nodiscard]] std::optional<moqt::stream_id> to_session(quic_stream stream) const noexcept;
    [[nodiscard]] std::optional<quic_stream> open(moqt::stream_id id);
    void take_operations();
    [[nodiscard]] bool offer(instant now, pending_send& next);

    quic_connection* connection_;
    moqt::session* session_ = nullptr;
    std::array<id_map, 2> quic_of_;    ///< by direction: the session's number to QUIC's
    std::array<id_map, 2> session_of_; ///< and back
    bool settling_ = false;
};

} // namespace moqrtc::reference
