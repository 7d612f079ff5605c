// What a server does with datagrams that belong to no connection, or not yet.
#include "clock.hpp"
#include "quic_endpoint.hpp"

#include <openssl/rand.h>

#include <algorithm>

namespace moqrtc::reference {
namespace {

/// RFC 9000, 8.1.3: long enough for a slow client to come back with a Retry token; a day for the
/// tokens of earlier connections.
constexpr ngtcp2_duration retry_token_life = 10 * NGTCP2_SECONDS;
constexpr ngtcp2_duration new_token_life = 24 * 3600 * NGTCP2_SECONDS;

/// RFC 9000, 10.3: what a stateless reset of this many bytes answers cannot be told from one.
constexpr std::size_t least_reset_trigger = 22;
constexpr std::size_t full_reset_trigger = 43;

const std::uint8_t* raw(bytes data) noexcept {
    return reinterpret_cast<const std::uint8_t*>(data.data());
}

} // namespace

void quic_endpoint::handle_datagram(instant now, const stray_datagram& datagram,
                                    quic_connection* owner, bool handed_over) {
    ngtcp2_version_cid ids;
    const auto& data = datagram.data;
    // Nothing can be sent to port 0.
    const int decoded =
        datagram.remote.port() == 0
            ? NGTCP2_ERR_INVALID_ARGUMENT
            : ngtcp2_pkt_decode_version_cid(&ids, raw(data), data.size(), connection_id::own_size);
    if (decoded == NGTCP2_ERR_VERSION_NEGOTIATION && socket_ != nullptr)
        return send_version_negotiation(ids, datagram);
    if (decoded != 0) {
        ++counters_.undecodable;
        return;
    }
    const auto found = table_.find(connection_id{ids.dcid, ids.dcidlen});
    // On a client's own socket anything may be a stateless reset, whose connection ID is noise.
    auto* const connection = found != table_.end() ? found->second : owner;
    if (connection != nullptr)
        return connection->receive(now, datagram.local, datagram.remote, datagram.ecn, data);
    const bool long_header = (byte_at(data, 0) & 0x80) != 0;
    if (socket_ != nullptr && long_header) return accept(now, datagram);
    if (socket_ != nullptr && !handed_over && ids.dcid[0] != config_.shard && forward_ != nullptr) {
        // One that could not be handed over is lost; to answer it would end a good connection.
        switch (forward_(ids.dcid[0], datagram)) {
        case forwarding::done:
            ++counters_.forwarded;
            return;
        case forwarding::full:
            ++counters_.forwarding_dropped;
            return;
        case forwarding::no_such_shard:
            break;
        }
    }
    ++counters_.undecodable;
    if (socket_ != nullptr) send_stateless_reset(now, ids, datagram);
}

void quic_endpoint::accept(instant now, const stray_datagram& datagram) {
    ngtcp2_pkt_hd header;
    if (ngtcp2_accept(&header, raw(datagram.data), datagram.data.size()) != 0) {
        ++counters_.undecodable;
        return;
    }
    quic_connection::initial_packet first;
    first.client_scid = header.scid;
    first.client_dcid = header.dcid;
    first.original_dcid = header.dcid;
    first.version = header.version;
    if (header.tokenlen != 0 && !check_token(header, datagram, first)) return;
    if (!first.retried && header.dcid.datalen < NGTCP2_MIN_INITIAL_DCIDLEN) return;
    if (!accepting_) return send_refusal(header, datagram, NGTCP2_CONNECTION_REFUSED);
    if (first.token_type == NGTCP2_TOKEN_TYPE_UNKNOWN && wants_proof(now))
        return send_retry(header, datagram);
    const bool many = connections_.size() >= config_.connections;
    if (many || counters_.handshakes >= config_.handshakes) {
        ++(many ? counters_.refused_connections : counters_.refused_handshakes);
        return send_refusal(header, datagram, NGTCP2_CONNECTION_REFUSED);
    }
    auto& connection = add_connection(true);
    if (!connection.start_server(now, first, datagram.local, datagram.remote)) {
        connection.phase_ = quic_connection::phase::closed;
        return schedule(connection);
    }
    ++counters_.connections_accepted;
    connection.receive(now, datagram.local, datagram.remote, datagram.ecn, datagram.data);
}

/// Whether a client that has proved nothing has to prove its address first.
bool quic_endpoint::wants_proof(instant now) {
    if (config_.retry != retry_mode::under_load) return config_.retry == retry_mode::always;
    if (counters_.handshakes >= config_.loaded_handshakes) return true;
    if (config_.unproven->pass(now, config_.retry_rate, config_.retry_rate)) return false;
    ++counters_.retries_for_rate;
    return true;
}

/// False when the packet is answered with a refusal; a token that is no proof, but no offence
/// either, counts as none.
bool quic_endpoint::check_token(const ngtcp2_pkt_hd& header, const stray_datagram& datagram,
                                quic_connection::initial_packet& first) {
    const auto& remote = datagram.remote;
    const auto& key = secrets_.token;
    const auto now = wall_clock_nanoseconds();
    if (header.token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2) {
        ngtcp2_cid original;
        const int result = ngtcp2_crypto_verify_retry_token2(
            &original, header.token, header.tokenlen, key.data(), key.size(), header.version,
            remote.data(), remote.size(), &header.dcid, retry_token_life, now);
        if (result == NGTCP2_CRYPTO_ERR_VERIFY_TOKEN) {
            send_refusal(header, datagram, NGTCP2_INVALID_TOKEN);
            return false;
        }
        if (result != 0) return true;
        first.original_dcid = original;
        first.retried = true;
        first.token_type = NGTCP2_TOKEN_TYPE_RETRY;
    } else if (header.token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_REGULAR &&
               ngtcp2_crypto_verify_regular_token(header.token, header.tokenlen, key.data(),
                                                  key.size(), remote.data(), remote.size(),
                                                  new_token_life, now) == 0) {
        first.token_type = NGTCP2_TOKEN_TYPE_NEW_TOKEN;
    } else {
        return true;
    }
    first.token = std::as_bytes(std::span{header.token, header.tokenlen});
    return true;
}

void quic_connection::submit_new_token(const ngtcp2_path& path) {
    std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_REGULAR_TOKENLEN> token;
    const auto& key = endpoint_.secrets_.token;
    const auto size =
        ngtcp2_crypto_generate_regular_token(token.data(), key.data(), key.size(), path.remote.addr,
                                             path.remote.addrlen, wall_clock_nanoseconds());
    if (size > 0)
        (void)ngtcp2_conn_submit_new_token(conn_, token.data(), static_cast<std::size_t>(size));
}

void quic_endpoint::answer(const stray_datagram& to, bytes data) {
    if (socket_->blocked()) return; // such answers are the first to go
    switch (socket_->send(to.remote, to.local, 0, data, data.size())) {
    case udp_socket::status::failed:
        ++counters_.send_failures;
        return;
    case udp_socket::status::blocked:
        wait_until_writable(socket_);
        break;
    case udp_socket::status::sent:
        break;
    }
    ++counters_.datagrams_sent;
    counters_.bytes_sent += data.size();
}

void quic_endpoint::send_version_negotiation(const ngtcp2_version_cid& ids,
                                             const stray_datagram& datagram) {
    std::array<std::uint8_t, NGTCP2_MAX_UDP_PAYLOAD_SIZE> packet;
    std::uint8_t unused = 0;
    if (RAND_bytes(&unused, 1) != 1) return;
    // A reserved version keeps clients from relying on the list (RFC 9000, 6.3).
    const std::array<std::uint32_t, 3> versions{0x0a0a0a0au | (unused & 0xf0u) << 24,
                                                NGTCP2_PROTO_VER_V1, NGTCP2_PROTO_VER_V2};
    const auto size = ngtcp2_pkt_write_version_negotiation(
        packet.data(), packet.size(), unused, ids.scid, ids.scidlen, ids.dcid, ids.dcidlen,
        versions.data(), versions.size());
    if (size <= 0) return;
    ++counters_.version_negotiations_sent;
    answer(datagram, std::as_bytes(std::span{packet}.first(static_cast<std::size_t>(size))));
}

void quic_endpoint::send_retry(const ngtcp2_pkt_hd& header, const stray_datagram& datagram) {
    ngtcp2_cid own;
    std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN> unused;
    if (!new_connection_id(own, unused.data())) return;
    std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2> token;
    const auto token_size = ngtcp2_crypto_generate_retry_token2(
        token.data(), secrets_.token.data(), secrets_.token.size(), header.version,
        datagram.remote.data(), datagram.remote.size(), &own, &header.dcid,
        wall_clock_nanoseconds());
    if (token_size < 0) return;
    std::array<std::uint8_t, NGTCP2_MAX_UDP_PAYLOAD_SIZE> packet;
    const auto size =
        ngtcp2_crypto_write_retry(packet.data(), packet.size(), header.version, &header.scid, &own,
                                  &header.dcid, token.data(), static_cast<std::size_t>(token_size));
    if (size <= 0) return;
    ++counters_.retries_sent;
    answer(datagram, std::as_bytes(std::span{packet}.first(static_cast<std::size_t>(size))));
}

void quic_endpoint::send_refusal(const ngtcp2_pkt_hd& header, const stray_datagram& datagram,
                                 std::uint64_t code) {
    ++counters_.connections_refused;
    std::array<std::uint8_t, NGTCP2_MAX_UDP_PAYLOAD_SIZE> packet;
    const auto size = ngtcp2_crypto_write_connection_close(
        packet.data(), packet.size(), header.version, &header.scid, &header.dcid, code, nullptr, 0);
    if (size > 0)
        answer(datagram, std::as_bytes(std::span{packet}.first(static_cast<std::size_t>(size))));
}

void quic_endpoint::send_stateless_reset(instant now, const ngtcp2_version_cid& ids,
                                         const stray_datagram& datagram) {
    const auto trigger = datagram.data.size();
    if (trigger < least_reset_trigger) return;
    if (now - resets_refilled_ >= seconds(1)) {
        resets_refilled_ = now;
        resets_left_ = config_.stateless_resets_per_second;
    }
    if (resets_left_ == 0) return;
    --resets_left_;
    ngtcp2_cid id;
    ngtcp2_cid_init(&id, ids.dcid, ids.dcidlen);
    ngtcp2_stateless_reset_token token;
    if (ngtcp2_crypto_generate_stateless_reset_token(token.data, secrets_.stateless_reset.data(),
                                                     secrets_.stateless_reset.size(), &id) != 0)
        return;
    // Shorter than its trigger, or two servers could answer each other for ever.
    const auto noise_size =
        std::min(trigger, full_reset_trigger) - NGTCP2_STATELESS_RESET_TOKENLEN - 1;
    std::array<std::uint8_t, full_reset_trigger> noise;
    if (RAND_bytes(noise.data(), static_cast<int>(noise.size())) != 1) return;
    std::array<std::uint8_t, 2 * full_reset_trigger> packet;
    const auto size = ngtcp2_pkt_write_stateless_reset2(packet.data(), packet.size(), &token,
                                                        noise.data(), noise_size);
    if (size <= 0) return;
    ++counters_.stateless_resets_sent;
    answer(datagram, std::as_bytes(std::span{packet}.first(static_cast<std::size_t>(size))));
}

} // namespace moqrtc::reference
