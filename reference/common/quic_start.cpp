// How a connection begins: settings, TLS, and the addresses that a client tries.
#include "clock.hpp"
#include "quic_callbacks.hpp"
#include "quic_connection.hpp"
#include "quic_endpoint.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

namespace moqrtc::reference {
namespace {

/// A host with several addresses gets this long to answer on one before the next is tried.
constexpr duration attempt_time = milliseconds(300);

ngtcp2_cc_algo to_ngtcp2(congestion_control which) noexcept {
    switch (which) {
    case congestion_control::bbr:
        return NGTCP2_CC_ALGO_BBR;
    case congestion_control::reno:
        return NGTCP2_CC_ALGO_RENO;
    case congestion_control::cubic:
        break;
    }
    return NGTCP2_CC_ALGO_CUBIC;
}

std::string to_hex(const ngtcp2_cid& id) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < id.datalen; ++i) {
        text += digits[id.data[i] >> 4];
        text += digits[id.data[i] & 15];
    }
    return text;
}

ngtcp2_path to_path(const socket_address& local, const socket_address& remote) noexcept {
    return {{const_cast<sockaddr*>(local.data()), local.size()},
            {const_cast<sockaddr*>(remote.data()), remote.size()},
            nullptr};
}

} // namespace

void quic_connection::fill(ngtcp2_settings& settings, ngtcp2_transport_params& params,
                           instant now) {
    const auto& config = endpoint_.config();
    ngtcp2_settings_default(&settings);
    settings.cc_algo = to_ngtcp2(config.congestion);
    settings.initial_ts = nanoseconds(now);
    settings.handshake_timeout = nanoseconds(config.handshake_timeout);
    settings.max_window = config.largest_connection_window;
    settings.max_stream_window = config.largest_stream_window;
    settings.max_tx_udp_payload_size = std::clamp<std::size_t>(
        config.udp_payload, NGTCP2_MAX_UDP_PAYLOAD_SIZE, NGTCP2_MAX_TX_UDP_PAYLOAD_SIZE);
    settings.no_pmtud = config.path_mtu_discovery ? 0 : 1;
    if (qlog_ != nullptr) settings.qlog_write = quic_qlog_writer();

    ngtcp2_transport_params_default(&params);
    params.initial_max_data = config.connection_window;
    params.initial_max_stream_data_bidi_local = config.stream_window;
    params.initial_max_stream_data_bidi_remote = config.stream_window;
    params.initial_max_stream_data_uni = config.stream_window;
    params.initial_max_streams_bidi = config.bidirectional_streams;
    params.initial_max_streams_uni = config.unidirectional_streams;
    params.max_idle_timeout = nanoseconds(config.idle_timeout);
    params.max_datagram_frame_size = config.datagram_frame_size;
    if (server_ && config.early_bytes != 0) {
        trusted_ = false;
        params.initial_max_data = std::min(config.connection_window, config.early_bytes);
        params.initial_max_streams_bidi =
            std::min(config.bidirectional_streams, config.early_streams);
        params.initial_max_streams_uni =
            std::min(config.unidirectional_streams, config.early_streams);
    }
    params.active_connection_id_limit = 7;
    params.grease_quic_bit = 1;
}

void quic_connection::open_qlog(const ngtcp2_cid& original) {
    name_ = to_hex(original);
    const auto& directory = endpoint_.config().qlog_directory;
    if (directory.empty()) return;
    const auto path = directory / (name_ + (server_ ? "_server.sqlog" : "_client.sqlog"));
    if (qlog_ != nullptr) std::fclose(qlog_);
    qlog_ = std::fopen(path.c_str(), "we");
}

bool quic_connection::start_tls(SSL_CTX* context) {
    ssl_.reset(SSL_new(context));
    if (ssl_ == nullptr || ngtcp2_crypto_ossl_ctx_new(&crypto_, ssl_.get()) != 0) return false;
    SSL_set_app_data(ssl_.get(), &reference_);
    if (server_) {
        if (ngtcp2_crypto_ossl_configure_server_session(ssl_.get()) != 0) return false;
        SSL_set_accept_state(ssl_.get());
    } else {
        if (ngtcp2_crypto_ossl_configure_client_session(ssl_.get()) != 0) return false;
        SSL_set_connect_state(ssl_.get());
        if (!tls_client_->prepare(ssl_.get(), host_, offer_)) return false;
    }
    ngtcp2_conn_set_tls_native_handle(conn_, crypto_);
    return true;
}

