#include "moqt_connection.hpp"

namespace moqrtc::reference {

std::optional<quic_stream> moqt_connection::to_quic(moqt::stream_id id) const noexcept {
    if (!is_local(id)) return static_cast<quic_stream>(id);
    const auto n = quic_of_[direction(id)].find(id >> 2);
    if (n == none) return std::nullopt;
    return static_cast<quic_stream>(std::uint64_t{n} << 2 | (id & 3));
}

std::optional<moqt::stream_id> moqt_connection::to_session(quic_stream stream) const noexcept {
    const auto id = static_cast<std::uint64_t>(stream);
    if (!is_local(id)) return id;
    const auto n = session_of_[direction(id)].find(id >> 2);
    if (n == none) return std::nullopt;
    return std::uint64_t{n} << 2 | (id & 3);
}

std::optional<quic_stream> moqt_connection::open(moqt::stream_id id) {
    const auto stream = moqt::is_unidirectional(id) ? connection_->open_unidirectional()
                                                    : connection_->open_bidirectional();
    if (!stream) return std::nullopt;
    const auto n = static_cast<std::uint32_t>(static_cast<std::uint64_t>(*stream) >> 2);
    quic_of_[direction(id)].set(id >> 2, n);
    session_of_[direction(id)].set(n, static_cast<std::uint32_t>(id >> 2));
    return stream;
}

void moqt_connection::settle(instant now) {
    if (session_ == nullptr || settling_) return;
    settling_ = true;
    drain(now);
    take_operations();
    settling_ = false;
    connection_->wake();
}

void moqt_connection::push() {
    if (session_ == nullptr || settling_) return;
    take_operations();
    connection_->wake();
}

void moqt_connection::take_operations() {
    while (auto op = session_->poll_transmit()) {
        using kind = moqt::transport_op::kind;
        const auto stream = op->what == kind::reset || op->what == kind::stop_sending
                                ? to_quic(op->stream)
                                : std::nullopt;
        switch (op->what) {
        case kind::reset:
            if (stream) connection_->reset_stream(*stream, op->code);
            break;
        case kind::stop_sending:
            if (stream) connection_->stop_sending(*stream, op->code);
            break;
        case kind::datagram:
            connection_->send_datagram(std::move(op->data));
            break;
        case kind::close:
            connection_->close(op->code, as_text(op->data.view()));
            break;
        }
    }
}

void moqt_connection::on_handshake(instant now, std::string_view protocol) {
    const auto version = moqt::draft_of(protocol);
    if (!version || (session_ = open_session(now, *version)) == nullptr) {
        connection_->close(0x1, "no session for this protocol");
        return;
    }
    session_->handle_stream_credit(connection_->bidirectional_left(),
                                   connection_->unidirectional_left());
    settle(now);
}

std::size_t moqt_connection::on_stream_data(instant now, quic_stream stream, bytes data, bool fin) {
    const auto id = to_session(stream);
    if (session_ == nullptr || !id) return data.size();
    // The session stops only for its events; draining makes room for the rest.
    auto rest = data;
    do {
        rest = rest.subspan(session_->handle_stream(now, *id, rest, fin));
        drain(now);
    } while (!rest.empty() && !session_->closed());
    settle(now);
    return data.size();
}

void moqt_connection::on_stream_reset(instant now, quic_stream stream, std::uint64_t code) {
    const auto id = to_session(stream);
    if (session_ == nullptr || !id) return;
    session_->handle_reset(now, *id, code);
    settle(now);
}

void moqt_connection::on_stop_sending(instant now, quic_stream stream, std::uint64_t code) {
    const auto id = to_session(stream);
    if (session_ == nullptr || !id) return;
    session_->handle_stop_sending(now, *id, code);
    settle(now);
}

void moqt_connection::on_stream_closed(instant now, quic_stream stream) {
    const auto id = to_session(stream);
    if (session_ == nullptr || !id) return;
    session_->handle_acked(now, *id, 0, true);
    if (!is_local(*id)) return;
    quic_of_[direction(*id)].erase(*id >> 2);
    session_of_[direction(*id)].erase(static_cast<std::uint64_t>(stream) >> 2);
}

void moqt_connection::on_datagram(instant now, bytes data) {
    if (session_ == nullptr) return;
    session_->handle_datagram(now, data);
    settle(now);
}

void moqt_connection::on_acked(instant now, quic_stream stream, std::size_t count) {
    const auto id = to_session(stream);
    if (session_ != nullptr && id) session_->handle_acked(now, *id, count, false);
}

void moqt_connection::on_stream_credit(instant now, std::uint64_t bidirectional,
                                       std::uint64_t unidirectional) {
    if (session_ == nullptr) return;
    session_->handle_stream_credit(bidirectional, unidirectional);
    settle(now);
}

void moqt_connection::on_stream_writable(instant, quic_stream stream) {
    const auto id = to_session(stream);
    if (session_ != nullptr && id) session_->handle_writable(*id);
}

bool moqt_connection::next_send(instant now, pending_send& next) {
    if (session_ == nullptr) return false;
    // Offering may reset streams whose time has passed, and what was sent may have made room for
    // more: after draining there is a second look.
    for (int look = 0; look < 2; ++look) {
        if (offer(now, next)) return true;
        if (settling_ || session_ == nullptr) return false;
        settling_ = true;
        drain(now);
        take_operations();
        settling_ = false;
    }
    return false;
}

bool moqt_connection::offer(instant now, pending_send& next) {
    while (const auto offered = session_->poll_send(now)) {
        auto stream = to_quic(offered->stream);
        if (!stream) stream = open(offered->stream);
        if (!stream) {
            // The transport opens fewer streams than it said: nothing new until it says more.
            const auto bidirectional = connection_->bidirectional_left();
            const auto unidirectional = connection_->unidirectional_left();
            session_->handle_stream_credit(bidirectional, unidirectional);
            if (bidirectional != 0 && unidirectional != 0) return false;
            continue;
        }
        next.stream = *stream;
        next.count = offered->count;
        for (std::size_t i = 0; i < offered->count; ++i)
            next.chunks[i] = offered->chunks[i];
        next.fin = offered->fin;
        return true;
    }
    return false;
}

void moqt_connection::on_sent(instant now, quic_stream stream, std::size_t count, bool fin) {
    const auto id = to_session(stream);
    if (session_ != nullptr && id) session_->handle_sent(now, *id, count, fin);
}

void moqt_connection::on_blocked(instant, quic_stream stream) {
    const auto id = to_session(stream);
    if (session_ != nullptr && id) session_->handle_blocked(*id);
}

instant moqt_connection::next_timeout() {
    return session_ == nullptr ? never : session_->next_timeout();
}

void moqt_connection::on_timeout(instant now) {
    if (session_ == nullptr) return;
    session_->handle_timeout(now);
    settle(now);
}

void moqt_connection::on_closed(instant now, const close_info& info) {
    if (session_ != nullptr) {
        session_->handle_transport_closed(now, info.code, info.reason, info.by_peer);
        drain(now);
    }
    session_ = nullptr;
    ended(now, info);
}

} // namespace moqrtc::reference
