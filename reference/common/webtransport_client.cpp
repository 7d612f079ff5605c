#include "moqt_connection.hpp"
#include "webtransport_client.hpp"

#include <algorithm>
#include <utility>

namespace moqrtc::reference {
namespace {

constexpr auto no_error = static_cast<std::uint64_t>(webtransport::http_code::h3_no_error);

webtransport::connection_config config_of(const webtransport_target& target) {
    webtransport::connection_config config;
    config.self = webtransport::role::client;
    config.dialects = target.dialects;
    config.max_sessions = 1;
    return config;
}

/// Waits for the handshake with the handler of raw QUIC, whose link hears of every failure; becomes
/// WebTransport when the server has chosen that.
class undecided_connection final : public connection_handler {
public:
    undecided_connection(quic_connection& connection, buffer_pool& pool, webtransport_target target,
                         moqt_link_maker make)
        : connection_{&connection},
          pool_{&pool},
          target_{std::move(target)},
          make_{std::move(make)},
          chosen_{std::make_unique<moqt_connection>(connection, make_, target_.drafts)} {}

    void on_handshake(instant now, std::string_view protocol) override {
        if (protocol == http3_protocol) {
            chosen_.reset();
            chosen_ = std::make_unique<webtransport_client>(*connection_, *pool_,
                                                            std::move(target_), make_);
        }
        chosen_->on_handshake(now, protocol);
    }
    [[nodiscard]] std::size_t on_stream_data(instant now, quic_stream stream, bytes data,
                                             bool fin) override {
        return chosen_->on_stream_data(now, stream, data, fin);
    }
    void on_stream_reset(instant now, quic_stream stream, std::uint64_t code) override {
        chosen_->on_stream_reset(now, stream, code);
    }
    void on_stop_sending(instant now, quic_stream stream, std::uint64_t code) override {
        chosen_->on_stop_sending(now, stream, code);
    }
    void on_stream_closed(instant now, quic_stream stream) override {
        chosen_->on_stream_closed(now, stream);
    }
    void on_datagram(instant now, bytes data) override { chosen_->on_datagram(now, data); }
    void on_acked(instant now, quic_stream stream, std::size_t count) override {
        chosen_->on_acked(now, stream, count);
    }
    void on_stream_credit(instant now, std::uint64_t bidirectional,
                          std::uint64_t unidirectional) override {
        chosen_->on_stream_credit(now, bidirectional, unidirectional);
    }
    void on_stream_writable(instant now, quic_stream stream) override {
        chosen_->on_stream_writable(now, stream);
    }
    [[nodiscard]] bool next_send(instant now, pending_send& next) override {
        return chosen_->next_send(now, next);
    }
    void on_sent(instant now, quic_stream stream, std::size_t count, bool fin) override {
        chosen_->on_sent(now, stream, count, fin);
    }
    void on_blocked(instant now, quic_stream stream) override { chosen_->on_blocked(now, stream); }
    [[nodiscard]] instant next_timeout() override { return chosen_->next_timeout(); }
    void on_timeout(instant now) override { chosen_->on_timeout(now); }
    void on_closed(instant now, const close_info& info) override { chosen_->on_closed(now, info); }

private:
    quic_connection* connection_;
    buffer_pool* pool_;
    webtransport_target target_;
    moqt_link_maker make_;
    std::unique_ptr<connection_handler> chosen_;
};

} // namespace

webtransport_client::webtransport_client(quic_connection& connection, buffer_pool& pool,
                                         webtransport_target target, const moqt_link_maker& make)
    : webtransport_connection{connection, pool, config_of(target)},
      target_{std::move(target)},
      session_{&add_session(target_.where.path, make)} {}

void webtransport_client::started(instant now) {
    const auto stream = transport().open_bidirectional();
    if (!stream)
        return give_up({close_info::cause::transport, false, 0, "the server takes no requests"});
    std::vector<std::string_view> protocols;
    for (const auto& d : target_.drafts)
        if (d.has_subprotocol()) protocols.emplace_back(d.protocol);
    webtransport::session_request request;
    request.authority = target_.where.authority;
    if (!target_.where.path.empty()) request.path = target_.where.path;
    request.origin = target_.origin;
    request.protocols = protocols;
    name(*session_, static_cast<webtransport::session_id>(*stream));
    if (const auto asked =
            machine().connect(now, static_cast<webtransport::stream_id>(*stream), request);
        !asked)
        give_up({close_info::cause::transport, false, 0,
                 "the request for WebTransport cannot be made: " +
                     std::string{to_string(asked.error().code)}});
}

void webtransport_client::handle(instant now, const webtransport::event& event) {
    using kind = webtransport::event::kind;
    switch (event.what) {
    case kind::session_opened: {
        // A server that chooses nothing leaves it to set-up.
        const auto name =
            event.text().empty() ? moqt::rules_for(moqt::draft_by_setup).alpn : event.text();
        const auto version = draft_of(target_.drafts, name);
        if (!version)
            return give_up({close_info::cause::transport, false, 0,
                            "the server chose no draft of moq-transport that we offered"});
        if (!session_->link().begin(now, *version))
            give_up({close_info::cause::transport, false, 0, "no session for this draft"});
        return;
    }
    case kind::session_refused:
        if (event.status != 0)
            return give_up({close_info::cause::http_status, true, event.status,
                            "HTTP status " + std::to_string(event.status)});
        return give_up(
            {close_info::cause::transport, true, static_cast<std::uint64_t>(event.code),
             "no WebTransport session: " + std::string{webtransport::to_string(event.code)}});
    default:
        return; // we make no plain requests
    }
}

void webtransport_client::session_over(instant, webtransport_session&, const close_info& info) {
    give_up(info);
}

void webtransport_client::give_up(close_info info) {
    if (ended_) return;
    ended_ = std::move(info);
    transport().close(no_error, "");
}

void webtransport_client::on_closed(instant now, const close_info& info) {
    end_all(now, ended_ ? *ended_ : of_connection(info));
}

std::vector<std::string> client_protocols(transport_choice choice,
                                          const offered_drafts_list& drafts) {
    std::vector<std::string> out;
    if (choice != transport_choice::webtransport)
        for (const auto& d : drafts)
            out.push_back(d.protocol);
    if (choice != transport_choice::quic) out.emplace_back(http3_protocol);
    return out;
}

std::unique_ptr<connection_handler> make_client_handler(quic_connection& connection,
                                                        buffer_pool& pool,
                                                        webtransport_target target,
                                                        moqt_link_maker make) {
    return std::make_unique<undecided_connection>(connection, pool, std::move(target),
                                                  std::move(make));
}

} // namespace moqrtc::reference
