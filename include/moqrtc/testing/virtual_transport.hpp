#pragma once

#include <moqrtc/testing/link_config.hpp>
#include <moqrtc/testing/timeline.hpp>
#include <moqrtc/testing/virtual_end.hpp>
#include <moqrtc/testing/virtual_packet.hpp>
#include <moqrtc/testing/virtual_streams.hpp>

#include <array>
#include <utility>
#include <vector>

namespace moqrtc::testing {

/// A QUIC-like connection in memory and virtual time: it does with two sessions what a driver over
/// a real transport does, and suffers what a real network inflicts.
///
/// `Endpoint` has `session()`, `after_input(now)`, `next_timeout()` and `handle_timeout(now)` (see
/// `endpoint`). Streams are numbered on the wire in the order in which their first byte leaves,
/// which is not the order in which the session made them; bytes of a stream arrive in order, those
/// of different streams as they come. A lost packet is sent again from the session's own memory, so
/// a session that lets go of bytes before they are acknowledged is found out.
///
/// Borrows the timeline and both endpoints, which outlive it.
template <class Endpoint>
class virtual_transport {
public:
    virtual_transport(timeline<virtual_packet>& time, std::uint32_t number,
                      const link_config& config, Endpoint& client, Endpoint& server)
        : time_{&time},
          number_{number},
          config_{config},
          ends_{end_state{client, config.to_server, config.seed * 2},
                end_state{server, config.to_client, config.seed * 2 + 1}} {
        for (auto& end : ends_)
            end.credit = {config.bidirectional_streams, config.unidirectional_streams};
        if (config.dies_at != never) post(config.dies_at, {.what = kind::death});
    }

    /// Lets both sessions know which streams they may open; `pump` both after it.
    void start() {
        grant(0);
        grant(1);
    }
    [[nodiscard]] Endpoint& at(int side) noexcept { return *end_of(side).owner; }
    /// Whether `side` has closed the connection, was told of its end, or lost it.
    [[nodiscard]] bool closed(int side) const noexcept {
        return ends_[static_cast<std::size_t>(side)].closed;
    }
    [[nodiscard]] const link_statistics& statistics() const noexcept { return statistics_; }
    [[nodiscard]] std::size_t open_streams() const noexcept { return streams_.size(); }
    /// Changes what both paths do from now on.
    void set_paths(const path_config& path) noexcept {
        for (auto& end : ends_)
            end.path.configure(path);
    }

    /// Lets the application of `side` act, then moves what its session has to send.
    void pump(int side) {
        auto& end = end_of(side);
        for (bool more = true; more;) {
            end.owner->after_input(now());
            if (end.closed) break;
            more = deliver_waiting(side);
            while (auto op = end.session().poll_transmit()) {
                carry_out(side, *op);
                more = true;
            }
            if (!end.closed && send_streams(side)) more = true;
        }
        arm(side);
    }

    /// Something that was due on this link happens.
    void handle(virtual_packet packet) {
        const int side = packet.side;
        auto& end = end_of(side);
        if (packet.what == kind::death) return die();
        if (packet.what == kind::timeout) {
            if (now() < end.timer) return;
            end.timer = never;
            if (end.owner->next_timeout() <= now()) end.owner->handle_timeout(now());
            if (end.owner->next_timeout() > now()) return pump(side);
            return statistics_.note_violation("a timeout stays due after handle_timeout");
        }
        if (end.closed) return;
        if (packet.what == kind::close) {
            end.closed = true;
            end.session().handle_transport_closed(now(), packet.value,
                                                  as_text(bytes{packet.content}), true);
        } else if (packet.what == kind::datagram) {
            end.session().handle_datagram(now(), packet.content);
        } else if (packet.what == kind::stream_count) {
            end.credit[packet.stream != 0 ? 1 : 0] += packet.value;
            grant(side);
        } else if (packet.what == kind::room) {
            end.waits_for_room = false;
        } else {
            handle_stream_packet(packet);
        }
        pump(side);
    }

private:
    using kind = virtual_packet::kind;
    using end_state = virtual_end<Endpoint>;

