#include "clock.hpp"
#include "webtransport_connection.hpp"

#include <moqrtc/webtransport/codes.hpp>

#include <algorithm>
#include <utility>

namespace moqrtc::reference {
namespace {

webtransport::stream_id number(quic_stream stream) noexcept {
    return static_cast<webtransport::stream_id>(stream);
}

quic_stream to_quic(webtransport::stream_id stream) noexcept {
    return static_cast<quic_stream>(stream);
}

/// The whole session ends: what closes it tells more, and may come after its streams.
bool is_farewell(std::uint64_t code) noexcept {
    return static_cast<webtransport::http_code>(code) == webtransport::http_code::wt_session_gone;
}

close_info of_session(const webtransport::event& event) {
    if (event.code == webtransport::http_code::h3_no_error)
        return {close_info::cause::application, event.by_peer, event.application_code,
                std::string{event.text()}};
    std::string text{webtransport::to_string(event.code)};
    if (!event.text().empty()) text += ": " + std::string{event.text()};
    return {close_info::cause::transport, event.by_peer, static_cast<std::uint64_t>(event.code),
            std::move(text)};
}

} // namespace

// A session's side ------------------------------------------------------------------------------

quic_connection& webtransport_session::connection() noexcept {
    return *owner_->connection_;
}

std::optional<quic_stream> webtransport_session::open_stream(bool unidirectional) {
    if (streams_left(unidirectional) == 0) return std::nullopt;
    auto& quic = connection();
    const auto stream = unidirectional ? quic.open_unidirectional() : quic.open_bidirectional();
    if (!stream) return std::nullopt;
    if (owner_->machine_->open_stream(steady_now(), id_, number(*stream))) return stream;
    // The session ended in between, and with it everything that it wanted to say.
    quic.reset_stream(*stream,
                      static_cast<std::uint64_t>(webtransport::http_code::wt_session_gone));
    if (!unidirectional)
        quic.stop_sending(*stream,
                          static_cast<std::uint64_t>(webtransport::http_code::wt_session_gone));
    return std::nullopt;
}

std::uint64_t webtransport_session::streams_left(bool unidirectional) const noexcept {
    if (!owner_->machine_ || id_ == webtransport::no_session) return 0;
    const auto& quic = *owner_->connection_;
    return std::min(unidirectional ? quic.unidirectional_left() : quic.bidirectional_left(),
                    owner_->machine_->stream_credit(id_, unidirectional));
}

void webtransport_session::reset_stream(quic_stream stream, std::uint64_t code) {
    connection().reset_stream(stream, webtransport::to_http_code(static_cast<std::uint32_t>(code)));
}

void webtransport_session::stop_sending(quic_stream stream, std::uint64_t code) {
    connection().stop_sending(stream, webtransport::to_http_code(static_cast<std::uint32_t>(code)));
}

void webtransport_session::send_datagram(slice payload) {
    if (!owner_->machine_) return;
    const auto prefix = owner_->machine_->datagram_prefix(id_);
    if (!prefix.empty()) connection().send_datagram(std::move(payload), prefix);
}

void webtransport_session::close(std::uint64_t code, std::string_view reason) {
    // Refused when the session is over already: then its link has been told, or is about to be.
    if (owner_->machine_)
        (void)owner_->machine_->close_session(steady_now(), id_, static_cast<std::uint32_t>(code),
                                              reason);
    connection().wake();
}

// The connection --------------------------------------------------------------------------------

webtransport_session& webtransport_connection::add_session(std::string path,
                                                           const moqt_link_maker& make) {
    sessions_.push_back(std::make_unique<webtransport_session>(*this, std::move(path), make));
    return *sessions_.back();
}

void webtransport_connection::end(instant now, webtransport_session& session,
                                  const close_info& info) {
    const auto found =
        std::ranges::find(sessions_, &session, &std::unique_ptr<webtransport_session>::get);
    const auto gone = std::move(*found);
    sessions_.erase(found);
    gone->link_->carrier_closed(now, info);
}

webtransport_session* webtransport_connection::find(webtransport::session_id id) noexcept {
    if (id == webtransport::no_session) return nullptr;
    for (const auto& one : sessions_)
        if (one->id_ == id) return one.get();
    return nullptr;
}

void webtransport_connection::on_handshake(instant now, std::string_view) {
    auto config = config_;
    config.datagrams = config.datagrams && connection_->datagram_capacity() != 0;
    machine_.emplace(now, config, *pool_);
    const auto control = connection_->open_unidirectional();
    if (!control) {
        connection_->close(
            static_cast<std::uint64_t>(webtransport::http_code::h3_stream_creation_error),
            "no stream for control");
        return;
    }
    machine_->start(now, number(*control));
    started(now);
    drain(now);
    connection_->wake();
}

void webtransport_connection::drain(instant now) {
    if (!machine_ || draining_) return;
    draining_ = true;
    do {
        while (const auto event = machine_->poll_event())
            take(now, *event);
    } while (take_operations());
    draining_ = false;
    // What was held comes in again, which may hold and resume more: the first call goes on.
    if (std::exchange(resuming_, true)) return;
    while (!resumed_.empty()) {
        const auto stream = resumed_.back();
        resumed_.pop_back();
        connection_->resume(stream);
    }
    resuming_ = false;
}

/// False when there was nothing to do.
bool webtransport_connection::take_operations() {
    using kind = webtransport::transport_op::kind;
    bool any = false;
    while (const auto op = machine_->poll_transmit()) {
        any = true;
        switch (op->what) {
        case kind::reset:
            connection_->reset_stream(to_quic(op->stream), op->code);
            break;
        case kind::stop_sending:
            connection_->stop_sending(to_quic(op->stream), op->code);
            break;
        case kind::resume:
            resumed_.push_back(to_quic(op->stream));
            break;
        case kind::close:
            connection_->close(op->code, as_text(op->data.view()));
            break;
        }
    }
    return any;
}

void webtransport_connection::take(instant now, const webtransport::event& event) {
    using kind = webtransport::event::kind;
    auto* const session = find(event.stream);
    switch (event.what) {
    case kind::session_closed:
        // Its streams are reset before its link lets go of their bytes.
        (void)take_operations();
        if (session != nullptr) session_over(now, *session, of_session(event));
        return;
    case kind::session_credit:
        if (session == nullptr) return;
        for (const auto stream : std::exchange(session->waiting_, {}))
            session->link_->handle_writable(stream);
        return session->link_->handle_stream_credit(now);
    case kind::datagram:
        if (session != nullptr) session->link_->handle_datagram(now, event.data);
        return;
    default:
        return handle(now, event);
    }
}

std::size_t webtransport_connection::on_stream_data(instant now, quic_stream stream, bytes data,
                                                    bool fin) {
    if (!machine_) return data.size();
    using owner = webtransport::stream_input::owner;
    std::size_t taken = 0;
    for (;;) {
        const auto input = machine_->handle_stream(now, number(stream), data.subspan(taken), fin);
        taken += input.consumed;
        if (input.whose == owner::held) {
            drain(now);
            return taken;
        }
        if (input.whose == owner::session) {
            // First what was told before these bytes came.
            drain(now);
            if (auto* session = find(input.session))
                session->link_->handle_stream(now, stream, data.subspan(taken), fin);
            drain(now);
            return data.size();
        }
        drain(now);
        if (taken == data.size() || machine_->closed()) return data.size();
    }
}

void webtransport_connection::on_stream_reset(instant now, quic_stream stream, std::uint64_t code) {
    if (!machine_) return;
    const auto signal = machine_->handle_reset(now, number(stream), code);
    if (auto* session = find(signal.session); session != nullptr && !is_farewell(code))
        session->link_->handle_reset(now, stream, signal.code.value_or(0));
    drain(now);
}

void webtransport_connection::on_stop_sending(instant now, quic_stream stream, std::uint64_t code) {
    if (!machine_) return;
    const auto signal = machine_->handle_stop_sending(now, number(stream), code);
    if (auto* session = find(signal.session); session != nullptr && !is_farewell(code))
        session->link_->handle_stop_sending(now, stream, signal.code.value_or(0));
    drain(now);
}

void webtransport_connection::on_stream_closed(instant now, quic_stream stream) {
    if (!machine_) return;
    if (auto* session = find(machine_->handle_closed(now, number(stream))))
        session->link_->handle_stream_closed(now, stream);
    drain(now);
}

void webtransport_connection::on_datagram(instant now, bytes data) {
    if (!machine_) return;
    const auto input = machine_->handle_datagram(now, data);
    if (auto* session = find(input.session)) session->link_->handle_datagram(now, input.payload);
    drain(now);
}

void webtransport_connection::on_acked(instant now, quic_stream stream, std::size_t count) {
    if (!machine_) return;
    const auto progress = machine_->handle_acked(now, number(stream), count);
    if (progress.count == 0) return;
    if (auto* session = find(progress.session))
        session->link_->handle_acked(now, stream, progress.count);
}

void webtransport_connection::on_stream_credit(instant now, std::uint64_t, std::uint64_t) {
    for (const auto& one : sessions_)
        one->link_->handle_stream_credit(now);
    drain(now);
}

void webtransport_connection::on_stream_writable(instant, quic_stream stream) {
    if (!machine_) return;
    if (auto* session = find(machine_->session_of(number(stream))))
        session->link_->handle_writable(stream);
    else
        machine_->handle_writable(number(stream));
}

bool webtransport_connection::next_send(instant now, pending_send& next) {
    if (!machine_) return false;
    drain(now);
    auto own = machine_->poll_send(now);
    if (own && own->bulk && !std::exchange(bulk_turn_, false)) {
        bulk_turn_ = true;
        if (offer_sessions(now, next)) return true;
        own = machine_->poll_send(now);
    }
    if (!own) return offer_sessions(now, next);
    next.stream = to_quic(own->stream);
    next.count = own->count;
    std::ranges::copy_n(own->chunks.begin(), static_cast<std::ptrdiff_t>(own->count),
                        next.chunks.begin());
    next.fin = own->fin;
    return true;
}

bool webtransport_connection::offer_sessions(instant now, pending_send& next) {
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        auto& session = *sessions_[(turn_ + i) % sessions_.size()];
        if (!offer(now, session, next)) continue;
        turn_ = (turn_ + i + 1) % sessions_.size();
        return true;
    }
    return false;
}

