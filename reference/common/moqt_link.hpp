#pragma once

#include "quic_connection.hpp"
#include "quic_handler.hpp"
#include "session_trace.hpp"

#include <moqrtc/core/id_map.hpp>
#include <moqrtc/core/slice.hpp>
#include <moqrtc/moqt/session/session.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace moqrtc::reference {

/// What carries a MoQT session: a QUIC connection of its own, or a WebTransport session that shares
/// one with others.
class moqt_carrier {
public:
    [[nodiscard]] virtual quic_connection& connection() noexcept = 0;
    /// Path and query of the CONNECT request, where WebTransport carries the session.
    [[nodiscard]] virtual std::optional<std::string_view> webtransport_path() const noexcept {
        return std::nullopt;
    }
    /// A new stream of ours; nothing when the limit is reached.
    [[nodiscard]] virtual std::optional<quic_stream> open_stream(bool unidirectional) = 0;
    [[nodiscard]] virtual std::uint64_t streams_left(bool unidirectional) const noexcept = 0;
    /// Codes are those of MoQT. The bytes of a stream that was reset may be released at once.
    virtual void reset_stream(quic_stream stream, std::uint64_t code) = 0;
    virtual void stop_sending(quic_stream stream, std::uint64_t code) = 0;
    virtual void send_datagram(slice payload) = 0;
    /// Ends the session; the link hears of it by `carrier_closed`, later.
    virtual void close(std::uint64_t code, std::string_view reason) = 0;

protected:
    ~moqt_carrier() = default;
};

/// What a carrier carries, as the carrier sees it. The carrier owns it.
///
/// Streams are numbered as QUIC does, codes are those of MoQT.
class carried {
public:
    carried() = default;
    carried(const carried&) = delete;
    carried& operator=(const carried&) = delete;
    virtual ~carried() = default;

    /// The draft is known; false when there is no session for it.
    [[nodiscard]] virtual bool begin(instant now, moqt::draft version) = 0;
    /// Takes everything, always.
    virtual void handle_stream(instant now, quic_stream stream, bytes data, bool fin) = 0;
    virtual void handle_reset(instant now, quic_stream stream, std::uint64_t code) = 0;
    virtual void handle_stop_sending(instant now, quic_stream stream, std::uint64_t code) = 0;
    virtual void handle_stream_closed(instant now, quic_stream stream) = 0;
    virtual void handle_datagram(instant now, bytes data) = 0;
    virtual void handle_acked(instant now, quic_stream stream, std::size_t count) = 0;
    virtual void handle_stream_credit(instant now) = 0;
    virtual void handle_writable(quic_stream stream) = 0;
    [[nodiscard]] virtual bool next_send(instant now, pending_send& next) = 0;
    virtual void handle_sent(instant now, quic_stream stream, std::size_t count, bool fin) = 0;
    virtual void handle_blocked(quic_stream stream) = 0;
    [[nodiscard]] virtual instant next_timeout() const noexcept = 0;
    virtual void handle_timeout(instant now) = 0;
    /// Servers: whether the session may go on from another address of its peer.
    [[nodiscard]] virtual bool may_move() const { return true; }
    /// The peer answers from another address now, and proved that it is there.
    virtual void handle_moved(instant /*now*/) {}
    /// The last call.
    virtual void carrier_closed(instant now, const close_info& info) = 0;
};

/// Ties a MoQT session to what carries it: numbers of streams, bytes, credit. Everything that is
/// protocol is in the session.
///
/// Whoever derives from it makes the session when the draft is known, and drains its events.
class moqt_link : public carried {
public:
    explicit moqt_link(moqt_carrier& carrier) noexcept : carrier_{&carrier} {}

    [[nodiscard]] moqt_carrier& carrier() noexcept { return *carrier_; }
    [[nodiscard]] quic_connection& transport() noexcept { return carrier_->connection(); }
    /// Call it after any command to the session: takes what it wants of the transport along.
    void settle(instant now);
    /// The same without looking for events: whoever drained the session calls this.
    void push();

    [[nodiscard]] bool begin(instant now, moqt::draft version) final;
    void handle_stream(instant now, quic_stream stream, bytes data, bool fin) final;
    void handle_reset(instant now, quic_stream stream, std::uint64_t code) final;
    void handle_stop_sending(instant now, quic_stream stream, std::uint64_t code) final;
    void handle_stream_closed(instant now, quic_stream stream) final;
    void handle_datagram(instant now, bytes data) final;
    void handle_acked(instant now, quic_stream stream, std::size_t count) final;
    void handle_stream_credit(instant now) final;
    void handle_writable(quic_stream stream) final;
    [[nodiscard]] bool next_send(instant now, pending_send& next) final;
    void handle_sent(instant now, quic_stream stream, std::size_t count, bool fin) final;
    void handle_blocked(quic_stream stream) final;
    [[nodiscard]] instant next_timeout() const noexcept final;
    void handle_timeout(instant now) final;
    void carrier_closed(instant now, const close_info& info) final;

protected:
    /// Makes the session of a draft; null closes the carrier.
    [[nodiscard]] virtual moqt::session* open_session(instant now, moqt::draft version) = 0;
    /// Takes the session's events, all of them.
    virtual void drain(instant now) = 0;
    /// The carrier is gone and the session has told what it had to tell.
    virtual void ended(instant now, const close_info& info) = 0;
    [[nodiscard]] moqt::session* session() noexcept { return session_; }

private:
    static constexpr std::uint32_t none = id_map::none;
    [[nodiscard]] bool is_local(std::uint64_t id) const noexcept {
        return moqt::opened_by_server(id) == carrier_->connection().is_server();
    }
    [[nodiscard]] static std::size_t direction(std::uint64_t id) noexcept {
        return moqt::is_unidirectional(id) ? 1 : 0;
    }
    /// Streams of ours have a number of the session's and one of QUIC's; the peer's have one.
    [[nodiscard]] std::optional<quic_stream> to_quic(moqt::stream_id id) const noexcept;
    [[nodiscard]] std::optional<moqt::stream_id> to_session(quic_stream stream) const noexcept;
    [[nodiscard]] std::optional<quic_stream> open(moqt::stream_id id);
    void take_operations();
    void trace(const moqt::transport_op& op);
    [[nodiscard]] bool offer(instant now, pending_send& next);

    moqt_carrier* carrier_;
    moqt::session* session_ = nullptr;
    std::array<id_map, 2> quic_of_;        ///< by direction: the session's number to QUIC's
    std::array<id_map, 2> session_of_;     ///< and back
    std::unique_ptr<session_trace> trace_; ///< null unless the endpoint has a directory for it
    bool settling_ = false;
};

/// Makes the link of a session that a carrier is about to carry.
using moqt_link_maker = std::function<std::unique_ptr<carried>(moqt_carrier& carrier)>;

} // namespace moqrtc::reference
