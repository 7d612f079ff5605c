// How a connection fills packets: datagrams first, then whatever stream its handler puts first.
#include "clock.hpp"
#include "quic_connection.hpp"
#include "quic_endpoint.hpp"

namespace moqrtc::reference {
namespace {

/// Segmented sends of one connection before others get their turn.
constexpr int sends_per_turn = 4;
/// Offers in a row that come to nothing (a handler that insists on blocked streams).
constexpr int fruitless_offers = 64;

ngtcp2_vec to_vector(bytes data) noexcept {
    return {const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(data.data())),
            data.size()};
}

} // namespace

const std::shared_ptr<udp_socket>&
quic_connection::socket_for(const ngtcp2_addr& local) const noexcept {
    if (server_) return endpoint_.socket_;
    if (previous_socket_ != nullptr && socket_address{local.addr, local.addrlen} == previous_local_)
        return previous_socket_;
    return socket_;
}

/// True when nothing is left to send for now, false when the turn is over.
bool quic_connection::write(instant now) {
    auto& buffer = endpoint_.send_buffer_;
    for (int i = 0; i < sends_per_turn; ++i) {
        ngtcp2_path_storage place;
        ngtcp2_path_storage_zero(&place);
        ngtcp2_pkt_info info{};
        std::size_t segment = 0;
        const auto size = ngtcp2_conn_write_aggregate_pkt(
            conn_, &place.path, &info, buffer.data(), buffer.size(), &segment,
            [](ngtcp2_conn*, ngtcp2_path* path, ngtcp2_pkt_info* packet, std::uint8_t* out,
               std::size_t room, ngtcp2_tstamp ts, void* self) {
                return static_cast<quic_connection*>(self)->write_packet(path, packet, out, room,
                                                                         ts);
            },
            nanoseconds(now));
        if (size < 0) {
            fail(static_cast<int>(size));
            return true;
        }
        if (size == 0) return true;
        const auto& path = place.path;
        const auto data = std::as_bytes(std::span{buffer.data(), static_cast<std::size_t>(size)});
        if (!endpoint_.send(*this, socket_for(path.local), {path.local.addr, path.local.addrlen},
                            {path.remote.addr, path.remote.addrlen}, info.ecn, data, segment))
            return true;
    }
    return false;
}

/// True when the packet is complete (or the stack refuses), with what to return.
bool quic_connection::write_datagrams(ngtcp2_path* path, ngtcp2_pkt_info* info, std::uint8_t* out,
                                      std::size_t size, ngtcp2_tstamp ts, ngtcp2_ssize& written) {
    auto& counters = endpoint_.counters_;
    while (!datagrams_.empty()) {
        auto& item = datagrams_.front();
        const bytes prefix{item.prefix.data(), item.prefix_size};
        // The path may have become narrower since it was queued.
        if (prefix.size() + item.payload.size() > datagram_capacity()) {
            datagrams_.pop_front();
            ++counters.datagram_frames_dropped;
            continue;
        }
        const std::array vectors{to_vector(prefix), to_vector(item.payload)};
        const std::size_t first = prefix.empty() ? 1 : 0;
        int accepted = 0;
        written = ngtcp2_conn_writev_datagram(
            conn_, path, info, out, size, &accepted,
            NGTCP2_WRITE_DATAGRAM_FLAG_MORE | NGTCP2_WRITE_DATAGRAM_FLAG_PADDING, 0,
            vectors.data() + first, vectors.size() - first, ts);
        if (accepted != 0) {
            datagrams_.pop_front();
            ++counters.datagram_frames_sent;
        }
        if (written != NGTCP2_ERR_WRITE_MORE) return true;
    }
    return false;
}

ngtcp2_ssize quic_connection::write_packet(ngtcp2_path* path, ngtcp2_pkt_info* info,
                                           std::uint8_t* out, std::size_t size, ngtcp2_tstamp ts) {
    const bool open = handshake_complete_ && handler_ != nullptr;
    ngtcp2_ssize written = 0;
    if (open && write_datagrams(path, info, out, size, ts, written)) return written;
    int fruitless = 0;
    for (;;) {
        pending_send next;
        std::array<ngtcp2_vec, pending_send::max_chunks> vectors;
        std::size_t total = 0;
        if (open && fruitless < fruitless_offers && handler_->next_send(now_, next)) {
            for (std::size_t i = 0; i < next.count; ++i) {
                vectors[i] = to_vector(next.chunks[i]);
                total += next.chunks[i].size();
            }
        } else {
            next = {};
        }
        // A packet that more could follow is padded, so that all but the last of a segmented send
        // have one size; the last one is as small as it is.
        std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;
        if (next.stream >= 0)
            flags = NGTCP2_WRITE_STREAM_FLAG_MORE | NGTCP2_WRITE_STREAM_FLAG_PADDING;
        if (next.fin) flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
        ngtcp2_ssize taken = -1;
        written = ngtcp2_conn_writev_stream(conn_, path, info, out, size, &taken, flags,
                                            next.stream, vectors.data(), next.count, ts);
        if (next.stream >= 0 && taken >= 0) {
            const auto count = static_cast<std::size_t>(taken);
            handler_->on_sent(now_, next.stream, count, next.fin && count == total);
            if (count == 0 && !next.fin) ++fruitless;
        }
        switch (written) {
        case NGTCP2_ERR_STREAM_DATA_BLOCKED:
        case NGTCP2_ERR_STREAM_SHUT_WR:
        case NGTCP2_ERR_STREAM_NOT_FOUND:
            ++fruitless;
            handler_->on_blocked(now_, next.stream);
            continue;
        case NGTCP2_ERR_WRITE_MORE:
            continue;
        default:
            return written;
        }
    }
}

} // namespace moqrtc::reference
