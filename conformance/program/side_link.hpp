#pragma once

#include "network.hpp"

#include <map>

namespace moqrtc::conformance {

/// Ties a side of a row to a connection: the row says what goes on which stream, right or wrong.
class side_link final : public reference::carried {
public:
    side_link(network& owner, reference::moqt_carrier& carrier, network::waiting who);
    ~side_link() override;

    /// Takes what the row wants to send.
    void take_outbox();

    bool begin(instant now, moqt::draft version) override;
    void handle_stream(instant now, reference::quic_stream stream, bytes data, bool fin) override;
    void handle_reset(instant now, reference::quic_stream stream, std::uint64_t code) override;
    void handle_stop_sending(instant now, reference::quic_stream stream,
                             std::uint64_t code) override;
    void handle_stream_closed(instant, reference::quic_stream) override {}
    void handle_datagram(instant now, bytes data) override;
    void handle_acked(instant, reference::quic_stream, std::size_t) override {}
    void handle_stream_credit(instant now) override;
    void handle_writable(reference::quic_stream stream) override;
    bool next_send(instant now, reference::pending_send& next) override;
    void handle_sent(instant now, reference::quic_stream stream, std::size_t count,
                     bool fin) override;
    void handle_blocked(reference::quic_stream stream) override;
    instant next_timeout() const noexcept override { return never; }
    void handle_timeout(instant) override {}
    void carrier_closed(instant now, const reference::close_info& info) override;

private:
    /// What waits on a stream. Bytes stay until the connection is gone: they may have to be sent
    /// again, and rows are short.
    struct sending {
        std::deque<octets> chunks{};
        std::size_t chunk = 0;  ///< the first that has something left
        std::size_t offset = 0; ///< of it, sent
        bool fin = false;
        bool fin_sent = false;
        bool blocked = false;
        bool over = false; ///< reset
        [[nodiscard]] bool wants() const noexcept {
            return !blocked && !over && (chunk < chunks.size() || (fin && !fin_sent));
        }
    };
    [[nodiscard]] side* at() const noexcept {
        const auto held = who_.to.lock();
        return held ? *held : nullptr;
    }
    [[nodiscard]] std::optional<reference::quic_stream> quic_of(moqt::stream_id id);
    [[nodiscard]] moqt::stream_id side_of(reference::quic_stream stream) const;
    [[nodiscard]] bool is_local(std::uint64_t id);

    network* owner_;
    reference::moqt_carrier* carrier_;
    network::waiting who_;
    std::map<moqt::stream_id, reference::quic_stream> quic_{}; ///< of the streams that we opened
    std::map<reference::quic_stream, moqt::stream_id> ours_{};
    std::map<reference::quic_stream, sending> sending_{};
    bool gone_ = false;
};

} // namespace moqrtc::conformance