    [[nodiscard]] instant now() const noexcept { return time_->now(); }
    [[nodiscard]] end_state& end_of(int side) noexcept {
        return ends_[static_cast<std::size_t>(side)];
    }
    void post(instant at, virtual_packet packet) {
        packet.link = number_;
        time_->add(at, std::move(packet));
    }
    void post_to(int side, instant at, virtual_packet packet) {
        packet.side = static_cast<std::uint8_t>(side);
        post(at, std::move(packet));
    }
    /// Sends a signal that the transport repeats until it arrives.
    void signal(int from, virtual_packet packet) {
        post_to(1 - from, now() + end_of(from).path.reliable_transit(), std::move(packet));
    }
    void grant(int side) {
        const auto& end = end_of(side);
        end.session().handle_stream_credit(end.credit[0], end.credit[1]);
    }
    void arm(int side) {
        auto& end = end_of(side);
        const auto at = end.owner->next_timeout();
        if (at >= end.timer) return;
        end.timer = at;
        post_to(side, at, {.what = kind::timeout});
    }
    void die() {
        for (int side : {0, 1}) {
            auto& end = end_of(side);
            if (!std::exchange(end.closed, true))
                end.session().handle_transport_closed(now(), 0, "connection lost", false);
            pump(side);
        }
    }

    // Streams -----------------------------------------------------------------------------------

    [[nodiscard]] virtual_stream* open(int side, moqt::stream_id local) {
        auto& credit = end_of(side).credit[moqt::is_unidirectional(local) ? 1 : 0];
        if ((moqt::opened_by_server(local) ? 1 : 0) != side || credit == 0) return nullptr;
        --credit;
        ++statistics_.streams_opened;
        return &streams_.open(side, local, config_.stream_window);
    }
    void release_if_through(virtual_stream& stream) {
        if (!stream.through()) return;
        signal(1 - stream.opener(),
               {.what = kind::stream_count, .stream = stream.wire & 2, .value = 1});
        streams_.release(stream);
    }

    // From the session to the wire ----------------------------------------------------------------