bool webtransport_connection::offer(instant now, webtransport_session& session,
                                    pending_send& next) {
    pending_send own;
    while (session.link_->next_send(now, own)) {
        webtransport::stream_send out;
        if (machine_->offer(number(own.stream), {own.chunks.data(), own.count}, own.fin, out)) {
            next.stream = own.stream;
            next.count = out.count;
            std::ranges::copy_n(out.chunks.begin(), static_cast<std::ptrdiff_t>(out.count),
                                next.chunks.begin());
            next.fin = out.fin;
            return true;
        }
        session.link_->handle_blocked(own.stream);
        session.waiting_.push_back(own.stream);
    }
    return false;
}

void webtransport_connection::on_sent(instant now, quic_stream stream, std::size_t count,
                                      bool fin) {
    if (!machine_) return;
    const auto progress = machine_->handle_sent(now, number(stream), count, fin);
    if (auto* session = find(progress.session))
        session->link_->handle_sent(now, stream, progress.count, fin);
}

void webtransport_connection::on_blocked(instant, quic_stream stream) {
    if (!machine_) return;
    if (auto* session = find(machine_->session_of(number(stream))))
        session->link_->handle_blocked(stream);
    else
        machine_->handle_blocked(number(stream));
}

instant webtransport_connection::next_timeout() {
    if (!machine_) return never;
    auto next = machine_->next_timeout();
    for (const auto& one : sessions_)
        next = std::min(next, one->link_->next_timeout());
    return next;
}

