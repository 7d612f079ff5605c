#pragma once

#include "record_ring.hpp"

#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/relay/event.hpp>
#include <moqrtc/moqt/transport.hpp>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <optional>

namespace moqrtc::moqt {
class relay;
class session;
} // namespace moqrtc::moqt

namespace moqrtc::reference {

/// One end of a session in memory between the relays of two shards: what a QUIC connection is to
/// other sessions, without packets. Bytes are copied into a ring by the shard that sends them, and
/// out of it by the session that receives them; nobody ever waits for the other thread.
///
/// Threads each end belongs to the thread of its shard; only the rings are shared.
/// Errors  a session that breaks is made anew after half a second.
class sibling_link {
public:
    struct side {
        moqt::relay* relay = nullptr;
        asio::io_context* context = nullptr; ///< of the shard's thread
        /// Gives sessions that have something to send to their transports.
        std::function<void()> settle;
        bool client = false;    ///< one of the two, which begins
        bool upstream = false;  ///< the other shard is asked for what only other servers have
        std::uint8_t other = 0; ///< the other shard, for names
    };

    sibling_link(side here, record_ring& out, record_ring& in);
    ~sibling_link();
    sibling_link(const sibling_link&) = delete;
    sibling_link& operator=(const sibling_link&) = delete;

    /// The other end, which outlives both threads; before either runs.
    void meet(sibling_link& other) noexcept { other_ = &other; }
    /// On the shard's thread, once.
    void start(instant now);
    /// Moves what the session has to send.
    void flush(instant now);
    [[nodiscard]] moqt::session_key key() const noexcept { return key_; }

private:
    enum kind : std::uint32_t { hello, bye, data, reset, stop_sending, datagram };

    void receive();
    void resume();
    void take(instant now, const record_ring::record& record);
    void open(instant now);
    void drop(instant now);
    void begin_again();
    [[nodiscard]] bool send_operations(moqt::session& session);
    [[nodiscard]] bool carry(const moqt::transport_op& op);
    [[nodiscard]] bool send_streams(instant now, moqt::session& session);
    [[nodiscard]] bool copy_out(instant now, moqt::session& session,
                                const moqt::stream_send& offer);
    [[nodiscard]] bool push(kind what, std::uint64_t stream, std::uint64_t value, bytes content);
    [[nodiscard]] bool wait_for_room();
    void tell_other();

    side here_;
    record_ring* out_;
    record_ring* in_;
    sibling_link* other_ = nullptr;
    asio::steady_timer again_;
    moqt::session_key key_{};
    std::uint32_t epoch_ = 0; ///< counts sessions; what is left of an earlier one is skipped
    std::optional<moqt::transport_op> held_{}; ///< there was no room for it
    bool flushing_ = false;
};

} // namespace moqrtc::reference