    void carry_out(int side, const moqt::transport_op& op) {
        using op_kind = moqt::transport_op::kind;
        if (op.what == op_kind::close) {
            end_of(side).closed = true;
            return signal(side,
                          {.what = kind::close, .value = op.code, .content = copy_of(op.data)});
        }
        if (op.what == op_kind::datagram) {
            auto& path = end_of(side).path;
            ++statistics_.datagrams;
            const auto departs = path.depart(now(), op.data.size());
            if (op.data.size() <= config_.largest_datagram && !path.loses())
                return post_to(1 - side, departs + path.transit(),
                               {.what = kind::datagram, .content = copy_of(op.data)});
            ++statistics_.datagrams_dropped;
            return;
        }
        auto* stream = streams_.find(side, op.stream);
        if (stream == nullptr) return; // it ended meanwhile
        if (op.what == op_kind::stop_sending) {
            if (!stream->carries_from(1 - side))
                return statistics_.note_violation("STOP_SENDING of our own stream");
            auto& half = stream->receiving[side];
            if (half.finished || half.stopped) return;
            half.stopped = true;
            return signal(side, {.what = kind::stop, .stream = stream->wire, .value = op.code});
        }
        if (!stream->carries_from(side))
            return statistics_.note_violation("RESET_STREAM of the peer's stream");
        auto& half = stream->sending[side];
        if (half.through()) return;
        end_of(side).path.take_in_flight(half.abandon());
        signal(side, {.what = kind::reset, .stream = stream->wire, .value = op.code});
        release_if_through(*stream);
    }
    [[nodiscard]] bool has_room(int side) {
        auto& end = end_of(side);
        if (end.path.window_full()) return false;
        if (end.path.free_at() <= now()) return true;
        if (!end.waits_for_room) post_to(side, end.path.free_at(), {.what = kind::room});
        end.waits_for_room = true;
        return false;
    }
    bool send_streams(int side) {
        auto& session = end_of(side).session();
        bool sent = false;
        while (has_room(side)) {
            const auto offer = session.poll_send(now());
            if (!offer) return sent;
            if (offer->size() == 0 && !offer->fin)
                statistics_.note_violation("poll_send offered nothing");
            auto* stream = streams_.find(side, offer->stream);
            if (stream == nullptr) stream = open(side, offer->stream);
            if (stream == nullptr || !stream->carries_from(side) ||
                stream->sending[side].fin_sent || stream->sending[side].reset) {
                statistics_.note_violation("poll_send offered a stream that cannot send");
                session.handle_blocked(offer->stream);
                continue;
            }
            send_packet(side, *stream, *offer);
            sent = true;
        }
        return sent;
    }
    void send_packet(int side, virtual_stream& stream, const moqt::stream_send& offer) {
        auto& session = end_of(side).session();
        auto& half = stream.sending[side];
        auto& path = end_of(side).path;
        auto count = std::min(half.limit - half.sent, path.packet_size());
        count = std::min(count, std::uint64_t{offer.size()});
        if (count == 0 && offer.size() != 0) {
            half.blocked = true;
            return session.handle_blocked(offer.stream);
        }
        const bool fin = count == offer.size() && offer.fin && (count == 0 || path.fin_with_data());
        auto packet = outgoing_bytes::of(offer, count, fin);
        const auto at = half.sent;
        half.sent += count;
        half.in_flight += count;
        half.fin_sent = fin;
        path.add_in_flight(count);
        statistics_.stream_bytes += count;
        session.handle_sent(now(), offer.stream, static_cast<std::size_t>(count), fin);
        maybe_abort(side, stream);
        transmit(side, stream, at, std::move(packet));
    }
    /// Ends a data stream for no reason but to see what the sessions make of it. The first streams
    /// are left alone: a control stream may be among them.
    void maybe_abort(int side, const virtual_stream& stream) {
        if (!moqt::is_unidirectional(stream.wire) || stream.wire < 4) return;
        auto& path = end_of(side).path;
        const bool abort = path.aborts();
        if (!abort && !path.stops()) return;
        ++statistics_.aborted;
        const auto code = path.some_code();
        signal(1 - side, {.what = kind::stop, .stream = stream.wire, .value = code});
        if (abort) signal(side, {.what = kind::reset, .stream = stream.wire, .value = code});
    }
    void transmit(int side, virtual_stream& stream, std::uint64_t at, outgoing_bytes packet) {
        ++statistics_.packets;
        auto& path = end_of(side).path;
        const auto departs = path.depart(now(), packet.size());
        if (path.loses()) {
            ++statistics_.lost;
            stream.sending[side].lost[at] = std::move(packet);
            return post_to(side, departs + path.notice(),
                           {.what = kind::send_again, .stream = stream.wire, .value = at});
        }
        post_to(1 - side, departs + path.transit(),
                {.what = kind::stream_data,
                 .fin = packet.fin,
                 .stream = stream.wire,
                 .value = at,
                 .content = packet.copy()});
    }

    // From the wire to the session ----------------------------------------------------------------

