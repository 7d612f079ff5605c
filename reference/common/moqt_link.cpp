#include "clock.hpp"
#include "moqt_link.hpp"

#include <utility>

namespace moqrtc::reference {

using direction = moqt::qlog_trace::direction;

std::optional<quic_stream> moqt_link::to_quic(moqt::stream_id id) const noexcept {
    if (!is_local(id)) return static_cast<quic_stream>(id);
    const auto n = quic_of_[direction(id)].find(id >> 2);
    if (n == none) return std::nullopt;
    return static_cast<quic_stream>(std::uint64_t{n} << 2 | (id & 3));
}

std::optional<moqt::stream_id> moqt_link::to_session(quic_stream stream) const noexcept {
    const auto id = static_cast<std::uint64_t>(stream);
    if (!is_local(id)) return id;
    const auto n = session_of_[direction(id)].find(id >> 2);
    if (n == none) return std::nullopt;
    return std::uint64_t{n} << 2 | (id & 3);
}

std::optional<quic_stream> moqt_link::open(moqt::stream_id id) {
    const auto stream = carrier_->open_stream(moqt::is_unidirectional(id));
    if (!stream) return std::nullopt;
    const auto n = static_cast<std::uint32_t>(static_cast<std::uint64_t>(*stream) >> 2);
    quic_of_[direction(id)].set(id >> 2, n);
    session_of_[direction(id)].set(n, static_cast<std::uint32_t>(id >> 2));
    return stream;
}

void moqt_link::settle(instant now) {
    if (session_ == nullptr || settling_) return;
    settling_ = true;
    drain(now);
    take_operations();
    settling_ = false;
    if (trace_) trace_->flush();
    transport().wake();
}

void moqt_link::push() {
    if (session_ == nullptr || settling_) return;
    take_operations();
    transport().wake();
}

void moqt_link::take_operations() {
    while (auto op = session_->poll_transmit()) {
        if (trace_) trace(*op);
        using kind = moqt::transport_op::kind;
        const auto stream = op->what == kind::reset || op->what == kind::stop_sending
                                ? to_quic(op->stream)
                                : std::nullopt;
        switch (op->what) {
        case kind::reset:
            if (stream) carrier_->reset_stream(*stream, op->code);
            break;
        case kind::stop_sending:
            if (stream) carrier_->stop_sending(*stream, op->code);
            break;
        case kind::datagram:
            carrier_->send_datagram(std::move(op->data));
            break;
        case kind::close:
            carrier_->close(op->code, as_text(op->data.view()));
            break;
        }
    }
}

bool moqt_link::begin(instant now, moqt::draft version) {
    session_ = open_session(now, version);
    if (session_ == nullptr) return false;
    if (const auto& directory = transport().qlog_directory(); !directory.empty())
        trace_ = session_trace::open(
            now, directory, transport().name(),
            transport().is_server() ? moqt::role::server : moqt::role::client, version);
    handle_stream_credit(now);
    return true;
}

/// What the session asks of its transport besides bytes of streams. Streams that the transport
/// never opened have no number that says anything.
void moqt_link::trace(const moqt::transport_op& op) {
    using kind = moqt::transport_op::kind;
    const auto now = steady_now();
    auto& events = trace_->events();
    const auto stream = static_cast<moqt::stream_id>(to_quic(op.stream).value_or(-1));
    switch (op.what) {
    case kind::reset:
        return events.handle_reset(now, direction::sent, stream, op.code);
    case kind::stop_sending:
        return events.handle_stop_sending(now, direction::sent, stream, op.code);
    case kind::datagram:
        return events.handle_datagram(now, direction::sent, op.data);
    case kind::close:
        return events.handle_closed(now, direction::sent, op.code, as_text(op.data));
    }
}

void moqt_link::handle_stream(instant now, quic_stream stream, bytes data, bool fin) {
    const auto id = to_session(stream);
    if (session_ == nullptr || !id) return;
    if (trace_)
        trace_->events().handle_stream(now, direction::received,
                                       static_cast<moqt::stream_id>(stream), data, fin);
    // The session stops only for its events; draining makes room for the rest.
    auto rest = data;
    do {
        rest = rest.subspan(session_->handle_stream(now, *id, rest, fin));
        drain(now);
    } while (!rest.empty() && !session_->closed());
    settle(now);
}

void moqt_link::handle_reset(instant now, quic_stream stream, std::uint64_t code) {
    const auto id = to_session(stream);
    if (session_ == nullptr || !id) return;
    if (trace_)
        trace_->events().handle_reset(now, direction::received,
                                      static_cast<moqt::stream_id>(stream), code);
    session_->handle_reset(now, *id, code);
    settle(now);
}

void moqt_link::handle_stop_sending(instant now, quic_stream stream, std::uint64_t code) {
    const auto id = to_session(stream);
    if (session_ == nullptr || !id) return;
    if (trace_)
        trace_->events().handle_stop_sending(now, direction::received,
                                             static_cast<moqt::stream_id>(stream), code);
    session_->handle_stop_sending(now, *id, code);
    settle(now);
}

void moqt_link::handle_stream_closed(instant now, quic_stream stream) {
    const auto id = to_session(stream);
    if (session_ == nullptr || !id) return;
    session_->handle_acked(now, *id, 0, true);
    if (!is_local(*id)) return;
    quic_of_[direction(*id)].erase(*id >> 2);
    session_of_[direction(*id)].erase(static_cast<std::uint64_t>(stream) >> 2);
}

void moqt_link::handle_datagram(instant now, bytes data) {
    if (session_ == nullptr) return;
    if (trace_) trace_->events().handle_datagram(now, direction::received, data);
    session_->handle_datagram(now, data);
    settle(now);
}

void moqt_link::handle_acked(instant now, quic_stream stream, std::size_t count) {
    const auto id = to_session(stream);
    if (session_ != nullptr && id) session_->handle_acked(now, *id, count, false);
}

void moqt_link::handle_stream_credit(instant now) {
    if (session_ == nullptr) return;
    session_->handle_stream_credit(carrier_->streams_left(false), carrier_->streams_left(true));
    settle(now);
}

void moqt_link::handle_writable(quic_stream stream) {
    const auto id = to_session(stream);
    if (session_ != nullptr && id) session_->handle_writable(*id);
}

bool moqt_link::next_send(instant now, pending_send& next) {
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

bool moqt_link::offer(instant now, pending_send& next) {
    while (const auto offered = session_->poll_send(now)) {
        auto stream = to_quic(offered->stream);
        if (!stream) stream = open(offered->stream);
        if (!stream) {
            // The transport opens fewer streams than it said: nothing new until it says more.
            const auto bidirectional = carrier_->streams_left(false);
            const auto unidirectional = carrier_->streams_left(true);
            session_->handle_stream_credit(bidirectional, unidirectional);
            if (bidirectional != 0 && unidirectional != 0) return false;
            continue;
        }
        next.stream = *stream;
        next.count = offered->count;
        for (std::size_t i = 0; i < offered->count; ++i)
            next.chunks[i] = offered->chunks[i];
        next.fin = offered->fin;
        if (trace_) trace_->offer(next);
        return true;
    }
    return false;
}

void moqt_link::handle_sent(instant now, quic_stream stream, std::size_t count, bool fin) {
    const auto id = to_session(stream);
    if (trace_) trace_->handle_sent(now, stream, count, fin);
    if (session_ != nullptr && id) session_->handle_sent(now, *id, count, fin);
}

void moqt_link::handle_blocked(quic_stream stream) {
    const auto id = to_session(stream);
    if (session_ != nullptr && id) session_->handle_blocked(*id);
}

instant moqt_link::next_timeout() const noexcept {
    return session_ == nullptr ? never : session_->next_timeout();
}

void moqt_link::handle_timeout(instant now) {
    if (session_ == nullptr) return;
    session_->handle_timeout(now);
    settle(now);
}

void moqt_link::carrier_closed(instant now, const close_info& info) {
    if (session_ != nullptr) {
        session_->handle_transport_closed(now, info.code, info.reason, info.by_peer);
        drain(now);
    }
    session_ = nullptr;
    if (trace_) {
        trace_->events().handle_closed(now, info.by_peer ? direction::received : direction::sent,
                                       info.code, info.reason);
        trace_->flush();
    }
    ended(now, info);
}

} // namespace moqrtc::reference
