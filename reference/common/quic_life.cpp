// How a connection lives on what arrives and on time, and how it ends.
#include "clock.hpp"
#include "quic_connection.hpp"
#include "quic_endpoint.hpp"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <utility>

namespace moqrtc::reference {
namespace {

/// Of a reason that we send: it has to fit into one packet of the smallest size.
constexpr std::size_t longest_reason = 512;

} // namespace

std::string_view to_string(close_info::cause why) noexcept {
    switch (why) {
    case close_info::cause::application:
        return "application";
    case close_info::cause::transport:
        return "transport";
    case close_info::cause::idle_timeout:
        return "idle timeout";
    case close_info::cause::handshake_timeout:
        return "handshake timeout";
    case close_info::cause::stateless_reset:
        return "stateless reset";
    case close_info::cause::unreachable:
        return "unreachable";
    case close_info::cause::version:
        return "no common version";
    case close_info::cause::certificate:
        return "certificate not believed";
    case close_info::cause::http_status:
        return "refused";
    }
    return "unknown";
}

void quic_connection::receive(instant now, const socket_address& local,
                              const socket_address& remote, std::uint8_t ecn, bytes data) {
    now_ = now;
    if (phase_ == phase::closing) return answer_close(local, remote, data.size());
    if (phase_ != phase::handshake && phase_ != phase::open) return;
    if (close_library_error_ != 0) return;
    if (server_ && !(remote == peer()) && !may_move()) return;
    const auto& here = server_ ? local : path_local_;
    const ngtcp2_path path{{const_cast<sockaddr*>(here.data()), here.size()},
                           {const_cast<sockaddr*>(remote.data()), remote.size()},
                           nullptr};
    ngtcp2_pkt_info info{};
    info.ecn = ecn;
    const int result = ngtcp2_conn_read_pkt(conn_, &path, &info,
                                            reinterpret_cast<const std::uint8_t*>(data.data()),
                                            data.size(), nanoseconds(now));
    heard_ = true;
    const auto stopped = std::exchange(stopped_, {});
    switch (result) {
    case 0:
        heard_at_ = now;
        for (const auto& [stream, code] : stopped)
            if (handler_ != nullptr) handler_->on_stop_sending(now, stream, code);
        wake();
        return;
    case NGTCP2_ERR_DRAINING:
        return finish(now, received_close(), phase::draining);
    case NGTCP2_ERR_DROP_CONN:
    case NGTCP2_ERR_RETRY: // the client tries again, and then its address is known
        return finish(now, {close_info::cause::transport, false, 0, "dropped"}, phase::closed);
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
        return finish(now, {close_info::cause::version, true, 0, "no QUIC version in common"},
                      phase::closed);
    default:
        return fail(result);
    }
}

close_info quic_connection::received_close() const {
    if (reset_received_)
        return {close_info::cause::stateless_reset, true, 0, "the peer lost its state"};
    const auto* error = ngtcp2_conn_get_ccerr2(conn_);
    close_info info{close_info::cause::transport, true, error->error_code, {}};
    if (error->type == NGTCP2_CCERR_TYPE_APPLICATION) info.why = close_info::cause::application;
    if (error->reasonlen != 0)
        info.reason.assign(reinterpret_cast<const char*>(error->reason), error->reasonlen);
    return info;
}

void quic_connection::handle_timeout(instant now) {
    now_ = now;
    if (phase_ == phase::closing || phase_ == phase::draining) {
        if (now >= close_deadline_) phase_ = phase::closed;
        return;
    }
    if (phase_ != phase::handshake && phase_ != phase::open) return;
    if (next_attempt_ <= now) {
        next_attempt_ = never;
        if (!heard_) refused(now);
        if (phase_ == phase::closed) return;
    }
    if (nanoseconds(now) >= ngtcp2_conn_get_expiry2(conn_)) {
        switch (const int result = ngtcp2_conn_handle_expiry(conn_, nanoseconds(now))) {
        case 0:
            break;
        case NGTCP2_ERR_IDLE_CLOSE:
            ++endpoint_.counters_.idle_timeouts;
            return finish(now, {close_info::cause::idle_timeout, false, 0, "idle timeout"},
                          phase::closed);
        case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
            return finish(now,
                          {close_info::cause::handshake_timeout, false, 0, "handshake timeout"},
                          phase::closed);
        default:
            return fail(result);
        }
    }
    if (handler_ != nullptr && handshake_complete_ && handler_->next_timeout() <= now)
        handler_->on_timeout(now);
    wake();
}

instant quic_connection::next_deadline() {
    switch (phase_) {
    case phase::resolving:
        return never;
    case phase::closing:
    case phase::draining:
        return close_deadline_;
    case phase::closed:
        return {};
    case phase::handshake:
    case phase::open:
        break;
    }
    auto next = std::min(instant_from_nanoseconds(ngtcp2_conn_get_expiry2(conn_)), next_attempt_);
    next = std::min(next, close_limit_);
    if (handler_ != nullptr && handshake_complete_) next = std::min(next, handler_->next_timeout());
    return next;
}

void quic_connection::flush(instant now) {
    now_ = now;
    const bool resolving = phase_ == phase::resolving;
    if (phase_ == phase::handshake || phase_ == phase::open) {
        if (const auto every = endpoint_.config().key_update_packets;
            every != 0 && phase_ == phase::open) {
            ngtcp2_conn_info raw;
            ngtcp2_conn_get_conn_info2(conn_, &raw);
            if (raw.pkt_sent - key_updated_at_ >= every) {
                key_updated_at_ = raw.pkt_sent;
                // Refused while an earlier one goes on: the next interval tries again.
                (void)ngtcp2_conn_initiate_key_update(conn_, nanoseconds(now));
            }
        }
        if (!write_blocked_ && close_library_error_ == 0 && !write(now)) wake();
    }
    if (!close_request_ || phase_ > phase::open) return;
    if (resolving) return finish(now, *close_request_, phase::closed);
    if (close_request_->why != close_info::cause::application || now >= close_limit_ ||
        !has_unsent(now))
        send_close(now);
}

bool quic_connection::has_unsent(instant now) {
    if (phase_ != phase::open || handler_ == nullptr) return false;
    pending_send next;
    return !datagrams_.empty() || handler_->next_send(now, next);
}

void quic_connection::refused(instant now) {
    if (phase_ != phase::handshake || heard_) return;
    if (!try_address(now)) fail_unreachable(now, "nobody answers there");
}

void quic_connection::fail_unreachable(instant now, std::string reason) {
    finish(now, {close_info::cause::unreachable, false, 0, std::move(reason)}, phase::closed);
}

void quic_connection::fail(int library_error) {
    if (close_request_) {
        close_limit_ = now_; // nothing is worth waiting for any more
        return wake();
    }
    close_info info{close_info::cause::transport, false, 0, ngtcp2_strerror(library_error)};
    info.code = ngtcp2_err_infer_quic_transport_error_code(library_error);
    if (library_error == NGTCP2_ERR_CRYPTO) {
        info.code = NGTCP2_CRYPTO_ERROR | ngtcp2_conn_get_tls_alert2(conn_);
        const auto verified = SSL_get_verify_result(ssl_.get());
        if (verified != X509_V_OK && SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE) {
            info.why = close_info::cause::certificate;
            info.reason = X509_verify_cert_error_string(verified);
        } else {
            info.reason = openssl_error();
        }
    }
    close_request_ = std::move(info);
    close_library_error_ = library_error;
    wake();
}

void quic_connection::send_close(instant now) {
    const auto info = *close_request_;
    const auto reason = std::string_view{info.reason}.substr(0, longest_reason);
    const auto* text = reinterpret_cast<const std::uint8_t*>(reason.data());
    ngtcp2_ccerr error;
    ngtcp2_ccerr_default(&error);
    if (info.why == close_info::cause::application)
        ngtcp2_ccerr_set_application_error(&error, info.code, text, reason.size());
    else if (close_library_error_ != 0) // what went wrong inside is told to our own side alone
        ngtcp2_ccerr_set_transport_error(&error, info.code, nullptr, 0);
    else
        ngtcp2_ccerr_set_transport_error(&error, info.code, text, reason.size());
    std::array<std::uint8_t, NGTCP2_MAX_UDP_PAYLOAD_SIZE> packet;
    ngtcp2_path_storage place;
    ngtcp2_path_storage_zero(&place);
    ngtcp2_pkt_info packet_info{};
    const auto size = ngtcp2_conn_write_connection_close(
        conn_, &place.path, &packet_info, packet.data(), packet.size(), &error, nanoseconds(now));
    if (size <= 0) return finish(now, info, phase::closed);
    close_packet_.assign(packet.begin(), packet.begin() + size);
    const auto& path = place.path;
    (void)endpoint_.send(*this, socket_for(path.local), {path.local.addr, path.local.addrlen},
                         {path.remote.addr, path.remote.addrlen}, packet_info.ecn,
                         std::as_bytes(std::span{close_packet_}), close_packet_.size());
    finish(now, info, phase::closing);
}

/// The peer has not heard that it is over: told again, ever more rarely, and never with more bytes
/// than it sent (RFC 9000, 10.2.1).
void quic_connection::answer_close(const socket_address& local, const socket_address& remote,
                                   std::size_t size) {
    if (++close_heard_ < close_answer_ || size * 3 < close_packet_.size()) return;
    close_answer_ *= 2;
    (void)endpoint_.send(*this, server_ ? endpoint_.socket_ : socket_, local, remote, 0,
                         std::as_bytes(std::span{close_packet_}), close_packet_.size());
}

void quic_connection::finish(instant now, const close_info& info, phase next) {
    auto& counters = endpoint_.counters_;
    if (phase_ == phase::handshake) --counters.handshakes;
    ++counters.connections_closed;
    close_deadline_ =
        next == phase::closed || conn_ == nullptr
            ? now
            : now + microseconds(static_cast<std::int64_t>(3 * ngtcp2_conn_get_pto2(conn_) / 1000));
    if (conn_ != nullptr) counters.packets_lost += this->info().packets_lost;
    phase_ = next;
    if (auto handler = std::move(handler_); handler != nullptr) {
        auto told = info;
        if (heard_at_ != instant{}) told.silence = now - heard_at_;
        handler->on_closed(now, told);
    }
    release();
    wake();
}

} // namespace moqrtc::reference
