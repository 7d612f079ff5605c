#pragma once

#include "moqt_link.hpp"
#include "offered_draft.hpp"
#include "quic_connection.hpp"
#include "quic_handler.hpp"

#include <memory>
#include <optional>
#include <string_view>

namespace moqrtc::reference {

/// A MoQT session straight on a QUIC connection; ALPN has chosen the draft.
class moqt_connection final : public connection_handler, private moqt_carrier {
public:
    /// `offered` outlives the handshake.
    moqt_connection(quic_connection& connection, const moqt_link_maker& make,
                    const offered_drafts_list& offered)
        : connection_{&connection}, offered_{&offered}, link_{make(*this)} {}

    void on_handshake(instant now, std::string_view protocol) override;
    [[nodiscard]] std::size_t on_stream_data(instant now, quic_stream stream, bytes data,
                                             bool fin) override {
        link_->handle_stream(now, stream, data, fin);
        return data.size();
    }
    void on_stream_reset(instant now, quic_stream stream, std::uint64_t code) override {
        link_->handle_reset(now, stream, code);
    }
    void on_stop_sending(instant now, quic_stream stream, std::uint64_t code) override {
        link_->handle_stop_sending(now, stream, code);
    }
    void on_stream_closed(instant now, quic_stream stream) override {
        link_->handle_stream_closed(now, stream);
    }
    void on_datagram(instant now, bytes data) override { link_->handle_datagram(now, data); }
    void on_acked(instant now, quic_stream stream, std::size_t count) override {
        link_->handle_acked(now, stream, count);
    }
    void on_stream_credit(instant now, std::uint64_t, std::uint64_t) override {
        link_->handle_stream_credit(now);
    }
    void on_stream_writable(instant, quic_stream stream) override {
        link_->handle_writable(stream);
    }
    [[nodiscard]] bool next_send(instant now, pending_send& next) override {
        return link_->next_send(now, next);
    }
    void on_sent(instant now, quic_stream stream, std::size_t count, bool fin) override {
        link_->handle_sent(now, stream, count, fin);
    }
    void on_blocked(instant, quic_stream stream) override { link_->handle_blocked(stream); }
    [[nodiscard]] instant next_timeout() override { return link_->next_timeout(); }
    void on_timeout(instant now) override { link_->handle_timeout(now); }
    [[nodiscard]] bool may_move() const override { return link_->may_move(); }
    void on_path_changed(instant now, const socket_address&) override { link_->handle_moved(now); }
    void on_closed(instant now, const close_info& info) override {
        link_->carrier_closed(now, info);
    }

private:
    [[nodiscard]] quic_connection& connection() noexcept override { return *connection_; }
    [[nodiscard]] std::optional<quic_stream> open_stream(bool unidirectional) override {
        return unidirectional ? connection_->open_unidirectional()
                              : connection_->open_bidirectional();
    }
    [[nodiscard]] std::uint64_t streams_left(bool unidirectional) const noexcept override {
        return unidirectional ? connection_->unidirectional_left()
                              : connection_->bidirectional_left();
    }
    void reset_stream(quic_stream stream, std::uint64_t code) override {
        connection_->reset_stream(stream, code);
    }
    void stop_sending(quic_stream stream, std::uint64_t code) override {
        connection_->stop_sending(stream, code);
    }
    void send_datagram(slice payload) override { connection_->send_datagram(std::move(payload)); }
    void close(std::uint64_t code, std::string_view reason) override {
        connection_->close(code, reason);
    }

    quic_connection* connection_;
    const offered_drafts_list* offered_;
    std::unique_ptr<carried> link_;
};

} // namespace moqrtc::reference
