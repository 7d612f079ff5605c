#pragma once

#include "locator.hpp"
#include "offered_draft.hpp"
#include "webtransport_connection.hpp"

#include <moqrtc/webtransport/dialect.hpp>

#include <string>
#include <vector>

namespace moqrtc::reference {

/// What a client asks for over WebTransport.
struct webtransport_target {
    locator where;
    offered_drafts_list drafts; ///< best first
    std::string origin{};       ///< that a page would have; empty: none
    webtransport::dialect_set dialects = webtransport::dialect_set::all();
};

/// A client's connection with one WebTransport session and MoQT in it. It ends with the session.
///
/// Errors  a server that refuses is told to the link as `close_info::cause::http_status`.
class webtransport_client final : public webtransport_connection {
public:
    webtransport_client(quic_connection& connection, buffer_pool& pool, webtransport_target target,
                        const moqt_link_maker& make);

    void on_closed(instant now, const close_info& info) override;

private:
    void started(instant now) override;
    void handle(instant now, const webtransport::event& event) override;
    void session_over(instant now, webtransport_session& session, const close_info& info) override;
    /// The link hears of it when the connection is gone, so that what is queued still leaves.
    void give_up(close_info info);

    webtransport_target target_;
    webtransport_session* session_;
    std::optional<close_info> ended_;
};

/// Makes the handler of a client's connection that offers drafts of MoQT by ALPN, WebTransport
/// (`h3`), or both in one ClientHello, of which the server chooses.
///
/// Spec    moq-transport, anchor `session-establishment`.
[[nodiscard]] std::unique_ptr<connection_handler> make_client_handler(quic_connection& connection,
                                                                      buffer_pool& pool,
                                                                      webtransport_target target,
                                                                      moqt_link_maker make);

/// The ALPN of WebTransport over HTTP/3.
inline constexpr std::string_view http3_protocol = "h3";

enum class transport_choice : std::uint8_t {
    automatic, ///< both; the server chooses
    quic,
    webtransport,
};
/// What to offer by ALPN, the most wanted first.
[[nodiscard]] std::vector<std::string> client_protocols(transport_choice choice,
                                                        const offered_drafts_list& drafts);

} // namespace moqrtc::reference