bool webtransport_connection::may_move() const {
    return sessions_.empty() ||
           std::ranges::any_of(sessions_, [](const auto& one) { return one->link_->may_move(); });
}

void webtransport_connection::on_path_changed(instant now, const socket_address&) {
    for (const auto& one : sessions_)
        one->link_->handle_moved(now);
}

void webtransport_connection::on_timeout(instant now) {
    if (!machine_) return;
    machine_->handle_timeout(now);
    for (const auto& one : sessions_)
        if (one->link_->next_timeout() <= now) one->link_->handle_timeout(now);
    drain(now);
}

close_info webtransport_connection::of_connection(close_info info) {
    if (info.why != close_info::cause::application) return info;
    const auto code = static_cast<webtransport::http_code>(info.code);
    if (code == webtransport::http_code::h3_no_error) {
        info.code = 0;
        return info;
    }
    std::string text{webtransport::to_string(code)};
    if (text.empty()) text = "HTTP/3 error " + std::to_string(info.code);
    info.reason = info.reason.empty() ? text : text + ": " + info.reason;
    info.why = close_info::cause::transport;
    return info;
}

void webtransport_connection::end_all(instant now, const close_info& info) {
    draining_ = true; // nothing that a link still wants can be done
    while (!sessions_.empty())
        end(now, *sessions_.back(), info);
}

} // namespace moqrtc::reference