bool quic_connection::start_server(instant now, const initial_packet& first,
                                   const socket_address& local, const socket_address& remote) {
    now_ = now;
    open_qlog(first.original_dcid);
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    fill(settings, params, now);
    settings.token = reinterpret_cast<const std::uint8_t*>(first.token.data());
    settings.tokenlen = first.token.size();
    settings.token_type = first.token_type;
    params.original_dcid = first.original_dcid;
    params.original_dcid_present = 1;
    if (first.retried) {
        params.retry_scid = first.client_dcid;
        params.retry_scid_present = 1;
    }
    ngtcp2_cid own;
    if (!endpoint_.new_connection_id(own, params.stateless_reset_token)) return false;
    params.stateless_reset_token_present = 1;
    const auto callbacks = make_quic_callbacks(true);
    const auto path = to_path(local, remote);
    if (ngtcp2_conn_server_new(&conn_, &first.client_scid, &own, &path, first.version, &callbacks,
                               &settings, &params, nullptr, this) != 0)
        return false;
    tls_server_ = endpoint_.tls_;
    if (!start_tls(tls_server_->context())) return false;
    phase_ = phase::handshake;
    ++endpoint_.counters_.handshakes;
    endpoint_.associate(*this, connection_id{own});
    endpoint_.associate(*this, connection_id{first.client_dcid});
    return true;
}

void quic_connection::start_client(instant now, std::vector<socket_address> addresses) {
    now_ = now;
    addresses_ = std::move(addresses);
    attempt_ = 0;
    if (!try_address(now)) fail_unreachable(now, "no address of the host can be used");
}

bool quic_connection::try_address(instant now) {
    if (conn_ != nullptr) {
        --endpoint_.counters_.handshakes;
        release();
        phase_ = phase::resolving;
    }
    for (; attempt_ < addresses_.size(); ++attempt_) {
        const auto& remote = addresses_[attempt_];
        auto socket = endpoint_.client_socket(*this, remote);
        if (!socket) continue;
        socket_ = std::move(*socket);
        path_local_ = socket_->local();
        ngtcp2_cid destination;
        ngtcp2_cid own;
        destination.datalen = NGTCP2_MIN_INITIAL_DCIDLEN + 8;
        std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN> unused{};
        if (RAND_bytes(destination.data, static_cast<int>(destination.datalen)) != 1 ||
            !endpoint_.new_connection_id(own, unused.data()))
            return false;
        open_qlog(destination);
        ngtcp2_settings settings;
        ngtcp2_transport_params params;
        fill(settings, params, now);
        if (const auto token = endpoint_.new_tokens_.find(token_place_);
            token != endpoint_.new_tokens_.end()) {
            settings.token = token->second.data();
            settings.tokenlen = token->second.size();
        }
        const auto callbacks = make_quic_callbacks(false);
        const auto path = to_path(path_local_, remote);
        if (ngtcp2_conn_client_new(&conn_, &destination, &own, &path, NGTCP2_PROTO_VER_V1,
                                   &callbacks, &settings, &params, nullptr, this) != 0)
            return false;
        ++endpoint_.counters_.handshakes;
        phase_ = phase::handshake;
        if (!start_tls(tls_client_->context())) return false;
        endpoint_.associate(*this, connection_id{own});
        if (const auto every = endpoint_.config().keep_alive; every.us > 0)
            ngtcp2_conn_set_keep_alive_timeout(conn_, nanoseconds(every));
        ++attempt_;
        next_attempt_ = attempt_ < addresses_.size() ? now + attempt_time : never;
        heard_ = false;
        wake();
        return true;
    }
    return false;
}

bool quic_connection::migrate() {
    if (server_ || phase_ != phase::open) return false;
    const auto remote = peer();
    auto socket = endpoint_.client_socket(*this, remote);
    if (!socket) return false;
    const auto path = to_path((*socket)->local(), remote);
    if (ngtcp2_conn_initiate_immediate_migration(conn_, &path, nanoseconds(steady_now())) != 0)
        return false;
    previous_local_ = std::exchange(path_local_, (*socket)->local());
    previous_socket_ = std::exchange(socket_, std::move(*socket));
    wake();
    return true;
}

bool quic_connection::rebind() {
    if (server_ || conn_ == nullptr) return false;
    auto socket = endpoint_.client_socket(*this, peer());
    if (!socket) return false;
    // The stack goes on believing in the old local address, and so writes the same packets.
    socket_ = std::move(*socket);
    wake();
    return true;
}

} // namespace moqrtc::reference
