#include "clock.hpp"
#include "quic_connection.hpp"
#include "quic_endpoint.hpp"

#include <algorithm>
#include <utility>

namespace moqrtc::reference {
namespace {

/// How long a close waits for data that pacing or the congestion window holds back.
constexpr duration close_patience = milliseconds(100);

} // namespace

quic_connection::quic_connection(quic_endpoint& endpoint, bool server)
    : endpoint_{endpoint}, server_{server}, datagrams_{endpoint.config().datagram_queue} {
    reference_.user_data = this;
    reference_.get_conn = [](ngtcp2_crypto_conn_ref* reference) noexcept {
        return static_cast<quic_connection*>(reference->user_data)->conn_;
    };
}

quic_connection::~quic_connection() {
    release();
}

void quic_connection::release() noexcept {
    // The stack first: deleting it still writes to the log and refers to the TLS session.
    ngtcp2_conn_del(std::exchange(conn_, nullptr));
    if (ssl_ != nullptr) SSL_set_app_data(ssl_.get(), nullptr);
    ssl_.reset();
    if (crypto_ != nullptr) ngtcp2_crypto_ossl_ctx_del(std::exchange(crypto_, nullptr));
    if (qlog_ != nullptr) std::fclose(std::exchange(qlog_, nullptr));
    held_.clear();
    datagrams_.clear();
}

std::optional<quic_stream> quic_connection::open_unidirectional() {
    quic_stream stream = -1;
    if (conn_ == nullptr || ngtcp2_conn_open_uni_stream(conn_, &stream, nullptr) != 0)
        return std::nullopt;
    return stream;
}

std::optional<quic_stream> quic_connection::open_bidirectional() {
    quic_stream stream = -1;
    if (conn_ == nullptr || ngtcp2_conn_open_bidi_stream(conn_, &stream, nullptr) != 0)
        return std::nullopt;
    return stream;
}

std::uint64_t quic_connection::unidirectional_left() const noexcept {
    return conn_ == nullptr ? 0 : ngtcp2_conn_get_streams_uni_left2(conn_);
}

std::uint64_t quic_connection::bidirectional_left() const noexcept {
    return conn_ == nullptr ? 0 : ngtcp2_conn_get_streams_bidi_left2(conn_);
}

void quic_connection::reset_stream(quic_stream stream, std::uint64_t code) {
    if (conn_ == nullptr) return;
    if (const int failure = ngtcp2_conn_shutdown_stream_write(conn_, 0, stream, code);
        failure != 0 && ngtcp2_err_is_fatal(failure))
        fail(failure);
    wake();
}

void quic_connection::stop_sending(quic_stream stream, std::uint64_t code) {
    if (conn_ == nullptr) return;
    if (const int failure = ngtcp2_conn_shutdown_stream_read(conn_, 0, stream, code);
        failure != 0 && ngtcp2_err_is_fatal(failure))
        fail(failure);
    drop_held(stream);
    wake();
}

void quic_connection::resume(quic_stream stream) {
    const auto found = held_.find(stream);
    if (found == held_.end() || handler_ == nullptr || conn_ == nullptr) return;
    now_ = steady_now();
    auto& held = found->second;
    while (held.consumed < held.data.size() || held.fin) {
        const auto rest = bytes{held.data}.subspan(held.consumed);
        const auto taken =
            std::min(handler_->on_stream_data(now_, stream, rest, held.fin), rest.size());
        // The handler may have abandoned the stream in the meantime.
        if (held_.find(stream) == held_.end()) return;
        held.consumed += taken;
        consume(stream, taken);
        if (held.consumed < held.data.size()) return wake();
        held.fin = false;
    }
    const bool closed = held.closed;
    held_.erase(stream);
    if (closed) handler_->on_stream_closed(now_, stream);
    wake();
}

bool quic_connection::send_datagram(slice payload, bytes prefix) {
    auto& counters = endpoint_.counters_;
    datagram item;
    if (prefix.size() > item.prefix.size() ||
        prefix.size() + payload.size() > datagram_capacity()) {
        ++counters.datagram_frames_dropped;
        return false;
    }
    std::ranges::copy(prefix, item.prefix.begin());
    item.prefix_size = static_cast<std::uint8_t>(prefix.size());
    item.payload = std::move(payload);
    if (datagrams_.full()) {
        datagrams_.pop_front();
        ++counters.datagram_frames_dropped;
    }
    datagrams_.push(std::move(item));
    wake();
    return true;
}

std::size_t quic_connection::datagram_capacity() const noexcept {
    if (conn_ == nullptr) return 0;
    const auto* peer = ngtcp2_conn_get_remote_transport_params2(conn_);
    if (peer == nullptr || peer->max_datagram_frame_size == 0) return 0;
    // RFC 9000, 17.3.1 and RFC 9221, 4: first byte, connection ID, packet number, tag of the
    // cipher; type and length of the frame.
    const std::size_t frame = 1 + 2;
    const std::size_t packet = 1 + ngtcp2_conn_get_dcid2(conn_)->datalen + 4 + 16;
    const auto path = ngtcp2_conn_get_path_max_tx_udp_payload_size2(conn_);
    const auto by_path = path > packet + frame ? path - packet - frame : 0;
    const auto by_peer =
        peer->max_datagram_frame_size > frame ? peer->max_datagram_frame_size - frame : 0;
    return static_cast<std::size_t>(std::min<std::uint64_t>(by_path, by_peer));
}

void quic_connection::close(std::uint64_t code, std::string_view reason) {
    if (close_request_ || phase_ > phase::open) return;
    close_request_ = close_info{close_info::cause::application, false, code, std::string{reason}};
    close_limit_ = steady_now() + close_patience;
    wake();
}

void quic_connection::wake() {
    endpoint_.schedule(*this);
}

std::string_view quic_connection::server_name() const noexcept {
    if (ssl_ == nullptr) return {};
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? std::string_view{} : std::string_view{name};
}

socket_address quic_connection::peer() const noexcept {
    if (conn_ == nullptr) return attempt_ == 0 ? socket_address{} : addresses_[attempt_ - 1];
    const auto& remote = ngtcp2_conn_get_path2(conn_)->remote;
    return {remote.addr, remote.addrlen};
}

const std::filesystem::path& quic_connection::qlog_directory() const noexcept {
    return endpoint_.config().qlog_directory;
}

socket_address quic_connection::local() const noexcept {
    if (conn_ == nullptr) return {};
    const auto& local = ngtcp2_conn_get_path2(conn_)->local;
    return {local.addr, local.addrlen};
}

transport_info quic_connection::info() const noexcept {
    transport_info result;
    if (conn_ == nullptr) return result;
    ngtcp2_conn_info raw;
    ngtcp2_conn_get_conn_info2(conn_, &raw);
    const auto time = [](ngtcp2_duration ns) noexcept {
        return microseconds(static_cast<std::int64_t>(ns / 1000));
    };
    result.smoothed_rtt = time(raw.smoothed_rtt);
    result.latest_rtt = time(raw.latest_rtt);
    result.least_rtt = time(raw.min_rtt == UINT64_MAX ? 0 : raw.min_rtt);
    result.congestion_window = raw.cwnd;
    result.bytes_in_flight = raw.bytes_in_flight;
    result.packets_sent = raw.pkt_sent;
    result.packets_received = raw.pkt_recv;
    result.packets_lost = raw.pkt_lost;
    result.bytes_sent = raw.bytes_sent;
    result.bytes_received = raw.bytes_recv;
    result.connection_credit = ngtcp2_conn_get_max_data_left2(conn_);
    result.udp_payload = ngtcp2_conn_get_path_max_tx_udp_payload_size2(conn_);
    return result;
}

bool quic_connection::update_keys() {
    if (conn_ == nullptr || ngtcp2_conn_initiate_key_update(conn_, nanoseconds(steady_now())) != 0)
        return false;
    wake();
    return true;
}

void quic_connection::on_handshake_completed() {
    protocol_ = negotiated_protocol(ssl_.get());
    handshake_complete_ = true;
    phase_ = phase::open;
    next_attempt_ = never;
    auto& counters = endpoint_.counters_;
    ++counters.handshakes_completed;
    --counters.handshakes;
    if (protocol_.empty()) {
        close_request_ = close_info{close_info::cause::transport, false, no_application_protocol,
                                    "no application protocol"};
        return wake();
    }
    if (server_) {
        // Browsers let a quiet session sleep longer than our patience with silence, and a page that
        // waits for a publisher is quiet.
        if (protocol_ == "h3")
            ngtcp2_conn_set_keep_alive_timeout(conn_,
                                               nanoseconds(endpoint_.config().idle_timeout) / 3);
        submit_new_token(*ngtcp2_conn_get_path2(conn_));
        handler_ = endpoint_.accept_(*this, protocol_);
        if (handler_ == nullptr) {
            close_request_ = close_info{close_info::cause::transport, false,
                                        NGTCP2_CONNECTION_REFUSED, "refused"};
            return wake();
        }
    }
    handler_->on_handshake(now_, protocol_);
    handler_->on_stream_credit(now_, bidirectional_left(), unidirectional_left());
}

void quic_connection::on_stream_data(quic_stream stream, bytes data, bool fin) {
    auto found = held_.find(stream);
    if (found == held_.end()) {
        std::size_t taken = 0;
        if (handler_ != nullptr && handshake_complete_)
            taken = std::min(handler_->on_stream_data(now_, stream, data, fin), data.size());
        consume(stream, taken);
        if (taken == data.size()) return;
        found = held_.try_emplace(stream).first;
        data = data.subspan(taken);
    }
    auto& held = found->second;
    held.data.erase(held.data.begin(), held.data.begin() + static_cast<long>(held.consumed));
    held.consumed = 0;
    held.data.insert(held.data.end(), data.begin(), data.end());
    held.fin = held.fin || fin;
}

void quic_connection::on_stream_closed(quic_stream stream) {
    if (const auto found = held_.find(stream); found != held_.end()) {
        found->second.closed = true; // reported when the handler has taken the rest
        return;
    }
    if (handler_ != nullptr) handler_->on_stream_closed(now_, stream);
}

void quic_connection::consume(quic_stream stream, std::size_t count) {
    if (count == 0 || conn_ == nullptr) return;
    ngtcp2_conn_extend_max_stream_offset(conn_, stream, count);
    extend(count);
}

/// Gives the peer credit for what was taken; before it is trusted what it was given is all it has.
void quic_connection::extend(std::size_t count) {
    if (trusted_) return ngtcp2_conn_extend_max_offset(conn_, count);
    const auto most = endpoint_.config().early_bytes;
    const bool was_spent = withheld_ >= most;
    withheld_ += count;
    if (!was_spent && withheld_ >= most) ++endpoint_.counters_.early_budgets_spent;
}

void quic_connection::trust() {
    if (trusted_) return;
    trusted_ = true;
    if (conn_ == nullptr) return;
    const auto& config = endpoint_.config();
    const auto more = [](std::uint64_t whole, std::uint64_t early) {
        return whole > early ? whole - early : 0;
    };
    ngtcp2_conn_extend_max_offset(conn_,
                                  withheld_ + more(config.connection_window, config.early_bytes));
    ngtcp2_conn_extend_max_streams_bidi(
        conn_, static_cast<std::size_t>(more(config.bidirectional_streams, config.early_streams)));
    ngtcp2_conn_extend_max_streams_uni(
        conn_, static_cast<std::size_t>(more(config.unidirectional_streams, config.early_streams)));
    wake();
}

void quic_connection::drop_held(quic_stream stream) {
    const auto found = held_.find(stream);
    if (found == held_.end()) return;
    const auto left = found->second.data.size() - found->second.consumed;
    const bool closed = found->second.closed;
    held_.erase(found);
    if (conn_ != nullptr) extend(left);
    if (closed && handler_ != nullptr) handler_->on_stream_closed(now_, stream);
}

} // namespace moqrtc::reference