    void handle_stream_packet(virtual_packet& packet) {
        auto* stream = streams_.find_wire(packet.stream);
        if (stream == nullptr) return;
        const int side = packet.side;
        switch (packet.what) {
        case kind::stream_data:
            return receive(side, *stream, packet);
        case kind::acknowledgement:
            return acknowledge(side, *stream, packet);
        case kind::reset:
            return receive_reset(side, *stream, packet.value);
        case kind::stop:
            if (!stream->sending[side].through())
                end_of(side).session().handle_stop_sending(now(), stream->name_at(side),
                                                           packet.value);
            return;
        case kind::stream_window: {
            auto& half = stream->sending[side];
            half.limit = std::max(half.limit, packet.value);
            if (half.blocked && !half.through())
                end_of(side).session().handle_writable(stream->name_at(side));
            half.blocked = false;
            return;
        }
        default: {
            auto& lost = stream->sending[side].lost;
            if (const auto found = lost.find(packet.value); found != lost.end()) {
                auto again = std::move(found->second);
                lost.erase(found);
                transmit(side, *stream, packet.value, std::move(again));
            }
        }
        }
    }
    void receive(int side, virtual_stream& stream, virtual_packet& packet) {
        const auto size = packet.content.size();
        signal(side, {.what = kind::acknowledgement,
                      .fin = packet.fin,
                      .stream = stream.wire,
                      .value = packet.value,
                      .size = size});
        stream.receiving[side].store(packet.value, std::move(packet.content), packet.fin);
        deliver(side, stream);
    }
    void acknowledge(int side, virtual_stream& stream, const virtual_packet& packet) {
        auto& half = stream.sending[side];
        if (half.through()) return;
        end_of(side).path.take_in_flight(std::min(half.in_flight, packet.size));
        const auto count = half.note_arrival(packet.value, packet.size);
        if (packet.fin) half.fin_arrived = true;
        const bool fin = half.fin_arrived && half.acked_to == half.sent;
        half.fin_reported = fin;
        if (count != 0 || fin)
            end_of(side).session().handle_acked(now(), stream.name_at(side),
                                                static_cast<std::size_t>(count), fin);
        release_if_through(stream);
    }
    void receive_reset(int side, virtual_stream& stream, std::uint64_t code) {
        auto& half = stream.receiving[side];
        if (half.finished) return;
        half.finished = true;
        half.parts.clear();
        end_of(side).session().handle_reset(now(), stream.name_at(side), code);
        release_if_through(stream);
    }
    /// Gives the session what is in order; what it does not take waits for the next `pump`.
    bool deliver(int side, virtual_stream& stream) {
        auto& end = end_of(side);
        auto& half = stream.receiving[side];
        bool progress = false;
        const auto wire = stream.wire;
        while (!half.finished) {
            const auto next = half.front();
            const bool fin = half.delivered + next.size() == half.final_size;
            if (next.empty() && !fin) break;
            std::size_t taken = next.size();
            if (!half.stopped)
                taken = end.session().handle_stream(now(), stream.name_at(side), next, fin);
            if (taken > next.size())
                statistics_.note_violation("handle_stream took more than it was given");
            half.delivered += taken;
            progress = progress || taken != 0;
            if (taken < next.size()) {
                if (!half.waits) end.waiting.push_back(wire);
                half.waits = true;
                break;
            }
            half.finished = fin;
            progress = true;
        }
        const auto wanted = half.delivered + config_.stream_window;
        if (!half.finished && wanted - half.granted >= (config_.stream_window + 1) / 2) {
            half.granted = wanted;
            signal(side, {.what = kind::stream_window, .stream = wire, .value = wanted});
        }
        release_if_through(stream);
        return progress;
    }
    bool deliver_waiting(int side) {
        bool progress = false;
        auto again = std::exchange(end_of(side).waiting, {});
        for (const auto wire : again)
            if (auto* stream = streams_.find_wire(wire); stream != nullptr) {
                stream->receiving[side].waits = false;
                progress = deliver(side, *stream) || progress;
                if (end_of(side).closed) break;
            }
        return progress;
    }

    timeline<virtual_packet>* time_;
    std::uint32_t number_;
    link_config config_;
    std::array<end_state, 2> ends_;
    virtual_streams streams_;
    link_statistics statistics_{};
};

} // namespace moqrtc::testing
